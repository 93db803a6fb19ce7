/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_repair.c - what is lost on the way comes again, within bounds; what cannot come again costs a keyframe and nothing else.
 *
 * Viewers give no transport-wide feedback here, so that nothing but loss decides what they are shown; see test_congestion.c.
 */
#include "tests/unit/core/cmocka_all.h"

#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/subscription_internal.h"
#include "tests/sim/feedback.h"
#include "tests/sim/link.h"

#define MAX_VIEWERS 32

static const struct net_line clean = {.delay_us = 50 * MS};
static const struct net_line lossy = {.delay_us = 50 * MS, .loss_permille = 50};

/* One who publishes a camera of some 700 kb/s, and some who watch it. */
struct scene {
    struct sim *sim;
    struct endpoint *publisher, *viewer[MAX_VIEWERS];
    struct pub *camera;
    struct slot *slot[MAX_VIEWERS];
    unsigned viewers;
    /* when it began */
    uint32_t frames, keyframes, plis, decoded[MAX_VIEWERS];
};

static uint32_t decoded(const struct scene *c, unsigned i)
{
    return slot_source(c->slot[i], c->camera)->decoded;
}

static void mark(struct scene *c)
{
    const struct pub_encoding *enc = &c->camera->encoding[0];

    c->frames = enc->frames;
    c->keyframes = enc->keyframes;
    c->plis = enc->plis;
    for (unsigned i = 0; i < c->viewers; i++) {
        c->decoded[i] = decoded(c, i);
        c->slot[i]->largest_gap_us = 0;
    }
}

static struct pub *publish(struct endpoint *e)
{
    struct pub *p;

    feedback_enable(e, FEEDBACK_NACK);
    p = endpoint_publish(e, CODEC_VP8);
    p->fill_bytes = 900;
    return p;
}

static struct scene set_scene(unsigned viewers)
{
    struct scene c = {.sim = sim_new(), .viewers = viewers};

    c.publisher = endpoint_join(c.sim, 1);
    c.camera = publish(c.publisher);
    for (unsigned i = 0; i < viewers; i++) {
        c.viewer[i] = endpoint_join(c.sim, 2 + i);
        feedback_enable(c.viewer[i], FEEDBACK_NACK);
        c.slot[i] = endpoint_watch(c.viewer[i], c.camera);
    }
    sim_run(c.sim, SECONDS);
    mark(&c);
    return c;
}

static void end_scene(struct scene *c)
{
    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
}

static uint32_t frames_since(const struct scene *c)
{
    return c->camera->encoding[0].frames - c->frames;
}

static uint32_t keyframes_since(const struct scene *c)
{
    return c->camera->encoding[0].keyframes - c->keyframes;
}

static uint32_t decoded_since(const struct scene *c, unsigned i)
{
    return decoded(c, i) - c->decoded[i];
}

/* All but those that are still under way. */
static void expect_all_decoded(struct scene *c, unsigned i, unsigned missing)
{
    SIM_EXPECT(c->sim, decoded_since(c, i) + missing >= frames_since(c));
}

static void expect_nothing_noticed(struct scene *c, unsigned i)
{
    expect_all_decoded(c, i, 3);
    SIM_EXPECT(c->sim, rtp_recv_packets_lost(&c->slot[i]->recv) == 0);
    SIM_EXPECT(c->sim, c->slot[i]->largest_gap_us < 60 * MS);
}

static const struct subscription *subscription_of(const struct slot *s)
{
    return map_get_u64(s->owner->sim->sfu->subscription_by_id, s->id);
}

/* What an answer may cost. */
static void expect_within_budget(struct scene *c, unsigned i, uint64_t us)
{
    const struct subscription *sub = subscription_of(c->slot[i]);
    uint64_t media_bytes = c->slot[i]->recv.bytes_received;
    uint64_t least = RESEND_MIN_BPS / 8 * us / SECONDS;

    SIM_EXPECT(c->sim, sub->resend.bytes_resent <=
                           MAX(media_bytes * RESEND_SHARE_PERCENT / 100, least) + 100000);
}

/* ---- loss ---- */

