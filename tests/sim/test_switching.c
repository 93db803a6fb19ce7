/* SPDX-License-Identifier: Apache-2.0 */
/* test_switching.c - what flows through a slot changes: encodings of one source, and sources. The endpoint checks every packet. */
#include "tests/unit/core/cmocka_all.h"

#include "rooms/sfu/subscription.h"
#include "tests/sim/endpoint.h"
#include "tests/sim/feedback.h"

#define PUBLISHERS 3

static const struct net_line perfect = {.delay_us = 20 * MS};
static const struct net_line poor = {.delay_us = 40 * MS,
                                     .jitter_us = 20 * MS,
                                     .loss_permille = 20,
                                     .duplicate_permille = 10,
                                     .reorder_permille = 10};

/* Some who publish, and one who watches. */
struct stage {
    struct sim *sim;
    struct endpoint *publisher[PUBLISHERS], *viewer;
    struct pub *camera[PUBLISHERS], *microphone[PUBLISHERS];
};

static struct stage set_stage(const struct net_line *line)
{
    struct stage g = {.sim = sim_new()};

    for (unsigned i = 0; i < PUBLISHERS; i++) {
        g.publisher[i] = endpoint_join(g.sim, i + 1);
        g.camera[i] = endpoint_publish(g.publisher[i], CODEC_VP8);
        g.microphone[i] = endpoint_publish(g.publisher[i], CODEC_OPUS);
    }
    g.viewer = endpoint_join(g.sim, PUBLISHERS + 1);
    for (unsigned i = 0; i < PUBLISHERS; i++)
        endpoint_set_lines(g.publisher[i], line);
    endpoint_set_lines(g.viewer, line);
    sim_run(g.sim, SECONDS);
    return g;
}

static void end_stage(struct stage *g)
{
    sim_expect_no_faults(g->sim);
    sim_free(&g->sim);
}

static void expect_nothing_lost(struct sim *sim, const struct slot *s)
{
    SIM_EXPECT(sim, rtp_recv_packets_lost(&s->recv) == 0 && s->empty == 0);
}

/* ---- encodings ---- */

static void the_best_live_encoding_is_forwarded(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *a = endpoint_join(sim, 1), *b = endpoint_join(sim, 2);
    struct pub *p = endpoint_publish_simulcast(a, 3);
    struct slot *s = endpoint_watch(b, p);

    (void)state;
    endpoint_set_lines(a, &perfect);
    endpoint_set_lines(b, &perfect);
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p)->encoding == 2 && s->switches <= 2);
    p->encoding[2].is_on = false; /* the publisher saves bitrate */
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p)->encoding == 1);
    p->encoding[1].is_on = false;
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p)->encoding == 0);
    p->encoding[1].is_on = p->encoding[2].is_on = true;
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p)->encoding == 2);
    SIM_EXPECT(sim, s->switches <= 6 && s->largest_gap_us < 2 * SECONDS);
    expect_nothing_lost(sim, s);
    struct sfu_rtp_stats in = sim_rtp_stats(sim, 1, SFU_STATS_INBOUND_RTP, p->track, "f");
    SIM_EXPECT(sim, in.frame_width == 1280 && in.frame_height == 720);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void a_sparse_encoding_is_not_taken_for_dead(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *a = endpoint_join(sim, 1), *b = endpoint_join(sim, 2);
    struct pub *p = endpoint_publish_simulcast(a, 2);
    struct slot *s = endpoint_watch(b, p);

    (void)state;
    sim_run(sim, 3 * SECONDS);
    SIM_EXPECT(sim, slot_source(s, p)->encoding == 1);
    uint32_t switches = s->switches;
    p->interval_us = SECONDS; /* a screen on which nothing happens */
    sim_run(sim, 20 * SECONDS);
    SIM_EXPECT(sim, s->switches == switches && slot_source(s, p)->encoding == 1);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void encodings_come_and_go_on_a_poor_network(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *a = endpoint_join(sim, 1), *b = endpoint_join(sim, 2);
    struct pub *p = endpoint_publish_simulcast(a, 3);
    struct slot *s = endpoint_watch(b, p);

    (void)state;
    endpoint_set_lines(a, &poor);
    endpoint_set_lines(b, &poor);
    p->padding_percent = 20;
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 3; k++)
            p->encoding[k].is_on = true;
        p->encoding[rng_below(&sim->rng, 3)].is_on = false;
        p->encoding[rng_below(&sim->rng, 3)].is_on = false;
        sim_run(sim, 2 * SECONDS);
    }
    SIM_EXPECT(sim, s->switches > 3 && slot_source(s, p)->decoded > 100);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

