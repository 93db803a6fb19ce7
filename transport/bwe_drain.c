/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_drain.c - when to drain, how fast, and when to leave it. */
#include "transport/bwe_drain.h"

#include "core/attr.h"

#define LONG_US 30000  /* start */
#define SHORT_US 15000 /* end */
#define TRY_US \
    2000000 /* at half to nine tenths of the rate any queue of ours is shorter by a third then */
#define PROGRESS 0.7
#define ALONE_US 10000000ull
#define MAX_ALONE_US 60000000ull
#define EMPTIED_IN_US 300000.0 /* aimed at */
#define MIN_SHARE 0.5

static void leave_alone(struct bwe_drain *d, uint64_t now_us)
{
    d->alone_us = d->alone_us == 0 ? ALONE_US : MIN(2 * d->alone_us, MAX_ALONE_US);
    d->alone_until_us = now_us + d->alone_us;
    d->since_us = 0;
}

static void start(struct bwe_drain *d, uint64_t now_us)
{
    d->since_us = now_us;
    d->from_us = d->queue_us;
}

void bwe_drain_update(struct bwe_drain *d, uint64_t queue_us, uint64_t now_us)
{
    d->queue_us = queue_us;
    if (d->since_us == 0) {
        if (queue_us > LONG_US && now_us >= d->alone_until_us)
            start(d, now_us);
    } else if (queue_us < SHORT_US) {
        d->since_us = 0;
        d->alone_us = 0;
    } else if (now_us > d->since_us + TRY_US) {
        if ((double)queue_us > PROGRESS * (double)d->from_us)
            leave_alone(d, now_us);
        else
            start(d, now_us);
    }
}

double bwe_drain_share(const struct bwe_drain *d)
{
    double share = 1 - (double)d->queue_us / EMPTIED_IN_US;

    if (d->since_us == 0)
        return 1;
    return MAX(share, MIN_SHARE);
}
