/* SPDX-License-Identifier: Apache-2.0 */
/* value_json.h - rooms, participants, tracks, slots as JSON values; the same on every wire. The results are the caller's. */
#pragma once

#include <jansson.h>

#include "core/attr.h"
#include "rooms/participant.h"
#include "rooms/room.h"
#include "rooms/room_event.h"

/** {name, metadata, mix}: what a member is told. */
MUST_CHECK json_t *json_of_room_brief(const struct room *r);
/** {name, metadata, maxParticipants, emptyTimeoutMs, createdAt, participants, tracks, mix}: what an operator is told. */
MUST_CHECK json_t *json_of_room(const struct room *r);
MUST_CHECK json_t *json_of_permissions(const struct permissions *p);
MUST_CHECK json_t *json_of_participant(const struct participant *p);
MUST_CHECK json_t *json_of_track(const struct publication *pub);
MUST_CHECK json_t *json_of_slot_states(const struct slot_state_info *slot, size_t n);
json_t *json_of_encodings(const struct encoding_info *encoding, size_t n);
/** The word of the API: "notWanted". */
const char *limitation_word(enum allocator_reason reason);
json_t *json_of_slots(const struct slot_info *slot, size_t n);
MUST_CHECK json_t *json_of_speakers(const struct room_speakers *s);
/** null, "publisher" or "server". */
MUST_CHECK json_t *json_of_muted_by(const struct publication *pub);
