/* SPDX-License-Identifier: Apache-2.0 */
/* test_congestion.c - estimate, probes and pacer through the whole stack: with honest viewers, silent ones and liars. */
#include "tests/unit/core/cmocka_all.h"

#include "core/mem.h"
#include "core/packet.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/feedback.h"
#include "tests/sim/link.h"
#include "transport/bwe.h"
#include "transport/rtcp_fb.h"
#include "transport/rtcp_twcc.h"

#define ALL (FEEDBACK_NACK | FEEDBACK_TWCC)
#define VIEWERS 3
#define MBPS 1000000ull
#define VIEWER_ID 2 /* of the first one's transport */

/* A camera of some 650 kb/s and three who watch it, of whom the first may have a bottleneck. */
struct scene {
    struct sim *sim;
    struct endpoint *publisher, *viewer[VIEWERS];
    struct pub *camera;
    struct slot *slot[VIEWERS];
    struct link *link;
    uint64_t began_us;
    uint32_t frames, keyframes, decoded[VIEWERS];
};

static uint32_t decoded(const struct scene *c, unsigned i)
{
    return slot_source(c->slot[i], c->camera)->decoded;
}

static void mark(struct scene *c)
{
    c->began_us = sim_now_us(c->sim);
    c->frames = c->camera->encoding[0].frames;
    c->keyframes = c->camera->encoding[0].keyframes;
    for (unsigned i = 0; i < VIEWERS; i++) {
        c->decoded[i] = decoded(c, i);
        c->slot[i]->largest_gap_us = 0;
    }
}

static struct scene set_scene(void)
{
    struct scene c = {.sim = sim_new()};

    c.publisher = endpoint_join(c.sim, 1);
    c.camera = endpoint_publish(c.publisher, CODEC_VP8);
    c.camera->fill_bytes = 850;
    for (unsigned i = 0; i < VIEWERS; i++) {
        c.viewer[i] = endpoint_join(c.sim, VIEWER_ID + i);
        feedback_enable(c.viewer[i], ALL);
        c.slot[i] = endpoint_watch(c.viewer[i], c.camera);
    }
    sim_run(c.sim, SECONDS);
    mark(&c);
    return c;
}

static void set_link(struct scene *c, uint64_t bps)
{
    c->link = mem_alloc(sizeof(*c->link));
    link_init(c->link, c->sim->seed, bps, 30 * MS, 300 * MS);
    net_set_down_link(c->viewer[0]->host, c->link);
    c->viewer[0]->may_lose = true;
}

static void end_scene(struct scene *c)
{
    struct link *link = c->link;

    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
    mem_free(link);
}

static void expect_nothing_noticed(struct scene *c, unsigned i)
{
    uint32_t frames = c->camera->encoding[0].frames - c->frames;

    SIM_EXPECT(c->sim, decoded(c, i) - c->decoded[i] + 2 >= frames);
    SIM_EXPECT(c->sim, rtp_recv_packets_lost(&c->slot[i]->recv) == 0);
    SIM_EXPECT(c->sim, feedback_of(c->slot[i])->media_reordered == 0);
    SIM_EXPECT(c->sim, feedback_numbers_missing(c->viewer[i]) == 0);
    SIM_EXPECT(c->sim, c->slot[i]->largest_gap_us < 60 * MS);
}

static void expect_the_others_notice_nothing(struct scene *c)
{
    for (unsigned i = 1; i < VIEWERS; i++)
        expect_nothing_noticed(c, i);
}

static struct transport *transport_of(const struct endpoint *e)
{
    return sfu_find_transport(e->sim->sfu, e->id)->tp;
}

static struct bwe_stats estimator(struct scene *c, unsigned i)
{
    struct bwe_stats stats;

    SIM_EXPECT(c->sim, transport_read_bwe(transport_of(c->viewer[i]), &stats));
    return stats;
}

static uint64_t estimate(const struct scene *c, unsigned i)
{
    return transport_estimate_bps(transport_of(c->viewer[i]));
}

static void want(const struct scene *c, unsigned i, uint64_t bps)
{
    transport_want_bps(transport_of(c->viewer[i]), bps, sim_now_us(c->sim));
}

