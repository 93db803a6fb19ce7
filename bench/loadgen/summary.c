/* SPDX-License-Identifier: Apache-2.0 */
/* summary.c - see summary.h. */
#include "bench/loadgen/summary.h"

#include <stdlib.h>

#include "core/check.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct summary summary_of(double *values, size_t n)
{
    CHECK(n > 0);
    qsort(values, n, sizeof(*values), ascending);
    return (struct summary){
        .median = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2,
        .min = values[0],
        .max = values[n - 1],
    };
}
