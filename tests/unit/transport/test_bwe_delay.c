/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "transport/bwe_delay.h"

#define MS 1000ull
#define CLOCK_US 123456789000 /* the endpoint's is so far ahead */

static struct bwe_delay delay;
static uint64_t sent_us;

static int set_up(void **state)
{
    (void)state;
    bwe_delay_init(&delay);
    sent_us = 1000000;
    return 0;
}

static void packet(uint64_t delay_us)
{
    bwe_delay_add(&delay, sent_us, (int64_t)(sent_us + delay_us) + CLOCK_US);
}

/* Frames of @packets that leave as one burst, over a link that takes 2 ms for each packet. Returns how many were overuse. */
static unsigned frames(unsigned n, unsigned packets, uint64_t delay_us, uint64_t more_us)
{
    unsigned over = 0;

    for (; n > 0; n--, delay_us += more_us, sent_us += 33 * MS) {
        for (unsigned i = 0; i < packets; i++)
            packet(delay_us + i * 2 * MS);
        over += bwe_delay_usage(&delay) == BWE_USAGE_OVER;
    }
    return over;
}

static void a_burst_is_no_queue(void **state)
{
    (void)state;
    unsigned over = 0;

    for (unsigned i = 0; i < 100; i++)
        over += frames(1, i % 15 == 0 ? 16 : 4, 20 * MS, 0); /* keyframes */
    assert_int_equal(over, 0);
    assert_int_equal(bwe_delay_queue_us(&delay), 0);
}

static void a_growing_queue_shows(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    assert_true(frames(30, 4, 20 * MS, 3 * MS) > 0);
    assert_in_range(bwe_delay_queue_us(&delay), 60 * MS, 90 * MS);
}

static void a_queue_that_stands_shows(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    frames(60, 4, 70 * MS, 0);
    assert_int_equal(bwe_delay_queue_us(&delay), 50 * MS);
    assert_int_equal(bwe_delay_usage(&delay), BWE_USAGE_NORMAL);
}

static void a_longer_path_is_a_queue_for_some_time_only(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    frames(700, 4, 70 * MS, 0);
    assert_int_equal(bwe_delay_queue_us(&delay), 0);
}

static void what_comes_late_is_left_out(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    sent_us -= 400 * MS;
    packet(1 * MS);
    sent_us += 400 * MS;
    frames(2, 4, 20 * MS, 0);
    assert_int_equal(bwe_delay_queue_us(&delay), 0);
    assert_int_equal(delay.restarts, 0);
}

static void a_clock_that_is_set_starts_anew(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    frames(60, 4, 3600000 * MS, 0);
    assert_int_equal(delay.restarts, 1);
    assert_int_equal(bwe_delay_queue_us(&delay), 0);
    assert_int_equal(bwe_delay_usage(&delay), BWE_USAGE_NORMAL);
}

static void a_stall_is_no_trend(void **state)
{
    (void)state;
    frames(60, 4, 20 * MS, 0);
    for (unsigned i = 0; i < 30; i++, sent_us += 33 * MS) /* held up for a second, let go at once */
        packet((30 - i) * 33 * MS + 20 * MS);
    assert_int_equal(frames(60, 4, 20 * MS, 0), 0);
}

static void jitter_is_measured(void **state)
{
    (void)state;
    frames(100, 4, 20 * MS, 0);
    assert_int_equal(bwe_delay_jitter_us(&delay), 0);
    for (unsigned i = 0; i < 100; i++)
        frames(1, 1, i % 2 == 0 ? 20 * MS : 32 * MS, 0);
    assert_in_range(bwe_delay_jitter_us(&delay), 11 * MS, 12 * MS);
}

static void it_goes_on_for_days(void **state)
{
    (void)state;
    for (unsigned day = 0; day < 10; day++) {
        frames(60, 4, 20 * MS, 0);
        sent_us += 86400000 * MS;
    }
    frames(60, 4, 20 * MS, 0);
    assert_true(frames(30, 4, 20 * MS, 3 * MS) > 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_burst_is_no_queue),         TEST(a_growing_queue_shows),
        TEST(a_queue_that_stands_shows),   TEST(a_longer_path_is_a_queue_for_some_time_only),
        TEST(what_comes_late_is_left_out), TEST(a_clock_that_is_set_starts_anew),
        TEST(a_stall_is_no_trend),         TEST(jitter_is_measured),
        TEST(it_goes_on_for_days),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
