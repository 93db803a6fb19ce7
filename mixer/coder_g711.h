/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_g711.h - PCMU and PCMA (ITU-T G.711, RFC 3551 s4.5.14): 8 kHz, a byte a sample, to the mixer's sound and back. Pure.
 *
 * Owner: whoever made it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define CODER_G711_HZ 8000
#define CODER_G711_MAX_BYTES 960 /* 120 ms */

enum g711_law { G711_MU_LAW, G711_A_LAW };

/** One sample. */
int16_t coder_g711_expand(enum g711_law law, uint8_t code);
uint8_t coder_g711_compress(enum g711_law law, int16_t sample);

struct coder_g711; /* one direction */

/** Make a coder; NULL without memory. */
MUST_CHECK struct coder_g711 *coder_g711_new(enum g711_law law);
void coder_g711_free(struct coder_g711 **c);
/** Forget the past: another stream begins. */
void coder_g711_reset(struct coder_g711 *c);
/**
 * Decode a payload to stereo. Returns the pairs, six for each byte, or E_MALFORMED for one that is empty or longer than
 * CODER_G711_MAX_BYTES. @out has room for CODER_G711_MAX_BYTES * 6 pairs.
 */
MUST_CHECK int coder_g711_decode(struct coder_g711 *c, const uint8_t *payload, size_t len,
                                 int16_t *out);
/** Fill in @pairs that were lost: a multiple of six, at most as many as a payload has. */
void coder_g711_conceal(struct coder_g711 *c, size_t pairs, int16_t *out);
/** Encode stereo; returns the bytes, one for six @pairs, at most CODER_G711_MAX_BYTES. The channels are averaged. */
size_t coder_g711_encode(struct coder_g711 *c, const int16_t *pcm, size_t pairs, uint8_t *out);
