/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "rooms/sfu/keyframe.h"

#define START_US 5000000ull
#define MS 1000ull

static struct keyframe_requester k;

static int set_up(void **state)
{
    (void)state;
    k = (struct keyframe_requester){0};
    return 0;
}

static void one_request_serves_all_who_ask(void **state)
{
    (void)state;
    assert_true(keyframe_ask(&k, 0, START_US));
    for (uint64_t i = 1; i < 10; i++)
        assert_false(keyframe_ask(&k, 0, START_US + i * 10 * MS));
    assert_int_equal(k.asked, 10);
    assert_int_equal(k.sent, 1);
    assert_int_equal(k.merged, 9);
}

static void requests_keep_their_distance(void **state)
{
    (void)state;
    assert_true(keyframe_ask(&k, 0, START_US));
    keyframe_received(&k);
    assert_false(keyframe_is_pending(&k));
    assert_int_equal(keyframe_next_us(&k), UINT64_MAX);
    assert_false(keyframe_ask(&k, 0, START_US + 100 * MS)); /* wanted again, too soon */
    assert_int_equal(keyframe_next_us(&k), START_US + KEYFRAME_MIN_INTERVAL_US);
    assert_false(keyframe_tick(&k, 0, START_US + KEYFRAME_MIN_INTERVAL_US - 1));
    assert_true(keyframe_tick(&k, 0, START_US + KEYFRAME_MIN_INTERVAL_US));
    keyframe_received(&k);
    assert_true(keyframe_ask(&k, 0, START_US + 2 * KEYFRAME_MIN_INTERVAL_US));
}

/* Each is answered at once and wanted again at once. */
static void in_the_long_run_they_keep_a_longer_one(void **state)
{
    uint64_t end_us = START_US + 20 * KEYFRAME_SPACING_US;
    unsigned sent = 0, sent_early = 0;

    (void)state;
    for (uint64_t now_us = START_US; now_us < end_us; now_us += 20 * MS) {
        if (keyframe_ask(&k, 0, now_us) || keyframe_tick(&k, 0, now_us)) {
            sent++;
            sent_early += now_us < START_US + KEYFRAME_SPACING_US;
            keyframe_received(&k);
        }
    }
    assert_int_equal(sent_early, 3);
    assert_in_range(sent, 20, 22);
}

static void what_is_not_answered_is_repeated_all_the_same(void **state)
{
    uint64_t now_us = START_US;

    (void)state;
    for (unsigned i = 0; i < 3; i++, now_us += KEYFRAME_MIN_INTERVAL_US) {
        assert_true(keyframe_ask(&k, 0, now_us));
        keyframe_received(&k);
    }
    assert_false(keyframe_ask(&k, 0, now_us));
    now_us = keyframe_next_us(&k);
    assert_int_equal(now_us, START_US + KEYFRAME_SPACING_US);
    assert_true(keyframe_tick(&k, 0, now_us));
    assert_int_equal(keyframe_next_us(&k), now_us + KEYFRAME_MIN_INTERVAL_US);
    assert_true(keyframe_tick(&k, 0, keyframe_next_us(&k)));
}

static void a_keyframe_ends_the_repetitions(void **state)
{
    (void)state;
    assert_true(keyframe_ask(&k, 0, START_US));
    assert_true(keyframe_tick(&k, 0, keyframe_next_us(&k)));
    keyframe_received(&k);
    assert_int_equal(keyframe_next_us(&k), UINT64_MAX);
    assert_false(keyframe_tick(&k, 0, START_US + 60000 * MS));
}

static void the_first_repetition_waits_two_round_trips_within_bounds(void **state)
{
    static const struct {
        uint64_t round_trip_us, want_us;
    } rows[] = {
        {0, KEYFRAME_MIN_INTERVAL_US},
        {20 * MS, KEYFRAME_MIN_INTERVAL_US},
        {200 * MS, 400 * MS},
        {5000 * MS, KEYFRAME_MAX_PATIENCE_US},
        {UINT64_MAX, KEYFRAME_MAX_PATIENCE_US},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        k = (struct keyframe_requester){0};
        assert_true(keyframe_ask(&k, rows[i].round_trip_us, START_US));
        assert_int_equal(keyframe_next_us(&k) - START_US, rows[i].want_us);
    }
}

