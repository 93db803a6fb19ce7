/* SPDX-License-Identifier: Apache-2.0 */
/* frame_delay.c - see frame_delay.h. */
#include "rooms/sfu/frame_delay.h"

#include "core/attr.h"
#include "core/seq.h"
#include "core/timebase.h"

#define STEP_US \
    5000000 /* a larger difference between two frames is another clock, or a made-up time */

static void start(struct frame_delay *d, uint32_t ts, uint64_t now_us)
{
    *d = (struct frame_delay){.started_us = now_us,
                              .newest_us = now_us,
                              .newest_ts = ts,
                              .least_us = (int64_t)now_us,
                              .least_prior_us = (int64_t)now_us};
}

void frame_delay_add(struct frame_delay *d, uint32_t ts, uint32_t clock_hz, uint64_t now_us)
{
    if (clock_hz == 0)
        return;
    int64_t media_us = (int64_t)ts32_diff(ts, d->newest_ts) * (int64_t)US_PER_S / (int64_t)clock_hz;
    int64_t arrival_us = (int64_t)(now_us - d->newest_us);
    if (d->started_us == 0 || media_us - arrival_us > STEP_US || arrival_us - media_us > STEP_US) {
        start(d, ts, now_us);
        return;
    }
    if (media_us <= 0)
        return;
    d->newest_ts = ts;
    d->newest_us = now_us;
    d->media_us += media_us;
    int64_t behind_us = (int64_t)now_us - d->media_us;
    if (now_us - d->started_us >= FRAME_DELAY_WINDOW_US) {
        d->started_us = now_us;
        d->least_prior_us = d->least_us;
        d->least_us = behind_us;
    }
    d->least_us = MIN(d->least_us, behind_us);
    d->late_us = (uint64_t)(behind_us - MIN(d->least_us, d->least_prior_us));
}
