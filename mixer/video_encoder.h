/* SPDX-License-Identifier: Apache-2.0 */
/*
 * video_encoder.h - pictures to encoded frames in real time: VP8 by libvpx, H.264 (constrained baseline) by libx264 through
 * libavcodec.
 *
 * No delay: a picture goes in, its frame comes out. Constant bitrate with frames dropped when it does not suffice. Keyframes come
 * when asked for, and never else. A picture that has not changed is encoded again only until it looks good; after that it costs
 * nothing. All frames but keyframes refer to the one before.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "mixer/picture.h"

/* libvpx's cpu-used: the lower, the less is searched. Measured, see mixer/README.md. */
#define VIDEO_ENCODER_VP8_SPEED (-9)
/* Squared differences of a macroblock's 256 samples, in sum: what nobody sees is left as it was. */
#define VIDEO_ENCODER_VP8_STATIC 500

struct video_encoder;

struct video_encoder_config {
    enum codec_id codec; /* VP8 or H264 */
    int width, height;   /* even */
    uint32_t bitrate_bps;
    uint32_t framerate;
    uint32_t threads; /* 0: one */
    bool is_screen;   /* text and slides rather than faces */
};

struct video_encoder_input {
    struct picture_view picture; /* of the configured size; only read */
    uint64_t pts_us;             /* grows from call to call */
    bool is_keyframe_wanted;
    bool is_unchanged; /* the same samples as in the last call */
};

struct video_encoder_output {
    const uint8_t *
        data; /* until the next call; H.264 with start codes, parameter sets in front of keyframes */
    size_t len; /* 0: no frame: dropped for the bitrate, or unchanged */
    bool is_keyframe;
};

/**
 * Make one.
 *
 * Errors: E_INVALID: a size that is odd or not allowed, no bitrate or framerate; E_UNSUPPORTED: another codec, or its library is
 *         missing; E_NO_MEMORY.
 */
MUST_CHECK int video_encoder_new(struct video_encoder **out,
                                 const struct video_encoder_config *config);
void video_encoder_free(struct video_encoder **e);
/** Change the bitrate from the next picture on. Errors: E_INVALID for 0. */
MUST_CHECK int video_encoder_set_bitrate(struct video_encoder *e, uint32_t bitrate_bps);
/**
 * Encode a picture. A keyframe that is wanted and could not be made stays wanted.
 *
 * Errors: E_INVALID: another size, or a time that does not grow; E_NO_MEMORY, or E_STATE: the library refused. *out is untouched then.
 */
MUST_CHECK int video_encoder_encode(struct video_encoder *e, const struct video_encoder_input *in,
                                    struct video_encoder_output *out);

struct video_encoder_stats {
    uint64_t frames, keyframes, bytes;
    uint64_t dropped; /* for the bitrate */
    uint64_t skipped; /* unchanged */
};
/** What was counted so far. */
const struct video_encoder_stats *video_encoder_read_stats(const struct video_encoder *e);
