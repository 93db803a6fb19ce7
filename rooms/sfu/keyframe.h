/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyframe.h - the one requester of keyframes of an encoding: merges all reasons (join, switch, loss), spaces requests, repeats
 * until a keyframe comes. Pure: time in, "send one now" out.
 *
 * A keyframe costs everybody who watches a good part of a second's bitrate: some come at short notice, but in the long run one each
 * KEYFRAME_SPACING_US, however many viewers on bad lines ask.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define KEYFRAME_MIN_INTERVAL_US 300000ull /* between two requests of one encoding, whoever asks */
#define KEYFRAME_SPACING_US 1000000ull     /* between two that came, in the long run */
#define KEYFRAME_CREDIT_US \
    (2 * KEYFRAME_SPACING_US) /* what may be used ahead of that: three within a second */
#define KEYFRAME_MAX_PATIENCE_US \
    1000000ull /* first repetition after two round trips, at least the former, at most this */
#define KEYFRAME_MAX_BACKOFF 4u /* the gap doubles so often: the publisher may be asleep */
#define KEYFRAME_TRIES 10       /* then it waits for somebody to ask again */

struct keyframe_requester {
    bool is_wanted;
    uint64_t last_sent_us, next_due_us;
    uint64_t spent_us; /* until when those that came last, one each KEYFRAME_SPACING_US */
    uint32_t tries;
    uint64_t asked, sent, merged, received; /* counters */
};

/** Ask. Returns true when a request is to be sent now; else it is merged into the one under way or due later. */
bool keyframe_ask(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us);
/** Whether a repetition is due now (call at keyframe_next_us). */
bool keyframe_tick(struct keyframe_requester *k, uint64_t round_trip_us, uint64_t now_us);
/** A keyframe arrived. */
void keyframe_received(struct keyframe_requester *k);
/** Whether somebody waits and it goes on trying by itself. */
bool keyframe_is_pending(const struct keyframe_requester *k);
/** When to tick; UINT64_MAX when idle. */
uint64_t keyframe_next_us(const struct keyframe_requester *k);
