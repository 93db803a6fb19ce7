/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "transport/probe_plan.h"

#define S 1000000ull
#define KBPS 1000ull
#define MAX_BPS (20000 * KBPS)

static struct probe_plan plan;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    now_us = 10 * S;
    probe_plan_init(&plan);
    return 0;
}

static bool is_due(uint64_t estimate_bps)
{
    return probe_plan_due_us(&plan, estimate_bps) <= now_us;
}

static void end_with(uint64_t rate_bps, uint64_t bps, uint64_t estimate_bps)
{
    const struct probe_result r = {.rate_bps = rate_bps, .bps = bps};

    probe_plan_on_result(&plan, &r, estimate_bps, now_us);
}

/* Take the next cluster, whenever it comes; it ends with what the link carries. Returns how long that took. */
static uint64_t probe_link(uint64_t estimate_bps, uint64_t link_bps)
{
    uint64_t due_us = probe_plan_due_us(&plan, estimate_bps), before_us = now_us;

    assert_true(due_us != UINT64_MAX);
    now_us = due_us > now_us ? due_us : now_us;
    uint64_t rate = probe_plan_take(&plan, estimate_bps, MAX_BPS, now_us);
    end_with(rate, rate < link_bps ? rate : link_bps, estimate_bps);
    return now_us - before_us;
}

static void nothing_is_due_before_the_start(void **state)
{
    (void)state;
    assert_int_equal(probe_plan_due_us(&plan, 1000 * KBPS), UINT64_MAX);
    probe_plan_want(&plan, 5000 * KBPS, now_us);
    assert_int_equal(probe_plan_due_us(&plan, 1000 * KBPS), UINT64_MAX);
}

static void it_starts_with_a_large_step_and_doubles(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    assert_true(is_due(1000 * KBPS));
    assert_int_equal(probe_plan_take(&plan, 1000 * KBPS, MAX_BPS, now_us), 3000 * KBPS);
    assert_false(is_due(1000 * KBPS));
    end_with(3000 * KBPS, 2900 * KBPS, 1000 * KBPS);
    assert_true(is_due(2900 * KBPS));
    assert_int_equal(probe_plan_take(&plan, 2900 * KBPS, MAX_BPS, now_us), 5800 * KBPS);
    end_with(5800 * KBPS, 5700 * KBPS, 2900 * KBPS);
    assert_int_equal(probe_plan_take(&plan, 15000 * KBPS, MAX_BPS, now_us), MAX_BPS);
}

static void it_asks_for_little_more_than_is_wanted(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_want(&plan, 1200 * KBPS, now_us);
    assert_int_equal(probe_plan_take(&plan, 1000 * KBPS, MAX_BPS, now_us), 1500 * KBPS);
}

static void nobody_wants_more_no_probe(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_want(&plan, 1000 * KBPS, now_us);
    assert_false(is_due(1000 * KBPS));
    assert_true(is_due(999 * KBPS));
    probe_plan_want(&plan, 0, now_us);
    assert_false(is_due(30 * KBPS));
}

static void pauses_grow_while_there_is_no_more(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    assert_int_equal(probe_link(500 * KBPS, 500 * KBPS), 0);
    assert_int_equal(probe_link(500 * KBPS, 500 * KBPS), 2 * S);
    assert_int_equal(probe_link(500 * KBPS, 500 * KBPS), 3 * S);
    for (unsigned i = 0; i < 10; i++)
        probe_link(500 * KBPS, 500 * KBPS);
    assert_int_equal(probe_link(500 * KBPS, 5000 * KBPS), 5 * S); /* never longer */
    assert_int_equal(probe_link(1000 * KBPS, 5000 * KBPS), 0);
}

static void steps_that_lead_nowhere_end(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_link(1000 * KBPS, 9000 * KBPS);
    assert_true(is_due(1000 * KBPS));
    probe_plan_take(&plan, 1000 * KBPS, MAX_BPS, now_us);
    end_with(1000 * KBPS, 1000 * KBPS, 990 * KBPS);
    assert_false(is_due(990 * KBPS));
}

