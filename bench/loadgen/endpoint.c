/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.c - see endpoint.h. */
#include "bench/loadgen/endpoint.h"

#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/loadgen/answer.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "transport/ice_client.h"
#include "transport/rtpsec.h"

#define FIRST_CHECKS_US 50000ull     /* until the first answer */
#define CONSENT_CHECKS_US 4000000ull /* RFC 7675 s5.1: about every 5 s */
#define DTLS_LINGER_US 2000000ull    /* our last flight may have to be repeated */
#define REPLY_BYTES 1024
#define SEND_BATCH 64

struct endpoint {
    struct generator *generator;
    const struct endpoint_handlers *handlers;
    void *arg;
    struct loop_source source;
    struct addr server;
    struct ice_client *ice;
    struct dtls *dtls; /* NULL a while after it is open */
    struct rtpsec *rtpsec;
    enum srtp_profile profile;
    bool has_answer, is_closed;
    enum recv_extent extent;
    struct deadline check, dtls_timer;
    uint64_t send_drops;
};

static void send_datagram(struct endpoint *e, const uint8_t *buf, size_t len)
{
    if (send(e->source.fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        e->send_drops++;
}

static void set_deadline(struct endpoint *e, struct deadline *d, uint64_t at_us)
{
    deadline_set(loop_wheel(e->generator->loop), d, at_us);
}

/* ---- DTLS ---- */

static void arm_dtls(struct endpoint *e, uint64_t now_us)
{
    uint64_t wait_us = e->is_closed || e->dtls == NULL ? UINT64_MAX : dtls_wait_us(e->dtls);

    if (e->rtpsec != NULL && e->dtls != NULL)
        return; /* the timer is the linger's */
    if (wait_us == UINT64_MAX)
        deadline_clear(&e->dtls_timer);
    else
        set_deadline(e, &e->dtls_timer, now_us + wait_us);
}

static void on_dtls_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    if (e->rtpsec != NULL) {
        dtls_free(&e->dtls);
        return;
    }
    dtls_tick(e->dtls);
    arm_dtls(e, now_us);
}

static void on_dtls_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    send_datagram(arg, buf, len);
}

static void on_dtls_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    (void)err;
    if (e->is_closed)
        return;
    e->is_closed = true;
    if (e->handlers->on_closed != NULL)
        e->handlers->on_closed(e, reason, e->arg);
}

static void on_dtls_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct endpoint *e = arg;
    uint64_t now_us = timebase_now_us(); /* the turn may have begun long ago */

    if (rtpsec_new(&e->rtpsec, keys) != 0) {
        on_dtls_closed(d, E_CRYPTO, "SRTP refused the keys", e);
        return;
    }
    e->profile = keys->profile;
    set_deadline(e, &e->dtls_timer, now_us + DTLS_LINGER_US);
    e->handlers->on_open(e, now_us, e->arg);
}

static void on_dtls_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d, (void)buf, (void)len, (void)arg; /* no data channel was negotiated */
}

/* ---- ICE ---- */

static void on_check_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;
    uint8_t buf[ICE_CLIENT_CHECK_MAX_BYTES];
    size_t len = ice_client_check(e->ice, buf, sizeof(buf));

    if (e->is_closed)
        return;
    send_datagram(e, buf, len);
    set_deadline(e, d, now_us + (e->has_answer ? CONSENT_CHECKS_US : FIRST_CHECKS_US));
}

/* A request is a full agent's own check; the rest answers ours. */
static void take_stun(struct endpoint *e, const struct datagram *d, uint64_t now_us)
{
    uint8_t reply[REPLY_BYTES];
    bool is_request = d->len >= 2 && (d->data[0] & 1) == 0 && (d->data[1] & 0x10) == 0;

    if (is_request) {
        size_t len = ice_client_answer(e->ice, &e->server, d->data, d->len, reply, sizeof(reply));
        if (len > 0)
            send_datagram(e, reply, len);
        return;
    }
    if (!ice_client_input(e->ice, d->data, d->len) || e->has_answer)
        return;
    e->has_answer = true;
    set_deadline(e, &e->check, now_us + CONSENT_CHECKS_US);
    if (e->dtls != NULL)
        dtls_start(e->dtls); /* nothing in the passive role */
    arm_dtls(e, now_us);
}

/* ---- datagrams ---- */

static void take_rtcp(struct endpoint *e, struct datagram *d, uint64_t now_us)
{
    if (e->handlers->on_rtcp != NULL && e->rtpsec != NULL &&
        rtpsec_unprotect_rtcp(e->rtpsec, d->data, &d->len) == 0)
        e->handlers->on_rtcp(e, d->data, d->len, now_us, e->arg);
}

/* RFC 7983 s7. */
static void take_datagram(struct endpoint *e, struct datagram *d, uint64_t now_us)
{
    uint8_t first = d->len > 0 ? d->data[0] : 255;

    if (first >= 128 && first < 192) {
        bool is_rtcp = rtp_is_rtcp(d->data, d->len);
        if (is_rtcp && d->missing == 0)
            take_rtcp(e, d, now_us);
        else if (!is_rtcp && e->handlers->on_rtp != NULL)
            e->handlers->on_rtp(e, d, now_us, e->arg);
    } else if (d->missing > 0) {
        return;
    } else if (first < 4) {
        take_stun(e, d, now_us);
    } else if (first >= 20 && first < 64 && !e->is_closed && e->dtls != NULL) {
        dtls_input(e->dtls, d->data, d->len);
        arm_dtls(e, now_us);
    }
}

