/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp.c - the RTP header as it stands on the wire (RFC 3550 s5.1) and its extension elements (RFC 8285 s4).
 *
 * Elements are kept as offsets, so that one parse serves every copy of the packet.
 */
#include "core/rtp.h"

#include <string.h>

#include "core/err.h"
#include "core/wire.h"

#define FIRST_PADDING 0x20
#define FIRST_EXTENSION 0x10
#define FIRST_CSRC_COUNT 0x0F
#define CSRC_BYTES 4
#define SECOND_MARKER 0x80

#define EXT_ONE_BYTE_PROFILE 0xBEDE /* RFC 8285 s4.2 */
#define EXT_TWO_BYTE_PROFILE \
    0x1000 /* RFC 8285 s4.3: 0x100, then four appbits that mean nothing here */
#define EXT_TWO_BYTE_MASK 0xFFF0
#define EXT_ONE_BYTE_MAX_ID 14
#define EXT_ONE_BYTE_MAX_LEN 16
#define EXT_STOP_ID 15

static void keep_element(struct rtp_header *h, uint8_t id, size_t len, size_t offset)
{
    if (h->ext_count == MAX_RTP_EXT_ELEMENTS)
        return;
    h->ext[h->ext_count++] = (struct rtp_ext){id, (uint8_t)len, (uint16_t)offset};
}

static bool parse_one_byte_elements(struct rtp_header *h, const uint8_t *buf, struct reader block)
{
    while (reader_left(&block) > 0) {
        uint8_t head = reader_u8(&block);
        uint8_t id = head >> 4;
        size_t len = (head & 15u) + 1;

        if (id == EXT_STOP_ID || (id == 0 && head != 0))
            break; /* s4.2: processing ends, what came before counts */
        if (id == 0)
            continue; /* padding */
        const uint8_t *data = reader_bytes(&block, len);
        if (data == NULL)
            return false;
        keep_element(h, id, len, (size_t)(data - buf));
    }
    return true;
}

static bool parse_two_byte_elements(struct rtp_header *h, const uint8_t *buf, struct reader block)
{
    while (reader_left(&block) > 0) {
        uint8_t id = reader_u8(&block);

        if (id == 0)
            continue; /* padding has no length byte */
        size_t len = reader_u8(&block);
        const uint8_t *data = reader_bytes(&block, len);
        if (data == NULL)
            return false;
        keep_element(h, id, len, (size_t)(data - buf));
    }
    return true;
}

static bool parse_extension_block(struct rtp_header *h, const uint8_t *buf, struct reader *r)
{
    uint16_t profile = reader_u16(r);
    struct reader block = reader_sub(r, reader_u16(r) * 4u);

    if (block.failed)
        return false;
    if (profile == EXT_ONE_BYTE_PROFILE)
        return parse_one_byte_elements(h, buf, block);
    if ((profile & EXT_TWO_BYTE_MASK) == EXT_TWO_BYTE_PROFILE)
        return parse_two_byte_elements(h, buf, block);
    return true;
}

/* RFC 3550 s5.1: the last byte counts the padding, itself included. */
static bool parse_padding(struct rtp_header *h, const struct reader *r)
{
    if (reader_left(r) == 0)
        return false;
    h->padding_bytes = r->end[-1];
    return h->padding_bytes > 0 && h->padding_bytes <= reader_left(r);
}

int rtp_parse(struct rtp_header *out, const uint8_t *buf, size_t len)
{
    if (len < RTP_FIXED_HEADER_BYTES || len > UINT16_MAX)
        return E_MALFORMED;

    struct reader r = reader_of(buf, len);
    struct rtp_header h = {0};
    uint8_t first = reader_u8(&r);
    uint8_t second = reader_u8(&r);

    if (first >> 6 != RTP_VERSION)
        return E_MALFORMED;
    h.csrc_count = first & FIRST_CSRC_COUNT;
    h.marker = (second & SECOND_MARKER) != 0;
    h.pt = second & 0x7F;
    h.seq = reader_u16(&r);
    h.ts = reader_u32(&r);
    h.ssrc = reader_u32(&r);
    reader_skip(&r, h.csrc_count * (size_t)CSRC_BYTES);
    if (r.failed)
        return E_MALFORMED;
    if ((first & FIRST_EXTENSION) && !parse_extension_block(&h, buf, &r))
        return E_MALFORMED;
    if ((first & FIRST_PADDING) && !parse_padding(&h, &r))
        return E_MALFORMED;
    h.header_bytes = (uint16_t)(r.pos - buf);
    h.payload_bytes = (uint16_t)(reader_left(&r) - h.padding_bytes);
    *out = h;
    return 0;
}