static void loss_on_both_sides_is_repaired(void **state)
{
    struct scene c = set_scene(1);

    (void)state;
    endpoint_set_lines(c.publisher, &lossy);
    endpoint_set_lines(c.viewer[0], &lossy);
    sim_run(c.sim, 20 * SECONDS);
    expect_all_decoded(&c, 0, 40);
    SIM_EXPECT(c.sim, keyframes_since(&c) <= 2);
    SIM_EXPECT(c.sim, c.publisher->feedback->resent > 30);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_repaired > 30);
    expect_within_budget(&c, 0, 20 * SECONDS);
    end_scene(&c);
}

/* Some ten packets in a row, once a second or so. */
static void bursts_of_loss_are_repaired(void **state)
{
    struct scene c = set_scene(1);
    struct link *link = mem_alloc(sizeof(*link));

    (void)state;
    link_init(link, c.sim->seed, 100000000, 30 * MS, SECONDS);
    link->burst_starts = 0.01;
    link->burst_ends = 0.1;
    net_set_down_link(c.viewer[0]->host, link);
    c.viewer[0]->may_lose = true;
    sim_run(c.sim, 20 * SECONDS);
    expect_all_decoded(&c, 0, 60);
    SIM_EXPECT(c.sim, keyframes_since(&c) <= 4);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_repaired > 50);
    expect_within_budget(&c, 0, 20 * SECONDS);
    net_set_down_link(c.viewer[0]->host, NULL);
    mem_free(link);
    end_scene(&c);
}

/* Viewers ask for what never came here, in vain; when it comes it is handed on. */
static void loss_upstream_is_repaired_there(void **state)
{
    struct scene c = set_scene(3);

    (void)state;
    endpoint_set_lines(c.publisher, &lossy);
    for (unsigned i = 0; i < 3; i++)
        endpoint_set_lines(c.viewer[i], &clean);
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, keyframes_since(&c) <= 1);
    for (unsigned i = 0; i < 3; i++) {
        const struct resend *r = &subscription_of(c.slot[i])->resend;
        expect_all_decoded(&c, i, 20);
        /* in time for them to have come, or not: as the seed has it */
        SIM_EXPECT(c.sim, r->never_sent + r->too_soon > 0 && r->resent <= 5);
    }
    end_scene(&c);
}

/* What does not come again is given up, and a keyframe makes it good. */
static void a_publisher_that_does_not_answer_is_asked_for_keyframes(void **state)
{
    struct scene c = set_scene(2);

    (void)state;
    c.publisher->feedback->is_deaf_to_nacks = true;
    net_set_up(c.publisher->host, &(struct net_line){.delay_us = 20 * MS, .loss_permille = 10});
    sim_run(c.sim, 20 * SECONDS);
    SIM_EXPECT(c.sim, keyframes_since(&c) >= 3 && keyframes_since(&c) <= 25);
    SIM_EXPECT(c.sim, c.publisher->feedback->asked_again <= 40 * NACK_TRIES);
    for (unsigned i = 0; i < 2; i++)
        SIM_EXPECT(c.sim, decoded_since(&c, i) > frames_since(&c) / 5);
    end_scene(&c);
}

static void the_loss_of_one_viewer_is_nobody_elses(void **state)
{
    struct scene c = set_scene(3);
    const struct net_line bad = {.delay_us = 50 * MS, .loss_permille = 150};

    (void)state;
    endpoint_set_lines(c.viewer[0], &bad);
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, decoded_since(&c, 0) > frames_since(&c) / 2);
    SIM_EXPECT(c.sim, keyframes_since(&c) <= 12);
    expect_nothing_noticed(&c, 1);
    expect_nothing_noticed(&c, 2);
    SIM_EXPECT(c.sim, c.publisher->feedback->nacks_received == 0);
    expect_within_budget(&c, 0, 10 * SECONDS);
    end_scene(&c);
}

/* ---- those who ask too much ---- */

static void ask_for_newest(struct slot *s, int first, unsigned n)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    for (unsigned i = 0; i < n; i++)
        seqs[i] = (uint16_t)(s->recv.highest_seq + first + (int)i);
    feedback_ask(s, seqs, n);
}

