/* SPDX-License-Identifier: Apache-2.0 */
/* rtp.h - RTP header (RFC 3550 s5.1) and header-extension elements (RFC 8285): parse and write, pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"

#define RTP_VERSION 2
#define RTP_FIXED_HEADER_BYTES 12

/* Offsets are relative to the first byte of the packet, so that they hold for a copy. */
struct rtp_header {
    uint32_t ssrc;
    uint32_t ts;
    uint16_t seq;
    uint16_t header_bytes;  /* fixed header, CSRCs and extension block */
    uint16_t payload_bytes; /* padding excluded; 0: a padding-only or empty packet */
    uint8_t pt;
    uint8_t padding_bytes;
    bool marker;
    uint8_t csrc_count;
    uint8_t ext_count; /* elements below */
    struct rtp_ext {
        uint8_t id;  /* as this sender negotiated it; 1..14 one-byte form, 1..255 two-byte form */
        uint8_t len; /* bytes */
        uint16_t offset; /* of the element's data */
    } ext[MAX_RTP_EXT_ELEMENTS];
};

/**
 * Parse the header of a clear RTP packet.
 *
 * Errors: E_MALFORMED for a wrong version, lengths past the end (an element's past its block too), or bad padding;
 *         *out is untouched then. Elements past MAX_RTP_EXT_ELEMENTS are ignored, and an unknown extension profile is
 *         skipped as RFC 3550 s5.3.1 asks.
 */
MUST_CHECK int rtp_parse(struct rtp_header *out, const uint8_t *buf, size_t len);
/** Find an element by its id (the first, when it comes twice); NULL when absent. */
const struct rtp_ext *rtp_find_ext(const struct rtp_header *h, uint8_t id);
/** Tell RTP from RTCP on one port (RFC 5761 s4: packet types 192..223). */
static inline bool rtp_is_rtcp(const uint8_t *buf, size_t len)
{
    return len >= 2 && buf[1] >= 192 && buf[1] <= 223;
}

/* An element to be written; one with id 0 (not negotiated) or len 0 is skipped. */
struct rtp_ext_out {
    uint8_t id;
    uint8_t len; /* 1..16 for the one-byte form; longer or id > 14 makes the whole block two-byte */
    const uint8_t *data;
};

/**
 * Write a fixed header and an extension block (one-byte form when all elements allow it, else two-byte; none when there is
 * no element to write).
 *
 * Returns the header's length in bytes, 0 when it does not fit in @size.
 */
size_t rtp_write_header(uint8_t *out, size_t size, uint8_t pt, bool marker, uint16_t seq,
                        uint32_t ts, uint32_t ssrc, const struct rtp_ext_out *ext, size_t n);
/**
 * Put a list of @n contributing sources, four bytes each as on the wire, into a header of @bytes that rtp_write_header() wrote.
 *
 * Returns the header's new length, 0 when there is one already, for more than MAX_CSRCS, and when it does not fit in @size; nothing
 * changed then.
 */
size_t rtp_add_csrcs(uint8_t *header, size_t bytes, size_t size, const uint8_t *list, size_t n);