static void on_ready(struct loop_source *s, uint32_t events, uint64_t now_us)
{
    struct endpoint *e = CONTAINER_OF(s, struct endpoint, source);
    struct datagram *batch;
    bool is_drained = false;

    (void)events;
    while (!is_drained) { /* edge-triggered: nobody tells again */
        size_t n = recv_batch_read(e->generator->recv, e->source.fd, e->extent, now_us, &batch,
                                   &is_drained);
        for (size_t k = 0; k < n; k++)
            take_datagram(e, &batch[k], now_us);
    }
}

/* ---- life ---- */

int endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                  const struct endpoint_handlers *handlers, void *arg)
{
    static const struct dtls_handlers dtls_handlers = {.on_send = on_dtls_send,
                                                       .on_open = on_dtls_open,
                                                       .on_data = on_dtls_data,
                                                       .on_closed = on_dtls_closed};
    const struct recv_socket_config socket = {.gro = config->generator->gro,
                                              .timestamps = config->timestamps};
    const struct answer *remote = config->remote;
    struct endpoint *e = MEM_NEW(struct endpoint);
    int err;

    e->generator = config->generator;
    e->handlers = handlers;
    e->arg = arg;
    e->server = remote->addr;
    e->source.on_ready = on_ready;
    deadline_init(&e->check, on_check_due, e);
    deadline_init(&e->dtls_timer, on_dtls_due, e);
    e->source.fd = recv_socket_open(&remote->addr, &socket);
    err = e->source.fd < 0 ? e->source.fd
                           : loop_watch(e->generator->loop, &e->source, EPOLLIN | EPOLLET);
    if (err == 0)
        err = dtls_new(&e->dtls, e->generator->dtls, !remote->is_dtls_client, remote->fingerprint,
                       remote->fingerprint_count, &dtls_handlers, e);
    if (err != 0) {
        endpoint_close(&e);
        return err;
    }
    e->ice = ice_client_new(&config->local, &remote->ice);
    set_deadline(e, &e->check, loop_now_us(e->generator->loop));
    *out = e;
    return 0;
}

void endpoint_close(struct endpoint **ep)
{
    struct endpoint *e = *ep;

    if (e == NULL)
        return;
    *ep = NULL;
    deadline_clear(&e->check);
    deadline_clear(&e->dtls_timer);
    loop_unwatch(e->generator->loop, &e->source);
    if (e->source.fd >= 0)
        close(e->source.fd);
    dtls_free(&e->dtls);
    rtpsec_free(&e->rtpsec);
    ice_client_free(&e->ice);
    mem_free(e);
}

bool endpoint_is_open(const struct endpoint *e)
{
    return e->rtpsec != NULL && !e->is_closed;
}

void endpoint_read_heads(struct endpoint *e)
{
    e->extent = RECV_HEADS;
}

enum srtp_profile endpoint_profile(const struct endpoint *e)
{
    return e->profile;
}

int endpoint_unprotect(struct endpoint *e, struct datagram *d)
{
    return e->rtpsec != NULL ? rtpsec_unprotect_rtp(e->rtpsec, d->data, &d->len) : E_STATE;
}

/* ---- sending ---- */

void endpoint_send_rtp(struct endpoint *e, struct datagram *packet, size_t n)
{
    struct mmsghdr head[SEND_BATCH];
    struct iovec iov[SEND_BATCH];

    if (!endpoint_is_open(e))
        return;
    while (n > 0) {
        size_t group = MIN(n, (size_t)SEND_BATCH), ready = 0;
        for (size_t i = 0; i < group; i++) {
            size_t len = packet[i].len;
            if (rtpsec_protect_rtp(e->rtpsec, packet[i].data, &len, len + PACKET_TAILROOM_BYTES) !=
                0) {
                e->send_drops++;
                continue;
            }
            iov[ready] = (struct iovec){.iov_base = packet[i].data, .iov_len = len};
            head[ready].msg_hdr = (struct msghdr){.msg_iov = &iov[ready], .msg_iovlen = 1};
            ready++;
        }
        int sent = sendmmsg(e->source.fd, head, (unsigned)ready, MSG_DONTWAIT | MSG_NOSIGNAL);
        e->send_drops += ready - (size_t)MAX(sent, 0);
        packet += group;
        n -= group;
    }
}

void endpoint_send_rtcp(struct endpoint *e, const uint8_t *buf, size_t len)
{
    uint8_t out[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];

    if (!endpoint_is_open(e) || len > MAX_DATAGRAM_BYTES)
        return;
    memcpy(out, buf, len);
    if (rtpsec_protect_rtcp(e->rtpsec, out, &len, sizeof(out)) == 0)
        send_datagram(e, out, len);
}

uint64_t endpoint_recv_drops(const struct endpoint *e)
{
    return recv_socket_drops(e->source.fd);
}

uint64_t endpoint_send_drops(const struct endpoint *e)
{
    return e->send_drops;
}
