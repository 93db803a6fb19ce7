/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <stdlib.h>

#include "core/limits.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "mixer/jitter_delay.h"

#define FRAME_US 20000
#define CEILING_US 200000

static struct jitter_delay d;
static int64_t media_us;
static uint64_t at_us;
static struct rng rng;

static int set_up(void **state)
{
    (void)state;
    media_us = 5000;
    at_us = 100 * US_PER_S;
    rng_seed(&rng, 6);
    jitter_delay_init(&d, CEILING_US);
    return 0;
}

/* @n packets, each later than the even pace by what @later_us says. */
static void go_on(size_t n, double pace, uint64_t (*later_us)(size_t i))
{
    for (size_t i = 0; i < n; i++) {
        (void)jitter_delay_add(&d, media_us, at_us + later_us(i), FRAME_US);
        media_us += FRAME_US;
        at_us += (uint64_t)(FRAME_US * pace);
    }
}

static uint64_t even(size_t i)
{
    (void)i;
    return 0;
}

static uint64_t up_to_60ms(size_t i)
{
    (void)i;
    return rng_below(&rng, 60000);
}

static uint64_t all_100ms(size_t i)
{
    (void)i;
    return 100000;
}

static uint64_t every_tenth_90ms(size_t i)
{
    return i % 10 == 9 ? 90000 : 0;
}

static uint64_t half_a_second(size_t i)
{
    return i % 2 * 500000;
}

static void it_starts_careful_and_becomes_short_on_an_even_network(void **state)
{
    (void)state;
    assert_int_equal(jitter_delay_target_us(&d), JITTER_DELAY_FIRST_US);
    go_on(100, 1, even);
    assert_int_equal(jitter_delay_target_us(&d), JITTER_DELAY_MIN_US);
}

static void it_covers_nearly_all_of_the_jitter(void **state)
{
    (void)state;
    go_on(500, 1, up_to_60ms);
    assert_in_range(jitter_delay_target_us(&d), 58000, 72000);
    assert_in_range(jitter_delay_median_us(&d), 25000, 40000);
}

static void it_covers_rare_late_packets(void **state)
{
    (void)state;
    go_on(500, 1, every_tenth_90ms);
    assert_in_range(jitter_delay_target_us(&d), 95000, 105000);
}

static void it_comes_down_again_in_seconds(void **state)
{
    (void)state;
    go_on(500, 1, every_tenth_90ms);
    go_on(500, 1, even); /* 10 s */
    assert_int_equal(jitter_delay_target_us(&d), JITTER_DELAY_MIN_US);
}

static void it_stays_below_the_ceiling(void **state)
{
    (void)state;
    go_on(500, 1, half_a_second);
    assert_int_equal(jitter_delay_target_us(&d), CEILING_US);
}

static void a_longer_route_is_not_jitter_for_long(void **state)
{
    (void)state;
    go_on(500, 1, even);
    go_on(100, 1, all_100ms);
    assert_true(jitter_delay_target_us(&d) > 90000);
    assert_in_range(jitter_delay_of(&d, media_us, at_us + 100000), 99000, 101000);
    go_on(200, 1, all_100ms); /* 6 s after the change */
    assert_in_range(jitter_delay_of(&d, media_us, at_us + 100000), 0, 1000);
    assert_in_range(jitter_delay_target_us(&d), JITTER_DELAY_MIN_US, 20000);
}

static void a_clock_that_drifts_is_not_jitter(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        (void)set_up(NULL);
        go_on(3000, 1 + sign * 500e-6, even); /* a minute: 30 ms apart */
        assert_in_range(jitter_delay_target_us(&d), JITTER_DELAY_MIN_US, 15000);
        assert_true(llabs(jitter_delay_of(&d, media_us, at_us)) < 3000);
    }
}

static void after_a_long_pause_the_base_is_learnt_anew(void **state)
{
    (void)state;
    go_on(100, 1, even);
    media_us += 3600 * (int64_t)US_PER_S;
    at_us += 3600 * US_PER_S + 360000; /* 100 ppm over an hour */
    assert_int_equal(jitter_delay_add(&d, media_us, at_us, FRAME_US), 0);
}

static void a_restart_keeps_what_is_known_of_jitter(void **state)
{
    (void)state;
    go_on(500, 1, up_to_60ms);
    uint64_t before = jitter_delay_target_us(&d);
    jitter_delay_restart(&d);
    assert_int_equal(jitter_delay_of(&d, 12345, 1), 0);
    assert_int_equal(jitter_delay_add(&d, -99999999, at_us, FRAME_US), 0);
    assert_in_range(jitter_delay_target_us(&d), before - 5000, before + 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_starts_careful_and_becomes_short_on_an_even_network, set_up),
        cmocka_unit_test_setup(it_covers_nearly_all_of_the_jitter, set_up),
        cmocka_unit_test_setup(it_covers_rare_late_packets, set_up),
        cmocka_unit_test_setup(it_comes_down_again_in_seconds, set_up),
        cmocka_unit_test_setup(it_stays_below_the_ceiling, set_up),
        cmocka_unit_test_setup(a_longer_route_is_not_jitter_for_long, set_up),
        cmocka_unit_test_setup(a_clock_that_drifts_is_not_jitter, set_up),
        cmocka_unit_test_setup(after_a_long_pause_the_base_is_learnt_anew, set_up),
        cmocka_unit_test_setup(a_restart_keeps_what_is_known_of_jitter, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
