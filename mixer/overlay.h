/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.h - a small picture with transparency, ready to be laid over I420 samples: names, signs, placeholders.
 *
 * Made once from what a drawing library gives (ARGB, premultiplied), drawn often. Colours are limited-range BT.601.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "mixer/picture.h"

struct overlay {
    int width, height; /* even */
    int stride, chroma_stride;
    uint8_t *y, *u, *v;
    uint8_t *alpha, *chroma_alpha; /* 255: opaque */
};

/**
 * Make one of @argb: 32 bits a sample, 0xAARRGGBB in the machine's order, colours multiplied by alpha, @stride bytes a line.
 *
 * Returns NULL without memory, or for sides that are odd or not positive.
 */
MUST_CHECK struct overlay *overlay_new(const uint8_t *argb, int stride, int width, int height);
void overlay_free(struct overlay **o);
/** What it takes in memory. */
size_t overlay_bytes(const struct overlay *o);
/** Lay it over @to, its upper left corner at @x, @y (even, may be outside); what is outside is cut off. */
void overlay_blend(const struct picture_view *to, const struct overlay *o, int x, int y);
/** The colour nearest to 0xRRGGBB. */
struct picture_colour overlay_colour(uint32_t rgb);
