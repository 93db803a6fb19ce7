/* SPDX-License-Identifier: Apache-2.0 */
/* udp_internal.h - what udp.c (life, receiving) and udp_send.c (sending) share. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/udp.h"

struct udp_backlog;

/* Room for one PKTINFO of either family. */
struct udp_pktinfo {
    _Alignas(struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct udp_slot {
    struct packet *pkt; /* NULL: reads into the scrap buffer */
    struct sockaddr_in6 from;
    struct udp_pktinfo control;
};

struct udp_sock {
    void *uv; /* uv_poll_t, owned by libuv from uv_close() on; its data is the socket, then NULL */
    int fd;
    struct worker *worker;
    struct packet_pool *pool;
    const struct udp_handlers *handlers;
    void *arg;
    struct addr local;
    bool is_any, is_closed;
    struct udp_stats stats;

    /* udp_send.c */
    bool has_gso;
    unsigned gso_refusals;       /* in a row */
    struct udp_backlog *backlog; /* NULL until the kernel's buffer was full for the first time */

    /* udp.c */
    size_t n_used;   /* slots that the last read has used, and that have to be prepared again */
    bool is_starved; /* the pool had no packet for some slot */
    struct udp_slot slots[MAX_RECV_BATCH];
    struct iovec iov[MAX_RECV_BATCH];
    struct mmsghdr msgs[MAX_RECV_BATCH];
    struct udp_datagram batch[MAX_RECV_BATCH];
    uint8_t scrap[MAX_DATAGRAM_BYTES];
};

/** Have udp_send_backlog() called when the kernel has room again, or not any more. */
void udp_watch_writable(struct udp_sock *s, bool watch);
/** Send what waits. */
void udp_send_backlog(struct udp_sock *s);
