/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clear_header.h - what an RTP packet tells while it is encrypted: SRTP leaves header and extensions clear (RFC 3711 s3.1). Pure.
 *
 * core/rtp.h parses clear packets: it looks at the padding, which is encrypted here, and keeps every extension.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct clear_header {
    uint32_t ssrc, ts;
    uint16_t seq;
    uint8_t pt;
    bool marker;
    uint16_t header_bytes;
};

/** Parse. Errors: E_MALFORMED when cut short or of another version; *out is undefined then. */
MUST_CHECK int clear_header_parse(struct clear_header *out, const uint8_t *buf, size_t len);
/** Find a 16-bit extension element by its id; false when it is not there. @buf was parsed to @h. */
bool clear_header_ext_u16(const struct clear_header *h, const uint8_t *buf, uint8_t id,
                          uint16_t *out);
