/* SPDX-License-Identifier: Apache-2.0 */
/* payload_h264.c - NAL unit types behind the three packetizations of mode 1 (RFC 6184 s5.6, s5.7.1, s5.8). */
#include "core/payload_h264.h"

#include "core/err.h"
#include "core/wire.h"

/* H.264 table 7-1, and RFC 6184 s5.2 from 24 on */
#define NAL_SLICE 1
#define NAL_SLICE_A 2 /* data partition A begins like a slice; B and C follow it */
#define NAL_IDR 5
#define NAL_SEI 6
#define NAL_SPS 7
#define NAL_PPS 8
#define NAL_DELIMITER 9
#define NAL_PREFIX 14 /* 14..18: like 6..9 only in front of a picture (H.264 s7.4.1.2.3) */
#define NAL_RESERVED_18 18
#define NAL_LAST_SINGLE 23
#define NAL_STAP_A 24
#define NAL_FU_A 28

#define NAL_TYPE(byte) ((byte)&0x1F)
#define FU_START 0x80

/* A slice header begins with first_mb_in_slice, an Exp-Golomb number: 0 is the single bit 1. */
static bool is_first_slice(const uint8_t *body, size_t len)
{
    return len > 0 && (body[0] & 0x80) != 0;
}

/* One NAL unit, @body without its header byte and perhaps only its beginning. */
static void look_at_nal(struct h264_payload *h, uint8_t type, const uint8_t *body, size_t len)
{
    if (type == NAL_SPS) {
        h->has_sps = true;
        h->is_keyframe = true;
    }
    if (type == NAL_IDR && is_first_slice(body, len))
        h->is_keyframe = true;
    if (type == NAL_SLICE || type == NAL_SLICE_A || type == NAL_IDR)
        h->is_frame_start |= is_first_slice(body, len);
    else if ((type >= NAL_SEI && type <= NAL_DELIMITER) ||
             (type >= NAL_PREFIX && type <= NAL_RESERVED_18))
        h->is_frame_start = true;
}

/* s5.7.1: 16 bits of size and a NAL unit, again and again. */
static bool look_at_aggregate(struct h264_payload *h, struct reader r)
{
    while (reader_left(&r) > 0) {
        struct reader nal = reader_sub(&r, reader_u16(&r));
        uint8_t head = reader_u8(&nal);

        if (nal.failed)
            return false;
        look_at_nal(h, NAL_TYPE(head), nal.pos, reader_left(&nal));
    }
    return !r.failed;
}

/* s5.8: the fragment header carries the type; only the first fragment holds the NAL unit's beginning. */
static bool look_at_fragment(struct h264_payload *h, struct reader r)
{
    uint8_t fu = reader_u8(&r);

    if (reader_left(&r) == 0)
        return false;
    if (fu & FU_START)
        look_at_nal(h, NAL_TYPE(fu), r.pos, reader_left(&r));
    return true;
}

int h264_parse(struct h264_payload *out, const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    struct h264_payload h = {0};
    uint8_t type = NAL_TYPE(reader_u8(&r));
    bool ok = !r.failed;

    if (ok && type == NAL_STAP_A)
        ok = reader_left(&r) > 0 && look_at_aggregate(&h, r);
    else if (ok && type == NAL_FU_A)
        ok = look_at_fragment(&h, r);
    else if (ok && type <= NAL_LAST_SINGLE)
        look_at_nal(&h, type, r.pos, reader_left(&r));
    if (!ok)
        return E_MALFORMED;
    *out = h;
    return 0;
}