/* How many frames it decodes in that time. */
static uint32_t shown_in(struct scene *c, unsigned i, uint64_t us)
{
    uint32_t before = decoded(c, i);

    sim_run(c->sim, us);
    return decoded(c, i) - before;
}

/* ---- the estimate ---- */

static void the_estimate_follows_a_line(void **state)
{
    struct scene c = set_scene();
    uint64_t cut_us = c.began_us + 10 * SECONDS, back_us = c.began_us + 18 * SECONDS;

    (void)state;
    c.camera->encoding[0].packets_per_frame = 6; /* 1.3 Mb/s */
    set_link(&c, 3 * MBPS);
    link_change(c.link, cut_us, MBPS / 2);
    link_change(c.link, back_us, 3 * MBPS);
    sim_run(c.sim, 8 * SECONDS);
    SIM_EXPECT(c.sim, shown_in(&c, 0, 2 * SECONDS) > 50);
    SIM_EXPECT(c.sim, estimate(&c, 0) > 3 * MBPS / 2 && estimate(&c, 0) < 4 * MBPS);
    uint64_t told_bps = sim_transport_stats(c.sim, VIEWER_ID).estimate_bps;
    SIM_EXPECT(c.sim,
               told_bps * 100 >= estimate(&c, 0) * 98 && told_bps * 98 <= estimate(&c, 0) * 100);
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, shown_in(&c, 0, 4 * SECONDS) < 10 && estimate(&c, 0) < MBPS);
    sim_run(c.sim, 16 * SECONDS);
    SIM_EXPECT(c.sim, shown_in(&c, 0, 2 * SECONDS) > 50 && estimate(&c, 0) > 3 * MBPS / 2);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes - c.keyframes <= 36);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

static void a_second_of_darkness_passes(void **state)
{
    struct scene c = set_scene();

    (void)state;
    set_link(&c, 4 * MBPS);
    sim_run(c.sim, 5 * SECONDS);
    uint64_t before = estimate(&c, 0);
    c.link->blocked_from_us = sim_now_us(c.sim);
    c.link->blocked_to_us = sim_now_us(c.sim) + SECONDS;
    mark(&c);
    sim_run(c.sim, 3 * SECONDS);
    SIM_EXPECT(c.sim, shown_in(&c, 0, 3 * SECONDS) > 80);
    SIM_EXPECT(c.sim, estimate(&c, 0) > before / 2);
    SIM_EXPECT(c.sim, c.slot[0]->largest_gap_us < 1500 * MS);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes - c.keyframes <= 3);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

static void the_bad_line_of_one_is_nobody_elses(void **state)
{
    struct scene c = set_scene();

    (void)state;
    set_link(&c, 400000); /* less than the camera needs */
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes - c.keyframes <= 10 + 2);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

/* One packet in twenty, both ways: no reason to show less. */
static void loss_alone_does_not_end_video(void **state)
{
    struct scene c = set_scene();
    const struct net_line lossy = {.delay_us = 40 * MS, .loss_permille = 50};

    (void)state;
    endpoint_set_lines(c.viewer[0], &lossy);
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, shown_in(&c, 0, 20 * SECONDS) > 20 * 30 * 3 / 4);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

