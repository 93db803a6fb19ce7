/* SPDX-License-Identifier: Apache-2.0 */
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "core/err.h"
#include "core/rng.h"
#include "mixer/video_decoder.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/moving.h"

#define MAX_FRAMES 12
#define MAX_CLIP_FRAME 40000

/* Encoded by the libraries alone, so that this does not depend on our encoders. */
struct clip {
    enum codec_id codec;
    int width, height;
    struct {
        uint8_t data[MAX_CLIP_FRAME];
        size_t len;
    } frame[MAX_FRAMES];
    size_t count;
};

static struct picture_pool *pool;
static struct clip clip;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    pool = picture_pool_new(64u * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    picture_pool_free(&pool);
    return leaks_end(state);
}

static void add_frame(const void *data, size_t len)
{
    assert_true(clip.count < MAX_FRAMES && len <= MAX_CLIP_FRAME);
    memcpy(clip.frame[clip.count].data, data, len);
    clip.frame[clip.count++].len = len;
}

static void make_vpx_clip(vpx_codec_iface_t *iface, size_t frames)
{
    struct picture *p = picture_new(pool, clip.width, clip.height);
    vpx_codec_enc_cfg_t cfg;
    vpx_codec_ctx_t ctx;

    assert_int_equal(vpx_codec_enc_config_default(iface, &cfg, 0), 0);
    cfg.g_w = (unsigned)clip.width;
    cfg.g_h = (unsigned)clip.height;
    cfg.g_lag_in_frames = 0;
    cfg.rc_target_bitrate = 300;
    assert_int_equal(vpx_codec_enc_init(&ctx, iface, &cfg, 0), 0);
    assert_int_equal(vpx_codec_control(&ctx, VP8E_SET_CPUUSED, 8), 0);
    for (int t = 0; t < (int)frames; t++) {
        vpx_image_t img;
        vpx_codec_iter_t iter = NULL;
        const vpx_codec_cx_pkt_t *packet;

        draw_moving(&p->view, t);
        vpx_img_wrap(&img, VPX_IMG_FMT_I420, cfg.g_w, cfg.g_h, 1, p->view.plane[0]);
        for (int i = 0; i < 3; i++) {
            img.planes[i] = p->view.plane[i];
            img.stride[i] = p->view.stride[i];
        }
        assert_int_equal(vpx_codec_encode(&ctx, &img, t, 1, 0, VPX_DL_REALTIME), 0);
        while ((packet = vpx_codec_get_cx_data(&ctx, &iter)) != NULL)
            add_frame(packet->data.frame.buf, packet->data.frame.sz);
    }
    vpx_codec_destroy(&ctx);
    picture_unref(&p);
}

static void make_av_clip(const char *name, size_t frames, enum AVPixelFormat format,
                         void (*draw)(const struct picture_view *v, int t))
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    AVCodecContext *ctx = avcodec_alloc_context3(codec);
    AVPacket *packet = av_packet_alloc();
    AVFrame *f = av_frame_alloc();

    assert_non_null(codec);
    ctx->width = clip.width;
    ctx->height = clip.height;
    ctx->pix_fmt = format;
    ctx->time_base = (AVRational){1, 30};
    ctx->bit_rate = 300000;
    ctx->gop_size = 1000;
    ctx->thread_count = 1;
    (void)av_opt_set(ctx->priv_data, "tune", "zerolatency", 0);
    (void)av_opt_set(ctx->priv_data, "preset", "ultrafast", 0);
    (void)av_opt_set(ctx->priv_data, "usage", "realtime", 0);
    (void)av_opt_set(ctx->priv_data, "cpu-used", "8", 0);
    (void)av_opt_set(ctx->priv_data, "lag-in-frames", "0", 0);
    assert_int_equal(avcodec_open2(ctx, codec, NULL), 0);
    for (int t = 0; t < (int)frames; t++) {
        struct picture_view v;

        f->width = clip.width;
        f->height = clip.height;
        f->format = format;
        f->pts = t;
        assert_int_equal(av_frame_get_buffer(f, 0), 0);
        v = (struct picture_view){.plane = {f->data[0], f->data[1], f->data[2]},
                                  .stride = {f->linesize[0], f->linesize[1], f->linesize[2]},
                                  .width = clip.width,
                                  .height = clip.height};
        draw(&v, t);
        assert_int_equal(avcodec_send_frame(ctx, f), 0);
        av_frame_unref(f);
        while (avcodec_receive_packet(ctx, packet) == 0) {
            add_frame(packet->data, (size_t)packet->size);
            av_packet_unref(packet);
        }
    }
    av_frame_free(&f);
    av_packet_free(&packet);
    avcodec_free_context(&ctx);
}

