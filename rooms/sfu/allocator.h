/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocator.h - splits the bandwidth estimated towards one viewer over what it is subscribed to.
 *
 * Who gets what, in this order: audio; the lowest layer for everyone, by priority; then better layers, higher priorities first, those
 * of one priority a step each in turn. What does not fit is left at a lower layer, and paused as the last resort.
 *
 *   down   at once: no run ends above the estimate, unless the lowest layers of what may not be paused need more than that
 *   up     a step at a time, with room to spare (a tenth, and more where estimates scatter), not soon after a down, and later
 *          still when the last up was followed by a down
 *   start  at the best layer that fits with the same room; at the lowest soon after a down
 *
 * A step that takes from lower priorities (or later steps of equal ones) what they have waits for no room: it needs none.
 * Pure and deterministic; allocates nothing; a run costs n * layers. Owner: `struct allocator` the viewer's transport, `struct
 * allocator_item` each subscription.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"

#define ALLOCATOR_HEADROOM_PERCENT 10
/* Between two ups, so that the estimator sees what the first one did. */
#define ALLOCATOR_UP_INTERVAL_US 1000000ull
#define ALLOCATOR_HOLD_US \
    4000000ull /* no up after a down; a quarter where there is room in plenty */
#define ALLOCATOR_MAX_HOLD_US 60000000ull /* what it doubles to */
#define ALLOCATOR_QUICK_US 10000000ull    /* a down so soon after an up was the up's fault */
#define ALLOCATOR_MAX_BPS 100000000000ull /* estimates are cut off there; "no limit" */

/* Usual priorities; any other number does too. */
#define ALLOCATOR_PRIORITY_USUAL 64
#define ALLOCATOR_PRIORITY_SPEAKER 128
#define ALLOCATOR_PRIORITY_SCREEN 192

#define ALLOCATOR_REASON_MAP(X)                                        \
    X(NONE, "none", "it gets what is wanted")                          \
    X(BANDWIDTH, "bandwidth", "the way to the viewer carries no more") \
    X(NOT_WANTED, "not_wanted", "the viewer hides or paused it")       \
    X(MUTED, "muted", "the publisher muted it")                        \
    X(NOT_SENT, "not_sent", "the publisher does not send this layer, or anything")

enum allocator_reason {
#define X(name, text, why) ALLOCATOR_##name,
    ALLOCATOR_REASON_MAP(X)
#undef X
};

/* A step of a track's ladder. */
struct allocator_layer {
    /* Of all that is forwarded for it, the steps below included where it needs them. What is expected while it is not sent. */
    uint32_t bitrate_bps;
    uint32_t pixels; /* 0: not known */
    uint8_t fps;     /* 0: not known */
    bool is_sent;    /* packets come; else they may be asked for (demand.h) */
};

struct allocator_item {
    /* The wish, by the caller, before a run. The ladder rises; layers that cannot be had are not in it. */
    enum media_kind kind;
    uint8_t priority; /* the higher, the sooner */
    bool is_wanted, is_muted;
    bool is_pausable; /* else it gets its lowest layer come what may */
    /* Of the tile; 0: any. */
    uint16_t wanted_width, wanted_height;
    uint8_t wanted_fps;
    int8_t max_layer; /* INT8_MAX: any */
    uint8_t layers;
    struct allocator_layer layer[MAX_LADDER_LAYERS];

    /* The outcome of a run: indices into the ladder, -1 for nothing. */
    int8_t target;  /* to aim at, and to count as demand */
    int8_t forward; /* the best that is sent up to there */
    int8_t wanted;  /* what it would get without a limit */
    enum allocator_reason reason;
    uint32_t target_bps;

    /* private to allocator.c */
    bool has_begun;
    int8_t next;
    uint64_t smoothed_us;
    uint32_t cost_bps[MAX_LADDER_LAYERS]; /* smoothed, rising */
};

struct allocator {
    /* The outcome of a run. */
    uint64_t total_bps;  /* of all targets */
    uint64_t wanted_bps; /* of all that is wanted */
    uint64_t
        next_step_bps; /* what to probe for: the next step up is taken then; 0: no more is wanted */
    uint64_t next_run_us; /* run again then, if not sooner; UINT64_MAX: no need */

    /* counters: of items, and of the times that the estimate fell below what was given */
    uint64_t ups, downs, pauses, resumes;
    uint64_t shortages;

    /* private */
    uint64_t estimate_bps, smooth_bps, scatter_bps, smoothed_us;
    uint64_t used_bps, keep_limit_bps, up_limit_bps, swap_limit_bps;
    uint64_t hold_us, hold_until_us, last_up_us, last_short_us, next_up_us;
    uint64_t now_us;
    uint64_t step_bps;      /* the first step that was not taken; 0: none */
    uint64_t wait_until_us; /* a step would fit, but not before that; UINT64_MAX: none */
    uint8_t order[MAX_SLOTS_PER_PARTICIPANT];
};

const char *allocator_reason_name(enum allocator_reason reason); /* "bandwidth" */

/** Start with nothing known. */
void allocator_init(struct allocator *a);
/** Start an item: video that is wanted in any size and may be paused, at the usual priority, without layers. */
void allocator_item_init(struct allocator_item *it, enum media_kind kind);
/** The ladder stands for something else now (another track or codec): begin like a new item. */
void allocator_item_restart(struct allocator_item *it);
/** Before a run with other steps of the same source: @was[i] is where step i was at the last run, or -1; rising. What it has
 * it keeps, the next lower step that is still there, or the lowest. */
void allocator_item_remap(struct allocator_item *it, const int8_t was[MAX_LADDER_LAYERS]);
/**
 * Decide anew for all @n items (at most MAX_SLOTS_PER_PARTICIPANT). Call it when the estimate, a wish or a ladder changed, at
 * next_run_us, and some times a second while there are items, for the bitrates of ladders vary.
 */
void allocator_run(struct allocator *a, struct allocator_item *const *items, size_t n,
                   uint64_t estimate_bps, uint64_t now_us);
