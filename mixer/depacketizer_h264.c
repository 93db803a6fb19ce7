/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depacketizer_h264.c - H.264, packetization modes 0 and 1 (RFC 6184 s5.6 to s5.8), to NAL units with start codes
 * (H.264 annex B).
 */
#include "core/err.h"
#include "core/payload_h264.h"
#include "core/wire.h"
#include "mixer/depacketizer.h"

#define NAL_TYPE(byte) ((byte)&0x1F)
#define NAL_IDR 5
#define NAL_LAST_SINGLE 23
#define NAL_STAP_A 24
#define NAL_FU_A 28

#define FU_START 0x80
#define FU_END 0x40

static int look(const uint8_t *payload, size_t len, struct payload_place *out)
{
    struct h264_payload h;
    int err = h264_parse(&h, payload, len);

    if (err == 0)
        *out = (struct payload_place){.is_first = h.has_sps, .is_keyframe = h.is_keyframe};
    return err;
}

/* Start code and header of a NAL unit, whose body follows. */
static int begin_nal(struct depacketizer_frame *f, uint8_t header)
{
    const uint8_t front[] = {0, 0, 0, 1, header};

    f->has_idr |= NAL_TYPE(header) == NAL_IDR;
    return depacketizer_frame_add(f, front, sizeof(front));
}

static int add_nal(struct depacketizer_frame *f, const uint8_t *nal, size_t len)
{
    int err;

    if (f->is_in_fragment || len == 0)
        return E_MALFORMED;
    err = begin_nal(f, nal[0]);
    return err != 0 ? err : depacketizer_frame_add(f, nal + 1, len - 1);
}

static int add_aggregate(struct depacketizer_frame *f, struct reader r)
{
    int err = 0;

    while (err == 0 && reader_left(&r) > 0) {
        struct reader nal = reader_sub(&r, reader_u16(&r));

        err = nal.failed ? E_MALFORMED : add_nal(f, nal.pos, reader_left(&nal));
    }
    return err;
}

static int add_fragment(struct depacketizer_frame *f, uint8_t indicator, struct reader r)
{
    uint8_t fu = reader_u8(&r);
    int err = 0;

    if (reader_left(&r) == 0 || f->is_in_fragment == ((fu & FU_START) != 0))
        return E_MALFORMED;
    if (fu & FU_START)
        err = begin_nal(f, (uint8_t)((indicator & 0xE0) | NAL_TYPE(fu)));
    f->is_in_fragment = (fu & FU_END) == 0;
    return err != 0 ? err : depacketizer_frame_add(f, r.pos, reader_left(&r));
}

static int add(struct depacketizer_frame *f, const uint8_t *payload, size_t len)
{
    struct reader r = reader_of(payload, len);
    uint8_t header = reader_u8(&r);
    uint8_t type = NAL_TYPE(header);

    if (r.failed)
        return E_MALFORMED;
    if (type == NAL_STAP_A)
        return add_aggregate(f, r);
    if (type == NAL_FU_A)
        return add_fragment(f, header, r);
    /* s5.2: what these modes do not have is ignored */
    return type > NAL_LAST_SINGLE ? 0 : add_nal(f, payload, len);
}

static bool is_whole(const struct depacketizer_frame *f)
{
    return !f->is_in_fragment && f->len > 0;
}

static bool is_keyframe(const struct depacketizer_frame *f)
{
    return f->has_idr;
}

const struct depacketizer depacketizer_h264 = {
    .look = look,
    .add = add,
    .is_whole = is_whole,
    .is_keyframe = is_keyframe,
};
