/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the codec. Then frames, each behind two bytes of length. The libraries that decode are not instrumented; what is
 * looked for is what we do before and after them: sizes, lent pictures, memory.
 */
#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/wire.h"
#include "mixer/video_decoder.h"

#define MAX_FRAMES 20
#define POOL_BYTES (16u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All of a picture can be read. */
static void read_picture(const struct picture *p)
{
    unsigned sum = 0;

    CHECK(picture_size_is_allowed(p->view.width, p->view.height));
    for (int i = 0; i < PICTURE_PLANES; i++) {
        int width = i == 0 ? p->view.width : picture_chroma(p->view.width);
        int height = i == 0 ? p->view.height : picture_chroma(p->view.height);

        for (int y = 0; y < height; y += 7)
            sum += p->view.plane[i][(ptrdiff_t)y * p->view.stride[i] + width - 1];
    }
    CHECK(sum < UINT32_MAX); /* so that it is read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum codec_id codecs[] = {CODEC_VP8, CODEC_VP9, CODEC_H264, CODEC_AV1};
    struct reader r = reader_of(data, size);
    enum codec_id codec = codecs[reader_u8(&r) % ARRAY_LEN(codecs)];
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    struct video_decoder *d;
    struct picture *kept = NULL;

    CHECK(video_decoder_new(&d, codec, pool) == 0);
    for (int i = 0; i < MAX_FRAMES && reader_left(&r) > 2; i++) {
        size_t len = reader_u16(&r);
        uint8_t *copy;
        struct picture *p;
        int err;

        len = len < reader_left(&r) ? len : reader_left(&r);
        copy = mem_alloc(len);
        if (len > 0)
            memcpy(copy, reader_bytes(&r, len), len);
        err = video_decoder_decode(d, copy, len, &p);
        CHECK(err <= 0 && (err == 0 || p == NULL));
        if (p != NULL)
            read_picture(p);
        if (kept == NULL || len % 2 == 0) { /* some are held while decoding goes on */
            picture_unref(&kept);
            kept = p;
        } else {
            picture_unref(&p);
        }
        mem_free(copy);
    }
    if (size % 2 == 0)
        picture_unref(&kept);
    video_decoder_free(&d);
    if (kept != NULL)
        read_picture(kept);
    picture_unref(&kept);
    picture_pool_free(&pool);
    return 0;
}
