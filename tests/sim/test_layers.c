/* SPDX-License-Identifier: Apache-2.0 */
/* test_layers.c - which layers a viewer gets: by the size of the tile, by the bandwidth towards it, by what is sent. The endpoint
 * checks every packet; bitrates are those of pub.fill_bytes. */
#include "tests/unit/core/cmocka_all.h"
#include <stdlib.h>

#include "rooms/sfu/demand.h"
#include "rooms/sfu/sfu_internal.h"
#include "tests/sim/endpoint.h"
#include "tests/sim/feedback.h"

#define FILL 1000 /* encodings of about 260, 520 and 1040 kbit/s */

static const struct net_line perfect = {.delay_us = 20 * MS};
static const struct net_line poor = {.delay_us = 40 * MS,
                                     .jitter_us = 20 * MS,
                                     .loss_permille = 20,
                                     .duplicate_permille = 10,
                                     .reorder_permille = 10};

/* One who publishes a camera, one who watches it. */
struct stage {
    struct sim *sim;
    struct endpoint *publisher, *viewer;
    struct pub *camera;
    struct slot *slot;
};

static struct stage set_stage(unsigned encodings, const struct net_line *line)
{
    struct stage g = {.sim = sim_new()};

    g.publisher = endpoint_join(g.sim, 1);
    g.viewer = endpoint_join(g.sim, 2);
    g.camera = encodings == 1 ? endpoint_publish(g.publisher, CODEC_VP8)
                              : endpoint_publish_simulcast(g.publisher, encodings);
    g.camera->fill_bytes = FILL;
    endpoint_set_lines(g.publisher, line);
    endpoint_set_lines(g.viewer, line);
    g.slot = endpoint_watch(g.viewer, g.camera);
    sim_run(g.sim, 3 * SECONDS);
    return g;
}

/* What is lost on the publisher's way is sent again. */
static struct stage set_repaired_stage(void)
{
    struct stage g = {.sim = sim_new()};
    const struct net_line line = {.delay_us = 50 * MS};

