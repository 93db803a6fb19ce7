/* SPDX-License-Identifier: Apache-2.0 */
/* test_hostile.c - what a hostile or broken endpoint can do to itself, and not to others; and that the counters tell. */
#include "tests/unit/core/cmocka_all.h"
#include <string.h>

#include "core/rtp.h"
#include "rooms/sfu/track.h"
#include "tests/sim/endpoint.h"
#include "transport/ice_client.h"
#include "transport/rtcp.h"
#include "transport/rtcp_fb.h"

/* Two who talk, and one who disturbs: it publishes too, and watches. */
struct scene {
    struct sim *sim;
    struct endpoint *a, *b, *evil;
    struct pub *of_a, *of_b, *of_evil;
    struct slot *at_a, *at_b, *at_evil, *a_sees_evil;
};

static struct scene set_scene(void)
{
    struct scene c = {.sim = sim_new()};

    c.a = endpoint_join(c.sim, 1);
    c.b = endpoint_join(c.sim, 2);
    c.evil = endpoint_join(c.sim, 3);
    c.of_a = endpoint_publish(c.a, CODEC_VP8);
    c.of_b = endpoint_publish(c.b, CODEC_VP8);
    c.of_evil = endpoint_publish(c.evil, CODEC_VP8);
    c.at_a = endpoint_watch(c.a, c.of_b);
    c.at_b = endpoint_watch(c.b, c.of_a);
    c.at_evil = endpoint_watch(c.evil, c.of_a);
    c.a_sees_evil = endpoint_watch(c.a, c.of_evil);
    sim_run(c.sim, SECONDS);
    return c;
}

/* The two went on all the time. */
static void end_scene(struct scene *c)
{
    uint32_t before_a = slot_source(c->at_a, c->of_b)->decoded,
             before_b = slot_source(c->at_b, c->of_a)->decoded;

    sim_run(c->sim, SECONDS);
    SIM_EXPECT(c->sim, slot_source(c->at_a, c->of_b)->decoded > before_a + 25);
    SIM_EXPECT(c->sim, slot_source(c->at_b, c->of_a)->decoded > before_b + 25);
    SIM_EXPECT(c->sim,
               slot_source(c->at_a, c->of_b)->decoded + 1 >= slot_source(c->at_a, c->of_b)->frames);
    SIM_EXPECT(c->sim,
               slot_source(c->at_b, c->of_a)->decoded + 1 >= slot_source(c->at_b, c->of_a)->frames);
    SIM_EXPECT(c->sim, rtp_recv_packets_lost(&c->at_a->recv) == 0 &&
                           rtp_recv_packets_lost(&c->at_b->recv) == 0);
    SIM_EXPECT(c->sim, c->at_a->largest_gap_us < 50 * MS && c->at_b->largest_gap_us < 50 * MS);
    SIM_EXPECT(c->sim, c->sim->state[1] == TRANSPORT_OPEN && c->sim->state[2] == TRANSPORT_OPEN);
    SIM_EXPECT(c->sim, c->a->unknown_ssrc == 0 && c->b->unknown_ssrc == 0 && c->a->replays == 0 &&
                           c->b->replays == 0);
    SIM_EXPECT(c->sim, c->a->faults == 0 && c->b->faults == 0);
    sim_free(&c->sim);
}

static struct sfu_totals totals(struct sim *sim)
{
    struct sfu_totals t;

    sfu_read_totals(sim->sfu, &t);
    return t;
}

static struct mux_stats mux(struct sim *sim)
{
    struct mux_stats m;

    sim_read_mux(sim, &m);
    return m;
}

/* ---- before there is a session ---- */

