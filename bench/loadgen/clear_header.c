/* SPDX-License-Identifier: Apache-2.0 */
/* clear_header.c - see clear_header.h. */
#include "bench/loadgen/clear_header.h"

#include "core/err.h"
#include "core/rtp.h"
#include "core/wire.h"

#define EXT_HEADER_BYTES 4
#define PROFILE_ONE_BYTE 0xbedeu /* RFC 8285 s4.2 */
#define PROFILE_TWO_BYTE 0x1000u /* s4.3, the low four bits are free */

static bool has_extension(const uint8_t *buf)
{
    return (buf[0] & 0x10) != 0;
}

static size_t ext_at(const uint8_t *buf)
{
    return RTP_FIXED_HEADER_BYTES + 4u * (buf[0] & 0x0f);
}

int clear_header_parse(struct clear_header *out, const uint8_t *buf, size_t len)
{
    size_t bytes;

    if (len < RTP_FIXED_HEADER_BYTES || buf[0] >> 6 != RTP_VERSION)
        return E_MALFORMED;
    bytes = ext_at(buf);
    if (has_extension(buf)) {
        if (len < bytes + EXT_HEADER_BYTES)
            return E_MALFORMED;
        bytes += EXT_HEADER_BYTES + 4u * wire_get_u16(buf + bytes + 2);
    }
    if (len < bytes)
        return E_MALFORMED;
    *out = (struct clear_header){
        .ssrc = wire_get_u32(buf + 8),
        .ts = wire_get_u32(buf + 4),
        .seq = wire_get_u16(buf + 2),
        .pt = buf[1] & 0x7f,
        .marker = buf[1] >> 7,
        .header_bytes = (uint16_t)bytes,
    };
    return 0;
}

bool clear_header_ext_u16(const struct clear_header *h, const uint8_t *buf, uint8_t id,
                          uint16_t *out)
{
    const uint8_t *p, *end = buf + h->header_bytes;
    unsigned profile;

    if (!has_extension(buf) || id == 0)
        return false;
    p = buf + ext_at(buf);
    profile = wire_get_u16(p);
    bool is_one_byte = profile == PROFILE_ONE_BYTE;
    if (!is_one_byte && (profile & 0xfff0u) != PROFILE_TWO_BYTE)
        return false;
    p += EXT_HEADER_BYTES;
    while (p < end) {
        unsigned this_id = is_one_byte ? *p >> 4 : *p, head = is_one_byte ? 1 : 2, len;
        if (this_id == 0) { /* padding */
            p++;
            continue;
        }
        if ((is_one_byte && this_id == 15) || (size_t)(end - p) < head)
            return false;
        len = is_one_byte ? (*p & 0x0fu) + 1 : p[1];
        if ((size_t)(end - p) < head + len)
            return false;
        if (this_id == id && len == 2) {
            *out = wire_get_u16(p + head);
            return true;
        }
        p += head + len;
    }
    return false;
}