    g.publisher = endpoint_join(g.sim, 1);
    g.viewer = endpoint_join(g.sim, 2);
    feedback_enable(g.publisher, FEEDBACK_NACK);
    g.camera = endpoint_publish_simulcast(g.publisher, 3);
    g.camera->fill_bytes = FILL;
    endpoint_set_lines(g.publisher, &line);
    g.slot = endpoint_watch(g.viewer, g.camera);
    sim_run(g.sim, 3 * SECONDS);
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

static void wish_for(struct slot *s, uint16_t width, uint16_t height)
{
    struct sfu_wish wish = SFU_WISH_ANY;

    wish.width = width;
    wish.height = height;
    slot_wish(s, &wish);
}

static void set_paused(struct slot *s, bool is_paused)
{
    struct sfu_wish wish = SFU_WISH_ANY;

    wish.is_paused = is_paused;
    slot_wish(s, &wish);
}

static unsigned plis_of(const struct pub *p)
{
    unsigned n = 0;

    for (unsigned i = 0; i < p->encoding_count; i++)
        n += p->encoding[i].plis;
    return n;
}

/* ---- wishes ---- */

static void a_tile_gets_the_encoding_of_its_size(void **state)
{
    static const struct {
        uint16_t width, height;
        uint8_t encoding;
    } rows[] = {{320, 180, 0}, {640, 360, 1}, {1920, 1080, 2}, {100, 50, 0}, {0, 0, 2}};
    struct stage g = set_stage(3, &perfect);
    const struct slot_source *src = slot_source(g.slot, g.camera);

    (void)state;
    SIM_EXPECT(g.sim, src->encoding == 2);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t decoded = src->decoded;
        wish_for(g.slot, rows[i].width, rows[i].height);
        sim_run(g.sim, 2 * SECONDS);
        SIM_EXPECT(g.sim, src->encoding == rows[i].encoding && src->decoded > decoded + 55);
        SIM_EXPECT(g.sim, g.slot->state.is_active && g.slot->state.reason == ALLOCATOR_NONE);
        SIM_EXPECT(g.sim, g.slot->state.spatial == rows[i].encoding &&
                              g.slot->state.target_spatial == rows[i].encoding);
        SIM_EXPECT(g.sim, g.slot->state.width == 320 << rows[i].encoding);
    }
    SIM_EXPECT(g.sim, g.slot->largest_gap_us < 100 * MS);
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void a_video_is_paused_and_goes_on_at_once(void **state)
{
    struct stage g = set_stage(3, &perfect);

    (void)state;
    set_paused(g.slot, true);
    sim_run(g.sim, 500 * MS);
    uint32_t before = g.slot->packets;
    SIM_EXPECT(g.sim, !g.slot->state.is_active && g.slot->state.reason == ALLOCATOR_NOT_WANTED);
    sim_run(g.sim, 5 * SECONDS);
    SIM_EXPECT(g.sim, g.slot->packets == before && g.slot->state.spatial == -1);
    set_paused(g.slot, false);
    sim_run(g.sim, 300 * MS);
    SIM_EXPECT(g.sim, g.slot->packets > before + 10 && g.slot->state.is_active);
    unsigned plis = plis_of(g.camera);
    set_paused(g.slot, true);
    sim_run(g.sim, 300 * MS);
    set_paused(g.slot, false); /* the history has a keyframe that serves */
    sim_run(g.sim, 300 * MS);
    SIM_EXPECT(g.sim, plis_of(g.camera) == plis && g.slot->state.is_active);
    SIM_EXPECT(g.sim, g.slot->states_told < 10);
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void a_wish_holds_for_the_next_source(void **state)
{
    struct stage g = set_stage(3, &perfect);
    struct pub *other = endpoint_publish_simulcast(g.viewer, 3);
    struct slot *s = endpoint_watch(g.publisher, other);

    (void)state;
    wish_for(s, 640, 360);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, other)->encoding == 1);
    slot_watch(s, NULL);
    sim_run(g.sim, SECONDS);
    slot_watch(s, other);
    sim_run(g.sim, 500 * MS);
    SIM_EXPECT(g.sim, slot_source(s, other)->encoding == 1);
    set_paused(s, true);
    sim_run(g.sim, 500 * MS);
    uint32_t before = s->packets;
    slot_watch(s, NULL);
    slot_watch(s, other);
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, s->packets == before);
    end_stage(&g);
}

/* ---- bandwidth ---- */

static void less_bandwidth_means_a_lower_layer_until_there_is_more(void **state)
{
    struct stage g = set_stage(3, &perfect);
    const struct slot_source *src = slot_source(g.slot, g.camera);

    (void)state;
    endpoint_set_estimate(g.viewer, 10000000);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 2 && g.slot->state.reason == ALLOCATOR_NONE);
    SIM_EXPECT(g.sim, sfu_transport_wanted_bps(g.sim->sfu, g.viewer->id) == 0);
    endpoint_set_estimate(g.viewer, 500000);
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 0 && g.slot->state.spatial == 0);
    SIM_EXPECT(g.sim, g.slot->state.reason == ALLOCATOR_BANDWIDTH);
    SIM_EXPECT(g.sim, sfu_transport_wanted_bps(g.sim->sfu, g.viewer->id) > 500000);
    for (unsigned i = 0; i < 10; i++) { /* back, as an estimator goes */
        endpoint_set_estimate(g.viewer, 500000 + i * 500000);
        sim_run(g.sim, SECONDS);
        SIM_EXPECT(g.sim, i > 1 || src->encoding == 0);
    }
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 2 && g.slot->state.reason == ALLOCATOR_NONE);
    SIM_EXPECT(g.sim, g.slot->switches <= 5 && g.slot->largest_gap_us < 100 * MS);
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void what_matters_less_is_paused_first(void **state)
{
    struct stage g = set_stage(1, &perfect);
    struct pub *screen = endpoint_publish(g.publisher, CODEC_VP8),
               *microphone = endpoint_publish(g.publisher, CODEC_OPUS);
    struct slot *s = endpoint_watch(g.viewer, screen), *a = endpoint_watch(g.viewer, microphone);
    struct sfu_wish wish = SFU_WISH_ANY;

    (void)state;
    screen->fill_bytes = FILL;
    wish.priority = ALLOCATOR_PRIORITY_SCREEN;
    slot_wish(s, &wish);
    sim_run(g.sim, 2 * SECONDS);
    endpoint_set_estimate(g.viewer, 1200000); /* room for one of two */
    sim_run(g.sim, SECONDS);
    uint32_t camera = g.slot->packets, shared = s->packets, heard = a->packets;
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, g.slot->packets == camera && s->packets > shared + 85);
    SIM_EXPECT(g.sim, a->packets > heard + 45);
    SIM_EXPECT(g.sim, !g.slot->state.is_active && g.slot->state.reason == ALLOCATOR_BANDWIDTH);
    endpoint_set_estimate(g.viewer, 0); /* not known any more */
    sim_run(g.sim, 6 * SECONDS);
    SIM_EXPECT(g.sim, g.slot->packets > camera + 85 && g.slot->state.is_active);
    expect_nothing_lost(g.sim, g.slot);
    expect_nothing_lost(g.sim, s);
    end_stage(&g);
}

