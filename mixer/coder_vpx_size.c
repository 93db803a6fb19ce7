/* SPDX-License-Identifier: Apache-2.0 */
/*
 * coder_vpx_size.c - the sizes that VP8 and VP9 frames announce, read before libvpx takes memory for them.
 *
 * VP8 (RFC 6386 s9.1) has a size in keyframes. VP9 (bitstream specification s7.2) has one in keyframes and intra-only frames, and may have
 * one in others; several frames may come as one superframe (annex B).
 */
#include "core/err.h"
#include "core/wire.h"
#include "mixer/video_coder_internal.h"

/* --- VP8 --------------------------------------------------------------------------------------------- */

static int check_vp8(struct reader r)
{
    uint8_t tag = reader_u8(&r);
    uint16_t width, height;

    reader_skip(&r, 2);
    if (r.failed)
        return E_MALFORMED;
    if (tag & 1) /* not a keyframe */
        return 0;
    reader_skip(&r, 3); /* the start code, which libvpx checks */
    width = reader_u8(&r);
    width |= (uint16_t)(reader_u8(&r) << 8);
    height = reader_u8(&r);
    height |= (uint16_t)(reader_u8(&r) << 8);
    if (r.failed)
        return E_MALFORMED;
    return picture_size_is_allowed(width & 0x3FFF, height & 0x3FFF) ? 0 : E_LIMIT;
}

/* --- VP9 --------------------------------------------------------------------------------------------- */

#define VP9_FRAME_MARKER 2
#define VP9_SYNC_CODE 0x498342u
#define VP9_CS_RGB 7
#define VP9_REFERENCES 3

struct bits {
    struct reader r;
    uint8_t byte;
    unsigned left;
};

static uint32_t read_bits(struct bits *b, unsigned n)
{
    uint32_t v = 0;

    for (; n > 0; n--) {
        if (b->left == 0) {
            b->byte = reader_u8(&b->r);
            b->left = 8;
        }
        b->left--;
        v = v << 1 | ((unsigned)b->byte >> b->left & 1u);
    }
    return v;
}

static int check_frame_size(struct bits *b)
{
    uint32_t width = read_bits(b, 16) + 1, height = read_bits(b, 16) + 1;

    if (b->r.failed)
        return E_MALFORMED;
    return picture_size_is_allowed(width, height) ? 0 : E_LIMIT;
}

/* color_config() of profile 0; others have colour formats that we do not show. */
static void skip_colour(struct bits *b)
{
    if (read_bits(b, 3) != VP9_CS_RGB)
        read_bits(b, 1);
}

/* An inter frame has the size of one of its references, or its own. */
static int check_size_with_refs(struct bits *b)
{
    read_bits(b, 8);                  /* refresh_frame_flags */
    read_bits(b, VP9_REFERENCES * 4); /* which ones, and their signs */
    for (unsigned i = 0; i < VP9_REFERENCES; i++) {
        if (read_bits(b, 1))
            return 0;
    }
    return check_frame_size(b);
}

static int check_intra(struct bits *b, bool is_keyframe)
{
    if (read_bits(b, 24) != VP9_SYNC_CODE)
        return E_MALFORMED;
    if (is_keyframe)
        skip_colour(b);
    else
        read_bits(b, 8); /* refresh_frame_flags */
    return check_frame_size(b);
}

static int check_vp9_frame(struct reader r)
{
    struct bits b = {.r = r};
    bool is_keyframe, is_shown, is_resilient, is_intra = false;

    if (read_bits(&b, 2) != VP9_FRAME_MARKER)
        return E_MALFORMED;
    if (read_bits(&b, 2) != 0)
        return b.r.failed ? E_MALFORMED : E_UNSUPPORTED; /* profile */
    if (read_bits(&b, 1))                                /* show_existing_frame */
        return 0;
    is_keyframe = !read_bits(&b, 1);
    is_shown = read_bits(&b, 1);
    is_resilient = read_bits(&b, 1);
    if (is_keyframe)
        return check_intra(&b, true);
    if (!is_shown)
        is_intra = read_bits(&b, 1);
    if (!is_resilient)
        read_bits(&b, 2); /* reset_frame_context */
    return is_intra ? check_intra(&b, false) : check_size_with_refs(&b);
}

static size_t read_little_endian(struct reader *r, unsigned bytes)
{
    size_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (size_t)reader_u8(r) << (8 * i);
    return v;
}

/* The last byte tells whether an index of sizes stands in front of it, which begins with the same byte. */
static int check_vp9(const uint8_t *frame, size_t len)
{
    uint8_t marker = frame[len - 1];
    unsigned frames = (marker & 7u) + 1, bytes = ((marker >> 3) & 3u) + 1;
    size_t index_bytes = 2 + frames * bytes;
    struct reader r = reader_of(frame, len), index;
    int err = 0;

    if ((marker & 0xE0) != 0xC0 || len < index_bytes || frame[len - index_bytes] != marker)
        return check_vp9_frame(r);
    index = reader_of(frame + len - index_bytes + 1, index_bytes - 2);
    r = reader_of(frame, len - index_bytes);
    while (err == 0 && frames-- > 0) {
        struct reader one = reader_sub(&r, read_little_endian(&index, bytes));

        if (one.failed)
            return E_MALFORMED;
        if (reader_left(&one) > 0)
            err = check_vp9_frame(one);
    }
    return err;
}

int coder_vpx_check_size(enum codec_id codec, const uint8_t *frame, size_t len)
{
    if (len == 0)
        return E_MALFORMED;
    return codec == CODEC_VP8 ? check_vp8(reader_of(frame, len)) : check_vp9(frame, len);
}
