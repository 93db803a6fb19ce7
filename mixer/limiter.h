/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limiter.h - makes 16-bit sound of a sum that may be louder, without cutting it off.
 *
 * It looks 4 ms ahead, so that the gain is down before the peak comes and moves smoothly; it comes back within half a
 * second. Below the ceiling nothing is changed, the output is the input 4 ms later, to the bit. A plain value that may be
 * copied: a stream that branches off another goes on from the same past. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mixer/pcm.h"

#define LIMITER_CEILING 29204 /* -1 dBFS: room for what the encoder adds */
#define LIMITER_STEP_PAIRS 48 /* gain is decided every millisecond */
#define LIMITER_AHEAD_STEPS 4
#define LIMITER_DELAY_PAIRS (LIMITER_STEP_PAIRS * LIMITER_AHEAD_STEPS)

struct limiter {
    int32_t line[LIMITER_DELAY_PAIRS * PCM_CHANNELS]; /* what came, but was not given out */
    float wanted[LIMITER_AHEAD_STEPS +
                 1];     /* the gain that each step of the line asks for, and the one before */
    float held;          /* the least of them: down at once, up slowly */
    unsigned hold_steps; /* before it goes up */
    float recent[LIMITER_AHEAD_STEPS]; /* of held; their mean is the gain */
    float gain;                        /* at the end of what was given out */
};

/** Begin with silence. */
void limiter_init(struct limiter *l);
/** Limit one block of PCM_TICK_PAIRS. */
void limiter_run(struct limiter *l, const int32_t *in, int16_t *out);
