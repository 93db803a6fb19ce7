/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.h - a datagram socket that reads in batches into pool packets (recvmmsg) and sends in batches (sendmmsg).
 *
 * On the wildcard address it tells and sets the local address of each datagram (IP_PKTINFO, IPV6_PKTINFO), so that a reply
 * leaves from the address that was asked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/stats.h"

struct packet;
struct packet_pool;
struct udp_sock;
struct worker;

/* One received datagram; ownership of the packet goes to the handler. */
struct udp_datagram {
    struct packet *pkt; /* arrival_us set */
    struct addr remote, local;
};

struct udp_handlers {
    /* A batch, at most MAX_RECV_BATCH. The handler owns every packet. It may close the socket. */
    void (*on_datagrams)(struct udp_sock *s, const struct udp_datagram *batch, size_t n,
                         uint64_t now_us, void *arg);
};

struct udp_out {
    const uint8_t *data;
    size_t len;
    struct addr remote, local; /* local: family 0 = let the kernel choose */
};

struct udp_stats {
    uint64_t recv_calls, recv_datagrams, recv_no_packet, recv_too_long;
    uint64_t send_calls, send_datagrams, send_dropped_full, send_errors;
    struct batch_counts recv_batch, send_batch; /* datagrams a recvmmsg, a sendmmsg */
    uint32_t rcvbuf_bytes,
        sndbuf_bytes; /* as granted, in the kernel's count (twice what is for data) */
};

/** Open on @local (port 0: any; then udp_local() tells). Errors: UV_E*. */
MUST_CHECK int udp_open(struct udp_sock **out, struct worker *w, const struct addr *local,
                        struct packet_pool *pool, const struct udp_handlers *handlers, void *arg);
struct addr udp_local(const struct udp_sock *s);
/** Send a batch now. What the kernel refuses (full buffer, unreachable) is dropped and counted, never retried. */
void udp_send(struct udp_sock *s, const struct udp_out *batch, size_t n);
void udp_read_stats(const struct udp_sock *s, struct udp_stats *out);
/** Close now; packets handed over stay their owners'. Safe inside on_datagrams. NULL is fine. */
void udp_close(struct udp_sock **s);
