/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/rng.h"
#include "rooms/sfu/allocator.h"
#include "tests/unit/core/seed.h"

#define MS 1000ull
#define S 1000000ull
#define START_US (7 * S)
#define K 1000u

static struct allocator a;
static struct allocator_item item[MAX_SLOTS_PER_PARTICIPANT];
static struct allocator_item *items[MAX_SLOTS_PER_PARTICIPANT];
static size_t n;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    allocator_init(&a);
    n = 0;
    now_us = START_US;
    return 0;
}

static void run(uint64_t bps)
{
    allocator_run(&a, items, n, bps, now_us);
}

/* For some seconds with the same estimate. */
static void settle(uint64_t bps, uint64_t seconds)
{
    for (uint64_t end_us = now_us + seconds * S; now_us < end_us; now_us += 200 * MS)
        run(bps);
}

static struct allocator_item *add(enum media_kind kind, uint8_t priority)
{
    items[n] = &item[n];
    allocator_item_init(items[n], kind);
    items[n]->priority = priority;
    return items[n++];
}

static struct allocator_item *add_audio(void)
{
    struct allocator_item *it = add(MEDIA_AUDIO, ALLOCATOR_PRIORITY_USUAL);

    it->layers = 1;
    it->layer[0] = (struct allocator_layer){.bitrate_bps = 40 * K, .is_sent = true};
    return it;
}

/* What a browser sends of a camera: 150, 500 and 1500 kbit/s. */
static void set_camera(struct allocator_item *it)
{
    it->layers = 3;
    it->layer[0] = (struct allocator_layer){150 * K, 320 * 180, 30, true};
    it->layer[1] = (struct allocator_layer){500 * K, 640 * 360, 30, true};
    it->layer[2] = (struct allocator_layer){1500 * K, 1280 * 720, 30, true};
}

static struct allocator_item *add_camera(uint8_t priority)
{
    struct allocator_item *it = add(MEDIA_VIDEO, priority);

    set_camera(it);
    return it;
}

static void expect_targets(const int8_t *want, size_t count)
{
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++)
        if (items[i]->target != want[i])
            fail_msg("item %zu: target %d, not %d", i, items[i]->target, want[i]);
}

#define EXPECT_TARGETS(...)                       \
    expect_targets((const int8_t[]){__VA_ARGS__}, \
                   sizeof((const int8_t[]){__VA_ARGS__}) / sizeof(int8_t))

/* ---- who gets what ---- */

static void enough_for_all_is_given_at_once(void **state)
{
    (void)state;
    add_audio();
    add_camera(64);
    add_camera(64);
    run(10000 * K);
    EXPECT_TARGETS(0, 2, 2);
    assert_int_equal(items[1]->reason, ALLOCATOR_NONE);
    assert_int_equal(a.total_bps, 3040 * K);
    assert_int_equal(a.wanted_bps, 3040 * K);
    assert_int_equal(a.next_step_bps, 0);
    assert_int_equal(a.next_run_us, UINT64_MAX);
}

static void bandwidth_goes_by_worth(void **state)
{
    static const struct {
        uint64_t bps;
        int8_t want[5]; /* audio, screen, speaker, two others */
    } rows[] = {
        {10 * K, {0, -1, -1, -1, -1}}, {200 * K, {0, 0, -1, -1, -1}}, {400 * K, {0, 0, 0, -1, -1}},
        {650 * K, {0, 0, 0, 0, 0}},    {1100 * K, {0, 1, 0, 0, 0}},   {2200 * K, {0, 2, 0, 0, 0}},
        {2600 * K, {0, 2, 1, 0, 0}},   {3700 * K, {0, 2, 2, 0, 0}},   {4150 * K, {0, 2, 2, 1, 0}},
        {4500 * K, {0, 2, 2, 1, 1}},   {5650 * K, {0, 2, 2, 2, 1}},   {6700 * K, {0, 2, 2, 2, 2}},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(set_up(state), 0);
        add_audio();
        add_camera(ALLOCATOR_PRIORITY_SCREEN);
        add_camera(ALLOCATOR_PRIORITY_SPEAKER);
        add_camera(ALLOCATOR_PRIORITY_USUAL);
        add_camera(ALLOCATOR_PRIORITY_USUAL);
        run(rows[i].bps);
        expect_targets(rows[i].want, 5);
    }
}

