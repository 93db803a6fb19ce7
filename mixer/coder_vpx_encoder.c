/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_vpx_encoder.c - VP8 encoding in real time.
 *
 * The settings are libwebrtc's where ours were no better when measured, so that what watchers get behaves like what browsers send: constant
 * bitrate with a buffer of a second, quantizers 2 to 56, frames dropped below 30 % of the buffer.
 */
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "core/err.h"
#include "core/mem.h"
#include "mixer/video_coder_internal.h"

#define TIMEBASE_HZ 90000
#define MIN_QUANTIZER 2
#define MAX_QUANTIZER 56
#define UNDERSHOOT_PERCENT 100
#define OVERSHOOT_PERCENT 15
#define BUFFER_MS 1000
#define BUFFER_INITIAL_MS 500
#define BUFFER_OPTIMAL_MS 600
#define DROP_BELOW_PERCENT 30
#define SCREEN_STATIC 100u /* of text and slides, where more could be a dot that stays */
#define GOOD_QUANTIZER 12  /* of 63: nobody sees what is left to gain */
/* A keyframe takes at most this share, in percent, of what the buffer's optimum holds for one picture (libwebrtc's rule). */
#define MAX_KEYFRAME_PERCENT(framerate) (BUFFER_OPTIMAL_MS * (framerate) / 20)
#define MIN_KEYFRAME_PERCENT 300

struct vpx_encoder {
    struct video_encoder base;
    vpx_codec_ctx_t ctx;
    vpx_codec_enc_cfg_t config;
    vpx_codec_pts_t last_pts;
    bool is_open, has_pts;
};

static void free_encoder(struct video_encoder *base)
{
    struct vpx_encoder *e = (struct vpx_encoder *)(void *)base;

    if (e->is_open)
        vpx_codec_destroy(&e->ctx);
    mem_free(e);
}

static void configure(vpx_codec_enc_cfg_t *c, const struct video_encoder_config *config)
{
    c->g_w = (unsigned)config->width;
    c->g_h = (unsigned)config->height;
    c->g_threads = config->threads;
    c->g_timebase = (vpx_rational_t){1, TIMEBASE_HZ};
    c->g_lag_in_frames = 0;
    c->g_error_resilient = 0; /* what is lost is sent again, or a keyframe follows */
    c->rc_end_usage = VPX_CBR;
    c->rc_target_bitrate = config->bitrate_bps / 1000 + (config->bitrate_bps < 1000);
    c->rc_min_quantizer = MIN_QUANTIZER;
    c->rc_max_quantizer = MAX_QUANTIZER;
    c->rc_undershoot_pct = UNDERSHOOT_PERCENT;
    c->rc_overshoot_pct = OVERSHOOT_PERCENT;
    c->rc_buf_sz = BUFFER_MS;
    c->rc_buf_initial_sz = BUFFER_INITIAL_MS;
    c->rc_buf_optimal_sz = BUFFER_OPTIMAL_MS;
    c->rc_dropframe_thresh = DROP_BELOW_PERCENT;
    c->rc_resize_allowed = 0;
    c->kf_mode = VPX_KF_DISABLED;
}

static bool set_controls(struct vpx_encoder *e, const struct video_encoder_config *config)
{
    unsigned keyframe_percent = MAX_KEYFRAME_PERCENT(config->framerate);

    return vpx_codec_control(&e->ctx, VP8E_SET_CPUUSED, VIDEO_ENCODER_VP8_SPEED) == VPX_CODEC_OK &&
           vpx_codec_control(&e->ctx, VP8E_SET_STATIC_THRESHOLD,
                             config->is_screen
                                 ? SCREEN_STATIC
                                 : (unsigned)VIDEO_ENCODER_VP8_STATIC) == VPX_CODEC_OK &&
           vpx_codec_control(&e->ctx, VP8E_SET_NOISE_SENSITIVITY, 0u) == VPX_CODEC_OK &&
           vpx_codec_control(&e->ctx, VP8E_SET_TOKEN_PARTITIONS, VP8_ONE_TOKENPARTITION) ==
               VPX_CODEC_OK &&
           vpx_codec_control(&e->ctx, VP8E_SET_SCREEN_CONTENT_MODE, config->is_screen ? 1u : 0u) ==
               VPX_CODEC_OK &&
           vpx_codec_control(&e->ctx, VP8E_SET_MAX_INTRA_BITRATE_PCT,
                             MAX(keyframe_percent, MIN_KEYFRAME_PERCENT)) == VPX_CODEC_OK;
}

