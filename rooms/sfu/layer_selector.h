/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_selector.h - which encoding of a track to forward: the best live one, by what is measured (never by position or name).
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAYER_SETTLE_US \
    1000000ull /* a better encoding must have been live so long before it is preferred */

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
