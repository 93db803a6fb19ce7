/* SPDX-License-Identifier: Apache-2.0 */
/* payload_vp9.h - the VP9 payload descriptor (RFC 9628 s4.2). payload.h rewrites its ids. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define VP9_MAX_SPATIAL_LAYERS 8 /* N_S is three bits */
#define VP9_MAX_P_DIFFS 3        /* s4.2: a fourth is not allowed */

struct vp9_descriptor {
    uint16_t bytes;        /* length of the descriptor */
    bool is_predicted;     /* P: this frame refers to earlier pictures */
    bool is_flexible;      /* F */
    bool is_frame_start;   /* B: first packet of a (layer) frame */
    bool is_frame_end;     /* E */
    bool is_not_reference; /* Z: no upper spatial layer refers to it */
    bool is_keyframe;      /* B, not P, spatial layer 0 (or no layers at all) */
    bool has_picture_id, picture_id_is_15bit;
    uint16_t picture_id;
    bool has_layer; /* L, with the four that follow */
    uint8_t temporal, spatial;
    bool is_switching_up_point; /* U */
    bool depends_on_lower;      /* D: refers to the lower spatial layer of the same picture */
    bool has_tl0picidx;         /* L, non-flexible mode */
    uint8_t tl0picidx;
    uint8_t p_diff_count; /* P and F: the pictures referred to, by their distance */
    uint8_t p_diff[VP9_MAX_P_DIFFS];
    bool has_scalability;   /* V */
    uint8_t spatial_layers; /* N_S + 1 */
    uint8_t picture_group; /* N_G: pictures after which layers and references repeat; 0: not told */
    bool has_sizes;        /* Y */
    uint16_t width[VP9_MAX_SPATIAL_LAYERS], height[VP9_MAX_SPATIAL_LAYERS];
    uint8_t picture_id_at, tl0picidx_at; /* offsets inside the payload, 0: absent */
};

/** Parse. Errors: E_MALFORMED when cut short, or when no byte of the picture follows; *out is untouched then. */
MUST_CHECK int vp9_parse(struct vp9_descriptor *out, const uint8_t *payload, size_t len);
