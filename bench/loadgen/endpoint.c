/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.c - see endpoint.h. */
#include "bench/loadgen/endpoint.h"

#include <string.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/udp.h"
#include "core/worker.h"
#include "transport/ice_client.h"
#include "transport/rtpsec.h"

#define FIRST_CHECKS_US 50000ull     /* until the first answer */
#define CONSENT_CHECKS_US 4000000ull /* RFC 7675 s5.1: about every 5 s */

struct endpoint {
    struct endpoint_config config;
    struct endpoint_handlers handlers;
    void *arg;
    struct udp_sock *sock;
    struct ice_client *ice;
    struct dtls *dtls;
    struct rtpsec *rtpsec;
    bool has_answer, is_closed;
    struct deadline check, dtls_timer;
};

static void send_datagram(struct endpoint *e, const uint8_t *buf, size_t len)
{
    const struct udp_out out = {.data = buf, .len = len, .remote = e->config.server};

    udp_send(e->sock, &out, 1);
}

/* ---- ICE ---- */

static void on_check_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;
    uint8_t buf[ICE_CLIENT_CHECK_MAX_BYTES];
    size_t len = ice_client_check(e->ice, buf, sizeof(buf));

    send_datagram(e, buf, len);
    deadline_set(worker_wheel(e->config.worker), d,
                 now_us + (e->has_answer ? CONSENT_CHECKS_US : FIRST_CHECKS_US));
}

/* ---- DTLS ---- */

static void arm_dtls(struct endpoint *e, uint64_t now_us)
{
    uint64_t wait_us = e->is_closed ? UINT64_MAX : dtls_wait_us(e->dtls);

    if (wait_us == UINT64_MAX)
        deadline_clear(&e->dtls_timer);
    else
        deadline_set(worker_wheel(e->config.worker), &e->dtls_timer, now_us + wait_us);
}

static void on_dtls_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    dtls_tick(e->dtls);
    arm_dtls(e, now_us);
}

static void on_dtls_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    send_datagram(arg, buf, len);
}

static void on_dtls_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    CHECK(rtpsec_new(&e->rtpsec, keys) == 0);
    e->handlers.on_open(e, e->arg);
}

static void on_dtls_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct endpoint *e = arg;

    (void)d;
    (void)err;
    e->is_closed = true;
    if (e->handlers.on_closed != NULL)
        e->handlers.on_closed(e, reason, e->arg);
}

/* ---- datagrams ---- */

static void take_stun(struct endpoint *e, const struct packet *pkt, uint64_t now_us)
{
    if (!ice_client_input(e->ice, pkt->data, pkt->len) || e->has_answer)
        return;
    e->has_answer = true;
    dtls_start(e->dtls);
    arm_dtls(e, now_us);
}

static void take_rtp(struct endpoint *e, struct packet *pkt, uint64_t now_us)
{
    size_t len = pkt->len;

    if (e->rtpsec == NULL || rtp_is_rtcp(pkt->data, pkt->len) ||
        rtpsec_unprotect_rtp(e->rtpsec, pkt->data, &len) != 0)
        return;
    pkt->len = (uint16_t)len;
    if (rtp_parse(&pkt->rtp, pkt->data, pkt->len) == 0)
        e->handlers.on_rtp(e, pkt, now_us, e->arg);
}

static void on_datagrams(struct udp_sock *s, const struct udp_datagram *batch, size_t n,
                         uint64_t now_us, void *arg)
{
    struct endpoint *e = arg;

    (void)s;
    for (size_t i = 0; i < n; i++) {
        struct packet *pkt = batch[i].pkt;
        uint8_t first = pkt->len > 0 ? pkt->data[0] : 255;
        if (first < 4) { /* RFC 7983 */
            take_stun(e, pkt, now_us);
        } else if (first >= 20 && first < 64 && !e->is_closed) {
            dtls_input(e->dtls, pkt->data, pkt->len);
            arm_dtls(e, now_us);
        } else if (first >= 128 && first < 192) {
            take_rtp(e, pkt, now_us);
        }
        packet_unref(&pkt);
    }
}

/* ---- life ---- */

int endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                  const struct endpoint_handlers *handlers, void *arg)
{
    static const struct udp_handlers udp_handlers = {.on_datagrams = on_datagrams};
    static const struct dtls_handlers dtls_handlers = {
        .on_send = on_dtls_send, .on_open = on_dtls_open, .on_closed = on_dtls_closed};
    struct endpoint *e = MEM_NEW(struct endpoint);
    struct addr any = config->server;

    e->config = *config;
    e->handlers = *handlers;
    e->arg = arg;
    deadline_init(&e->check, on_check_due, e);
    deadline_init(&e->dtls_timer, on_dtls_due, e);
    any.port = 0;
    if (!addr_is_loopback(&any))
        memset(any.ip, 0, sizeof(any.ip));
    int err = udp_open(&e->sock, config->worker, &any, config->pool, &udp_handlers, e);
    if (err == 0)
        err = dtls_new(&e->dtls, config->dtls, true, &config->server_fingerprint, 1, &dtls_handlers,
                       e);
    if (err != 0) {
        endpoint_close(&e);
        return err;
    }
    e->ice = ice_client_new(&config->local, &config->remote);
    deadline_set(worker_wheel(config->worker), &e->check, worker_now_us(config->worker));
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
    udp_close(&e->sock);
    dtls_free(&e->dtls);
    rtpsec_free(&e->rtpsec);
    ice_client_free(&e->ice);
    mem_free(e);
}

bool endpoint_is_open(const struct endpoint *e)
{
    return e->rtpsec != NULL && !e->is_closed;
}

bool endpoint_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len)
{
    uint8_t out[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];

    if (!endpoint_is_open(e) || len > MAX_DATAGRAM_BYTES)
        return false;
    memcpy(out, buf, len);
    if (rtpsec_protect_rtp(e->rtpsec, out, &len, sizeof(out)) != 0)
        return false;
    send_datagram(e, out, len);
    return true;
}