/* ---- sources ---- */

/* Of the keyframe that the new source is asked for, the first packet comes as RTX. */
static void a_new_source_begins_with_a_repaired_keyframe(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *e[3];
    struct pub *camera[2];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        e[i] = endpoint_join(sim, i + 1);
        feedback_enable(e[i], FEEDBACK_NACK);
        endpoint_set_lines(e[i], &perfect);
    }
    for (unsigned i = 0; i < 2; i++)
        camera[i] = endpoint_publish(e[i], CODEC_VP8);
    struct slot *s = endpoint_watch(e[2], camera[0]);
    sim_run(sim, 4 * SECONDS);
    uint32_t plis = camera[1]->encoding[0].plis;
    s->largest_gap_us = 0;
    camera[1]->lost_of_keyframe = 0x01;
    slot_watch(s, camera[1]);
    s->flow_since_us = 0; /* its time must go on exactly */
    sim_run(sim, 200 * MS);
    SIM_EXPECT(sim, slot_source(s, camera[1])->decoded > 0);
    sim_run(sim, 2 * SECONDS);
    SIM_EXPECT(sim, camera[1]->encoding[0].plis == plis + 1);
    SIM_EXPECT(sim, s->decoded.frame + 5 > camera[1]->encoding[0].frames);
    SIM_EXPECT(sim, s->switches == 1 && s->largest_gap_us < 60 * MS);
    expect_nothing_lost(sim, s);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

static void the_old_source_flows_until_the_new_one_shows_a_keyframe(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *s = endpoint_watch(g.viewer, g.camera[0]);

    (void)state;
    sim_run(g.sim, SECONDS);
    g.publisher[1]->is_deaf_to_plis = true;
    slot_watch(s, g.camera[1]);
    uint32_t before = slot_source(s, g.camera[0])->packets;
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, g.camera[0])->packets > before + 150 &&
                          slot_source(s, g.camera[1])->packets == 0);
    g.camera[1]->encoding[0].wants_keyframe = true;
    sim_run(g.sim, 100 * MS);
    before = slot_source(s, g.camera[0])->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, g.camera[0])->packets == before &&
                          slot_source(s, g.camera[1])->decoded > 28);
    SIM_EXPECT(g.sim, s->switches == 1 && s->largest_gap_us < 100 * MS);
    expect_nothing_lost(g.sim, s);
    end_stage(&g);
}

static void but_not_for_ever(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *s = endpoint_watch(g.viewer, g.camera[0]);

    (void)state;
    sim_run(g.sim, SECONDS);
    g.publisher[1]->is_deaf_to_plis = true;
    slot_watch(s, g.camera[1]);
    sim_run(g.sim, SUBSCRIPTION_PATIENCE_US + 200 * MS);
    uint32_t before = s->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, s->packets == before);
    g.publisher[1]->is_deaf_to_plis = false; /* requests go on */
    sim_run(g.sim, 6 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, g.camera[1])->decoded > 10);
    expect_nothing_lost(g.sim, s);
    end_stage(&g);
}