/* ---- a keyframe that comes by repair ---- */

/* The slot's media time at true time 0. */
static uint32_t clock_of(const struct slot *s)
{
    return s->newest_ts - (uint32_t)(s->newest_content.capture_us * 9 / 100);
}

/* Of the keyframe that a switch waits for, the packets of @lost come as RTX; who goes up or down starts with it from the history. */
static void switch_with_repaired_keyframe(unsigned lost, uint16_t from, uint16_t to,
                                          uint8_t encoding)
{
    struct stage g = set_repaired_stage();
    const struct slot_source *src = slot_source(g.slot, g.camera);

    wish_for(g.slot, from, (uint16_t)(from * 9 / 16));
    sim_run(g.sim, 4 * SECONDS);
    unsigned plis = plis_of(g.camera), keyframes = g.camera->encoding[encoding].keyframes;
    uint32_t clock_ts = clock_of(g.slot);
    uint32_t decoded = src->decoded, switches = g.slot->switches;
    g.slot->largest_gap_us = 0;
    g.camera->lost_of_keyframe = lost;
    wish_for(g.slot, to, (uint16_t)(to * 9 / 16));
    g.slot->flow_since_us = 0; /* nothing is forgiven */
    sim_run(g.sim, 350 * MS);  /* the way there and back, twice, and what NACKs wait */
    SIM_EXPECT(g.sim, g.slot->switches == switches + 1 && src->encoding == encoding);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, plis_of(g.camera) == plis + 1);
    SIM_EXPECT(g.sim, g.camera->encoding[encoding].keyframes == keyframes + 1);
    SIM_EXPECT(g.sim, g.publisher->feedback->resent > 0);
    SIM_EXPECT(g.sim, src->decoded > decoded + 68 && g.slot->largest_gap_us < 60 * MS);
    SIM_EXPECT(g.sim, g.slot->decoded.frame + 5 > g.camera->encoding[encoding].frames);
    SIM_EXPECT(g.sim, abs(ts32_diff(clock_of(g.slot), clock_ts)) < 90); /* a millisecond */
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void a_switch_starts_with_a_repaired_keyframe(void **state)
{
    static const unsigned lost[] = {0x01, 0x03, 0x05};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        switch_with_repaired_keyframe(lost[i], 640, 1280, 2);
        switch_with_repaired_keyframe(lost[i], 1280, 640, 1);
    }
}

