/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/port.h"

#include <errno.h>
#include <string.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/tcp.h"
#include "core/wire.h"
#include "core/worker.h"

#define FRAME_HEADER_BYTES 2 /* RFC 4571 s2: LENGTH, without itself */
#define PICK_ATTEMPTS \
    16 /* a number that is free for the first socket may be taken for the next one */
#define DROP_POLL_US 20000ull
#define DROP_LIMIT_US 1000000ull /* what a dropped connection gets to send its last words */

struct socket_pair {
    struct port *port;
    uint16_t index;
    struct addr local;
    struct udp_sock *udp;     /* NULL without media.udp */
    struct tcp_listener *tcp; /* NULL without media.tcp */
};

struct conn {
    struct port *port;
    struct tcp_conn *tcp; /* NULL once closed */
    struct path path;
    struct list node;         /* in port->unbound until an authenticated check came */
    struct deadline deadline; /* unbound: the end; dropped: the next look at what is unsent */
    bool is_dropped;
    uint64_t dropped_us;
    /* the frame that is being read */
    uint8_t header[FRAME_HEADER_BYTES];
    size_t header_bytes, frame_bytes, body_bytes;
    struct packet *pkt; /* NULL while the body is skipped: the pool was empty */
};

struct port {
    struct worker *worker;
    struct packet_pool *pool;
    const struct port_handlers *handlers;
    void *arg;
    bool is_closed;
    struct socket_pair *socket;
    size_t socket_count;
    struct map *conns;   /* by conn_id */
    struct list unbound; /* oldest first */
    size_t unbound_count;
    uint32_t last_conn_id;
    struct port_stats stats; /* without udp and tcp_live */
    struct udp_out out[MAX_EGRESS_BATCH];
};

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

/* ---- connections ---- */

static struct conn *find_conn(const struct port *p, const struct path *path)
{
    return path->protocol == PATH_TCP ? map_get_u64(p->conns, path->conn_id) : NULL;
}

static void leave_unbound(struct conn *c)
{
    if (list_is_empty(&c->node))
        return;
    list_remove(&c->node);
    c->port->unbound_count--;
    deadline_clear(&c->deadline);
}

/* Take it out of everything; the memory stays until the turn ends, for whoever is reading from it. */
static void remove_conn(struct conn *c)
{
    struct port *p = c->port;

    leave_unbound(c);
    deadline_clear(&c->deadline);
    (void)map_remove_u64(p->conns, c->path.conn_id);
    packet_unref(&c->pkt);
    tcp_close(&c->tcp);
    worker_free_later(p->worker, c, mem_free);
}

/* End it for a reason that its transport does not know. */
static void end_conn(struct conn *c, uint64_t now_us)
{
    struct port *p = c->port;

    remove_conn(c);
    if (!c->is_dropped)
        p->handlers->on_path_closed(&c->path, now_us, p->arg);
}

static void on_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct conn *c = arg;

    if (!c->is_dropped) {
        c->port->stats.tcp_unbound_timeouts++;
        end_conn(c, now_us);
    } else if (tcp_unsent(c->tcp) == 0 || now_us - c->dropped_us >= DROP_LIMIT_US) {
        remove_conn(c);
    } else {
        deadline_set(worker_wheel(c->port->worker), d, now_us + DROP_POLL_US);
    }
}

static void deliver_frame(struct conn *c, uint64_t now_us)
{
    struct port *p = c->port;
    struct packet *pkt = c->pkt;

    c->header_bytes = 0;
    c->pkt = NULL;
    if (pkt == NULL)
        return;
    pkt->len = (uint16_t)c->frame_bytes;
    pkt->arrival_us = now_us;
    p->handlers->on_packet(&c->path, pkt, now_us,
                           p->arg); /* may close this connection or the port */
}

/* The header is complete. Returns false when the stream makes no sense. */
static bool begin_frame(struct conn *c)
{
    struct port *p = c->port;

    c->frame_bytes = wire_get_u16(c->header);
    c->body_bytes = 0;
    if (c->frame_bytes > MAX_TCP_FRAME_BYTES) {
        p->stats.tcp_bad_frames++;
        return false;
    }
    if (c->frame_bytes == 0) { /* allowed, and says nothing */
        c->header_bytes = 0;
        return true;
    }
    c->pkt = packet_new(p->pool);
    if (c->pkt == NULL)
        p->stats.tcp_no_packet++;
    return true;
}

/* Take some of the stream; returns how much. */
static size_t take_bytes(struct conn *c, const uint8_t *buf, size_t len, uint64_t now_us)
{
    bool is_header = c->header_bytes < FRAME_HEADER_BYTES;
    size_t n =
        MIN(len, is_header ? FRAME_HEADER_BYTES - c->header_bytes : c->frame_bytes - c->body_bytes);

    if (is_header) {
        memcpy(c->header + c->header_bytes, buf, n);
        c->header_bytes += n;
        if (c->header_bytes == FRAME_HEADER_BYTES && !begin_frame(c))
            end_conn(c, now_us);
        return n;
    }
    if (c->pkt != NULL)
        memcpy(c->pkt->data + c->body_bytes, buf, n);
    c->body_bytes += n;
    if (c->body_bytes == c->frame_bytes)
        deliver_frame(c, now_us);
    return n;
}

static void on_bytes(struct tcp_conn *tcp, const uint8_t *buf, size_t len, uint64_t now_us,
                     void *arg)
{
    struct conn *c = arg;

    (void)tcp;
    while (len > 0 && c->tcp != NULL && !c->is_dropped) {
        size_t n = take_bytes(c, buf, len, now_us);

        buf += n;
        len -= n;
    }
}

