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
#include "core/limits.h"
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

/* One datagram; or, with segment_bytes, a run of them: each of that length, the last one as long or shorter. */
struct udp_out {
    const uint8_t *data;
    size_t len;
    uint16_t segment_bytes;    /* 0: one datagram */
    struct addr remote, local; /* local: family 0 = let the kernel choose */
};

/* What one run may hold: the kernel takes 64 segments, and no more than an IP packet may have. */
#define UDP_MAX_RUN_SEGMENTS 32
#define UDP_MAX_RUN_BYTES (UDP_MAX_RUN_SEGMENTS * (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES))

/* Asked of the kernel, each way: a keyframe to 1000 viewers is 50 MB; a stall of 50 ms at 1 Gbit/s is 6 MB. */
#define UDP_SOCKET_BUFFER_BYTES (8 * 1024 * 1024)

struct udp_stats {
    uint64_t recv_calls, recv_datagrams, recv_no_packet, recv_too_long;
    uint64_t send_calls, send_datagrams, send_errors;
    uint64_t send_queued;       /* datagrams that waited for room in the kernel's buffer */
    uint64_t send_dropped_full; /* those for which the queue had no room either */
    uint64_t gso_refused;       /* runs that left as single datagrams after all */
    struct batch_counts recv_batch, send_batch; /* datagrams a recvmmsg, messages a sendmmsg */
    struct batch_counts gso_batch;              /* datagrams of a message that the kernel cut */
    uint32_t rcvbuf_bytes,
        sndbuf_bytes; /* as granted, in the kernel's count (twice what is for data) */
};

/** Open on @local (port 0: any; then udp_local() tells). Errors: UV_E*. */
MUST_CHECK int udp_open(struct udp_sock **out, struct worker *w, const struct addr *local,
                        struct packet_pool *pool, const struct udp_handlers *handlers, void *arg);
struct addr udp_local(const struct udp_sock *s);
/** Send a batch now. For what the kernel has no room there is a queue of MAX_UDP_BACKLOG_BYTES; past it, and when it refuses
 * (unreachable), datagrams are dropped and counted. */
void udp_send(struct udp_sock *s, const struct udp_out *batch, size_t n);
/** Whether runs are handed to the kernel whole (UDP_SEGMENT); until it refuses. Without, they leave as single datagrams. */
void udp_set_gso(struct udp_sock *s, bool on);
bool udp_has_gso(const struct udp_sock *s);
void udp_read_stats(const struct udp_sock *s, struct udp_stats *out);
/** Close now; packets handed over stay their owners'. Safe inside on_datagrams. NULL is fine. */
void udp_close(struct udp_sock **s);