/* Without the rest of the keyframe, what flows goes on until there is another one. */
static void a_switch_waits_where_a_keyframe_stays_incomplete(void **state)
{
    struct stage g = set_repaired_stage();
    const struct slot_source *src = slot_source(g.slot, g.camera);

    (void)state;
    wish_for(g.slot, 640, 360);
    sim_run(g.sim, 4 * SECONDS);
    unsigned keyframes = g.camera->encoding[2].keyframes;
    uint32_t decoded = src->decoded;
    g.slot->largest_gap_us = 0;
    g.publisher->feedback->is_deaf_to_nacks = true;
    g.camera->lost_of_keyframe = 0x01;
    wish_for(g.slot, 1280, 720);
    g.slot->flow_since_us = 0;
    sim_run(g.sim, 3 * SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 2 && g.camera->encoding[2].keyframes == keyframes + 2);
    SIM_EXPECT(g.sim, src->decoded > decoded + 85 && g.slot->largest_gap_us < 60 * MS);
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

/* Up and down all the time while the publisher's way loses: each switch that began with a repaired keyframe is checked like any. */
static void switches_on_a_way_that_loses_leave_no_trace(void **state)
{
    struct stage g = set_repaired_stage();
    const struct net_line line = {.delay_us = 40 * MS, .jitter_us = 5 * MS, .loss_permille = 150};
    uint64_t starts = g.sim->sfu->totals.starts_from_history;

    (void)state;
    g.camera->temporal_layers = 3;
    endpoint_set_lines(g.publisher, &line);
    for (unsigned i = 0; i < 120; i++) {
        uint16_t width = (uint16_t)(320u << rng_below(&g.sim->rng, 3));
        wish_for(g.slot, width, (uint16_t)(width * 9 / 16));
        g.slot->flow_since_us = 0;
        sim_run(g.sim, 300 * MS + rng_below(&g.sim->rng, 1500) * MS);
    }
    SIM_EXPECT(g.sim, g.slot->switches > 10);
    SIM_EXPECT(g.sim, g.sim->sfu->totals.starts_from_history > starts);
    SIM_EXPECT(g.sim, slot_source(g.slot, g.camera)->decoded > 500);
    end_stage(&g);
}

/* ---- temporal layers ---- */

static void fewer_pictures_leave_no_trace(void **state)
{
    struct stage g = set_stage(1, &perfect);
    const struct slot_source *src = slot_source(g.slot, g.camera);

    (void)state;
    g.camera->temporal_layers = 3;
    sim_run(g.sim, 2 * SECONDS);
    for (int8_t max = 0; max < 3; max++) {
        struct sfu_wish wish = SFU_WISH_ANY;
        wish.max_temporal = max;
        slot_wish(g.slot, &wish);
        sim_run(g.sim, 500 * MS);
        struct slot_source before = *src;
        sim_run(g.sim, 4 * SECONDS);
        uint32_t decoded = src->decoded - before.decoded;
        SIM_EXPECT(g.sim, decoded > (28u << max) && decoded < (32u << max));
        SIM_EXPECT(g.sim, max > 0 || src->temporal[1] == before.temporal[1]);
        SIM_EXPECT(g.sim, max > 1 || src->temporal[2] == before.temporal[2]);
        SIM_EXPECT(g.sim, g.slot->state.temporal == max && g.slot->state.target_temporal == max);
    }
    SIM_EXPECT(g.sim, g.camera->encoding[0].keyframes <= 2);
    expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void change_at_random(const struct net_line *line, bool must_be_whole)
{
    struct stage g = set_stage(3, line);
    struct rng *rng = &g.sim->rng;

    g.camera->temporal_layers = 3;
    g.camera->padding_percent = 20;
    for (unsigned i = 0; i < 60; i++) {
        struct sfu_wish wish = SFU_WISH_ANY;
        wish.width = (uint16_t)(320u << rng_below(rng, 3));
        wish.height = (uint16_t)(wish.width * 9 / 16);
        wish.max_temporal = (int8_t)(rng_below(rng, 4)) - 1;
        wish.is_paused = rng_below(rng, 10) == 0;
        slot_wish(g.slot, &wish);
        if (i % 8 == 0)
            endpoint_set_estimate(g.viewer, 0);
        else if (i % 8 == 6)
            endpoint_set_estimate(g.viewer, 200000 + rng_below(rng, 2000000));
        sim_run(g.sim, rng_below(rng, 1000) * MS);
    }
    SIM_EXPECT(g.sim, g.slot->switches > 3 && slot_source(g.slot, g.camera)->decoded > 100);
    if (must_be_whole)
        expect_nothing_lost(g.sim, g.slot);
    end_stage(&g);
}

static void random_wishes_leave_no_trace(void **state)
{
    (void)state;
    change_at_random(&perfect, true);
    change_at_random(&poor, false);
}

/* ---- demand ---- */

static void the_publisher_sends_what_somebody_wants(void **state)
{
    struct stage g = set_stage(3, &perfect);
    struct endpoint *late = endpoint_join(g.sim, 3);
    const struct slot_source *src = slot_source(g.slot, g.camera);

    (void)state;
    g.camera->obeys_demand = true;
    SIM_EXPECT(g.sim, g.camera->demands == 0); /* not long enough unwanted */
    sim_run(g.sim, 5 * SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 4); /* the best one */
    wish_for(g.slot, 320, 180);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 0 && (g.camera->wanted & 1) != 0);
    sim_run(g.sim, DEMAND_OFF_DELAY_US + 5 * SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 1 && src->encoding == 0);
    struct slot *s = endpoint_watch(late, g.camera); /* wants everything */
    sim_run(g.sim, 100 * MS);
    SIM_EXPECT(g.sim, g.camera->wanted == 5);
    sim_run(g.sim, 3 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(s, g.camera)->encoding == 2 && src->encoding == 0);
    wish_for(g.slot, 640, 360);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 7 && src->encoding == 1);
    slot_watch(s, NULL);
    set_paused(g.slot, true);
    sim_run(g.sim, DEMAND_OFF_DELAY_US + SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 0);
    set_paused(g.slot, false);
    uint32_t decoded = src->decoded;
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, src->decoded > decoded + 50);
    SIM_EXPECT(g.sim, g.camera->demands < 12);
    end_stage(&g);
}

