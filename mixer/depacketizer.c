/* SPDX-License-Identifier: Apache-2.0 */
/* depacketizer.c - the table of codecs, and the memory of the frame that they fill. */
#include "mixer/depacketizer.h"

#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

#define FIRST_BYTES 16384u

const struct depacketizer *depacketizer_of(enum codec_id codec)
{
    static const struct depacketizer *const of[CODEC_COUNT] = {
        [CODEC_VP8] = &depacketizer_vp8,
        [CODEC_VP9] = &depacketizer_vp9,
        [CODEC_H264] = &depacketizer_h264,
        [CODEC_AV1] = &depacketizer_av1,
    };

    return codec < CODEC_COUNT ? of[codec] : NULL;
}

void depacketizer_frame_clear(struct depacketizer_frame *f)
{
    *f = (struct depacketizer_frame){.data = f->data, .size = f->size};
}

void depacketizer_frame_fini(struct depacketizer_frame *f)
{
    mem_free(f->data);
    *f = (struct depacketizer_frame){0};
}

static int make_room(struct depacketizer_frame *f, size_t bytes)
{
    size_t size = f->size > 0 ? f->size : FIRST_BYTES;
    uint8_t *data;

    if (bytes > MAX_ENCODED_FRAME_BYTES - f->len)
        return E_LIMIT;
    if (f->len + bytes <= f->size)
        return 0;
    while (size < f->len + bytes)
        size *= 2;
    data = mem_try_realloc(f->data, MIN(size, (size_t)MAX_ENCODED_FRAME_BYTES));
    if (data == NULL)
        return E_NO_MEMORY;
    f->data = data;
    f->size = MIN(size, (size_t)MAX_ENCODED_FRAME_BYTES);
    return 0;
}

int depacketizer_frame_add(struct depacketizer_frame *f, const void *bytes, size_t len)
{
    int err = make_room(f, len);

    if (err != 0 || len == 0)
        return err;
    memcpy(f->data + f->len, bytes, len);
    f->len += len;
    return 0;
}
