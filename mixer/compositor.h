/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compositor.h - draws the newest pictures of many sources into the tiles of a layout, on one canvas.
 *
 *   picture ──► crop or letterbox, turn, scale ──► tile ──► frame of the active speaker, name, sign
 *   no picture ──► placeholder with initials ───────┘
 *
 * Only what changed is drawn: a tile whose source has no new picture costs nothing. A source that is drawn over others, or twice in one
 * size, is scaled once and kept until its next picture.
 *
 * Sources have the numbers that the layout has ("participant"). One that the layout names and nobody told of is an empty tile.
 * Thread: that of the picture pool. Time comes in as now_us.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"
#include "mixer/layout.h"
#include "mixer/picture.h"

struct compositor;

struct compositor_config {
    int width, height;       /* of the canvas, even */
    uint32_t background_rgb; /* 0xRRGGBB: between tiles and in bars */
    uint32_t active_rgb;     /* the frame around the active speaker */
    bool has_names;          /* labels and muted signs */
};

struct compositor_look {
    struct str name, identity; /* copied */
    bool is_muted, is_active;
};

/** Make one with an empty canvas. Errors: E_INVALID for the size; E_NO_MEMORY. */
MUST_CHECK int compositor_new(struct compositor **out, const struct compositor_config *config,
                              struct picture_pool *pool);
void compositor_free(struct compositor **c);

/** Say how a source looks; makes the source known. Errors: E_LIMIT past MAX_MIX_SOURCES, E_NO_MEMORY. */
MUST_CHECK int compositor_set_look(struct compositor *c, uint32_t participant,
                                   const struct compositor_look *look);
/** Forget a source. One that is not known is no error. */
void compositor_remove(struct compositor *c, uint32_t participant);
/**
 * Give a known source its newest picture, of which a reference is taken; NULL: it has none, the camera is off. Nothing for others.
 */
void compositor_set_picture(struct compositor *c, uint32_t participant, struct picture *picture);
/**
 * Let go of the source's picture when all of its tiles show it. Call it before the next frame of this source is decoded, so that the
 * decoder need not copy what is lent.
 */
void compositor_release_drawn(struct compositor *c, uint32_t participant);

/** Whether a source has a picture, be it on the canvas only. */
MUST_CHECK bool compositor_has_picture(const struct compositor *c, uint32_t participant);
/** Take over the pictures of all sources that both know; those that @from let go of as they are on its canvas. */
void compositor_adopt(struct compositor *c, struct compositor *from);

/** Go over to a layout within @change_us (0: at once; LAYOUT_CHANGE_US). Its canvas is this one (a CHECK). */
void compositor_set_layout(struct compositor *c, const struct layout *layout, uint64_t change_us,
                           uint64_t now_us);
/** The size that a source has, or is about to have, in its largest tile: which encoding is worth decoding. False: in none. */
MUST_CHECK bool compositor_size_of(const struct compositor *c, uint32_t participant, int *width,
                                   int *height);
/**
 * Draw a source's picture where nothing lies over it or below it, now that its samples are still in the core's cache. The rest is drawn
 * by compositor_compose(), and all of it while the layout changes.
 */
void compositor_draw_source(struct compositor *c, uint32_t participant);
/** Bring the canvas up to date. Returns whether a sample may have changed since the last call. */
bool compositor_compose(struct compositor *c, uint64_t now_us);
/** The canvas; it changes in compositor_draw_source() and compositor_compose() only. */
const struct picture_view *compositor_canvas(const struct compositor *c);

struct compositor_stats {
    uint64_t composed, unchanged; /* calls of compose() that did, and did not, draw something */
    uint64_t tiles, scaled,
        reused;      /* tiles drawn; pictures scaled, and taken as they were scaled before */
    uint64_t failed; /* not drawn for want of memory */
};
/** What was done so far. */
const struct compositor_stats *compositor_read_stats(const struct compositor *c);