static void the_last_wish_counts(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *s = endpoint_watch(g.viewer, g.camera[0]);

    (void)state;
    sim_run(g.sim, SECONDS);
    slot_watch(s, g.camera[1]);
    slot_watch(s, g.camera[2]); /* before the keyframe came */
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, g.camera[1])->packets == 0 &&
                          slot_source(s, g.camera[2])->decoded > 20);
    slot_watch(s, g.camera[0]);
    slot_watch(s, g.camera[2]); /* back to what flows: nothing happens */
    uint32_t switches = s->switches;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, s->switches == switches && slot_source(s, g.camera[2])->decoded > 50);
    slot_watch(s, g.camera[2]);
    slot_watch(s, NULL);
    sim_run(g.sim, 100 * MS);
    uint32_t before = s->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, s->packets == before);
    expect_nothing_lost(g.sim, s);
    end_stage(&g);
}

static void a_slot_is_used_again_after_a_pause(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *video = endpoint_add_slot(g.viewer, MEDIA_VIDEO),
                *audio = endpoint_add_slot(g.viewer, MEDIA_AUDIO);

    (void)state;
    for (unsigned i = 0; i < 9; i++) {
        slot_watch(video, g.camera[i % PUBLISHERS]);
        slot_watch(audio, g.microphone[i % PUBLISHERS]);
        sim_run(g.sim, SECONDS);
        slot_watch(video, NULL);
        slot_watch(audio, NULL);
        sim_run(g.sim, (1 + i) * SECONDS);
    }
    SIM_EXPECT(g.sim, video->switches == 8 && audio->switches == 8);
    expect_nothing_lost(g.sim, video);
    expect_nothing_lost(g.sim, audio);
    end_stage(&g);
}

/* The section is recycled: its SSRC stays, and the endpoint's decoder knows what it got so far. */
static void a_slot_that_is_opened_again_goes_on_where_it_ended(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *s = endpoint_watch(g.viewer, g.camera[0]);

    (void)state;
    for (unsigned i = 1; i < 5; i++) {
        sim_run(g.sim, SECONDS);
        sfu_subscription_close(g.sim->sfu, s->id, sim_now_us(g.sim));
        sim_run(g.sim, i * 300 * MS);
        uint32_t before = s->packets, ts = s->newest_ts;
        uint16_t picture_id = s->newest_picture_id;
        uint64_t ended_us = s->newest_arrival_us;
        SIM_EXPECT(g.sim, sfu_subscription_open(g.sim->sfu, s->id, g.viewer->id, &s->section,
                                                sim_now_us(g.sim)) == 0);
        slot_watch(s, g.camera[i % PUBLISHERS]);
        while (s->packets == before)
            sim_run(g.sim, MS);
        int64_t off =
            ts32_diff(s->newest_ts, ts) - (int64_t)((s->newest_arrival_us - ended_us) * 90 / 1000);
        SIM_EXPECT(g.sim, off > -90 * 40 && off < 90 * 40);
        SIM_EXPECT(g.sim, s->newest_picture_id == ((picture_id + 1) & 0x7fff));
        sim_run(g.sim, SECONDS);
        SIM_EXPECT(g.sim, s->packets > before + 60);
        SIM_EXPECT(g.sim,
                   sim_rtp_stats(g.sim, g.viewer->id, SFU_STATS_OUTBOUND_RTP, s->id, "").packets >=
                       s->packets);
    }
    expect_nothing_lost(g.sim, s);
    end_stage(&g);
}

static void a_muted_source_ends_the_old_one_at_once(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *a = endpoint_watch(g.viewer, g.camera[0]),
                *b = endpoint_watch(g.viewer, g.camera[0]);

    (void)state;
    sim_run(g.sim, SECONDS);
    sfu_track_set_muted(g.sim->sfu, g.camera[1]->track, true, sim_now_us(g.sim));
    slot_watch(a, g.camera[1]);
    g.publisher[2]->is_deaf_to_plis = true;
    slot_watch(b, g.camera[2]);
    sfu_track_set_muted(g.sim->sfu, g.camera[2]->track, true,
                        sim_now_us(g.sim)); /* while it is the next one */
    sim_run(g.sim, 100 * MS);
    uint32_t before_a = a->packets, before_b = b->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, a->packets == before_a && b->packets == before_b);
    g.publisher[2]->is_deaf_to_plis = false;
    sfu_track_set_muted(g.sim->sfu, g.camera[1]->track, false, sim_now_us(g.sim));
    sfu_track_set_muted(g.sim->sfu, g.camera[2]->track, false, sim_now_us(g.sim));
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, slot_source(a, g.camera[1])->decoded > 20 &&
                          slot_source(b, g.camera[2])->decoded > 20);
    expect_nothing_lost(g.sim, a);
    expect_nothing_lost(g.sim, b);
    end_stage(&g);
}

