/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_selector.h - which encoding of a track to forward: the best live one, by what is measured (never by position or name);
 * and the ladder of all its layers, from which an allocator chooses. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_SETTLE_US \
    1000000ull /* a better encoding must have been live so long before it is preferred */

#define LADDER_MIN_FPS_PERCENT 60

struct layer_candidate {
    bool is_live;         /* packets within ENCODING_LIVE_US */
    uint64_t live_for_us; /* since its first packet after a silence */
    uint64_t silent_us;   /* since its newest packet */
    uint32_t pixels;      /* of its newest keyframe, 0 when the codec does not tell */
    uint64_t bitrate_bps;
};

/**
 * Choose among @n encodings; @current is the one chosen now, or -1.
 *
 * Returns the index to aim at; @current while nothing is clearly better; -1 when nothing was ever live.
 */
int layer_selector_choose(const struct layer_candidate *c, size_t n, int current);

/* A layer that could be forwarded: an encoding, or a spatial layer in it, up to a temporal layer. */
struct layer_option {
    uint8_t encoding, spatial, temporal;
    bool is_live;    /* its packets come (layer_rates.h) */
    uint8_t fps;     /* 0: not known */
    uint32_t pixels; /* 0: not known */
    uint32_t
        bitrate_bps; /* with everything below it that is forwarded; of one that is not live: as it was; 0: not known */
};

/**
 * Order @n layers to a ladder: each step is better than the one before, and costs more.
 *
 * More pixels are better, then more pictures a second. When a size is not known, or no sizes are, the bitrate tells. Left out are
 * steps that cost as much as a better one; larger pictures at less than LADDER_MIN_FPS_PERCENT of the rate that a smaller size
 * has; and layers of which no bitrate is known. While the ladder is empty nothing is measured yet: forward what there is.
 *
 * Returns how many steps there are; @ladder has room for @n, and may be @options.
 */
size_t layer_selector_ladder(const struct layer_option *options, size_t n,
                             struct layer_option *ladder);
