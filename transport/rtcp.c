/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtcp.c - RTCP packets on the wire (RFC 3550 s6.4-6.6; RFC 4585 s6.1 for the head of feedback).
 *
 *       0                   1                   2                   3
 *       0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *      |V=2|P|  count  |      PT       |  length in words, minus one   |
 */
#include "transport/rtcp.h"

#include "core/check.h"

#define RTCP_VERSION 2
#define FIRST_PADDING 0x20
#define FIRST_COUNT 0x1F
#define SDES_END 0
#define SDES_CNAME 1

#define BLOCK_BYTES 24
#define SENDER_INFO_BYTES 24 /* the SSRC included */
#define FB_HEAD_BYTES 12     /* header and both SSRCs */
#define LOST_MIN (-0x800000)
#define LOST_MAX 0x7FFFFF

/* ---- reading ---- */

/* 24 bits of two's complement. */
static int32_t read_lost(struct reader *r)
{
    return (int32_t)(reader_u24(r) ^ 0x800000u) - 0x800000;
}

static void read_blocks(struct rtcp_blocks *out, struct reader *r, size_t n)
{
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        struct rtcp_block *b = &out->at[i];

        b->ssrc = reader_u32(r);
        b->fraction_lost = reader_u8(r);
        b->cumulative_lost = read_lost(r);
        b->highest_seq_ext = reader_u32(r);
        b->jitter_ts = reader_u32(r);
        b->lsr = reader_u32(r);
        b->dlsr = reader_u32(r);
    }
}

static bool read_sr(struct rtcp_sr *out, struct reader r, size_t n)
{
    out->sender.ssrc = reader_u32(&r);
    out->sender.ntp = reader_u64(&r);
    out->sender.rtp_ts = reader_u32(&r);
    out->sender.packets = reader_u32(&r);
    out->sender.octets = reader_u32(&r);
    read_blocks(&out->blocks, &r, n);
    return !r.failed; /* what follows the blocks is a profile's own (s6.4.3) */
}

static bool read_rr(struct rtcp_rr *out, struct reader r, size_t n)
{
    out->ssrc = reader_u32(&r);
    read_blocks(&out->blocks, &r, n);
    return !r.failed;
}

/* s6.5: items up to a zero byte, then zeros up to the next word. */
static bool read_sdes_chunk(struct rtcp_sdes_chunk *out, struct reader *r, const uint8_t *start)
{
    *out = (struct rtcp_sdes_chunk){.ssrc = reader_u32(r)};
    for (;;) {
        uint8_t type = reader_u8(r);
        if (type == SDES_END)
            break;
        size_t len = reader_u8(r);
        const uint8_t *text = reader_bytes(r, len);
        if (text == NULL)
            return false;
        if (type == SDES_CNAME && out->cname.p == NULL)
            out->cname = (struct str){(const char *)text, len};
    }
    while (!r->failed && (r->pos - start) % 4 != 0)
        reader_skip(r, 1);
    return !r->failed;
}

static bool read_sdes(struct rtcp_sdes *out, struct reader r, size_t n)
{
    const uint8_t *start = r.pos;

    out->n = n;
    for (size_t i = 0; i < n; i++) {
        if (!read_sdes_chunk(&out->at[i], &r, start))
            return false;
    }
    return true;
}

static bool read_bye(struct rtcp_bye *out, struct reader r, size_t n)
{
    out->n = n;
    for (size_t i = 0; i < n; i++)
        out->ssrc[i] = reader_u32(&r);
    return !r.failed; /* the reason for leaving, if any, is nobody's business */
}

static bool read_fb(struct rtcp_fb *out, struct reader r, uint8_t fmt)
{
    out->fmt = fmt;
    out->sender_ssrc = reader_u32(&r);
    out->media_ssrc = reader_u32(&r);
    out->fci = r.pos;
    out->fci_bytes = reader_left(&r);
    return !r.failed;
}

static bool read_body(struct rtcp_packet *out, struct reader body, uint8_t count)
{
    switch (out->pt) {
    case RTCP_PT_SR:
        out->type = RTCP_SR;
        return read_sr(&out->sr, body, count);
    case RTCP_PT_RR:
        out->type = RTCP_RR;
        return read_rr(&out->rr, body, count);
    case RTCP_PT_SDES:
        out->type = RTCP_SDES;
        return read_sdes(&out->sdes, body, count);
    case RTCP_PT_BYE:
        out->type = RTCP_BYE;
        return read_bye(&out->bye, body, count);
    case RTCP_PT_RTPFB:
        out->type = RTCP_RTPFB;
        return read_fb(&out->fb, body, count);
    case RTCP_PT_PSFB:
        out->type = RTCP_PSFB;
        return read_fb(&out->fb, body, count);
    default:
        out->type = RTCP_OTHER;
        return true;
    }
}

/* s6.4.1: the last byte counts the padding, itself included. It shall be whole words; but browsers pad transport-wide feedback by
 * single bytes (draft-holmer-rmcat-transport-wide-cc-extensions-01 s3.1), and what ends in words does so without that. */
