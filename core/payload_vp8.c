/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_vp8.c - the VP8 payload descriptor (RFC 7741 s4.2) and the first bytes of a keyframe (RFC 6386 s9.1).
 *
 *       0 1 2 3 4 5 6 7
 *      |X|R|N|S|R| PID |
 *  X:  |I|L|T|K|  RSV  |
 *  I:  |M| PictureID   |  M: one byte more
 *  L:  |   TL0PICIDX   |
 *  T/K:|TID|Y| KEYIDX  |
 */
#include "core/payload_vp8.h"

#include "core/err.h"
#include "core/wire.h"

#define HEAD_EXTENDED 0x80
#define HEAD_NON_REFERENCE 0x20
#define HEAD_START 0x10
#define HEAD_PARTITION 0x07
#define EXT_PICTURE_ID 0x80
#define EXT_TL0PICIDX 0x40
#define EXT_TID 0x20
#define EXT_KEYIDX 0x10
#define PICTURE_ID_IS_LONG 0x80
#define FRAME_IS_INTER 0x01
#define KEYIDX_MASK 0x1F

static uint8_t offset_of(const struct reader *r, const uint8_t *payload)
{
    return (uint8_t)(r->pos - payload); /* a descriptor is six bytes at most */
}

static void parse_extensions(struct vp8_descriptor *d, struct reader *r, const uint8_t *payload)
{
    uint8_t present = reader_u8(r);

    if (present & EXT_PICTURE_ID) {
        d->has_picture_id = true;
        d->picture_id_at = offset_of(r, payload);
        d->picture_id = reader_u8(r);
        d->picture_id_is_15bit = (d->picture_id & PICTURE_ID_IS_LONG) != 0;
        if (d->picture_id_is_15bit)
            d->picture_id = (uint16_t)((d->picture_id & 0x7F) << 8 | reader_u8(r));
    }
    if (present & EXT_TL0PICIDX) {
        d->has_tl0picidx = true;
        d->tl0picidx_at = offset_of(r, payload);
        d->tl0picidx = reader_u8(r);
    }
    if (present & (EXT_TID | EXT_KEYIDX)) {
        d->has_tid = (present & EXT_TID) != 0;
        d->has_keyidx = (present & EXT_KEYIDX) != 0;
        d->tid_keyidx_at = offset_of(r, payload);
        uint8_t b = reader_u8(r);
        d->tid = d->has_tid ? b >> 6 : 0;
        d->y = d->has_tid && (b & 0x20);
        d->keyidx = d->has_keyidx ? b & KEYIDX_MASK : 0;
    }
}

/* RFC 6386 s9.1: frame tag of three bytes, start code, then 14 bits of width and of height, little-endian. */
static void parse_keyframe_size(struct vp8_descriptor *d, struct reader frame)
{
    reader_skip(&frame, 3);
    if (reader_u24(&frame) != 0x9D012A)
        return; /* cut short, or encrypted end to end: the size stays unknown */
    const uint8_t *size = reader_bytes(&frame, 4);
    if (size == NULL)
        return;
    d->width = (uint16_t)((size[1] & 0x3F) << 8 | size[0]);
    d->height = (uint16_t)((size[3] & 0x3F) << 8 | size[2]);
}

int vp8_parse(struct vp8_descriptor *out, const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    struct vp8_descriptor d = {0};
    uint8_t head = reader_u8(&r);

    d.non_reference = (head & HEAD_NON_REFERENCE) != 0;
    d.start_of_partition = (head & HEAD_START) != 0;
    d.partition = head & HEAD_PARTITION;
    if (head & HEAD_EXTENDED)
        parse_extensions(&d, &r, payload);
    if (reader_left(&r) == 0) /* failed, or no byte of the picture behind it */
        return E_MALFORMED;
    d.bytes = offset_of(&r, payload);
    d.is_keyframe = d.start_of_partition && d.partition == 0 && !(r.pos[0] & FRAME_IS_INTER);
    if (d.is_keyframe)
        parse_keyframe_size(&d, r);
    *out = d;
    return 0;
}
