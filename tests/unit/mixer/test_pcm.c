/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/rng.h"
#include "mixer/pcm.h"

static void scaling_rounds_and_one_copies(void **state)
{
    static const struct {
        int16_t in;
        int32_t gain, out;
    } rows[] = {
        {32767, PCM_GAIN_ONE, 32767},
        {-32768, PCM_GAIN_ONE, -32768},
        {1, PCM_GAIN_ONE, 1},
        {-1, PCM_GAIN_ONE, -1},
        {100, 0, 0},
        {3, PCM_GAIN_ONE / 2, 2},
        {-32768, PCM_GAIN_MAX, -131072},
        {32767, PCM_GAIN_MAX, 131068},
        {-3, PCM_GAIN_ONE / 2, -1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int32_t out;
        pcm_scale(&out, &rows[i].in, 1, rows[i].gain);
        assert_int_equal(out, rows[i].out);
    }
}

static void a_sum_less_a_part_is_the_sum_of_the_others(void **state)
{
    enum { PARTS = 64, N = 96 };
    static int32_t part[PARTS][N];
    int32_t sum[N] = {0}, minus[N], others[N];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (size_t p = 0; p < PARTS; p++) {
        for (size_t i = 0; i < N; i++)
            part[p][i] = (int32_t)rng_below(&rng, 262144) - 131072;
        pcm_add(sum, part[p], N);
    }
    for (size_t p = 0; p < PARTS; p++) {
        for (size_t i = 0; i < N; i++)
            others[i] = 0;
        for (size_t q = 0; q < PARTS; q++)
            if (q != p)
                pcm_add(others, part[q], N);
        pcm_subtract(minus, sum, part[p], N);
        assert_memory_equal(minus, others, sizeof(minus));
    }
}

static void peaks_count_both_signs(void **state)
{
    static const int32_t in[] = {3, -70000, 40000, 0};

    (void)state;
    assert_int_equal(pcm_peak(in, 4), 70000);
    assert_int_equal(pcm_peak(in + 2, 2), 40000);
    assert_int_equal(pcm_peak(in, 0), 0);
}

static void energy_does_not_overflow(void **state)
{
    int16_t in[PCM_TICK_SAMPLES];

    (void)state;
    for (size_t i = 0; i < PCM_TICK_SAMPLES; i++)
        in[i] = INT16_MIN;
    assert_true(pcm_energy(in, PCM_TICK_SAMPLES) == PCM_TICK_SAMPLES * (1ull << 30));
}

static void one_channel_becomes_two(void **state)
{
    static const int16_t mono[] = {1, -2, 3};
    static const int16_t want[] = {1, 1, -2, -2, 3, 3};
    int16_t out[6];

    (void)state;
    pcm_spread(out, mono, 3);
    assert_memory_equal(out, want, sizeof(want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scaling_rounds_and_one_copies),
        cmocka_unit_test(a_sum_less_a_part_is_the_sum_of_the_others),
        cmocka_unit_test(peaks_count_both_signs),
        cmocka_unit_test(energy_does_not_overflow),
        cmocka_unit_test(one_channel_becomes_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
