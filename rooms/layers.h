/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers.h - which layers of videos: what a participant wants of each slot, what becomes of that, and what its publishers are asked
 * to send at all.
 *
 *   setLayers ──▶ slot.wish ──▶ worker: allocator ──▶ slot.state ──▶ slotStates
 *                                       demand ─────▶ publication.wanted ──▶ encodingsWanted
 *
 * Thread: control reactor. Only layers_tell() calls handlers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "rooms/sfu/sfu.h"

struct participant;
struct publication;
struct slot;

/** A new slot: everything is wanted, nothing is said yet. */
void layers_init(struct slot *s);
/** The client's wish for a slot of video; without @has_priority what flows decides it. */
void layers_wish(struct slot *s, const struct sfu_wish *wish, bool has_priority);
/** What flows through the slot is another: its priority may be. */
void layers_review(struct slot *s);
/** The publication is the dominant speaker's camera, or not any more: where clients say nothing it goes before others, but screens. */
void layers_set_speaker(struct publication *pub, bool is_of_speaker);
/** The worker says what becomes of a slot. */
void layers_note_state(struct slot *s, const struct sfu_slot_state *state);
/** The worker says which encodings anybody wants. */
void layers_note_demand(struct publication *pub, unsigned wanted);
/** Another connection has the participant's session: what it may have missed is told again. */
void layers_tell_again(struct participant *p);
/** Tell what changed. Calls: the participant's on_event, which may end it. */
void layers_tell(struct participant *p);
