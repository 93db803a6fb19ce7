/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depacketizer.h - from the RTP payloads of one frame to the frame as its decoder wants it. One entry a codec:
 *
 *   VP8 (RFC 7741), VP9 (RFC 9628)  the bytes behind the payload descriptors; of VP9 all layers that came, which decode to the
 *                                   topmost one
 *   H.264 (RFC 6184)                single NAL units, STAP-A and FU-A; start codes in front (annex B)
 *   AV1 (RTP payload format for AV1) OBU elements put together; each OBU with its size, behind a temporal delimiter
 *
 * Pure. Bytes of a remote: never a CHECK.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"

/* What one payload tells of the frame it belongs to. */
struct payload_place {
    bool is_first;    /* surely the first one that the decoder needs */
    bool is_keyframe; /* the frame can be decoded without others */
};

/* A frame in the making. */
struct depacketizer_frame {
    uint8_t *data;
    size_t len, size; /* used, allocated */

    /* of the codec */
    bool is_in_fragment; /* H.264: of a NAL unit; AV1: of an OBU */
    bool has_idr;        /* H.264 */
    size_t obu_at;       /* AV1: where the OBU that comes in begins in data */
};

struct depacketizer {
    /* Errors: E_MALFORMED. */
    int (*look)(const uint8_t *payload, size_t len, struct payload_place *out);
    /* Errors: E_MALFORMED; E_LIMIT, E_NO_MEMORY: the frame is too large. It is of no use then. */
    int (*add)(struct depacketizer_frame *f, const uint8_t *payload, size_t len);
    /* Whether the payloads of a finished frame were all that it needs; NULL: always. */
    bool (*is_whole)(const struct depacketizer_frame *f);
    /* Whether a finished frame that began like a keyframe is one; NULL: always. */
    bool (*is_keyframe)(const struct depacketizer_frame *f);
};

/** Find by codec; NULL when there is none. */
const struct depacketizer *depacketizer_of(enum codec_id codec);

/** Start a frame, in the memory of the one before. */
void depacketizer_frame_clear(struct depacketizer_frame *f);
void depacketizer_frame_fini(struct depacketizer_frame *f);
/** Append. Errors: E_LIMIT past MAX_ENCODED_FRAME_BYTES; E_NO_MEMORY. Nothing was appended then. */
MUST_CHECK int depacketizer_frame_add(struct depacketizer_frame *f, const void *bytes, size_t len);

extern const struct depacketizer depacketizer_vp8, depacketizer_vp9, depacketizer_h264,
    depacketizer_av1;