static void make_clip(enum codec_id codec, int width, int height, size_t frames)
{
    clip = (struct clip){.codec = codec, .width = width, .height = height};
    if (codec == CODEC_VP8)
        make_vpx_clip(vpx_codec_vp8_cx(), frames);
    else if (codec == CODEC_VP9)
        make_vpx_clip(vpx_codec_vp9_cx(), frames);
    else
        make_av_clip(codec == CODEC_H264 ? "libx264" : "libaom-av1", frames, AV_PIX_FMT_YUV420P,
                     draw_moving);
    assert_int_equal(clip.count, frames);
}

static const enum codec_id codecs[] = {CODEC_VP8, CODEC_VP9, CODEC_H264, CODEC_AV1};

static void expect_picture(struct video_decoder *d, size_t i, int t)
{
    struct picture *want = picture_new(pool, clip.width, clip.height), *got;

    assert_int_equal(video_decoder_decode(d, clip.frame[i].data, clip.frame[i].len, &got), 0);
    assert_non_null(got);
    assert_int_equal(got->view.width, clip.width);
    assert_int_equal(got->view.height, clip.height);
    draw_moving(&want->view, t);
    if (psnr_of(&want->view, &got->view) < 25)
        fail_msg("%s frame %zu: %.1f dB", codec_name(clip.codec), i,
                 psnr_of(&want->view, &got->view));
    picture_unref(&want);
    picture_unref(&got);
}

static void each_frame_gives_its_picture_at_once(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct video_decoder *d;

        make_clip(codecs[c], 176, 144, 6);
        assert_int_equal(video_decoder_new(&d, codecs[c], pool), 0);
        for (int t = 0; t < 6; t++)
            expect_picture(d, (size_t)t, t);
        video_decoder_free(&d);
    }
}

static void the_size_may_change_in_mid_stream(void **state)
{
    static const int sizes[][2] = {{176, 144}, {320, 180}, {64, 64}, {177, 99}};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct video_decoder *d;

        assert_int_equal(video_decoder_new(&d, codecs[c], pool), 0);
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            /* H.264 with 4:2:0 has even sizes */
            make_clip(codecs[c], sizes[s][0] & (codecs[c] == CODEC_H264 ? ~1 : ~0),
                      sizes[s][1] & (codecs[c] == CODEC_H264 ? ~1 : ~0), 2);
            expect_picture(d, 0, 0);
            expect_picture(d, 1, 1);
        }
        video_decoder_free(&d);
    }
}

static void a_kept_picture_survives(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct picture *first = NULL, *want, *next;
        struct video_decoder *d;

        make_clip(codecs[c], 176, 144, 6);
        assert_int_equal(video_decoder_new(&d, codecs[c], pool), 0);
        assert_int_equal(video_decoder_decode(d, clip.frame[0].data, clip.frame[0].len, &first), 0);
        want = picture_new(pool, 176, 144);
        picture_copy(&want->view, &first->view);
        for (size_t i = 1; i < 6; i++) {
            assert_int_equal(video_decoder_decode(d, clip.frame[i].data, clip.frame[i].len, &next),
                             0);
            picture_unref(&next);
        }
        assert_true(psnr_of(&want->view, &first->view) > 99);
        video_decoder_free(&d);
        assert_true(psnr_of(&want->view, &first->view) > 99);
        picture_unref(&first);
        picture_unref(&want);
    }
}

/* --- bad input --------------------------------------------------------------------------------------- */

static void decode_anything(struct video_decoder *d, const uint8_t *bytes, size_t len)
{
    struct picture *p;
    int err = video_decoder_decode(d, bytes, len, &p);

    assert_true(err <= 0 && (err == 0 || p == NULL));
    if (p != NULL)
        assert_true(picture_size_is_allowed(p->view.width, p->view.height));
    picture_unref(&p);
}

