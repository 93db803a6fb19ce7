/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_surge.c - the run of groups, each of which waited longer than the one before. */
#include "transport/bwe_surge.h"

#include "core/attr.h"
#include "core/timebase.h"

#define GROUP_US \
    25000 /* so that it has the head of a frame in it: what follows waits for that, and falls back */
#define STEP_US 8000     /* by so much more at the least */
#define RISES 2          /* one alone is a path that got longer, or a burst of somebody else's */
#define RISE_US 80000    /* in all; the trend sees what is slower */
#define RISE_JITTERS 6   /* of uniform jitter no two steps up come to so much */
#define SPAN_US 60000    /* a rate is to be told */
#define LEAST_BYTES 4000 /* of a few small packets jitter makes any rate */
#define PAUSE_US 400000  /* a stall */

static void start(struct bwe_surge *s, uint64_t sent_us, int64_t arrival_us, int64_t delay_us)
{
    s->has_group = true;
    s->sent_us = sent_us;
    s->delay_us = s->before_delay_us = s->foot_delay_us = delay_us;
    s->foot_arrival_us = s->newest_us = arrival_us;
    s->bytes = 0;
    s->rises = 0;
}

/* The running group has become the foot: it waited no longer than the one before. */
static void restart(struct bwe_surge *s)
{
    s->foot_delay_us = s->delay_us;
    s->foot_arrival_us = s->newest_us;
    s->bytes = 0;
    s->rises = 0;
}

static void look(struct bwe_surge *s, uint64_t jitter_us)
{
    int64_t span_us = s->newest_us - s->foot_arrival_us;
    int64_t rise_us = s->delay_us - s->foot_delay_us;

    if (s->rises < RISES || span_us < SPAN_US || s->bytes < LEAST_BYTES ||
        rise_us < MAX(RISE_US, RISE_JITTERS * (int64_t)jitter_us))
        return;
    s->is_seen = true;
    s->seen_bps = s->bytes * 8 * US_PER_S / (uint64_t)span_us;
    s->seen_rise_us = (uint64_t)rise_us;
}

static void widen(struct bwe_surge *s, int64_t arrival_us, int64_t delay_us, size_t bytes)
{
    s->delay_us = MIN(s->delay_us, delay_us);
    s->newest_us = MAX(s->newest_us, arrival_us);
    s->bytes += bytes;
    if (s->rises == 0)
        restart(s);
}

HOT void bwe_surge_add(struct bwe_surge *s, uint64_t sent_us, int64_t arrival_us, size_t bytes,
                       uint64_t jitter_us)
{
    int64_t delay_us = arrival_us - (int64_t)sent_us;

    if (!s->has_group || arrival_us - s->newest_us > PAUSE_US) {
        start(s, sent_us, arrival_us, delay_us);
        return;
    }
    if (sent_us < s->sent_us)
        return;
    if (sent_us - s->sent_us <= GROUP_US) {
        widen(s, arrival_us, delay_us, bytes);
        return;
    }
    if (s->rises > 0 && s->delay_us < s->before_delay_us + STEP_US)
        restart(s);
    s->before_delay_us = s->delay_us;
    s->sent_us = sent_us;
    s->delay_us = delay_us;
    s->newest_us = MAX(s->newest_us, arrival_us);
    s->bytes += bytes;
    if (delay_us >= s->before_delay_us + STEP_US) {
        s->rises++;
        look(s, jitter_us);
    } else {
        restart(s);
    }
}

void bwe_surge_break(struct bwe_surge *s)
{
    s->has_group = false;
}

bool bwe_surge_take(struct bwe_surge *s, uint64_t *bps, uint64_t *rise_us)
{
    bool is_seen = s->is_seen;

    s->is_seen = false;
    *bps = s->seen_bps;
    *rise_us = s->seen_rise_us;
    return is_seen;
}
