/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - the sockets of one worker: a UDP port and the TCP port of the same number, on each listening address.
 *
 * Makes packets with paths of what arrives (TCP: RFC 4571 framing), and sends egress batches. A TCP connection that shows no
 * authenticated check within TCP_UNBOUND_TIMEOUT_US is closed; their number is bounded. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/udp.h"
#include "transport/egress.h"
#include "transport/path.h"

#define MAX_PORT_SOCKETS 32 /* listening addresses */

struct packet;
struct packet_pool;
struct port;
struct worker;

struct port_handlers {
    /* One datagram or frame; the handler owns @pkt. */
    void (*on_packet)(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg);
    /* A TCP connection ended; its path is dead. */
    void (*on_path_closed)(const struct path *path, uint64_t now_us, void *arg);
};

struct port_config {
    const struct addr *
        listen; /* each opened for UDP and TCP as allowed below; port 0: any (one number for all) */
    size_t listen_count;
    bool udp, tcp;
    bool gso; /* runs of datagrams leave with one system call (udp_set_gso) */
};

struct port_stats {
    struct udp_stats udp; /* summed over sockets */
    uint64_t tcp_accepted, tcp_unbound_timeouts, tcp_bad_frames, tcp_no_packet, tcp_dropped_full;
    uint64_t
        tcp_refused; /* no room; past MAX_TCP_UNBOUND_CONNS the oldest unbound one is closed instead of the new one */
    uint64_t tcp_live;
};

/**
 * Open all sockets.
 *
 * Owner:  @pool and @handlers are borrowed and outlive the port.
 * Errors: UV_E* with the address that failed in *failed (may be NULL), E_INVALID for an empty or too long list; nothing
 *         stays open.
 */
MUST_CHECK int port_open(struct port **out, struct worker *w, struct packet_pool *pool,
                         const struct port_config *config, const struct port_handlers *handlers,
                         void *arg, struct addr *failed);
/** Close everything; no handler is called any more. */
void port_close(struct port **p);
/** The addresses really bound (same order as listen). */
size_t port_locals(const struct port *p, struct addr *out, size_t max);
/** Send a batch: for the on_flush of an egress. Calls no handler. */
void port_send(struct port *p, const struct egress_message *batch, size_t n);
/** An authenticated check came over this path: a TCP connection may stay. */
void port_keep_path(struct port *p, const struct path *path);
/** The path is not used any more: a TCP connection is closed (after what it has unsent, up to a second). on_path_closed is not
 * called for it. */
void port_drop_path(struct port *p, const struct path *path);
void port_read_stats(const struct port *p, struct port_stats *out);
