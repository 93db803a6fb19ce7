/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recv_batch.h - one recvmmsg scratch that all sockets of the generator share: core/udp.h keeps a batch of packets a socket,
 * which thousands of sockets cannot afford.
 *
 * Arrival is the kernel's receive timestamp where the socket has them on, so that what waits for the generator is not taken for
 * delay of the server.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct addr;
struct recv_batch;

struct datagram {
    uint8_t *data; /* writable, with PACKET_TAILROOM_BYTES behind it; valid until the next read */
    size_t len;
    size_t missing;      /* further bytes that it had and that were not read (RECV_HEADS) */
    uint64_t arrival_us; /* monotonic */
};

/* How much of a datagram is read. Its payload lies in the cache of the core that sent it, and fetching it costs more than all the rest
 * of counting it. */
enum recv_extent {
    RECV_ALL,
    RECV_HEADS, /* RECV_HEAD_BYTES: RTP headers, and the whole of STUN and RTCP. Not with GRO, where it is the same as RECV_ALL */
};

#define RECV_HEAD_BYTES 256

#define RECV_BATCH_DATAGRAMS 64

struct recv_socket_config {
    bool gro;        /* UDP_GRO */
    bool timestamps; /* SO_TIMESTAMPNS */
};

/** Make the scratch. @gro: also for sockets with UDP_GRO, which need 64 KB a read. */
MUST_CHECK struct recv_batch *recv_batch_new(bool gro);
void recv_batch_free(struct recv_batch **b);

/** Open a non-blocking socket on loopback, any port, connected to @remote. Returns the descriptor, or -errno. */
MUST_CHECK int recv_socket_open(const struct addr *remote, const struct recv_socket_config *config);
/** Datagrams that the kernel dropped at this socket because its buffer was full. */
uint64_t recv_socket_drops(int fd);

/** Read what is there, at most RECV_BATCH_DATAGRAMS (with GRO: segments of so many reads). Returns how many; *out is valid until the
 * next call. *is_drained: nothing was left. */
size_t recv_batch_read(struct recv_batch *b, int fd, enum recv_extent extent, uint64_t now_us,
                       struct datagram **out, bool *is_drained);
