/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demand.h - which encodings of a track anybody wants, so that the publisher need not encode and send the others.
 *
 * Votes are sets of encodings (bit i: encoding i): a subscription votes for its target, a recorder or mixer for what it takes, and
 * a worker for what its own votes come to, so that the same counter serves on each worker (for demand_set()) and once for the
 * track (for the events). What becomes wanted is told at once; what nobody wants any more only after a while, for viewers come
 * back, and to start an encoding costs a keyframe.
 *
 * Pure. Owner: the track, or its replica on another worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"

#define DEMAND_OFF_DELAY_US 4000000ull

struct demand_event {
    uint8_t encoding;
    bool is_wanted;
};

struct demand {
    uint32_t votes[MAX_ENCODINGS];
    uint64_t since_us[MAX_ENCODINGS]; /* when an encoding lost its last vote */
    uint8_t encodings;
    uint8_t told; /* what the publisher believes to be wanted */
};

/** Start without votes; the publisher begins by sending all @encodings. */
void demand_init(struct demand *d, unsigned encodings, uint64_t now_us);
/**
 * Change somebody's vote from @from (0: none yet) to @to (0: it leaves). Bits past the encodings count for nothing.
 *
 * Returns whether demand_set() has changed.
 */
bool demand_move(struct demand *d, unsigned from, unsigned to, uint64_t now_us);
/** What is wanted at this moment, as a vote. */
unsigned demand_set(const struct demand *d);
/** Collect what is to be told to the publisher now; call it after demand_move() and at demand_next_us(). Returns how many. */
size_t demand_collect(struct demand *d, uint64_t now_us, struct demand_event out[MAX_ENCODINGS]);
/** When something unwanted is to be told; UINT64_MAX: nothing is pending. */
uint64_t demand_next_us(const struct demand *d);
/** Whether the publisher was told that nobody wants @encoding: then its silence is not the end of it. */
bool demand_is_off(const struct demand *d, unsigned encoding);