static void what_may_not_be_paused_gets_its_lowest_layer_come_what_may(void **state)
{
    (void)state;
    add_camera(200);
    add_camera(64)->is_pausable = false;
    run(160 * K);
    EXPECT_TARGETS(-1, 0);
    run(10 * K);
    EXPECT_TARGETS(-1, 0);
    assert_int_equal(items[0]->reason, ALLOCATOR_BANDWIDTH);
    assert_int_equal(items[1]->reason, ALLOCATOR_BANDWIDTH);
}

static void the_reason_is_told(void **state)
{
    (void)state;
    add_camera(64)->is_wanted = false;
    add_camera(64)->is_muted = true;
    add_camera(64)->layer[2].is_sent = false;
    add(MEDIA_VIDEO, 64); /* nothing is known of it yet */
    add_camera(64)->wanted_width = 0;
    run(2600 * K);
    EXPECT_TARGETS(-1, -1, 2, -1, 1);
    assert_int_equal(items[0]->reason, ALLOCATOR_NOT_WANTED);
    assert_int_equal(items[1]->reason, ALLOCATOR_MUTED);
    assert_int_equal(items[2]->reason, ALLOCATOR_NOT_SENT);
    assert_int_equal(items[2]->forward, 1);
    assert_int_equal(items[3]->reason, ALLOCATOR_NOT_SENT);
    assert_int_equal(items[4]->reason, ALLOCATOR_BANDWIDTH);
    assert_string_equal(allocator_reason_name(ALLOCATOR_BANDWIDTH), "bandwidth");
}

static void a_tile_gets_the_layer_that_fills_it(void **state)
{
    static const struct {
        uint16_t width, height;
        uint8_t fps;
        int8_t max_layer, want;
    } rows[] = {
        {0, 0, 0, INT8_MAX, 5},
        {160, 90, 0, INT8_MAX, 1},
        {320, 180, 0, INT8_MAX, 1},
        {360, 202, 0, INT8_MAX, 1},
        {400, 225, 0, INT8_MAX, 3},
        {640, 360, 15, INT8_MAX, 2},
        {640, 360, 30, INT8_MAX, 3},
        {640, 360, 20, INT8_MAX, 3},
        {4000, 3000, 0, INT8_MAX, 5},
        {4000, 3000, 10, INT8_MAX, 4},
        {0, 0, 0, 2, 2},
        {160, 90, 0, 0, 0},
        {0, 0, 0, -1, 0},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(set_up(state), 0);
        struct allocator_item *it = add(MEDIA_VIDEO, 64);
        it->layers = 6;
        for (unsigned k = 0; k < 6; k++)
            it->layer[k] = (struct allocator_layer){(k + 1) * 100 * K, (320u * 180u) << (k / 2 * 2),
                                                    k % 2 ? 30 : 15, true};
        it->wanted_width = rows[i].width;
        it->wanted_height = rows[i].height;
        it->wanted_fps = rows[i].fps;
        it->max_layer = rows[i].max_layer;
        run(ALLOCATOR_MAX_BPS);
        if (it->target != rows[i].want)
            fail_msg("row %zu: %d, not %d", i, it->target, rows[i].want);
    }
}

static void a_layer_of_unknown_size_is_above_one_that_is_enough(void **state)
{
    (void)state;
    struct allocator_item *it = add_camera(64);
    it->wanted_width = 320;
    it->wanted_height = 180;
    it->layer[2].pixels = 0;
    run(10000 * K);
    EXPECT_TARGETS(0);
    it->layer[0].pixels = it->layer[1].pixels = 0; /* nothing is known: the best */
    settle(10000 * K, 5);
    EXPECT_TARGETS(2);
}

/* ---- in time ---- */