/* What was switched off by itself, as browsers do when they cannot send so much, is not taken for wanted by nobody. */
static void what_is_not_sent_is_told(void **state)
{
    struct stage g = set_stage(3, &perfect);

    (void)state;
    wish_for(g.slot, 1280, 720);
    g.camera->encoding[2].is_on = false;
    sim_run(g.sim, 4 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(g.slot, g.camera)->encoding == 1);
    SIM_EXPECT(g.sim, g.slot->state.reason == ALLOCATOR_NOT_SENT && g.slot->state.is_active);
    SIM_EXPECT(g.sim, g.slot->state.spatial == 1 && g.slot->state.target_spatial == 2);
    sim_run(g.sim, 4 * SECONDS);
    SIM_EXPECT(g.sim, (g.camera->wanted & 6) == 6);
    g.camera->encoding[2].is_on = true;
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, slot_source(g.slot, g.camera)->encoding == 2);
    sfu_track_set_muted(g.sim->sfu, g.camera->track, true, sim_now_us(g.sim));
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, g.slot->state.reason == ALLOCATOR_MUTED && !g.slot->state.is_active);
    sfu_track_set_muted(g.sim->sfu, g.camera->track, false, sim_now_us(g.sim));
    sim_run(g.sim, SECONDS);
    SIM_EXPECT(g.sim, g.slot->state.reason == ALLOCATOR_NONE && g.slot->state.is_active);
    end_stage(&g);
}

/* Viewers on another worker are heard through its replica's vote. */
static void another_worker_votes_for_its_viewers(void **state)
{
    struct stage g = set_stage(3, &perfect);
    struct sim *beside = sim_new_beside(g.sim);
    struct endpoint *other = endpoint_join(beside, 20);

    (void)state;
    g.camera->obeys_demand = true;
    wish_for(g.slot, 320, 180);
    sim_relay(g.sim, beside, g.camera->track, &g.camera->section);
    struct slot *s = endpoint_watch(other, g.camera);
    sim_run(g.sim, 10 * SECONDS);
    const struct slot_source *src = slot_source(s, g.camera);
    SIM_EXPECT(g.sim, g.camera->wanted == 5); /* the lowest here, the highest there */
    SIM_EXPECT(g.sim, src->encoding == 2 && src->decoded > 250);
    wish_for(s, 640, 360);
    sim_run(g.sim, 2 * SECONDS);
    SIM_EXPECT(g.sim, src->encoding == 1);
    sim_run(g.sim, DEMAND_OFF_DELAY_US + SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 3);
    slot_watch(s, NULL);
    sim_run(g.sim, DEMAND_OFF_DELAY_US + SECONDS);
    SIM_EXPECT(g.sim, g.camera->wanted == 1);
    end_stage(&g);
}

