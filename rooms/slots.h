/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - which publication flows through which slot of a participant.
 *
 * A participant has wishes (every other publication, or chosen ones) and slots (its sending m-sections). A waiting wish takes a
 * free slot of its kind; when there is none the client is asked to offer more. So of one kind there are free slots or waiting
 * wishes, never both. Changes are told once a turn, and only slots_tell() and slots_blocked() call handlers.
 *
 *   WAITING ──a slot is free──▶ FLOWING ──the worker: no such codec──▶ BLOCKED ──codec or offer changed──▶ WAITING
 *   any ──unsubscribe──▶ REFUSED ──subscribe──▶ WAITING
 *   any but REFUSED ──not among the few (last_n.h)──▶ HELD ──among them──▶ WAITING
 *
 * Moving wishes (moving.h) take part in the same way; what flows through them changes without their state.
 */
#pragma once

#include <stddef.h>

#include "core/attr.h"
#include "core/codec.h"

struct participant;
struct publication;
struct slot;
struct slot_info;
struct transceiver;
struct wish;

/** A participant joined: wish for what is there. */
void slots_participant_joined(struct participant *p);
/** Free everything of a participant who leaves. */
void slots_participant_left(struct participant *p);
/** A publication appeared: those who subscribe automatically wish for it. */
void slots_publication_added(struct publication *pub);
/** It goes: wishes for it end, their slots are free for others. */
void slots_publication_removed(struct publication *pub);
/** Its codec is known or changed: blocked wishes try again. */
void slots_publication_codec(struct publication *pub);

/** Where it comes from changed (a mix with or without oneself): slots that carry it are given it anew. */
void slots_publication_moved(struct publication *pub);

/** Want. *slot is NULL when none is free yet. Errors: E_LIMIT: none is free and no more can be offered; nothing changed. */
MUST_CHECK int slots_subscribe(struct participant *p, struct publication *pub, struct slot **slot);
/** Stop wanting; an automatic subscription remembers it. */
void slots_unsubscribe(struct participant *p, struct publication *pub);

/** Wish for a moving source; one waits for a slot like any other. Errors: E_LIMIT, as above. */
MUST_CHECK int slots_add_moving(struct participant *p, enum media_kind kind, unsigned number,
                                struct wish **out);
/** Have it carry a publication, or nothing (NULL). */
void slots_move(struct wish *w, struct publication *pub);
/** It is not wanted any more. */
void slots_end_moving(struct wish *w);

/** It is not among the few any more: its slot goes to who waits. */
void slots_hold(struct wish *w);
/** It is among them: it waits, slots_seek() finds it a slot. */
void slots_let_go(struct wish *w);
void slots_seek(struct wish *w);

/* While an offer is answered. */
/** Say which wish a new section will serve, and keep it for that section. NULL: none waits. */
const struct wish *slots_reserve(struct participant *p, const struct transceiver *t);
void slots_drop_reservations(struct participant *p);
/** The section was accepted. It is filled by slots_offered(). */
void slots_section_opened(struct participant *p, const struct transceiver *t);
void slots_section_changed(struct slot *s, const struct transceiver *t);
/** The section sends no more; what flowed waits for another slot. */
void slots_section_closed(struct slot *s);
/** All sections are known, so many of them new (they may have been asked for): fill what is free. */
void slots_offered(struct participant *p, unsigned audio, unsigned video);
/** The connection goes with all its sections. */
void slots_close_all(struct participant *p);
/** The slot of a section; NULL when it has none. */
struct slot *slots_find_mid(struct participant *p, const char *mid);

/** What is told of a slot. */
struct slot_info slots_info(const struct slot *s);

/** The endpoint cannot receive @codec, which the slot carried. Calls: the participant's on_event. */
void slots_blocked(struct slot *s, enum codec_id codec);
/** Tell later in this turn, once, what changed and what is wanted. */
void slots_tell_later(struct participant *p);
/** Tell that a track cannot reach the client. The last step of whoever calls it: the handler may end the participant. */
void slots_tell_failed(struct participant *p, const struct publication *pub, const char *detail,
                       const char *message);
/** The deadline's work. Calls: the participant's on_event. */
void slots_tell(struct participant *p);
