/* SPDX-License-Identifier: Apache-2.0 */
/* packetizer.c - what the codecs have in common: equal parts, and when a frame is done. */
#include "mixer/packetizer.h"

#include "core/check.h"
#include "core/err.h"
#include "mixer/packetizer_internal.h"

#define MIN_PAYLOAD_BYTES 32 /* any descriptor, and some of the frame */

void packetizer_cut(struct packetizer *p, size_t at, size_t len, size_t max)
{
    p->at = at;
    p->end = at + len;
    p->parts = (unsigned)((len + max - 1) / max);
    p->part = 0;
}

/* The longer parts come first. */
size_t packetizer_take_part(struct packetizer *p)
{
    size_t left = p->end - p->at, parts_left = p->parts - p->part;
    size_t len = (left + parts_left - 1) / parts_left;

    p->part++;
    p->at += len;
    return len;
}

void packetizer_init(struct packetizer *p, enum codec_id codec, size_t max_bytes, uint32_t random)
{
    CHECK((codec == CODEC_VP8 || codec == CODEC_H264) && max_bytes >= MIN_PAYLOAD_BYTES);
    *p = (struct packetizer){
        .codec = codec,
        .max_bytes = max_bytes,
        .vp8 = {.picture_id = random & 0x7FFF,
                .tl0picidx = (uint8_t)(random >> 15),
                .keyidx = (random >> 23) & 31},
    };
}

int packetizer_begin(struct packetizer *p, const struct outgoing_frame *frame)
{
    packetizer_cut(p, 0, 0, 1);
    p->nals = p->next_nal = 0;
    p->frame = *frame;
    if (frame->len == 0)
        return E_INVALID;
    return p->codec == CODEC_VP8 ? packetizer_begin_vp8(p) : packetizer_begin_h264(p);
}

size_t packetizer_next(struct packetizer *p, uint8_t *out, size_t size, bool *is_last)
{
    struct writer w = writer_of(out, size);

    CHECK(size >= p->max_bytes);
    if (p->part == p->parts && p->next_nal == p->nals)
        return 0;
    if (p->codec == CODEC_VP8)
        packetizer_next_vp8(p, &w);
    else
        packetizer_next_h264(p, &w);
    CHECK(!w.failed);
    *is_last = p->part == p->parts && p->next_nal == p->nals;
    return writer_len(&w);
}
