/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h - what a payload descriptor, or a dependency descriptor in the header, tells a forwarder: keyframe? frame start?
 * which layer? what may be switched to? Which numbers are to be rewritten, and where? One entry per codec, on the parsers of
 * payload_vp8.h, payload_vp9.h, payload_h264.h, payload_av1.h and dependency_descriptor.h. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/dependency_descriptor.h"
#include "core/packet.h"

/* A picture size; 0: not told. */
struct media_size {
    uint16_t width, height;
};

/**
 * Fill @p->media from the payload of a parsed RTP packet (p->codec set).
 *
 * Audio is always a frame start and a keyframe. A packet of padding only, and a codec without an entry (RTX), is "not
 * told" throughout: false, false, -1, -1.
 *
 * Errors: E_MALFORMED for a descriptor cut short; media is then all "not told".
 */
MUST_CHECK int payload_inspect(struct packet *p);
/**
 * The same with the packet's dependency descriptor (@ext, NULL when it has none), which wins where both tell: it is the one that
 * the receiver goes by. @state is the RTP stream's; packets come in order of arrival. With a descriptor that is understood,
 * a payload that is not (encrypted end to end) is no error; a descriptor that is not understood counts as absent, but for its
 * frame number.
 */
MUST_CHECK int payload_inspect_described(struct packet *p, const struct rtp_ext *ext,
                                         struct dependency_state *state);
/**
 * The sizes that the first packet of a keyframe tells, for each spatial layer. @p was inspected before, with the same @ext; its
 * stream's state is not needed (another worker may ask).
 *
 * Returns how many, 0 when it tells none.
 */
unsigned payload_sizes(const struct packet *p, const struct rtp_ext *ext,
                       struct media_size out[MEDIA_MAX_SPATIAL]);
/** Overwrite the numbers that @ids tells of, in the same widths. @payload is the payload that @ids belongs to, or a copy of its
 * first @ids->bytes bytes. */
void payload_rewrite(uint8_t *payload, const struct payload_ids *ids, uint16_t picture_id,
                     uint8_t tl0picidx, uint8_t keyidx);
