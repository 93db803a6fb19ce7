/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resample.h - 8 kHz to 48 kHz and back, for G.711. Pure.
 *
 * The ratio is six exactly, so one short filter of constant phase serves both ways: 192 taps, 2 ms of delay, flat to 3.4 kHz, 60
 * dB down from 4.6 kHz. A resampling library brings a context with changing output counts to what is a loop here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define RESAMPLE_RATIO 6
#define RESAMPLE_PHASE_TAPS 32
#define RESAMPLE_TAPS (RESAMPLE_RATIO * RESAMPLE_PHASE_TAPS)
#define RESAMPLE_MAX_IN 960 /* samples of 8 kHz in one call: 120 ms */

struct resample {
    float tap[RESAMPLE_RATIO][RESAMPLE_PHASE_TAPS]; /* by phase */
    float past[RESAMPLE_TAPS]; /* what came before; going up only the last of it counts */
};

/** Begin with silence. */
void resample_init(struct resample *r);
/** Six samples for each of @n; one direction an object. */
void resample_up(struct resample *r, const int16_t *in, size_t n, int16_t *out);
/** One sample for each six; @n is what comes out. */
void resample_down(struct resample *r, const int16_t *in, size_t n, int16_t *out);
