/* SPDX-License-Identifier: Apache-2.0 */
/* payload_vp8.h - the VP8 payload descriptor (RFC 7741 s4.2): read it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct vp8_descriptor {
    uint8_t bytes;           /* length of the descriptor */
    bool start_of_partition; /* S */
    uint8_t partition;       /* PID */
    bool non_reference;      /* N */
    bool is_keyframe;        /* S, PID 0 and the frame tag's P bit 0 (RFC 6386 s9.1) */
    bool has_picture_id, picture_id_is_15bit;
    uint16_t picture_id;
    bool has_tl0picidx;
    uint8_t tl0picidx;
    bool has_tid, y; /* layer sync */
    uint8_t tid;
    bool has_keyidx;
    uint8_t keyidx;
    uint8_t picture_id_at, tl0picidx_at, tid_keyidx_at; /* offsets inside the payload, 0: absent */
    uint16_t width, height; /* of a keyframe (scaling bits cut off), else 0 */
};

/** Parse. Errors: E_MALFORMED when cut short, or when no byte of the picture follows; *out is untouched then. */
MUST_CHECK int vp8_parse(struct vp8_descriptor *out, const uint8_t *payload, size_t len);
