/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speakers.h - who speaks in a room: levels of its microphones, from all workers, go into the room's struct speaker; what follows
 * from that is done once a turn.
 *
 *   workers ─levels─▶ speaker.h ─changed─▶ review: moving slots (moving.h), held video (last_n.h), then ROOM_SPEAKERS to everyone
 *
 * Levels come up to a tenth of a second late, so the speaker's clock is SPEAKERS_LAG_US behind. Hidden participants are not heard of.
 * Thread: control reactor.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct publication;
struct registry;
struct room;
struct track_levels;

#define SPEAKERS_LAG_US 150000ull

/** A room begins, and ends. */
void speakers_init(struct room *r);
void speakers_fini(struct room *r);
/** A publication appeared. */
void speakers_publication_added(struct publication *pub);
/** It goes; it is in its lists still. */
void speakers_publication_removed(struct publication *pub);
/** It was muted or unmuted. */
void speakers_publication_muted(const struct publication *pub);
/** What a worker heard; about tracks that are gone too. */
void speakers_levels(struct registry *g, const struct track_levels *levels, size_t n);
/** Give microphones places that are free: those who spoke lately first. */
void speakers_offer_places(struct room *r);
