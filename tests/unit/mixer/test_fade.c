/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "mixer/fade.h"
#include "mixer/pcm.h"

static int16_t loud[PCM_TICK_SAMPLES];
static int32_t out[PCM_TICK_SAMPLES];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < PCM_TICK_SAMPLES; i++)
        loud[i] = 10000;
    return 0;
}

static int32_t steepest(int32_t before)
{
    int32_t most = 0;

    for (size_t i = 0; i < PCM_TICK_PAIRS; i++) {
        int32_t step = out[2 * i] - before;
        most = step > most ? step : -step > most ? -step : most;
        before = out[2 * i];
    }
    return most;
}

static void it_rises_without_a_step_and_ends_exactly(void **state)
{
    struct fade f;

    (void)state;
    fade_init(&f, 0);
    assert_true(fade_is_silent(&f));
    fade_to(&f, PCM_GAIN_ONE);
    assert_false(fade_is_silent(&f));
    fade_apply(&f, out, loud, PCM_TICK_PAIRS);
    assert_true(steepest(0) < 40); /* 10000 * pi / 2 / 480 = 33 */
    for (size_t i = 1; i < FADE_PAIRS; i++)
        assert_true(out[2 * i] >= out[2 * i - 2] && out[2 * i] == out[2 * i + 1]);
    for (size_t i = FADE_PAIRS; i < PCM_TICK_PAIRS; i++)
        assert_int_equal(out[2 * i], 10000);
}

static void a_turn_on_the_way_starts_from_where_it_is(void **state)
{
    struct fade f;
    int32_t before;

    (void)state;
    fade_init(&f, PCM_GAIN_ONE);
    fade_to(&f, 0);
    fade_apply(&f, out, loud, FADE_PAIRS / 3);
    before = out[2 * (FADE_PAIRS / 3 - 1)];
    assert_true(before > 5000 && before < 9000);
    fade_to(&f, 2 * PCM_GAIN_ONE);
    fade_apply(&f, out, loud, PCM_TICK_PAIRS);
    assert_true(steepest(before) < 60);
    assert_int_equal(out[PCM_TICK_SAMPLES - 1], 20000);
}

static void it_is_silent_only_at_its_end(void **state)
{
    struct fade f;

    (void)state;
    fade_init(&f, PCM_GAIN_ONE);
    fade_to(&f, 0);
    fade_apply(&f, out, loud, FADE_PAIRS - 1);
    assert_false(fade_is_silent(&f));
    fade_apply(&f, out, loud, 1);
    assert_true(fade_is_silent(&f));
    assert_int_equal(out[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_rises_without_a_step_and_ends_exactly),
        cmocka_unit_test(a_turn_on_the_way_starts_from_where_it_is),
        cmocka_unit_test(it_is_silent_only_at_its_end),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
