/* SPDX-License-Identifier: Apache-2.0 */
/* fade.h - a gain that changes without clicks: over half a period of a cosine (raised cosine). A plain value, pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FADE_PAIRS 480 /* 10 ms: too short to be heard as a swell, long enough not to click */

struct fade {
    int32_t from, to; /* PCM_GAIN_ONE is 1 */
    uint32_t at;      /* pairs of the way behind us; FADE_PAIRS: it is over */
};

/** Stand at @gain. */
void fade_init(struct fade *f, int32_t gain);
/** Go to @gain from where the gain is now. Nothing changes when it goes there already. */
void fade_to(struct fade *f, int32_t gain);
/** Whether nothing is heard, now and until the next fade_to(). */
bool fade_is_silent(const struct fade *f);
/** out = in * gain. Units: pairs, two samples each. */
void fade_apply(struct fade *f, int32_t *out, const int16_t *in, size_t pairs);
