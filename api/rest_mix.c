/* SPDX-License-Identifier: Apache-2.0 */
/* rest_mix.c - /v1/rooms/{room}/mix: begin, show, change, end, statistics. */
#include "api/mix_json.h"
#include "api/rest_internal.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/registry.h"
#include "rooms/room_mix.h"

static int find_room(const struct rest_call *call, struct room **out, struct refusal *why)
{
    *out = registry_find_room(call->rest->registry, call->room);
    return *out != NULL ? 0 : refuse(why, E_NOT_FOUND, NULL, "there is no such room");
}

static int find_mix(const struct rest_call *call, struct room **out, struct refusal *why)
{
    int err = find_room(call, out, why);

    if (err == 0 && room_mix_settings(*out) == NULL)
        err = refuse(why, E_NOT_FOUND, NULL, "the room is not mixed");
    return err;
}

static int start_mix(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_room(call, &room, why);

    if (err == 0)
        err = mix_json_start(room, call->body, why);
    if (err == 0)
        rest_answer(call, 201, json_of_mix(room));
    return err;
}

static int get_mix(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_mix(call, &room, why);

    if (err == 0)
        rest_answer(call, 200, json_of_mix(room));
    return err;
}

static int update_mix(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_mix(call, &room, why);

    if (err == 0)
        err = mix_json_update(room, call->body, why);
    if (err == 0)
        rest_answer(call, 200, json_of_mix(room));
    return err;
}

static int stop_mix(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_mix(call, &room, why);

    if (err == 0)
        err = mix_json_stop(room, why);
    if (err == 0)
        rest_answer(call, 204, NULL);
    return err;
}

/* ---- statistics: the answer comes from the mixer, when the client may be gone ---- */

struct stats_call {
    struct rest_call call; /* what answering needs */
    bool is_asking, is_done, is_gone;
};

static void on_stats(int err, const struct mix_stats *stats, void *arg)
{
    struct stats_call *s = arg;
    struct refusal why;

    if (!s->is_gone && err == 0) {
        rest_answer(&s->call, 200, json_of_mix_stats(stats));
    } else if (!s->is_gone) {
        (void)refuse(&why, err, NULL, "there are no statistics");
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
    s->is_gone = true;
}

static int get_stats(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    struct stats_call *s;
    int err = find_mix(call, &room, why);

    if (err != 0)
        return err;
    s = MEM_NEW(struct stats_call);
    s->call = *call;
    s->call.body = NULL;
    s->is_asking = true;
    http_exchange_watch(call->x, on_client_gone, s);
    room_mix_read_stats(room, on_stats, s);
    s->is_asking = false;
    if (s->is_done)
        mem_free(s);
    return 0;
}

#define MIX "/v1/rooms/:room/mix"

const struct rest_route rest_mix_routes[] = {
    {HTTP_POST, MIX, REST_FOR_ADMIN, mix_params, start_mix},
    {HTTP_GET, MIX, REST_FOR_ADMIN, NULL, get_mix},
    {HTTP_PATCH, MIX, REST_FOR_ADMIN, mix_params, update_mix},
    {HTTP_DELETE, MIX, REST_FOR_ADMIN, NULL, stop_mix},
    {HTTP_GET, MIX "/stats", REST_FOR_ADMIN, NULL, get_stats},
    {.pattern = NULL},
};
