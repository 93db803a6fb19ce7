/* SPDX-License-Identifier: Apache-2.0 */
/* rate_limit.h - a token bucket: so many a second, and a burst of so many at once. A plain value. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/timebase.h"

struct rate_limit {
    double tokens;
    uint64_t last_us; /* 0: never used, full */
};

/** Take so many; false, and none is taken, when there are fewer left. */
MUST_CHECK static inline bool rate_limit_take_many(struct rate_limit *l, double count,
                                                   double per_second, double burst, uint64_t now_us)
{
    if (l->last_us == 0)
        l->tokens = burst;
    else
        l->tokens += per_second * (double)(now_us - l->last_us) / (double)US_PER_S;
    l->tokens = MIN(l->tokens, burst);
    l->last_us = now_us;
    if (l->tokens < count)
        return false;
    l->tokens -= count;
    return true;
}

/** Take one; false when there is none left. */
MUST_CHECK static inline bool rate_limit_take(struct rate_limit *l, double per_second, double burst,
                                              uint64_t now_us)
{
    return rate_limit_take_many(l, 1, per_second, burst, now_us);
}
