/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_delay.c - groups of packets, and the least delays. */
#include "transport/bwe_delay.h"

#include "core/attr.h"

#define GROUP_US 5000 /* s5.2: burst_time */
/* what the link held up and let go together is one group too, up to this */
#define MAX_BURST_US 100000
#define CLOCK_STEP_US 3000000  /* more than any queue: the endpoint's clock was set */
#define PAUSE_US 400000        /* of the sender's or of the link's: no line leads over it */
#define BASE_EPOCH_US 10000000 /* clocks drift by a millisecond in it */
#define RECENT_EPOCH_US 150000
#define JITTER_GROUPS 16           /* as RFC 3550 s6.4.1 has it */
#define ORIGIN_SPAN_US 600000000ll /* doubles stay exact to far below a microsecond */

void bwe_delay_init(struct bwe_delay *d)
{
    *d = (struct bwe_delay){0};
    bwe_trend_init(&d->trend);
}

void bwe_delay_restart(struct bwe_delay *d)
{
    struct bwe_trend trend = d->trend;
    uint64_t restarts = d->restarts + 1;

    bwe_trend_restart(&trend);
    *d = (struct bwe_delay){.trend = trend, .restarts = restarts};
}

/* ---- the least delay ---- */

/* Time is the arrivals': a long queue lets go slowly what was sent quickly. */
static void least_add(struct bwe_least *l, int64_t us, int64_t at_us, int64_t epoch_us)
{
    if (!l->is_known || at_us - l->since_us > 2 * epoch_us) {
        *l = (struct bwe_least){true, us, us, at_us};
    } else if (at_us - l->since_us > epoch_us) {
        *l = (struct bwe_least){true, us, l->now_us, at_us};
    } else if (us < l->now_us) {
        l->now_us = us;
    }
}

static int64_t least(const struct bwe_least *l)
{
    return MIN(l->now_us, l->before_us);
}

uint64_t bwe_delay_queue_us(const struct bwe_delay *d)
{
    int64_t us = least(&d->recent) - least(&d->base);

    return us > 0 ? (uint64_t)us : 0;
}

uint64_t bwe_delay_jitter_us(const struct bwe_delay *d)
{
    return (uint64_t)d->jitter_us;
}

/* ---- groups ---- */

static bool belongs(const struct bwe_group *g, uint64_t sent_us, int64_t arrival_us)
{
    int64_t sent_gap_us = (int64_t)(sent_us - g->last_sent_us);
    int64_t arrival_gap_us = arrival_us - g->last_arrival_us;

    if (sent_us - g->first_sent_us <= GROUP_US)
        return true;
    return arrival_gap_us <= GROUP_US && arrival_gap_us < sent_gap_us &&
           arrival_us - g->first_arrival_us < MAX_BURST_US;
}

static bool clock_stepped(const struct bwe_group *a, const struct bwe_group *b)
{
    int64_t us = b->delay_us - a->delay_us;

    return us > CLOCK_STEP_US || us < -CLOCK_STEP_US;
}

static double ms(int64_t us)
{
    return (double)us / 1000;
}

/* The trend gets a new origin when the old one is too far away. */
static double since_origin_ms(struct bwe_delay *d, int64_t arrival_us)
{
    int64_t us = arrival_us - d->origin_us;

    if (d->origin_us == 0 || us > ORIGIN_SPAN_US || us < -ORIGIN_SPAN_US) {
        d->origin_us = arrival_us;
        bwe_trend_restart(&d->trend);
        us = 0;
    }
    return ms(us);
}

static void judge(struct bwe_delay *d)
{
    struct bwe_group g = d->group, before = d->before;

    if (d->has_before && clock_stepped(&before, &g))
        bwe_delay_restart(d);
    if (d->has_before) {
        int64_t off_us = g.delay_us - before.delay_us;
        d->jitter_us += ((off_us < 0 ? -off_us : off_us) - d->jitter_us) / JITTER_GROUPS;
        double arrival_ms = since_origin_ms(d, g.last_arrival_us);
        bwe_trend_add(&d->trend, ms(off_us), ms((int64_t)(g.last_sent_us - before.last_sent_us)),
                      arrival_ms);
    }
    least_add(&d->base, g.delay_us, g.last_arrival_us, BASE_EPOCH_US);
    least_add(&d->recent, g.delay_us, g.last_arrival_us, RECENT_EPOCH_US);
    d->judged_sent_us = g.last_sent_us;
    d->before = g;
    d->has_before = true;
}

static void widen(struct bwe_group *g, uint64_t sent_us, int64_t arrival_us)
{
    g->last_sent_us = MAX(g->last_sent_us, sent_us);
    g->last_arrival_us = MAX(g->last_arrival_us, arrival_us);
    g->delay_us = MIN(g->delay_us, arrival_us - (int64_t)sent_us);
}

/* The line does not lead over a pause, and a clock may have been set meanwhile. */
static void begin_anew(struct bwe_delay *d, const struct bwe_group *next)
{
    if (clock_stepped(&d->before, next))
        bwe_delay_restart(d);
    bwe_trend_restart(&d->trend);
    d->has_before = false;
}

HOT void bwe_delay_add(struct bwe_delay *d, uint64_t sent_us, int64_t arrival_us)
{
    const struct bwe_group alone = {sent_us, sent_us, arrival_us, arrival_us,
                                    arrival_us - (int64_t)sent_us};

    if (d->has_group) {
        bool is_after_pause = arrival_us - d->group.last_arrival_us > PAUSE_US;
        if (sent_us < d->group.first_sent_us)
            return;
        if (!is_after_pause && belongs(&d->group, sent_us, arrival_us)) {
            widen(&d->group, sent_us, arrival_us);
            return;
        }
        judge(d);
        if (is_after_pause)
            begin_anew(d, &alone);
    }
    d->group = alone;
    d->has_group = true;
}

void bwe_delay_step(struct bwe_delay *d, int64_t by_us)
{
    if (!d->has_group)
        return;
    judge(d);
    d->old_base_us = least(&d->base);
    d->has_old_base = true;
    d->base = d->recent = (struct bwe_least){0};
    d->before.delay_us += by_us; /* the line goes on as if nothing had been */
    d->has_group = false;
}

void bwe_delay_step_back(struct bwe_delay *d)
{
    if (d->has_old_base && d->base.is_known)
        d->base.now_us = MIN(d->base.now_us, d->old_base_us);
    d->has_old_base = false;
}

enum bwe_usage bwe_delay_usage(const struct bwe_delay *d)
{
    return d->trend.usage;
}
