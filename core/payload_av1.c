/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_av1.c - the aggregation header, the walk over OBU elements, and what their headers tell.
 *
 *       0 1 2 3 4 5 6 7
 *      |Z|Y|W  |N|-|-|-|   W: number of elements, the last without a length; 0: all have one
 *  OBU:|F| type  |X|S|-|   X: |TID |SID|-|-|-|
 */
#include "core/payload_av1.h"

#include "core/err.h"
#include "core/wire.h"

#define HEAD_Z 0x80
#define HEAD_Y 0x40
#define HEAD_N 0x08

size_t av1_read_leb128(struct reader *r)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < AV1_MAX_LEB128_BYTES; i++) {
        uint8_t b = reader_u8(r);
        v |= (uint64_t)(b & 0x7F) << (7 * i);
        if (!(b & 0x80))
            return (size_t)v;
    }
    r->failed = true;
    return 0;
}

/* An element that begins with an OBU header. */
static void look_at_obu(struct av1_payload *a, struct reader obu, bool is_first)
{
    if (reader_left(&obu) == 0)
        return;
    uint8_t head = reader_u8(&obu);
    unsigned type = OBU_TYPE(head);

    if ((head & OBU_HAS_EXTENSION) && !a->has_layer && reader_left(&obu) > 0) {
        uint8_t ext = reader_u8(&obu);
        a->has_layer = true;
        a->temporal = ext >> 5;
        a->spatial = (ext >> 3) & 3;
    }
    if (is_first)
        a->is_frame_start = type != OBU_TILE_GROUP && type != OBU_REDUNDANT_FRAME_HEADER &&
                            type != OBU_TILE_LIST && type != OBU_PADDING;
}

static bool look_at_elements(struct av1_payload *a, struct reader *r, unsigned w)
{
    unsigned i = 0;

    for (; w == 0 ? reader_left(r) > 0 : i < w; i++) {
        size_t len = i + 1 == w ? reader_left(r) : av1_read_leb128(r);
        struct reader obu = reader_sub(r, len);

        if (obu.failed)
            return false;
        if (i > 0 || !a->begins_with_fragment)
            look_at_obu(a, obu, i == 0);
    }
    return true;
}

int av1_parse(struct av1_payload *out, const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    struct av1_payload a = {0};
    uint8_t head = reader_u8(&r);

    a.begins_with_fragment = (head & HEAD_Z) != 0;
    a.ends_with_fragment = (head & HEAD_Y) != 0;
    a.is_keyframe = (head & HEAD_N) != 0;
    if (reader_left(&r) == 0 || (a.is_keyframe && a.begins_with_fragment))
        return E_MALFORMED;
    if (!look_at_elements(&a, &r, (head >> 4) & 3))
        return E_MALFORMED;
    a.is_frame_start = a.is_frame_start && a.spatial == 0;
    *out = a;
    return 0;
}
