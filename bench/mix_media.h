/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix_media.h - what the members of a mixed room send: simulcast VP8 and Opus, made at the start.
 *
 * The first member's picture carries a time code (loadgen/time_code.h) and its sound a tone now and then, by which a receiver of the mix
 * knows how old both are; the next three talk, the others are quiet.
 */
#pragma once

#include "bench/loadgen/offer.h"
#include "bench/loadgen/publisher.h"
#include "bench/loadgen/sound_loop.h"
#include "core/attr.h"

#define MIX_MEDIA_CLIPS 3 /* the coded one, and others in turn */
#define MIX_MEDIA_TALKERS 10
#define MIX_MEDIA_CODES_AN_ENCODING 64

struct mix_media {
    struct clip *clip[MIX_MEDIA_CLIPS][OFFER_ENCODINGS];
    uint8_t code[OFFER_ENCODINGS][MIX_MEDIA_CODES_AN_ENCODING]; /* of the coded clip's frames */
    struct sound_loop bursts, room, talker[MIX_MEDIA_TALKERS];
};

/** Make it; takes seconds. Errors: E_NO_MEMORY, those of video_encoder_new(). */
MUST_CHECK int mix_media_new(struct mix_media **out);
void mix_media_free(struct mix_media **m);
/** Fill in clips and sound of a member, when @talkers talk beside the first. */
void mix_media_write(const struct mix_media *m, unsigned member, unsigned talkers,
                     struct publisher_config *out);
/** The time code of a frame of the first member. */
unsigned mix_media_code(const struct mix_media *m, size_t encoding, size_t frame);
