/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_vp9.c - the VP9 payload descriptor (RFC 9628 s4.2).
 *
 *       0 1 2 3 4 5 6 7
 *      |I|P|L|F|B|E|V|Z|
 *  I:  |M| PICTURE ID  |   M: one byte more
 *  L:  | TID |U| SID |D|   and, unless F: one byte TL0PICIDX
 *  P,F:|   P_DIFF    |N|   up to three, N: another follows
 *  V:  the scalability structure, s4.2.1
 */
#include "core/payload_vp9.h"

#include "core/err.h"
#include "core/wire.h"

#define HEAD_PICTURE_ID 0x80
#define HEAD_PREDICTED 0x40
#define HEAD_LAYER 0x20
#define HEAD_FLEXIBLE 0x10
#define HEAD_FRAME_START 0x08
#define HEAD_FRAME_END 0x04
#define HEAD_SCALABILITY 0x02
#define HEAD_NOT_REFERENCE 0x01

static void parse_picture_id(struct vp9_descriptor *d, struct reader *r)
{
    d->picture_id_at = 1; /* behind the first byte */
    uint8_t b = reader_u8(r);

    d->has_picture_id = true;
    d->picture_id_is_15bit = (b & 0x80) != 0;
    d->picture_id = b & 0x7F;
    if (d->picture_id_is_15bit)
        d->picture_id = (uint16_t)(d->picture_id << 8 | reader_u8(r));
}

static void parse_layer(struct vp9_descriptor *d, struct reader *r, const uint8_t *payload)
{
    uint8_t b = reader_u8(r);

    d->has_layer = true;
    d->temporal = b >> 5;
    d->is_switching_up_point = (b & 0x10) != 0;
    d->spatial = (b >> 1) & 7;
    d->depends_on_lower = (b & 1) != 0;
    if (!d->is_flexible) {
        d->has_tl0picidx = true;
        d->tl0picidx_at = (uint8_t)(r->pos - payload);
        d->tl0picidx = reader_u8(r);
    }
}

/* False when a fourth reference is announced. */
static bool parse_references(struct vp9_descriptor *d, struct reader *r)
{
    while (d->p_diff_count < VP9_MAX_P_DIFFS) {
        uint8_t b = reader_u8(r);
        d->p_diff[d->p_diff_count++] = b >> 1;
        if (!(b & 1))
            return true;
    }
    return false;
}

/* s4.2.1: N_S, Y and G; a size for each spatial layer; the picture group. The contents of the last are skipped: a receiver
 * places a picture in the group by its PictureID, for which reason those are never closed up (forwarder.h). */
static void parse_scalability(struct vp9_descriptor *d, struct reader *r)
{
    uint8_t b = reader_u8(r);

    d->has_scalability = true;
    d->spatial_layers = (uint8_t)((b >> 5) + 1);
    d->has_sizes = (b & 0x10) != 0;
    for (size_t i = 0; d->has_sizes && i < d->spatial_layers; i++) {
        d->width[i] = reader_u16(r);
        d->height[i] = reader_u16(r);
    }
    if (!(b & 0x08))
        return;
    d->picture_group = reader_u8(r);
    for (unsigned left = d->picture_group; left > 0; left--)
        reader_skip(r, (reader_u8(r) >> 2) & 3u); /* TID, U, R: as many P_DIFFs */
}

int vp9_parse(struct vp9_descriptor *out, const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    struct vp9_descriptor d = {0};
    uint8_t head = reader_u8(&r);

    d.is_predicted = (head & HEAD_PREDICTED) != 0;
    d.is_flexible = (head & HEAD_FLEXIBLE) != 0;
    d.is_frame_start = (head & HEAD_FRAME_START) != 0;
    d.is_frame_end = (head & HEAD_FRAME_END) != 0;
    d.is_not_reference = (head & HEAD_NOT_REFERENCE) != 0;
    if (head & HEAD_PICTURE_ID)
        parse_picture_id(&d, &r);
    if (head & HEAD_LAYER)
        parse_layer(&d, &r, payload);
    if (d.is_predicted && d.is_flexible && !parse_references(&d, &r))
        return E_MALFORMED;
    if (head & HEAD_SCALABILITY)
        parse_scalability(&d, &r);
    if (reader_left(&r) == 0) /* failed, or no byte of the picture behind it */
        return E_MALFORMED;
    d.bytes = (uint16_t)(r.pos - payload); /* 789 at most */
    d.is_keyframe = d.is_frame_start && !d.is_predicted && d.spatial == 0;
    *out = d;
    return 0;
}
