/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bare_video.h - what a composed picture is measured beside: libvpx alone, which decodes the same inputs and encodes the same canvases
 * with the settings of mixer/coder_vpx_encoder.c, and does nothing else; and the scaling alone.
 *
 * The caller measures: each function does one thing. What fails here is a CHECK: inputs and canvases are ours. Owner: a benchmark.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/picture.h"

struct bare_video;

struct bare_video_config {
    size_t inputs;
    int input_width, input_height; /* of each */
    int width, height;             /* of the canvas */
    uint32_t fps, bitrate_bps;
    struct picture_pool *pool; /* outlives it */
};

/** Make it. Errors: E_UNSUPPORTED when libvpx does not take the settings. */
MUST_CHECK int bare_video_open(struct bare_video **out, const struct bare_video_config *config);
void bare_video_close(struct bare_video **b);
/** Decode a frame of an input. */
void bare_video_decode(struct bare_video *b, size_t input, const uint8_t *data, size_t len);
/** Take a canvas, near the CPU as after composing; not to be measured. */
void bare_video_take(struct bare_video *b, const struct picture_view *canvas);
/** Encode what was taken. */
void bare_video_encode(struct bare_video *b);
/** Scale a picture of an input's size to @width x @height, onto a canvas that nobody sees. */
void bare_video_scale(struct bare_video *b, size_t input, int width, int height);