static void one_who_asks_for_everything_gets_a_budget(void **state)
{
    struct scene c = set_scene(2);
    uint64_t before = c.slot[0]->recv.bytes_received;

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        ask_for_newest(c.slot[0], -250, 250);
        sim_run(c.sim, 5 * MS);
    }
    uint64_t media = c.slot[0]->recv.bytes_received - before;
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_bytes <
                          media * RESEND_SHARE_PERCENT / 100 * 11 / 10 + 100000);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_bytes > media / 4);
    SIM_EXPECT(c.sim, subscription_of(c.slot[0])->resend.over_budget > 1000);
    expect_all_decoded(&c, 0, 10);
    expect_nothing_noticed(&c, 1);
    SIM_EXPECT(c.sim, keyframes_since(&c) == 0 && c.publisher->feedback->nacks_received == 0);
    end_scene(&c);
}

/* Each of them is listened to twice a second. */
static void all_who_ask_for_keyframes_get_one_a_second(void **state)
{
    struct scene c = set_scene(10);

    (void)state;
    for (unsigned n = 0; n < 500; n++) {
        for (unsigned i = 0; i < 9; i++)
            slot_ask_keyframe(c.slot[i]);
        sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, keyframes_since(&c) >= 4 && keyframes_since(&c) <= 5 + 3);
    for (unsigned i = 0; i < 10; i++)
        expect_nothing_noticed(&c, i);
    end_scene(&c);
}

static void numbers_that_were_not_sent_are_not_answered(void **state)
{
    struct scene c = set_scene(2);
    const struct resend *r = &subscription_of(c.slot[0])->resend;
    uint32_t before = feedback_of(c.slot[0])->rtx_packets;
    uint64_t unknown = sim_transport_stats(c.sim, 2).rtcp_unknown_ssrc;

    (void)state;
    ask_for_newest(c.slot[0], 50, 300);
    ask_for_newest(c.slot[0], -30000, 300);
    uint32_t ssrc = c.slot[0]->section.ssrc;
    c.slot[0]->section.ssrc = feedback_rtx_ssrc(c.slot[0]); /* RTX is not repaired */
    ask_for_newest(c.slot[0], -100, 100);
    c.slot[0]->section.ssrc = c.slot[1]->section.ssrc; /* another viewer's */
    ask_for_newest(c.slot[0], -100, 100);
    c.slot[0]->section.ssrc = ssrc;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_packets == before);
    SIM_EXPECT(c.sim, feedback_of(c.slot[1])->rtx_packets == 0);
    SIM_EXPECT(c.sim, r->never_sent + r->too_old >= 600 && r->resent == 0);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 2).rtcp_unknown_ssrc == unknown + 2);
    expect_nothing_noticed(&c, 0);
    expect_nothing_noticed(&c, 1);
    end_scene(&c);
}

static void nothing_from_before_a_switch_comes_again(void **state)
{
    struct scene c = set_scene(1);
    struct endpoint *other = endpoint_join(c.sim, 40);
    struct pub *camera = publish(other);

    (void)state;
    sim_run(c.sim, 300 * MS);
    uint16_t last = c.slot[0]->recv.highest_seq;
    slot_watch(c.slot[0], camera);
    sim_run(c.sim, 500 * MS);
    SIM_EXPECT(c.sim, slot_source(c.slot[0], camera)->decoded > 5);
    ask_for_newest(c.slot[0], (int)(int16_t)(last - c.slot[0]->recv.highest_seq) - 30, 31);
    sim_run(c.sim, 200 * MS);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_packets == 0);
    SIM_EXPECT(c.sim, subscription_of(c.slot[0])->resend.not_kept >= 20);
    ask_for_newest(c.slot[0], -9, 10); /* of what flows it does */
    sim_run(c.sim, 200 * MS);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_packets == 10);
    end_scene(&c);
}

static void reopen(struct slot *s, const struct pub *p)
{
    struct sim *sim = s->owner->sim;

    sfu_subscription_close(sim->sfu, s->id, sim_now_us(sim));
    sim_run(sim, 100 * MS); /* what is under way arrives */
    nack_reset(&feedback_of(s)->nack);
    SIM_EXPECT(sim, sfu_subscription_open(sim->sfu, s->id, s->owner->id, &s->section,
                                          sim_now_us(sim)) == 0);
    slot_begin_anew(s);
    slot_watch(s, p);
}

