/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.h - I420 pictures: counted ones that come from a pool, and views, which are where the samples are.
 *
 * A pool is bounded in bytes, so that a remote who sends large pictures gets none, instead of all memory. Planes begin at a
 * multiple of 64 bytes, as does each of their lines, with 64 bytes of nobody's between and behind them: vector code may read
 * (and libvpx does read) a little past the end.
 *
 * Decoders give out pictures whose samples are still in the decoder's memory ("lent"), which saves a copy of most pictures:
 * they are drawn once, and dropped. The decoder calls picture_detach() before it overwrites a picture that somebody still holds.
 *
 * Odd sizes are fine: chroma planes have (width + 1) / 2 by (height + 1) / 2 samples.
 * Thread: a pool, its pictures and whoever holds them belong to one mixer thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define PICTURE_PLANES 3 /* Y, U, V */

/* A value; whoever passes it on says whether the samples are read or written. */
struct picture_view {
    uint8_t *plane[PICTURE_PLANES];
    int stride[PICTURE_PLANES]; /* bytes from line to line */
    int width, height;
};

/* Samples of one colour, in limited-range BT.601. */
struct picture_colour {
    uint8_t y, u, v;
};

struct picture_pool;

struct picture {
    struct picture_view view;
    uint16_t rotation; /* 0, 90, 180 or 270: turn clockwise by so much to show it */

    /* private to picture.c */
    uint32_t refs;
    struct picture_pool *pool;
    uint8_t *memory; /* NULL: lent */
    size_t bytes;
    struct picture *next; /* unused ones */
    void (*on_returned)(void *arg);
    void *arg;
};

/* What several pools share. */
struct picture_budget {
    size_t bytes, max_bytes;
};

/** Make a pool that holds up to @max_bytes, unused pictures included. */
MUST_CHECK struct picture_pool *picture_pool_new(size_t max_bytes);
/** One that besides takes no more of @budget than others leave, which outlives it. NULL without memory. */
MUST_CHECK struct picture_pool *picture_pool_new_within(struct picture_budget *budget,
                                                        size_t max_bytes);
/** Free; asserts that every picture is home. */
void picture_pool_free(struct picture_pool **pool);

/** Whether @width and @height are within the limits of core/limits.h. */
bool picture_size_is_allowed(int64_t width, int64_t height);
/** Take a picture with one reference, its samples not initialised. NULL: a size that is not allowed, or no room. */
MUST_CHECK struct picture *picture_new(struct picture_pool *pool, int width, int height);
/**
 * Make a picture, with one reference, of memory that the caller keeps. NULL without memory.
 *
 * Calls: @on_returned, once: when the last reference goes, or in picture_detach().
 */
MUST_CHECK struct picture *picture_lend(struct picture_pool *pool, const struct picture_view *view,
                                        void (*on_returned)(void *arg), void *arg);
/** Take one more reference; returns @p. */
struct picture *picture_ref(struct picture *p);
/** Drop a reference and null the pointer. NULL is fine. */
void picture_unref(struct picture **p);
/** Whether the samples are somebody else's. */
bool picture_is_lent(const struct picture *p);
/**
 * Copy the samples of a lent picture into the pool's memory; its holders see no difference. Others are left alone.
 *
 * Errors: E_NO_MEMORY: the pool has no room; the picture is lent as before.
 * Calls:  on_returned of picture_lend(), on success.
 */
MUST_CHECK int picture_detach(struct picture *p);

/** A part: @x and @y even, the whole of it inside @v (a CHECK). */
struct picture_view picture_crop(const struct picture_view *v, int x, int y, int width, int height);
/** Copy samples between views of one size. */
void picture_copy(const struct picture_view *to, const struct picture_view *from);
/** Fill with one colour. */
void picture_fill(const struct picture_view *v, struct picture_colour colour);
/**
 * Make a copy of @from, whose samples use all of 0..255 ("full range"), in limited range.
 *
 * Errors: E_NO_MEMORY.
 */
MUST_CHECK int picture_limit_range(struct picture **out, struct picture_pool *pool,
                                   const struct picture_view *from);
static inline int picture_chroma(int side)
{
    return (side + 1) / 2;
}

struct picture_pool_stats {
    uint64_t live, live_bytes, idle, idle_bytes, refused;
};
/** What is out and what is kept. */
void picture_pool_read_stats(const struct picture_pool *pool, struct picture_pool_stats *out);