/* ---- many ---- */

#define MANY 50

static void many_viewers_of_all_kinds_cost_the_publisher_little(void **state)
{
    struct sim *sim = sim_new();
    struct endpoint *publisher = endpoint_join(sim, 1), *viewer[MANY];
    struct pub *camera = endpoint_publish_simulcast(publisher, 3);
    uint64_t bps[MANY];

    (void)state;
    camera->fill_bytes = FILL;
    for (unsigned i = 0; i < MANY; i++) {
        viewer[i] = endpoint_join(sim, 2 + i);
        bps[i] = 300000 + rng_below(&sim->rng, 2000000);
    }
    for (unsigned i = 0; i < MANY; i++) {
        (void)endpoint_watch(viewer[i], camera);
        endpoint_set_estimate(viewer[i], bps[i]);
    }
    sim_run(sim, 5 * SECONDS);
    unsigned plis = plis_of(camera);
    for (unsigned k = 0; k < 200; k++) { /* estimates scatter, and some change for good */
        unsigned i = rng_below(&sim->rng, MANY);
        if (rng_below(&sim->rng, 20) == 0)
            bps[i] = 300000 + rng_below(&sim->rng, 2000000);
        for (i = 0; i < MANY; i++)
            endpoint_set_estimate(viewer[i], bps[i] * (95 + rng_below(&sim->rng, 10)) / 100);
        sim_run(sim, 100 * MS);
    }
    SIM_EXPECT(sim, plis_of(camera) - plis <= 20);
    sim_run(sim, 2 * SECONDS);
    SIM_EXPECT(sim, sim->sfu->history.packets <= 3 * HISTORY_MAX_PACKETS);
    unsigned by_encoding[3] = {0};
    for (unsigned i = 0; i < MANY; i++) {
        const struct slot *s = &viewer[i]->slot[0];
        uint64_t cost = 130000ull * (2u << s->source[0].encoding);
        by_encoding[s->source[0].encoding]++;
        SIM_EXPECT(sim, s->source[0].decoded > 500 && cost <= bps[i] * 12 / 10);
    }
    SIM_EXPECT(sim, by_encoding[0] > 0 && by_encoding[1] > 0 && by_encoding[2] > 0);
    sim_expect_no_faults(sim);
    sim_free(&sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SIM_TEST(a_tile_gets_the_encoding_of_its_size),
        SIM_TEST(a_video_is_paused_and_goes_on_at_once),
        SIM_TEST(a_wish_holds_for_the_next_source),
        SIM_TEST(less_bandwidth_means_a_lower_layer_until_there_is_more),
        SIM_TEST(what_matters_less_is_paused_first),
        SIM_TEST(a_switch_starts_with_a_repaired_keyframe),
        SIM_TEST(a_switch_waits_where_a_keyframe_stays_incomplete),
        SIM_TEST(switches_on_a_way_that_loses_leave_no_trace),
        SIM_TEST(fewer_pictures_leave_no_trace),
        SIM_TEST(random_wishes_leave_no_trace),
        SIM_TEST(the_publisher_sends_what_somebody_wants),
        SIM_TEST(what_is_not_sent_is_told),
        SIM_TEST(another_worker_votes_for_its_viewers),
        SIM_TEST(many_viewers_of_all_kinds_cost_the_publisher_little),
    };

    return cmocka_run_group_tests(tests, sim_group_setup, sim_group_teardown);
}
