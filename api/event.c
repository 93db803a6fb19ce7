/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - a table: kind → name and parameters. */
#include "api/event.h"

#include "api/mix_json.h"
#include "api/value_json.h"
#include "core/attr.h"

static json_t *participant_only(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:o}", "participant", json_of_participant(e->participant));
}

static json_t *participant_left(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:s}", "participantId", participant_id(e->participant), "reason",
                     leave_reason_name(e->leave_reason));
}

static json_t *track_as_it_is(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:o}", "participantId", participant_id(e->participant), "track",
                     json_of_track(e->publication));
}

static json_t *track_unpublished(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:s}", "participantId", participant_id(e->participant), "trackId",
                     e->publication->id);
}

static json_t *track_muted(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:s, s:b, s:o}", "participantId", participant_id(e->participant),
                     "trackId", e->publication->id, "muted", publication_is_muted(e->publication),
                     "mutedBy", json_of_muted_by(e->publication));
}

static json_t *slots(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:o}", "slots", json_of_slots(e->slot, e->slot_count));
}

static json_t *slots_wanted(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:i, s:i}", "audio", (int)e->audio, "video", (int)e->video);
}

static json_t *slot_states(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:o}", "slots", json_of_slot_states(e->slot_state, e->slot_count));
}

static json_t *encodings_wanted(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:o}", "trackId", e->publication->id, "encodings",
                     json_of_encodings(e->encoding, e->encoding_count));
}

static json_t *subscription_failed(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s, s:s, s:s}", "trackId", e->publication->id, "reason", e->detail,
                     "message", e->message ? e->message : "the track cannot reach this client");
}

static json_t *transport_state_changed(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_pack("{s:s}", "state", e->detail);
}

static json_t *mix_changed(const struct participant *self, const struct room_event *e)
{
    (void)e;
    return json_pack("{s:o}", "mix", json_of_mix(participant_room(self)));
}

static json_t *speakers(const struct participant *self, const struct room_event *e)
{
    (void)self;
    return json_of_speakers(e->speakers);
}

json_t *event_json(const struct participant *self, const struct room_event *event,
                   const char **method)
{
    static const struct {
        const char *method;
        json_t *(*params)(const struct participant *self, const struct room_event *e);
    } rows[] = {
        [ROOM_PARTICIPANT_JOINED] = {"participantJoined", participant_only},
        [ROOM_PARTICIPANT_LEFT] = {"participantLeft", participant_left},
        [ROOM_PARTICIPANT_UPDATED] = {"participantUpdated", participant_only},
        [ROOM_TRACK_PUBLISHED] = {"trackPublished", track_as_it_is},
        [ROOM_TRACK_UNPUBLISHED] = {"trackUnpublished", track_unpublished},
        [ROOM_TRACK_UPDATED] = {"trackUpdated", track_as_it_is},
        [ROOM_TRACK_MUTED] = {"trackMuted", track_muted},
        [ROOM_MIX_CHANGED] = {"mixChanged", mix_changed},
        [ROOM_SLOTS] = {"slots", slots},
        [ROOM_SLOTS_WANTED] = {"slotsWanted", slots_wanted},
        [ROOM_SLOT_STATES] = {"slotStates", slot_states},
        [ROOM_ENCODINGS_WANTED] = {"encodingsWanted", encodings_wanted},
        [ROOM_SUBSCRIPTION_FAILED] = {"subscriptionFailed", subscription_failed},
        [ROOM_SPEAKERS] = {"speakers", speakers},
        [ROOM_TRANSPORT_STATE] = {"transportState", transport_state_changed},
    };

    if (event->kind >= ARRAY_LEN(rows) || rows[event->kind].method == NULL)
        return NULL;
    *method = rows[event->kind].method;
    return rows[event->kind].params(self, event);
}