static void down_comes_at_once_and_up_a_step_at_a_time(void **state)
{
    uint64_t up_us[3] = {0};

    (void)state;
    add_audio();
    struct allocator_item *it = add_camera(64);
    run(5000 * K);
    EXPECT_TARGETS(0, 2);
    now_us += 5 * S;
    run(100 * K);
    EXPECT_TARGETS(0, -1);
    assert_int_equal(a.pauses, 1);
    assert_int_equal(a.shortages, 1);
    for (uint64_t down_us = now_us; now_us < down_us + 10 * S; now_us += 50 * MS) {
        int8_t before = it->target;
        run(5000 * K);
        assert_true(it->target <= before + 1);
        if (it->target > before)
            up_us[before + 1] = now_us - down_us;
    }
    assert_in_range(up_us[0], ALLOCATOR_HOLD_US / 4, ALLOCATOR_HOLD_US / 4 + 500 * MS);
    assert_in_range(up_us[1] - up_us[0], ALLOCATOR_UP_INTERVAL_US,
                    ALLOCATOR_UP_INTERVAL_US + 100 * MS);
    assert_in_range(up_us[2] - up_us[1], ALLOCATOR_UP_INTERVAL_US,
                    ALLOCATOR_UP_INTERVAL_US + 100 * MS);
    assert_int_equal(a.resumes, 1);
}

static void up_waits_longer_where_there_is_little_room(void **state)
{
    (void)state;
    struct allocator_item *it = add_camera(64);
    settle(700 * K, 40);
    EXPECT_TARGETS(1);
    run(450 * K);
    EXPECT_TARGETS(0);
    uint64_t down_us = now_us;
    for (; it->target < 1; now_us += 50 * MS)
        run(700 * K); /* of 500 wanted */
    assert_in_range(now_us - down_us, ALLOCATOR_HOLD_US, ALLOCATOR_HOLD_US + 100 * MS);
}

static void up_needs_room_to_spare_and_staying_does_not(void **state)
{
    (void)state;
    add_camera(64);
    settle(500 * K, 5);
    EXPECT_TARGETS(0);
    settle(549 * K, 20);
    EXPECT_TARGETS(0);
    assert_in_range(a.next_step_bps, 550 * K, 556 * K);
    settle(551 * K, 20);
    EXPECT_TARGETS(1);
    settle(500 * K, 20);
    EXPECT_TARGETS(1);
    settle(499 * K, 1);
    EXPECT_TARGETS(0);
}

static void it_runs_again_when_a_step_becomes_due(void **state)
{
    unsigned runs = 0;

    (void)state;
    add_camera(64);
    run(5000 * K);
    now_us += 20 * S;
    run(200 * K);
    EXPECT_TARGETS(0);
    assert_int_equal(a.next_run_us, UINT64_MAX); /* time alone changes nothing */
    for (now_us += 20 * S; runs < 10; runs++) {  /* what was smoothed is forgotten */
        run(5000 * K);
        if (a.next_run_us == UINT64_MAX)
            break;
        assert_true(a.next_run_us > now_us);
        now_us = a.next_run_us;
    }
    EXPECT_TARGETS(2);
    assert_in_range(runs, 1, 3);
}

static void an_up_that_was_a_mistake_is_tried_ever_more_seldom(void **state)
{
    uint64_t bps = 450 * K, last_up_us = 0, gap_us = 0;

    (void)state;
    struct allocator_item *it = add_camera(64);
    run(bps);
    for (uint64_t end_us = now_us + 600 * S; now_us < end_us; now_us += 100 * MS) {
        int8_t before = it->target;
        run(bps);
        if (it->target > before) {
            uint64_t since_us = now_us - last_up_us;
            assert_true(gap_us == 0 || since_us * 3 / 2 > gap_us || gap_us > 50 * S);
            gap_us = last_up_us == 0 ? 0 : since_us;
            last_up_us = now_us;
        }
        /* The way carries 450, which the estimator only finds out when it sends more. */
        bps = it->target >= 1 && now_us - last_up_us > 2 * S ? 400 * K : 700 * K;
    }
    assert_in_range(a.ups, 8, 16); /* not 600 s / 6 s */
    assert_true(gap_us >= ALLOCATOR_MAX_HOLD_US);
}

