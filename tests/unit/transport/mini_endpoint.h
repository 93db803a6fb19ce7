/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mini_endpoint.h - a worker's surroundings in virtual time, and a small endpoint at the other end of a transport.
 *
 * The endpoint makes its checks with libnice's STUN agent, and its DTLS and SRTP with the modules of the server, which have
 * tests of their own. Nothing is lost or late here: that is what simulations are for.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#include "core/deadline.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/wire.h"
#include "transport/cert.h"
#include "transport/egress.h"
#include "transport/mux.h"
#include "transport/rtcp.h"
#include "transport/rtcp_fb.h"
#include "transport/rtpsec.h"
#include "transport/transport.h"

#define CONSENT_US 10000000ull
#define WALL_OFFSET_US 1700000000000000ull
#define MAX_IN_FLIGHT 512
#define MAX_KEPT 64

/* --- time and surroundings --------------------------------------------------------------------------- */

static uint64_t now_us = 1000000;

/* For OpenSSL's retransmission timer. */
int(gettimeofday)(struct timeval *restrict tv, void *restrict zone)
{
    uint64_t wall_us = WALL_OFFSET_US + now_us;

    (void)zone;
    tv->tv_sec = (time_t)(wall_us / 1000000);
    tv->tv_usec = (suseconds_t)(wall_us % 1000000);
    return 0;
}

struct flight {
    uint8_t data[MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES];
    size_t len;
    struct path path;
};

static struct surroundings {
    struct transport_env env;
    struct cert *server_cert, *client_cert;
    struct dtls_context *client_dtls;
    StunAgent client_stun;
    struct flight flight[MAX_IN_FLIGHT]; /* from the server */
    size_t flights;
    struct {
        void *block;
        void (*free_block)(void *block);
    } later[16];
    size_t later_count;
    unsigned kept_paths, dropped_paths;
} world;

static void take_message(const struct egress_message *m)
{
    for (size_t i = 0; i < egress_message_count(m); i++) {
        struct flight *f = &world.flight[world.flights++];
        assert_true(world.flights <= MAX_IN_FLIGHT);
        f->len = egress_message_bytes(m, i);
        memcpy(f->data, m->data + i * m->segment_bytes, f->len);
        f->path = m->path;
    }
}

static void on_flush(const struct egress_message *batch, size_t n, void *arg)
{
    (void)arg;
    for (size_t i = 0; i < n; i++)
        take_message(&batch[i]);
}

static void free_later(void *block, void (*free_block)(void *block), void *arg)
{
    (void)arg;
    assert_true(world.later_count < ARRAY_LEN(world.later));
    world.later[world.later_count].block = block;
    world.later[world.later_count++].free_block = free_block;
}

static void keep_path(const struct path *path, void *arg)
{
    (void)path;
    (void)arg;
    world.kept_paths++;
}

static void drop_path(const struct path *path, void *arg)
{
    (void)path;
    (void)arg;
    world.dropped_paths++;
}

static uint64_t wall_us(void *arg)
{
    (void)arg;
    return WALL_OFFSET_US + now_us;
}

