/* SPDX-License-Identifier: Apache-2.0 */
/*
 * video_decoder.h - encoded frames to pictures: VP8 and VP9 by libvpx, H.264 and AV1 by libavcodec (AV1 through libdav1d).
 *
 * One thread, no delay: a frame goes in, its picture comes out. Frames come from remotes: sizes past the limits of core/limits.h are
 * refused before memory is taken for them, damaged frames are an error after which a keyframe is due.
 *
 * A picture may be lent (picture.h). With VP8 and VP9 its samples are the decoder's reference frames, so the next decode() has to
 * copy it first when somebody still holds it: drop what is drawn before decoding on.
 * Thread: that of its pool.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "mixer/picture.h"

struct video_decoder;

/**
 * Make a decoder whose pictures come from @pool.
 *
 * Errors: E_UNSUPPORTED: a codec that is not VP8, VP9, H264 or AV1, or whose library is missing; E_NO_MEMORY.
 */
MUST_CHECK int video_decoder_new(struct video_decoder **out, enum codec_id codec,
                                 struct picture_pool *pool);
/** Free; pictures that are out stay valid. */
void video_decoder_free(struct video_decoder **d);

/**
 * Decode one frame as frame_buffer_pull() gives it. *out is its picture, with one reference, or NULL: it shows none.
 *
 * Errors: E_MALFORMED: damaged, or its references are; E_LIMIT: too large; E_UNSUPPORTED: not 8 bits 4:2:0; E_NO_MEMORY. *out is NULL
 *         then, and the decoder goes on with a keyframe.
 */
MUST_CHECK int video_decoder_decode(struct video_decoder *d, const uint8_t *frame, size_t len,
                                    struct picture **out);

struct video_decoder_stats {
    uint64_t pictures, errors;
    uint64_t copied; /* pictures that were still held when the next frame came */
};
/** What was counted so far. */
const struct video_decoder_stats *video_decoder_read_stats(const struct video_decoder *d);
