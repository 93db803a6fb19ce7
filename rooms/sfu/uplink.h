/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink.h - what the way from a publisher carries of a simulcast: an encoding that it does not carry is choked.
 *
 * When that way gets too small, frames come late, then some of them not at all, and the browser stops its larger encodings. What
 * was lost of those is a queue's worth of packets: repairing it, or a keyframe of theirs, takes the way from the small encoding
 * that viewers need now. So all but the smallest are choked when packets get lost while frames come late, and one alone when it
 * falls silent while a smaller one goes on. Viewers leave it (ladder.h, layer_selector.h), nothing of it is asked for
 * again (nack.h), and no keyframe of it is asked for. That is over a while after the last loss, or when it goes on.
 *
 * Of a replica it is found out as of its origin, from the same packets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

struct encoding;
struct packet;
struct track;

/* Frames are late: more than jitter and a keyframe's own length are. */
#define UPLINK_LATE_US 250000ull
/* For so long after its last sign an encoding stays choked. */
#define UPLINK_CHOKED_US 1000000ull
/* Silent for so long, and for so many frames of its own and of a smaller encoding: it has stopped. */
#define UPLINK_SILENT_US 400000ull
#define UPLINK_SILENT_FRAMES 4
/* What takes longer than this to send again, at the rate that comes, is not worth it while frames are late: a keyframe takes less. */
#define UPLINK_REPAIR_US 500000ull

/** Note a packet of a video encoding that was accounted, and whether numbers are missing right before it. */
void uplink_note_packet(struct encoding *e, const struct packet *pkt, bool has_gap,
                        uint64_t now_us);
/** Find the encodings that have stopped; some times a second. */
void uplink_review(struct track *t, uint64_t now_us);
/** Whether it is not worth anybody's waiting. */
bool uplink_is_choked(const struct encoding *e, uint64_t now_us);
/** How late frames come now; 0 while none come. */
uint64_t uplink_late_us(const struct track *t, uint64_t now_us);
/** Whether what is missing would take too long to come again: a keyframe is better. */
bool uplink_is_beyond_repair(struct encoding *e, uint64_t now_us);
