/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jitter_delay.h - how long to hold packets back so that nearly all are there when their turn comes.
 *
 * The transit of a packet is its arrival less its media time: the sender's clock against ours. The least of the last seconds is
 * the base; it follows a clock that drifts. How much longer than the base each packet took goes into a histogram that forgets; its
 * 97 % quantile and a margin are the delay to aim at. A plain value, pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mixer/least.h"

#define JITTER_DELAY_BIN_US 5000
#define JITTER_DELAY_BINS 200 /* up to MAX_JITTER_DELAY_US */
#define JITTER_DELAY_MIN_US 10000
#define JITTER_DELAY_FIRST_US 30000 /* to start with, while nothing is known */

struct jitter_delay {
    uint64_t max_us;
    struct least base; /* transit, of the last five seconds that had packets */
    unsigned packets;
    int64_t moved_us;               /* of the base, not yet taken from the histogram */
    float share[JITTER_DELAY_BINS]; /* sums up to 1 */
};

/** Know nothing; never aim above @max_us. */
void jitter_delay_init(struct jitter_delay *d, uint64_t max_us);
/** Take the clocks as unrelated to before: the next packet's transit is the base. What is known of jitter stays. */
void jitter_delay_restart(struct jitter_delay *d);
/**
 * Note a packet of @span_us of media time. Returns what it took longer than the base.
 *
 * Units: @media_us of the sender's clock, any origin.
 */
int64_t jitter_delay_add(struct jitter_delay *d, int64_t media_us, uint64_t arrival_us,
                         uint64_t span_us);
/** What a packet took longer than the base, without noting it; 0 when there is no base. */
int64_t jitter_delay_of(const struct jitter_delay *d, int64_t media_us, uint64_t now_us);
/** The delay to aim at. */
uint64_t jitter_delay_target_us(const struct jitter_delay *d);
/** The smoothed spread of the transits, for statistics: the median above the base. */
uint64_t jitter_delay_median_us(const struct jitter_delay *d);
