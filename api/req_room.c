/* SPDX-License-Identifier: Apache-2.0 */
/* req_room.c - coming and going: join, resume, leave, ping. */
#include "api/client.h"
#include "api/dispatch.h"
#include "api/turn_credentials.h"
#include "api/value_json.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "rooms/room.h"

#define RESUME_TOKEN_MAX 64

/* ---- what join and resume answer ---- */

struct listing {
    const struct participant *self;
    json_t *others;
};

static void list_other(struct participant *p, void *arg)
{
    struct listing *l = arg;

    if (p != l->self && !participant_permissions(p)->hidden)
        json_array_append_new(l->others, json_of_participant(p));
}

static json_t *describe_session(const struct client *c)
{
    const struct session *s = client_session(c);
    const struct config *config = client_config(c);
    const struct participant *self = session_participant(s);
    struct listing l = {.self = self, .others = json_array()};
    json_t *servers =
        ice_servers_json(config, participant_identity(self), timebase_wall_us() / US_PER_S);

    room_each_participant(participant_room(self), list_other, &l);
    struct room_speakers speakers = room_speakers(participant_room(self));
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:I, s:o, s:{s:i}}", "room",
                     json_of_room_brief(participant_room(self)), "participant",
                     json_of_participant(self), "participants", l.others, "speakers",
                     json_of_speakers(&speakers), "sessionId", session_id(s), "resumeToken",
                     session_resume_token(s), "graceMs", (json_int_t)config->session_grace_ms,
                     "iceServers", servers, "limits", "maxSlots", MAX_SLOTS_PER_PARTICIPANT);
}

/* ---- join ---- */

static const struct param join_params[] = {
    {"room", PARAM_NAME, true, 1, MAX_ROOM_NAME_LEN, NULL,
     "The room; it is made when there is none."},
    {"identity", PARAM_NAME, false, 1, MAX_IDENTITY_LEN, NULL,
     "Who joins, unique in the room; with a token that of the token, else made up when absent."},
    {"name", PARAM_NAME, false, 0, MAX_NAME_LEN, NULL, "A name to show; that of the token wins."},
    {"metadata", PARAM_ANY, false, 0, MAX_METADATA_BYTES, NULL,
     "Anything; that of the token wins."},
    {"token", PARAM_TEXT, false, 0, MAX_TOKEN_BYTES, NULL,
     "The access token; or `?access_token=` in the WebSocket's URL, or its Authorization header."},
    {"autoSubscribe", PARAM_BOOL, false, 0, 0, NULL,
     "Receive every track of the others (the default), or only what `subscribe` asks for."},
    {"lastN", PARAM_NUMBER, false, 0, MAX_LAST_N, NULL,
     "With automatic subscription: video of at most so many participants (who shares a screen "
     "first, then those who "
     "spoke last, then the others); the rest waits. All when absent."},
    {"speakerAudio", PARAM_NUMBER, false, 0, MAX_MOVING_SOURCES, NULL,
     "With automatic subscription: hear microphones through so many slots with moving sources, "
     "`speaker:1` and so on; "
     "each through one of its own when absent."},
    {"inMix", PARAM_BOOL, false, 0, 0, NULL,
     "Be in a mix of `who: flagged`; false when absent. `update` changes it."},
    PARAM_END,
};

static int handle_join(struct call *call, struct refusal *why)
{
    struct client *c = call->client;
    const char *token = schema_text(call->params, "token"),
               *name = schema_text(call->params, "name");
    char *metadata = json_is_null(json_object_get(call->params, "metadata"))
                         ? NULL
                         : schema_json(call->params, "metadata");
    const struct join_request request = {
        .room = schema_text(call->params, "room"),
        .identity = schema_text(call->params, "identity"),
        .name = name != NULL && name[0] != 0 ? name : NULL,
        .metadata = metadata,
        .token = token != NULL && token[0] != 0 ? token : client_token(c),
        .auto_subscribe = schema_bool(call->params, "autoSubscribe", true),
        .has_last_n = schema_has(call->params, "lastN"),
        .last_n = (unsigned)schema_number(call->params, "lastN", 0),
        .has_speaker_audio = schema_has(call->params, "speakerAudio"),
        .speaker_audio = (unsigned)schema_number(call->params, "speakerAudio", 0),
        .in_mix = schema_bool(call->params, "inMix", false),
    };
    struct session *s;
    int err = sessions_join(client_sessions(c), &request, client_session_handlers(), c, &s, why);

    mem_free(metadata);
    if (err != 0)
        return err;
    client_take_session(c, s);
    call->result = describe_session(c);
    return 0;
}

/* ---- resume ---- */

static const struct param resume_params[] = {
    {"resumeToken", PARAM_TEXT, true, 1, RESUME_TOKEN_MAX, NULL, "What `join` answered."},
    PARAM_END,
};

static int handle_resume(struct call *call, struct refusal *why)
{
    struct client *c = call->client;
    const struct slot_info *slot;
    struct session *s;
    int err = sessions_resume(client_sessions(c), schema_text(call->params, "resumeToken"),
                              client_session_handlers(), c, &s, why);

    if (err != 0)
        return err;
    client_take_session(c, s);
    call->result = describe_session(c);
    size_t n = participant_slots(session_participant(s), &slot);
    json_object_set_new(call->result, "slots", json_of_slots(slot, n));
    json_object_set_new(call->result, "transportState",
                        json_string(participant_transport_state(session_participant(s))));
    return 0;
}

/* ---- leave, ping ---- */

static const struct param no_params[] = {PARAM_END};

static int handle_leave(struct call *call, struct refusal *why)
{
    (void)why;
    client_leave(call->client);
    return 0;
}

static int handle_ping(struct call *call, struct refusal *why)
{
    (void)why;
    call->result = json_pack("{s:I}", "time", (json_int_t)(timebase_wall_us() / US_PER_MS));
    return 0;
}

const struct request_row req_room_rows[] = {
    {"join", WHEN_NOT_JOINED, join_params, handle_join, "Enter a room.",
     "`{room: {name, metadata, mix}, participant, participants: [participant…], speakers: "
     "{dominant, "
     "recent}, sessionId, resumeToken, "
     "graceMs, iceServers: "
     "[RTCIceServer…], limits: {maxSlots}}`: oneself and the others. A participant of the same "
     "identity is replaced."},
    {"resume", WHEN_NOT_JOINED, resume_params, handle_resume,
     "Take up a session whose WebSocket was lost, within `graceMs`; media is not touched. Another "
     "WebSocket that has it is "
     "closed.",
     "as `join`, and `slots: [slot…]`, `transportState`."},
    {"leave", WHEN_JOINED, no_params, handle_leave,
     "Leave the room. The WebSocket closes (1000) after the answer.", "`{}`"},
    {"ping", WHEN_ALWAYS, no_params, handle_ping, "Ask whether the server is there.",
     "`{time}`: milliseconds since 1970."},
    {.name = NULL},
};
