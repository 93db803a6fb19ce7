/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_aimd.c - additive or multiplicative increase, multiplicative decrease. */
#include "transport/bwe_aimd.h"

#include <math.h>

#include "core/attr.h"

#define BETA 0.85           /* s5.5 */
#define GROWTH_PER_S 1.08   /* s5.5: eta */
#define MAX_STEP_US 1000000 /* one second, s5.5 */
#define PACKET_BITS (1200 * 8)
/* besides the round trip: feedback is waited for, and the trend is slow */
#define RESPONSE_US 100000
#define MIN_STEP_BPS_PER_S 8000
#define ACKED_HEADROOM 1.5    /* s5.5 */
#define ACKED_EXTRA_BPS 20000 /* so that the slowest rates can grow at all */
#define ARRIVES 0.9
#define CAPACITY_GAIN 0.1
#define CAPACITY_DEVIATIONS 3.0 /* s5.5: near the capacity is within so many */
#define FIRST_DEVIATION 0.1

void bwe_aimd_init(struct bwe_aimd *a, uint64_t bps)
{
    *a = (struct bwe_aimd){.bps = (double)bps};
}

void bwe_aimd_set(struct bwe_aimd *a, uint64_t bps)
{
    a->bps = (double)bps;
    if (a->bps > a->capacity_bps + CAPACITY_DEVIATIONS * a->deviation_bps)
        a->capacity_bps = 0;
}

uint64_t bwe_aimd_bps(const struct bwe_aimd *a)
{
    return (uint64_t)a->bps;
}

/* ---- the link's capacity, as often as it showed ---- */

static bool is_near_capacity(const struct bwe_aimd *a, double bps)
{
    return a->capacity_bps > 0 &&
           fabs(bps - a->capacity_bps) <= CAPACITY_DEVIATIONS * a->deviation_bps;
}

static void note_capacity(struct bwe_aimd *a, double bps)
{
    double off = fabs(bps - a->capacity_bps);

    if (!is_near_capacity(a, bps)) { /* it has changed */
        a->capacity_bps = bps;
        a->deviation_bps = FIRST_DEVIATION * bps;
        return;
    }
    a->capacity_bps += CAPACITY_GAIN * (bps - a->capacity_bps);
    a->deviation_bps += CAPACITY_GAIN * (off - a->deviation_bps);
    a->deviation_bps = MAX(a->deviation_bps, 0.03 * a->capacity_bps);
}

/* ---- the rate ---- */

/*
 * Packets sent before the last decrease had an effect say nothing new, unless it was far too small. While we send little to drain
 * a queue and that little arrives, what arrives is no measure: cutting to it would go on for as long as the queue stays.
 */
static bool is_no_news(const struct bwe_aimd *a, const struct bwe_aimd_input *in)
{
    double arrives = (double)in->full_bps, sent = (double)in->sent_bps;

    if (in->drains && arrives >= ARRIVES * sent)
        return true;
    return a->decreased_us > 0 && in->judged_sent_us <= a->decreased_us &&
           arrives >= MIN(a->bps, sent) / 2;
}

static bool decrease(struct bwe_aimd *a, const struct bwe_aimd_input *in, uint64_t now_us)
{
    double arrives = in->full_bps > 0 ? (double)in->full_bps : a->bps;

    if (is_no_news(a, in))
        return false;
    a->decreased_us = now_us;
    if (in->full_bps > 0)
        note_capacity(a, arrives);
    if (BETA * arrives >= a->bps)
        return false;
    a->bps = BETA * arrives;
    return true;
}

static void increase(struct bwe_aimd *a, const struct bwe_aimd_input *in, uint64_t us)
{
    double seconds = (double)MIN(us, MAX_STEP_US) / 1e6;
    double limit = ACKED_HEADROOM * (double)in->acked_bps + ACKED_EXTRA_BPS;
    double bps = a->bps;

    if (in->acked_bps == 0 || bps >= limit)
        return;
    if ((double)in->acked_bps > a->capacity_bps + CAPACITY_DEVIATIONS * a->deviation_bps)
        a->capacity_bps = 0; /* more goes through than ever did */
    if (is_near_capacity(a, bps))
        bps += seconds *
               MAX(MIN_STEP_BPS_PER_S, PACKET_BITS * 1e6 / (double)(in->rtt_us + RESPONSE_US));
    else
        bps *= pow(GROWTH_PER_S, seconds);
    a->bps = MIN(bps, limit);
}

bool bwe_aimd_update(struct bwe_aimd *a, const struct bwe_aimd_input *in, uint64_t now_us)
{
    uint64_t us = a->updated_us == 0 || now_us < a->updated_us ? 0 : now_us - a->updated_us;

    a->updated_us = now_us;
    if (in->usage == BWE_USAGE_OVER)
        return decrease(a, in, now_us);
    if (in->usage == BWE_USAGE_NORMAL && !in->hold)
        increase(a, in, us);
    return false;
}
