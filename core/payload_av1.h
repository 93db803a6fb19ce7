/* SPDX-License-Identifier: Apache-2.0 */
/* payload_av1.h - the aggregation header of an AV1 payload and the OBU headers behind it (AV1 RTP s4.3, s4.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct reader;

#define AV1_MAX_LEB128_BYTES 8 /* AV1 s4.10.5 */

/* The first byte of an OBU (AV1 s5.3.2); with an extension a byte of layer ids follows. */
#define OBU_TYPE(head) (((head) >> 3) & 15u)
#define OBU_HAS_EXTENSION 0x04
#define OBU_HAS_SIZE 0x02

/* AV1 s6.2.2: those that are told apart. */
enum obu_type {
    OBU_TEMPORAL_DELIMITER = 2,
    OBU_TILE_GROUP = 4,
    OBU_REDUNDANT_FRAME_HEADER = 7,
    OBU_TILE_LIST = 8,
    OBU_PADDING = 15
};

struct av1_payload {
    bool begins_with_fragment; /* Z: the first element goes on from the previous packet */
    bool ends_with_fragment;   /* Y: the last element goes on in the next packet */
    bool is_keyframe; /* N: first packet of a coded video sequence, which begins with a keyframe */
    bool is_frame_start; /* begins with something else than a rest of a frame, in spatial layer 0 */
    bool has_layer;      /* an OBU header with an extension was seen; the first one counts */
    uint8_t temporal, spatial;
};

/**
 * Parse.
 *
 * Errors: E_MALFORMED when cut short, when there is no element, and for N together with Z (s4.4 forbids it); *out is
 *         untouched then.
 */
MUST_CHECK int av1_parse(struct av1_payload *out, const uint8_t *payload, size_t len);
/** Read a length (AV1 s4.10.5); fails the reader when it has more than AV1_MAX_LEB128_BYTES. */
MUST_CHECK size_t av1_read_leb128(struct reader *r);
