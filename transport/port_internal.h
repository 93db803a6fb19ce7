/* SPDX-License-Identifier: Apache-2.0 */
/* port_internal.h - what port.c (sockets, datagrams, sending) and port_tcp.c (connections, framing) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/tcp.h"
#include "core/udp.h"
#include "transport/port.h"

struct map;

struct socket_pair {
    struct port *port;
    uint16_t index;
    struct addr local;
    struct udp_sock *udp;     /* NULL without media.udp */
    struct tcp_listener *tcp; /* NULL without media.tcp */
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

/* The listener's on_accept; @arg is its socket_pair. */
void port_tcp_on_accept(struct tcp_listener *l, struct tcp_conn *tcp, void *arg);
/* Send one frame; dropped when the connection is gone or full. */
void port_tcp_send(struct port *p, const struct egress_message *d);
/* Close all connections and tell nobody. */
void port_tcp_close_all(struct port *p);
