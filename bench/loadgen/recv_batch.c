/* SPDX-License-Identifier: Apache-2.0 */
/* recv_batch.c - see recv_batch.h. */
#include "bench/loadgen/recv_batch.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/timebase.h"

#define GRO_READS 8
#define GRO_READ_BYTES 65536
#define MAX_GRO_SEGMENTS 64 /* of one read; the kernel's own bound */
#define ROOM_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES)
#define SOCKET_BUFFER_BYTES (1024 * 1024) /* a keyframe and a stall of 100 ms of the generator */

struct control {
    _Alignas(
        struct cmsghdr) uint8_t room[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(int))];
};

struct recv_batch {
    size_t reads, read_bytes;
    struct mmsghdr head[RECV_BATCH_DATAGRAMS];
    struct iovec iov[RECV_BATCH_DATAGRAMS];
    struct control control[RECV_BATCH_DATAGRAMS];
    struct datagram out[GRO_READS * MAX_GRO_SEGMENTS];
    uint8_t *room; /* reads times read_bytes */
    uint8_t *cut;  /* with GRO: segments moved apart, so that each has its tailroom */
};

struct recv_batch *recv_batch_new(bool gro)
{
    struct recv_batch *b = MEM_NEW(struct recv_batch);

    b->reads = gro ? GRO_READS : RECV_BATCH_DATAGRAMS;
    b->read_bytes = gro ? GRO_READ_BYTES : ROOM_BYTES;
    b->room = mem_alloc_array(b->reads, b->read_bytes);
    if (gro)
        b->cut = mem_alloc_array(ARRAY_LEN(b->out), ROOM_BYTES);
    for (size_t i = 0; i < b->reads; i++) {
        b->iov[i] = (struct iovec){.iov_base = b->room + i * b->read_bytes,
                                   .iov_len = gro ? GRO_READ_BYTES : MAX_DATAGRAM_BYTES};
        b->head[i].msg_hdr = (struct msghdr){.msg_iov = &b->iov[i], .msg_iovlen = 1};
    }
    return b;
}

void recv_batch_free(struct recv_batch **bp)
{
    struct recv_batch *b = *bp;

    if (b == NULL)
        return;
    *bp = NULL;
    mem_free(b->room);
    mem_free(b->cut);
    mem_free(b);
}

/* ---- sockets ---- */

static void set_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

int recv_socket_open(const struct addr *remote, const struct recv_socket_config *config)
{
    struct sockaddr_storage to;
    socklen_t to_len = (socklen_t)addr_to_sockaddr(remote, &to);
    int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    set_option(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    if (config->timestamps)
        set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (config->gro)
        set_option(fd, SOL_UDP, UDP_GRO, 1);
    if (connect(fd, (struct sockaddr *)&to, to_len) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

uint64_t recv_socket_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(info);

    return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 ? info[SK_MEMINFO_DROPS] : 0;
}

/* ---- reading ---- */

struct notes {
    uint64_t arrival_us;
    size_t segment_bytes; /* 0: one datagram */
};

/* The kernel stamps with the wall clock; both clocks are read now, so a step of it does no harm but while a packet waits. */
static uint64_t monotonic_of(const struct timespec *ts, uint64_t now_us)
{
    uint64_t then_us = (uint64_t)ts->tv_sec * US_PER_S + (uint64_t)ts->tv_nsec / 1000;
    uint64_t wall_us = timebase_wall_us(), mono_us = timebase_now_us();

    return wall_us >= then_us && wall_us - then_us < US_PER_S ? mono_us - (wall_us - then_us)
                                                              : now_us;
}

static struct notes read_control(struct msghdr *h, uint64_t now_us)
{
    struct notes n = {.arrival_us = now_us};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec ts;
            memcpy(&ts, CMSG_DATA(c), sizeof(ts));
            n.arrival_us = monotonic_of(&ts, now_us);
        } else if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int bytes;
            memcpy(&bytes, CMSG_DATA(c), sizeof(bytes));
            n.segment_bytes = bytes > 0 ? (size_t)bytes : 0;
        }
    }
    return n;
}

/* Cut one GRO read into its segments. */
static size_t take_segments(struct recv_batch *b, size_t at, const uint8_t *data, size_t len,
                            const struct notes *n)
{
    size_t step = n->segment_bytes > 0 ? n->segment_bytes : len;

    while (len > 0 && at < ARRAY_LEN(b->out)) {
        size_t bytes = MIN(MIN(step, len), (size_t)MAX_DATAGRAM_BYTES);
        uint8_t *to = b->cut + at * ROOM_BYTES;
        memcpy(to, data, bytes);
        b->out[at++] = (struct datagram){.data = to, .len = bytes, .arrival_us = n->arrival_us};
        bytes = MIN(step, len);
        data += bytes;
        len -= bytes;
    }
    return at;
}

size_t recv_batch_read(struct recv_batch *b, int fd, enum recv_extent extent, uint64_t now_us,
                       struct datagram **out, bool *is_drained)
{
    size_t total = 0, room = b->cut != NULL ? GRO_READ_BYTES : MAX_DATAGRAM_BYTES;
    int n;

    if (extent == RECV_HEADS && b->cut == NULL)
        room = RECV_HEAD_BYTES;
    for (size_t i = 0; i < b->reads; i++) {
        b->iov[i].iov_len = room;
        b->head[i].msg_hdr.msg_control = b->control[i].room;
        b->head[i].msg_hdr.msg_controllen = sizeof(b->control[i].room);
    }
    n = recvmmsg(fd, b->head, (unsigned)b->reads, MSG_DONTWAIT | MSG_TRUNC, NULL);
    *out = b->out;
    *is_drained = n < (int)b->reads;
    for (int i = 0; i < n; i++) {
        struct notes notes = read_control(&b->head[i].msg_hdr, now_us);
        uint8_t *data = b->iov[i].iov_base;
        size_t len = MIN((size_t)b->head[i].msg_len, room);
        if (b->cut != NULL)
            total = take_segments(b, total, data, len, &notes);
        else
            b->out[total++] = (struct datagram){.data = data,
                                                .len = len,
                                                .missing = b->head[i].msg_len - len,
                                                .arrival_us = notes.arrival_us};
    }
    return total;
}