static int world_start(void **state)
{
    (void)state;
    if (rtpsec_library_init() != 0)
        return -1;
    log_set_level(LOG_TAG_COUNT, LOG_LEVEL_ERROR); /* closing is what most tests do */
    world.env = (struct transport_env){
        .wheel = wheel_new(now_us),
        .egress = egress_new(on_flush, NULL),
        .pool = packet_pool_new(1024),
        .mux = mux_new(16),
        .stun = stun_responder_new(),
        .free_later = free_later,
        .keep_path = keep_path,
        .drop_path = drop_path,
        .wall_us = wall_us,
    };
    if (cert_new_self_signed(&world.server_cert, "server", NULL, 0, 30) != 0 ||
        cert_new_self_signed(&world.client_cert, "client", NULL, 0, 30) != 0)
        return -1;
    stun_agent_init(&world.client_stun, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return dtls_context_new(&world.env.dtls, world.server_cert) != 0 ||
                   dtls_context_new(&world.client_dtls, world.client_cert) != 0
               ? -1
               : 0;
}

static int world_stop(void **state)
{
    (void)state;
    dtls_context_free(&world.env.dtls);
    dtls_context_free(&world.client_dtls);
    cert_free(&world.server_cert);
    cert_free(&world.client_cert);
    mux_free(&world.env.mux);
    stun_responder_free(&world.env.stun);
    egress_free(&world.env.egress);
    wheel_free(&world.env.wheel);
    packet_pool_free(&world.env.pool);
    rtpsec_library_fini();
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void end_turn(void)
{
    egress_flush(world.env.egress);
    for (size_t i = 0; i < world.later_count; i++)
        world.later[i].free_block(world.later[i].block);
    world.later_count = 0;
}

/* --- the endpoint ------------------------------------------------------------------------------------ */

static const struct ice_credentials server_ice = {.ufrag = "srvUfrag",
                                                  .pwd = "serverPasswordOf24Chars."};
static const struct ice_credentials client_ice = {.ufrag = "cliU",
                                                  .pwd = "clientPasswordOf24Chars."};
static const struct ice_credentials server_ice_2 = {.ufrag = "srvSecnd",
                                                    .pwd = "serverPasswordSecondOne."};
static const struct ice_credentials client_ice_2 = {.ufrag = "cliS",
                                                    .pwd = "clientPasswordSecondOne."};

static struct endpoint {
    struct path path;
    struct ice_credentials local, remote;
    struct dtls *dtls;
    struct rtpsec *rtpsec;
    unsigned checks_answered, checks_refused, dtls_opened, dtls_closed;
    const char *closed_reason;
    struct flight rtp[MAX_KEPT], rtcp[MAX_KEPT]; /* clear, as they came */
    size_t rtp_count, rtcp_count, undecryptable;
} endpoint;

static struct path path_of(uint8_t host, uint16_t port, enum path_protocol protocol)
{
    struct path p;

    memset(&p, 0, sizeof(p));
    p.remote.ip[0] = 192;
    p.remote.ip[3] = host;
    p.remote.port = port;
    p.remote.family = 4;
    p.protocol = (uint16_t)protocol;
    p.conn_id = protocol == PATH_TCP ? port : 0;
    return p;
}

/* Through the mux, as a port would. */
static void give_from(const struct path *path, const uint8_t *buf, size_t len)
{
    struct packet *p = packet_new(world.env.pool);

    assert_non_null(p);
    memcpy(p->data, buf, len);
    p->len = (uint16_t)len;
    p->arrival_us = now_us;
    mux_receive(world.env.mux, path, p, now_us);
}

static void give(const uint8_t *buf, size_t len)
{
    give_from(&endpoint.path, buf, len);
}

/* Past the mux, which would not find the way. */
static inline void give_directly(struct transport *tp, const struct path *path, const uint8_t *buf,
                                 size_t len)
{
    struct packet *p = packet_new(world.env.pool);

    assert_non_null(p);
    memcpy(p->data, buf, len);
    p->len = (uint16_t)len;
    transport_receive(tp, path, p, now_us);
}

static void send_check(bool nominates)
{
    StunMessage msg;
    uint8_t buf[1024];
    char name[64];
    int name_len =
        snprintf(name, sizeof(name), "%s:%s", endpoint.remote.ufrag, endpoint.local.ufrag);

    for (size_t i = 0; i < STUN_AGENT_MAX_SAVED_IDS;
         i++) /* it remembers unanswered requests, up to a number */
        world.client_stun.sent_ids[i].valid = false;
    size_t len = stun_usage_ice_conncheck_create(
        &world.client_stun, &msg, buf, sizeof(buf), (const uint8_t *)name, (size_t)name_len,
        (const uint8_t *)endpoint.remote.pwd, strlen(endpoint.remote.pwd), nominates, true, 1000, 1,
        NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
    assert_true(len > 0);
    give(buf, len);
}

static void on_endpoint_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    (void)arg;
    give(buf, len);
}

static void on_endpoint_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    (void)d;
    (void)arg;
    endpoint.dtls_opened++;
    assert_int_equal(rtpsec_new(&endpoint.rtpsec, keys), 0);
}

static void on_endpoint_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d;
    (void)buf;
    (void)len;
    (void)arg;
}

static void on_endpoint_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    (void)d;
    (void)err;
    (void)arg;
    endpoint.dtls_closed++;
    endpoint.closed_reason = reason;
}

static const struct dtls_handlers endpoint_dtls_handlers = {.on_send = on_endpoint_send,
                                                            .on_open = on_endpoint_open,
                                                            .on_data = on_endpoint_data,
                                                            .on_closed = on_endpoint_closed};

static void endpoint_start(bool is_dtls_active)
{
    struct fingerprint f;

    memset(&endpoint, 0, sizeof(endpoint));
    endpoint.path = path_of(1, 1000, PATH_UDP);
    endpoint.local = client_ice;
    endpoint.remote = server_ice;
    cert_fingerprint(world.server_cert, &f);
    assert_int_equal(dtls_new(&endpoint.dtls, world.client_dtls, is_dtls_active, &f, 1,
                              &endpoint_dtls_handlers, NULL),
                     0);
}

static void endpoint_stop(void)
{
    dtls_free(&endpoint.dtls);
    rtpsec_free(&endpoint.rtpsec);
}

