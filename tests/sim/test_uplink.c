/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_uplink.c - a publisher whose way gets too small: the profile uplink-cut of tests/net in virtual time. What the browser does is
 * scripted: half a second after the change it stops its large encodings.
 *
 * `test_uplink --trace` prints the course of it.
 */
#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "core/timebase.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"
#include "tests/sim/feedback.h"
#include "tests/sim/link.h"

#define MBPS 1000000ull
#define STEP_US (10 * MS)
#define TOP 2
#define REACTION_US (500 * MS)

struct scene {
    struct sim *sim;
    struct endpoint *publisher;
    struct pub *camera;
    struct slot *slot;
    struct link up;
    /* since scene_watch() began */
    uint64_t longest_gap_us, gap_us, queue_short_us, lowest_us, top_us;
};

static bool is_traced;

/* 150, 470 and 1700 kb/s; or, of one encoding, the last. A keyframe of the smallest has three packets. */
static void set_scene(struct scene *c, unsigned encodings)
{
    struct endpoint *viewer;

    memset(c, 0, sizeof(*c));
    c->sim = sim_new();
    c->publisher = endpoint_join(c->sim, 1);
    feedback_enable(c->publisher, FEEDBACK_NACK);
    link_init(&c->up, c->sim->seed, 4 * MBPS, 20 * MS, 10 * SECONDS);
    c->up.queue_bytes = 50000;
    net_set_up_link(c->publisher->host, &c->up);
    c->camera = endpoint_publish_simulcast(c->publisher, encodings);
    c->camera->fill_bytes = 540;
    c->camera->keyframe_times = 3;
    c->camera->encoding[encodings - 1].packets_per_frame = 11;
    if (encodings == 3)
        c->camera->encoding[1].packets_per_frame = 3;
    viewer = endpoint_join(c->sim, 2);
    feedback_enable(viewer, FEEDBACK_NACK);
    c->publisher->may_lose = viewer->may_lose = true;
    c->slot = endpoint_watch(viewer, c->camera);
    sim_run(c->sim, 6 * SECONDS);
}

static struct track *camera_track(const struct scene *c)
{
    struct sfu_transport *st = sfu_find_transport(c->sim->sfu, c->publisher->id);

    return LIST_FIRST(&st->tracks, struct track, node);
}

static uint64_t chokes(const struct scene *c)
{
    const struct track *t = camera_track(c);
    uint64_t n = 0;

    for (unsigned i = 0; i < t->encoding_count; i++)
        n += t->encoding[i].chokes;
    return n;
}

static uint64_t queue_us(const struct scene *c)
{
    uint64_t now_us = sim_now_us(c->sim);

    return c->up.busy_until_us > now_us ? c->up.busy_until_us - now_us : 0;
}

static void trace(const struct scene *c, uint64_t at_us)
{
    const struct slot_source *src = slot_source(c->slot, c->camera);

    if (is_traced && at_us % (100 * MS) == 0)
        printf("%6.2f queue %4u ms, %u decoded of encoding %u, asked %u, late %4u ms, chokes %u\n",
               (double)at_us / 1e6, (unsigned)(queue_us(c) / MS), src->decoded, src->encoding,
               c->publisher->feedback->asked_again, (unsigned)(camera_track(c)->late_us / MS),
               (unsigned)chokes(c));
}

/* Let time pass and note when, from now on, what was seen. */
static void scene_watch(struct scene *c, uint64_t us)
{
    const struct slot_source *src = slot_source(c->slot, c->camera);
    uint32_t decoded = src->decoded;

    c->longest_gap_us = c->gap_us = 0;
    c->queue_short_us = c->lowest_us = c->top_us = UINT64_MAX;
    for (uint64_t at_us = 0; at_us < us; at_us += STEP_US) {
        sim_run(c->sim, STEP_US);
        trace(c, at_us);
        c->gap_us = src->decoded == decoded ? c->gap_us + STEP_US : 0;
        c->longest_gap_us = MAX(c->longest_gap_us, c->gap_us);
        if (queue_us(c) > 200 * MS)
            c->queue_short_us = UINT64_MAX;
        else
            c->queue_short_us = MIN(c->queue_short_us, at_us);
        if (src->decoded != decoded && src->encoding == 0)
            c->lowest_us = MIN(c->lowest_us, at_us);
        if (src->decoded != decoded && src->encoding == TOP)
            c->top_us = MIN(c->top_us, at_us);
        decoded = src->decoded;
    }
}

static void end_scene(struct scene *c)
{
    sim_expect_no_faults(c->sim);
    sim_free(&c->sim);
}

static void say(const char *what, uint64_t n)
{
    if (is_traced)
        printf("%s: %llu\n", what, (unsigned long long)n);
}

