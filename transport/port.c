/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/port.h"

#include <errno.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/worker.h"
#include "transport/port_internal.h"

/* A number that is free for the first socket may be taken for the next one. */
#define PICK_ATTEMPTS 16

/* ---- datagrams ---- */

static void on_datagrams(struct udp_sock *s, const struct udp_datagram *batch, size_t n,
                         uint64_t now_us, void *arg)
{
    struct socket_pair *socket = arg;
    struct port *p = socket->port;
    bool is_any = addr_is_any(&socket->local);

    (void)s;
    for (size_t i = 0; i < n; i++) {
        struct packet *pkt = batch[i].pkt;
        struct path path = {
            .remote = batch[i].remote, .socket = socket->index, .protocol = PATH_UDP};

        if (is_any)
            path.local = batch[i].local;
        if (p->is_closed) /* by the handler of one before */
            packet_unref(&pkt);
        else
            p->handlers->on_packet(&path, pkt, now_us, p->arg);
    }
}

static const struct udp_handlers udp_handlers = {.on_datagrams = on_datagrams};

/* ---- opening ---- */

static void close_sockets(struct port *p)
{
    for (size_t i = 0; i < p->socket_count; i++) {
        udp_close(&p->socket[i].udp);
        tcp_listener_close(&p->socket[i].tcp);
    }
}

static int open_pair(struct socket_pair *s, const struct port_config *config)
{
    struct port *p = s->port;
    int err = 0;

    if (config->udp) {
        err = udp_open(&s->udp, p->worker, &s->local, p->pool, &udp_handlers, s);
        if (err == 0) {
            s->local = udp_local(s->udp);
            udp_set_gso(s->udp, config->gso);
        }
    }
    if (err == 0 && config->tcp) {
        err = tcp_listen(&s->tcp, p->worker, &s->local, port_tcp_on_accept, s);
        if (err == 0)
            s->local = tcp_listener_local(s->tcp);
    }
    return err;
}

/* All sockets with one number for those that leave it open; everything closed again on error. */
static int open_sockets(struct port *p, const struct port_config *config, struct addr *failed)
{
    uint16_t picked = 0;

    for (size_t i = 0; i < p->socket_count; i++) {
        struct socket_pair *s = &p->socket[i];
        bool is_any_port = config->listen[i].port == 0;

        *s = (struct socket_pair){.port = p, .index = (uint16_t)i, .local = config->listen[i]};
        if (is_any_port)
            s->local.port = picked;
        int err = open_pair(s, config);

        if (err != 0) {
            *failed = s->local;
            close_sockets(p);
            return err;
        }
        if (is_any_port)
            picked = s->local.port;
    }
    return 0;
}

static bool picks_number(const struct port_config *config)
{
    for (size_t i = 0; i < config->listen_count; i++)
        if (config->listen[i].port == 0)
            return true;
    return false;
}

static struct port *new_port(struct worker *w, struct packet_pool *pool, size_t sockets,
                             const struct port_handlers *handlers, void *arg)
{
    struct port *p = MEM_NEW(struct port);

    p->worker = w;
    p->pool = pool;
    p->handlers = handlers;
    p->arg = arg;
    p->socket = mem_alloc_array(sockets, sizeof(*p->socket));
    p->socket_count = sockets;
    p->conns = map_new(MAX_TCP_CONNS_PER_WORKER);
    list_init(&p->unbound);
    return p;
}

static void free_port(void *block)
{
    struct port *p = block;

    map_free(&p->conns);
    mem_free(p->socket);
    mem_free(p);
}

int port_open(struct port **out, struct worker *w, struct packet_pool *pool,
              const struct port_config *config, const struct port_handlers *handlers, void *arg,
              struct addr *failed)
{
    struct addr where = {0};
    int err = E_INVALID;

    if (config->listen_count == 0 || config->listen_count > MAX_PORT_SOCKETS ||
        (!config->udp && !config->tcp))
        return err;
    struct port *p = new_port(w, pool, config->listen_count, handlers, arg);
    int attempts = picks_number(config) ? PICK_ATTEMPTS : 1;

    for (int i = 0; i < attempts; i++) {
        err = open_sockets(p, config, &where);
        if (err != -EADDRINUSE) /* libuv's code is the same */
            break;
    }
    if (err != 0) {
        if (failed != NULL)
            *failed = where;
        worker_free_later(w, p, free_port); /* the sockets' handles may still look at it */
        return err;
    }
    *out = p;
    return 0;
}

void port_close(struct port **pp)
{
    struct port *p = *pp;

    if (p == NULL)
        return;
    *pp = NULL;
    p->is_closed = true;
    port_tcp_close_all(p);
    close_sockets(p);
    worker_free_later(p->worker, p, free_port);
}

size_t port_locals(const struct port *p, struct addr *out, size_t max)
{
    size_t count = MIN(max, p->socket_count);

    for (size_t i = 0; i < count; i++)
        out[i] = p->socket[i].local;
    return count;
}

/* ---- sending ---- */

/* How many messages from the start of @batch leave by the UDP socket of the first one. */
static size_t run_length(const struct egress_message *batch, size_t n)
{
    size_t run = 1;

    while (run < n && run < MAX_EGRESS_BATCH && batch[run].path.protocol == PATH_UDP &&
           batch[run].path.socket == batch[0].path.socket)
        run++;
    return run;
}

static void send_run(struct port *p, const struct egress_message *batch, size_t n)
{
    uint16_t socket = batch[0].path.socket;

    CHECK(socket < p->socket_count);
    for (size_t i = 0; i < n; i++)
        p->out[i] = (struct udp_out){.data = batch[i].data,
                                     .len = batch[i].len,
                                     .segment_bytes = batch[i].segment_bytes,
                                     .remote = batch[i].path.remote,
                                     .local = batch[i].path.local};
    udp_send(p->socket[socket].udp, p->out, n);
}

void port_send(struct port *p, const struct egress_message *batch, size_t n)
{
    while (n > 0) {
        size_t run = 1;

        if (batch[0].path.protocol == PATH_TCP) {
            port_tcp_send(p, &batch[0]);
        } else {
            run = run_length(batch, n);
            send_run(p, batch, run);
        }
        batch += run;
        n -= run;
    }
}

/* ---- statistics ---- */

void port_read_stats(const struct port *p, struct port_stats *out)
{
    struct port_stats sum = p->stats;

    for (size_t i = 0; i < p->socket_count; i++) {
        struct udp_stats udp;

        if (p->socket[i].udp == NULL)
            continue;
        udp_read_stats(p->socket[i].udp, &udp);
        sum.udp.recv_calls += udp.recv_calls;
        sum.udp.recv_datagrams += udp.recv_datagrams;
        sum.udp.recv_no_packet += udp.recv_no_packet;
        sum.udp.recv_too_long += udp.recv_too_long;
        sum.udp.send_calls += udp.send_calls;
        sum.udp.send_datagrams += udp.send_datagrams;
        sum.udp.send_queued += udp.send_queued;
        sum.udp.send_dropped_full += udp.send_dropped_full;
        sum.udp.gso_refused += udp.gso_refused;
        batch_counts_merge(&sum.udp.gso_batch, &udp.gso_batch);
        sum.udp.send_errors += udp.send_errors;
        batch_counts_merge(&sum.udp.recv_batch, &udp.recv_batch);
        batch_counts_merge(&sum.udp.send_batch, &udp.send_batch);
        sum.udp.rcvbuf_bytes += udp.rcvbuf_bytes;
        sum.udp.sndbuf_bytes += udp.sndbuf_bytes;
    }
    sum.tcp_live = map_count(p->conns);
    *out = sum;
}
