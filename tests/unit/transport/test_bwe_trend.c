/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/rng.h"
#include "transport/bwe_trend.h"

#define GROUP_MS 33.0

static struct bwe_trend trend;
static double arrival_ms;

static int set_up(void **state)
{
    (void)state;
    bwe_trend_init(&trend);
    arrival_ms = 1000;
    return 0;
}

/* Groups, each with so much more delay than the one before. Returns how many were told as overuse. */
static unsigned add(unsigned groups, double delay_ms)
{
    unsigned over = 0;

    for (; groups > 0; groups--) {
        arrival_ms += GROUP_MS + delay_ms;
        bwe_trend_add(&trend, delay_ms, GROUP_MS, arrival_ms);
        over += trend.usage == BWE_USAGE_OVER;
    }
    return over;
}

static void an_even_delay_is_normal(void **state)
{
    (void)state;
    assert_int_equal(add(200, 0), 0);
    assert_int_equal(trend.usage, BWE_USAGE_NORMAL);
}

static void a_growing_queue_is_overuse(void **state)
{
    (void)state;
    add(60, 0);
    assert_true(add(20, 5) > 0);
}

static void a_draining_queue_is_underuse(void **state)
{
    (void)state;
    add(60, 0);
    add(30, 5);
    add(30, -5);
    assert_int_equal(trend.usage, BWE_USAGE_UNDER);
    add(60, 0);
    assert_int_equal(trend.usage, BWE_USAGE_NORMAL);
}

static void few_groups_are_no_trend(void **state)
{
    (void)state;
    assert_int_equal(add(BWE_TREND_POINTS - 1, 10), 0);
}

static void jitter_is_no_trend(void **state)
{
    struct rng rng;
    double before = 0;
    unsigned over = 0;

    (void)state;
    rng_seed(&rng, 42);
    for (unsigned i = 0; i < 2000; i++) {
        double delay = 10 * rng_unit(&rng);
        arrival_ms += GROUP_MS;
        bwe_trend_add(&trend, delay - before, GROUP_MS, arrival_ms + delay);
        before = delay;
        over += trend.usage == BWE_USAGE_OVER;
    }
    assert_true(over <= 20);
}

static void the_threshold_follows_what_is_usual(void **state)
{
    (void)state;
    double first = trend.threshold_ms;

    add(300, 0);
    assert_true(trend.threshold_ms < first);
    double quiet = trend.threshold_ms;
    add(100, 1.5); /* above the threshold, but not far */
    assert_true(trend.threshold_ms > quiet);
}

static void a_restart_keeps_the_threshold(void **state)
{
    (void)state;
    add(300, 0);
    double threshold = trend.threshold_ms;
    bwe_trend_restart(&trend);
    assert_true(trend.threshold_ms >= threshold && trend.threshold_ms <= threshold);
    assert_int_equal(add(BWE_TREND_POINTS - 1, 10), 0);
}

static void all_at_one_moment_is_no_line(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        bwe_trend_add(&trend, -GROUP_MS, GROUP_MS, arrival_ms);
    assert_int_equal(trend.usage, BWE_USAGE_NORMAL);
    assert_string_equal(bwe_usage_name(trend.usage), "normal");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(an_even_delay_is_normal),
        TEST(a_growing_queue_is_overuse),
        TEST(a_draining_queue_is_underuse),
        TEST(few_groups_are_no_trend),
        TEST(jitter_is_no_trend),
        TEST(the_threshold_follows_what_is_usual),
        TEST(a_restart_keeps_the_threshold),
        TEST(all_at_one_moment_is_no_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
