/* SPDX-License-Identifier: Apache-2.0 */
/* time_stretch.c - see time_stretch.h. The period is looked for at 6 kHz and refined at 48 kHz. */
#include "mixer/time_stretch.h"

#include <math.h>
#include <string.h>

#include "core/attr.h"
#include "mixer/pcm.h"

#define COARSE 8 /* pairs of one coarse sample */
#define LOOKED_AT TIME_STRETCH_MIN_PAIRS
#define COARSE_SAMPLES (LOOKED_AT / COARSE)
#define MIN_PERIOD 120  /* 2.5 ms */
#define MIN_OVERLAP 240 /* 5 ms of blending: 0.3 s^-1 of steepness at most */
#define QUIET 30.0f     /* root mean square: -61 dBov */

/* The beginning of the block, as one channel. */
struct look {
    float fine[LOOKED_AT];
    float coarse[COARSE_SAMPLES];
    float energy; /* of all of fine */
};

static void look_at(struct look *l, const int16_t *pcm)
{
    *l = (struct look){0};
    for (size_t i = 0; i < LOOKED_AT; i++) {
        l->fine[i] = 0.5f * (float)(pcm[2 * i] + pcm[2 * i + 1]);
        l->coarse[i / COARSE] += l->fine[i] / COARSE;
        l->energy += l->fine[i] * l->fine[i];
    }
}

/* How alike a signal and its later self are over what is left of it: the normalised correlation, at most 1. */
static float likeness(const float *x, size_t n, size_t lag)
{
    float product = 0, a = 1, b = 1;

    for (size_t i = 0; i + lag < n; i++) {
        product += x[i] * x[i + lag];
        a += x[i] * x[i];
        b += x[i + lag] * x[i + lag];
    }
    return product / sqrtf(a * b);
}

static size_t best_lag(const float *x, size_t n, size_t from, size_t to, float *best)
{
    size_t at = from;

    *best = -1;
    for (size_t lag = from; lag <= to; lag++) {
        float alike = likeness(x, n, lag);
        if (alike > *best) {
            *best = alike;
            at = lag;
        }
    }
    return at;
}

/* The period to take out or put in; 0 when there is none that is good enough. */
static size_t find_period(const int16_t *pcm, float least_likeness)
{
    struct look l;
    float alike;

    look_at(&l, pcm);
    size_t coarse = best_lag(l.coarse, COARSE_SAMPLES, MIN_PERIOD / COARSE,
                             TIME_STRETCH_MAX_PERIOD / COARSE, &alike);
    if (l.energy < QUIET * QUIET * LOOKED_AT)
        return coarse * COARSE;
    if (alike < least_likeness - 0.2f) /* the fine one will not be that much better */
        return 0;
    size_t fine = best_lag(l.fine, LOOKED_AT, MAX(coarse * COARSE - COARSE, (size_t)MIN_PERIOD),
                           MIN(coarse * COARSE + COARSE, (size_t)TIME_STRETCH_MAX_PERIOD), &alike);
    return alike < least_likeness ? 0 : fine;
}

/* out = from a to b over @pairs. Either may be where out is. */
static void blend(int16_t *out, const int16_t *a, const int16_t *b, size_t pairs)
{
    for (size_t i = 0; i < pairs; i++) {
        int share = (int)((i + 1) * 16384 / (pairs + 1));
        for (size_t k = 2 * i; k < 2 * i + 2; k++)
            out[k] = (int16_t)(a[k] + (b[k] - a[k]) * share / 16384);
    }
}

static void move(int16_t *to, const int16_t *from, size_t pairs)
{
    memmove(to, from, pairs * PCM_CHANNELS * sizeof(*to));
}

static size_t overlap_of(size_t period)
{
    return MAX(MIN(period, LOOKED_AT - period), (size_t)MIN_OVERLAP);
}

size_t time_stretch_shrink(int16_t *pcm, size_t pairs, float least_likeness)
{
    size_t period = pairs < TIME_STRETCH_MIN_PAIRS ? 0 : find_period(pcm, least_likeness);
    size_t overlap = overlap_of(period);
    int16_t *later = pcm + period * PCM_CHANNELS;

    if (period == 0)
        return 0;
    blend(pcm, pcm, later, overlap);
    move(pcm + overlap * PCM_CHANNELS, later + overlap * PCM_CHANNELS, pairs - period - overlap);
    return period;
}

size_t time_stretch_grow(int16_t *pcm, size_t pairs, float least_likeness)
{
    size_t period = pairs < TIME_STRETCH_MIN_PAIRS ? 0 : find_period(pcm, least_likeness);
    size_t overlap = overlap_of(period);
    int16_t first[LOOKED_AT * PCM_CHANNELS];
    int16_t *later = pcm + period * PCM_CHANNELS;

    if (period == 0)
        return 0;
    /* one period as it is, then from what follows it back to the beginning, which is played again */
    move(first, pcm, overlap);
    move(later + overlap * PCM_CHANNELS, pcm + overlap * PCM_CHANNELS, pairs - overlap);
    blend(later, later, first, overlap);
    return period;
}
