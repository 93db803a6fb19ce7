/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulcast.h - one picture to up to three encodings of it, each smaller than the one before.
 *
 *   canvas ──► encoder 0
 *      └─ ½ ─► encoder 1
 *          └─ ½ ─► encoder 2
 *
 * Each size is scaled once, from the next larger one where that is twice as large. An encoding that nobody watches is off and costs
 * nothing; when it is on again, it begins with a keyframe.
 * Thread: that of the pool.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "mixer/video_encoder.h"

struct simulcast;

struct simulcast_config {
    enum codec_id codec;
    uint32_t framerate, threads;
    bool is_screen;
    size_t count; /* 1..MAX_ENCODINGS */
    struct {
        int width, height;    /* even; the first is the canvas's */
        uint32_t bitrate_bps; /* 0: off */
    } encoding[MAX_ENCODINGS];
};

/** Make one. Errors: E_INVALID: no or too many encodings, or sizes that grow; those of video_encoder_new(). */
MUST_CHECK int simulcast_new(struct simulcast **out, const struct simulcast_config *config,
                             struct picture_pool *pool);
void simulcast_free(struct simulcast **s);

/** Change the bitrate of an encoding; 0 switches it off. Errors: those of video_encoder_new(); it is off then. */
MUST_CHECK int simulcast_set_bitrate(struct simulcast *s, size_t encoding, uint32_t bitrate_bps);
/** Ask for a keyframe of one encoding with the next picture. */
void simulcast_want_keyframe(struct simulcast *s, size_t encoding);
/**
 * Encode a canvas.
 *
 * @out: one for each encoding; len 0: off, dropped or unchanged.
 * Errors: those of video_encoder_encode(), the first that an encoding had; the others are encoded all the same.
 */
MUST_CHECK int simulcast_encode(struct simulcast *s, const struct video_encoder_input *in,
                                struct video_encoder_output out[MAX_ENCODINGS]);
/** The counts of one encoding; NULL while it is off. */
const struct video_encoder_stats *simulcast_read_stats(const struct simulcast *s, size_t encoding);
