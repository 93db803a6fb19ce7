/* SPDX-License-Identifier: Apache-2.0 */
/* stats.h - a histogram of logarithmic buckets and a sliding rate; plain values, no locks, one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* 8 linear steps an octave, 0 .. 2^40: relative error ≤ 12.5 %. */
#define HISTOGRAM_BUCKETS 304

struct histogram {
    uint64_t count, sum, min, max;
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/** Count one value. */
void histogram_add(struct histogram *h, uint64_t value);
/** The value below which the fraction @q (0..1) lies; 0 when empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);
/** Add all counts of @from to @to. */
void histogram_merge(struct histogram *to, const struct histogram *from);
void histogram_clear(struct histogram *h);

/* Bits a second over the last second, in 100 ms bins. */
#define RATE_BINS 10
#define RATE_BIN_US 100000ull

struct rate {
    uint64_t bin_start_us; /* of the newest bin */
    uint32_t bytes[RATE_BINS];
    uint32_t newest;
    uint64_t first_us;
};

/** Count bytes. A zeroed struct is a new rate; time that steps back counts as now. */
void rate_add(struct rate *r, size_t bytes, uint64_t now_us);
/** Bits a second; 0 after a second of silence. */
uint64_t rate_bps(struct rate *r, uint64_t now_us);
