/* SPDX-License-Identifier: Apache-2.0 */
/* video_decoder.c - codecs to backends, and the counting. */
#include "mixer/video_decoder.h"

#include "core/err.h"
#include "mixer/video_coder_internal.h"

int video_decoder_new(struct video_decoder **out, enum codec_id codec, struct picture_pool *pool)
{
    struct video_decoder *d = NULL;
    int err = E_UNSUPPORTED;

    if (codec == CODEC_VP8 || codec == CODEC_VP9)
        err = coder_vpx_new_decoder(&d, codec);
    else if (codec == CODEC_H264 || codec == CODEC_AV1)
        err = coder_avcodec_new_decoder(&d, codec);
    if (err != 0)
        return err;
    d->pool = pool;
    *out = d;
    return 0;
}

void video_decoder_free(struct video_decoder **d)
{
    if (*d != NULL)
        (*d)->ops->free(*d);
    *d = NULL;
}

int video_decoder_decode(struct video_decoder *d, const uint8_t *frame, size_t len,
                         struct picture **out)
{
    int err = len > 0 ? 0 : E_MALFORMED;

    *out = NULL;
    if (err == 0)
        err = d->ops->decode(d, frame, len, out);
    d->stats.errors += err != 0;
    d->stats.pictures += *out != NULL;
    return err;
}

const struct video_decoder_stats *video_decoder_read_stats(const struct video_decoder *d)
{
    return &d->stats;
}
