/* SPDX-License-Identifier: Apache-2.0 */
/* conceal.c - see conceal.h. */
#include "mixer/conceal.h"

#include <string.h>

#include "core/attr.h"

#define MIN_PERIOD 40  /* 200 Hz; a higher voice repeats after two periods as well */
#define MAX_PERIOD 120 /* 66 Hz */
#define COMPARED 160   /* samples, 20 ms */
#define FADE_AFTER 80  /* 10 ms of the voice as it was */
#define FADE_OVER 400  /* then to nothing in 50 ms */

/* How alike the end of the past and what was a period before are: the square of the correlation, with its sign. */
static float likeness(const int16_t *past, size_t period)
{
    const int16_t *a = past + CONCEAL_HISTORY - COMPARED, *b = a - period;
    float product = 0, energy = 1;

    for (size_t i = 0; i < COMPARED; i++) {
        product += (float)a[i] * (float)b[i];
        energy += (float)b[i] * (float)b[i];
    }
    return product < 0 ? 0 : product * product / energy;
}

static size_t find_period(const int16_t *past)
{
    size_t best = MIN_PERIOD;
    float most = -1;

    for (size_t period = MIN_PERIOD; period <= MAX_PERIOD; period++) {
        float alike = likeness(past, period);
        if (alike > most) {
            most = alike;
            best = period;
        }
    }
    return best;
}

static int16_t faded(int16_t value, size_t lost)
{
    if (lost < FADE_AFTER)
        return value;
    if (lost >= FADE_AFTER + FADE_OVER)
        return 0;
    return (int16_t)(value * (int)(FADE_AFTER + FADE_OVER - lost) / FADE_OVER);
}

/* What follows: the past, @c->lost samples on, going round in its last period; the seam is blended with what came before it. */
static int16_t next_sample(struct conceal *c)
{
    size_t at = c->lost % c->period;
    const int16_t *end = c->past + CONCEAL_HISTORY;
    int value = end[(ptrdiff_t)at - (ptrdiff_t)c->period];
    size_t left = c->period - at;

    if (left <=
        CONCEAL_OVERLAP) { /* towards the sample before the period, which the next round goes on from */
        int before = end[(ptrdiff_t)at - 2 * (ptrdiff_t)c->period];
        int share = (int)(CONCEAL_OVERLAP - left + 1);
        value += (before - value) * share / (CONCEAL_OVERLAP + 1);
    }
    return faded((int16_t)value, c->lost++);
}

static void remember(struct conceal *c, const int16_t *pcm, size_t n)
{
    size_t kept = MIN(n, (size_t)CONCEAL_HISTORY);

    memmove(c->past, c->past + kept, (CONCEAL_HISTORY - kept) * sizeof(*c->past));
    memcpy(c->past + CONCEAL_HISTORY - kept, pcm + n - kept, kept * sizeof(*c->past));
}

void conceal_note(struct conceal *c, int16_t *pcm, size_t n)
{
    for (size_t i = 0; c->is_filling && i < MIN(n, (size_t)CONCEAL_OVERLAP); i++) {
        int filled = next_sample(c);
        pcm[i] = (int16_t)(filled + (pcm[i] - filled) * (int)(i + 1) / (CONCEAL_OVERLAP + 1));
    }
    c->is_filling = false;
    remember(c, pcm, n);
}

void conceal_fill(struct conceal *c, int16_t *out, size_t n)
{
    if (!c->is_filling) {
        c->is_filling = true;
        c->lost = 0;
        c->period = find_period(c->past);
    }
    for (size_t i = 0; i < n; i++)
        out[i] = next_sample(c);
}
