/* SPDX-License-Identifier: Apache-2.0 */
/* audio_level.h - how loud a block of sound is, as RFC 6464 and RFC 6465 write it: 0..127 for 0..-127 dBov. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define AUDIO_LEVEL_SILENCE 127 /* RFC 6464 s3: digital silence too */

/** The level of a block, the louder one of its channels; 0 dBov is a square wave at full scale. Units: pairs. */
uint8_t audio_level_of(const int16_t *pcm, size_t pairs);

/**
 * Write the levels of the contributing sources, in the order of the CSRC list (RFC 6465 s3: one byte each, the top bit zero).
 * Returns the bytes of the element, at most 15; what lies above 127 is written as 127.
 */
size_t audio_level_write_csrc(uint8_t *out, size_t size, const uint8_t *levels, size_t n);
