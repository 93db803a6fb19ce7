/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/stats.h"

static void empty_histogram_says_nothing(void **state)
{
    struct histogram h = {0}, other = {0};

    (void)state;
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    histogram_add(&other, 5);
    histogram_merge(&other, &h);
    assert_int_equal(other.count, 1);
    assert_int_equal(other.min, 5);
}

static void quantiles_are_within_an_eighth(void **state)
{
    struct histogram h = {0};
    static const double rows[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};

    (void)state;
    for (uint64_t v = 1; v <= 100000; v++)
        histogram_add(&h, v);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double want = rows[i] * 100000, got = (double)histogram_quantile(&h, rows[i]);
        assert_true(got > want * 0.875 && got < want * 1.125);
    }
    assert_int_equal(histogram_quantile(&h, 0), 1);
    assert_int_equal(histogram_quantile(&h, 1), 100000);
    assert_int_equal(h.sum, 5000050000);
}

static void small_values_are_exact_and_huge_ones_are_kept(void **state)
{
    struct histogram h = {0};

    (void)state;
    for (uint64_t v = 0; v < 8; v++)
        histogram_add(&h, v);
    assert_int_equal(histogram_quantile(&h, 0.5), 3);
    histogram_clear(&h);
    static const uint64_t rows[] = {1ull << 39, (1ull << 40) - 1, 1ull << 40, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        histogram_add(&h, rows[i]);
    assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 8], 1);
    assert_int_equal(h.bucket[HISTOGRAM_BUCKETS - 1], 3);
    assert_int_equal(h.max, UINT64_MAX);
}

static void merged_histograms_are_one(void **state)
{
    struct histogram a = {0}, b = {0}, both = {0};

    (void)state;
    for (uint64_t v = 10; v < 1000; v++) {
        histogram_add(v % 3 ? &a : &b, v);
        histogram_add(&both, v);
    }
    histogram_merge(&a, &b);
    assert_memory_equal(&a, &both, sizeof a);
}

/* 1250 bytes every 10 ms are 1 Mbit/s. */
static void steady_stream_has_its_rate(void **state)
{
    struct rate r = {0};
    uint64_t now = 5000000;

    (void)state;
    assert_int_equal(rate_bps(&r, now), 0);
    for (int i = 0; i < 500; i++, now += 10000) {
        rate_add(&r, 1250, now);
        if (i >= 50)
            assert_in_range(rate_bps(&r, now), 970000, 1030000);
    }
}

static void silence_ends_the_rate_and_a_new_start_is_not_diluted(void **state)
{
    struct rate r = {0};

    (void)state;
    for (uint64_t now = 1000000; now < 3000000; now += 10000)
        rate_add(&r, 1250, now);
    assert_in_range(rate_bps(&r, 3500000), 400000, 550000);
    assert_int_equal(rate_bps(&r, 4100000), 0);
    for (uint64_t now = 9000000; now < 9300000; now += 10000)
        rate_add(&r, 1250, now);
    assert_in_range(rate_bps(&r, 9300000), 900000, 1100000);
}

static void time_that_steps_back_is_harmless(void **state)
{
    struct rate r = {0};

    (void)state;
    rate_add(&r, 1000, 9000000);
    rate_add(&r, 1000, 8000000);
    assert_int_equal(rate_bps(&r, 7000000), 160000); /* of the shortest span, one bin */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_histogram_says_nothing),
        cmocka_unit_test(quantiles_are_within_an_eighth),
        cmocka_unit_test(small_values_are_exact_and_huge_ones_are_kept),
        cmocka_unit_test(merged_histograms_are_one),
        cmocka_unit_test(steady_stream_has_its_rate),
        cmocka_unit_test(silence_ends_the_rate_and_a_new_start_is_not_diluted),
        cmocka_unit_test(time_that_steps_back_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
