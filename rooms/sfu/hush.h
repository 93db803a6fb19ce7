/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hush.h - digital silence of an audio track that is not handed on: of it one packet in HUSH_PACKETS is, as of a codec's own
 * discontinuous transmission, and the packet after it tells which numbers to close up (packet.left_out).
 *
 *     in           s s s s s s s s  a a        s: silence, a: audible
 *     handed on    s . . . . . . .  a a        the first a tells of seven that were left out
 *
 * Pure. Owner: the track, for its one encoding.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

struct rtp_header;

#define HUSH_PACKETS 20 /* fits packet.left_out */

struct hush {
    bool started;
    uint32_t ssrc;
    uint16_t newest; /* handed on or not */
    uint16_t handed_on;
    uint32_t left_out; /* bit i: newest - i was not */
    unsigned count;    /* since one was handed on */
};

/**
 * Judge a packet, each once, in order of arrival. A zeroed hush has seen none.
 *
 * true: it is silence that nobody would miss, leave it out. false: hand it on; *left_out is then as packet.left_out.
 */
MUST_CHECK bool hush_leaves_out(struct hush *h, const struct rtp_header *rtp, bool is_silence,
                                uint32_t *left_out);
