/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_rates.h - what each layer of an encoding costs and brings, as measured: bitrate and pictures a second, by spatial and
 * temporal layer.
 *
 * Cheap to feed: a packet adds to two counters; the rates follow at the end of each LAYER_RATES_BIN_US, smoothed over about a
 * second, so that a keyframe does not look like a higher rate. What begins has a first guess at the end of the bin in which it
 * began, and a rate at the end of the next.
 *
 * Owner: its encoding, which embeds it. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/packet.h"

#define LAYER_RATES_BIN_US 250000ull
#define LAYER_RATES_SILENT_BINS 6 /* 1.5 s: as long as an encoding may be silent (encoding.h) */
#define LAYER_RATES_TEMPORAL 4    /* those above are counted with the highest */

struct layer_rates {
    uint64_t bin_start_us; /* 0: nothing came yet */
    struct layer_rate {
        uint32_t bytes; /* of this bin */
        uint16_t frames;
        uint16_t fps_q4; /* smoothed, scaled by 16 */
        uint32_t bps;    /* smoothed */
        uint8_t silent_bins;
        bool is_live, is_new; /* the latter: after its first bin, which began without it */
    } layer[MEDIA_MAX_SPATIAL][LAYER_RATES_TEMPORAL];
};

/** Account a media packet of @bytes; what tells no layer counts as the lowest. A zeroed struct is a new one. */
void layer_rates_add(struct layer_rates *r, const struct media_info *m, size_t bytes,
                     uint64_t now_us);
/** Close the bins that are over; before reading, when nothing may have come for a while. */
void layer_rates_advance(struct layer_rates *r, uint64_t now_us);
/** Whether packets of the layer come. */
bool layer_rates_is_live(const struct layer_rates *r, unsigned spatial, unsigned temporal);
/** Bits a second of everything up to the layer (layer_filter.h forwards all below). */
uint32_t layer_rates_bps(const struct layer_rates *r, unsigned spatial, unsigned temporal);
/** Pictures a second of the spatial layer, up to the temporal one; rounded. */
uint8_t layer_rates_fps(const struct layer_rates *r, unsigned spatial, unsigned temporal);
