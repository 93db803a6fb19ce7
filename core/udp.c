/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp.c - the datagram socket. libuv only tells us that it is readable: its own uv_udp_t can neither read into our packets
 * nor tell the local address.
 *
 * Every slot of the receive batch keeps a packet ready; what a read did not use stays for the next one. A slot that the pool
 * has no packet for reads into a scrap buffer, so that the kernel's queue moves on and the loss is ours to count.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "core/check.h"
#include "core/core_internal.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/udp_backlog.h"
#include "core/udp_internal.h"
#include "core/worker.h"

/* --- receiving -------------------------------------------------------------------------------- */

static void prepare_slot(struct udp_sock *s, size_t i)
{
    struct udp_slot *slot = &s->slots[i];

    if (slot->pkt == NULL)
        slot->pkt = packet_new(s->pool);
    if (slot->pkt == NULL)
        s->is_starved = true;
    s->iov[i].iov_base = slot->pkt != NULL ? slot->pkt->data : s->scrap;
    s->iov[i].iov_len = MAX_DATAGRAM_BYTES;
    s->msgs[i].msg_hdr = (struct msghdr){
        .msg_name = &slot->from,
        .msg_namelen = sizeof(slot->from),
        .msg_iov = &s->iov[i],
        .msg_iovlen = 1,
        .msg_control = s->is_any ? &slot->control : NULL,
        .msg_controllen = s->is_any ? sizeof(slot->control) : 0,
    };
}

/* Read what is there, at most a batch; returns how many slots were filled. */
static size_t read_batch(struct udp_sock *s)
{
    size_t n = s->is_starved ? MAX_RECV_BATCH : s->n_used;
    int got;

    s->is_starved = false;
    for (size_t i = 0; i < n; i++)
        prepare_slot(s, i);
    do
        got = recvmmsg(s->fd, s->msgs, MAX_RECV_BATCH, 0, NULL);
    while (got < 0 && errno == EINTR);
    s->n_used = got > 0 ? (size_t)got : 0;
    return s->n_used;
}

/* The address the datagram was sent to. */
static struct addr local_of(const struct udp_sock *s, struct msghdr *msg)
{
    struct addr local = s->local;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(local.ip, &info.ipi_spec_dst, sizeof(info.ipi_spec_dst));
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof(info));
            memcpy(local.ip, &info.ipi6_addr, sizeof(info.ipi6_addr));
            local.scope = addr_is_link_local(&local) ? info.ipi6_ifindex : 0;
        }
    }
    return local;
}

/* Move what was read into the batch; returns how many datagrams there are. */
static size_t collect(struct udp_sock *s, size_t n_read, uint64_t now_us)
{
    size_t n = 0;

    for (size_t i = 0; i < n_read; i++) {
        struct udp_slot *slot = &s->slots[i];
        struct msghdr *msg = &s->msgs[i].msg_hdr;
        if ((msg->msg_flags & MSG_TRUNC) != 0) {
            s->stats.recv_too_long++; /* the slot keeps its packet */
            continue;
        }
        if (slot->pkt == NULL) {
            s->stats.recv_no_packet++;
            continue;
        }
        slot->pkt->len = (uint16_t)s->msgs[i].msg_len;
        slot->pkt->arrival_us = now_us;
        s->batch[n++] = (struct udp_datagram){
            .pkt = slot->pkt,
            .remote = addr_of_sockaddr((const void *)&slot->from),
            .local = local_of(s, msg),
        };
        slot->pkt = NULL;
    }
    return n;
}

/* Read one batch and hand it over. Returns whether there may be more. */
static bool receive_batch(struct udp_sock *s)
{
    size_t n_read = read_batch(s);
    uint64_t now_us;
    size_t n;

    if (n_read == 0)
        return false;
    now_us = worker_refresh_now_us(s->worker);
    n = collect(s, n_read, now_us);
    s->stats.recv_calls++;
    batch_counts_add(&s->stats.recv_batch, n_read);
    s->stats.recv_datagrams += n;
    if (n > 0)
        s->handlers->on_datagrams(s, s->batch, n, now_us, s->arg); /* may close s */
    return !s->is_closed && n_read == MAX_RECV_BATCH;
}

static void on_ready(uv_poll_t *uv, int status, int events)
{
    struct udp_sock *s = uv->data;

    if (s == NULL)
        return;
    if (status < 0) { /* libuv has stopped polling: take the pending error away and go on */
        int pending;
        socklen_t size = sizeof(pending);
        (void)getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &pending, &size);
        CHECK(uv_poll_start(uv, UV_READABLE | UV_WRITABLE, on_ready) == 0);
    }
    if ((events & UV_WRITABLE) != 0 || status < 0)
        udp_send_backlog(s); /* stops watching when nothing waits */
    if ((events & UV_READABLE) == 0 && status == 0)
        return;
    for (int i = 0; i < MAX_RECV_BATCHES_PER_TURN; i++)
        if (!receive_batch(s))
            return;
}

