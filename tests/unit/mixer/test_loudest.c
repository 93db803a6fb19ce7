/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "mixer/loudest.h"

#define N 20
#define TICK_US 20000

static struct loudest input[N];
static struct loudest *inputs[N];
static uint64_t now_us;
static int level[N]; /* each tick; -1: no packets */

static int set_up(void **state)
{
    (void)state;
    memset(input, 0, sizeof(input));
    now_us = 1000000;
    for (size_t i = 0; i < N; i++) {
        inputs[i] = &input[i];
        level[i] = 127;
    }
    return 0;
}

static size_t ticks(size_t n, size_t max)
{
    size_t heard = 0, counted = 0;

    for (size_t t = 0; t < n; t++) {
        now_us += TICK_US;
        for (size_t i = 0; i < N; i++)
            if (level[i] >= 0)
                loudest_note(&input[i], (uint8_t)level[i], TICK_US, now_us);
        heard = loudest_choose(inputs, N, max, now_us);
        assert_true(heard <= max);
    }
    for (size_t i = 0; i < N; i++)
        counted += input[i].is_heard;
    assert_int_equal(counted, heard);
    return heard;
}

static void silent_ones_are_not_heard(void **state)
{
    (void)state;
    level[0] = 90; /* a quiet room */
    level[1] = 61;
    assert_int_equal(ticks(100, 5), 0);
}

static void who_speaks_is_heard_at_once(void **state)
{
    (void)state;
    (void)ticks(100, 5);
    level[3] = 30;
    assert_int_equal(ticks(1, 5), 1);
    assert_true(input[3].is_heard);
}

static void pauses_between_words_change_nothing(void **state)
{
    (void)state;
    level[3] = 30;
    (void)ticks(50, 5);
    for (int i = 0; i < 10; i++) {
        level[3] = 127;
        assert_int_equal(ticks(50, 5), 1); /* a second */
        level[3] = 30;
        (void)ticks(5, 5);
    }
    level[3] = 127;
    assert_int_equal(ticks(LOUDEST_HANG_US / TICK_US + 1, 5), 0);
}

static void the_loudest_are_heard_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++)
        level[i] = 50 - (int)i * 2;
    assert_int_equal(ticks(200, 3), 3);
    assert_true(input[N - 1].is_heard && input[N - 2].is_heard && input[N - 3].is_heard);
}

static void like_ones_do_not_take_turns(void **state)
{
    size_t changes = 0;

    (void)state;
    for (size_t i = 0; i < 6; i++)
        level[i] = 30;
    (void)ticks(50, 3);
    for (size_t t = 0; t < 500; t++) {
        struct loudest before[N];
        memcpy(before, input, sizeof(before));
        for (size_t i = 0; i < 6; i++)
            level[i] = 28 + (int)((t * 7 + i * 3) % 5);
        (void)ticks(1, 3);
        for (size_t i = 0; i < N; i++)
            changes += before[i].is_heard != input[i].is_heard;
    }
    assert_int_equal(changes, 0);
}

static void a_clearly_louder_one_takes_the_place_of_the_quietest(void **state)
{
    (void)state;
    level[0] = 30;
    level[1] = 40;
    (void)ticks(50, 2);
    level[2] = 20;
    assert_int_equal(ticks(5, 2), 2);
    assert_true(input[0].is_heard && input[2].is_heard && !input[1].is_heard);
}

static void who_came_in_stays_a_while(void **state)
{
    (void)state;
    level[0] = 40;
    (void)ticks(1, 1);
    level[1] = 20;
    (void)ticks(10, 1);
    assert_true(input[0].is_heard);
    (void)ticks(20, 1);
    assert_true(input[1].is_heard);
}

static void a_lower_maximum_is_kept_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        level[i] = 30;
    assert_int_equal(ticks(50, 10), 10);
    assert_int_equal(ticks(1, 4), 4);
    assert_int_equal(ticks(1, 0), 0);
}

static void who_sends_nothing_any_more_goes(void **state)
{
    (void)state;
    level[0] = 20;
    (void)ticks(50, 2);
    level[0] = -1;
    assert_int_equal(ticks(LOUDEST_HANG_US / TICK_US + 1, 2), 0);
    loudest_clear(&input[0]);
    assert_true(loudest_dbov(&input[0]) == -127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(silent_ones_are_not_heard, set_up),
        cmocka_unit_test_setup(who_speaks_is_heard_at_once, set_up),
        cmocka_unit_test_setup(pauses_between_words_change_nothing, set_up),
        cmocka_unit_test_setup(the_loudest_are_heard_and_no_more, set_up),
        cmocka_unit_test_setup(like_ones_do_not_take_turns, set_up),
        cmocka_unit_test_setup(a_clearly_louder_one_takes_the_place_of_the_quietest, set_up),
        cmocka_unit_test_setup(who_came_in_stays_a_while, set_up),
        cmocka_unit_test_setup(a_lower_maximum_is_kept_at_once, set_up),
        cmocka_unit_test_setup(who_sends_nothing_any_more_goes, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
