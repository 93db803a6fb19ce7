/* SPDX-License-Identifier: Apache-2.0 */
/*
 * viewer.h - what one endpoint is sent of the videos it is subscribed to: its wishes and the bandwidth towards it, given to the
 * allocator, and the outcome given to its subscriptions.
 *
 * There is none as long as nothing limits what is sent: no estimate, and no wish for less than everything. Its subscriptions
 * then aim at the best there is by themselves, at no cost. Runs happen when something changes, bitrates are looked at
 * VIEWER_RUN_US after the last run at the earliest, and not at all where there is room for everything.
 *
 * Owner: the sfu_transport, which has it allocated. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/deadline.h"
#include "rooms/sfu/allocator.h"

struct sfu_transport;
struct subscription;

#define VIEWER_RUN_US 250000ull
/* The only video is paused when its lowest layer would take so many times what there is, for so long. */
#define VIEWER_PAUSE_FACTOR 2
#define VIEWER_PAUSE_AFTER_US 1000000ull

struct viewer {
    struct sfu_transport *owner;
    struct allocator allocator;
    struct deadline due;
    uint64_t ran_us, audio_bps;
    uint64_t lacks_since_us; /* that there is far too little; 0: there is not */
    bool pauses;
};

/* A subscription's part of it. */
struct viewer_item {
    struct allocator_item it;
    uint64_t track_id; /* whose layers the steps are */
    bool is_whole;     /* the highest step is the track's own */
    struct viewer_step {
        uint8_t encoding, spatial, temporal;
    } step[MAX_LADDER_LAYERS];
};

/** Have the subscription (of video) decided by the allocator, if it is to be. false: it takes what there is. */
bool viewer_takes(struct subscription *sub);
/** Another wish, source or ladder: decide anew, in this turn. */
void viewer_change(struct sfu_transport *st, uint64_t now_us);
/** Bitrates are others: decide anew, soon, unless there is room enough. */
void viewer_drift(struct sfu_transport *st, uint64_t now_us);
/** Another estimate; 0: not known. */
void viewer_set_estimate(struct sfu_transport *st, uint64_t bps, uint64_t now_us);
/** See sfu_transport_wanted_bps(). */
uint64_t viewer_wanted_bps(const struct sfu_transport *st);
/** The transport goes, its subscriptions are gone. */
void viewer_free(struct sfu_transport *st);
