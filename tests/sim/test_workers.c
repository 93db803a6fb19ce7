/* SPDX-License-Identifier: Apache-2.0 */
/* test_workers.c - a room on two workers: tracks of the first are relayed to the second, where others watch them. */
#include "tests/unit/core/cmocka_all.h"

#include "core/packet.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "tests/sim/feedback.h"

#define HERE 2 /* viewers on the publisher's worker, and on the other one */
#define THERE 3
#define ALL FEEDBACK_NACK /* no estimate decides what is shown */

static const struct net_line poor = {
    .delay_us = 40 * MS, .jitter_us = 30 * MS, .loss_permille = 20, .reorder_permille = 20};
static const struct net_line lossy = {.delay_us = 40 * MS, .loss_permille = 50};

struct scene {
    struct sim *sim, *other;
    struct endpoint *publisher, *here[HERE], *there[THERE];
    struct pub *camera, *microphone;
    struct slot *video_here[HERE], *video[THERE], *audio[THERE];
};

/* Nobody watches yet. */
static struct scene set_scene(void)
{
    struct scene c = {.sim = sim_new()};

    c.other = sim_new_beside(c.sim);
    c.publisher = endpoint_join(c.sim, 1);
    feedback_enable(c.publisher, FEEDBACK_NACK);
    c.camera = endpoint_publish(c.publisher, CODEC_VP8);
    c.microphone = endpoint_publish(c.publisher, CODEC_OPUS);
    for (unsigned i = 0; i < HERE; i++) {
        c.here[i] = endpoint_join(c.sim, 2 + i);
        feedback_enable(c.here[i], ALL);
    }
    for (unsigned i = 0; i < THERE; i++) {
        c.there[i] = endpoint_join(c.other, 20 + i);
        feedback_enable(c.there[i], ALL);
    }
    return c;
}

static void relay(struct scene *c)
{
    sim_relay(c->sim, c->other, c->camera->track, &c->camera->section);
    sim_relay(c->sim, c->other, c->microphone->track, &c->microphone->section);
}

static void watch(struct scene *c)
{
    for (unsigned i = 0; i < HERE; i++)
        c->video_here[i] = endpoint_watch(c->here[i], c->camera);
    for (unsigned i = 0; i < THERE; i++) {
        c->video[i] = endpoint_watch(c->there[i], c->camera);
        c->audio[i] = endpoint_watch(c->there[i], c->microphone);
    }
}

static struct scene set_scene_and_watch(void)
{
    struct scene c = set_scene();

    relay(&c);
    watch(&c);
    sim_run(c.sim, SECONDS);
    return c;
}

static void expect_shown(struct scene *c, const struct slot *s, const struct pub *p)
{
    SIM_EXPECT(c->sim, s->decoded.frame + 4 > p->encoding[0].frames);
}

static void expect_all_shown(struct scene *c)
{
    for (unsigned i = 0; i < HERE; i++)
        expect_shown(c, c->video_here[i], c->camera);
    for (unsigned i = 0; i < THERE; i++) {
        expect_shown(c, c->video[i], c->camera);
        expect_shown(c, c->audio[i], c->microphone);
    }
}

static void end_scene(struct scene *c)
{
    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
}

static struct sfu_totals totals(const struct sim *sim)
{
    struct sfu_totals t;

    sfu_read_totals(sim->sfu, &t);
    return t;
}

/* ---- what comes over ---- */

static void replicas_get_everything(void **state)
{
    struct scene c = set_scene_and_watch();

    (void)state;
    c.camera->padding_percent = 30;
    sim_run(c.sim, 10 * SECONDS);
    expect_all_shown(&c);
    for (unsigned i = 0; i < THERE; i++) {
        SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.video[i]->recv) == 0);
        SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.audio[i]->recv) == 0);
        SIM_EXPECT(c.sim, slot_source(c.audio[i], c.microphone)->decoded > 50 * 10);
    }
    SIM_EXPECT(c.sim, totals(c.sim).relay_dropped == 0 && totals(c.other).replica_unknown == 0);
    SIM_EXPECT(c.sim, totals(c.other).replica_received == totals(c.sim).packets_relayed);
    SIM_EXPECT(c.sim, totals(c.other).replicas == 2);
    end_scene(&c);
}

/* A relay begins with the newest keyframe, so that nobody has to be asked for another. */
static void viewers_start_from_the_history_over_there(void **state)
{
    struct scene c = set_scene();

    (void)state;
    c.camera->encoding[0].wants_keyframe = true;
    sim_run(c.sim, 500 * MS);
    uint32_t keyframes = c.camera->encoding[0].keyframes;
    relay(&c);
    sim_run(c.sim, 100 * MS);
    watch(&c);
    sim_run(c.sim, SECONDS);
    expect_all_shown(&c);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes == keyframes);
    SIM_EXPECT(c.sim, totals(c.other).starts_from_history == THERE);
    end_scene(&c);
}