const struct rtp_ext *rtp_find_ext(const struct rtp_header *h, uint8_t id)
{
    for (size_t i = 0; i < h->ext_count; i++) {
        if (h->ext[i].id == id)
            return &h->ext[i];
    }
    return NULL;
}

static bool is_written(const struct rtp_ext_out *e)
{
    return e->id != 0 && e->len != 0;
}

/* The elements' bytes without their heads, how many there are, and whether one-byte heads will do. */
static size_t measure_elements(const struct rtp_ext_out *ext, size_t n, size_t *count,
                               bool *one_byte)
{
    size_t bytes = 0;

    *count = 0;
    *one_byte = true;
    for (size_t i = 0; i < n; i++) {
        if (!is_written(&ext[i]))
            continue;
        bytes += ext[i].len;
        (*count)++;
        if (ext[i].id > EXT_ONE_BYTE_MAX_ID || ext[i].len > EXT_ONE_BYTE_MAX_LEN)
            *one_byte = false;
    }
    return bytes;
}

static void write_elements(struct writer *w, const struct rtp_ext_out *ext, size_t n, bool one_byte)
{
    for (size_t i = 0; i < n; i++) {
        const struct rtp_ext_out *e = &ext[i];

        if (!is_written(e))
            continue;
        if (one_byte) {
            writer_u8(w, (uint8_t)(e->id << 4 | (e->len - 1)));
        } else {
            writer_u8(w, e->id);
            writer_u8(w, e->len);
        }
        writer_bytes(w, e->data, e->len);
    }
}

size_t rtp_write_header(uint8_t *out, size_t size, uint8_t pt, bool marker, uint16_t seq,
                        uint32_t ts, uint32_t ssrc, const struct rtp_ext_out *ext, size_t n)
{
    struct writer w = writer_of(out, size);
    bool one_byte;
    size_t count;
    size_t bytes = measure_elements(ext, n, &count, &one_byte);

    writer_u8(&w, (uint8_t)(RTP_VERSION << 6 | (count > 0 ? FIRST_EXTENSION : 0)));
    writer_u8(&w, (uint8_t)((marker ? SECOND_MARKER : 0) | (pt & 0x7F)));
    writer_u16(&w, seq);
    writer_u32(&w, ts);
    writer_u32(&w, ssrc);
    if (count > 0) {
        bytes += count * (one_byte ? 1 : 2);
        size_t words = (bytes + 3) / 4;
        if (words > UINT16_MAX)
            return 0;
        writer_u16(&w, one_byte ? EXT_ONE_BYTE_PROFILE : EXT_TWO_BYTE_PROFILE);
        writer_u16(&w, (uint16_t)words);
        write_elements(&w, ext, n, one_byte);
        for (size_t i = bytes; i < words * 4; i++)
            writer_u8(&w, 0);
    }
    return w.failed ? 0 : writer_len(&w);
}

size_t rtp_add_csrcs(uint8_t *header, size_t bytes, size_t size, const uint8_t *list, size_t n)
{
    uint8_t *at = header + RTP_FIXED_HEADER_BYTES;
    size_t more = n * CSRC_BYTES;

    if ((header[0] & FIRST_CSRC_COUNT) != 0 || n > MAX_CSRCS || bytes + more > size)
        return 0;
    memmove(at + more, at, bytes - RTP_FIXED_HEADER_BYTES);
    memcpy(at, list, more);
    header[0] |= (uint8_t)n;
    return bytes + more;
}
