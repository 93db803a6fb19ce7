/* SPDX-License-Identifier: Apache-2.0 */
/* vp8_packetizer.c - see vp8_packetizer.h. */
#include "bench/loadgen/vp8_packetizer.h"

#include <string.h>

#include "core/wire.h"

#define ROOM_BYTES (VP8_MAX_PAYLOAD_BYTES - VP8_DESCRIPTOR_BYTES)
#define TRAILER_MAGIC 0x7061726c65796265ull

void vp8_packetizer_next_frame(struct vp8_packetizer *p)
{
    p->picture_id = (p->picture_id + 1) & 0x7fff;
    p->tl0picidx++;
}

size_t vp8_payload_count(size_t frame_bytes)
{
    return (frame_bytes + FRAME_TRAILER_BYTES + ROOM_BYTES - 1) / ROOM_BYTES;
}

/* RFC 7741 s4.2. */
static void write_descriptor(const struct vp8_packetizer *p, bool is_first, uint8_t *out)
{
    out[0] =
        (uint8_t)(0x80 | (is_first ? 0x10 : 0)); /* X, S; partition 0: the rest follows in it */
    out[1] = 0x80 | 0x40 | 0x20;                 /* I, L, T */
    wire_put_u16(out + 2, 0x8000 | p->picture_id);
    out[4] = p->tl0picidx;
    out[5] = 0; /* TID 0 */
}

/* Bytes @from .. @from + @n of frame and trailer. */
static void copy_part(uint8_t *out, const uint8_t *frame, size_t frame_bytes, size_t from, size_t n)
{
    size_t of_frame = from < frame_bytes ? frame_bytes - from : 0;

    if (of_frame > n)
        of_frame = n;
    if (of_frame > 0)
        memcpy(out, frame + from, of_frame);
    memset(out + of_frame, 0, n - of_frame);
}

size_t vp8_payload_write(const struct vp8_packetizer *p, const uint8_t *frame, size_t frame_bytes,
                         size_t index, size_t count, uint8_t out[VP8_MAX_PAYLOAD_BYTES])
{
    size_t total = frame_bytes + FRAME_TRAILER_BYTES, each = total / count, longer = total % count;
    size_t shorter = count - longer; /* the first ones */
    size_t from = index * each + (index > shorter ? index - shorter : 0);
    size_t n = each + (index >= shorter ? 1 : 0);

    write_descriptor(p, index == 0, out);
    copy_part(out + VP8_DESCRIPTOR_BYTES, frame, frame_bytes, from, n);
    return VP8_DESCRIPTOR_BYTES + n;
}

void frame_trailer_stamp(uint8_t *payload, size_t len, uint64_t sent_us)
{
    struct writer w = writer_of(payload + len - FRAME_TRAILER_BYTES, FRAME_TRAILER_BYTES);

    writer_u64(&w, TRAILER_MAGIC);
    writer_u64(&w, sent_us);
}

bool frame_trailer_read(const uint8_t *payload, size_t len, uint64_t *sent_us)
{
    struct reader r;

    if (len < FRAME_TRAILER_BYTES)
        return false;
    r = reader_of(payload + len - FRAME_TRAILER_BYTES, FRAME_TRAILER_BYTES);
    if (reader_u64(&r) != TRAILER_MAGIC)
        return false;
    *sent_us = reader_u64(&r);
    return true;
}
