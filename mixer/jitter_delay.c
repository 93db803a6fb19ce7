/* SPDX-License-Identifier: Apache-2.0 */
/* jitter_delay.c - see jitter_delay.h. */
#include "mixer/jitter_delay.h"

#include <string.h>

#include "core/attr.h"
#include "core/timebase.h"

#define QUANTILE 0.97f
#define MARGIN_US 5000 /* what wakes late: threads and rings of ours */
#define MAX_OWED_US (4 * JITTER_DELAY_BIN_US)
#define STALE_US \
    10000000ull /* without packets: the clocks may have drifted apart by more than jitter */
#define FORGET_US 4000000.0f /* of media time: what is older weighs less than a third */

void jitter_delay_init(struct jitter_delay *d, uint64_t max_us)
{
    *d = (struct jitter_delay){.max_us = max_us};
    d->share[(JITTER_DELAY_FIRST_US - MARGIN_US) / JITTER_DELAY_BIN_US - 1] = 1;
}

void jitter_delay_restart(struct jitter_delay *d)
{
    d->base = (struct least){0};
    d->moved_us = 0;
}

/* What was measured against a lower base is less against the higher one. The other way round it would be more, but a base that fell
 * far was not the true one: only small falls count against rises. */
static void follow_base(struct jitter_delay *d, int64_t by_us)
{
    d->moved_us = MAX(d->moved_us + by_us, -MAX_OWED_US);
    for (; d->moved_us >= JITTER_DELAY_BIN_US; d->moved_us -= JITTER_DELAY_BIN_US) {
        float lowest = d->share[0];
        memmove(d->share, d->share + 1, (JITTER_DELAY_BINS - 1) * sizeof(*d->share));
        d->share[JITTER_DELAY_BINS - 1] = 0;
        d->share[0] += lowest;
    }
}

static void move_base(struct jitter_delay *d, int64_t transit_us, uint64_t now_us)
{
    if (d->base.spans > 0 && now_us >= d->base.newest_from_us + STALE_US)
        jitter_delay_restart(d);
    int64_t before = d->base.spans > 0 ? least_of(&d->base) : transit_us;
    least_note(&d->base, transit_us, now_us, US_PER_S);
    int64_t rise =
        MIN(least_of(&d->base) - before, (int64_t)JITTER_DELAY_BINS * JITTER_DELAY_BIN_US);
    follow_base(d, rise);
}

static void count(struct jitter_delay *d, int64_t longer_us, uint64_t span_us)
{
    int64_t bin = MAX(0, MIN(longer_us / JITTER_DELAY_BIN_US, JITTER_DELAY_BINS - 1));
    float first = 1.0f / (float)(d->packets + 2), share = (float)span_us / FORGET_US;

    if (d->packets < UINT16_MAX)
        d->packets++;
    share = MIN(MAX(share, first), 0.5f); /* few packets: each says much */
    for (size_t i = 0; i < JITTER_DELAY_BINS; i++)
        d->share[i] *= 1 - share;
    d->share[bin] += share;
}

int64_t jitter_delay_add(struct jitter_delay *d, int64_t media_us, uint64_t arrival_us,
                         uint64_t span_us)
{
    int64_t transit_us = (int64_t)arrival_us - media_us, longer_us;

    move_base(d, transit_us, arrival_us);
    longer_us = transit_us - least_of(&d->base);
    count(d, longer_us, span_us);
    return longer_us;
}

int64_t jitter_delay_of(const struct jitter_delay *d, int64_t media_us, uint64_t now_us)
{
    return d->base.spans == 0 ? 0 : (int64_t)now_us - media_us - least_of(&d->base);
}

/* The upper end of the bin that the quantile falls into. */
static uint64_t quantile_us(const struct jitter_delay *d, float q)
{
    float sum = 0;
    size_t bin = 0;

    for (; bin < JITTER_DELAY_BINS - 1; bin++) {
        sum += d->share[bin];
        if (sum >= q)
            break;
    }
    return (bin + 1) * JITTER_DELAY_BIN_US;
}

uint64_t jitter_delay_target_us(const struct jitter_delay *d)
{
    uint64_t target = quantile_us(d, QUANTILE) + MARGIN_US;

    return MIN(MAX(target, (uint64_t)JITTER_DELAY_MIN_US), d->max_us);
}

uint64_t jitter_delay_median_us(const struct jitter_delay *d)
{
    return quantile_us(d, 0.5f);
}