static void damage(struct rng *rng, uint8_t *bytes, size_t *len)
{
    unsigned flips = 1 + rng_below(rng, 12);

    if (rng_below(rng, 3) == 0)
        *len = 1 + rng_below(rng, (uint32_t)*len);
    for (unsigned i = 0; i < flips; i++)
        bytes[rng_below(rng, (uint32_t)*len)] ^= (uint8_t)(1u << rng_below(rng, 8));
}

static void damaged_frames_do_no_harm(void **state)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240609;
    static uint8_t bytes[MAX_CLIP_FRAME];
    struct rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct video_decoder *d;

        make_clip(codecs[c], 64, 64, 6);
        assert_int_equal(video_decoder_new(&d, codecs[c], pool), 0);
        for (int round = 0; round < 150; round++) {
            size_t i = (size_t)round % 6, len = clip.frame[i].len;

            memcpy(bytes, clip.frame[i].data, len);
            if (rng_below(&rng, 2))
                damage(&rng, bytes, &len);
            decode_anything(d, bytes, len);
        }
        expect_picture(d, 0, 0); /* a keyframe makes it well */
        expect_picture(d, 1, 1);
        video_decoder_free(&d);
    }
}

static void what_is_no_frame_is_an_error(void **state)
{
    static const uint8_t garbage[64] = {0xFF, 0x17, 0x92};
    static const uint8_t vp8_without_key[] = {0x31, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct picture *p = (struct picture *)(void *)&clip;
        struct video_decoder *d;

        assert_int_equal(video_decoder_new(&d, codecs[c], pool), 0);
        assert_true(video_decoder_decode(d, garbage, 0, &p) < 0);
        assert_null(p);
        decode_anything(d, garbage, sizeof(garbage));
        decode_anything(d, garbage, 1);
        if (codecs[c] == CODEC_VP8)
            assert_int_equal(video_decoder_decode(d, vp8_without_key, sizeof(vp8_without_key), &p),
                             E_MALFORMED);
        assert_true(video_decoder_read_stats(d)->errors > 0);
        video_decoder_free(&d);
    }
}

static void vp8_sizes_are_looked_at_first(void **state)
{
    static const struct {
        uint8_t frame[10];
        int err;
    } rows[] = {
        {{0x50, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F}, E_LIMIT},
        {{0x50, 0, 0, 0x9D, 1, 0x2A, 0xFF, 0x3F, 0x10, 0x00}, E_LIMIT},
        {{0x50, 0, 0, 0x9D, 1, 0x2A, 0x00, 0x00, 0x10, 0x00}, E_LIMIT},
        {{0x50, 0, 0, 0x9D, 1, 0x2A, 0x01, 0x20, 0x10, 0x20}, E_LIMIT},
    };
    struct video_decoder *d;
    struct picture *p;

    (void)state;
    assert_int_equal(video_decoder_new(&d, CODEC_VP8, pool), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(video_decoder_decode(d, rows[i].frame, sizeof(rows[i].frame), &p),
                         rows[i].err);
    assert_int_equal(video_decoder_decode(d, rows[0].frame, 9, &p), E_MALFORMED);
    video_decoder_free(&d);
}

static size_t put_bits(uint8_t *out, size_t at, unsigned n, uint32_t v)
{
    for (; n-- > 0; at++)
        out[at / 8] = (uint8_t)(out[at / 8] | ((v >> n) & 1u) << (7 - at % 8));
    return at;
}

static void vp9_sizes_are_looked_at_first(void **state)
{
    uint8_t key[32] = {0}, inter[32] = {0}, super[40] = {0};
    struct video_decoder *d;
    struct picture *p;
    size_t at;

    (void)state;
    at = put_bits(key, 0, 8, 0x82); /* marker, profile 0, keyframe, shown */
    at = put_bits(key, at, 24, 0x498342);
    at = put_bits(key, at, 4, 1u << 1); /* BT.601, limited range */
    at = put_bits(key, at, 32, 0x3FFF3FFFu);
    at = put_bits(inter, 0, 8, 0x86); /* no keyframe */
    at = put_bits(inter, at, 2 + 8 + 12 + 3, 0);
    (void)put_bits(inter, at, 32, 0xFFFFFFFFu);
    super[0] = 0x88; /* show an existing frame, and then: */
    memcpy(super + 1, key, 16);
    memcpy(super + 17, (const uint8_t[]){0xC1, 1, 16, 0xC1}, 4);
    assert_int_equal(video_decoder_new(&d, CODEC_VP9, pool), 0);
    assert_int_equal(video_decoder_decode(d, key, sizeof(key), &p), E_LIMIT);
    assert_int_equal(video_decoder_decode(d, inter, sizeof(inter), &p), E_LIMIT);
    assert_int_equal(video_decoder_decode(d, super, 21, &p), E_LIMIT);
    assert_int_equal(video_decoder_decode(d, key, 6, &p), E_MALFORMED);
    super[18] = 60; /* a size past the end */
    assert_int_equal(video_decoder_decode(d, super, 21, &p), E_MALFORMED);
    video_decoder_free(&d);
}

static void draw_grey(const struct picture_view *v, int t)
{
    (void)t;
    picture_fill(v, (struct picture_colour){120, 128, 128});
}

/* Before memory is taken for them, and what comes after is decoded as if nothing had been. */
static void h264_and_av1_sizes_are_bounded(void **state)
{
    static const struct {
        int width, height;
        bool is_allowed;
    } rows[] = {{4096 + 16, 2304, false},
                {4096, 2304 + 16, false},
                {4096, 2304, true},
                {MAX_PICTURE_SIDE + 16, 64, false}};
    static const enum codec_id either[] = {CODEC_H264, CODEC_AV1};

    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(either); c++) {
        struct video_decoder *d;
        struct picture *p;

        assert_int_equal(video_decoder_new(&d, either[c], pool), 0);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            clip = (struct clip){.width = rows[i].width, .height = rows[i].height};
            make_av_clip(either[c] == CODEC_H264 ? "libx264" : "libaom-av1", 1, AV_PIX_FMT_YUV420P,
                         draw_grey);
            int err = video_decoder_decode(d, clip.frame[0].data, clip.frame[0].len, &p);
            if ((err == 0) != rows[i].is_allowed || (p != NULL) != rows[i].is_allowed)
                fail_msg("%s %dx%d: %d", codec_name(either[c]), rows[i].width, rows[i].height, err);
            picture_unref(&p);
        }
        make_clip(either[c], 64, 64, 2);
        expect_picture(d, 0, 0);
        expect_picture(d, 1, 1);
        video_decoder_free(&d);
    }
}