/* What looks like a queue that does not go: the rate goes down, so video that has one layer stops for a moment, and returns. */
static void a_longer_way_does_not_end_video(void **state)
{
    struct scene c = set_scene();
    const struct net_line far = {.delay_us = 60 * MS};

    (void)state;
    net_set_down(c.viewer[0]->host, &far);
    sim_run(c.sim, 10 * SECONDS);
    mark(&c);
    sim_run(c.sim, 5 * SECONDS);
    SIM_EXPECT(c.sim, decoded(&c, 0) - c.decoded[0] > 4 * 30);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

/* ---- probes ---- */

static void probes_find_what_could_be_used_and_do_no_harm(void **state)
{
    struct scene c = set_scene();

    (void)state;
    SIM_EXPECT(c.sim, feedback_of(c.slot[0])->rtx_packets == 0);
    for (unsigned n = 0; n < 60; n++) { /* as if there were more to be had */
        for (unsigned i = 0; i < VIEWERS; i++)
            want(&c, i, 5 * MBPS);
        sim_run(c.sim, 100 * MS);
    }
    for (unsigned i = 0; i < VIEWERS; i++) {
        const struct feedback_slot *fs = feedback_of(c.slot[i]);
        SIM_EXPECT(c.sim, estimate(&c, i) > 4 * MBPS);
        SIM_EXPECT(c.sim, fs->rtx_packets > 30 && fs->rtx_reordered == 0);
        SIM_EXPECT(c.sim, fs->rtx_bytes < 2 * MBPS / 8);
        SIM_EXPECT(c.sim,
                   sim_transport_stats(c.sim, VIEWER_ID + i).probe_packets_sent == fs->rtx_packets);
        expect_nothing_noticed(&c, i);
    }
    end_scene(&c);
}

static void where_nothing_flows_padding_is_sent(void **state)
{
    struct scene c = set_scene();
    struct feedback_slot *fs = feedback_of(c.slot[0]);

    (void)state;
    slot_watch(c.slot[0], NULL);
    sim_run(c.sim, 500 * MS);
    want(&c, 0, 4 * MBPS);
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, fs->rtx_padding > 50 && fs->rtx_padding == fs->rtx_packets);
    SIM_EXPECT(c.sim, estimate(&c, 0) > 3 * MBPS);
    slot_watch(c.slot[0], c.camera);
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, c.slot[0]->decoded.frame + 3 > c.camera->encoding[0].frames);
    expect_the_others_notice_nothing(&c);
    end_scene(&c);
}

/* ---- the pacer ---- */

/* The most datagrams that came to the viewer within a step, and how many came. */
static unsigned watch_arrivals(struct scene *c, uint64_t us, uint64_t step_us, unsigned *sum)
{
    unsigned most = 0;

    *sum = 0;
    for (uint64_t at_us = 0; at_us < us; at_us += step_us) {
        uint64_t before = c->viewer[0]->packets_received;
        sim_run(c->sim, step_us);
        unsigned came = (unsigned)(c->viewer[0]->packets_received - before);
        most = MAX(most, came);
        *sum += came;
    }
    return most;
}

/* A keyframe of 32 packets, 30 KB; the estimate is still a megabit. */
static struct scene set_scene_of_bursts(void)
{
    struct scene c = set_scene();

    c.camera->keyframe_packets = 32;
    c.camera->encoding[0].packets_per_frame = 1;
    sim_run(c.sim, SECONDS);
    mark(&c);
    c.camera->encoding[0].wants_keyframe = true;
    return c;
}

static void expect_a_keyframe_is_spread_and_stays_whole(uint8_t head_fill_bytes)
{
    struct scene c = set_scene_of_bursts();
    unsigned sum;

    c.camera->head_fill_bytes = head_fill_bytes;
    unsigned most = watch_arrivals(&c, 300 * MS, 5 * MS, &sum);
    SIM_EXPECT(c.sim, sum > 32 && most >= 8 && most <= 20);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, VIEWER_ID).paced_packets > 10);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, VIEWER_ID).pace_dropped == 0);
    for (unsigned i = 0; i < VIEWERS; i++) {
        SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.slot[i]->recv) == 0);
        SIM_EXPECT(c.sim, feedback_of(c.slot[i])->media_reordered == 0);
        SIM_EXPECT(c.sim, feedback_numbers_missing(c.viewer[i]) == 0);
        SIM_EXPECT(c.sim,
                   decoded(&c, i) - c.decoded[i] + 2 >= c.camera->encoding[0].frames - c.frames);
    }
    end_scene(&c);
}

/* Heads as short as usual; longer ones, as of dependency descriptors with a structure; and the longest that can be. */
static void a_keyframe_is_spread_and_stays_whole(void **state)
{
    (void)state;
    expect_a_keyframe_is_spread_and_stays_whole(0);
    expect_a_keyframe_is_spread_and_stays_whole(120);
    expect_a_keyframe_is_spread_and_stays_whole(255);
}