static void an_up_that_held_out_is_forgiven(void **state)
{
    (void)state;
    add_camera(64);
    run(450 * K);
    for (unsigned i = 0; i < 4; i++) { /* up, and down within seconds */
        settle(5000 * K, 62);
        EXPECT_TARGETS(2);
        run(450 * K);
        settle(450 * K, 2);
    }
    settle(5000 * K, 120);
    run(450 * K); /* up for long, then down */
    uint64_t down_us = now_us;
    for (; items[0]->target < 1; now_us += 50 * MS)
        run(5000 * K);
    assert_in_range(now_us - down_us, ALLOCATOR_HOLD_US / 4, ALLOCATOR_HOLD_US / 4 + 2 * S);
}

static void what_is_new_starts_at_its_lowest_layer_soon_after_a_down(void **state)
{
    (void)state;
    add_camera(64);
    run(5000 * K);
    now_us += S;
    run(1200 * K);
    EXPECT_TARGETS(1);
    add_camera(64);
    now_us += 100 * MS;
    run(1200 * K);
    EXPECT_TARGETS(1, 0);
}

static void showing_again_is_a_start(void **state)
{
    (void)state;
    add_camera(64)->is_wanted = false;
    settle(5000 * K, 2);
    items[0]->is_wanted = true;
    run(5000 * K);
    EXPECT_TARGETS(2);
    assert_int_equal(a.ups, 0);
    items[0]->is_muted = true;
    run(5000 * K);
    EXPECT_TARGETS(-1);
    assert_int_equal(a.downs, 0);
}

static void a_smaller_wish_is_no_shortage(void **state)
{
    (void)state;
    add_camera(64);
    settle(1600 * K, 2);
    items[0]->wanted_width = 320;
    items[0]->wanted_height = 180;
    settle(1600 * K, 1);
    EXPECT_TARGETS(0);
    assert_int_equal(a.shortages, 0);
    items[0]->wanted_width = items[0]->wanted_height = 0;
    settle(1700 * K, 4);
    EXPECT_TARGETS(2);
}

static void a_higher_priority_takes_from_a_lower_one_even_after_a_down(void **state)
{
    (void)state;
    add_camera(ALLOCATOR_PRIORITY_SPEAKER);
    add_camera(64);
    settle(2300 * K, 3);
    EXPECT_TARGETS(2, 1);
    run(1900 * K); /* short: nothing goes up for a while */
    EXPECT_TARGETS(2, 0);
    items[1]->priority = ALLOCATOR_PRIORITY_SCREEN;
    settle(1900 * K, 3);
    EXPECT_TARGETS(0, 2);
    assert_int_equal(a.shortages, 1);
}

static void equals_share(void **state)
{
    (void)state;
    add_camera(64);
    settle(1700 * K, 2);
    EXPECT_TARGETS(2);
    add_camera(64);
    add_camera(64);
    settle(1700 * K, 5);
    EXPECT_TARGETS(1, 1, 1);
    assert_int_equal(a.shortages, 0);
}

static void a_bitrate_that_jumps_counts_at_once(void **state)
{
    (void)state;
    add_camera(64);
    settle(800 * K, 3);
    EXPECT_TARGETS(1);
    items[0]->layer[1].bitrate_bps = 900 * K;
    run(800 * K);
    EXPECT_TARGETS(0);
}

static void another_track_begins_anew(void **state)
{
    (void)state;
    add_camera(64);
    settle(2000 * K, 3);
    allocator_item_restart(items[0]);
    items[0]->layers = 1;
    items[0]->layer[0].bitrate_bps = 1000 * K;
    run(2000 * K);
    EXPECT_TARGETS(0);
    assert_int_equal(a.downs, 0);
}

static void set_was(int8_t was[MAX_LADDER_LAYERS], int8_t a0, int8_t a1, int8_t a2)
{
    memset(was, -1, MAX_LADDER_LAYERS);
    was[0] = a0;
    was[1] = a1;
    was[2] = a2;
}

