/* SPDX-License-Identifier: Apache-2.0 */
/*
 * burst.h - the packets of one track that are handed to its sinks together.
 *
 * Browsers send the packets of a frame back to back. Handing them on as they come would touch the state of every viewer once a
 * packet; together they touch it once, and leave for each viewer as one system call. A burst ends with the loop turn, with the
 * end of a frame when packets are held back under load (sfu.h), or when it is full. Owner: its track. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

struct encoding;
struct packet;

#define BURST_PACKETS 32 /* of one track; more are handed on at once */

struct burst_item {
    struct packet *pkt; /* a reference of the burst's */
    struct encoding *encoding;
    uint8_t index; /* in its burst; BURST_PACKETS: it is in none */
    bool is_late;  /* newer ones of its encoding came before it */
};

struct burst {
    struct list node; /* in the sfu's list while it is not empty */
    size_t count;
    uint64_t since_us; /* arrival of the first */
    bool is_complete;  /* the newest packet ends a frame */
    struct burst_item item[BURST_PACKETS];
};

/** Fill in one that is in no burst, and not late; takes no reference. */
void burst_item_init(struct burst_item *item, struct encoding *e, struct packet *pkt);
/** Make an empty one. */
void burst_init(struct burst *b);
/** Add a packet, of which a reference is taken. The burst has room. */
void burst_add(struct burst *b, struct encoding *e, struct packet *pkt, uint64_t now_us);
/** Whether an encoding can be started with what waits here: its next keyframe has come, though nobody has seen it yet. */
bool burst_brings_keyframe(const struct burst *b, const struct encoding *e);
/** Drop what is in it. */
void burst_clear(struct burst *b);
