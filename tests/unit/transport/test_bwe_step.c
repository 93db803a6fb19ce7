/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/rng.h"
#include "transport/bwe_step.h"

#define MS 1000ull
#define CLOCK_US 123456789000 /* the endpoint's is so far ahead */
#define BYTES 1200
#define FRAME_US (33 * MS)

static struct bwe_step step;
static uint64_t sent_us;
static unsigned longer, taken_back;

static int set_up(void **state)
{
    (void)state;
    step = (struct bwe_step){0};
    sent_us = 1000 * MS;
    longer = taken_back = 0;
    return 0;
}

static void packet(uint64_t at_us, uint64_t delay_us, uint64_t jitter_us)
{
    enum bwe_step_kind kind =
        bwe_step_add(&step, at_us, (int64_t)(at_us + delay_us) + CLOCK_US, BYTES, jitter_us);

    longer += kind == BWE_STEP_LONGER;
    taken_back += kind == BWE_STEP_TAKEN_BACK;
}

/* Frames of four packets, each of which is sent at one moment. */
static void frames(unsigned n, uint64_t delay_us, int64_t more_us)
{
    for (; n > 0; n--, sent_us += FRAME_US, delay_us = (uint64_t)((int64_t)delay_us + more_us))
        for (unsigned i = 0; i < 4; i++)
            packet(sent_us, delay_us + i * 200, 0);
}

static void a_way_that_gets_longer_is_seen_once(void **state)
{
    (void)state;
    frames(30, 1 * MS, 0);
    frames(1, 201 * MS, 0);
    assert_int_equal(longer, 1);
    frames(100, 201 * MS, 0);
    assert_int_equal(longer, 1);
    assert_int_equal(taken_back, 0);
}

static void also_where_delays_differ_more_from_then_on(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    frames(30, 1 * MS, 0);
    for (unsigned i = 0; i < 300; i++)
        frames(1, 201 * MS + rng_below(&rng, 50 * MS), 0);
    assert_int_equal(longer, 1);
    assert_int_equal(taken_back, 0);
}

static void jitter_makes_no_step(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (unsigned i = 0; i < 3000; i++, sent_us += FRAME_US)
        packet(sent_us, 20 * MS + rng_below(&rng, 240 * MS), 80 * MS);
    assert_int_equal(longer, 0);
}

/* Each packet waits for the one before it, whatever the rate down to that of telephony. */
static void nor_does_a_queue_of_ours(void **state)
{
    (void)state;
    for (uint64_t kbps = BWE_STEP_LEAST_BPS / 1000; kbps < 4000; kbps = kbps * 3 / 2) {
        uint64_t takes_us = BYTES * 8 * 1000 / kbps, free_us = 0;
        for (unsigned i = 0; i < 100; i++, sent_us += FRAME_US)
            for (unsigned k = 0; k < 4; k++) {
                free_us = (free_us > sent_us ? free_us : sent_us) + takes_us;
                packet(sent_us, free_us - sent_us, 0);
            }
        assert_int_equal(longer, 0);
        sent_us = free_us + 10000 * MS;
    }
}

/* What was lost behind the narrow place has taken its time in it. */
static void nor_does_a_run_of_lost_packets(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    for (unsigned i = 0; i < 6; i++)
        bwe_step_lost(&step, BYTES);
    frames(1, 20 * MS + 200 * MS, 0);
    assert_int_equal(longer, 0);
}

static void nor_do_packets_of_which_nobody_told(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    bwe_step_break(&step);
    frames(30, 20 * MS + 200 * MS, 0);
    assert_int_equal(longer, 0);
}

static void a_stall_is_taken_back(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    frames(6, 220 * MS, -33 * (int64_t)MS);
    assert_int_equal(longer, 1);
    frames(30, 20 * MS, 0);
    assert_int_equal(taken_back, 1);
}

static void a_queue_that_goes_on_growing_is_taken_back(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    frames(30, 150 * MS, 10 * MS);
    assert_int_equal(longer, 1);
    assert_int_equal(taken_back, 1);
}

/* A path of 40 kb/s: each packet waits a quarter of a second for the one before. */
static void a_path_that_carries_next_to_nothing_is_taken_back(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    for (unsigned i = 1; i < 20; i++, sent_us += FRAME_US)
        packet(sent_us, 20 * MS + i * (240 * MS - FRAME_US), 0);
    assert_int_equal(longer, 1);
    assert_int_equal(taken_back, 1);
}

static void what_comes_late_is_left_out(void **state)
{
    (void)state;
    frames(30, 20 * MS, 0);
    packet(sent_us - 300 * MS, 320 * MS, 0);
    frames(30, 20 * MS, 0);
    assert_int_equal(longer, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_way_that_gets_longer_is_seen_once, set_up),
        cmocka_unit_test_setup(also_where_delays_differ_more_from_then_on, set_up),
        cmocka_unit_test_setup(jitter_makes_no_step, set_up),
        cmocka_unit_test_setup(nor_does_a_queue_of_ours, set_up),
        cmocka_unit_test_setup(nor_does_a_run_of_lost_packets, set_up),
        cmocka_unit_test_setup(nor_do_packets_of_which_nobody_told, set_up),
        cmocka_unit_test_setup(a_stall_is_taken_back, set_up),
        cmocka_unit_test_setup(a_queue_that_goes_on_growing_is_taken_back, set_up),
        cmocka_unit_test_setup(a_path_that_carries_next_to_nothing_is_taken_back, set_up),
        cmocka_unit_test_setup(what_comes_late_is_left_out, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