/* Until the first packets of the keyframe wait. */
static void run_into_the_burst(struct scene *c)
{
    for (unsigned i = 0; i < 100; i++) {
        if (sim_transport_stats(c->sim, VIEWER_ID).paced_packets > 0)
            return;
        sim_run(c->sim, MS);
    }
    SIM_EXPECT(c->sim, false);
}

static void what_waits_goes_with_its_slot(void **state)
{
    struct scene c = set_scene_of_bursts();
    struct slot *s = c.slot[0];

    (void)state;
    run_into_the_burst(&c);
    sfu_subscription_close(c.sim->sfu, s->id, sim_now_us(c.sim));
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, VIEWER_ID).pace_dropped > 5);
    sim_run(c.sim, 300 * MS);
    SIM_EXPECT(c.sim, sfu_subscription_open(c.sim->sfu, s->id, VIEWER_ID, &s->section,
                                            sim_now_us(c.sim)) == 0);
    slot_begin_anew(s);
    slot_watch(s, c.camera);
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, s->decoded.frame + 3 > c.camera->encoding[0].frames);
    SIM_EXPECT(c.sim, rtp_recv_packets_lost(&s->recv) == 0); /* its numbers were not used up */
    end_scene(&c);
}

static void what_waits_goes_with_its_transport(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        struct scene c = set_scene_of_bursts();
        struct packet_pool_stats pool;
        run_into_the_burst(&c);
        if (how == 0)
            sfu_transport_close(c.sim->sfu, VIEWER_ID, sim_now_us(c.sim));
        else if (how == 1)
            endpoint_hang_up(c.viewer[0]);
        else
            sfu_transport_close(c.sim->sfu, 1, sim_now_us(c.sim)); /* the publisher's */
        sim_run(c.sim, SECONDS);
        packet_pool_read_stats(c.sim->pool, &pool);
        SIM_EXPECT(c.sim, pool.live <= (how == 2 ? 0 : 500));
        end_scene(&c);
    }
}

/* ---- those who tell nothing, or lies ---- */

static void a_viewer_that_tells_nothing_is_served_all_the_same(void **state)
{
    struct scene c = set_scene();
    struct endpoint *quiet = endpoint_join(c.sim, 9);

    (void)state;
    feedback_enable(quiet, ALL);
    quiet->feedback->is_silent = true;
    struct slot *s = endpoint_watch(quiet, c.camera);
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, feedback_of(s)->rtx_bytes < MBPS / 8);
    SIM_EXPECT(c.sim, transport_estimate_bps(transport_of(quiet)) == BWE_DEFAULT_START_BPS);
    SIM_EXPECT(c.sim, slot_source(s, c.camera)->decoded > 10 * 30 - 10);
    for (unsigned i = 0; i < VIEWERS; i++)
        expect_nothing_noticed(&c, i);
    end_scene(&c);
}

static void send_feedback_of(struct endpoint *e, uint16_t base, unsigned n, int64_t at_us,
                             int step_us)
{
    struct rtcp_twcc_builder *b = MEM_NEW(struct rtcp_twcc_builder);
    uint8_t buf[MAX_DATAGRAM_BYTES];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_twcc_start(b, base, (uint64_t)at_us);
    for (unsigned i = 0; i < n; i++)
        if (!rtcp_twcc_add(b, (uint16_t)(base + i), (uint64_t)(at_us + (int64_t)i * step_us)))
            break;
    rtcp_write_rr(&w, 1, NULL, 0);
    rtcp_twcc_write(b, &w, 1, 1, (uint8_t)base);
    endpoint_send_rtcp(e, &w);
    mem_free(b);
}

/* A feedback packet whose inside is anything. */
static void send_nonsense(struct endpoint *e)
{
    struct rng *rng = &e->sim->rng;
    uint8_t buf[400];
    struct writer w = writer_of(buf, sizeof(buf));
    unsigned words = 1 + rng_below(rng, 60);

    rtcp_write_rr(&w, 1, NULL, 0);
    writer_u8(&w, 0x80 | 15);
    writer_u8(&w, 205);
    writer_u16(&w, (uint16_t)(2 + words));
    writer_u32(&w, 1);
    writer_u32(&w, 1);
    for (unsigned i = 0; i < words; i++)
        writer_u32(&w, rng_below(rng, 4) == 0 ? 0xffffffff : rng_u32(rng));
    endpoint_send_rtcp(e, &w);
}

