/* SPDX-License-Identifier: Apache-2.0 */
/* payload_h264.h - what an H.264 payload (RFC 6184 s5, packetization modes 0 and 1) shows of its NAL units. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct h264_payload {
    bool has_sps;     /* a sequence parameter set is in it */
    bool is_keyframe; /* an SPS, or the first slice of an IDR picture */
    /* The first slice of a picture, or what only stands in front of one (delimiter, SPS, PPS, SEI). When those travel in
     * packets of their own, each of them says so: the first packet of a new timestamp is the picture's start. */
    bool is_frame_start;
};

/**
 * Look at the NAL units of one payload: a single one, those of a STAP-A, or the fragment of an FU-A.
 *
 * Errors: E_MALFORMED when cut short; *out is untouched then. What packetization mode 1 does not allow (STAP-B, MTAP, FU-B,
 *         reserved types) shows nothing and is no error: RFC 6184 s5.2 asks receivers to ignore it.
 */
MUST_CHECK int h264_parse(struct h264_payload *out, const uint8_t *payload, size_t len);
