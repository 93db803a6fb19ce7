/* SPDX-License-Identifier: Apache-2.0 */
/* publisher_clock.c - see publisher_clock.h. */
#include "rooms/sfu/publisher_clock.h"

#include "core/timebase.h"
#include "transport/rtp_recv.h"

/* Offsets grow by queueing, so the least is the truest: it is taken at once, larger ones are followed slowly, for drift. */
#define FOLLOW_DIVISOR 64
#define STEP_US 1000000        /* past it the clock was set */
#define MAX_REACH_US 600000000 /* how far a report still tells: drift, and made-up times */

void publisher_clock_note(struct publisher_clock *c, const struct rtp_recv *r,
                          uint64_t arrival_wall_us)
{
    int64_t offset_us = (int64_t)(arrival_wall_us - timebase_wall_us_of_ntp(r->sr_ntp));
    int64_t step_us = offset_us - c->offset_us;

    if (!c->is_known || step_us < 0 || step_us > STEP_US)
        c->offset_us = offset_us;
    else
        c->offset_us += step_us / FOLLOW_DIVISOR;
    c->is_known = true;
}

uint64_t publisher_clock_wall_of_report(const struct publisher_clock *c, const struct rtp_recv *r)
{
    return timebase_wall_us_of_ntp(r->sr_ntp) + (uint64_t)c->offset_us;
}

bool publisher_clock_ts_at(const struct publisher_clock *c, const struct rtp_recv *r,
                           uint64_t wall_us, uint32_t *ts)
{
    if (!c->is_known || r->sr_arrival_us == 0 || r->clock_hz == 0)
        return false;
    int64_t since_us = (int64_t)(wall_us - publisher_clock_wall_of_report(c, r));
    if (since_us > MAX_REACH_US || since_us < -MAX_REACH_US)
        return false;
    *ts = r->sr_ts + (uint32_t)(since_us * (int64_t)r->clock_hz / (int64_t)US_PER_S);
    return true;
}
