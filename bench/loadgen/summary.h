/* SPDX-License-Identifier: Apache-2.0 */
/* summary.h - median and spread of a few rounds. Pure. */
#pragma once

#include <stddef.h>

struct summary {
    double median, min, max; /* the median of an even number lies between the middle two */
};

/** Sum up @n (at least 1) values, which are put in order. */
struct summary summary_of(double *values, size_t n);