void udp_watch_writable(struct udp_sock *s, bool watch)
{
    CHECK(uv_poll_start(s->uv, UV_READABLE | (watch ? UV_WRITABLE : 0), on_ready) == 0);
}

/* --- life ------------------------------------------------------------------------------------- */

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* Ask for a buffer, past the system's limit where we may; returns what was granted, as the kernel counts it. */
static uint32_t ask_buffer(int fd, int force_name, int name)
{
    int granted = 0;
    socklen_t size = sizeof(granted);

    if (set_option(fd, SOL_SOCKET, force_name, UDP_SOCKET_BUFFER_BYTES) != 0)
        (void)set_option(fd, SOL_SOCKET, name, UDP_SOCKET_BUFFER_BYTES);
    (void)getsockopt(fd, SOL_SOCKET, name, &granted, &size);
    return (uint32_t)granted;
}

/* No SO_REUSEADDR: a second process on the port has to be told UV_EADDRINUSE. */
static int set_options(int fd, const struct addr *local)
{
    int err;

    if (local->family == 4) {
        /* DF off: media is sized for any path, and where one is narrower after all, fragments arrive while a "fragmentation
         * needed" may not come back. The kernel still splits what is longer than a path MTU it knows. On IPv6 its default
         * does the same. */
        err = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
        if (err == 0 && addr_is_any(local))
            err = set_option(fd, IPPROTO_IP, IP_PKTINFO, 1);
        return err;
    }
    err = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (err == 0 && addr_is_any(local))
        err = set_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    return err;
}

/* Make and bind the socket; returns the descriptor or an error. */
static int open_bound(const struct addr *local, struct addr *bound)
{
    int family = local->family == 4 ? AF_INET : AF_INET6;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage sa = {0};
    socklen_t len;
    int err;

    if (fd < 0)
        return -errno;
    err = set_options(fd, local);
    if (err != 0)
        goto out;
    len = (socklen_t)addr_to_sockaddr(local, &sa);
    if (bind(fd, (const struct sockaddr *)&sa, len) != 0) {
        err = -errno;
        goto out;
    }
    len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) {
        err = -errno;
        goto out;
    }
    *bound = addr_of_sockaddr((const struct sockaddr *)&sa);
    return fd;
out:
    (void)close(fd);
    return err;
}

static void on_uv_closed(uv_handle_t *uv)
{
    mem_free(uv);
}

int udp_open(struct udp_sock **out, struct worker *w, const struct addr *local,
             struct packet_pool *pool, const struct udp_handlers *handlers, void *arg)
{
    struct addr bound;
    struct udp_sock *s;
    int fd, err;

    fd = open_bound(local, &bound);
    if (fd < 0)
        return fd;
    s = MEM_NEW(struct udp_sock);
    s->uv = MEM_NEW(uv_poll_t);
    err = uv_poll_init(worker_uv_loop(w), s->uv, fd);
    if (err != 0) {
        mem_free(s->uv);
        mem_free(s);
        (void)close(fd);
        return err;
    }
    ((uv_poll_t *)s->uv)->data = s;
    s->fd = fd;
    s->worker = w;
    s->pool = pool;
    s->handlers = handlers;
    s->arg = arg;
    s->local = bound;
    s->n_used = MAX_RECV_BATCH;
    s->is_any = addr_is_any(&bound);
    s->has_gso = true;
    s->stats.rcvbuf_bytes = ask_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    s->stats.sndbuf_bytes = ask_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    udp_watch_writable(s, false);
    *out = s;
    return 0;
}

struct addr udp_local(const struct udp_sock *s)
{
    return s->local;
}

void udp_read_stats(const struct udp_sock *s, struct udp_stats *out)
{
    *out = s->stats;
}

void udp_close(struct udp_sock **sp)
{
    struct udp_sock *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    s->is_closed = true;
    ((uv_poll_t *)s->uv)->data = NULL;
    uv_close(s->uv, on_uv_closed); /* stops polling at once, so the descriptor may go */
    (void)close(s->fd);
    for (size_t i = 0; i < MAX_RECV_BATCH; i++)
        packet_unref(&s->slots[i].pkt);
    udp_backlog_free(&s->backlog);
    worker_free_later(s->worker, s, mem_free);
}