static int set_bitrate(struct video_encoder *base, uint32_t bitrate_bps)
{
    struct vpx_encoder *e = (struct vpx_encoder *)(void *)base;

    e->config.rc_target_bitrate = bitrate_bps / 1000 + (bitrate_bps < 1000);
    return vpx_codec_enc_config_set(&e->ctx, &e->config) == VPX_CODEC_OK ? 0 : E_STATE;
}

static void wrap(vpx_image_t *img, const struct picture_view *v)
{
    (void)vpx_img_wrap(img, VPX_IMG_FMT_I420, (unsigned)v->width, (unsigned)v->height, 1,
                       v->plane[0]);
    for (int i = 0; i < PICTURE_PLANES; i++) {
        img->planes[i] = v->plane[i];
        img->stride[i] = v->stride[i];
    }
}

static void take_output(struct vpx_encoder *e, struct video_encoded *out)
{
    vpx_codec_iter_t iter = NULL;
    const vpx_codec_cx_pkt_t *packet;
    int quantizer = MAX_QUANTIZER;

    while ((packet = vpx_codec_get_cx_data(&e->ctx, &iter)) != NULL) {
        if (packet->kind != VPX_CODEC_CX_FRAME_PKT)
            continue;
        out->data = packet->data.frame.buf;
        out->len = packet->data.frame.sz;
        out->is_keyframe = (packet->data.frame.flags & VPX_FRAME_IS_KEY) != 0;
    }
    if (vpx_codec_control(&e->ctx, VP8E_GET_LAST_QUANTIZER_64, &quantizer) == VPX_CODEC_OK)
        out->is_good = quantizer <= GOOD_QUANTIZER;
}

static int encode(struct video_encoder *base, const struct picture_view *picture, uint64_t pts_us,
                  bool force_keyframe, struct video_encoded *out)
{
    struct vpx_encoder *e = (struct vpx_encoder *)(void *)base;
    vpx_codec_pts_t pts = (vpx_codec_pts_t)(pts_us * TIMEBASE_HZ / 1000000);
    unsigned long duration = TIMEBASE_HZ / base->config.framerate;
    vpx_enc_frame_flags_t flags = VP8_EFLAG_NO_REF_ARF; /* the golden frame before; rarely better */
    vpx_image_t img;

    if (e->has_pts && pts <= e->last_pts)
        pts = e->last_pts + 1;
    wrap(&img, picture);
    if (force_keyframe)
        flags = VPX_EFLAG_FORCE_KF;
    if (vpx_codec_encode(&e->ctx, &img, pts, duration, flags, VPX_DL_REALTIME) != VPX_CODEC_OK)
        return E_STATE;
    e->last_pts = pts;
    e->has_pts = true;
    take_output(e, out);
    return 0;
}

int coder_vpx_new_encoder(struct video_encoder **out, const struct video_encoder_config *config)
{
    static const struct video_encoder_ops ops = {
        .set_bitrate = set_bitrate, .encode = encode, .free = free_encoder};
    struct vpx_encoder *e = mem_try_alloc(sizeof(*e));

    if (e == NULL)
        return E_NO_MEMORY;
    e->base.ops = &ops;
    if (vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &e->config, 0) == VPX_CODEC_OK) {
        configure(&e->config, config);
        e->is_open = vpx_codec_enc_init(&e->ctx, vpx_codec_vp8_cx(), &e->config, 0) == VPX_CODEC_OK;
    }
    if (!e->is_open || !set_controls(e, config)) {
        free_encoder(&e->base);
        return E_NO_MEMORY;
    }
    *out = &e->base;
    return 0;
}