static void a_slot_that_is_closed_answers_nothing(void **state)
{
    struct scene c = set_scene(1);
    struct slot *s = c.slot[0];

    (void)state;
    ask_for_newest(s, -19, 20);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, feedback_of(s)->rtx_packets == 20);
    sfu_subscription_close(c.sim->sfu, s->id, sim_now_us(c.sim));
    ask_for_newest(s, -19, 20);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, feedback_of(s)->rtx_packets == 20);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 2).rtcp_unknown_ssrc == 1);
    SIM_EXPECT(c.sim, sfu_subscription_open(c.sim->sfu, s->id, c.viewer[0]->id, &s->section,
                                            sim_now_us(c.sim)) == 0);
    ask_for_newest(s, -19, 20); /* of its life before */
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, feedback_of(s)->rtx_packets == 20);
    end_scene(&c);
}

/* Streams and their RTX go on behind the last number, whatever was lost. */
static void slots_are_switched_and_opened_again_under_loss(void **state)
{
    struct scene c = set_scene(2);
    struct pub *camera[3] = {c.camera};

    (void)state;
    for (unsigned i = 1; i < 3; i++) {
        struct endpoint *e = endpoint_join(c.sim, 40 + i);
        camera[i] = publish(e);
        endpoint_set_lines(e, &lossy);
    }
    endpoint_set_lines(c.viewer[0], &lossy);
    for (unsigned step = 0; step < 60; step++) {
        struct slot *s = c.slot[0];
        struct pub *p = camera[rng_below(&c.sim->rng, 3)];
        if (step % 5 == 4)
            reopen(s, p);
        else
            slot_watch(s, p);
        sim_run(c.sim, (50 + rng_below(&c.sim->rng, 500)) * MS);
    }
    uint32_t got = 0;
    for (unsigned i = 0; i < 3; i++)
        got += slot_source(c.slot[0], camera[i])->decoded;
    SIM_EXPECT(c.sim, got > 150);
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_repaired > 10);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 2).send_failed == 0);
    SIM_EXPECT(c.sim, c.viewer[0]->replays == 0 && c.viewer[0]->unknown_ssrc == 0);
    expect_nothing_noticed(&c, 1);
    end_scene(&c);
}

/* ---- RTX that lies ---- */

/* As @e would send it: on the RTX stream of its camera, or wherever. */
static void send_rtx(struct endpoint *e, uint32_t ssrc, uint8_t pt, uint16_t seq, int osn,
                     size_t payload_bytes)
{
    uint8_t buf[1400];
    size_t len = endpoint_write_rtp(e, buf, sizeof(buf), pt, seq, ssrc, payload_bytes);

    if (osn >= 0 && payload_bytes >= 2)
        wire_put_u16(buf + 12, (uint16_t)osn);
    endpoint_send_rtp(e, buf, len);
}

static void rtx_that_lies_harms_the_liar_alone(void **state)
{
    struct scene c = set_scene(2);
    struct endpoint *evil = endpoint_join(c.sim, 40);
    struct pub *p = publish(evil);
    uint8_t rtx_pt = p->section.codec[0].rtx_pt;
    uint32_t ssrc = p->encoding[0].ssrc, rtx_ssrc = p->section.encoding[0].rtx_ssrc;
    struct slot *s = endpoint_watch(c.viewer[0], p);
    struct sfu_totals before, after;

    (void)state;
    sim_run(c.sim, 500 * MS);
    p->is_sending = false;
    mark(&c);
    sfu_read_totals(c.sim->sfu, &before);
    for (uint16_t i = 0, k = 0; i < 300; i++) {
        uint16_t newest = p->encoding[0].seq;
        send_rtx(evil, rtx_ssrc, rtx_pt, k++, newest + 2000, 300); /* far ahead */
        send_rtx(evil, rtx_ssrc, rtx_pt, k++, (int)rng_below(&c.sim->rng, 65536), 300);
        send_rtx(evil, rtx_ssrc, rtx_pt, k++, -1, rng_below(&c.sim->rng, 2)); /* no number */
        send_rtx(evil, rtx_ssrc, p->pt, k++, newest, 300);                    /* media there */
        send_rtx(evil, ssrc, rtx_pt, (uint16_t)(newest + i), newest, 300); /* RTX where media is */
        send_rtx(evil, c.camera->encoding[0].ssrc, 35, i, 1, 300);         /* another's */
        sim_run(c.sim, 5 * MS);
    }
    sfu_read_totals(c.sim->sfu, &after);
    SIM_EXPECT(c.sim, after.unknown_ssrc - before.unknown_ssrc >= 300);
    SIM_EXPECT(c.sim, after.codec_mismatch > before.codec_mismatch);
    expect_nothing_noticed(&c, 1);
    SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.slot[0]->recv) == 0); /* it watches both */
    expect_all_decoded(&c, 0, 3);
    SIM_EXPECT(c.sim, keyframes_since(&c) == 0);
    slot_watch(s, NULL);
    c.viewer[0]->faults = evil->faults =
        0; /* of the nonsense, and of what was asked for again of it */
    end_scene(&c);
}

