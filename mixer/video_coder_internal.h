/* SPDX-License-Identifier: Apache-2.0 */
/* video_coder_internal.h - what a backend of video_decoder.h and video_encoder.h is made of. */
#pragma once

#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"

struct video_decoder_ops {
    int (*decode)(struct video_decoder *d, const uint8_t *frame, size_t len, struct picture **out);
    void (*free)(struct video_decoder *d);
};

/* First member of every backend's decoder; filled by video_decoder_new(). */
struct video_decoder {
    const struct video_decoder_ops *ops;
    struct picture_pool *pool;
    struct video_decoder_stats stats;
};

/* What the backend makes of one picture. */
struct video_encoded {
    const uint8_t *data;
    size_t len;
    bool is_keyframe;
    bool is_good; /* coding the same picture once more would hardly improve it */
};

struct video_encoder_ops {
    int (*set_bitrate)(struct video_encoder *e, uint32_t bitrate_bps);
    int (*encode)(struct video_encoder *e, const struct picture_view *picture, uint64_t pts_us,
                  bool force_keyframe, struct video_encoded *out);
    void (*free)(struct video_encoder *e);
};

/* First member of every backend's encoder; filled by video_encoder_new(). */
struct video_encoder {
    const struct video_encoder_ops *ops;
    struct video_encoder_config config;
    struct video_encoder_stats stats;
    bool is_keyframe_wanted, has_picture;
    uint64_t last_pts_us;
    unsigned unchanged; /* pictures coded since the last change */
    bool is_settled;    /* and it looks good */
};

/* Makers. Errors: E_UNSUPPORTED, E_NO_MEMORY. */
MUST_CHECK int coder_vpx_new_decoder(struct video_decoder **out, enum codec_id codec);
MUST_CHECK int coder_avcodec_new_decoder(struct video_decoder **out, enum codec_id codec);
MUST_CHECK int coder_vpx_new_encoder(struct video_encoder **out,
                                     const struct video_encoder_config *config);
MUST_CHECK int coder_avcodec_new_encoder(struct video_encoder **out,
                                         const struct video_encoder_config *config);

/** Look at the sizes that a frame announces. Errors: E_MALFORMED, E_LIMIT. */
MUST_CHECK int coder_vpx_check_size(enum codec_id codec, const uint8_t *frame, size_t len);
