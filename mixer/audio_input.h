/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_input.h - one participant's sound in a mix: RTP packets in, 20 ms of it a tick out.
 *
 * Ties together jitter buffer, decoder, time-stretch, level and fades. Packets of an input that is not heard pass through the
 * buffer without being decoded, so that it costs next to nothing and can be heard from the next tick on.
 *
 * Pure: time comes with each call. Owner: the mix.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/jitter_buffer.h"
#include "mixer/loudest.h"

struct audio_input;
struct packet;

#define AUDIO_INPUT_MAX_DELAY_US \
    200000ull /* the ceiling of the jitter buffer, where nothing else is set */

struct audio_input_stats {
    struct jitter_buffer_stats jitter;
    uint64_t packets_decoded, packets_skipped; /* not heard, hence not decoded */
    uint64_t packets_malformed; /* payloads that no decoder could read, or of no codec of ours */
    uint64_t fec_recoveries;    /* from the next packet's in-band FEC, or so tried */
    uint64_t red_recoveries;    /* decoded from what a later packet repeats (RFC 2198) */
    uint64_t removed_pairs,
        inserted_pairs; /* by time-stretch, W3C removedSamplesForAcceleration and so on */
    uint64_t queued_us; /* decoded, not played yet */
};

/** Make an input; NULL without memory. */
MUST_CHECK struct audio_input *audio_input_new(uint64_t max_delay_us);
void audio_input_free(struct audio_input **in);
/** Set its loudness in the mix; 0 silences it, and frees its place among the loudest. Units: PCM_GAIN_ONE is 1, at most PCM_GAIN_MAX. */
void audio_input_set_gain(struct audio_input *in, int32_t gain);
/**
 * Take an RTP packet with codec, header, arrival time and audio level (-1: none). Other codecs than Opus, PCMU and PCMA are counted
 * as malformed; a change of codec begins anew.
 *
 * Owner: takes a reference of its own where it keeps @p.
 */
void audio_input_push(struct audio_input *in, struct packet *p);
/** For loudest_choose(); valid as long as the input. */
struct loudest *audio_input_loudest(struct audio_input *in);
/**
 * Move on by one tick, to be called once every tick. With @is_chosen it fades in or stays, else it fades out.
 * Returns whether there is any sound; @out (PCM_TICK_SAMPLES) holds it then, and is untouched else.
 */
bool audio_input_render(struct audio_input *in, uint64_t now_us, bool is_chosen, int32_t *out);
/** The level of the last tick rendered, for RFC 6465: 0..127, 127 where there was no sound. */
uint8_t audio_input_level(const struct audio_input *in);
/** The SSRC of the newest packet, for the CSRC list; 0 before the first. */
uint32_t audio_input_ssrc(const struct audio_input *in);
/** The RTP timestamp of the first sample of the next tick; false while that is none of a packet's: nothing was played yet, or what is played
 * is filled in, while the media time stands still. For audio-video sync. */
bool audio_input_position(const struct audio_input *in, uint32_t *ts);
void audio_input_read_stats(const struct audio_input *in, struct audio_input_stats *out);
