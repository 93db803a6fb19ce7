/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loudest.h - which inputs of a mix are heard: the loudest few of those that are not silent.
 *
 * Levels are those of the RTP header extension where a sender has it (RFC 6464), so that who is not heard is not decoded either.
 * An input comes in at once when there is room; it gives way to another only when that one is clearly louder for its
 * smoothed level, and it stays for a while after its last sound. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define LOUDEST_FLOOR_DBOV (-60.0f) /* what is not louder is not worth decoding */
#define LOUDEST_MARGIN_DB 6.0f      /* louder than one that is heard, to take its place */
#define LOUDEST_STAY_US 500000      /* heard at least so long */
#define LOUDEST_HANG_US 1500000 /* heard so long after it fell below the floor: pauses in speech */

/* One input, a plain value; zeroed it is silent. */
struct loudest {
    float level_db;    /* above -127 dBov, smoothed */
    uint64_t sound_us; /* when it was last above the floor */
    uint64_t since_us; /* heard since */
    bool is_heard;
};

/** Note the level of @span_us of an input's sound: -@level dBov. */
void loudest_note(struct loudest *l, uint8_t level, uint64_t span_us, uint64_t now_us);
/** No longer a source, by its end or by a mute: not heard any more. */
void loudest_clear(struct loudest *l);
/** The smoothed level. Units: dBov, 0 to -127. */
float loudest_dbov(const struct loudest *l);
/** Choose at most @max of @n inputs: their is_heard is set anew. Call it every tick. Returns how many are heard. */
size_t loudest_choose(struct loudest *const *inputs, size_t n, size_t max, uint64_t now_us);
