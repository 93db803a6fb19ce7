/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/rng.h"
#include "core/attr.h"
#include "mixer/time_stretch.h"
#include "tests/unit/mixer/sound.h"

#define PAIRS 2880

static int16_t pcm[2 * (PAIRS + TIME_STRETCH_MAX_PERIOD)];

static void a_tone_loses_whole_periods_and_does_not_click(void **state)
{
    static const double hz[] = {80, 100, 150, 220, 400, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
        for (size_t pairs = 960; pairs <= PAIRS; pairs += 480) {
            sound_sine(pcm, pairs, hz[i], 10000, 77);
            int steepest = sound_steepest(pcm, pairs);
            double rms = sound_rms(pcm, pairs);
            size_t gone = time_stretch_shrink(pcm, pairs, TIME_STRETCH_LIKENESS);
            double periods = (double)gone * hz[i] / PCM_HZ;
            assert_in_range(gone, 120, TIME_STRETCH_MAX_PERIOD);
            assert_true(fabs(periods - round(periods)) < 0.05);
            assert_true(sound_steepest(pcm, pairs - gone) <= steepest * 1.1);
            assert_true(fabs(sound_db(sound_rms(pcm, pairs - gone) / rms)) < 0.6);
        }
    }
}

static void a_tone_gains_whole_periods_and_does_not_click(void **state)
{
    static const double hz[] = {80, 100, 150, 220, 400, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
        for (size_t pairs = 960; pairs <= PAIRS; pairs += 480) {
            sound_sine(pcm, pairs, hz[i], 10000, 5);
            int steepest = sound_steepest(pcm, pairs), last = pcm[2 * pairs - 2];
            double rms = sound_rms(pcm, pairs);
            size_t more = time_stretch_grow(pcm, pairs, TIME_STRETCH_LIKENESS);
            double periods = (double)more * hz[i] / PCM_HZ;
            assert_in_range(more, 120, TIME_STRETCH_MAX_PERIOD);
            assert_true(fabs(periods - round(periods)) < 0.05);
            assert_true(sound_steepest(pcm, pairs + more) <= steepest * 1.1);
            assert_int_equal(pcm[2 * (pairs + more) - 2], last);
            assert_true(fabs(sound_db(sound_rms(pcm, pairs + more) / rms)) < 0.6);
        }
    }
}

static void a_voice_goes_faster_without_clicks(void **state)
{
    static int16_t all[2 * 50 * 960];
    struct sound_voice v = {.hz = 130, .amplitude = 20000};
    size_t gone = 0, n = 0;
    int steepest = 0;

    (void)state;
    for (size_t t = 0; t < 40; t++) {
        sound_speak(&v, pcm, 960);
        steepest = MAX(steepest, sound_steepest(pcm, 960));
        size_t less = time_stretch_shrink(pcm, 960, TIME_STRETCH_LIKENESS);
        gone += less;
        memcpy(all + 2 * n, pcm, (960 - less) * 2 * sizeof(*pcm));
        n += 960 - less;
    }
    assert_true(gone > 40 * 200);
    assert_true(sound_steepest(all, n) < steepest * 1.2);
}

static void noise_is_left_alone_unless_in_a_hurry(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 4);
    sound_noise(pcm, PAIRS, 10000, &rng);
    assert_int_equal(time_stretch_shrink(pcm, PAIRS, TIME_STRETCH_LIKENESS), 0);
    assert_int_equal(time_stretch_grow(pcm, PAIRS, TIME_STRETCH_LIKENESS), 0);
    assert_true(time_stretch_shrink(pcm, PAIRS, -1) > 0);
}

static void what_is_hardly_heard_is_always_stretched(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 5);
    sound_noise(pcm, PAIRS, 20, &rng);
    assert_true(time_stretch_shrink(pcm, PAIRS, TIME_STRETCH_LIKENESS) > 0);
    memset(pcm, 0, sizeof(pcm));
    assert_true(time_stretch_grow(pcm, PAIRS, TIME_STRETCH_LIKENESS) > 0);
}

static void a_short_block_is_left_alone(void **state)
{
    (void)state;
    sound_sine(pcm, 959, 200, 10000, 0);
    assert_int_equal(time_stretch_shrink(pcm, 959, 0), 0);
    assert_int_equal(time_stretch_grow(pcm, 959, 0), 0);
    assert_int_equal(time_stretch_grow(pcm, 0, 0), 0);
}

static void channels_stay_apart(void **state)
{
    (void)state;
    sound_sine(pcm, 960, 200, 10000, 0);
    for (size_t i = 0; i < 960; i++)
        pcm[2 * i + 1] = (int16_t)(pcm[2 * i] / 2);
    size_t gone = time_stretch_shrink(pcm, 960, TIME_STRETCH_LIKENESS);
    assert_true(gone > 0);
    for (size_t i = 0; i < 960 - gone; i++)
        assert_true(abs(pcm[2 * i + 1] - pcm[2 * i] / 2) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_loses_whole_periods_and_does_not_click),
        cmocka_unit_test(a_tone_gains_whole_periods_and_does_not_click),
        cmocka_unit_test(a_voice_goes_faster_without_clicks),
        cmocka_unit_test(noise_is_left_alone_unless_in_a_hurry),
        cmocka_unit_test(what_is_hardly_heard_is_always_stretched),
        cmocka_unit_test(a_short_block_is_left_alone),
        cmocka_unit_test(channels_stay_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
