/* SPDX-License-Identifier: Apache-2.0 */
/* resample.c - see resample.h. The filter is a sinc under a Kaiser window. */
#include "mixer/resample.h"

#include <math.h>
#include <string.h>

#include "core/attr.h"
#include "core/check.h"

#define CUTOFF (1.0 / 12.0) /* of 48 kHz: 4 kHz, the middle of the way from pass to stop band */
#define KAISER_BETA 6.5     /* 65 dB */

static double bessel_i0(double x)
{
    double sum = 1, term = 1;

    for (int k = 1; k < 30; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

static double tap_at(size_t i)
{
    double t = (double)i - (RESAMPLE_TAPS - 1) / 2.0;
    double x = 2 * t / RESAMPLE_TAPS;
    double window = bessel_i0(KAISER_BETA * sqrt(1 - x * x)) / bessel_i0(KAISER_BETA);

    return window * sin(2 * M_PI * CUTOFF * t) /
           (M_PI * t); /* t is never 0: the count of taps is even */
}

void resample_init(struct resample *r)
{
    double sum = 0;

    *r = (struct resample){0};
    for (size_t i = 0; i < RESAMPLE_TAPS; i++)
        sum += tap_at(i);
    /* Phase p has taps p, p + 6, ...; reversed, so that time runs as in the input. */
    for (size_t i = 0; i < RESAMPLE_TAPS; i++)
        r->tap[i % RESAMPLE_RATIO][RESAMPLE_PHASE_TAPS - 1 - i / RESAMPLE_RATIO] =
            (float)(tap_at(i) / sum);
}

static int16_t to_int16(float value)
{
    long rounded = lrintf(value);

    return (int16_t)MAX(INT16_MIN, MIN(INT16_MAX, rounded));
}

/* The input behind what is remembered of before. */
static void line_up(float *line, size_t past, const int16_t *in, size_t n, const float *from)
{
    memcpy(line, from, past * sizeof(*line));
    for (size_t i = 0; i < n; i++)
        line[past + i] = in[i];
}

void resample_up(struct resample *r, const int16_t *in, size_t n, int16_t *out)
{
    enum { PAST = RESAMPLE_PHASE_TAPS - 1 };
    float line[PAST + RESAMPLE_MAX_IN];

    CHECK(n <= RESAMPLE_MAX_IN);
    line_up(line, PAST, in, n, r->past);
    for (size_t i = 0; i < n; i++) {
        for (size_t phase = 0; phase < RESAMPLE_RATIO; phase++) {
            float sum = 0;
            for (size_t k = 0; k < RESAMPLE_PHASE_TAPS; k++)
                sum += line[i + k] * r->tap[phase][k];
            *out++ = to_int16(sum * RESAMPLE_RATIO);
        }
    }
    memcpy(r->past, line + n, PAST * sizeof(*line));
}

void resample_down(struct resample *r, const int16_t *in, size_t n, int16_t *out)
{
    enum { PAST = RESAMPLE_TAPS - RESAMPLE_RATIO };
    float line[PAST + RESAMPLE_MAX_IN * RESAMPLE_RATIO];

    CHECK(n <= RESAMPLE_MAX_IN);
    line_up(line, PAST, in, n * RESAMPLE_RATIO, r->past);
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (size_t k = 0; k < RESAMPLE_TAPS;
             k++) /* tap j of the filter is phase j % 6; the newest sample meets tap 0 */
            sum += line[i * RESAMPLE_RATIO + k] *
                   r->tap[(RESAMPLE_TAPS - 1 - k) % RESAMPLE_RATIO][k / RESAMPLE_RATIO];
        out[i] = to_int16(sum);
    }
    memcpy(r->past, line + n * RESAMPLE_RATIO, PAST * sizeof(*line));
}
