/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depacketizer_av1.c - AV1 (RTP payload format for AV1, s4 and s5) to a temporal unit in the low-overhead format.
 *
 *   payload: |Z|Y|W  |N|-|-|-|  elements, each with its size as LEB128, but the last one of W
 *   OBU:     |F| type  |X|S|-|  S: a size follows (and, before it, X: one byte of layer ids)
 *
 * On the wire OBUs come without their size field, cut where packets end. Decoders want it, so it is put in when an OBU is there.
 */
#include "core/err.h"
#include "core/payload_av1.h"
#include "core/wire.h"
#include "mixer/depacketizer.h"

#define HEAD_CONTINUES 0x80 /* Z */
#define HEAD_GOES_ON 0x40   /* Y */

static int look(const uint8_t *payload, size_t len, struct payload_place *out)
{
    struct av1_payload a;
    int err = av1_parse(&a, payload, len);

    if (err == 0)
        *out = (struct payload_place){.is_first = a.is_keyframe, .is_keyframe = a.is_keyframe};
    return err;
}

static size_t write_leb128(uint8_t out[AV1_MAX_LEB128_BYTES], size_t v)
{
    size_t n = 0;

    do {
        out[n] = (uint8_t)((v & 0x7F) | (v > 0x7F ? 0x80 : 0));
        v >>= 7;
        n++;
    } while (v > 0);
    return n;
}

/* s5: temporal delimiters and tile lists are to be left out, padding may be. */
static bool is_wanted(uint8_t header)
{
    unsigned type = OBU_TYPE(header);

    return type != OBU_TEMPORAL_DELIMITER && type != OBU_TILE_LIST && type != OBU_PADDING;
}

/* The OBU at obu_at is complete: give it a size field, or take it out. */
static int finish_obu(struct depacketizer_frame *f)
{
    struct reader r = reader_of(f->data + f->obu_at, f->len - f->obu_at);
    uint8_t header = reader_u8(&r), leb128[AV1_MAX_LEB128_BYTES];
    size_t head_bytes, body_bytes, n, body_from;
    int err;

    if (header & OBU_HAS_EXTENSION)
        reader_skip(&r, 1);
    head_bytes = (size_t)(r.pos - (f->data + f->obu_at));
    if (header & OBU_HAS_SIZE)
        r = reader_sub(&r, av1_read_leb128(&r));
    if (r.failed)
        return E_MALFORMED;
    if (!is_wanted(header)) {
        f->len = f->obu_at;
        return 0;
    }
    body_bytes = reader_left(&r);
    body_from = (size_t)(r.pos - f->data);
    n = write_leb128(leb128, body_bytes);
    f->len = body_from + body_bytes;
    err = depacketizer_frame_add(f, leb128, n); /* for its room; this may move data */
    if (err != 0)
        return err;
    f->data[f->obu_at] = header | OBU_HAS_SIZE;
    memmove(f->data + f->obu_at + head_bytes + n, f->data + body_from, body_bytes);
    memcpy(f->data + f->obu_at + head_bytes, leb128, n);
    f->len = f->obu_at + head_bytes + n + body_bytes;
    return 0;
}

static int add_element(struct depacketizer_frame *f, struct reader obu, bool continues,
                       bool goes_on)
{
    int err;

    if (obu.failed || continues != f->is_in_fragment)
        return E_MALFORMED;
    if (!continues)
        f->obu_at = f->len;
    err = depacketizer_frame_add(f, obu.pos, reader_left(&obu));
    if (err != 0)
        return err;
    f->is_in_fragment = goes_on;
    return goes_on || f->len == f->obu_at ? 0 : finish_obu(f);
}

static int add(struct depacketizer_frame *f, const uint8_t *payload, size_t len)
{
    static const uint8_t temporal_delimiter[] = {OBU_TEMPORAL_DELIMITER << 3 | OBU_HAS_SIZE, 0};
    struct reader r = reader_of(payload, len);
    uint8_t head = reader_u8(&r);
    unsigned w = (head >> 4) & 3;
    int err = r.failed || reader_left(&r) == 0 ? E_MALFORMED : 0;

    if (err == 0 && f->len == 0)
        err = depacketizer_frame_add(f, temporal_delimiter, sizeof(temporal_delimiter));
    for (unsigned i = 0; err == 0 && (w == 0 ? reader_left(&r) > 0 : i < w); i++) {
        size_t bytes = i + 1 == w ? reader_left(&r) : av1_read_leb128(&r);
        struct reader obu = reader_sub(&r, bytes);
        bool is_last = w == 0 ? reader_left(&r) == 0 : i + 1 == w;

        err = add_element(f, obu, i == 0 && (head & HEAD_CONTINUES),
                          is_last && (head & HEAD_GOES_ON));
    }
    return err;
}

static bool is_whole(const struct depacketizer_frame *f)
{
    return !f->is_in_fragment && f->len > 2;
}

const struct depacketizer depacketizer_av1 = {.look = look, .add = add, .is_whole = is_whole};