static void the_best_of_several_encodings_is_shown_there(void **state)
{
    struct scene c = set_scene();
    struct endpoint *e = endpoint_join(c.sim, 9);
    struct pub *p = endpoint_publish_simulcast(e, 3);

    (void)state;
    sim_relay(c.sim, c.other, p->track, &p->section);
    struct slot *s = endpoint_watch(c.there[0], p);
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 2 && s->decoded.frame + 4 > 100);
    p->encoding[2].is_on = false;
    sim_run(c.sim, 4 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 1);
    SIM_EXPECT(c.sim, s->decoded.frame + 4 > p->encoding[1].frames);
    end_scene(&c);
}

/* ---- what nobody wants over there ---- */

static struct encoding *over_there(const struct scene *c, const struct pub *p, unsigned encoding)
{
    LIST_EACH(&c->other->sfu->replicas, struct track, node, t)
        if (t->origin_id == p->track)
            return &t->encoding[encoding];
    sim_fail(c->sim, __FILE__, __LINE__, "no replica");
}

/* How many packets of each encoding come over in that time. */
static void count_over_there(struct scene *c, const struct pub *p, uint64_t us, uint64_t n[3])
{
    for (unsigned i = 0; i < p->encoding_count; i++)
        n[i] = over_there(c, p, i)->recv.packets_received;
    sim_run(c->sim, us);
    for (unsigned i = 0; i < p->encoding_count; i++)
        n[i] = over_there(c, p, i)->recv.packets_received - n[i];
}

/* The publisher sends three encodings, because of a viewer here. */
static void an_encoding_that_nobody_wants_there_does_not_cross(void **state)
{
    struct scene c = set_scene();
    struct pub *p = endpoint_publish_simulcast(endpoint_join(c.sim, 9), 3);
    struct sfu_wish small = SFU_WISH_ANY;
    uint64_t n[3];

    (void)state;
    small.max_spatial = 0;
    sim_relay(c.sim, c.other, p->track, &p->section);
    struct slot *s = endpoint_watch(c.there[0], p), *here = endpoint_watch(c.here[0], p);
    slot_wish(s, &small);
    sim_run(c.sim, 8 * SECONDS);
    count_over_there(&c, p, 2 * SECONDS, n);
    SIM_EXPECT(c.sim, n[0] > 50 && n[1] == 0 && n[2] == 0);
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 0 && slot_source(here, p)->encoding == 2);
    SIM_EXPECT(c.sim, s->decoded.frame + 4 > p->encoding[0].frames);
    small.max_spatial = 2;
    slot_wish(s, &small);
    count_over_there(&c, p, 100 * MS, n);
    SIM_EXPECT(c.sim, n[1] == 0 && n[2] >= 8);
    sim_run(c.sim, 400 * MS);
    SIM_EXPECT(c.sim, slot_source(s, p)->encoding == 2);
    SIM_EXPECT(c.sim, s->decoded.frame + 4 > p->encoding[2].frames);
    sim_run(c.sim, 6 * SECONDS); /* the small one is not needed any more */
    count_over_there(&c, p, 2 * SECONDS, n);
    SIM_EXPECT(c.sim, n[0] == 0 && n[1] == 0 && n[2] > 200);
    SIM_EXPECT(c.sim, s->largest_gap_us < 80 * MS);
    end_scene(&c);
}

/* What comes back begins with the newest keyframe here, so that nobody has to be asked for one. */
static void what_is_wanted_again_begins_with_the_history(void **state)
{
    struct scene c = set_scene_and_watch();
    struct sfu_wish wish = SFU_WISH_ANY;
    const struct encoding *replica = over_there(&c, c.camera, 0);

    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        wish.is_paused = true;
        for (unsigned i = 0; i < THERE; i++)
            slot_wish(c.video[i], &wish);
        sim_run(c.sim, 5 * SECONDS);
        uint64_t came = replica->recv.packets_received;
        sim_run(c.sim, 20 * SECONDS * round); /* its numbers get far ahead */
        c.camera->encoding[0].wants_keyframe = true;
        sim_run(c.sim, 700 * MS);
        SIM_EXPECT(c.sim, replica->recv.packets_received == came);
        uint32_t keyframes = c.camera->encoding[0].keyframes;
        uint64_t starts = totals(c.other).starts_from_history;
        wish.is_paused = false;
        for (unsigned i = 0; i < THERE; i++)
            slot_wish(c.video[i], &wish);
        sim_run(c.sim, SECONDS);
        expect_all_shown(&c);
        SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes == keyframes);
        SIM_EXPECT(c.sim, totals(c.other).starts_from_history == starts + THERE);
    }
    end_scene(&c);
}

