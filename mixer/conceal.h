/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conceal.h - fills in for lost sound of coders that cannot do it themselves (G.711, after the idea of its appendix I): the last
 * period of the voice goes on and fades away. 8 kHz, one channel. A plain value, pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONCEAL_HISTORY \
    320 /* 40 ms: two of the longest periods, 15 ms, and something to look along */
#define CONCEAL_OVERLAP 32 /* 4 ms: from filled-in to real sound and back */

struct conceal {
    int16_t past[CONCEAL_HISTORY];
    size_t period;   /* found at the beginning of a loss; 0: none yet */
    size_t lost;     /* samples filled in since then */
    bool is_filling; /* the last sound given was filled in */
};

/** Take decoded sound, which replaces what would have been filled in: its beginning is blended with that. */
void conceal_note(struct conceal *c, int16_t *pcm, size_t n);
/** Fill in @n samples. */
void conceal_fill(struct conceal *c, int16_t *out, size_t n);
