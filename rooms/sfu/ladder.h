/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ladder.h - the layers of a track that viewers choose from: encodings, their spatial and temporal layers, in the order of
 * layer_selector_ladder(), with what each costs and brings as measured (layer_rates.h).
 *
 * An encoding that fell silent keeps its steps, with what they cost last: nobody may have wanted it, and who does finds it here
 * (demand.h). Empty while nothing is measured. Owner: its track, which embeds it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"
#include "rooms/sfu/layer_selector.h"

struct encoding;

/* By so much a bitrate differs from the one that was told before it is told anew. */
#define LADDER_DRIFT_PERCENT 12

struct ladder {
    uint8_t count;
    uint8_t
        rank[MAX_ENCODINGS]; /* of each encoding among those that were measured, 0: the smallest */
    uint16_t version;        /* counts changes */
    uint16_t shape;          /* counts those of more than rates: steps, sizes, what is sent */
    struct layer_option step[MAX_LADDER_LAYERS];
    struct ladder_known { /* of each encoding, as it was sent last */
        uint8_t count;
        struct layer_option option[MAX_LADDER_LAYERS];
    } known[MAX_ENCODINGS];
};

/** Forget everything: other encodings, or another codec. */
void ladder_clear(struct ladder *l);
/** Build it anew from the rates of @n encodings; some times a second. */
void ladder_measure(struct ladder *l, struct encoding *encoding, size_t n, uint64_t now_us);
/** All layers that were measured, those included that are no step; returns how many. */
size_t ladder_options(const struct ladder *l, struct layer_option out[MAX_LADDER_LAYERS]);
/** The highest step; NULL while it is empty. */
const struct layer_option *ladder_top(const struct ladder *l);
