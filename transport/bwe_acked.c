/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_acked.c - bytes in bins of the endpoint's time, with pauses closed up. */
#include "transport/bwe_acked.h"

#include <string.h>

#include "core/attr.h"
#include "core/check.h"

#define US_PER_S 1000000
#define PAUSE_US 400000       /* longer than between two packets of the slowest stream */
#define PAUSE_COUNTS_US 50000 /* as this: what came before and after was not sent at one moment */
#define SKIP_COUNTS_US 5000
#define MIN_SPAN_US 150000 /* below it one frame more or less is half of the rate */
#define STEP_BACK_US ((BWE_ACKED_BINS - 1) * (int64_t)BWE_ACKED_BIN_US)

static int64_t bin_of(int64_t us)
{
    return us / BWE_ACKED_BIN_US;
}

static uint32_t *bytes_of(struct bwe_acked *a, int64_t bin)
{
    return &a->bytes[(uint64_t)bin % BWE_ACKED_BINS];
}

/* Our own time starts well above zero, so that nothing is negative in it. */
static void start(struct bwe_acked *a, int64_t arrival_us)
{
    *a = (struct bwe_acked){.last_arrival_us = arrival_us};
    a->first_us = a->newest_us = 2 * STEP_BACK_US;
}

static void advance(struct bwe_acked *a, int64_t by_us)
{
    int64_t bin = bin_of(a->newest_us);

    if (by_us > PAUSE_US)
        by_us = PAUSE_COUNTS_US;
    if (a->skips)
        by_us = MIN(by_us, SKIP_COUNTS_US);
    a->skips = false;
    a->newest_us += by_us;
    while (bin < bin_of(a->newest_us))
        *bytes_of(a, ++bin) = 0;
}

HOT void bwe_acked_add(struct bwe_acked *a, int64_t arrival_us, size_t bytes)
{
    int64_t diff = arrival_us - a->last_arrival_us;

    if (UNLIKELY(a->newest_us == 0 || diff <= -STEP_BACK_US)) {
        start(a, arrival_us); /* a clock that jumps back starts anew */
        diff = 0;
    }
    if (diff > 0) {
        a->last_arrival_us = arrival_us;
        advance(a, diff);
        diff = 0;
    }
    *bytes_of(a, bin_of(a->newest_us + diff)) += (uint32_t)bytes;
}

void bwe_acked_skip(struct bwe_acked *a)
{
    a->skips = true;
}

uint64_t bwe_acked_bps(const struct bwe_acked *a, unsigned bins)
{
    int64_t bin = bin_of(a->newest_us);
    int64_t from_us = (bin - (int64_t)bins + 1) * BWE_ACKED_BIN_US;
    int64_t span_us = a->newest_us - MAX(from_us, a->first_us);
    uint64_t bytes = 0;

    CHECK(bins >= 1 && bins <= BWE_ACKED_BINS);
    if (span_us < MIN_SPAN_US)
        return 0;
    for (unsigned i = 0; i < bins; i++)
        bytes += a->bytes[(uint64_t)(bin - i) % BWE_ACKED_BINS];
    return bytes * 8 * US_PER_S / (uint64_t)span_us;
}
