/* SPDX-License-Identifier: Apache-2.0 */
/* rest_participant.c - /v1/rooms/{room}/participants: list, show, change, remove, mute, statistics. */
#include "api/report.h"
#include "api/rest_internal.h"
#include "api/value_json.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/registry.h"

static int find_participant(const struct rest_call *call, struct participant **out,
                            struct refusal *why)
{
    struct room *room = registry_find_room(call->rest->registry, call->room);

    if (room == NULL)
        return refuse(why, E_NOT_FOUND, NULL, "there is no such room");
    *out = room_find_identity(room, call->identity);
    return *out != NULL
               ? 0
               : refuse(why, E_NOT_FOUND, NULL, "there is no such participant in the room");
}

static void list_participant(struct participant *p, void *arg)
{
    json_array_append_new(arg, json_of_participant(p));
}

static int list_participants(struct rest_call *call, struct refusal *why)
{
    struct room *room = registry_find_room(call->rest->registry, call->room);
    json_t *list;

    if (room == NULL)
        return refuse(why, E_NOT_FOUND, NULL, "there is no such room");
    list = json_array();
    room_each_participant(room, list_participant, list);
    rest_answer(call, 200, json_pack("{s:o}", "participants", list));
    return 0;
}

static int get_participant(struct rest_call *call, struct refusal *why)
{
    struct participant *p;
    int err = find_participant(call, &p, why);

    if (err == 0)
        rest_answer(call, 200, json_of_participant(p));
    return err;
}

static int remove_participant(struct rest_call *call, struct refusal *why)
{
    struct participant *p;
    int err = find_participant(call, &p, why);

    if (err != 0)
        return err;
    participant_leave(&p, LEAVE_REMOVED);
    rest_answer(call, 204, NULL);
    return 0;
}

/* ---- update ---- */

static const struct param update_params[] = {
    {"inMix", PARAM_BOOL, true, 0, 0, NULL,
     "Whether the participant is in a mix of `who: flagged`."},
    PARAM_END,
};

static int update_participant(struct rest_call *call, struct refusal *why)
{
    const struct participant_changes changes = {.has_in_mix = true,
                                                .in_mix = schema_bool(call->body, "inMix", false)};
    struct participant *p;
    int err = find_participant(call, &p, why);

    if (err != 0)
        return err;
    err = participant_update(p, &changes, true);
    if (err != 0)
        return refuse_plain(why, err, "inMix");
    /* A handler may have made anybody leave. */
    if ((err = find_participant(call, &p, why)) == 0)
        rest_answer(call, 200, json_of_participant(p));
    return err;
}

/* ---- mute ---- */

static const struct param mute_params[] = {
    {"muted", PARAM_BOOL, true, 0, 0, NULL, "Mute, or lift what the server muted."},
    PARAM_END,
};

struct track_search {
    const char *id;
    const struct publication *found;
};

static void look_at(const struct publication *pub, void *arg)
{
    struct track_search *search = arg;

    if (str_eq_c(str_of(search->id), pub->id))
        search->found = pub;
}

static int mute_track(struct rest_call *call, struct refusal *why)
{
    struct track_search search = {.id = call->track};
    struct participant *p;
    int err = find_participant(call, &p, why);

    if (err != 0)
        return err;
    err = participant_mute(p, call->track, schema_bool(call->body, "muted", false), true);
    participant_each_publication(p, look_at, &search);
    if (err == E_NOT_FOUND || search.found == NULL)
        return refuse(why, E_NOT_FOUND, NULL, "the participant has no such track");
    if (err != 0)
        return refuse_plain(why, err, "muted");
    rest_answer(call, 200, json_of_track(search.found));
    return 0;
}

/* ---- statistics: the answer comes from a media worker, when the client may be gone ---- */

struct stats_call {
    struct rest_call
        call; /* what answering needs; the request itself lives as long as the exchange */
    struct report_question *question;
    bool is_asking, is_done;
};

static void on_stats(int err, json_t *stats, void *arg)
{
    struct stats_call *s = arg;
    struct refusal why;

    if (err == 0) {
        rest_answer(&s->call, 200, stats);
    } else {
        (void)refuse(&why, err, NULL,
                     err == E_STATE ? "the participant has no transport yet"
                                    : "there are no statistics");
        rest_refuse(&s->call, &why);
    }
    s->is_done = true;
    if (!s->is_asking)
        mem_free(s);
}

static void on_client_gone(struct http_exchange *x, void *arg)
{
    struct stats_call *s = arg;

    (void)x;
    report_forget(&s->question);
    mem_free(s);
}

static int get_stats(struct rest_call *call, struct refusal *why)
{
    struct participant *p;
    struct stats_call *s;
    int err = find_participant(call, &p, why);

    if (err != 0)
        return err;
    s = MEM_NEW(struct stats_call);
    s->call = *call;
    s->call.body = NULL;
    s->is_asking = true;
    http_exchange_watch(call->x, on_client_gone, s);
    report_ask(&s->question, p, on_stats, s);
    s->is_asking = false;
    if (s->is_done)
        mem_free(s);
    return 0;
}

#define PARTICIPANT "/v1/rooms/:room/participants/:identity"

const struct rest_route rest_participant_routes[] = {
    {HTTP_GET, "/v1/rooms/:room/participants", REST_FOR_ADMIN, NULL, list_participants},
    {HTTP_GET, PARTICIPANT, REST_FOR_ADMIN, NULL, get_participant},
    {HTTP_PATCH, PARTICIPANT, REST_FOR_ADMIN, update_params, update_participant},
    {HTTP_DELETE, PARTICIPANT, REST_FOR_ADMIN, NULL, remove_participant},
    {HTTP_POST, PARTICIPANT "/tracks/:trackId/mute", REST_FOR_ADMIN, mute_params, mute_track},
    {HTTP_GET, PARTICIPANT "/stats", REST_FOR_ADMIN, NULL, get_stats},
    {.pattern = NULL},
};
