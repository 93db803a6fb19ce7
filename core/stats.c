/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - the histogram's buckets and the rate's bins. */
#include "core/stats.h"

#include <string.h>

#include "core/attr.h"

#define STEPS 8u /* of an octave */
#define STEP_BITS 3u

/* ---- histogram ---- */

/* Bucket of a value: 0..7 have one each, then every octave [2^n, 2^(n+1)) has eight. */
static size_t bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (size_t)value;
    unsigned octave = 63 - (unsigned)__builtin_clzll(value);
    size_t i = (octave - STEP_BITS + 1) * STEPS + ((value >> (octave - STEP_BITS)) & (STEPS - 1));
    return MIN(i, HISTOGRAM_BUCKETS - 1);
}

/* The smallest value of bucket @i. */
static uint64_t bucket_start(size_t i)
{
    if (i < STEPS)
        return i;
    return (STEPS + i % STEPS) << (i / STEPS - 1);
}

void histogram_add(struct histogram *h, uint64_t value)
{
    h->min = h->count == 0 ? value : MIN(h->min, value);
    h->max = MAX(h->max, value);
    h->count++;
    h->sum += value;
    h->bucket[bucket_of(value)]++;
}

uint64_t histogram_quantile(const struct histogram *h, double q)
{
    if (h->count == 0 || q <= 0)
        return h->min;
    if (q >= 1)
        return h->max;
    double below = 0, wanted = q * (double)h->count;
    size_t i = 0;
    while (i < HISTOGRAM_BUCKETS - 1 && below + (double)h->bucket[i] < wanted)
        below += (double)h->bucket[i++];
    double start = (double)bucket_start(i), width = (double)bucket_start(i + 1) - start;
    double inside = h->bucket[i] > 0 ? (wanted - below) / (double)h->bucket[i] : 0;
    uint64_t value =
        (uint64_t)(start + (width > 1 ? width * inside : 0)); /* a bucket of one value is exact */
    return MAX(h->min, MIN(h->max, value));
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    if (from->count == 0)
        return;
    to->min = to->count == 0 ? from->min : MIN(to->min, from->min);
    to->max = MAX(to->max, from->max);
    to->count += from->count;
    to->sum += from->sum;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        to->bucket[i] += from->bucket[i];
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

/* ---- batches ---- */

void batch_counts_merge(struct batch_counts *to, const struct batch_counts *from)
{
    to->calls += from->calls;
    to->items += from->items;
    for (size_t i = 0; i < BATCH_BUCKETS; i++)
        to->bucket[i] += from->bucket[i];
}

/* ---- rate ---- */

static uint64_t bytes_in_bins(const struct rate *r)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < RATE_BINS; i++)
        sum += r->bytes[i];
    return sum;
}

/* Open the bins up to @now_us. After a silence longer than all bins the measurement starts anew. */
static void advance(struct rate *r, uint64_t now_us)
{
    if (now_us < r->bin_start_us + RATE_BIN_US)
        return;
    uint64_t steps = (now_us - r->bin_start_us) / RATE_BIN_US;
    r->bin_start_us += steps * RATE_BIN_US;
    for (uint64_t i = 0; i < MIN(steps, RATE_BINS); i++) {
        r->newest = (r->newest + 1) % RATE_BINS;
        r->bytes[r->newest] = 0;
    }
    if (bytes_in_bins(r) == 0)
        r->first_us = now_us;
}

void rate_add(struct rate *r, size_t bytes, uint64_t now_us)
{
    advance(r, now_us);
    r->bytes[r->newest] += (uint32_t)bytes;
}

uint64_t rate_bps(struct rate *r, uint64_t now_us)
{
    advance(r, now_us);
    uint64_t into_newest = now_us > r->bin_start_us ? now_us - r->bin_start_us : 0;
    uint64_t covered = (RATE_BINS - 1) * RATE_BIN_US + into_newest;
    uint64_t running = now_us > r->first_us ? now_us - r->first_us : 0;
    uint64_t span_us = MAX(MIN(covered, running), RATE_BIN_US); /* one packet is no rate yet */
    return bytes_in_bins(r) * 8 * 1000000 / span_us;
}
