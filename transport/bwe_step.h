/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_step.h - a way that gets longer all at once, told from a queue.
 *
 * In a queue that our own packets make, each of them waits longer than the one before by no more than that one takes to be
 * transmitted. So a packet that takes tens of milliseconds longer than the one just before it has another way (a handover, a tunnel
 * that reroutes), or met something that is none of ours (a stall, a burst of somebody else's). The way stays as long as it is then,
 * the others pass or go on. So delays are not compared with those before the step at once, and the step is taken back when they have
 * not stayed the same half a second later, or when another such step follows: a path that carries less than BWE_STEP_LEAST_BPS
 * has one at each packet. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BWE_STEP_LEAST_BPS 240000ull
#define BWE_STEP_LEAST_US 100000  /* most bursts of others are shorter, and are a queue */
#define BWE_STEP_WATCH_US 600000u /* until it stands or is taken back */

/* Fields are private; zeroed is at rest. */
struct bwe_step {
    bool has_packet, is_watched;
    uint64_t sent_us; /* of the newest packet */
    int64_t delay_us; /* the clocks' distance is in it */
    uint64_t
        unseen_bytes; /* lost since then; before the path's narrowest place or behind it, nobody knows */
    uint64_t stepped_us; /* the last step's packet was sent then */
    int64_t by_us;
    int64_t first_us;          /* the delay at the step; */
    int64_t early_us, late_us; /* the least ones in the halves of the watch */
    uint64_t rest_until_us;    /* after one that was none */
};

enum bwe_step_kind {
    BWE_STEP_NONE,
    BWE_STEP_LONGER,
    BWE_STEP_TAKEN_BACK, /* the last one was none */
};

/**
 * Add a packet that arrived; one that was sent before the newest is ignored.
 *
 * Units: @jitter_us how much delays usually differ from group to group.
 */
enum bwe_step_kind bwe_step_add(struct bwe_step *s, uint64_t sent_us, int64_t arrival_us,
                                size_t bytes, uint64_t jitter_us);
/** A packet was lost: it may have taken its time all the same. */
void bwe_step_lost(struct bwe_step *s, size_t bytes);
/** What comes next does not follow on what came: some arrived of which nobody told. */
void bwe_step_break(struct bwe_step *s);