/* ---- starting ---- */

/* A viewer on a bad line starts from the history of a publisher on another one. */
static void a_start_from_the_history_survives_loss(void **state)
{
    struct scene c = set_scene(9);

    (void)state;
    endpoint_set_lines(c.publisher, &lossy);
    for (unsigned i = 1; i < 9; i++) {
        sfu_subscription_set_source(c.sim->sfu, c.slot[i]->id, 0, sim_now_us(c.sim));
        endpoint_set_lines(c.viewer[i], &lossy);
    }
    c.camera->encoding[0].wants_keyframe = true;
    sim_run(c.sim, 700 * MS);
    mark(&c);
    uint64_t starts = c.sim->sfu->totals.starts_from_history;
    for (unsigned i = 1; i < 9; i++) {
        slot_watch(c.slot[i], c.camera);
        sim_run(c.sim, 150 * MS);
    }
    sim_run(c.sim, 3 * SECONDS);
    SIM_EXPECT(c.sim, c.sim->sfu->totals.starts_from_history > starts);
    SIM_EXPECT(c.sim, keyframes_since(&c) <= 3);
    for (unsigned i = 1; i < 9; i++) {
        SIM_EXPECT(c.sim, decoded_since(&c, i) > 80);
        SIM_EXPECT(c.sim, c.slot[i]->decoded.frame + 30 > c.camera->encoding[0].frames);
    }
    end_scene(&c);
}

/* ---- many ---- */

static void many_viewers_on_mixed_lines_cost_a_publisher_little(void **state)
{
    struct scene c = set_scene(MAX_VIEWERS);
    const struct net_line line[4] = {
        {.delay_us = 20 * MS},
        {.delay_us = 50 * MS, .loss_permille = 20},
        {.delay_us = 40 * MS, .jitter_us = 30 * MS, .loss_permille = 50, .reorder_permille = 20},
        {.delay_us = 100 * MS, .loss_permille = 100},
    };
    struct packet_pool_stats pool;

    (void)state;
    for (unsigned i = 0; i < MAX_VIEWERS; i++)
        endpoint_set_lines(c.viewer[i], &line[i % 4]);
    mark(&c);
    sim_run(c.sim, 8 * SECONDS);
    SIM_EXPECT(c.sim, c.camera->encoding[0].plis - c.plis <= 8 + 2);
    packet_pool_read_stats(c.sim->pool, &pool);
    SIM_EXPECT(c.sim, pool.live <= HISTORY_MAX_PACKETS / 4);
    for (unsigned i = 0; i < MAX_VIEWERS; i++)
        SIM_EXPECT(c.sim, decoded_since(&c, i) > frames_since(&c) * (i % 4 == 3 ? 2 : 3) / 4);
    for (unsigned i = 0; i < MAX_VIEWERS; i += 4)
        expect_all_decoded(&c, i, 3);
    end_scene(&c);
}

/* ---- a keyframe that comes by repair ---- */

