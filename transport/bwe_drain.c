/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_drain.c - when to drain, how fast, and when to leave it. */
#include "transport/bwe_drain.h"

#include "core/attr.h"

#define LONG_US 30000  /* start */
#define SHORT_US 15000 /* end */
/* at half to nine tenths of the rate any queue of ours is shorter by a third then */
#define TRY_US 2000000
/* besides two round trips: rates are measured over a quarter of a second and more */
#define EFFECT_US 500000
#define PROGRESS 0.7
#define REST_US 10000000ull
/* TCP fills what there is; shorter ones come of others like us, or of a longer path */
#define FOREIGN_QUEUE_US 100000
#define EMPTIED_IN_US 300000.0 /* aimed at */
#define MIN_SHARE 0.5

static void start(struct bwe_drain *d, uint64_t now_us)
{
    d->since_us = now_us;
    d->longest_us = d->queue_us;
}

/* What was sent before still comes, for as long as the queue is; then it has to get shorter. */
static void go_on(struct bwe_drain *d, uint64_t now_us)
{
    d->longest_us = MAX(d->longest_us, d->queue_us);
    if (now_us < d->since_us + TRY_US + 2 * d->longest_us)
        return;
    if ((double)d->queue_us <= PROGRESS * (double)d->longest_us) {
        start(d, now_us);
        return;
    }
    d->since_us = 0;
    d->rest_until_us = now_us + REST_US;
    d->is_foreign = d->longest_us >= FOREIGN_QUEUE_US;
}

void bwe_drain_update(struct bwe_drain *d, uint64_t queue_us, uint64_t now_us)
{
    d->queue_us = queue_us;
    if (queue_us < SHORT_US)
        d->since_us = d->rest_until_us = 0;
    else if (d->since_us != 0)
        go_on(d, now_us);
    else if (queue_us > LONG_US && now_us >= d->rest_until_us)
        start(d, now_us);
}

bool bwe_drain_has_effect(const struct bwe_drain *d, uint64_t rtt_us, uint64_t now_us)
{
    return d->since_us != 0 && now_us > d->since_us + EFFECT_US + 2 * rtt_us;
}

bool bwe_drain_is_foreign(const struct bwe_drain *d, uint64_t now_us)
{
    return d->is_foreign && now_us < d->rest_until_us;
}

double bwe_drain_share(const struct bwe_drain *d)
{
    double share = 1 - (double)d->queue_us / EMPTIED_IN_US;

    if (d->since_us == 0)
        return 1;
    return MAX(share, MIN_SHARE);
}
