/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_send.c - sending: groups of messages by sendmmsg, runs of equal datagrams to one address as one message that the kernel
 * cuts (UDP_SEGMENT, "GSO"), and what to do when it has no room.
 *
 * A kernel or device that refuses runs is not asked again after a few refusals; the run that was refused leaves as single
 * datagrams. A path whose MTU is smaller than a segment refuses too, for itself only: hence more than one refusal in a row.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "core/check.h"
#include "core/udp_backlog.h"
#include "core/udp_internal.h"

#define SEND_GROUP 64      /* messages of one sendmmsg */
#define MAX_GSO_REFUSALS 8 /* in a row; then it is off */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

_Static_assert(UDP_MAX_RUN_BYTES <= 65507, "a run is one IP packet until the kernel cuts it");

struct control {
    _Alignas(struct cmsghdr)
        uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* One group on its way to sendmmsg. */
struct group {
    size_t n;
    const struct udp_out *out[SEND_GROUP];
    struct udp_out piece[SEND_GROUP]; /* of a run that leaves apart */
    struct mmsghdr msgs[SEND_GROUP];
    struct iovec iov[SEND_GROUP];
    struct sockaddr_storage to[SEND_GROUP];
    struct control control[SEND_GROUP];
};

static size_t datagrams_of(const struct udp_out *out)
{
    if (out->segment_bytes == 0 || out->len == 0)
        return 1;
    return (out->len + out->segment_bytes - 1) / out->segment_bytes;
}

/* ---- one message ---- */

static void put_control(struct msghdr *msg, struct control *control, int level, int type,
                        const void *data, size_t size)
{
    struct cmsghdr *c = (void *)(control->room + msg->msg_controllen);

    msg->msg_control = control->room;
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
    msg->msg_controllen += CMSG_SPACE(size);
}

static void put_local(struct msghdr *msg, struct control *control, const struct addr *local)
{
    struct in_pktinfo v4 = {0};
    struct in6_pktinfo v6 = {.ipi6_ifindex = local->scope};

    if (local->family == 4) {
        memcpy(&v4.ipi_spec_dst, local->ip, 4);
        put_control(msg, control, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
    } else {
        memcpy(&v6.ipi6_addr, local->ip, 16);
        put_control(msg, control, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
    }
}

static void add_message(const struct udp_sock *s, struct group *g, const struct udp_out *out)
{
    size_t i = g->n++;
    struct msghdr *msg = &g->msgs[i].msg_hdr;

    g->out[i] = out;
    g->iov[i].iov_base = (void *)(uintptr_t)out->data; /* sendmmsg only reads it */
    g->iov[i].iov_len = out->len;
    *msg = (struct msghdr){.msg_name = &g->to[i], .msg_iov = &g->iov[i], .msg_iovlen = 1};
    msg->msg_namelen = (socklen_t)addr_to_sockaddr(&out->remote, &g->to[i]);
    if (s->is_any && out->local.family != 0)
        put_local(msg, &g->control[i], &out->local);
    if (out->segment_bytes != 0 && out->len > out->segment_bytes)
        put_control(msg, &g->control[i], IPPROTO_UDP, UDP_SEGMENT, &out->segment_bytes,
                    sizeof(out->segment_bytes));
}

static void count_sent(struct udp_sock *s, const struct udp_out *out)
{
    size_t n = datagrams_of(out);

    s->stats.send_datagrams += n;
    if (n > 1) {
        batch_counts_add(&s->stats.gso_batch, n);
        s->gso_refusals = 0;
    }
}

/* ---- no room ---- */

/* Keep it for later, or drop and count. */
static void queue(struct udp_sock *s, const struct udp_out *out)
{
    size_t n = datagrams_of(out);

    if (s->backlog == NULL)
        s->backlog = udp_backlog_new();
    if (s->backlog == NULL || !udp_backlog_push(s->backlog, out)) {
        s->stats.send_dropped_full += n;
        return;
    }
    s->stats.send_queued += n;
    udp_watch_writable(s, true);
}

static bool has_backlog(const struct udp_sock *s)
{
    return s->backlog != NULL && udp_backlog_first(s->backlog) != NULL;
}

/* ---- a refused run ---- */

static bool is_gso_refusal(int error)
{
    /* EIO: no checksum offload; EINVAL and EMSGSIZE: too many or too long for the path, or not known at all. */
    return error == EIO || error == EINVAL || error == EMSGSIZE || error == ENOPROTOOPT ||
           error == EOPNOTSUPP;
}

static void send_group(struct udp_sock *s, struct group *g);

/* The datagrams of a run one by one, in the group; full groups leave. */
static void add_apart(struct udp_sock *s, struct group *g, const struct udp_out *run)
{
    for (size_t at = 0; at < run->len; at += run->segment_bytes) {
        struct udp_out *one = &g->piece[g->n];
        *one = *run;
        one->segment_bytes = 0;
        one->data = run->data + at;
        one->len = MIN(run->segment_bytes, run->len - at);
        if (has_backlog(s)) { /* in order: behind what waits */
            queue(s, one);
            continue;
        }
        add_message(s, g, one);
        if (g->n == SEND_GROUP)
            send_group(s, g);
    }
}

static void send_apart(struct udp_sock *s, const struct udp_out *run)
{
    struct group g;

    g.n = 0;
    add_apart(s, &g, run);
    send_group(s, &g);
}

static void note_gso_refusal(struct udp_sock *s, int error)
{
    s->stats.gso_refused++;
    s->gso_refusals++;
    if (error == EIO || error == ENOPROTOOPT || s->gso_refusals >= MAX_GSO_REFUSALS)
        s->has_gso = false;
}

/* The kernel did not take the first message of a group, and not for want of room. */
static void handle_refusal(struct udp_sock *s, const struct udp_out *out, int error)
{
    if (datagrams_of(out) > 1 && is_gso_refusal(error)) {
        note_gso_refusal(s, error);
        send_apart(s, out);
    } else {
        s->stats.send_errors += datagrams_of(out);
    }
}

/* ---- groups ---- */

static bool is_full(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/* Send the group, which is empty then; what the kernel has no room for is queued. */
static void send_group(struct udp_sock *s, struct group *g)
{
    size_t done = 0;

    while (done < g->n) {
        int sent = sendmmsg(s->fd, g->msgs + done, (unsigned)(g->n - done), 0);
        s->stats.send_calls++;
        if (sent > 0) {
            batch_counts_add(&s->stats.send_batch, (size_t)sent);
            for (int i = 0; i < sent; i++)
                count_sent(s, g->out[done++]);
        } else if (is_full(errno)) {
            break;
        } else if (errno != EINTR) { /* about the first one of the rest only */
            handle_refusal(s, g->out[done++], errno);
        }
    }
    while (done < g->n)
        queue(s, g->out[done++]);
    g->n = 0;
}

void udp_send(struct udp_sock *s, const struct udp_out *batch, size_t n)
{
    struct group g;

    g.n = 0;
    for (size_t i = 0; i < n; i++) {
        if (has_backlog(s)) { /* in order: behind what waits */
            queue(s, &batch[i]);
        } else if (!s->has_gso && datagrams_of(&batch[i]) > 1) {
            add_apart(s, &g, &batch[i]);
        } else {
            add_message(s, &g, &batch[i]);
        }
        if (g.n == SEND_GROUP || i + 1 == n)
            send_group(s, &g);
    }
}

void udp_send_backlog(struct udp_sock *s)
{
    const struct udp_out *first;

    while (s->backlog != NULL && (first = udp_backlog_first(s->backlog)) != NULL) {
        struct group g;
        g.n = 0;
        add_message(s, &g, first);
        int sent = sendmmsg(s->fd, g.msgs, 1, 0);
        s->stats.send_calls++;
        if (sent > 0) {
            batch_counts_add(&s->stats.send_batch, 1);
            count_sent(s, first);
        } else if (is_full(errno)) {
            return;
        } else if (errno == EINTR) {
            continue;
        } else { /* a run that is refused now would have to be queued apart, out of order: rare enough to lose */
            s->stats.send_errors += datagrams_of(first);
        }
        udp_backlog_pull(s->backlog);
    }
    udp_watch_writable(s, false);
}

bool udp_has_gso(const struct udp_sock *s)
{
    return s->has_gso;
}

void udp_set_gso(struct udp_sock *s, bool on)
{
    s->has_gso = on;
    s->gso_refusals = 0;
}
