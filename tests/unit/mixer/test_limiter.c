/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/rng.h"
#include "mixer/limiter.h"
#include "tests/unit/mixer/sound.h"

#define TICKS 50

static int32_t in[TICKS * PCM_TICK_SAMPLES];
static int16_t out[TICKS * PCM_TICK_SAMPLES];

static void run(void)
{
    struct limiter l;

    limiter_init(&l);
    for (size_t t = 0; t < TICKS; t++)
        limiter_run(&l, in + t * PCM_TICK_SAMPLES, out + t * PCM_TICK_SAMPLES);
}

static void fill_sine(double hz, double amplitude, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        in[2 * i] = in[2 * i + 1] =
            (int32_t)lrint(amplitude * sin(2 * M_PI * hz * (double)i / PCM_HZ));
}

static int highest(void)
{
    int most = 0;

    for (size_t i = 0; i < TICKS * PCM_TICK_SAMPLES; i++)
        most = abs(out[i]) > most ? abs(out[i]) : most;
    return most;
}

static void what_is_below_the_ceiling_stays_as_it_is(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 2);
    for (size_t i = 0; i < TICKS * PCM_TICK_SAMPLES; i++)
        in[i] = (int32_t)rng_below(&rng, 2 * LIMITER_CEILING + 1) - LIMITER_CEILING;
    run();
    for (size_t i = 0; i < 2 * LIMITER_DELAY_PAIRS; i++)
        assert_int_equal(out[i], 0);
    for (size_t i = 2 * LIMITER_DELAY_PAIRS; i < TICKS * PCM_TICK_SAMPLES; i++)
        assert_int_equal(out[i], in[i - 2 * LIMITER_DELAY_PAIRS]);
}

static void nothing_goes_over_the_ceiling(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 3);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < TICKS * PCM_TICK_SAMPLES; i++)
            in[i] = (int32_t)rng_below(&rng, 2000) - 1000;
        for (int burst = 0; burst < 30;
             burst++) { /* single samples and short bursts, far too loud */
            size_t at = rng_below(&rng, TICKS * PCM_TICK_SAMPLES - 100);
            size_t n = 1 + rng_below(&rng, 100);
            for (size_t i = at; i < at + n; i++)
                in[i] = (int32_t)rng_below(&rng, 8000000) - 4000000;
        }
        run();
        assert_true(highest() <= LIMITER_CEILING + 1);
    }
}

/* Distortion: what is not the sine, against it. */
static double distortion_db(double hz, double amplitude)
{
    static int16_t rest[PCM_HZ / 2 * 2];
    const int16_t *end = out + TICKS * PCM_TICK_SAMPLES - PCM_HZ / 2 * 2;
    size_t pairs = PCM_HZ / 2;
    double re = 0, im = 0;

    fill_sine(hz, amplitude, 0, TICKS * PCM_TICK_PAIRS);
    run();
    for (size_t i = 0; i < pairs; i++) {
        re += end[2 * i] * cos(2 * M_PI * hz * (double)i / PCM_HZ) * 2 / (double)pairs;
        im += end[2 * i] * sin(2 * M_PI * hz * (double)i / PCM_HZ) * 2 / (double)pairs;
    }
    for (size_t i = 0; i < pairs; i++) {
        double w = 2 * M_PI * hz * (double)i / PCM_HZ;
        rest[2 * i] = rest[2 * i + 1] = (int16_t)lrint(end[2 * i] - re * cos(w) - im * sin(w));
    }
    assert_true(sqrt(re * re + im * im) > 0.9 * LIMITER_CEILING);
    return sound_db(sound_rms(rest, pairs) / (sqrt(re * re + im * im) / sqrt(2)));
}

static void a_loud_tone_stays_a_tone(void **state)
{
    static const double hz[] = {60, 100, 440, 1000, 3000, 10000};

    (void)state;
    for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
        double db = distortion_db(hz[i], 120000); /* four voices at full scale */
        if (db > -50)
            fail_msg("%g Hz: %.1f dB", hz[i], db);
    }
}

static void gain_goes_down_smoothly_before_a_peak_and_comes_back(void **state)
{
    size_t peak = 10 * PCM_TICK_PAIRS + 500;
    int16_t before = 0, least = 10000;

    (void)state;
    for (size_t i = 0; i < TICKS * PCM_TICK_SAMPLES; i++)
        in[i] = 10000;
    in[2 * peak] = 100000;
    run();
    for (size_t i = 0; i < TICKS * PCM_TICK_PAIRS; i++) {
        int16_t value = out[2 * i + 1]; /* the channel without the peak shows the gain */
        if (i > LIMITER_DELAY_PAIRS)
            assert_true(abs(value - before) < 60);
        before = value;
        least = i > LIMITER_DELAY_PAIRS && value < least ? value : least;
    }
    assert_in_range(least, 2900, 2925); /* 29204 / 100000 */
    assert_in_range(out[2 * (peak + LIMITER_DELAY_PAIRS)], LIMITER_CEILING - 40, LIMITER_CEILING);
    assert_true(out[2 * (peak + PCM_HZ / 2)] > 9500);
    assert_int_equal(out[2 * (peak - LIMITER_STEP_PAIRS)], 10000);
}

static void a_copy_goes_on_from_the_same_past(void **state)
{
    static int16_t other[PCM_TICK_SAMPLES];
    struct limiter a, b;

    (void)state;
    fill_sine(300, 90000, 0, 3 * PCM_TICK_PAIRS);
    limiter_init(&a);
    limiter_run(&a, in, out);
    limiter_run(&a, in + PCM_TICK_SAMPLES, out);
    b = a;
    limiter_run(&a, in + 2 * PCM_TICK_SAMPLES, out);
    limiter_run(&b, in + 2 * PCM_TICK_SAMPLES, other);
    assert_memory_equal(out, other, sizeof(other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_below_the_ceiling_stays_as_it_is),
        cmocka_unit_test(nothing_goes_over_the_ceiling),
        cmocka_unit_test(a_loud_tone_stays_a_tone),
        cmocka_unit_test(gain_goes_down_smoothly_before_a_peak_and_comes_back),
        cmocka_unit_test(a_copy_goes_on_from_the_same_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