/* The ladder has other steps now, of the same source. */
static void other_steps_keep_what_there_is(void **state)
{
    struct allocator_item *it = add_camera(64);
    int8_t was[MAX_LADDER_LAYERS];

    (void)state;
    settle(600 * K, 5);
    EXPECT_TARGETS(1);
    it->layers = 2; /* the lowest one went: what it has is the lowest now */
    it->layer[0] = it->layer[1];
    it->layer[1] = it->layer[2];
    set_was(was, 1, 2, -1);
    allocator_item_remap(it, was);
    run(600 * K);
    EXPECT_TARGETS(0);
    assert_int_equal(it->target_bps, 500 * K);
    set_camera(it); /* it comes back, as something new */
    set_was(was, -1, 0, 1);
    allocator_item_remap(it, was);
    run(600 * K);
    EXPECT_TARGETS(1);
    assert_int_equal(a.ups + a.downs, 0);
    it->layers = 1; /* what it has went: the next lower one, with which it is short of nothing */
    set_was(was, 0, -1, -1);
    allocator_item_remap(it, was);
    run(600 * K);
    EXPECT_TARGETS(0);
    set_camera(it);
    set_was(was, -1, -1, -1); /* nothing is as it was: no reason to pause */
    allocator_item_remap(it, was);
    run(600 * K);
    assert_true(it->target >= 0 && a.pauses == 0);
}

static void the_next_step_to_probe_for_is_enough(void **state)
{
    (void)state;
    add_audio();
    add_camera(ALLOCATOR_PRIORITY_SCREEN);
    add_camera(64);
    add_camera(64);
    for (uint64_t bps = 100 * K; a.total_bps < a.wanted_bps || a.wanted_bps == 0;) {
        uint64_t before_bps = a.total_bps;
        settle(bps, 15);
        if (before_bps > 0)
            assert_true(a.total_bps > before_bps);
        assert_true(a.next_step_bps == 0 || a.next_step_bps > bps);
        bps = a.next_step_bps + 1;
    }
    EXPECT_TARGETS(0, 2, 2, 2);
}

/* ---- noise ---- */

static uint64_t noisy(struct rng *rng, uint64_t value)
{
    return value * (900 + rng_below(rng, 201)) / 1000;
}

/* Moves of an item, and those that undo its last one. */
struct moves {
    unsigned all, undone;
    int8_t target[4], direction[4];
};

static void count_moves(struct moves *m, bool is_counted)
{
    for (size_t i = 0; i < n; i++) {
        int8_t direction =
            (int8_t)((items[i]->target > m->target[i]) - (items[i]->target < m->target[i]));
        if (direction != 0 && is_counted) {
            m->all++;
            m->undone += direction == -m->direction[i];
            m->direction[i] = direction;
        }
        m->target[i] = items[i]->target;
    }
}

/* Close to a border the first seconds may have chosen what does not hold for minutes; nothing goes to and fro. */
static void ten_percent_of_noise_make_nothing_flap(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();
    unsigned all = 0, undone = 0, cases = 0;

    seed_print(seed);
    rng_seed(&rng, seed);
    for (uint64_t bps = 100 * K; bps < 4000 * K; bps = bps * 106 / 100, cases++) {
        struct moves m = {0};
        assert_int_equal(set_up(state), 0);
        add_audio();
        add_camera(128);
        add_camera(64);
        add_camera(64);
        for (unsigned i = 0; i < 3000; i++, now_us += 100 * MS) { /* five minutes */
            for (size_t k = 1; k < n; k++) {
                set_camera(items[k]);
                for (unsigned l = 0; l < 3; l++)
                    items[k]->layer[l].bitrate_bps =
                        (uint32_t)noisy(&rng, items[k]->layer[l].bitrate_bps);
            }
            run(noisy(&rng, bps));
            count_moves(&m, i >= 300);
        }
        all += m.all;
        undone += m.undone;
    }
    if (undone > 1 || all > cases / 4)
        fail_msg("%u moves in %u cases, %u undone", all, cases, undone);
}

/* ---- any viewer ---- */

