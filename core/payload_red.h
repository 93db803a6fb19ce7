/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload_red.h - redundant audio (RFC 2198): one packet that carries its own sound, the primary block, and older blocks that
 * came, or should have come, with the packets before it. Pure.
 *
 *     | 1 pt offset length | 1 pt offset length | 0 pt | oldest block | newer block | primary block |
 *     '------------------- heads ----------------------'
 *
 * A viewer that negotiated RED gets the packet with the payload types in the heads replaced by its own; any other one gets the
 * primary block alone. Browsers carry one codec in all blocks (RED's fmtp "111/111"), and so must a packet here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"

#define RED_MAX_HEAD_BYTES (MAX_RED_BLOCKS * 4 + 1)

struct red_block {
    uint16_t at, bytes; /* inside the payload */
    uint16_t
        behind_ts; /* the packet's timestamp less this is the block's, 14 bits of it; 0: the primary block */
};

struct red {
    uint8_t pt;               /* of the publisher, of all blocks */
    uint8_t redundant;        /* blocks besides the primary one */
    uint16_t head_bytes;      /* where the first block begins */
    struct red_block primary; /* not empty */
    struct red_block
        block[MAX_RED_BLOCKS]; /* the redundant ones, in the order of the packet; may be empty */
};

/**
 * Parse a payload.
 *
 * Errors: E_MALFORMED when heads or blocks are cut short, or nothing is left for the primary block; E_UNSUPPORTED for blocks of
 *         several payload types; E_LIMIT past MAX_RED_BLOCKS. *out is untouched then.
 */
MUST_CHECK int red_parse(struct red *out, const uint8_t *payload, size_t len);
/** Put @pt into all heads of a packet with so many redundant blocks. @payload is what was parsed, or a copy of its first head_bytes. */
void red_rewrite(uint8_t *payload, unsigned redundant, uint8_t pt);
/**
 * Find the block that makes good a lost packet whose timestamp lies @behind_ts (> 0) before this one's; NULL when there is none,
 * or an empty one. The newest of several.
 */
const struct red_block *red_find(const struct red *r, uint32_t behind_ts);