static void a_wrong_password_opens_nothing(void **state)
{
    struct scene c = set_scene();
    struct ice_credentials wrong = c.a->remote;
    uint8_t check[ICE_CLIENT_CHECK_MAX_BYTES], hello[200] = {22, 254, 253};

    (void)state;
    wrong.pwd[0] ^= 1;
    struct ice_client *liar =
        ice_client_new(&c.a->local, &wrong); /* knows the victim's user name */
    struct addr stranger = sim_endpoint_addr(9, 0), server = sim_server_addr();
    for (unsigned i = 0; i < 100; i++) {
        size_t len = ice_client_check(liar, check, sizeof(check));
        net_send_from(c.evil->host, &stranger, &server, check, len);
        net_send_from(c.evil->host, net_addr(c.a->host), &server, check, len); /* and its address */
        net_send_from(c.evil->host, &stranger, &server, hello, sizeof(hello));
        sim_run(c.sim, 10 * MS);
    }
    ice_client_free(&liar);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 1).ice.bad_integrity == 200);
    SIM_EXPECT(c.sim, mux(c.sim).unknown_path == 100);
    struct addr selected = sim_transport_stats(c.sim, 1).selected.remote;
    SIM_EXPECT(c.sim, addr_eq(&selected, net_addr(c.a->host)));
    end_scene(&c);
}

static void media_before_the_handshake_is_dropped(void **state)
{
    struct scene c = set_scene();
    struct endpoint *early = endpoint_new(c.sim, 4);
    uint8_t buf[300];

    (void)state;
    early->is_held_before_dtls = true;
    size_t len = endpoint_write_rtp(early, buf, sizeof(buf), 96, 1, 42, 200);
    endpoint_send_raw(early, buf, len); /* from nowhere */
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, mux(c.sim).unknown_path == 1);
    endpoint_connect(early);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, c.sim->state[4] == TRANSPORT_HANDSHAKE);
    for (unsigned i = 0; i < 100; i++) {
        endpoint_send_raw(early, buf, len);
        sim_run(c.sim, MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 4).srtp_before_open == 100);
    end_scene(&c);
}

/* ---- with a session ---- */

static void replayed_packets_are_dropped(void **state)
{
    struct scene c = set_scene();
    uint64_t before = sim_transport_stats(c.sim, 3).srtp_replayed;

    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        endpoint_send_raw(c.evil, c.evil->sent, c.evil->sent_bytes);
        sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).srtp_replayed == before + 200);
    SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.a_sees_evil->recv) == 0);
    end_scene(&c);
}

static void what_is_sent_in_anothers_name_does_not_pass(void **state)
{
    struct scene c = set_scene();
    struct addr server = sim_server_addr();
    uint8_t buf[400];

    (void)state;
    for (unsigned i = 0; i < 300;
         i++) { /* its own SRTP, alerts and noise, all with the victim's address */
        size_t len = 13 + rng_below(&c.sim->rng, 380);
        for (size_t k = 0; k < len; k++)
            buf[k] = (uint8_t)rng_u32(&c.sim->rng);
        if (i % 3 == 1)
            memcpy(buf, (const uint8_t[]){21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40},
                   len = 15);
        net_send_from(c.evil->host, net_addr(c.a->host), &server, i % 3 == 0 ? c.evil->sent : buf,
                      i % 3 == 0 ? c.evil->sent_bytes : len);
        sim_run(c.sim, 3 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 1).srtp_auth_failed >= 100);
    end_scene(&c);
}

