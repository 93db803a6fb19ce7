/* SPDX-License-Identifier: Apache-2.0 */
/* video_encoder.c - codecs to backends; when a picture is not worth coding; keyframes that stay wanted. */
#include "mixer/video_encoder.h"

#include "core/err.h"
#include "mixer/video_coder_internal.h"

/* Codings of an unchanged picture, at most. Rate control spreads its refinement over about a second. */
#define MAX_REFINEMENTS 30

static bool is_valid(const struct video_encoder_config *c)
{
    return picture_size_is_allowed(c->width, c->height) && c->width % 2 == 0 &&
           c->height % 2 == 0 && c->bitrate_bps > 0 && c->framerate > 0 && c->framerate <= 120;
}

int video_encoder_new(struct video_encoder **out, const struct video_encoder_config *config)
{
    struct video_encoder *e = NULL;
    struct video_encoder_config c = *config;
    int err = is_valid(config) ? E_UNSUPPORTED : E_INVALID;

    if (c.threads == 0)
        c.threads = 1;
    if (err == E_UNSUPPORTED && c.codec == CODEC_VP8)
        err = coder_vpx_new_encoder(&e, &c);
    else if (err == E_UNSUPPORTED && c.codec == CODEC_H264)
        err = coder_avcodec_new_encoder(&e, &c);
    if (err != 0)
        return err;
    e->config = c;
    e->is_keyframe_wanted = true;
    *out = e;
    return 0;
}

void video_encoder_free(struct video_encoder **e)
{
    if (*e != NULL)
        (*e)->ops->free(*e);
    *e = NULL;
}

int video_encoder_set_bitrate(struct video_encoder *e, uint32_t bitrate_bps)
{
    int err = bitrate_bps > 0 ? 0 : E_INVALID;

    if (err == 0 && bitrate_bps != e->config.bitrate_bps)
        err = e->ops->set_bitrate(e, bitrate_bps);
    if (err == 0)
        e->config.bitrate_bps = bitrate_bps;
    return err;
}

/* Whether there is nothing to gain from coding it. */
static bool is_skipped(struct video_encoder *e, const struct video_encoder_input *in)
{
    if (!in->is_unchanged || !e->has_picture) {
        e->unchanged = 0;
        e->is_settled = false;
    }
    return e->is_settled && !e->is_keyframe_wanted;
}

static void settle(struct video_encoder *e, const struct video_encoder_input *in,
                   const struct video_encoded *coded)
{
    if (!in->is_unchanged)
        return;
    e->unchanged++;
    e->is_settled = coded->len > 0 && (coded->is_good || e->unchanged >= MAX_REFINEMENTS);
}

static void count(struct video_encoder *e, const struct video_encoded *coded)
{
    e->stats.frames += coded->len > 0;
    e->stats.dropped += coded->len == 0;
    e->stats.keyframes += coded->is_keyframe;
    e->stats.bytes += coded->len;
    if (coded->is_keyframe)
        e->is_keyframe_wanted = false;
}

int video_encoder_encode(struct video_encoder *e, const struct video_encoder_input *in,
                         struct video_encoder_output *out)
{
    struct video_encoded coded = {0};
    int err;

    if (in->picture.width != e->config.width || in->picture.height != e->config.height ||
        (e->has_picture && in->pts_us <= e->last_pts_us))
        return E_INVALID;
    e->is_keyframe_wanted |= in->is_keyframe_wanted;
    if (is_skipped(e, in)) {
        e->stats.skipped++;
    } else {
        err = e->ops->encode(e, &in->picture, in->pts_us, e->is_keyframe_wanted, &coded);
        if (err != 0)
            return err;
        count(e, &coded);
        settle(e, in, &coded);
    }
    e->has_picture = true;
    e->last_pts_us = in->pts_us;
    *out = (struct video_encoder_output){coded.data, coded.len, coded.is_keyframe};
    return 0;
}

const struct video_encoder_stats *video_encoder_read_stats(const struct video_encoder *e)
{
    return &e->stats;
}
