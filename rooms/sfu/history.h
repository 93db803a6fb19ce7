/* SPDX-License-Identifier: Apache-2.0 */
/*
 * history.h - the latest packets of one encoding, by sequence number: one copy, whatever the audience.
 *
 * New viewers start from its newest keyframe, and what a viewer misses is cut from it again. Holds references; grows with the
 * rate until it covers HISTORY_US, as long as its worker has room for that. Owner: its encoding. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct packet;

#define HISTORY_US 3000000ull /* what it grows to cover */
#define HISTORY_MIN_PACKETS 64
#define HISTORY_MAX_PACKETS 2048 /* three seconds at 6 Mbit/s */

/* What all histories of a worker share: how many packets they may hold beyond the least. */
struct history_budget {
    size_t packets, max_packets;
};

struct history {
    struct packet **slot; /* by sequence number & mask; NULL until the first packet */
    uint32_t mask;
    bool started;
    uint16_t newest;
    bool has_keyframe;
    uint16_t keyframe_seq; /* the first packet of the newest one */
    uint64_t keyframe_us;  /* its arrival */
    uint16_t whole_seq;    /* all from keyframe_seq up to here, exclusive, are here */
    struct history_budget *budget;
};

/** Make an empty one. */
void history_init(struct history *h, struct history_budget *budget);
/** Drop everything. */
void history_fini(struct history *h);
/** Drop all packets: the numbers begin anew. */
void history_clear(struct history *h);
/** Keep a packet (a reference is taken). What came too late for the ring is left out. Without memory it keeps nothing. */
void history_add(struct history *h, struct packet *pkt);
/** The packet of a sequence number, borrowed; NULL when it is not there (any more). */
struct packet *history_find(const struct history *h, uint16_t seq);
/** Whether the newest keyframe came within @max_age_us, and is followed by @max_packets at most; packets may be missing between. */
bool history_can_start(const struct history *h, uint64_t max_age_us, size_t max_packets,
                       uint64_t now_us);
/** Whether all packets from the newest keyframe on are here, and came with what they need to be understood; of one that can start.
 * However often it is asked, it looks at each of them once. */
bool history_is_whole(struct history *h);
/** Move *seq on to the first number from there up to the newest that is not here; false when all are. */
MUST_CHECK bool history_next_hole(const struct history *h, uint16_t *seq);
