/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_avcodec_decoder.c - H.264 and AV1 decoding.
 *
 * A picture is lent out of libavcodec's counted frame, which it keeps for as long as it lives; the decoder need not copy it.
 */
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "mixer/video_coder_internal.h"

struct avcodec_decoder {
    struct video_decoder base;
    AVCodecContext *ctx;
    AVPacket *packet;
    AVFrame *frame;
    uint8_t *input; /* the frame, with the zeros behind it that libavcodec wants */
    size_t input_size;
};

static void free_decoder(struct video_decoder *base)
{
    struct avcodec_decoder *d = (struct avcodec_decoder *)(void *)base;

    avcodec_free_context(&d->ctx);
    av_packet_free(&d->packet);
    av_frame_free(&d->frame);
    mem_free(d->input);
    mem_free(d);
}

static int set_input(struct avcodec_decoder *d, const uint8_t *frame, size_t len)
{
    size_t size = len + AV_INPUT_BUFFER_PADDING_SIZE;

    if (len > MAX_ENCODED_FRAME_BYTES)
        return E_LIMIT;
    if (size > d->input_size) {
        uint8_t *input = mem_try_realloc(d->input, size);

        if (input == NULL)
            return E_NO_MEMORY;
        d->input = input;
        d->input_size = size;
    }
    memcpy(d->input, frame, len);
    memset(d->input + len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    d->packet->data = d->input;
    d->packet->size = (int)len;
    return 0;
}

static void on_returned(void *arg)
{
    AVFrame *frame = arg;

    av_frame_free(&frame);
}

static int lend(struct avcodec_decoder *d, struct picture **out)
{
    const AVFrame *f = d->frame;
    const struct picture_view v = {
        .plane = {f->data[0], f->data[1], f->data[2]},
        .stride = {f->linesize[0], f->linesize[1], f->linesize[2]},
        .width = f->width,
        .height = f->height,
    };
    AVFrame *kept;

    if (f->format != AV_PIX_FMT_YUV420P && f->format != AV_PIX_FMT_YUVJ420P)
        return E_UNSUPPORTED;
    if (!picture_size_is_allowed(f->width, f->height))
        return E_LIMIT;
    if (f->format == AV_PIX_FMT_YUVJ420P || f->color_range == AVCOL_RANGE_JPEG)
        return picture_limit_range(out, d->base.pool, &v);
    kept = av_frame_clone(f);
    if (kept != NULL)
        *out = picture_lend(d->base.pool, &v, on_returned, kept);
    if (kept != NULL && *out == NULL)
        av_frame_free(&kept);
    return kept != NULL ? 0 : E_NO_MEMORY;
}

static int error_of(int averror)
{
    return averror == AVERROR(ENOMEM) ? E_NO_MEMORY : E_MALFORMED;
}

/* The last picture counts; one frame has one, or none. */
static int receive(struct avcodec_decoder *d, struct picture **out)
{
    int err = 0, result;

    while (err == 0 && (result = avcodec_receive_frame(d->ctx, d->frame)) != AVERROR(EAGAIN)) {
        if (result < 0)
            return error_of(result);
        picture_unref(out);
        if (d->frame->decode_error_flags != 0 || (d->frame->flags & AV_FRAME_FLAG_CORRUPT))
            err = E_MALFORMED;
        else
            err = lend(d, out);
        av_frame_unref(d->frame);
    }
    return err;
}

static int decode(struct video_decoder *base, const uint8_t *frame, size_t len,
                  struct picture **out)
{
    struct avcodec_decoder *d = (struct avcodec_decoder *)(void *)base;
    int err = set_input(d, frame, len), result;

    if (err != 0)
        return err;
    result = avcodec_send_packet(d->ctx, d->packet);
    err = result < 0 ? error_of(result) : receive(d, out);
    if (err != 0) {
        picture_unref(out);
        avcodec_flush_buffers(d->ctx); /* nothing of it is left to come out later */
    }
    return err;
}

static int open_context(struct avcodec_decoder *d, const AVCodec *codec)
{
    d->ctx = avcodec_alloc_context3(codec);
    d->packet = av_packet_alloc();
    d->frame = av_frame_alloc();
    if (d->ctx == NULL || d->packet == NULL || d->frame == NULL)
        return E_NO_MEMORY;
    d->ctx->thread_count = 1;
    d->ctx->flags |= AV_CODEC_FLAG_LOW_DELAY;
    d->ctx->max_pixels = MAX_PICTURE_PIXELS;
    d->ctx->apply_cropping = 1;
    return avcodec_open2(d->ctx, codec, NULL) == 0 ? 0 : E_UNSUPPORTED;
}

int coder_avcodec_new_decoder(struct video_decoder **out, enum codec_id codec)
{
    static const struct video_decoder_ops ops = {.decode = decode, .free = free_decoder};
    const AVCodec *av = avcodec_find_decoder_by_name(codec == CODEC_H264 ? "h264" : "libdav1d");
    struct avcodec_decoder *d;
    int err;

    if (av == NULL)
        return E_UNSUPPORTED;
    av_log_set_level(AV_LOG_QUIET); /* what remotes send is counted, not logged */
    d = mem_try_alloc(sizeof(*d));
    if (d == NULL)
        return E_NO_MEMORY;
    d->base.ops = &ops;
    err = open_context(d, av);
    if (err != 0)
        free_decoder(&d->base);
    else
        *out = &d->base;
    return err;
}
