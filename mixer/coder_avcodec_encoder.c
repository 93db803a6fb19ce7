/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_avcodec_encoder.c - H.264 encoding in real time, by libx264 through libavcodec.
 *
 * Constrained baseline, no delay, parameter sets in front of every IDR picture, which come on request only.
 */
#include <libavcodec/avcodec.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/opt.h>

#include "core/err.h"
#include "core/mem.h"
#include "mixer/video_coder_internal.h"

#define TIMEBASE_HZ 1000000
#define BUFFER_PERCENT 60  /* of a second of the bitrate: how far the rate may swing */
#define GOOD_QUANTIZER 20  /* of 51: nobody sees what is left to gain */
#define PRESET "superfast" /* measured, see mixer/README.md */
#define NO_KEYFRAMES INT32_MAX

struct avcodec_encoder {
    struct video_encoder base;
    AVCodecContext *ctx;
    AVPacket *packet;
    AVFrame *frame;
};

static void free_encoder(struct video_encoder *base)
{
    struct avcodec_encoder *e = (struct avcodec_encoder *)(void *)base;

    avcodec_free_context(&e->ctx);
    av_packet_free(&e->packet);
    av_frame_free(&e->frame);
    mem_free(e);
}

static void set_rate(AVCodecContext *c, uint32_t bitrate_bps)
{
    c->bit_rate = bitrate_bps;
    c->rc_max_rate = bitrate_bps;
    c->rc_buffer_size = (int)((uint64_t)bitrate_bps * BUFFER_PERCENT / 100);
}

/* libx264's wrapper looks at the context before each picture. */
static int set_bitrate(struct video_encoder *base, uint32_t bitrate_bps)
{
    struct avcodec_encoder *e = (struct avcodec_encoder *)(void *)base;

    set_rate(e->ctx, bitrate_bps);
    return 0;
}

static void keep_memory(void *opaque, uint8_t *data)
{
    (void)opaque;
    (void)data;
}

/* The samples stay ours: libx264 copies them before encode() returns. */
static int wrap(AVFrame *f, const struct picture_view *v)
{
    for (int i = 0; i < PICTURE_PLANES; i++) {
        int lines = i == 0 ? v->height : picture_chroma(v->height);

        f->data[i] = v->plane[i];
        f->linesize[i] = v->stride[i];
        f->buf[i] = av_buffer_create(v->plane[i], (size_t)(v->stride[i] * (lines - 1)) + 1,
                                     keep_memory, NULL, AV_BUFFER_FLAG_READONLY);
        if (f->buf[i] == NULL)
            return E_NO_MEMORY;
    }
    f->format = AV_PIX_FMT_YUV420P;
    f->width = v->width;
    f->height = v->height;
    return 0;
}

static void take_output(struct avcodec_encoder *e, struct video_encoded *out)
{
    const uint8_t *stats;
    size_t size = 0;

    av_packet_unref(e->packet);
    if (avcodec_receive_packet(e->ctx, e->packet) != 0)
        return;
    out->data = e->packet->data;
    out->len = (size_t)e->packet->size;
    out->is_keyframe = (e->packet->flags & AV_PKT_FLAG_KEY) != 0;
    stats = av_packet_get_side_data(e->packet, AV_PKT_DATA_QUALITY_STATS, &size);
    if (stats != NULL && size >= 4)
        out->is_good = AV_RL32(stats) <= GOOD_QUANTIZER * FF_QP2LAMBDA;
}

static int encode(struct video_encoder *base, const struct picture_view *picture, uint64_t pts_us,
                  bool force_keyframe, struct video_encoded *out)
{
    struct avcodec_encoder *e = (struct avcodec_encoder *)(void *)base;
    int err = wrap(e->frame, picture);

    if (err == 0) {
        e->frame->pts = (int64_t)pts_us;
        e->frame->pict_type = force_keyframe ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_NONE;
        err = avcodec_send_frame(e->ctx, e->frame) == 0 ? 0 : E_STATE;
    }
    av_frame_unref(e->frame);
    if (err == 0)
        take_output(e, out);
    return err;
}

static bool configure(AVCodecContext *c, const struct video_encoder_config *config)
{
    c->width = config->width;
    c->height = config->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = (AVRational){1, TIMEBASE_HZ};
    c->framerate = (AVRational){(int)config->framerate, 1};
    c->gop_size = NO_KEYFRAMES;
    c->max_b_frames = 0;
    c->thread_count = (int)config->threads;
    c->color_range = AVCOL_RANGE_MPEG;
    set_rate(c, config->bitrate_bps);
    return av_opt_set(c->priv_data, "preset", PRESET, 0) == 0 &&
           av_opt_set(c->priv_data, "tune",
                      config->is_screen ? "stillimage,zerolatency" : "zerolatency", 0) == 0 &&
           av_opt_set(c->priv_data, "profile", "baseline", 0) == 0 &&
           av_opt_set(c->priv_data, "forced-idr", "1", 0) == 0 &&
           av_opt_set(c->priv_data, "x264-params", "scenecut=0:keyint=infinite", 0) == 0;
}

static int open_context(struct avcodec_encoder *e, const AVCodec *codec,
                        const struct video_encoder_config *config)
{
    e->ctx = avcodec_alloc_context3(codec);
    e->packet = av_packet_alloc();
    e->frame = av_frame_alloc();
    if (e->ctx == NULL || e->packet == NULL || e->frame == NULL)
        return E_NO_MEMORY;
    if (!configure(e->ctx, config) || avcodec_open2(e->ctx, codec, NULL) != 0)
        return E_UNSUPPORTED;
    return 0;
}

int coder_avcodec_new_encoder(struct video_encoder **out, const struct video_encoder_config *config)
{
    static const struct video_encoder_ops ops = {
        .set_bitrate = set_bitrate, .encode = encode, .free = free_encoder};
    const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
    struct avcodec_encoder *e;
    int err;

    if (codec == NULL)
        return E_UNSUPPORTED;
    av_log_set_level(AV_LOG_QUIET);
    e = mem_try_alloc(sizeof(*e));
    if (e == NULL)
        return E_NO_MEMORY;
    e->base.ops = &ops;
    err = open_context(e, codec, config);
    if (err != 0)
        free_encoder(&e->base);
    else
        *out = &e->base;
    return err;
}