static void send_remb(struct endpoint *e, uint64_t bps)
{
    uint8_t buf[100];
    struct writer w = writer_of(buf, sizeof(buf));
    const struct rtcp_remb remb = {.bitrate_bps = bps, .n = 1, .ssrc = {1}};

    rtcp_write_rr(&w, 1, NULL, 0);
    rtcp_fb_write_remb(&w, 1, &remb);
    endpoint_send_rtcp(e, &w);
}

static void expect_liar_is_bounded(struct scene *c)
{
    uint64_t sent = sim_transport_stats(c->sim, VIEWER_ID).bytes_sent;

    SIM_EXPECT(c->sim, estimate(c, 0) >= BWE_DEFAULT_MIN_BPS);
    SIM_EXPECT(c->sim, estimate(c, 0) <= BWE_DEFAULT_MAX_BPS);
    sim_run(c->sim, 2 * SECONDS);
    sent = sim_transport_stats(c->sim, VIEWER_ID).bytes_sent - sent;
    SIM_EXPECT(c->sim, sent < 2 * 2 * MBPS / 8); /* of 0.7 Mb/s of media, and what it wanted */
    expect_the_others_notice_nothing(c);
}

static void feedback_of_what_was_never_sent_is_ignored(void **state)
{
    struct scene c = set_scene();

    (void)state;
    for (unsigned i = 0; i < 400; i++) {
        uint16_t newest = (uint16_t)c.viewer[0]->feedback->newest_number;
        send_feedback_of(c.viewer[0], (uint16_t)(newest + 100 + i), 200, (int64_t)sim_now_us(c.sim),
                         10);
        send_feedback_of(c.viewer[0], (uint16_t)(newest - 20000), 400, (int64_t)sim_now_us(c.sim),
                         10);
        sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, estimator(&c, 0).feedback_unknown > 100000);
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, VIEWER_ID).twcc_feedback_received >= 800);
    expect_liar_is_bounded(&c);
    end_scene(&c);
}

/* Of packets that were sent, but at made-up times; and all of it again and again. */
static void feedback_of_times_that_cannot_be_harms_the_liar_alone(void **state)
{
    struct scene c = set_scene();

    (void)state;
    c.viewer[0]->feedback->is_silent = true;
    want(&c, 0, MBPS);
    for (unsigned i = 0; i < 1000; i++) {
        struct rng *rng = &c.sim->rng;
        uint16_t newest = (uint16_t)c.viewer[0]->feedback->newest_number;
        int64_t at_us = (int64_t)rng_below(rng, 1u << 30) * (rng_below(rng, 8) == 0 ? 1000 : 1);
        send_feedback_of(c.viewer[0], (uint16_t)(newest - 30), 40, at_us,
                         (int)rng_below(rng, 20000) - 10000);
        sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, estimator(&c, 0).feedback_duplicates > 1000);
    expect_liar_is_bounded(&c);
    end_scene(&c);
}

/* All came at once, or in no time: as if the line had no end. */
static void an_endless_line_is_not_believed_beyond_the_bound(void **state)
{
    struct scene c = set_scene();

    (void)state;
    c.viewer[0]->feedback->is_silent = true;
    want(&c, 0, 3 * MBPS / 2);
    uint16_t told = (uint16_t)c.viewer[0]->feedback->newest_number;
    for (unsigned i = 0; i < 400; i++) {
        uint16_t newest = (uint16_t)c.viewer[0]->feedback->newest_number;
        unsigned n = (uint16_t)(newest - told);
        if (n > 0)
            send_feedback_of(c.viewer[0], (uint16_t)(told + 1), n, 1000000 + (int64_t)i * 250, 0);
        told = newest;
        sim_run(c.sim, 20 * MS);
    }
    expect_liar_is_bounded(&c);
    end_scene(&c);
}

static void nonsense_is_counted(void **state)
{
    struct scene c = set_scene();

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        send_nonsense(c.viewer[0]);
        if (i % 10 == 0)
            sim_run(c.sim, 5 * MS);
    }
    SIM_EXPECT(c.sim, sim_transport_stats(c.sim, VIEWER_ID).rtcp_malformed > 500);
    expect_liar_is_bounded(&c);
    end_scene(&c);
}