static void on_closed(struct tcp_conn *tcp, int err, void *arg)
{
    struct conn *c = arg;

    (void)tcp;
    (void)err;
    c->tcp = NULL; /* it closes by itself */
    end_conn(c, worker_now_us(c->port->worker));
}

static const struct tcp_handlers tcp_handlers = {.on_bytes = on_bytes, .on_closed = on_closed};

static uint32_t next_conn_id(struct port *p)
{
    do
        p->last_conn_id++;
    while (p->last_conn_id == 0 || map_get_u64(p->conns, p->last_conn_id) != NULL);
    return p->last_conn_id;
}

static int add_conn(struct socket_pair *socket, struct tcp_conn *tcp)
{
    struct port *p = socket->port;
    struct conn *c = mem_try_alloc(sizeof(*c));

    if (c == NULL)
        return E_NO_MEMORY;
    c->port = p;
    c->tcp = tcp;
    c->path = (struct path){.remote = tcp_remote(tcp),
                            .conn_id = next_conn_id(p),
                            .socket = socket->index,
                            .protocol = PATH_TCP};
    int err = map_put_u64(p->conns, c->path.conn_id, c);

    if (err != 0) {
        mem_free(c);
        return err;
    }
    deadline_init(&c->deadline, on_due, c);
    deadline_set(worker_wheel(p->worker), &c->deadline,
                 worker_now_us(p->worker) + TCP_UNBOUND_TIMEOUT_US);
    list_append(&p->unbound, &c->node);
    p->unbound_count++;
    tcp_take(tcp, &tcp_handlers, c);
    return 0;
}

/* Past the bound the oldest unbound connection makes room: who floods us would need them all renewed within the time in
 * which an honest endpoint sends its first check. */
static void on_accept(struct tcp_listener *l, struct tcp_conn *tcp, void *arg)
{
    struct socket_pair *socket = arg;
    struct port *p = socket->port;

    (void)l;
    if (tcp_remote(tcp).family == 0 || add_conn(socket, tcp) != 0) { /* gone again, or no room */
        p->stats.tcp_refused++;
        tcp_close(&tcp);
        return;
    }
    p->stats.tcp_accepted++;
    if (p->unbound_count > MAX_TCP_UNBOUND_CONNS) {
        p->stats.tcp_refused++;
        end_conn(LIST_FIRST(&p->unbound, struct conn, node), worker_now_us(p->worker));
    }
}

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
        if (err == 0)
            s->local = udp_local(s->udp);
    }
    if (err == 0 && config->tcp) {
        err = tcp_listen(&s->tcp, p->worker, &s->local, on_accept, s);
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

static int remove_each(void *value, void *arg)
{
    (void)arg;
    remove_conn(value);
    return 0;
}

void port_close(struct port **pp)
{
    struct port *p = *pp;

    if (p == NULL)
        return;
    *pp = NULL;
    p->is_closed = true;
    (void)map_each(p->conns, remove_each, NULL);
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

static void send_frame(struct port *p, const struct egress_datagram *d)
{
    struct conn *c = find_conn(p, &d->path);
    uint8_t header[FRAME_HEADER_BYTES];

    if (c == NULL || c->is_dropped)
        return;
    wire_put_u16(header, (uint16_t)d->len);
    if (tcp_send(c->tcp, header, sizeof(header), d->data, d->len) == E_LIMIT)
        p->stats
            .tcp_dropped_full++; /* any other error ends the connection, which is told to on_closed() */
}

/* How many datagrams from the start of @batch leave by the UDP socket of the first one. */
static size_t run_length(const struct egress_datagram *batch, size_t n)
{
    size_t run = 1;

    while (run < n && run < MAX_EGRESS_BATCH && batch[run].path.protocol == PATH_UDP &&
           batch[run].path.socket == batch[0].path.socket)
        run++;
    return run;
}

static void send_run(struct port *p, const struct egress_datagram *batch, size_t n)
{
    uint16_t socket = batch[0].path.socket;

    CHECK(socket < p->socket_count);
    for (size_t i = 0; i < n; i++)
        p->out[i] = (struct udp_out){.data = batch[i].data,
                                     .len = batch[i].len,
                                     .remote = batch[i].path.remote,
                                     .local = batch[i].path.local};
    udp_send(p->socket[socket].udp, p->out, n);
}

void port_send(struct port *p, const struct egress_datagram *batch, size_t n)
{
    while (n > 0) {
        size_t run = 1;

        if (batch[0].path.protocol == PATH_TCP) {
            send_frame(p, &batch[0]);
        } else {
            run = run_length(batch, n);
            send_run(p, batch, run);
        }
        batch += run;
        n -= run;
    }
}

/* ---- what the transports say of paths ---- */

void port_keep_path(struct port *p, const struct path *path)
{
    struct conn *c = find_conn(p, path);

    if (c != NULL)
        leave_unbound(c);
}

void port_drop_path(struct port *p, const struct path *path)
{
    struct conn *c = find_conn(p, path);
    uint64_t now_us = worker_now_us(p->worker);

    if (c == NULL || c->is_dropped)
        return;
    if (tcp_unsent(c->tcp) == 0) {
        remove_conn(c);
        return;
    }
    leave_unbound(c);
    c->is_dropped = true;
    c->dropped_us = now_us;
    deadline_set(worker_wheel(p->worker), &c->deadline, now_us + DROP_POLL_US);
}

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
        sum.udp.send_dropped_full += udp.send_dropped_full;
        sum.udp.send_errors += udp.send_errors;
        sum.udp.rcvbuf_bytes += udp.rcvbuf_bytes;
        sum.udp.sndbuf_bytes += udp.sndbuf_bytes;
    }
    sum.tcp_live = map_count(p->conns);
    *out = sum;
}
