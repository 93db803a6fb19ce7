/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_delay.h - how much later than at best the frames of an encoding come: the queue on the way from its publisher, that of the
 * publisher's own pacer included.
 *
 * The difference between arrival and media time is compared with the least one of the last FRAME_DELAY_WINDOW_US or two of them:
 * clocks drift, and a way that has become longer for good is no queue. Pure. Owner: its encoding, which embeds it.
 */
#pragma once

#include <stdint.h>

#define FRAME_DELAY_WINDOW_US 5000000ull

struct frame_delay {
    uint64_t started_us; /* of the window; 0: nothing came yet */
    uint64_t newest_us;  /* arrival of the newest frame */
    uint32_t newest_ts;
    int64_t media_us; /* of newest_ts, since the first frame */
    int64_t least_us,
        least_prior_us; /* arrival less media time, of this window and the one before */
    uint64_t late_us;   /* of the newest frame */
};

/** Note the first packet of a frame, if it is newer than those before. A zeroed struct is a new one. */
void frame_delay_add(struct frame_delay *d, uint32_t ts, uint32_t clock_hz, uint64_t now_us);