static bool strip_padding(struct reader *body)
{
    size_t left = reader_left(body);

    if (left == 0)
        return false;
    size_t padding = body->end[-1];
    if (padding == 0 || padding > left)
        return false;
    body->end -= padding;
    return true;
}

static bool read_packet(struct reader *r, struct rtcp_packet *out)
{
    uint8_t first = reader_u8(r);

    out->pt = reader_u8(r);
    struct reader body = reader_sub(r, reader_u16(r) * 4u);
    if (body.failed || first >> 6 != RTCP_VERSION)
        return false;
    if ((first & FIRST_PADDING) && !strip_padding(&body))
        return false;
    return read_body(out, body, first & FIRST_COUNT);
}

struct rtcp_reader rtcp_reader_of(const uint8_t *buf, size_t len)
{
    return (struct rtcp_reader){.bytes = reader_of(buf, len)};
}

bool rtcp_next(struct rtcp_reader *r, struct rtcp_packet *out)
{
    if (r->failed || reader_left(&r->bytes) == 0)
        return false;
    if (r->packets == MAX_RTCP_PACKETS || !read_packet(&r->bytes, out)) {
        r->failed = true;
        return false;
    }
    r->packets++;
    return true;
}

/* ---- writing ---- */

/* A writer over the whole packet, behind its header; all of it fits, or none is written. */
static struct writer begin_packet(struct writer *w, size_t count, uint8_t pt, size_t bytes)
{
    CHECK(bytes % 4 == 0 && bytes / 4 - 1 <= UINT16_MAX && count <= FIRST_COUNT);
    uint8_t *p = writer_room(w, bytes);
    if (p == NULL)
        return (struct writer){.failed = true};

    struct writer packet = writer_of(p, bytes);
    writer_u8(&packet, (uint8_t)(RTCP_VERSION << 6 | count));
    writer_u8(&packet, pt);
    writer_u16(&packet, (uint16_t)(bytes / 4 - 1));
    return packet;
}

static void write_blocks(struct writer *w, const struct rtcp_block *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct rtcp_block *b = &blocks[i];

        writer_u32(w, b->ssrc);
        writer_u8(w, b->fraction_lost);
        writer_u24(w, (uint32_t)MAX(LOST_MIN, MIN(LOST_MAX, b->cumulative_lost)) & 0xFFFFFF);
        writer_u32(w, b->highest_seq_ext);
        writer_u32(w, b->jitter_ts);
        writer_u32(w, b->lsr);
        writer_u32(w, b->dlsr);
    }
}

void rtcp_write_sr(struct writer *w, const struct rtcp_sender_info *sender,
                   const struct rtcp_block *blocks, size_t n)
{
    struct writer packet =
        begin_packet(w, n, RTCP_PT_SR, RTCP_HEADER_BYTES + SENDER_INFO_BYTES + n * BLOCK_BYTES);

    writer_u32(&packet, sender->ssrc);
    writer_u64(&packet, sender->ntp);
    writer_u32(&packet, sender->rtp_ts);
    writer_u32(&packet, sender->packets);
    writer_u32(&packet, sender->octets);
    write_blocks(&packet, blocks, n);
}

void rtcp_write_rr(struct writer *w, uint32_t ssrc, const struct rtcp_block *blocks, size_t n)
{
    struct writer packet =
        begin_packet(w, n, RTCP_PT_RR, RTCP_HEADER_BYTES + sizeof(ssrc) + n * BLOCK_BYTES);

    writer_u32(&packet, ssrc);
    write_blocks(&packet, blocks, n);
}

void rtcp_write_sdes_cname(struct writer *w, uint32_t ssrc, struct str cname)
{
    CHECK(cname.len <= RTCP_MAX_CNAME_LEN);
    size_t item = 2 + cname.len + 1; /* type, length, text, and at least one zero */
    size_t padded = (item + 3) / 4 * 4;
    struct writer packet =
        begin_packet(w, 1, RTCP_PT_SDES, RTCP_HEADER_BYTES + sizeof(ssrc) + padded);

    writer_u32(&packet, ssrc);
    writer_u8(&packet, SDES_CNAME);
    writer_u8(&packet, (uint8_t)cname.len);
    writer_bytes(&packet, cname.p, cname.len);
    while (writer_left(&packet) > 0)
        writer_u8(&packet, 0);
}

void rtcp_write_bye(struct writer *w, const uint32_t *ssrcs, size_t n)
{
    CHECK(n > 0);
    struct writer packet =
        begin_packet(w, n, RTCP_PT_BYE, RTCP_HEADER_BYTES + n * sizeof(ssrcs[0]));

    for (size_t i = 0; i < n; i++)
        writer_u32(&packet, ssrcs[i]);
}

struct writer rtcp_write_fb(struct writer *w, uint8_t pt, uint8_t fmt, uint32_t sender_ssrc,
                            uint32_t media_ssrc, size_t fci_bytes)
{
    struct writer packet = begin_packet(w, fmt, pt, FB_HEAD_BYTES + fci_bytes);

    writer_u32(&packet, sender_ssrc);
    writer_u32(&packet, media_ssrc);
    return packet;
}
