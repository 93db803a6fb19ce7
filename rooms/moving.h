/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moving.h - slots whose source the server moves: "speaker:1" and so on, for audio and for video.
 *
 *   audio   the n-th of the places of those to be heard (speaker.h), as many as the participant has such slots; whoever has a place
 *           himself hears the spare one in it
 *   video   speaker:1 is the camera of the newest speaker, the others are those of the ones before, who keep their slots while they
 *           are among them. Who has not spoken comes last, oldest first. Muted cameras and one's own are passed over, and when no
 *           other is left, a slot keeps what it has.
 *
 * What flows is switched without renegotiation. Nothing here calls a handler: slots are told by slots.h. Thread: control reactor.
 */
#pragma once

#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"

struct participant;
struct publication;
struct room;
struct slot;
struct wish;

/** "speaker:1"; NULL for 0, which is no moving source. */
const char *moving_source_name(unsigned number);
/** Its number; 0 when the word is none. */
unsigned moving_source_number(const char *word);

/** Somebody joined, who hears microphones through @voices moving slots. */
void moving_participant_joined(struct participant *p, unsigned voices);
/** He leaves; before slots_participant_left(). */
void moving_participant_left(struct participant *p);
/** Want a source. *slot is NULL when none is free yet. Errors: E_LIMIT. */
MUST_CHECK int moving_subscribe(struct participant *p, enum media_kind kind, unsigned number,
                                struct slot **slot);
/** Not any more. Errors: E_NOT_FOUND. */
MUST_CHECK int moving_unsubscribe(struct participant *p, enum media_kind kind, unsigned number);
/** What flows cannot be decoded by its receiver: something else shall, until he offers again. */
void moving_refuse(struct wish *w);
/** He has offered again. */
void moving_retry(struct participant *p, enum media_kind kind);

/** Places changed: move what is heard. Looks at those places only. */
void moving_review_voices(struct room *r);
/** Speakers or cameras changed: move what is seen. */
void moving_review_cameras(struct room *r);
/** Set what a slot carries: within a review with others of its worker, else at once. */
void moving_set_source(const struct slot *s, uint64_t track_id);
