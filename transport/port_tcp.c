/* SPDX-License-Identifier: Apache-2.0 */
/* port_tcp.c - the TCP connections of a port: RFC 4571 frames in and out, the bound on strangers, the end. */
#include "transport/port_internal.h"

#include <string.h>

#include "core/deadline.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/wire.h"
#include "core/worker.h"

#define FRAME_HEADER_BYTES 2 /* RFC 4571 s2: LENGTH, without itself */
#define DROP_POLL_US 20000ull
#define DROP_LIMIT_US 1000000ull /* what a dropped connection gets to send its last words */

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

/* ---- life ---- */

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

/* ---- frames ---- */

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

/* ---- accepting ---- */

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
void port_tcp_on_accept(struct tcp_listener *l, struct tcp_conn *tcp, void *arg)
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

/* ---- sending ---- */

void port_tcp_send(struct port *p, const struct egress_message *d)
{
    struct conn *c = find_conn(p, &d->path);
    uint8_t header[FRAME_HEADER_BYTES];

    if (c == NULL || c->is_dropped)
        return;
    wire_put_u16(header, (uint16_t)d->len);
    int err = tcp_send(c->tcp, header, sizeof(header), d->data, d->len);

    if (err == E_LIMIT ||
        err == E_NO_MEMORY) /* any other one is the connection's end: on_closed() */
        p->stats.tcp_dropped_full++;
}

/* ---- what the owner says ---- */

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

static int remove_each(void *value, void *arg)
{
    (void)arg;
    remove_conn(value);
    return 0;
}

void port_tcp_close_all(struct port *p)
{
    (void)map_each(p->conns, remove_each, NULL);
}