static void what_is_lost_on_either_side_is_repaired(void **state)
{
    struct scene c = set_scene_and_watch();
    uint32_t before = slot_source(c.video[0], c.camera)->decoded;
    uint32_t frames = c.camera->encoding[0].frames, keyframes = c.camera->encoding[0].keyframes;

    (void)state;
    endpoint_set_lines(c.publisher, &lossy);
    endpoint_set_lines(c.there[0], &lossy);
    sim_run(c.sim, 10 * SECONDS);
    SIM_EXPECT(c.sim, slot_source(c.video[0], c.camera)->decoded - before + 20 >=
                          c.camera->encoding[0].frames - frames);
    SIM_EXPECT(c.sim, feedback_of(c.video[0])->rtx_repaired > 10);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes - keyframes <= 2);
    end_scene(&c);
}

/* ---- what goes back ---- */

static void keyframe_requests_of_both_merge(void **state)
{
    struct scene c = set_scene_and_watch();
    uint32_t plis;

    (void)state;
    sim_run(c.sim, 3 * SECONDS);
    plis = c.camera->encoding[0].plis;
    for (unsigned i = 0; i < HERE; i++)
        slot_ask_keyframe(c.video_here[i]);
    for (unsigned i = 0; i < THERE; i++)
        slot_ask_keyframe(c.video[i]);
    sim_run(c.sim, 100 * MS);
    SIM_EXPECT(c.sim, c.camera->encoding[0].plis == plis + 1);
    for (unsigned i = 0; i < THERE; i++)
        SIM_EXPECT(c.sim, slot_source(c.video[i], c.camera)->keyframes >= 2);
    for (unsigned n = 0; n < 300; n++) { /* and again and again */
        for (unsigned i = 0; i < THERE; i++)
            slot_ask_keyframe(c.video[i]);
        sim_run(c.sim, 10 * MS);
    }
    SIM_EXPECT(c.sim, c.camera->encoding[0].plis <= plis + 1 + 3 + 3);
    expect_all_shown(&c);
    end_scene(&c);
}

/* ---- clocks ---- */

static int64_t lateness_us(struct scene *c, const struct slot *s)
{
    SIM_EXPECT(c->sim, s->srs > 0);
    return slot_wall_of_ts(s, s->newest_ts) - (int64_t)(SIM_WALL_US + s->newest_content.capture_us);
}

static void expect_in_sync(struct scene *c, int64_t bound_us)
{
    for (unsigned i = 0; i < THERE; i++) {
        int64_t apart_us = lateness_us(c, c->video[i]) - lateness_us(c, c->audio[i]);
        SIM_EXPECT(c->sim, apart_us > -bound_us && apart_us < bound_us);
        SIM_EXPECT(c->sim, lateness_us(c, c->audio[i]) < 100000);
    }
}

static void audio_and_video_stay_in_sync_there(void **state)
{
    struct scene c = set_scene();

    (void)state;
    c.publisher->ntp_offset_us = -3600000000;
    endpoint_set_lines(c.publisher, &poor);
    sim_run(c.sim, 3 * SECONDS);
    relay(&c);
    watch(&c);
    sim_run(c.sim, 3 * SECONDS);
    for (unsigned n = 0; n < 5; n++) {
        expect_in_sync(&c, (n == 0 ? 60 : 15) * 1000);
        sim_run(c.sim, 3 * SECONDS);
    }
    end_scene(&c);
}

/* The clock is told before the first packet comes over, and is not forgotten by it: reports follow seconds later only. */
static void a_clock_that_comes_first_is_kept(void **state)
{
    struct scene c = set_scene();

    (void)state;
    sim_run(c.sim, 3 * SECONDS);
    c.other->is_behind = true;
    relay(&c);
    sim_run(c.sim, 100 * MS);
    const struct sfu *s = c.other->sfu;
    LIST_EACH(&s->replicas, struct track, node, t)
        SIM_EXPECT(c.sim, t->encoding[0].recv.sr_arrival_us != 0);
    deadline_clear(&c.publisher->report_due); /* no more reports */
    c.other->is_behind = false;
    watch(&c);
    sim_run(c.sim, SECONDS);
    LIST_EACH(&s->replicas, struct track, node, t)
        SIM_EXPECT(c.sim, t->encoding[0].recv.packets_received > 20 &&
                              t->encoding[0].recv.sr_arrival_us != 0);
    expect_in_sync(&c, 15000);
    end_scene(&c);
}

/* ---- ends ---- */

