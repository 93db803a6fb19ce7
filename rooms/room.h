/* SPDX-License-Identifier: Apache-2.0 */
/* room.h - a named conference: members, settings, events. Owner: the registry. Thread: control reactor. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "rooms/participant.h"

struct room;

struct room_settings {
    uint32_t max_participants;
    uint32_t empty_timeout_ms; /* 0: stays until it is deleted */
    const char *metadata;      /* JSON text or NULL */
};

/** Its plain values. */
const char *room_name(const struct room *r);
uint64_t room_created_at_ms(const struct room *r);
const struct room_settings *room_settings(const struct room *r);
size_t room_participant_count(const struct room *r); /* hidden ones included */
size_t room_publication_count(const struct room *r);

/**
 * Join. A participant of the same identity is replaced (it is told). The newcomer hears nothing before participant_attach().
 *
 * Errors: E_LIMIT (room or server full), E_INVALID (identity, name, metadata: too long or unclean), E_STATE (draining, or the room ends).
 * Calls:  on_event of the replaced one and of the others.
 */
MUST_CHECK int room_join(struct room *r, const struct participant_params *params,
                         struct participant **out);
/** Find; NULL when there is none. Hidden ones are found too. */
struct participant *room_find_identity(const struct room *r, const char *identity);
struct participant *room_find_id(const struct room *r, const char *participant_id);
/** Find who publishes a track; NULL when there is none. */
struct participant *room_find_track_owner(const struct room *r, const char *track_id);
/** Who speaks, hidden ones left out; borrowed until the next call about the room. */
struct room_speakers room_speakers(const struct room *r);
/** Visit all, oldest first; @visit may make anyone leave. A hidden one is visited too (participant_permissions tells). */
void room_each_participant(const struct room *r, void (*visit)(struct participant *p, void *arg),
                           void *arg);
