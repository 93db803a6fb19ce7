/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pcm.h - the one form of sound in the mixer, and the loops over it.
 *
 * 48 kHz, two channels interleaved, blocks of 20 ms. A "pair" is one sample of each channel. int16 is what coders give and take;
 * int32 is what is summed, so that nothing is cut before the limiter. Plain C that the compiler turns into vector code. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCM_HZ 48000
#define PCM_CHANNELS 2
#define PCM_TICK_US 20000ull
#define PCM_TICK_PAIRS 960
#define PCM_TICK_SAMPLES (PCM_TICK_PAIRS * PCM_CHANNELS)

/* Gains are integers, so that a sum is the same on every machine: 8192 is 1, at most 4 (+12 dB). */
#define PCM_GAIN_ONE 8192
#define PCM_GAIN_MAX (4 * PCM_GAIN_ONE)

/** The gain for so many decibels, at most PCM_GAIN_MAX; 0 only where it is below 1/8192. */
int32_t pcm_gain_of_db(double db);
/** out = in * gain, rounded; PCM_GAIN_ONE copies exactly. */
void pcm_scale(int32_t *out, const int16_t *in, size_t samples, int32_t gain);
/** sum += in. */
void pcm_add(int32_t *sum, const int32_t *in, size_t samples);
/** out = sum - part. */
void pcm_subtract(int32_t *out, const int32_t *sum, const int32_t *part, size_t samples);
/** The greatest magnitude. Units: values below 2^30. */
int32_t pcm_peak(const int32_t *in, size_t samples);
/** The sum of squares. */
uint64_t pcm_energy(const int16_t *in, size_t samples);
/** Put one channel on both. */
void pcm_spread(int16_t *out, const int16_t *mono, size_t pairs);