/* The first viewers come when the newest keyframe is too old to start with, and of the one that they ask for something is lost. */
static void who_waits_starts_with_a_repaired_keyframe(void **state)
{
    static const unsigned lost[] = {0x01, 0x03, 0x05, 0x3f};

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(lost); i++) {
        struct scene c = set_scene(0);
        endpoint_set_lines(c.publisher, &clean);
        sim_run(c.sim, 5 * SECONDS);
        mark(&c);
        c.camera->lost_of_keyframe = lost[i];
        for (c.viewers = 0; c.viewers < 3; c.viewers++) {
            c.viewer[c.viewers] = endpoint_join(c.sim, 2 + c.viewers);
            feedback_enable(c.viewer[c.viewers], FEEDBACK_NACK);
        }
        for (unsigned k = 0; k < c.viewers; k++)
            c.slot[k] = endpoint_watch(c.viewer[k], c.camera);
        sim_run(c.sim, 420 * MS); /* the way there and back, twice, and what NACKs wait */
        SIM_EXPECT(c.sim, keyframes_since(&c) == 1 && c.camera->encoding[0].plis - c.plis == 1);
        for (unsigned k = 0; k < c.viewers; k++)
            SIM_EXPECT(c.sim, decoded(&c, k) > 0);
        sim_run(c.sim, 3 * SECONDS);
        SIM_EXPECT(c.sim, keyframes_since(&c) == 1);
        for (unsigned k = 0; k < c.viewers; k++)
            SIM_EXPECT(c.sim, c.slot[k]->decoded.frame + 6 > c.camera->encoding[0].frames);
        end_scene(&c);
    }
}

/* What is lost does not come again: then only another keyframe helps. */
static void a_keyframe_that_stays_incomplete_starts_nobody(void **state)
{
    struct scene c = set_scene(0);

    (void)state;
    endpoint_set_lines(c.publisher, &clean);
    sim_run(c.sim, 5 * SECONDS);
    mark(&c);
    c.publisher->feedback->is_deaf_to_nacks = true;
    c.camera->lost_of_keyframe = 0x03;
    c.viewer[0] = endpoint_join(c.sim, 2);
    c.viewers = 1;
    c.slot[0] = endpoint_watch(c.viewer[0], c.camera);
    sim_run(c.sim, 3 * SECONDS);
    SIM_EXPECT(c.sim, keyframes_since(&c) == 2);
    SIM_EXPECT(c.sim, c.slot[0]->decoded.frame + 6 > c.camera->encoding[0].frames);
    end_scene(&c);
}

/* ---- what comes later than its stream can take it ---- */

/* At this rate more than FANOUT_WINDOW_PACKETS follow within a round trip: the number is too old to be encrypted under the stream's
 * SSRC. Whoever asks for it gets it on the RTX stream, which has numbers of its own. */
static void what_is_too_late_for_its_stream_comes_as_rtx(void **state)
{
    struct scene c = set_scene(1);

    (void)state;
    endpoint_set_lines(c.publisher, &(struct net_line){.delay_us = 160 * MS});
    c.camera->encoding[0].packets_per_frame = 32;
    c.camera->keyframe_packets = 32;
    sim_run(c.sim, SECONDS);
    mark(&c);
    for (unsigned i = 0; i < 3; i++) {
        c.camera->lost_of_keyframe = 0x10;
        c.camera->encoding[0].wants_keyframe = true;
        sim_run(c.sim, 2 * SECONDS);
        SIM_EXPECT(c.sim, sim_transport_stats(c.sim, 2).send_failed == i + 1);
        SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_repaired == i + 1);
    }
    SIM_EXPECT(c.sim, keyframes_since(&c) == 3);
    expect_all_decoded(&c, 0, 8);
    end_scene(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(loss_on_both_sides_is_repaired),
        SIM_TEST(bursts_of_loss_are_repaired),
        SIM_TEST(loss_upstream_is_repaired_there),
        SIM_TEST(a_publisher_that_does_not_answer_is_asked_for_keyframes),
        SIM_TEST(the_loss_of_one_viewer_is_nobody_elses),
        SIM_TEST(one_who_asks_for_everything_gets_a_budget),
        SIM_TEST(numbers_that_were_not_sent_are_not_answered),
        SIM_TEST(nothing_from_before_a_switch_comes_again),
        SIM_TEST(a_slot_that_is_closed_answers_nothing),
        SIM_TEST(slots_are_switched_and_opened_again_under_loss),
        SIM_TEST(rtx_that_lies_harms_the_liar_alone),
        SIM_TEST(all_who_ask_for_keyframes_get_one_a_second),
        SIM_TEST(a_start_from_the_history_survives_loss),
        SIM_TEST(many_viewers_on_mixed_lines_cost_a_publisher_little),
        SIM_TEST(who_waits_starts_with_a_repaired_keyframe),
        SIM_TEST(a_keyframe_that_stays_incomplete_starts_nobody),
        SIM_TEST(what_is_too_late_for_its_stream_comes_as_rtx),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