static void full_range_is_made_limited(void **state)
{
    struct video_decoder *d;
    struct picture *p, *source = picture_new(pool, 64, 64);
    int worst = 0;

    (void)state;
    clip = (struct clip){.codec = CODEC_H264, .width = 64, .height = 64};
    make_av_clip("libx264", 1, AV_PIX_FMT_YUVJ420P, draw_moving);
    assert_int_equal(video_decoder_new(&d, CODEC_H264, pool), 0);
    assert_int_equal(video_decoder_decode(d, clip.frame[0].data, clip.frame[0].len, &p), 0);
    draw_moving(&source->view, 0);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) {
            int full = source->view.plane[0][y * source->view.stride[0] + x];
            int got = p->view.plane[0][y * p->view.stride[0] + x];
            worst = MAX(worst, abs(got - (16 + full * 219 / 255)));
        }
    assert_true(worst < 25);
    assert_false(picture_is_lent(p));
    picture_unref(&p);
    picture_unref(&source);
    video_decoder_free(&d);
}

static void colours_in_full_are_not_shown(void **state)
{
    struct video_decoder *d;
    struct picture *p;

    (void)state;
    clip = (struct clip){.codec = CODEC_H264, .width = 64, .height = 64};
    make_av_clip("libx264", 1, AV_PIX_FMT_YUV444P, draw_moving);
    assert_int_equal(video_decoder_new(&d, CODEC_H264, pool), 0);
    assert_int_equal(video_decoder_decode(d, clip.frame[0].data, clip.frame[0].len, &p),
                     E_UNSUPPORTED);
    assert_null(p);
    assert_int_equal(video_decoder_new(&d, CODEC_PCMU, pool), E_UNSUPPORTED);
    video_decoder_free(&d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_frame_gives_its_picture_at_once),
        TEST(the_size_may_change_in_mid_stream),
        TEST(a_kept_picture_survives),
        TEST(damaged_frames_do_no_harm),
        TEST(what_is_no_frame_is_an_error),
        TEST(vp8_sizes_are_looked_at_first),
        TEST(vp9_sizes_are_looked_at_first),
        TEST(h264_and_av1_sizes_are_bounded),
        TEST(full_range_is_made_limited),
        TEST(colours_in_full_are_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