static void a_bound_of_the_receivers_own_holds_within_bounds(void **state)
{
    struct scene c = set_scene();

    (void)state;
    send_remb(c.viewer[0], 300000);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, estimate(&c, 0) == 300000);
    send_remb(c.viewer[0], 0);
    sim_run(c.sim, 2 * SECONDS);
    SIM_EXPECT(c.sim, estimate(&c, 0) == BWE_DEFAULT_MIN_BPS);
    for (unsigned i = 0; i < 2000; i++) {
        send_remb(c.viewer[0], i % 2 == 0 ? UINT64_MAX >> 1 : rng_u32(&c.sim->rng));
        if (i % 10 == 0)
            sim_run(c.sim, 5 * MS);
    }
    send_remb(c.viewer[0], UINT64_MAX >> 1);
    sim_run(c.sim, 15 * SECONDS); /* what was too much is tried again after a while */
    SIM_EXPECT(c.sim, shown_in(&c, 0, 2 * SECONDS) > 50);
    expect_liar_is_bounded(&c);
    end_scene(&c);
}

/* ---- REMB alone ---- */

/* Its way up carries less than it sends: 1.3 Mb/s. */
static void a_publisher_with_nothing_but_remb_is_told_what_its_way_carries(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *publisher = endpoint_join(sim, 1), *viewer = endpoint_join(sim, 2);
    struct link *link = mem_alloc(sizeof(*link));

    (void)state;
    feedback_enable(publisher, FEEDBACK_REMB);
    struct pub *camera = endpoint_publish(publisher, CODEC_VP8);
    camera->fill_bytes = 850;
    camera->encoding[0].packets_per_frame = 6;
    struct slot *slot = endpoint_watch(viewer, camera);
    sim_run(sim, 10 * SECONDS);
    SIM_EXPECT(sim, publisher->rembs >= 8 && publisher->rembs <= 15);
    SIM_EXPECT(sim, publisher->remb_bps > 13 * MBPS / 10);
    SIM_EXPECT(sim, sim_transport_stats(sim, 1).rembs_sent == publisher->rembs);
    SIM_EXPECT(sim, sim_transport_stats(sim, 1).twcc_feedback_sent == 0);
    SIM_EXPECT(sim, slot_source(slot, camera)->decoded > 250);
    SIM_EXPECT(sim, viewer->rembs == 0);
    link_init(link, sim->seed, 8 * MBPS / 10, 30 * MS, 300 * MS);
    net_set_down_link(sim->host, link);
    publisher->may_lose = viewer->may_lose = true;
    sim_run(sim, 5 * SECONDS);
    SIM_EXPECT(sim, publisher->remb_bps > 4 * MBPS / 10 && publisher->remb_bps < 9 * MBPS / 10);
    sim_expect_no_faults(sim);
    sim_free(&sim);
    mem_free(link);
}

