/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audio_mix.h - the sound of a mixed room: packets of its members in, one shared Opus stream out, and for each member who is heard
 * and listens one without their own voice (mix-minus).
 *
 * Every tick the loudest members are chosen, rendered and summed once; a mix-minus is the sum less the member's own part, and those of
 * the same source, before the limiter, to the bit. A member gets the shared stream while not heard, and moves between the two without a seam: one RTP stream
 * may carry whichever payload audio_mix_payload() gives.
 *
 * Pure: time comes with the tick. Owner: the mixer; members belong to their mix.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/audio_input.h"
#include "mixer/audio_output.h"

struct audio_mix;
struct audio_member;
struct packet;

struct audio_mix_settings {
    size_t max_loud;                     /* members heard at once, 1 to MAX_MIX_LOUD */
    uint64_t max_delay_us;               /* of each jitter buffer */
    struct coder_opus_settings shared;   /* of the stream for all */
    struct coder_opus_settings personal; /* of each mix-minus */
};

/* From complexity 5 on Opus filters by pitch, which does not survive a move between two streams: the seam can be heard then. */
#define AUDIO_MIX_DEFAULTS                                                 \
    ((struct audio_mix_settings){.max_loud = 10,                           \
                                 .max_delay_us = AUDIO_INPUT_MAX_DELAY_US, \
                                 .shared = CODER_OPUS_DEFAULTS,            \
                                 .personal = CODER_OPUS_DEFAULTS})

/* One of those who are heard, for the CSRC list and its levels (RFC 3550 s5.1, RFC 6465). */
struct audio_contributor {
    uint32_t source;
    uint8_t level; /* -dBov, 0 to 127: of its loudest member */
};

struct audio_mix_stats {
    uint64_t ticks, encodes;
    uint64_t heard;    /* now */
    uint64_t personal; /* now: members with a mix-minus of their own */
    uint64_t refused;  /* mix-minus streams that there was no memory for */
    uint64_t
        recovered; /* lost packets that later ones repeated (RFC 2198), of all members there were */
};

/** Make a mix; NULL without memory, or for settings out of range. */
MUST_CHECK struct audio_mix *audio_mix_new(const struct audio_mix_settings *settings);
/** Free it with all members. */
void audio_mix_free(struct audio_mix **m);
/** Add a member; NULL without memory or past MAX_MIX_INPUTS. */
MUST_CHECK struct audio_member *audio_mix_join(struct audio_mix *m);
/** Take a member out and free it. */
void audio_mix_leave(struct audio_member **member);
/**
 * Say whose sound it is: members of one @source (not 0) are one contributor under that number, and who of them listens hears none of them.
 * At first a member is alone, and the SSRC of its packets its number.
 */
void audio_mix_set_source(struct audio_member *member, uint32_t source);
/** Whether the member receives the mix, and so must not hear its own source in it. False at first. Of a source at most one does. */
void audio_mix_set_listening(struct audio_member *member, bool is_listening);
/** How loud it is in the mix; PCM_GAIN_ONE at first. */
void audio_mix_set_gain(struct audio_member *member, int32_t gain);
/** A packet of the member; see audio_input_push(). */
void audio_mix_push(struct audio_member *member, struct packet *p);
/** Mix and encode 20 ms. To be called every 20 ms; where a tick was missed, twice. */
void audio_mix_tick(struct audio_mix *m, uint64_t now_us);
/** What to send for the last tick: to all who are not heard (@member NULL), or to a listening member. Valid until the next tick. */
const struct audio_payload *audio_mix_payload(const struct audio_mix *m,
                                              const struct audio_member *member);
/** The sound in that payload before it was encoded, PCM_TICK_SAMPLES: for a recorder, or another codec. */
const int16_t *audio_mix_pcm(const struct audio_mix *m, const struct audio_member *member);
/** Which sources were heard in the last tick, the loudest first. Returns how many, at most MAX_CSRCS. */
size_t audio_mix_contributors(const struct audio_mix *m, struct audio_contributor *out,
                              size_t size);
/** The member's input, for statistics and for its position. */
const struct audio_input *audio_mix_input(const struct audio_member *member);
/** Set the bitrate of the shared stream and of each mix-minus; E_INVALID when one is out of range, nothing changes then. */
MUST_CHECK int audio_mix_set_bitrates(struct audio_mix *m, uint32_t shared_bps,
                                      uint32_t personal_bps);
/** Set how many are heard at once, from the next tick on; who is too many fades out. E_INVALID when out of range. */
MUST_CHECK int audio_mix_set_max_loud(struct audio_mix *m, size_t max_loud);
void audio_mix_read_stats(const struct audio_mix *m, struct audio_mix_stats *out);
