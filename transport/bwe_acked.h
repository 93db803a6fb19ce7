/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_acked.h - the rate at which packets arrive at the endpoint, by its own clock.
 *
 * A capacity that is used up shows here at once, however large the queue in front of it. A pause, of the sender's or of the link's,
 * is cut out: it says nothing about how fast things move when they move. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BWE_ACKED_BINS 16
#define BWE_ACKED_BIN_US 65536 /* a power of two, for speed */
#define BWE_ACKED_SHORT 4      /* a quarter of a second: what a full link carries now */
#define BWE_ACKED_LONG 10      /* frames of all sizes are in it */

/* Fields are private; zeroed is empty. */
struct bwe_acked {
    int64_t first_us, newest_us; /* without the pauses */
    int64_t last_arrival_us;     /* with them */
    bool skips;
    uint32_t bytes[BWE_ACKED_BINS];
};

/** Count a packet that arrived. */
void bwe_acked_add(struct bwe_acked *a, int64_t arrival_us, size_t bytes);
/** Between the packets so far and the next one there are some that nobody told of: that time does not count. */
void bwe_acked_skip(struct bwe_acked *a);
/** Bits a second over the newest @bins (1 to BWE_ACKED_BINS); 0 while too little is known. */
uint64_t bwe_acked_bps(const struct bwe_acked *a, unsigned bins);