static void random_viewer(struct rng *rng)
{
    static const uint8_t priorities[] = {0, 64, 64, 64, 128, 192, 255};
    size_t count = 1 + rng_below(rng, rng_below(rng, 4) == 0 ? MAX_SLOTS_PER_PARTICIPANT : 10);

    set_up(NULL);
    for (size_t i = 0; i < count; i++) {
        struct allocator_item *it = add(rng_below(rng, 3) == 0 ? MEDIA_AUDIO : MEDIA_VIDEO,
                                        priorities[rng_below(rng, ARRAY_LEN(priorities))]);
        uint32_t bps = 0, pixels = 1000;
        it->layers = (uint8_t)(it->kind == MEDIA_AUDIO ? 1 : rng_below(rng, MAX_LADDER_LAYERS + 1));
        for (unsigned l = 0; l < it->layers; l++) {
            bps += rng_below(rng, 1000 * K);
            pixels += rng_below(rng, 100000);
            it->layer[l] = (struct allocator_layer){bps, pixels, 30, rng_below(rng, 8) > 0};
        }
        it->is_wanted = rng_below(rng, 10) > 0;
        it->is_muted = rng_below(rng, 20) == 0;
        it->is_pausable = rng_below(rng, 10) > 0;
        it->max_layer = (int8_t)rng_below(rng, MAX_LADDER_LAYERS);
        it->wanted_width = (uint16_t)rng_below(rng, 1000);
        it->wanted_height = (uint16_t)rng_below(rng, 1000);
    }
}

static uint64_t random_estimate(struct rng *rng)
{
    return rng_below(rng, 3) == 0 ? rng_below(rng, 1000 * K)
                                  : (uint64_t)rng_below(rng, 1000 * K) * n;
}

static uint64_t forced_bps(void)
{
    uint64_t bps = 0;

    for (size_t i = 0; i < n; i++)
        if (!items[i]->is_pausable && items[i]->wanted >= 0)
            bps += items[i]->cost_bps[0];
    return bps;
}

static void check_outcome(uint64_t bps)
{
    uint64_t total = 0;
    bool is_any_short = false;

    for (size_t i = 0; i < n; i++) {
        const struct allocator_item *it = items[i];
        is_any_short |= it->target < it->wanted;
        bool is_wanted = it->is_wanted && !it->is_muted && it->layers > 0;
        assert_in_range(it->wanted + 1, is_wanted, it->layers);
        assert_in_range(it->target + 1, is_wanted && !it->is_pausable, it->wanted + 1);
        assert_in_range(it->forward + 1, 0, it->target + 1);
        assert_true(it->forward < 0 || it->layer[it->forward].is_sent);
        assert_true(it->reason == ALLOCATOR_BANDWIDTH ? it->target < it->wanted
                                                      : it->target == it->wanted);
        total += it->target < 0 ? 0 : it->cost_bps[it->target];
    }
    assert_int_equal(total, a.total_bps);
    assert_true(total <= MAX(bps, forced_bps()));
    assert_true(a.total_bps <= a.wanted_bps);
    assert_int_equal(a.next_step_bps == 0, !is_any_short);
}

static unsigned rank(const struct allocator_item *it)
{
    return it->kind == MEDIA_AUDIO ? 256u : it->priority;
}

static uint64_t cost(const struct allocator_item *it, int layer)
{
    return layer < 0 ? 0 : it->cost_bps[layer];
}

/* Nobody lacks a step that fits beside what ranks as high or higher and everybody's lowest layers. */
static void check_nobody_starves_for_a_lower_one(uint64_t bps)
{
    for (size_t i = 0; i < n; i++) {
        const struct allocator_item *it = items[i];
        uint64_t others = 0;
        if (it->target == it->wanted)
            continue;
        for (size_t k = 0; k < n; k++) {
            bool counts = rank(items[k]) >= rank(it);
            if (k != i)
                others += counts ? cost(items[k], items[k]->target)
                                 : cost(items[k], MIN(items[k]->target, 0));
        }
        uint64_t room = it->target < 0 ? bps : bps * 100 / (100 + ALLOCATOR_HEADROOM_PERCENT);
        assert_true(others + cost(it, it->target + 1) > room);
    }
}

static void a_first_run_is_within_bounds_and_just(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 3000; i++) {
        random_viewer(&rng);
        uint64_t bps = random_estimate(&rng);
        run(bps);
        check_outcome(bps);
        check_nobody_starves_for_a_lower_one(bps);
    }
}

/* With more bandwidth, the first step in the order of worth that is decided otherwise is one that is taken. */
static bool is_better_or_same(int8_t (*before)[MAX_SLOTS_PER_PARTICIPANT])
{
    for (unsigned r = 257; r-- > 0;)
        for (int level = 0; level < MAX_LADDER_LAYERS; level++)
            for (size_t i = 0; i < n; i++) {
                if (rank(items[i]) != r)
                    continue;
                bool was = (*before)[i] >= level, is = items[i]->target >= level;
                if (was != is)
                    return is;
            }
    return true;
}

