/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "rooms/sfu/levels.h"

#define MS 1000ull
#define LOUD 30
#define QUIET 90

static struct levels l;
static struct level_meter a, b;
static struct track_levels got[4];
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    levels_init(&l);
    level_meter_init(&a, 1);
    level_meter_init(&b, 2);
    now_us = 70000 * MS;
    return 0;
}

static void hear(struct level_meter *m, uint8_t level, unsigned packets)
{
    for (unsigned i = 0; i < packets; i++, now_us += 20 * MS)
        level_meter_note(&l, m, level, false, now_us);
}

static void what_is_quiet_is_not_reported(void **state)
{
    (void)state;
    hear(&a, QUIET, 5000);
    hear(&a, LEVELS_QUIET, 5000);
    hear(&a, LEVELS_SILENCE, 5000);
    assert_int_equal(levels_next_us(&l), UINT64_MAX);
    assert_int_equal(levels_take(&l, got, 4), 0);
}

static void the_first_sound_is_reported_soon_with_the_frame_before_it(void **state)
{
    (void)state;
    hear(&a, QUIET, 100);
    uint64_t loud_us = now_us;
    hear(&a, LOUD, 1);
    assert_int_equal(levels_next_us(&l), loud_us + LEVELS_SOON_US);
    assert_int_equal(levels_take(&l, got, 4), 1);
    assert_int_equal(got[0].track_id, 1);
    assert_int_equal(got[0].count, 2);
    assert_int_equal(got[0].first_us, loud_us - 20 * MS);
    assert_int_equal(got[0].frame[0].level, QUIET);
    assert_int_equal(got[0].frame[1].level, LOUD);
    assert_int_equal(got[0].frame[1].after_ms, 20);
    assert_int_equal(levels_next_us(&l), UINT64_MAX);
}

static void then_everything_is_each_tenth_of_a_second(void **state)
{
    (void)state;
    hear(&a, LOUD, 1);
    assert_int_equal(levels_take(&l, got, 4), 1);
    uint64_t from_us = now_us;
    hear(&a, LOUD, 2);
    hear(&a, QUIET, 3);
    assert_int_equal(levels_next_us(&l), from_us + LEVELS_INTERVAL_US);
    assert_int_equal(levels_take(&l, got, 4), 1);
    assert_int_equal(got[0].count, 5);
    assert_int_equal(got[0].frame[4].after_ms, 80);
    hear(&a, QUIET, 10);
    assert_int_equal(levels_count(&l), 1); /* a pause is told, too */
}

static void a_while_after_the_last_sound_it_ends(void **state)
{
    unsigned reports = 0;

    (void)state;
    hear(&a, LOUD, 1);
    for (unsigned i = 0; i < 500; i++) {
        hear(&a, QUIET, 1);
        if (levels_next_us(&l) <= now_us)
            reports += levels_take(&l, got, 4) == 1;
    }
    assert_in_range(reports, 15, 25);
    assert_int_equal(levels_count(&l), 0);
}

static void the_loudest_of_a_frame_counts_and_its_voice(void **state)
{
    (void)state;
    level_meter_note(&l, &a, 50, false, now_us);
    level_meter_note(&l, &a, 40, false, now_us + 10 * MS);
    level_meter_note(&l, &a, 60, true, now_us + 19 * MS);
    level_meter_note(&l, &a, 55, false, now_us + 20 * MS);
    assert_int_equal(levels_take(&l, got, 4), 1);
    assert_int_equal(got[0].count, 2);
    assert_int_equal(got[0].frame[0].level, 40);
    assert_true(got[0].frame[0].voice);
    assert_int_equal(got[0].frame[1].level, 55);
    assert_false(got[0].frame[1].voice);
}

static void a_report_holds_so_many_frames_however_late_it_is_taken(void **state)
{
    (void)state;
    hear(&a, LOUD, 200);
    assert_int_equal(levels_take(&l, got, 4), 1);
    assert_int_equal(got[0].count, LEVELS_MAX_FRAMES);
    hear(&a, LOUD, 70000 / 20);
    assert_int_equal(levels_take(&l, got, 4), 1);
    assert_true(got[0].first_us + 70000 * MS > now_us - 70000 * MS);
    assert_true(got[0].count >= 1);
}

static void tracks_are_reported_together_and_not_once_they_are_gone(void **state)
{
    (void)state;
    hear(&a, LOUD, 1);
    hear(&b, LOUD, 1);
    assert_int_equal(levels_count(&l), 2);
    assert_int_equal(levels_take(&l, got, 1), 1);
    assert_int_equal(levels_count(&l), 1);
    level_meter_fini(&l, &b);
    assert_int_equal(levels_next_us(&l), UINT64_MAX);
    assert_int_equal(levels_take(&l, got, 4), 0);
    level_meter_fini(&l, &a);
}

static void silence_is_so_after_some_packets_of_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        hear(&a, LEVELS_SILENCE, 1);
        assert_int_equal(level_meter_is_silent(&a), i >= LEVELS_SILENT_PACKETS);
    }
    hear(&a, LEVELS_SILENCE - 1, 1);
    assert_false(level_meter_is_silent(&a));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(what_is_quiet_is_not_reported),
        T(the_first_sound_is_reported_soon_with_the_frame_before_it),
        T(then_everything_is_each_tenth_of_a_second),
        T(a_while_after_the_last_sound_it_ends),
        T(the_loudest_of_a_frame_counts_and_its_voice),
        T(a_report_holds_so_many_frames_however_late_it_is_taken),
        T(tracks_are_reported_together_and_not_once_they_are_gone),
        T(silence_is_so_after_some_packets_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