/* What the queue dropped of the large encodings is not worth its way, and no keyframe of theirs: the small one has to get through. */
static void a_cut_way_is_left_to_the_small_encoding(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 3);
    uint32_t asked = c.publisher->feedback->asked_again;
    uint32_t plis = c.camera->encoding[TOP].plis;
    SIM_EXPECT(c.sim, chokes(&c) == 0);
    link_change(&c.up, sim_now_us(c.sim), MBPS / 2);
    scene_watch(&c, REACTION_US);
    uint64_t gap_us = c.longest_gap_us;
    c.camera->encoding[1].is_on = c.camera->encoding[TOP].is_on = false;
    scene_watch(&c, 6 * SECONDS);
    say("longest gap, us", MAX(gap_us, c.longest_gap_us));
    say("queue short after, us", c.queue_short_us + REACTION_US);
    say("asked again", c.publisher->feedback->asked_again - asked);
    say("keyframe requests of the top", c.camera->encoding[TOP].plis - plis);
    say("of the middle", c.camera->encoding[1].plis);
    say("of the smallest", c.camera->encoding[0].plis);
    SIM_EXPECT(c.sim, chokes(&c) > 0);
    SIM_EXPECT(c.sim, chokes(&c) == c.sim->sfu->totals.encodings_choked);
    SIM_EXPECT(c.sim, MAX(gap_us, c.longest_gap_us) <= SECONDS);
    SIM_EXPECT(c.sim, c.queue_short_us + REACTION_US <= 2 * SECONDS);
    SIM_EXPECT(c.sim, c.lowest_us + REACTION_US <= 3 * SECONDS / 2 + REACTION_US);
    SIM_EXPECT(c.sim, c.publisher->feedback->asked_again - asked <= 30);
    SIM_EXPECT(c.sim, c.camera->encoding[TOP].plis == plis);
    /* and back */
    link_change(&c.up, sim_now_us(c.sim), 4 * MBPS);
    for (unsigned i = 1; i <= TOP; i++)
        c.camera->encoding[i].is_on = c.camera->encoding[i].wants_keyframe = true;
    scene_watch(&c, 6 * SECONDS);
    say("top again after, us", c.top_us);
    SIM_EXPECT(c.sim, c.top_us <= 2 * SECONDS);
    SIM_EXPECT(c.sim, c.longest_gap_us <= 200 * MS);
    end_scene(&c);
}

/* A large encoding that stops, without a loss: nobody waits a second and a half for it. */
static void a_large_encoding_that_stops_is_left_at_once(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 3);
    c.camera->encoding[TOP].is_on = false;
    scene_watch(&c, 3 * SECONDS);
    say("longest gap, us", c.longest_gap_us);
    SIM_EXPECT(c.sim, c.longest_gap_us <= 900 * MS);
    end_scene(&c);
}

/* The only encoding: a keyframe is cheaper than a queue's worth of packets. */
static void the_only_encoding_goes_on_with_a_keyframe(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 1);
    uint32_t asked = c.publisher->feedback->asked_again;
    uint32_t plis = c.camera->encoding[0].plis;
    link_change(&c.up, sim_now_us(c.sim), MBPS / 2);
    scene_watch(&c, 2 * REACTION_US);
    uint64_t gap_us = c.longest_gap_us;
    c.camera->encoding[0].packets_per_frame = 2;
    scene_watch(&c, 6 * SECONDS);
    say("longest gap, us", MAX(gap_us, c.longest_gap_us));
    say("queue short after, us", c.queue_short_us + 2 * REACTION_US);
    say("asked again", c.publisher->feedback->asked_again - asked);
    say("keyframe requests", c.camera->encoding[0].plis - plis);
    SIM_EXPECT(c.sim, MAX(gap_us, c.longest_gap_us) <= 3 * SECONDS / 2);
    SIM_EXPECT(c.sim, c.queue_short_us + 2 * REACTION_US <= 4 * SECONDS);
    SIM_EXPECT(c.sim, c.publisher->feedback->asked_again - asked <= 100);
    end_scene(&c);
}

/* Everything is late for a while and then all there: that is no reason to leave anything. */
static void a_pause_of_the_way_chokes_nothing(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 3);
    c.up.queue_bytes = 0;
    c.up.queue_us = 1000000 * SECONDS;
    link_change(&c.up, sim_now_us(c.sim), 1000);
    link_change(&c.up, sim_now_us(c.sim) + 600 * MS, 20 * MBPS);
    scene_watch(&c, 4 * SECONDS);
    say("longest gap, us", c.longest_gap_us);
    SIM_EXPECT(c.sim, chokes(&c) == 0);
    SIM_EXPECT(c.sim, slot_source(c.slot, c.camera)->encoding == TOP);
    SIM_EXPECT(c.sim, c.lowest_us == UINT64_MAX);
    end_scene(&c);
}

/* Nothing comes for a while: whoever begins again first is not the only one that goes on. */
static void an_outage_of_the_way_chokes_nothing(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 3);
    c.up.blocked_from_us = sim_now_us(c.sim);
    c.up.blocked_to_us = c.up.blocked_from_us + 700 * MS;
    scene_watch(&c, 4 * SECONDS);
    say("longest gap, us", c.longest_gap_us);
    SIM_EXPECT(c.sim, chokes(&c) == 0);
    SIM_EXPECT(c.sim, c.lowest_us == UINT64_MAX);
    SIM_EXPECT(c.sim, c.longest_gap_us <= 1500 * MS);
    end_scene(&c);
}

/* Loss without a queue is repaired. */
static void loss_alone_chokes_nothing(void **state)
{
    struct scene c;

    (void)state;
    set_scene(&c, 3);
    c.up.loss = 0.05;
    scene_watch(&c, 20 * SECONDS);
    say("longest gap, us", c.longest_gap_us);
    say("asked again", c.publisher->feedback->asked_again);
    SIM_EXPECT(c.sim, chokes(&c) == 0);
    SIM_EXPECT(c.sim, c.lowest_us == UINT64_MAX);
    SIM_EXPECT(c.sim, c.longest_gap_us <= 500 * MS);
    SIM_EXPECT(c.sim, c.publisher->feedback->asked_again > 100);
    end_scene(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(a_cut_way_is_left_to_the_small_encoding),
        SIM_TEST(a_large_encoding_that_stops_is_left_at_once),
        SIM_TEST(the_only_encoding_goes_on_with_a_keyframe),
        SIM_TEST(a_pause_of_the_way_chokes_nothing),
        SIM_TEST(an_outage_of_the_way_chokes_nothing),
        SIM_TEST(loss_alone_chokes_nothing),
    };

    is_traced = argc > 1 && strcmp(argv[1], "--trace") == 0;
    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
