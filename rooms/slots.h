/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - which publication flows through which slot of a participant.
 *
 * A participant has wishes (every other publication, or chosen ones) and slots (its sending m-sections). A waiting wish takes the
 * first free slot of its kind; when there is none the client is asked to offer more. Changes are told once a turn.
 */
#pragma once

#include <stddef.h>

#include "core/attr.h"
#include "core/codec.h"

struct participant;
struct publication;
struct room;
struct slot;
struct transceiver;
struct wish;

/** A participant joined: wish for what is there. */
void slots_participant_joined(struct participant *p);
/** A publication appeared: those who subscribe automatically wish for it. */
void slots_publication_added(struct publication *pub);
/** It goes: wishes for it end, their slots are free for others. */
void slots_publication_removed(struct publication *pub);
/** Its codec is known or changed: blocked wishes try again. */
void slots_publication_codec(struct publication *pub);

/** Want, or stop wanting. Errors: E_LIMIT. */
MUST_CHECK int slots_subscribe(struct participant *p, struct publication *pub, struct slot **slot);
void slots_unsubscribe(struct participant *p, struct publication *pub);

/** While an answer is made: which publication will flow through a new section; reserved for it. NULL: none waits. */
struct publication *slots_reserve(struct participant *p, const struct transceiver *t);
void slots_drop_reservations(struct participant *p);
/** The section was accepted: open a slot and fill it. */
void slots_section_opened(struct participant *p, const struct transceiver *t);
void slots_section_changed(struct slot *s, const struct transceiver *t);
void slots_section_closed(struct slot *s);
struct slot *slots_find_mid(struct participant *p, const char *mid);

/** The endpoint cannot receive what the slot carries. */
void slots_blocked(struct slot *s, enum codec_id codec);
/** An offer brought new sections of these numbers: they were asked for. */
void slots_offered(struct participant *p, unsigned audio, unsigned video);
/** Free everything of a participant who leaves. */
void slots_participant_left(struct participant *p);
/** The deadline's work: tell what changed. */
void slots_tell(struct participant *p);
