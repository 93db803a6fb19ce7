/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_stretch.h - makes sound shorter or longer by one period of the voice in it, at the same pitch (after the idea of WSOLA).
 *
 * The block is laid over itself a period later and the two are blended, so nothing jumps. It is done only where the two are
 * alike, or where it is so quiet that nobody hears it; @least_likeness says how choosy to be. 48 kHz stereo, units are pairs. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TIME_STRETCH_MIN_PAIRS 960  /* a block shorter than 20 ms is left alone */
#define TIME_STRETCH_MAX_PERIOD 640 /* 13.3 ms: 75 Hz */
#define TIME_STRETCH_LIKENESS 0.9f  /* of an unhurried change; 1 is the same but for its loudness */

/**
 * Shorten @pcm, @pairs long, in place. Returns how many pairs went, 0: none.
 */
size_t time_stretch_shrink(int16_t *pcm, size_t pairs, float least_likeness);
/**
 * Lengthen @pcm in place; there is room for TIME_STRETCH_MAX_PERIOD more. Returns how many pairs came, 0: none.
 */
size_t time_stretch_grow(int16_t *pcm, size_t pairs, float least_likeness);