static void anothers_ssrc_is_worth_nothing(void **state)
{
    struct scene c = set_scene();
    uint32_t victim = c.of_a->encoding[0].ssrc;
    uint32_t before = slot_source(c.at_b, c.of_a)->packets;
    uint8_t buf[300];

    (void)state;
    sim_run(c.sim, SECONDS);
    uint32_t usual = slot_source(c.at_b, c.of_a)->packets - before;
    uint64_t unknown = totals(c.sim).unknown_ssrc, mismatch = totals(c.sim).codec_mismatch;
    for (uint16_t i = 0; i < 200; i++) { /* a payload type of nobody, and its own without MID */
        endpoint_send_rtp(c.evil, buf,
                          endpoint_write_rtp(c.evil, buf, sizeof(buf), 35, i, victim, 200));
        sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, totals(c.sim).unknown_ssrc == unknown + 200 &&
                          totals(c.sim).codec_mismatch == mismatch);
    SIM_EXPECT(c.sim, slot_source(c.at_b, c.of_a)->packets - before < 2 * usual + 10);
    /* PLI, BYE and reports about the victim's stream */
    for (unsigned i = 0; i < 100; i++) {
        uint8_t rtcp[200];
        struct writer w = writer_of(rtcp, sizeof(rtcp));
        const struct rtcp_block block = {
            .ssrc = victim, .fraction_lost = 255, .cumulative_lost = 99999};
        const uint16_t seqs[] = {1, 2, 3};
        rtcp_write_rr(&w, 1, &block, 1);
        rtcp_fb_write_pli(&w, 1, victim);
        rtcp_fb_write_nack(&w, 1, victim, seqs, 3);
        rtcp_write_bye(&w, &victim, 1);
        endpoint_send_rtcp(c.evil, &w);
        sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).rtcp_unknown_ssrc >= 300);
    SIM_EXPECT(c.sim, c.of_a->encoding[0].plis <= 2);
    end_scene(&c);
}

static void unknown_payload_types_are_counted(void **state)
{
    struct scene c = set_scene();
    uint8_t buf[300];

    (void)state;
    c.of_evil->is_sending = false;
    uint64_t before = totals(c.sim).codec_mismatch;
    for (uint16_t i = 0; i < 100; i++)
        endpoint_send_rtp(c.evil, buf,
                          endpoint_write_rtp(c.evil, buf, sizeof(buf), 35,
                                             (uint16_t)(c.of_evil->encoding[0].seq + i),
                                             c.of_evil->encoding[0].ssrc, 100));
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, totals(c.sim).codec_mismatch == before + 100);
    end_scene(&c);
}

static void garbage_is_only_counted(void **state)
{
    struct scene c = set_scene();
    uint8_t buf[MAX_DATAGRAM_BYTES];

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        size_t len = 1 + rng_below(&c.sim->rng, i % 10 == 0 ? MAX_DATAGRAM_BYTES : 60);
        for (size_t k = 0; k < len; k++)
            buf[k] = (uint8_t)rng_u32(&c.sim->rng);
        if (i % 4 == 0)
            buf[0] = 0x80 | (buf[0] & 0x3f); /* looks like SRTP */
        endpoint_send_raw(c.evil, buf, len);
        if (i % 10 == 0)
            sim_run(c.sim, 10 * MS);
    }
    struct transport_stats stats = sim_transport_stats(c.sim, 3);
    SIM_EXPECT(c.sim, stats.srtp_auth_failed + stats.srtp_malformed > 500);
    SIM_EXPECT(c.sim, mux(c.sim).unclassified > 500);
    end_scene(&c);
}

/* Under the right keys, but nonsense: headers, extensions, padding, payloads. */
static void authentic_nonsense_does_no_harm(void **state)
{
    struct scene c = set_scene();
    uint8_t buf[MAX_DATAGRAM_BYTES];
    uint16_t seq = 0;
    unsigned sent = 0;

    (void)state;
    c.of_evil->is_sending = false;
    for (unsigned i = 0; i < 6000; i++) {
        size_t len = 12 + rng_below(&c.sim->rng, i % 50 == 0 ? MAX_DATAGRAM_BYTES - 11 - 16 : 80);
        for (size_t k = 0; k < len; k++)
            buf[k] = (uint8_t)rng_u32(&c.sim->rng);
        buf[0] = 0x80 | (rng_below(&c.sim->rng, 4) == 0 ? buf[0] & 0x3f : 0);
        buf[1] = (uint8_t)((buf[1] & 0x80) | c.of_evil->pt);
        seq = (uint16_t)(seq + 1 +
                         (rng_below(&c.sim->rng, 100) == 0 ? rng_below(&c.sim->rng, 12000) : 0));
        wire_put_u16(buf + 2, seq);
        wire_put_u32(buf + 8, c.of_evil->encoding[0].ssrc + i % 2);
        if ((buf[0] & 0x10) != 0 &&
            (size_t)(12 + 4 * (buf[0] & 15) + 4) <= len) { /* an extension block that fits */
            uint8_t *ext = buf + 12 + 4 * (buf[0] & 15);
            wire_put_u16(ext, rng_below(&c.sim->rng, 2) == 0 ? 0xbede : 0x1000);
            wire_put_u16(ext + 2, (uint16_t)rng_below(&c.sim->rng, 12));
        }
        sent += endpoint_try_send_rtp(c.evil, buf, len); /* rtpsec looks at lengths, too */
        if (i % 20 == 0)
            sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, sent > 3000);
    c.a->faults = 0; /* it sees nonsense, as it asked for */
    c.a_sees_evil->packets = 0;
    slot_watch(c.a_sees_evil, NULL);
    end_scene(&c);
}

