/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "transport/bwe_aimd.h"

#define S 1000000ull
#define STEP_US 50000ull

static struct bwe_aimd aimd;
static struct bwe_aimd_input in;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    bwe_aimd_init(&aimd, 1000000);
    in = (struct bwe_aimd_input){
        .acked_bps = 1000000, .full_bps = 1000000, .sent_bps = 1000000, .rtt_us = 50000};
    now_us = 10 * S;
    return 0;
}

/* Feedback for a time; what is sent arrives, and is all that may be sent. Returns the number of cuts. */
static unsigned feedback(enum bwe_usage usage, uint64_t for_us)
{
    unsigned cuts = 0;

    for (; for_us > 0; for_us -= STEP_US) {
        now_us += STEP_US;
        in.usage = usage;
        in.judged_sent_us = now_us - 100000;
        cuts += bwe_aimd_update(&aimd, &in, now_us);
    }
    return cuts;
}

static void assert_kbps(unsigned from, unsigned to)
{
    assert_in_range(bwe_aimd_bps(&aimd), from * 1000ull, to * 1000ull);
}

static void it_grows_by_8_percent_a_second(void **state)
{
    (void)state;
    feedback(BWE_USAGE_NORMAL, 2 * S);
    assert_kbps(1150, 1170);
}

static void it_does_not_run_away_from_what_arrives(void **state)
{
    (void)state;
    feedback(BWE_USAGE_NORMAL, 60 * S);
    assert_kbps(1500, 1530);
}

static void more_than_arrives_is_kept(void **state)
{
    (void)state;
    bwe_aimd_set(&aimd, 5000000);
    feedback(BWE_USAGE_NORMAL, 60 * S);
    assert_kbps(5000, 5000);
}

static void it_goes_below_what_arrives_on_overuse(void **state)
{
    (void)state;
    bwe_aimd_set(&aimd, 2000000);
    assert_int_equal(feedback(BWE_USAGE_OVER, STEP_US), 1);
    assert_kbps(850, 850);
}

static void one_queue_is_one_cut(void **state)
{
    (void)state;
    feedback(BWE_USAGE_OVER, STEP_US);
    in.acked_bps = in.full_bps = in.sent_bps = 850000;
    assert_int_equal(feedback(BWE_USAGE_OVER, 2 * STEP_US), 0); /* packets sent before it */
    assert_int_equal(feedback(BWE_USAGE_OVER, S), 1);
}

static void a_far_too_small_cut_is_followed_at_once(void **state)
{
    (void)state;
    feedback(BWE_USAGE_OVER, STEP_US);
    in.full_bps = 200000; /* and 1 Mbit/s is sent */
    assert_int_equal(feedback(BWE_USAGE_OVER, STEP_US), 1);
    assert_kbps(170, 170);
}

static void overuse_does_not_raise_it(void **state)
{
    (void)state;
    in.full_bps = 4000000;
    assert_int_equal(feedback(BWE_USAGE_OVER, STEP_US), 0);
    assert_kbps(1000, 1000);
}

static void near_the_capacity_it_grows_slowly(void **state)
{
    (void)state;
    feedback(BWE_USAGE_OVER, STEP_US);
    feedback(BWE_USAGE_NORMAL, 2 * S);
    assert_kbps(960, 990); /* 64 kbit/s a second: a packet each 150 ms */
}

static void more_than_the_capacity_ends_that(void **state)
{
    (void)state;
    feedback(BWE_USAGE_OVER, STEP_US);
    in.acked_bps = 3000000;
    feedback(BWE_USAGE_NORMAL, 10 * S);
    assert_kbps(1800, 1850); /* 850 * 1.08^10 */
}

static void it_waits_for_a_queue_to_drain(void **state)
{
    (void)state;
    in.hold = true;
    feedback(BWE_USAGE_NORMAL, 5 * S);
    in.hold = false;
    feedback(BWE_USAGE_UNDER, 5 * S);
    assert_kbps(1000, 1000);
}

static void what_is_held_back_on_purpose_is_no_measure(void **state)
{
    (void)state;
    in.drains = true;
    in.acked_bps = in.full_bps = in.sent_bps = 500000;
    assert_int_equal(feedback(BWE_USAGE_OVER, 5 * S), 0);
    in.full_bps = 100000; /* but that does not arrive */
    assert_int_equal(feedback(BWE_USAGE_OVER, STEP_US), 1);
    assert_kbps(85, 85);
}

static void nothing_known_nothing_grows(void **state)
{
    (void)state;
    in.acked_bps = in.full_bps = 0;
    feedback(BWE_USAGE_NORMAL, 5 * S);
    assert_kbps(1000, 1000);
    assert_int_equal(feedback(BWE_USAGE_OVER, STEP_US), 1);
    assert_kbps(850, 850);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(it_grows_by_8_percent_a_second),
        TEST(it_does_not_run_away_from_what_arrives),
        TEST(more_than_arrives_is_kept),
        TEST(it_goes_below_what_arrives_on_overuse),
        TEST(one_queue_is_one_cut),
        TEST(a_far_too_small_cut_is_followed_at_once),
        TEST(overuse_does_not_raise_it),
        TEST(near_the_capacity_it_grows_slowly),
        TEST(more_than_the_capacity_ends_that),
        TEST(it_waits_for_a_queue_to_drain),
        TEST(what_is_held_back_on_purpose_is_no_measure),
        TEST(nothing_known_nothing_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
