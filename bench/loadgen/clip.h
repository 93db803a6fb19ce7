/* SPDX-License-Identifier: Apache-2.0 */
/* clip.h - a pre-encoded VP8 clip (an IVF file) that is played in a loop. It begins with a keyframe and has one every few seconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define CLIP_MAX_BYTES (64u * 1024 * 1024)
#define CLIP_MAX_FRAMES 36000u

struct clip_frame {
    const uint8_t *data;
    size_t len;
    bool is_keyframe;
};

struct clip {
    uint8_t *bytes; /* the file */
    uint16_t width, height;
    unsigned fps;
    struct clip_frame *frame;
    size_t frame_count;
    uint64_t total_bytes; /* of all frames */
};

/** Take the bytes of an IVF file. Owner: on success the clip owns @bytes (mem_alloc). Errors: E_MALFORMED, E_UNSUPPORTED (not VP8, or it
 * does not begin with a keyframe), E_LIMIT. */
MUST_CHECK int clip_parse(struct clip **out, uint8_t *bytes, size_t len);
/** Read a file. Errors: those of clip_parse(), -errno. */
MUST_CHECK int clip_load(struct clip **out, const char *path);
void clip_free(struct clip **c);
/** The index of the next keyframe after @at (a frame's index), around the end when there is none before it. */
size_t clip_next_keyframe(const struct clip *c, size_t at);
/** Mean rate of the frames alone. */
double clip_bitrate_bps(const struct clip *c);