static void an_origin_ends(void **state)
{
    for (unsigned how = 0; how < 3; how++) {
        struct scene c = set_scene_and_watch();
        (void)state;
        if (how == 0)
            endpoint_unpublish(c.camera);
        else
            endpoint_hang_up(c.publisher);
        if (how == 2)
            sfu_transport_close(c.sim->sfu, c.publisher->id, sim_now_us(c.sim));
        sim_run(c.sim, 200 * MS);
        slot_ask_keyframe(c.video[0]); /* of what is no more */
        sim_run(c.sim, 200 * MS);
        sfu_track_close(c.other->sfu, c.camera->track, sim_now_us(c.sim));
        uint32_t packets = c.video[0]->packets;
        sim_run(c.sim, SECONDS);
        SIM_EXPECT(c.sim, c.video[0]->packets == packets);
        SIM_EXPECT(c.sim, totals(c.other).replicas == 1);
        if (how == 0)
            expect_shown(&c, c.audio[0], c.microphone);
        end_scene(&c);
    }
}

static void a_replica_ends_before_its_relay(void **state)
{
    struct scene c = set_scene_and_watch();

    (void)state;
    sfu_track_close(c.other->sfu, c.camera->track, sim_now_us(c.sim));
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, totals(c.other).replica_unknown > 50); /* still handed over, and dropped */
    sfu_relay_close(c.sim->sfu, c.camera->track, sim_now_us(c.sim));
    uint64_t unknown = totals(c.other).replica_unknown;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, totals(c.other).replica_unknown == unknown);
    sim_relay(c.sim, c.other, c.camera->track, &c.camera->section); /* once more */
    for (unsigned i = 0; i < THERE; i++)
        slot_watch(c.video[i], c.camera);
    sim_run(c.sim, SECONDS);
    expect_all_shown(&c);
    end_scene(&c);
}

static void a_worker_with_packets_in_its_ring_ends(void **state)
{
    struct scene c = set_scene_and_watch();

    (void)state;
    c.other->is_behind = true;
    sim_run(c.sim, 300 * MS);
    SIM_EXPECT(c.sim, c.other->ring_count > 20);
    end_scene(&c);
}

/* ---- a worker that is behind ---- */

static void what_finds_no_room_is_counted_and_made_good(void **state)
{
    struct scene c = set_scene_and_watch();
    uint32_t keyframes = c.camera->encoding[0].keyframes;

    (void)state;
    c.other->ring_max = 40;
    c.other->is_behind = true;
    sim_run(c.sim, SECONDS);
    SIM_EXPECT(c.sim, totals(c.sim).relay_dropped > 50);
    c.other->is_behind = false;
    sim_run(c.sim, 3 * SECONDS);
    expect_all_shown(&c);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes > keyframes);
    SIM_EXPECT(c.sim, c.camera->encoding[0].keyframes <= keyframes + 2);
    for (unsigned i = 0; i < HERE; i++)
        SIM_EXPECT(c.sim, c.video_here[i]->largest_gap_us < 50 * MS);
    end_scene(&c);
}

/* What waited in its ring is old by then, and is no history all the same: viewers have got what was before. */
static void a_worker_that_stands_still_early_loses_nothing(void **state)
{
    static const uint64_t after_us[] = {100 * MS, 300 * MS, 600 * MS};

    (void)state;
    for (size_t row = 0; row < ARRAY_LEN(after_us); row++) {
        struct scene c = set_scene();
        c.camera->encoding[0].wants_keyframe = true;
        sim_run(c.sim, 500 * MS);
        relay(&c);
        watch(&c);
        sim_run(c.sim, after_us[row]);
        c.other->is_behind = true;
        sim_run(c.sim, 300 * MS);
        c.other->is_behind = false;
        sim_run(c.sim, 3 * SECONDS);
        expect_all_shown(&c);
        SIM_EXPECT(c.sim, totals(c.sim).relay_dropped == 0);
        SIM_EXPECT(c.sim, totals(c.other).packets_resent == 0);
        SIM_EXPECT(c.sim, totals(c.other).packets_dropped == 0);
        for (unsigned i = 0; i < THERE; i++)
            SIM_EXPECT(c.sim, rtp_recv_packets_lost(&c.video[i]->recv) == 0);
        end_scene(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(replicas_get_everything),
        SIM_TEST(viewers_start_from_the_history_over_there),
        SIM_TEST(the_best_of_several_encodings_is_shown_there),
        SIM_TEST(an_encoding_that_nobody_wants_there_does_not_cross),
        SIM_TEST(what_is_wanted_again_begins_with_the_history),
        SIM_TEST(what_is_lost_on_either_side_is_repaired),
        SIM_TEST(keyframe_requests_of_both_merge),
        SIM_TEST(audio_and_video_stay_in_sync_there),
        SIM_TEST(a_clock_that_comes_first_is_kept),
        SIM_TEST(an_origin_ends),
        SIM_TEST(a_replica_ends_before_its_relay),
        SIM_TEST(a_worker_with_packets_in_its_ring_ends),
        SIM_TEST(what_finds_no_room_is_counted_and_made_good),
        SIM_TEST(a_worker_that_stands_still_early_loses_nothing),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
