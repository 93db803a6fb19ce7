/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_vpx_decoder.c - VP8 and VP9 decoding.
 *
 * Pictures are lent out of libvpx's reference frames; those stay as they are until the next frame goes in. A decoder that is freed
 * while its picture is out lives on until that comes back.
 *
 * VP9 takes the memory of its frames from us, so that a frame inside a frame, whose size nobody looked at, cannot take much.
 */
#include <string.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "mixer/video_coder_internal.h"

/* Eight references, the frame that is decoded, and one that is shown (libvpx: VP9_MAXIMUM_REF_BUFFERS, VPX_MAXIMUM_WORK_BUFFERS). */
#define VP9_BUFFERS 16
/* The largest picture, 4:2:0, with libvpx's border of 160 samples on each side. */
#define VP9_MAX_BUFFER_BYTES ((size_t)MAX_PICTURE_PIXELS * 3)

struct buffer {
    uint8_t *memory;
    size_t bytes;
    bool is_used;
};

struct vpx_decoder {
    struct video_decoder base;
    vpx_codec_ctx_t ctx;
    enum codec_id codec;
    struct picture *lent;
    bool is_freed; /* and waits for lent */
    struct buffer buffer[VP9_BUFFERS];
};

/* --- life -------------------------------------------------------------------------------------------- */

static void destroy(struct vpx_decoder *d)
{
    vpx_codec_destroy(&d->ctx);
    for (size_t i = 0; i < VP9_BUFFERS; i++)
        mem_free(d->buffer[i].memory);
    mem_free(d);
}

static void on_returned(void *arg)
{
    struct vpx_decoder *d = arg;

    d->lent = NULL;
    if (d->is_freed)
        destroy(d);
}

static void free_decoder(struct video_decoder *base)
{
    struct vpx_decoder *d = (struct vpx_decoder *)(void *)base;

    if (d->lent == NULL)
        destroy(d);
    else
        d->is_freed = true;
}

/* --- VP9's memory ------------------------------------------------------------------------------------ */

static int take_buffer(void *arg, size_t min_bytes, vpx_codec_frame_buffer_t *out)
{
    struct vpx_decoder *d = arg;
    struct buffer *b = NULL;

    for (size_t i = 0; i < VP9_BUFFERS && b == NULL; i++)
        if (!d->buffer[i].is_used)
            b = &d->buffer[i];
    if (b == NULL || min_bytes > VP9_MAX_BUFFER_BYTES)
        return -1;
    if (b->bytes < min_bytes) {
        mem_free(b->memory);
        *b = (struct buffer){.memory = mem_try_alloc_aligned(min_bytes)};
        if (b->memory == NULL)
            return -1;
        b->bytes = min_bytes;
    }
    b->is_used = true;
    *out = (vpx_codec_frame_buffer_t){.data = b->memory, .size = b->bytes, .priv = b};
    return 0;
}

static int return_buffer(void *arg, vpx_codec_frame_buffer_t *fb)
{
    struct buffer *b = fb->priv;

    (void)arg;
    if (b != NULL)
        b->is_used = false;
    fb->priv = NULL;
    return 0;
}

/* --- decoding ---------------------------------------------------------------------------------------- */

static int lend(struct vpx_decoder *d, const vpx_image_t *img, struct picture **out)
{
    struct picture_view v = {
        .plane = {img->planes[VPX_PLANE_Y], img->planes[VPX_PLANE_U], img->planes[VPX_PLANE_V]},
        .stride = {img->stride[VPX_PLANE_Y], img->stride[VPX_PLANE_U], img->stride[VPX_PLANE_V]},
        .width = (int)img->d_w,
        .height = (int)img->d_h,
    };

    if (img->fmt != VPX_IMG_FMT_I420)
        return E_UNSUPPORTED;
    if (!picture_size_is_allowed(img->d_w, img->d_h))
        return E_LIMIT;
    if (img->range == VPX_CR_FULL_RANGE)
        return picture_limit_range(out, d->base.pool, &v);
    d->lent = picture_lend(d->base.pool, &v, on_returned, d);
    *out = d->lent;
    return d->lent != NULL ? 0 : E_NO_MEMORY;
}

/* The picture that was given out last is about to be overwritten. */
static int take_back(struct vpx_decoder *d)
{
    if (d->lent == NULL)
        return 0;
    d->base.stats.copied++;
    return picture_detach(d->lent);
}

static int decode(struct video_decoder *base, const uint8_t *frame, size_t len,
                  struct picture **out)
{
    struct vpx_decoder *d = (struct vpx_decoder *)(void *)base;
    vpx_codec_iter_t iter = NULL;
    const vpx_image_t *img, *last = NULL;
    int corrupted = 0;
    int err = coder_vpx_check_size(d->codec, frame, len);

    if (err == 0 && len > MAX_ENCODED_FRAME_BYTES)
        err = E_LIMIT;
    if (err == 0)
        err = take_back(d);
    if (err != 0)
        return err;
    if (vpx_codec_decode(&d->ctx, frame, (unsigned)len, NULL, 0) != VPX_CODEC_OK)
        return E_MALFORMED;
    while ((img = vpx_codec_get_frame(&d->ctx, &iter)) != NULL)
        last = img;
    if (last == NULL)
        return 0;
    if (vpx_codec_control(&d->ctx, VP8D_GET_FRAME_CORRUPTED, &corrupted) != VPX_CODEC_OK ||
        corrupted)
        return E_MALFORMED;
    return lend(d, last, out);
}

int coder_vpx_new_decoder(struct video_decoder **out, enum codec_id codec)
{
    static const struct video_decoder_ops ops = {.decode = decode, .free = free_decoder};
    vpx_codec_iface_t *iface = codec == CODEC_VP8 ? vpx_codec_vp8_dx() : vpx_codec_vp9_dx();
    const vpx_codec_dec_cfg_t config = {.threads = 1};
    struct vpx_decoder *d = mem_try_alloc(sizeof(*d));

    if (d == NULL)
        return E_NO_MEMORY;
    d->base.ops = &ops;
    d->codec = codec;
    if (vpx_codec_dec_init(&d->ctx, iface, &config, 0) != VPX_CODEC_OK) {
        mem_free(d);
        return E_NO_MEMORY;
    }
    if (codec == CODEC_VP9 && vpx_codec_set_frame_buffer_functions(
                                  &d->ctx, take_buffer, return_buffer, d) != VPX_CODEC_OK) {
        destroy(d);
        return E_UNSUPPORTED;
    }
    *out = &d->base;
    return 0;
}
