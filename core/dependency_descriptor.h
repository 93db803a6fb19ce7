/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dependency_descriptor.h - the dependency descriptor header extension (AV1 RTP, appendix A): which frame a packet belongs to,
 * what the frame refers to, and which decode targets it serves. Codecs other than AV1 carry it as well.
 *
 * A descriptor is three bytes as a rule and points into a structure of templates, which the first packet of a keyframe carries.
 * The receiving side keeps that structure in a `dependency_state`, one for each RTP stream. Forwarding changes three things of
 * a descriptor: the frame number, which goes on over a change of source; and the mask of active decode targets, which tells the
 * receiver of layers that are left out. Frame numbers are never closed up: references are distances between them.
 *
 * Pure. References are kept as a mask: bit i is the frame with the number i + 1 lower.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define DD_MAX_TEMPLATES 64   /* A.4.1: template ids are six bits */
#define DD_MAX_TARGETS 32     /* dtis_cnt_minus_one is five bits */
#define DD_MAX_CHAINS 32      /* as many as decode targets at most */
#define DD_MAX_SPATIAL 4      /* MAX_SPATIAL_ID is 3 */
#define DD_MAX_TEMPORAL 8     /* MAX_TEMPORAL_ID is 7 */
#define DD_MANDATORY_BYTES 3  /* a descriptor without extended fields */
#define DD_MAX_BYTES 255      /* of an element in the two-byte form (RFC 8285 s4.3) */
#define DD_OLD_STRUCTURE 1024 /* frames: further back it is a source that began anew */

/* What a frame is to one decode target (table A.2). */
enum dd_indication { DD_NOT_PRESENT, DD_DISCARDABLE, DD_SWITCH, DD_REQUIRED };

/* A frame's relations: a template's, or a frame's own. */
struct dd_relations {
    uint8_t spatial, temporal;
    bool has_far_refs;                 /* to frames more than 32 back */
    uint32_t refs;                     /* bit i: frame number - 1 - i */
    uint32_t dti_low, dti_high;        /* a bit of the indication each, for each decode target */
    uint8_t chain_diff[DD_MAX_CHAINS]; /* to the previous frame of each chain, 0: none is needed */
};

/* Which layer each decode target stands for: the highest that any of its frames has. */
struct dd_targets {
    uint8_t count;
    uint8_t spatial[DD_MAX_TARGETS], temporal[DD_MAX_TARGETS];
};

struct dd_structure {
    uint8_t first_id; /* template_id_offset */
    uint8_t template_count, chain_count, spatial_count;
    bool has_sizes;
    struct dd_targets targets;
    uint8_t chain_of_target[DD_MAX_TARGETS]; /* decode_target_protected_by, with chain_count > 0 */
    uint16_t width[DD_MAX_SPATIAL], height[DD_MAX_SPATIAL];
    struct dd_relations templates[DD_MAX_TEMPLATES];
};

/* What one RTP stream's earlier packets told. A zeroed state knows nothing. */
struct dependency_state {
    bool has_structure;
    uint16_t structure_number, active_number; /* frames that carried the newest of each */
    uint32_t active;                          /* decode targets that the sender produces */
    struct dd_structure structure;
};

/* One packet's descriptor. */
struct dependency_descriptor {
    bool is_frame_start, is_frame_end; /* first, last packet of a frame of one spatial layer */
    bool has_structure;                /* carries one: the first packet of a keyframe */
    bool has_active;                   /* carries a mask of active decode targets */
    uint8_t template_id;
    uint16_t frame_number;
    uint8_t target_count;
    uint16_t active_at;     /* bits in front of the mask, or of where it would stand */
    uint32_t active;        /* that holds for this frame */
    uint16_t width, height; /* of its spatial layer, 0: not told */
    uint8_t chain_count;
    struct dd_relations frame;
};

/**
 * Parse a descriptor; a structure or a mask that is newer than what @state has is taken into it.
 *
 * Errors: E_MALFORMED when cut short, or past the bounds above; E_STATE when its template is not known (the packet with the
 *         structure is missing). *out is untouched then, but @state may have taken a structure.
 */
MUST_CHECK int dependency_descriptor_parse(struct dependency_descriptor *out,
                                           struct dependency_state *state, const uint8_t *data,
                                           size_t len);
/** The first three bytes alone, which need no state. Errors: E_MALFORMED; *out is untouched then. */
MUST_CHECK int dependency_descriptor_peek(struct dependency_descriptor *out, const uint8_t *data,
                                          size_t len);
/** The decode targets of a structure that the descriptor carries. Errors: E_MALFORMED; E_NOT_FOUND when it carries none. */
MUST_CHECK int dependency_descriptor_targets(struct dd_targets *out, const uint8_t *data,
                                             size_t len);

static inline enum dd_indication dd_indication_of(const struct dd_relations *r, unsigned target)
{
    return (enum dd_indication)((r->dti_high >> target & 1) << 1 | (r->dti_low >> target & 1));
}

/* Decode targets for which the frame is a point to switch at. */
static inline uint32_t dd_switch_targets(const struct dd_relations *r)
{
    return r->dti_high & ~r->dti_low;
}

/* Decode targets to which the frame belongs. */
static inline uint32_t dd_present_targets(const struct dd_relations *r)
{
    return r->dti_high | r->dti_low;
}

/** The decode targets that need nothing above the layer @spatial, @temporal. */
uint32_t dd_targets_within(const struct dd_targets *t, uint8_t spatial, uint8_t temporal);

/**
 * Write @data anew with another frame number, and with @mask as the active decode targets when @has_mask (else a mask stays as
 * it is). @active_at and @target_count are the parsed descriptor's; @has_mask must be false where it was not parsed.
 *
 * Returns the length, 0 when it does not fit in @size or in DD_MAX_BYTES, or when @data is too short.
 */
MUST_CHECK size_t dependency_descriptor_rewrite(uint8_t *out, size_t size, const uint8_t *data,
                                                size_t len, uint16_t frame_number,
                                                uint16_t active_at, uint8_t target_count,
                                                bool has_mask, uint32_t mask);