static void a_new_want_is_probed_for_soon(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_want(&plan, 500 * KBPS, now_us);
    for (unsigned i = 0; i < 5; i++)
        probe_link(400 * KBPS, 400 * KBPS);
    probe_plan_want(&plan, 1700 * KBPS, now_us);
    assert_true(probe_plan_due_us(&plan, 600 * KBPS) <= now_us + S);
}

static void a_want_that_changes_a_little_makes_no_flood(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_want(&plan, 1700 * KBPS, now_us);
    for (unsigned i = 0; i < 5; i++)
        probe_link(400 * KBPS, 400 * KBPS);
    for (unsigned i = 0; i < 10; i++) {
        probe_plan_want(&plan, (1600 + 100 * (i % 3)) * KBPS, now_us);
        assert_true(probe_plan_due_us(&plan, 400 * KBPS) >= now_us + 4 * S);
    }
}

static void after_a_cut_it_waits_for_the_queue(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_on_cut(&plan, 1000 * KBPS, 850 * KBPS, now_us);
    assert_false(is_due(1000 * KBPS));
    now_us += 1500000;
    assert_true(is_due(1000 * KBPS));
}

/* 4 Mb/s were cut to 500 kb/s: whether they are back is asked twice as often, for a minute. */
static void what_was_carried_before_a_cut_is_looked_for_more_often(void **state)
{
    uint64_t cut_us;

    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_on_cut(&plan, 4000 * KBPS, 425 * KBPS, now_us);
    cut_us = now_us;
    assert_int_equal(probe_link(425 * KBPS, 425 * KBPS), S);
    now_us += S;
    probe_plan_on_cut(&plan, 500 * KBPS, 425 * KBPS, now_us); /* a small one does not end that */
    while (now_us < cut_us + 55 * S)
        assert_true(probe_link(425 * KBPS, 425 * KBPS) <= 2500000);
    now_us = cut_us + 61 * S;
    for (unsigned i = 0; i < 3; i++)
        probe_link(425 * KBPS, 425 * KBPS);
    assert_int_equal(probe_link(425 * KBPS, 425 * KBPS), 5 * S);
}

static void a_probe_that_was_wrong_puts_off_the_next(void **state)
{
    uint64_t waits[6];

    (void)state;
    probe_plan_start(&plan, now_us);
    probe_link(1000 * KBPS, 9000 * KBPS);
    for (unsigned i = 0; i < 6; i++) {
        now_us += S;
        probe_plan_on_cut(&plan, 1000 * KBPS, 850 * KBPS, now_us);
        waits[i] = probe_link(1000 * KBPS, 9000 * KBPS);
    }
    assert_int_equal(waits[0], 3 * S);
    assert_int_equal(waits[1], 6 * S);
    assert_int_equal(waits[5], 12 * S);
    now_us += 20 * S; /* this one was right */
    probe_plan_on_cut(&plan, 1000 * KBPS, 850 * KBPS, now_us);
    assert_int_equal(probe_link(1000 * KBPS, 9000 * KBPS), 1500000);
}

static void after_an_outage_the_old_rate_is_tried_at_once(void **state)
{
    (void)state;
    probe_plan_start(&plan, now_us);
    probe_plan_want(&plan, 500 * KBPS, now_us);
    probe_link(400 * KBPS, 400 * KBPS);
    probe_plan_recover(&plan, 2200 * KBPS, now_us);
    assert_true(is_due(1100 * KBPS));
    assert_int_equal(probe_plan_take(&plan, 1100 * KBPS, MAX_BPS, now_us), 2200 * KBPS);
    assert_int_equal(probe_plan_due_us(&plan, 1100 * KBPS), UINT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(nothing_is_due_before_the_start),
        TEST(it_starts_with_a_large_step_and_doubles),
        TEST(it_asks_for_little_more_than_is_wanted),
        TEST(nobody_wants_more_no_probe),
        TEST(pauses_grow_while_there_is_no_more),
        TEST(steps_that_lead_nowhere_end),
        TEST(a_new_want_is_probed_for_soon),
        TEST(a_want_that_changes_a_little_makes_no_flood),
        TEST(after_a_cut_it_waits_for_the_queue),
        TEST(what_was_carried_before_a_cut_is_looked_for_more_often),
        TEST(a_probe_that_was_wrong_puts_off_the_next),
        TEST(after_an_outage_the_old_rate_is_tried_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
