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

/* How many things went into each call: up to 1, 2, 4 … 1024, more. Few counters, for what is counted all the time. */
#define BATCH_BUCKETS 12

struct batch_counts {
    uint64_t calls, items;
    uint64_t bucket
        [BATCH_BUCKETS]; /* calls with at most 2^i items, and more than bucket i - 1 has; the last: all above */
};

/** Count one call with @n items. */
static inline void batch_counts_add(struct batch_counts *b, size_t n)
{
    unsigned i = n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll((unsigned long long)n - 1);

    b->calls++;
    b->items += n;
    b->bucket[i < BATCH_BUCKETS ? i : BATCH_BUCKETS - 1]++;
}
/** Add all counts of @from to @to. */
void batch_counts_merge(struct batch_counts *to, const struct batch_counts *from);

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
