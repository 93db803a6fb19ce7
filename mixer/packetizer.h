/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packetizer.h - encoded frames of ours to RTP payloads: VP8 (RFC 7741) and H.264 (RFC 6184, packetization mode 1).
 *
 * The payloads of one frame differ by a byte or so in length, so that they can leave in one system call with a little padding.
 * VP8 has the extended descriptor on every packet: picture id of 15 bits, TL0PICIDX, TID and KEYIDX. H.264: units that fit together
 * go as STAP-A (parameter sets), a single one as it is, a large one as FU-A.
 *
 * Pure: a value without memory of its own. The frame must stay until its last payload is taken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"

/* 1200 with RTP header and extensions, below what passes everywhere. */
#define PACKETIZER_PAYLOAD_BYTES 1160

struct outgoing_frame {
    const uint8_t *data; /* H.264: with start codes */
    size_t len;
    bool is_keyframe;
    bool is_droppable;   /* VP8: no other frame refers to it */
    uint8_t temporal_id; /* VP8: 0..3 */
    bool is_layer_sync;  /* VP8: refers to temporal layer 0 only */
};

struct packetizer {
    enum codec_id codec;
    size_t max_bytes; /* of a payload */
    struct outgoing_frame frame;

    struct packetizer_vp8 {
        uint16_t picture_id;
        uint8_t tl0picidx, keyidx;
    } vp8;

    /* what is cut now: the frame of VP8, one NAL unit of H.264 */
    size_t at, end;
    unsigned parts, part; /* into how many, and how many were taken */

    struct packetizer_nal {
        uint32_t at, len;
    } nal[MAX_NAL_UNITS];
    unsigned nals, next_nal;
};

/**
 * Prepare for frames of @codec, VP8 or H264 (a CHECK), in payloads of at most @max_bytes, at least 32.
 *
 * @random: where the ids of VP8 begin.
 */
void packetizer_init(struct packetizer *p, enum codec_id codec, size_t max_bytes, uint32_t random);
/**
 * Begin a frame; what is left of the one before is forgotten.
 *
 * Errors: E_INVALID: empty, or H.264 without a NAL unit; E_LIMIT: more than MAX_NAL_UNITS. There is no payload then.
 */
MUST_CHECK int packetizer_begin(struct packetizer *p, const struct outgoing_frame *frame);
/** Write the next payload. Returns its length, 0 when there is none; @is_last: it is the frame's last one (the RTP marker). */
MUST_CHECK size_t packetizer_next(struct packetizer *p, uint8_t *out, size_t size, bool *is_last);
