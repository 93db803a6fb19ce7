/* SPDX-License-Identifier: Apache-2.0 */
/* payload_av1.h - the aggregation header of an AV1 payload and the OBU headers behind it (AV1 RTP s4.3, s4.4). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

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
