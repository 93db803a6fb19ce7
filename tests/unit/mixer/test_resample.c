/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "mixer/resample.h"
#include "tests/unit/mixer/sound.h"

#define NARROW_HZ 8000
#define N 800 /* samples at 8 kHz in a measurement: 100 ms */

static int16_t narrow[4 * N], wide[4 * N * RESAMPLE_RATIO];

static double amplitude_of(const int16_t *x, size_t n, double hz, double rate)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < n; i++) {
        re += x[i] * cos(2 * M_PI * hz * (double)i / rate);
        im += x[i] * sin(2 * M_PI * hz * (double)i / rate);
    }
    return 2 * sqrt(re * re + im * im) / (double)n;
}

/* In two calls of odd sizes: blocks do not show. */
static void go_up(void)
{
    struct resample r;

    resample_init(&r);
    for (size_t at = 0; at < 4 * N; at += N)
        resample_up(&r, narrow + at, N, wide + at * RESAMPLE_RATIO);
}

static void go_down(void)
{
    struct resample r;

    resample_init(&r);
    for (size_t at = 0; at < 4 * N; at += N)
        resample_down(&r, wide + at * RESAMPLE_RATIO, N, narrow + at);
}

static void fill(int16_t *x, size_t n, double hz, double rate)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (int16_t)lrint(16000 * sin(2 * M_PI * hz * (double)i / rate));
}

static void a_tone_goes_up_without_images(void **state)
{
    static const double hz[] = {100, 1000, 2000, 3000, 3400};

    (void)state;
    for (size_t i = 0; i < sizeof(hz) / sizeof(hz[0]); i++) {
        fill(narrow, 4 * N, hz[i], NARROW_HZ);
        go_up();
        const int16_t *end = wide + 3 * N * RESAMPLE_RATIO;
        double gain = sound_db(amplitude_of(end, N * RESAMPLE_RATIO, hz[i], PCM_HZ) / 16000);
        assert_true(fabs(gain) < 0.3);
        for (double image = NARROW_HZ; image < PCM_HZ / 2; image += NARROW_HZ) {
            assert_true(sound_db(amplitude_of(end, N * RESAMPLE_RATIO, image - hz[i], PCM_HZ) /
                                 16000) < -60);
            assert_true(sound_db(amplitude_of(end, N * RESAMPLE_RATIO, image + hz[i], PCM_HZ) /
                                 16000) < -60);
        }
    }
}

static void a_tone_goes_down_without_aliases(void **state)
{
    static const double kept[] = {100, 1000, 3400}, gone[] = {4600, 5000, 7000, 9000, 15000, 23000};

    (void)state;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        fill(wide, 4 * N * RESAMPLE_RATIO, kept[i], PCM_HZ);
        go_down();
        assert_true(fabs(sound_db(amplitude_of(narrow + 3 * N, N, kept[i], NARROW_HZ) / 16000)) <
                    0.3);
    }
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++) {
        double energy = 0;
        fill(wide, 4 * N * RESAMPLE_RATIO, gone[i], PCM_HZ);
        go_down();
        for (size_t k = 3 * N; k < 4 * N; k++)
            energy += narrow[k] * narrow[k];
        assert_true(sound_db(sqrt(energy / N) / (16000 / sqrt(2))) < -58);
    }
}

static void blocks_do_not_show(void **state)
{
    struct resample r;
    static int16_t other[4 * N * RESAMPLE_RATIO], less[4 * N];
    size_t at = 0;

    (void)state;
    fill(narrow, 4 * N, 440, NARROW_HZ);
    go_up();
    resample_init(&r);
    for (size_t n = 1; at + n <= 4 * N; at += n, n = n % 97 + 3)
        resample_up(&r, narrow + at, n, other + at * RESAMPLE_RATIO);
    assert_memory_equal(wide, other, at * RESAMPLE_RATIO * sizeof(*wide));
    go_down();
    resample_init(&r);
    at = 0;
    for (size_t n = 1; at + n <= 4 * N; at += n, n = n % 97 + 3)
        resample_down(&r, wide + at * RESAMPLE_RATIO, n, less + at);
    assert_memory_equal(narrow, less, at * sizeof(*less));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tone_goes_up_without_images),
        cmocka_unit_test(a_tone_goes_down_without_aliases),
        cmocka_unit_test(blocks_do_not_show),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
