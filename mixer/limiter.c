/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter.c - see limiter.h.
 *
 * A step asks for the gain that brings its peak to the ceiling. The gain where two steps meet must suit both; the least of
 * the steps that a mean of the last four such gains reaches is what makes that mean suit both, too. So the gain is a sequence of
 * straight lines that is never above what a step asks for, and reaches a peak's gain over four steps.
 */
#include "mixer/limiter.h"

#include <string.h>

#define STEP_SAMPLES (LIMITER_STEP_PAIRS * PCM_CHANNELS)
#define STEPS (PCM_TICK_PAIRS / LIMITER_STEP_PAIRS)
#define HOLD_STEPS \
    12 /* half a wave of 42 Hz: a steady tone has a steady gain, hence no distortion */
#define RELEASE (1.0f / 150.0f) /* of the way to 1, each step */

void limiter_init(struct limiter *l)
{
    *l = (struct limiter){.held = 1, .gain = 1};
    for (size_t i = 0; i < LIMITER_AHEAD_STEPS; i++)
        l->recent[i] = l->wanted[i] = 1;
    l->wanted[LIMITER_AHEAD_STEPS] = 1;
}

static void push(float *values, size_t n, float value)
{
    memmove(values, values + 1, (n - 1) * sizeof(*values));
    values[n - 1] = value;
}

static float least_wanted(const struct limiter *l)
{
    float least = 1;

    for (size_t i = 0; i <= LIMITER_AHEAD_STEPS; i++)
        least = l->wanted[i] < least ? l->wanted[i] : least;
    return least;
}

static void move_held(struct limiter *l, float target)
{
    if (target <= l->held) {
        l->held = target;
        l->hold_steps = HOLD_STEPS;
    } else if (l->hold_steps > 0) {
        l->hold_steps--;
    } else {
        float up = l->held + (1 - l->held) * RELEASE;
        l->held = up > 0.9999f ? 1 : up;
        l->held = l->held > target ? target : l->held;
    }
}

/* The gain at the end of the oldest step of the line, now that the step behind the line is known. */
static float next_gain(struct limiter *l, int32_t peak)
{
    float sum = 0;

    push(l->wanted, LIMITER_AHEAD_STEPS + 1,
         peak > LIMITER_CEILING ? (float)LIMITER_CEILING / (float)peak : 1);
    move_held(l, least_wanted(l));
    push(l->recent, LIMITER_AHEAD_STEPS, l->held);
    for (size_t i = 0; i < LIMITER_AHEAD_STEPS; i++)
        sum += l->recent[i];
    return sum / LIMITER_AHEAD_STEPS;
}

static void copy_step(int16_t *restrict out, const int32_t *restrict in)
{
    for (size_t i = 0; i < STEP_SAMPLES; i++)
        out[i] = (int16_t)in[i];
}

static void scale_step(int16_t *restrict out, const int32_t *restrict in, float from, float to)
{
    float each = (to - from) / LIMITER_STEP_PAIRS;

    for (size_t i = 0; i < STEP_SAMPLES; i++) {
        float value = (float)in[i] * (from + each * (float)(int32_t)(i / 2 + 1));
        out[i] = (int16_t)(int32_t)(value + (value < 0 ? -0.5f : 0.5f));
    }
}

static void give_step(struct limiter *l, const int32_t *in, int16_t *out, float gain)
{
    if (l->gain >= 1 && gain >= 1)
        copy_step(out, in);
    else
        scale_step(out, in, l->gain, gain);
    l->gain = gain;
}

void limiter_run(struct limiter *l, const int32_t *in, int16_t *out)
{
    for (size_t step = 0; step < STEPS; step++) {
        float gain = next_gain(l, pcm_peak(in + step * STEP_SAMPLES, STEP_SAMPLES));
        const int32_t *from = step < LIMITER_AHEAD_STEPS
                                  ? l->line + step * STEP_SAMPLES
                                  : in + (step - LIMITER_AHEAD_STEPS) * STEP_SAMPLES;
        give_step(l, from, out + step * STEP_SAMPLES, gain);
    }
    memcpy(l->line, in + PCM_TICK_SAMPLES - LIMITER_AHEAD_STEPS * STEP_SAMPLES, sizeof(l->line));
}