static void a_viewer_with_nothing_but_remb_decides_what_it_gets(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *publisher = endpoint_join(sim, 1), *viewer = endpoint_join(sim, VIEWER_ID);
    struct endpoint *other = endpoint_join(sim, 3);

    (void)state;
    struct pub *p = endpoint_publish_simulcast(publisher, 3);
    p->fill_bytes = 850; /* some 220, 430 and 870 kb/s */
    feedback_enable(viewer, FEEDBACK_REMB);
    struct slot *slot = endpoint_watch(viewer, p), *all = endpoint_watch(other, p);
    sim_run(sim, 4 * SECONDS);
    SIM_EXPECT(sim, slot_source(slot, p)->encoding == 2); /* nothing is known yet */
    SIM_EXPECT(sim, sim_transport_stats(sim, VIEWER_ID).estimate_bps == 0);
    for (unsigned i = 0; i < 5; i++) {
        send_remb(viewer, 300000);
        send_remb(other, 300000); /* which has not negotiated it */
        sim_run(sim, SECONDS);
    }
    SIM_EXPECT(sim, slot_source(slot, p)->encoding == 0 && slot_source(all, p)->encoding == 2);
    SIM_EXPECT(sim, sim_transport_stats(sim, VIEWER_ID).estimate_bps == 300000);
    SIM_EXPECT(sim, sim_transport_stats(sim, VIEWER_ID).rembs_received == 5);
    SIM_EXPECT(sim, sim_transport_stats(sim, 3).rembs_received == 0);
    SIM_EXPECT(sim, sim_transport_stats(sim, VIEWER_ID).probe_packets_sent == 0);
    for (unsigned i = 0; i < 40; i++) {
        send_remb(viewer, 3 * MBPS);
        sim_run(sim, SECONDS);
    }
    SIM_EXPECT(sim, slot_source(slot, p)->encoding == 2);
    sim_run(sim, 30 * SECONDS); /* what it said last holds */
    SIM_EXPECT(sim, slot_source(slot, p)->encoding == 2);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* Its own estimator stands on when packets left here: those that waited for the pacer and those that come again, too; never on what
 * their publisher says. */
static void a_viewer_with_nothing_but_remb_is_told_when_packets_leave(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *publisher = endpoint_join(sim, 1), *viewer = endpoint_join(sim, VIEWER_ID);

    (void)state;
    feedback_enable(publisher, FEEDBACK_REMB);
    struct pub *p = endpoint_publish(publisher, CODEC_VP8),
               *microphone = endpoint_publish(publisher, CODEC_OPUS);
    p->fill_bytes = 850;
    p->keyframe_packets = 32;
    feedback_enable(viewer, FEEDBACK_REMB | FEEDBACK_NACK);
    endpoint_set_lines(publisher, &(struct net_line){.delay_us = 70 * MS, .jitter_us = 10 * MS});
    endpoint_set_lines(viewer, &(struct net_line){.delay_us = 30 * MS, .loss_permille = 20});
    struct slot *slot = endpoint_watch(viewer, p), *heard = endpoint_watch(viewer, microphone);
    for (unsigned i = 0; i < 70; i++) { /* past the wrap */
        send_remb(viewer, 900000);
        p->encoding[0].wants_keyframe = i % 4 == 0;
        sim_run(sim, SECONDS);
    }
    SIM_EXPECT(sim, slot_source(slot, p)->decoded > 1000 && heard->packets > 3000);
    SIM_EXPECT(sim, sim_transport_stats(sim, VIEWER_ID).paced_packets > 50);
    SIM_EXPECT(sim, feedback_of(slot)->rtx_repaired > 50);
    SIM_EXPECT(sim, viewer->feedback->timed >= slot->packets);
    SIM_EXPECT(sim, viewer->feedback->shortest_way_us >= 30 * MS - 10);
    SIM_EXPECT(sim, viewer->feedback->longest_way_us <= 30 * MS + 10);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(the_estimate_follows_a_line),
        SIM_TEST(a_second_of_darkness_passes),
        SIM_TEST(the_bad_line_of_one_is_nobody_elses),
        SIM_TEST(loss_alone_does_not_end_video),
        SIM_TEST(a_longer_way_does_not_end_video),
        SIM_TEST(probes_find_what_could_be_used_and_do_no_harm),
        SIM_TEST(where_nothing_flows_padding_is_sent),
        SIM_TEST(a_keyframe_is_spread_and_stays_whole),
        SIM_TEST(what_waits_goes_with_its_slot),
        SIM_TEST(what_waits_goes_with_its_transport),
        SIM_TEST(a_viewer_that_tells_nothing_is_served_all_the_same),
        SIM_TEST(feedback_of_what_was_never_sent_is_ignored),
        SIM_TEST(feedback_of_times_that_cannot_be_harms_the_liar_alone),
        SIM_TEST(an_endless_line_is_not_believed_beyond_the_bound),
        SIM_TEST(nonsense_is_counted),
        SIM_TEST(a_bound_of_the_receivers_own_holds_within_bounds),
        SIM_TEST(a_publisher_with_nothing_but_remb_is_told_what_its_way_carries),
        SIM_TEST(a_viewer_with_nothing_but_remb_decides_what_it_gets),
        SIM_TEST(a_viewer_with_nothing_but_remb_is_told_when_packets_leave),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
