/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moving_clip.h - a short clip of VP8 to decode again and again: a textured background with a camera's noise, in front of which
 * something moves. The first frame is a keyframe.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/rng.h"
#include "mixer/picture.h"

#define MOVING_CLIP_FPS 30
#define MOVING_CLIP_FRAMES 60

struct moving_clip {
    struct {
        uint8_t *data;
        size_t len; /* 0: dropped for the bitrate */
    } frame[MOVING_CLIP_FRAMES];
};

/** Draw frame @t of clip @which. */
void moving_clip_draw(const struct picture_view *v, unsigned which, unsigned t, struct rng *noise);
/** Encode clip @which. Returns 0, or a negative error. */
MUST_CHECK int moving_clip_make(struct moving_clip *c, unsigned which, int width, int height,
                                uint32_t bitrate_bps, struct picture_pool *pool);
/** The same with a time code in each frame (loadgen/time_code.h): @first_code and on. */
MUST_CHECK int moving_clip_make_coded(struct moving_clip *c, unsigned which, int width, int height,
                                      uint32_t bitrate_bps, unsigned first_code,
                                      struct picture_pool *pool);
void moving_clip_fini(struct moving_clip *c);