/* As large as a datagram can be, and longer with what the receiver negotiated. */
static void packets_that_do_not_fit_are_dropped_and_counted(void **state)
{
    struct scene c = set_scene();
    struct transceiver t = c.a_sees_evil->section;
    uint8_t buf[MAX_DATAGRAM_BYTES];

    (void)state;
    memset(t.mid, 'm', MAX_MID_LEN);
    sfu_subscription_update(c.sim->sfu, c.a_sees_evil->id, &t, sim_now_us(c.sim));
    c.of_evil->is_sending = false;
    sim_run(c.sim, 100 * MS);
    for (uint16_t i = 0; i < 50; i++) {
        struct pub_encoding *enc = &c.of_evil->encoding[0];
        size_t len = endpoint_write_rtp(c.evil, buf, sizeof(buf), c.of_evil->pt, enc->seq++,
                                        enc->ssrc, MAX_DATAGRAM_BYTES - 16 - 12);
        buf[12] = 0x10; /* VP8, start of a keyframe */
        buf[13] = 0;
        endpoint_send_rtp(c.evil, buf, len);
        sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 1).send_failed == 50);
    struct sfu_rtp_stats out =
        sim_rtp_stats(c.sim, 1, SFU_STATS_OUTBOUND_RTP, c.a_sees_evil->id, NULL);
    SIM_EXPECT(c.sim, out.packets_dropped == 50);
    end_scene(&c);
}

static void many_ssrcs_are_bounded(void **state)
{
    struct scene c = set_scene();
    uint8_t buf[300], mid[] = "p1";

    (void)state;
    c.of_evil->is_sending = false;
    for (uint32_t i = 0; i < 2 * MAX_SSRCS_LEARNT_PER_TRANSPORT; i++) {
        struct rtp_ext_out ext = {c.of_evil->section.ext.id[RTP_EXT_MID], 2, mid};
        size_t head = rtp_write_header(buf, sizeof(buf), c.of_evil->pt, false, (uint16_t)i, i,
                                       1000 + i, &ext, 1);
        memset(buf + head, 0, 50);
        buf[head] = 0x10;
        endpoint_send_rtp(c.evil, buf, head + 50);
        sim_run(c.sim, MS);
    }
    SIM_EXPECT(c.sim,
               sim_transport_stats(c.sim, 3).srtp_malformed >= MAX_SSRCS_LEARNT_PER_TRANSPORT - 5);
    slot_watch(c.a_sees_evil, NULL);
    c.a->faults = 0;
    end_scene(&c);
}

