/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "transport/bwe_acked.h"

#define MS 1000

static struct bwe_acked acked;
static int64_t at_us;

static int set_up(void **state)
{
    (void)state;
    acked = (struct bwe_acked){0};
    at_us = 77777777777;
    return 0;
}

static void arrive(unsigned packets, size_t bytes, int64_t each_us)
{
    for (; packets > 0; packets--, at_us += each_us)
        bwe_acked_add(&acked, at_us, bytes);
}

static void assert_kbps(unsigned bins, unsigned kbps)
{
    uint64_t bps = bwe_acked_bps(&acked, bins);

    assert_in_range(bps, kbps * 900ull, kbps * 1100ull);
}

static void little_is_not_a_rate(void **state)
{
    (void)state;
    assert_int_equal(bwe_acked_bps(&acked, BWE_ACKED_LONG), 0);
    arrive(10, 1000, 10 * MS);
    assert_int_equal(bwe_acked_bps(&acked, BWE_ACKED_LONG), 0);
}

static void a_steady_stream_has_its_rate(void **state)
{
    (void)state;
    arrive(200, 1000, 8 * MS);
    assert_kbps(BWE_ACKED_SHORT, 1000);
    assert_kbps(BWE_ACKED_LONG, 1000);
}

static void frames_have_the_rate_of_their_stream(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++, at_us += 33 * MS)
        arrive(4, 1031, 0);
    assert_kbps(BWE_ACKED_LONG, 1000);
}

static void a_change_shows_in_the_short_rate_first(void **state)
{
    (void)state;
    arrive(200, 1000, 2 * MS);
    arrive(32, 1000, 8 * MS);
    assert_kbps(BWE_ACKED_SHORT, 1000);
    assert_true(bwe_acked_bps(&acked, BWE_ACKED_LONG) > 2000000);
}

static void a_pause_is_no_lack_of_capacity(void **state)
{
    (void)state;
    arrive(100, 1000, 8 * MS);
    at_us += 3000 * MS;
    arrive(10, 1000, 8 * MS);
    assert_true(bwe_acked_bps(&acked, BWE_ACKED_LONG) > 800000);
}

static void time_that_nobody_told_of_does_not_count(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) { /* each other feedback is lost */
        arrive(10, 1000, 8 * MS);
        at_us += 80 * MS;
        bwe_acked_skip(&acked);
    }
    assert_in_range(bwe_acked_bps(&acked, BWE_ACKED_LONG), 900000, 1200000);
}

static void late_news_are_put_where_they_belong(void **state)
{
    (void)state;
    arrive(100, 1000, 8 * MS);
    uint64_t before = bwe_acked_bps(&acked, BWE_ACKED_SHORT);
    bwe_acked_add(&acked, at_us - 500 * MS, 50000);
    assert_int_equal(bwe_acked_bps(&acked, BWE_ACKED_SHORT), before);
    assert_true(bwe_acked_bps(&acked, BWE_ACKED_LONG) > before);
}

static void a_clock_that_is_set_back_starts_anew(void **state)
{
    (void)state;
    arrive(100, 1000, 1 * MS);
    at_us -= 3600000000;
    arrive(100, 1000, 8 * MS);
    assert_kbps(BWE_ACKED_LONG, 1000);
    at_us = -at_us;
    arrive(100, 1000, 8 * MS);
    assert_kbps(BWE_ACKED_LONG, 1000);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(little_is_not_a_rate),
        TEST(a_steady_stream_has_its_rate),
        TEST(frames_have_the_rate_of_their_stream),
        TEST(a_change_shows_in_the_short_rate_first),
        TEST(a_pause_is_no_lack_of_capacity),
        TEST(time_that_nobody_told_of_does_not_count),
        TEST(late_news_are_put_where_they_belong),
        TEST(a_clock_that_is_set_back_starts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