static void more_bandwidth_is_never_worse(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();
    int8_t before[MAX_SLOTS_PER_PARTICIPANT];

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 1000; i++) {
        random_viewer(&rng);
        for (size_t k = 0; k < n; k++)
            items[k]->is_pausable =
                false; /* then all lowest layers stand, and the rest has an order */
        uint64_t bps = random_estimate(&rng);
        for (unsigned step = 0; step < 6; step++, bps += rng_below(&rng, 300 * K)) {
            allocator_init(&a);
            for (size_t k = 0; k < n; k++)
                allocator_item_restart(items[k]);
            run(bps);
            assert_true(step == 0 || is_better_or_same(&before));
            for (size_t k = 0; k < n; k++)
                before[k] = items[k]->target;
        }
    }
}

static void the_same_input_gives_the_same_and_comes_to_rest(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 200; i++) {
        random_viewer(&rng);
        for (unsigned change = 0; change < 3; change++) { /* whatever was before */
            uint64_t bps = random_estimate(&rng);
            for (unsigned k = 0; k < 20; k++, now_us += 100 * MS) {
                run(bps);
                check_outcome(bps);
            }
        }
        uint64_t bps = random_estimate(&rng);
        settle(bps, 200);
        a.ups = a.downs = 0;
        for (unsigned k = 0; k < 300; k++, now_us += 100 * MS) {
            run(bps);
            check_outcome(bps);
        }
        assert_int_equal(a.ups + a.downs, 0);
        assert_int_equal(a.next_run_us, UINT64_MAX);
    }
}

static void no_run_ends_above_the_estimate_whatever_happens(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 300; i++) {
        random_viewer(&rng);
        for (unsigned k = 0; k < 100; k++, now_us += rng_below(&rng, 2 * S)) {
            struct allocator_item *it = items[rng_below(&rng, (uint32_t)n)];
            switch (rng_below(&rng, 5)) {
            case 0:
                it->is_wanted = !it->is_wanted;
                break;
            case 1:
                it->is_muted = !it->is_muted;
                break;
            case 2:
                it->priority = (uint8_t)rng_u32(&rng);
                break;
            case 3:
                if (it->layers > 0)
                    it->layer[it->layers - 1].bitrate_bps = rng_below(&rng, 5000 * K);
                break;
            default:
                it->max_layer = (int8_t)rng_below(&rng, 12);
            }
            uint64_t bps = random_estimate(&rng);
            run(bps);
            check_outcome(bps);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(enough_for_all_is_given_at_once),
        T(bandwidth_goes_by_worth),
        T(what_may_not_be_paused_gets_its_lowest_layer_come_what_may),
        T(the_reason_is_told),
        T(a_tile_gets_the_layer_that_fills_it),
        T(a_layer_of_unknown_size_is_above_one_that_is_enough),
        T(down_comes_at_once_and_up_a_step_at_a_time),
        T(up_waits_longer_where_there_is_little_room),
        T(up_needs_room_to_spare_and_staying_does_not),
        T(it_runs_again_when_a_step_becomes_due),
        T(an_up_that_was_a_mistake_is_tried_ever_more_seldom),
        T(an_up_that_held_out_is_forgiven),
        T(what_is_new_starts_at_its_lowest_layer_soon_after_a_down),
        T(showing_again_is_a_start),
        T(a_smaller_wish_is_no_shortage),
        T(a_higher_priority_takes_from_a_lower_one_even_after_a_down),
        T(equals_share),
        T(a_bitrate_that_jumps_counts_at_once),
        T(another_track_begins_anew),
        T(other_steps_keep_what_there_is),
        T(the_next_step_to_probe_for_is_enough),
        T(ten_percent_of_noise_make_nothing_flap),
        T(a_first_run_is_within_bounds_and_just),
        T(more_bandwidth_is_never_worse),
        T(the_same_input_gives_the_same_and_comes_to_rest),
        T(no_run_ends_above_the_estimate_whatever_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
