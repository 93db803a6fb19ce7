/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_opus.h - Opus (RFC 6716, RFC 7587): payloads to 48 kHz stereo and back. The home of libopus. Pure.
 *
 * Owner: whoever made it. A payload is whatever a remote sent: none of them makes a function here do worse than return an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define CODER_OPUS_MAX_PAIRS 5760 /* 120 ms, the longest packet */

/** Pairs that a payload holds, 120 to 5760; E_MALFORMED when its first bytes say nothing or too much. */
MUST_CHECK int coder_opus_pairs(const uint8_t *payload, size_t len);
/** Whether it stands for silence (DTX): the sender goes quiet after it. */
bool coder_opus_is_dtx(const uint8_t *payload, size_t len);
/** Write the payload that stands for 20 ms of silence; returns its length. A decoder goes on with comfort noise. */
size_t coder_opus_write_dtx(uint8_t *out, size_t size);

struct coder_opus_decoder;

/** Make a decoder; NULL without memory. A mono payload comes out on both channels. */
MUST_CHECK struct coder_opus_decoder *coder_opus_decoder_new(void);
void coder_opus_decoder_free(struct coder_opus_decoder **d);
/** Forget the past: another stream begins. */
void coder_opus_decoder_reset(struct coder_opus_decoder *d);
/**
 * Decode a payload. Returns the pairs, or E_MALFORMED; the sound of the past stays good for concealment then.
 * @out has room for CODER_OPUS_MAX_PAIRS.
 */
MUST_CHECK int coder_opus_decode(struct coder_opus_decoder *d, const uint8_t *payload, size_t len,
                                 int16_t *out);
/**
 * Fill in @pairs that were lost, a multiple of 120 (2.5 ms) up to CODER_OPUS_MAX_PAIRS: from the next payload where it is there
 * (@next, else NULL) and has the lost one in it (in-band FEC), else by concealment. Returns whether @next could be read.
 */
bool coder_opus_conceal(struct coder_opus_decoder *d, const uint8_t *next, size_t next_len,
                        size_t pairs, int16_t *out);

/*
 * How a stream is encoded. low_delay: the transform coder alone; on mixed speech and music at 48 kb/s and more it is as good
 * as the rest of Opus, takes a third of the time and 4 ms less delay, but has no in-band FEC. The others choose by
 * themselves, and add FEC where loss_percent is above 0 and the speech coder is in use (below about 40 kb/s).
 */
struct coder_opus_settings {
    uint32_t bitrate_bps; /* 6000 to 510000 */
    uint8_t complexity;   /* 0 to 10 */
    uint8_t loss_percent; /* expected, 0 to 100 */
    bool is_low_delay;
    bool is_mono;
};

/* Stereo at 64 kb/s. See bench/bench_audio_mix.c for what each complexity costs. */
#define CODER_OPUS_DEFAULTS \
    ((struct coder_opus_settings){.bitrate_bps = 64000, .complexity = 4, .is_low_delay = true})

/** Whether each is in its range. */
bool coder_opus_settings_are_valid(const struct coder_opus_settings *settings);

struct coder_opus_encoder;

/** Make an encoder; NULL without memory, or where a setting is out of its range. */
MUST_CHECK struct coder_opus_encoder *
coder_opus_encoder_new(const struct coder_opus_settings *settings);
void coder_opus_encoder_free(struct coder_opus_encoder **e);
/** Change the bitrate from the next block on; E_INVALID when it is out of range. */
MUST_CHECK int coder_opus_encoder_set_bitrate(struct coder_opus_encoder *e, uint32_t bitrate_bps);
/** Forget all sound: what is filtered rings on otherwise, long after the last sample that was not 0. */
void coder_opus_encoder_reset(struct coder_opus_encoder *e);
/** Encode the next block without reference to those before, for a decoder that comes from another stream. */
void coder_opus_encoder_refresh(struct coder_opus_encoder *e);
/** Encode 20 ms; sound that is the same on both channels goes out as mono. Returns the bytes, at most MAX_AUDIO_PAYLOAD_BYTES and @size; 0: it does not fit. */
size_t coder_opus_encode(struct coder_opus_encoder *e, const int16_t *pcm, uint8_t *out,
                         size_t size);
