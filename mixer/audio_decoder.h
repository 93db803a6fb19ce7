/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_decoder.h - one received stream's decoder, whichever of our audio codecs it has: payloads to 48 kHz stereo. Pure.
 *
 * Owner: whoever made it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"

#define AUDIO_DECODER_MAX_PAIRS 5760 /* 120 ms, the longest payload of any codec */

struct audio_decoder;

/** Whether there is a decoder for it: Opus, PCMU, PCMA. */
bool audio_decoder_supports(enum codec_id codec);
/** The clock of its RTP timestamps; it divides 48000. */
uint32_t audio_decoder_clock_hz(enum codec_id codec);
/** The media time of a payload in that clock; 0 for one that is malformed. */
uint32_t audio_decoder_span_ts(enum codec_id codec, const uint8_t *payload, size_t len);
/** Whether a payload stands for silence, and its sender goes quiet behind it (DTX). */
bool audio_decoder_is_pause(enum codec_id codec, const uint8_t *payload, size_t len);

/** Make a decoder for a codec that is supported; NULL without memory. */
MUST_CHECK struct audio_decoder *audio_decoder_new(enum codec_id codec);
void audio_decoder_free(struct audio_decoder **d);
/** Forget the past: another stream begins. */
void audio_decoder_reset(struct audio_decoder *d);
/** Decode. Returns the pairs, at most AUDIO_DECODER_MAX_PAIRS, or E_MALFORMED; @out has room for that many. */
MUST_CHECK int audio_decoder_decode(struct audio_decoder *d, const uint8_t *payload, size_t len,
                                    int16_t *out);
/**
 * Fill in @pairs that were lost, at most AUDIO_DECODER_MAX_PAIRS, with the help of the next payload (@next, NULL where it is not here).
 * Returns whether that was of use.
 */
bool audio_decoder_conceal(struct audio_decoder *d, const uint8_t *next, size_t next_len,
                           size_t pairs, int16_t *out);
