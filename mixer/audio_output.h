/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_output.h - one encoded stream of a mix: sums in, an Opus payload a tick out.
 *
 * Limits, encodes, and goes quiet when there is nothing to hear: then only a payload of one byte is sent every 400 ms (as Opus's
 * DTX does), and nothing is encoded. Pure. Owner: the mix.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "mixer/coder_opus.h"

struct audio_output;

/* What to send for a tick. RTP timestamps go on by 960 a tick, whether something is sent or not. */
struct audio_payload {
    size_t len;    /* 0: nothing is sent */
    bool is_start; /* the first after silence: the RTP marker (RFC 7587 s4.1) */
    uint8_t bytes[MAX_AUDIO_PAYLOAD_BYTES];
};

/** Make a silent output; NULL without memory, or for settings out of range. */
MUST_CHECK struct audio_output *audio_output_new(const struct coder_opus_settings *settings);
/**
 * Make an output that goes on from the sound of @from, which this tick did not run yet: a receiver of @from may be given this
 * one's payloads from this tick on.
 */
MUST_CHECK struct audio_output *audio_output_branch(const struct audio_output *from,
                                                    const struct coder_opus_settings *settings);
void audio_output_free(struct audio_output **o);
/** A receiver comes over from another output: let the next payload stand on its own. */
void audio_output_refresh(struct audio_output *o);
/** Set the bitrate; E_INVALID when it is out of range. */
MUST_CHECK int audio_output_set_bitrate(struct audio_output *o, uint32_t bitrate_bps);
/** Run one tick of PCM_TICK_SAMPLES; NULL is silence. The payload is valid until the next call. */
const struct audio_payload *audio_output_run(struct audio_output *o, const int32_t *sum);
/** What the last run gave. */
const struct audio_payload *audio_output_payload(const struct audio_output *o);
/** The limited sound of the last run, PCM_TICK_SAMPLES: for a recorder, and for receivers with another codec. */
const int16_t *audio_output_pcm(const struct audio_output *o);
