/* SPDX-License-Identifier: Apache-2.0 */
/* req_mix.c - the mix of one's room, for administrators: startMix, updateMix, stopMix. */
#include "api/client.h"
#include "api/dispatch.h"
#include "api/mix_json.h"
#include "core/err.h"
#include "rooms/participant.h"

static const struct param no_params[] = {PARAM_END};

static int check_admin(const struct call *call, struct room **room, struct refusal *why)
{
    const struct participant *p = session_participant(client_session(call->client));

    *room = participant_room(p);
    return participant_permissions(p)->admin
               ? 0
               : refuse(why, E_DENIED, NULL, "the token does not grant roomAdmin");
}

static void answer(struct call *call, const struct room *room)
{
    call->result = json_pack("{s:o}", "mix", json_of_mix(room));
}

static int handle_start(struct call *call, struct refusal *why)
{
    struct room *room;
    int err = check_admin(call, &room, why);

    if (err == 0)
        err = mix_json_start(room, call->params, why);
    if (err == 0)
        answer(call, room);
    return err;
}

static int handle_update(struct call *call, struct refusal *why)
{
    struct room *room;
    int err = check_admin(call, &room, why);

    if (err == 0)
        err = mix_json_update(room, call->params, why);
    if (err == 0)
        answer(call, room);
    return err;
}

static int handle_stop(struct call *call, struct refusal *why)
{
    struct room *room;
    int err = check_admin(call, &room, why);

    return err != 0 ? err : mix_json_stop(room, why);
}

const struct request_row req_mix_rows[] = {
    {"startMix", WHEN_JOINED, mix_params, handle_start,
     "Mix the room: all its participants in one picture and one sound, which anybody in it may "
     "subscribe to, and `POST /whep/{room}/mix` plays. Needs `roomAdmin`.",
     "`{mix}`: all settings, `participantId`, `tracks: [track…]` and `actual: {level, fps, width, "
     "height}`, which says how much of it the server can make at present (`level` 0: all). "
     "`E_CONFLICT` when the room is mixed already."},
    {"updateMix", WHEN_JOINED, mix_params, handle_update,
     "Change what is named of the mix. Another codec or number of encodings ends its tracks and "
     "begins new ones. Needs `roomAdmin`.",
     "`{mix}`"},
    {"stopMix", WHEN_JOINED, no_params, handle_stop, "End the mix. Needs `roomAdmin`.", "`{}`"},
    {.name = NULL},
};