static void sources_end_while_they_flow_and_while_they_are_awaited(void **state)
{
    struct stage g = set_stage(&perfect);
    struct slot *a = endpoint_watch(g.viewer, g.camera[0]),
                *b = endpoint_watch(g.viewer, g.camera[2]);

    (void)state;
    sim_run(g.sim, SECONDS);
    slot_watch(a, g.camera[1]);
    endpoint_unpublish(g.camera[0]); /* what flows ends: what is awaited is all there is */
    g.publisher[1]->is_deaf_to_plis = false;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, slot_source(a, g.camera[1])->decoded > 20);
    g.publisher[1]->is_deaf_to_plis = true;
    slot_watch(b, g.camera[1]);
    endpoint_unpublish(g.camera[1]); /* what is awaited ends: nothing is wanted any more */
    sim_run(g.sim, 100 * MS);
    uint32_t before = b->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, b->packets == before);
    struct sfu_rtp_stats out =
        sim_rtp_stats(g.sim, g.viewer->id, SFU_STATS_OUTBOUND_RTP, b->id, NULL);
    SIM_EXPECT(g.sim, out.track_id == 0);
    slot_watch(b, g.camera[2]);
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, b->packets > before);
    expect_nothing_lost(g.sim, a);
    expect_nothing_lost(g.sim, b);
    end_stage(&g);
}

static void switch_at_random(const struct net_line *line, bool must_be_whole)
{
    struct stage g = set_stage(line);
    struct slot *slot[4];

    for (unsigned i = 0; i < 4; i++)
        slot[i] = endpoint_add_slot(g.viewer, i % 2 == 0 ? MEDIA_VIDEO : MEDIA_AUDIO);
    for (unsigned i = 0; i < PUBLISHERS; i++)
        g.camera[i]->padding_percent = must_be_whole ? 30 : 0;
    for (unsigned step = 0; step < 150; step++) {
        unsigned i = rng_below(&g.sim->rng, 4), k = rng_below(&g.sim->rng, PUBLISHERS + 1);
        slot_watch(slot[i], k == PUBLISHERS ? NULL : i % 2 == 0 ? g.camera[k] : g.microphone[k]);
        sim_run(g.sim, rng_below(&g.sim->rng, 300) * MS);
    }
    for (unsigned i = 0; i < 4; i++) {
        SIM_EXPECT(g.sim, slot[i]->switches > 3 && slot[i]->packets > 300);
        if (must_be_whole)
            expect_nothing_lost(g.sim, slot[i]);
    }
    end_stage(&g);
}

static void random_switches_leave_no_trace(void **state)
{
    (void)state;
    switch_at_random(&perfect, true);
    switch_at_random(&poor, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(the_best_live_encoding_is_forwarded),
        SIM_TEST(a_sparse_encoding_is_not_taken_for_dead),
        SIM_TEST(encodings_come_and_go_on_a_poor_network),
        SIM_TEST(a_new_source_begins_with_a_repaired_keyframe),
        SIM_TEST(the_old_source_flows_until_the_new_one_shows_a_keyframe),
        SIM_TEST(but_not_for_ever),
        SIM_TEST(the_last_wish_counts),
        SIM_TEST(a_slot_is_used_again_after_a_pause),
        SIM_TEST(a_slot_that_is_opened_again_goes_on_where_it_ended),
        SIM_TEST(a_muted_source_ends_the_old_one_at_once),
        SIM_TEST(sources_end_while_they_flow_and_while_they_are_awaited),
        SIM_TEST(random_switches_leave_no_trace),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
