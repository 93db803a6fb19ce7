/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/summary.h"
#include "core/attr.h"
#include "tests/unit/core/cmocka_all.h"

static void the_median_is_the_middle(void **state)
{
    static const struct {
        double values[5];
        size_t n;
        double median, min, max;
    } rows[] = {
        {{7}, 1, 7, 7, 7},
        {{3, 1}, 2, 2, 1, 3},
        {{3, 1, 2}, 3, 2, 1, 3},
        {{4, 1, 100, 3}, 4, 3.5, 1, 100},
        {{5, 5, 5, 1, 9}, 5, 5, 1, 9},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double values[5];
        for (size_t k = 0; k < rows[i].n; k++)
            values[k] = rows[i].values[k];
        struct summary s = summary_of(values, rows[i].n);
        if (s.median != rows[i].median || s.min != rows[i].min || s.max != rows[i].max)
            fail_msg("row %zu: %f %f %f", i, s.median, s.min, s.max);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_median_is_the_middle)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