static void floods_of_rtcp_reach_nobody(void **state)
{
    struct scene c = set_scene();
    uint32_t plis = c.of_a->encoding[0].plis;

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t rtcp[600];
        struct writer w = writer_of(rtcp, sizeof(rtcp));
        const struct rtcp_fir_entry fir = {.ssrc = c.at_evil->section.ssrc, .seq = (uint8_t)i};
        const struct rtcp_block block = {.ssrc = c.at_evil->section.ssrc,
                                         .lsr = rng_u32(&c.sim->rng),
                                         .dlsr = rng_u32(&c.sim->rng)};
        const struct rtcp_sender_info info = {.ssrc = c.of_evil->encoding[0].ssrc,
                                              .ntp = rng_u64(&c.sim->rng),
                                              .rtp_ts = rng_u32(&c.sim->rng)};
        uint16_t seqs[100];
        for (unsigned k = 0; k < 100; k++)
            seqs[k] = (uint16_t)(i * 100 + k);
        rtcp_write_sr(&w, &info, &block, 1);
        rtcp_fb_write_pli(&w, 1, c.at_evil->section.ssrc);
        rtcp_fb_write_fir(&w, 1, &fir, 1);
        rtcp_fb_write_nack(&w, 1, c.at_evil->section.ssrc, seqs, 100);
        endpoint_send_rtcp(c.evil, &w);
        if (i % 5 == 0)
            sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim,
               c.of_a->encoding[0].plis - plis <= 5 * 2 + 1); /* two a second are listened to */
    sim_run(c.sim, SECONDS);
    struct sfu_rtp_stats out = sim_rtp_stats(c.sim, 3, SFU_STATS_OUTBOUND_RTP, c.at_evil->id, NULL);
    SIM_EXPECT(c.sim, out.pli_count >= 5000 && out.fir_count >= 5000 && out.nack_count >= 5000);
    slot_watch(c.a_sees_evil, NULL); /* its clock is nonsense */
    c.a->faults = 0;
    end_scene(&c);
}

static void malformed_rtcp_is_counted(void **state)
{
    struct scene c = set_scene();

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t rtcp[200];
        struct writer w = writer_of(rtcp, sizeof(rtcp));
        rtcp_write_rr(&w, 1, NULL, 0);
        for (unsigned k = rng_below(&c.sim->rng, 40); k > 0; k--)
            writer_u32(&w, rng_u32(&c.sim->rng));
        rtcp[8] = (uint8_t)(0x80 | (rtcp[8] & 0x1f));
        rtcp[9] = (uint8_t)(200 + rng_below(&c.sim->rng, 8));
        endpoint_send_rtcp(c.evil, &w);
        if (i % 10 == 0)
            sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 3).rtcp_malformed > 100);
    end_scene(&c);
}

/* Each packet under another codec than the last: nobody upwards may be told of each. */
static void a_codec_that_flickers_is_not_followed(void **state)
{
    struct scene c = set_scene();
    struct pub *p = endpoint_publish(c.evil, CODEC_OPUS);
    struct slot *s = endpoint_watch(c.a, p);

    (void)state;
    sim_run(c.sim, SECONDS);
    unsigned live = c.sim->live_count, blocked = c.sim->blocked_count;
    for (unsigned i = 0; i < 500; i++) {
        p->pt = i % 2 == 0 ? 0 : p->section.codec[0].pt;
        sim_run(c.sim, 20 * MS);
    }
    SIM_EXPECT(c.sim, c.sim->live_count - live <= 10 * SECONDS / TRACK_REVIEW_US + 1);
    SIM_EXPECT(c.sim, c.sim->blocked_count - blocked <= 1);
    slot_watch(s, NULL);
    c.a->faults = 0; /* Opus under the payload type of PCMU, and back */
    end_scene(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(a_wrong_password_opens_nothing),
        SIM_TEST(media_before_the_handshake_is_dropped),
        SIM_TEST(replayed_packets_are_dropped),
        SIM_TEST(what_is_sent_in_anothers_name_does_not_pass),
        SIM_TEST(anothers_ssrc_is_worth_nothing),
        SIM_TEST(unknown_payload_types_are_counted),
        SIM_TEST(garbage_is_only_counted),
        SIM_TEST(authentic_nonsense_does_no_harm),
        SIM_TEST(packets_that_do_not_fit_are_dropped_and_counted),
        SIM_TEST(many_ssrcs_are_bounded),
        SIM_TEST(floods_of_rtcp_reach_nobody),
        SIM_TEST(malformed_rtcp_is_counted),
        SIM_TEST(a_codec_that_flickers_is_not_followed),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
