/* SPDX-License-Identifier: Apache-2.0 */
/* bare_video.c - see bare_video.h. */
#include "bench/bare_video.h"

#include <vpx/vp8cx.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>
#include <vpx/vpx_encoder.h>

#include "bench/moving_clip.h"
#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"
#include "mixer/scaler.h"
#include "mixer/video_encoder.h"

#define MAX_INPUTS 25
#define CLOCK_HZ 90000

struct bare_video {
    struct bare_video_config config;
    vpx_codec_ctx_t decoder[MAX_INPUTS], encoder;
    size_t decoders; /* that were opened */
    bool has_encoder;
    struct picture *canvas; /* what is encoded */
    struct picture *sample; /* of an input's size */
    uint64_t frames;
};

static vpx_codec_enc_cfg_t encoder_settings(const struct bare_video_config *config)
{
    vpx_codec_enc_cfg_t c;

    CHECK(vpx_codec_enc_config_default(vpx_codec_vp8_cx(), &c, 0) == VPX_CODEC_OK);
    c.g_w = (unsigned)config->width; /* as mixer/coder_vpx_encoder.c has it */
    c.g_h = (unsigned)config->height;
    c.g_timebase = (vpx_rational_t){1, CLOCK_HZ};
    c.g_threads = 1;
    c.g_lag_in_frames = 0;
    c.rc_end_usage = VPX_CBR;
    c.rc_target_bitrate = config->bitrate_bps / 1000;
    c.rc_min_quantizer = 2;
    c.rc_max_quantizer = 56;
    c.rc_undershoot_pct = 100;
    c.rc_overshoot_pct = 15;
    c.rc_buf_sz = 1000;
    c.rc_buf_initial_sz = 500;
    c.rc_buf_optimal_sz = 600;
    c.rc_dropframe_thresh = 30;
    c.kf_mode = VPX_KF_DISABLED;
    return c;
}

static bool open_codecs(struct bare_video *b)
{
    const vpx_codec_dec_cfg_t dec = {.threads = 1};
    const vpx_codec_enc_cfg_t enc = encoder_settings(&b->config);

    for (; b->decoders < b->config.inputs; b->decoders++)
        if (vpx_codec_dec_init(&b->decoder[b->decoders], vpx_codec_vp8_dx(), &dec, 0) !=
            VPX_CODEC_OK)
            return false;
    b->has_encoder = vpx_codec_enc_init(&b->encoder, vpx_codec_vp8_cx(), &enc, 0) == VPX_CODEC_OK;
    return b->has_encoder &&
           vpx_codec_control(&b->encoder, VP8E_SET_CPUUSED, VIDEO_ENCODER_VP8_SPEED) ==
               VPX_CODEC_OK &&
           vpx_codec_control(&b->encoder, VP8E_SET_STATIC_THRESHOLD,
                             (unsigned)VIDEO_ENCODER_VP8_STATIC) == VPX_CODEC_OK;
}

int bare_video_open(struct bare_video **out, const struct bare_video_config *config)
{
    struct bare_video *b = MEM_NEW(struct bare_video);
    struct rng rng;

    CHECK(config->inputs <= MAX_INPUTS);
    b->config = *config;
    b->canvas = picture_new(config->pool, config->width, config->height);
    b->sample = picture_new(config->pool, config->input_width, config->input_height);
    CHECK(b->canvas != NULL && b->sample != NULL);
    rng_seed(&rng, 1);
    moving_clip_draw(&b->sample->view, 0, 0, &rng);
    if (!open_codecs(b)) {
        bare_video_close(&b);
        return E_UNSUPPORTED;
    }
    *out = b;
    return 0;
}

void bare_video_close(struct bare_video **bp)
{
    struct bare_video *b = *bp;

    if (b == NULL)
        return;
    *bp = NULL;
    while (b->decoders > 0)
        (void)vpx_codec_destroy(&b->decoder[--b->decoders]);
    if (b->has_encoder)
        (void)vpx_codec_destroy(&b->encoder);
    picture_unref(&b->canvas);
    picture_unref(&b->sample);
    mem_free(b);
}

void bare_video_decode(struct bare_video *b, size_t input, const uint8_t *data, size_t len)
{
    vpx_codec_iter_t iter = NULL;

    CHECK(vpx_codec_decode(&b->decoder[input], data, (unsigned)len, NULL, 0) == VPX_CODEC_OK);
    CHECK(vpx_codec_get_frame(&b->decoder[input], &iter) != NULL);
}

void bare_video_take(struct bare_video *b, const struct picture_view *canvas)
{
    picture_copy(&b->canvas->view, canvas);
}

void bare_video_encode(struct bare_video *b)
{
    const struct picture_view *v = &b->canvas->view;
    const unsigned long duration = CLOCK_HZ / b->config.fps;
    vpx_codec_iter_t iter = NULL;
    vpx_image_t img;

    (void)vpx_img_wrap(&img, VPX_IMG_FMT_I420, (unsigned)v->width, (unsigned)v->height, 1,
                       v->plane[0]);
    for (int i = 0; i < PICTURE_PLANES; i++) {
        img.planes[i] = v->plane[i];
        img.stride[i] = v->stride[i];
    }
    CHECK(vpx_codec_encode(&b->encoder, &img, (vpx_codec_pts_t)(b->frames++ * duration), duration,
                           VP8_EFLAG_NO_REF_ARF, VPX_DL_REALTIME) == VPX_CODEC_OK);
    while (vpx_codec_get_cx_data(&b->encoder, &iter) != NULL)
        ;
}

void bare_video_scale(struct bare_video *b, size_t input, int width, int height)
{
    int x = (int)input * 38 % (b->config.width - width + 1) & ~1;
    int y = (int)input * 14 % (b->config.height - height + 1) & ~1;
    struct picture_view to = picture_crop(&b->canvas->view, x, y, width, height);

    CHECK(scaler_draw(&to, &b->sample->view, 0, SCALER_CROP, (struct picture_colour){0, 0, 0},
                      b->config.pool) == 0);
}