static void repetitions_back_off_and_end(void **state)
{
    uint64_t now_us = START_US, gap_us = 0;
    unsigned sent = 1;

    (void)state;
    assert_true(keyframe_ask(&k, 0, now_us));
    while (keyframe_next_us(&k) != UINT64_MAX) {
        uint64_t next_us = keyframe_next_us(&k);
        assert_true(next_us - now_us >= gap_us);
        gap_us = next_us - now_us;
        assert_true(gap_us <= KEYFRAME_MIN_INTERVAL_US << KEYFRAME_MAX_BACKOFF);
        now_us = next_us;
        assert_true(keyframe_tick(&k, 0, now_us));
        sent++;
    }
    assert_int_equal(sent, KEYFRAME_TRIES);
    assert_false(keyframe_is_pending(&k));
}

static void asking_again_after_giving_up_starts_anew(void **state)
{
    (void)state;
    assert_true(keyframe_ask(&k, 0, START_US));
    uint64_t now_us = START_US;
    while (keyframe_next_us(&k) != UINT64_MAX) {
        now_us = keyframe_next_us(&k);
        assert_true(keyframe_tick(&k, 0, now_us));
    }
    assert_false(keyframe_ask(&k, 0, now_us + 1)); /* the spacing holds all the same */
    assert_true(keyframe_is_pending(&k));
    assert_int_equal(keyframe_next_us(&k), now_us + KEYFRAME_MIN_INTERVAL_US);
    assert_true(keyframe_tick(&k, 0, keyframe_next_us(&k)));
}

static void who_asks_in_a_long_gap_does_not_wait_for_its_end(void **state)
{
    uint64_t now_us = START_US;

    (void)state;
    assert_true(keyframe_ask(&k, 0, now_us));
    for (unsigned i = 0; i < 4; i++) {
        now_us = keyframe_next_us(&k);
        assert_true(keyframe_tick(&k, 0, now_us));
    }
    assert_true(keyframe_next_us(&k) - now_us > 4 * KEYFRAME_MIN_INTERVAL_US);
    assert_false(keyframe_ask(&k, 0, now_us + 1));
    assert_int_equal(keyframe_next_us(&k), now_us + KEYFRAME_MIN_INTERVAL_US);
    assert_true(keyframe_ask(&k, 0, now_us + KEYFRAME_MIN_INTERVAL_US));
    assert_int_equal(keyframe_next_us(&k), now_us + 2 * KEYFRAME_MIN_INTERVAL_US);
}

static void a_clock_that_starts_at_zero_is_fine(void **state)
{
    (void)state;
    assert_true(keyframe_ask(&k, 0, 0));
    assert_false(keyframe_ask(&k, 0, 0));
    assert_true(keyframe_tick(&k, 0, KEYFRAME_MIN_INTERVAL_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(one_request_serves_all_who_ask, set_up),
        cmocka_unit_test_setup(requests_keep_their_distance, set_up),
        cmocka_unit_test_setup(in_the_long_run_they_keep_a_longer_one, set_up),
        cmocka_unit_test_setup(what_is_not_answered_is_repeated_all_the_same, set_up),
        cmocka_unit_test_setup(a_keyframe_ends_the_repetitions, set_up),
        cmocka_unit_test_setup(the_first_repetition_waits_two_round_trips_within_bounds, set_up),
        cmocka_unit_test_setup(repetitions_back_off_and_end, set_up),
        cmocka_unit_test_setup(asking_again_after_giving_up_starts_anew, set_up),
        cmocka_unit_test_setup(who_asks_in_a_long_gap_does_not_wait_for_its_end, set_up),
        cmocka_unit_test_setup(a_clock_that_starts_at_zero_is_fine, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