static void take_stun(const struct flight *f)
{
    StunMessage msg;
    StunValidationStatus valid =
        stun_agent_validate(&world.client_stun, &msg, f->data, f->len, NULL, NULL);

    if (valid == STUN_VALIDATION_SUCCESS && stun_message_get_class(&msg) == STUN_RESPONSE)
        endpoint.checks_answered++;
    else
        endpoint.checks_refused++;
}

static void take_srtp(const struct flight *f)
{
    bool is_rtcp = rtp_is_rtcp(f->data, f->len);
    struct flight *kept =
        is_rtcp ? &endpoint.rtcp[endpoint.rtcp_count] : &endpoint.rtp[endpoint.rtp_count];

    *kept = *f;
    if (endpoint.rtpsec == NULL ||
        (is_rtcp ? rtpsec_unprotect_rtcp(endpoint.rtpsec, kept->data, &kept->len)
                 : rtpsec_unprotect_rtp(endpoint.rtpsec, kept->data, &kept->len)) != 0) {
        endpoint.undecryptable++;
        return;
    }
    *(is_rtcp ? &endpoint.rtcp_count : &endpoint.rtp_count) += 1;
    assert_true(endpoint.rtcp_count < MAX_KEPT && endpoint.rtp_count < MAX_KEPT);
}

/* End turns until nothing is under way. */
static void settle(void)
{
    for (end_turn(); world.flights > 0; end_turn()) {
        static struct flight taken[MAX_IN_FLIGHT];
        size_t n = world.flights;
        memcpy(taken, world.flight, n * sizeof(taken[0]));
        world.flights = 0;
        for (size_t i = 0; i < n; i++) {
            uint8_t first = taken[i].data[0];
            if (first <= 3)
                take_stun(&taken[i]);
            else if (first >= 20 && first <= 63)
                dtls_input(endpoint.dtls, taken[i].data, taken[i].len);
            else
                take_srtp(&taken[i]);
        }
    }
}

static inline void run_us(uint64_t us)
{
    for (uint64_t end_us = now_us + us; now_us < end_us;) {
        now_us = MIN(end_us, now_us + 5000);
        wheel_advance(world.env.wheel, now_us);
        settle();
    }
}

/* --- packets of the endpoint ------------------------------------------------------------------------- */

static size_t write_rtp(uint8_t *buf, uint32_t ssrc, uint16_t seq)
{
    struct writer w = writer_of(buf, 200);

    writer_u8(&w, 0x80);
    writer_u8(&w, 96);
    writer_u16(&w, seq);
    writer_u32(&w, seq * 3000u);
    writer_u32(&w, ssrc);
    memset(writer_room(&w, 100), (uint8_t)seq, 100);
    return writer_len(&w);
}

static size_t endpoint_protect_rtp(uint8_t buf[300], uint32_t ssrc, uint16_t seq)
{
    size_t len = write_rtp(buf, ssrc, seq);

    assert_int_equal(rtpsec_protect_rtp(endpoint.rtpsec, buf, &len, 300), 0);
    return len;
}

static inline void send_rtp(uint32_t ssrc, uint16_t seq)
{
    uint8_t buf[300];
    size_t len = endpoint_protect_rtp(buf, ssrc, seq);

    give(buf, len);
}

static inline void send_rtcp(const struct writer *w)
{
    uint8_t buf[1400];
    size_t len = writer_len(w);

    assert_false(w->failed);
    memcpy(buf, w->start, len);
    assert_int_equal(rtpsec_protect_rtcp(endpoint.rtpsec, buf, &len, sizeof(buf)), 0);
    give(buf, len);
}

/* A transport with an open association to the endpoint. */
static inline struct transport *connect_transport(const struct transport_handlers *handlers)
{
    struct log_ids ids = {"tp=1"};
    struct remote_transport remote = {
        .ice = client_ice, .fingerprint_count = 1, .dtls_active = false};
    struct transport *tp = NULL;

    cert_fingerprint(world.client_cert, &remote.fingerprint[0]);
    endpoint_start(true);
    assert_int_equal(
        transport_open(&tp, &world.env, &server_ice, CONSENT_US, &ids, handlers, NULL, now_us), 0);
    assert_int_equal(transport_set_remote(tp, &remote, now_us), 0);
    send_check(true);
    settle();
    dtls_start(endpoint.dtls);
    settle();
    assert_string_equal(transport_state_name(transport_state(tp)), "open");
    return tp;
}

/* What a test that has one transport tears down. */
static inline void disconnect_transport(struct transport **tp)
{
    transport_close(tp, now_us);
    settle();
    endpoint_stop();
}

static inline struct transport_stats stats_of(const struct transport *tp)
{
    struct transport_stats s;

    transport_read_stats(tp, &s);
    return s;
}
