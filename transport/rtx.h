/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtx.h - retransmission payloads (RFC 4588 s4): the original packet under another SSRC, payload type and sequence number, its
 * own sequence number in the first two payload bytes. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct packet;

#define RTX_OSN_BYTES 2 /* original sequence number */

/**
 * Turn a parsed RTX packet into the original one, in place: header bytes, the parsed header, PACKET_IS_RETRANSMISSION.
 *
 * Owner:  @pkt must be writable.
 * Errors: E_MALFORMED without an original sequence number (probes are padding only); nothing changed then.
 */
MUST_CHECK int rtx_unwrap(struct packet *pkt, uint8_t pt, uint32_t ssrc);
/**
 * Write the head of a retransmission of a packet whose head (@header_bytes of RTP header, then perhaps first payload bytes) is
 * given: the header with the three fields replaced, the original sequence number, the payload bytes.
 *
 * Returns its length, RTX_OSN_BYTES more than @head_bytes, or 0 when it does not fit. The header's part stays @header_bytes.
 */
size_t rtx_wrap_head(uint8_t *out, size_t size, const uint8_t *head, size_t head_bytes,
                     size_t header_bytes, uint8_t pt, uint16_t seq, uint32_t ssrc);
