/* SPDX-License-Identifier: Apache-2.0 */
/* rest_room.c - /healthz and /v1/rooms. */
#include "api/mix_json.h"
#include "api/rest_internal.h"
#include "api/value_json.h"
#include "api/version.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/registry.h"

static int find_room(const struct rest_call *call, struct room **out, struct refusal *why)
{
    *out = registry_find_room(call->rest->registry, call->room);
    return *out != NULL ? 0 : refuse(why, E_NOT_FOUND, NULL, "there is no such room");
}

/* ---- GET /healthz ---- */

static int get_health(struct rest_call *call, struct refusal *why)
{
    const struct registry *registry = call->rest->registry;
    bool is_draining = registry_is_draining(registry);

    (void)why;
    rest_answer(call, is_draining ? 503 : 200,
                json_pack("{s:s, s:s, s:I, s:I}", "status", is_draining ? "draining" : "ok",
                          "version", PARLEY_VERSION, "rooms",
                          (json_int_t)registry_room_count(registry), "participants",
                          (json_int_t)registry_participant_count(registry)));
    return 0;
}

/* ---- POST /v1/rooms ---- */

static const struct param room_params[] = {
    {"name", PARAM_NAME, true, 1, MAX_ROOM_NAME_LEN, NULL, "Its name."},
    {"maxParticipants", PARAM_NUMBER, false, 1, MAX_PARTICIPANTS_PER_ROOM, NULL,
     "How many fit in."},
    {"emptyTimeoutMs", PARAM_NUMBER, false, 0, UINT32_MAX, NULL,
     "How long it stays when it is empty; 0: for good."},
    {"metadata", PARAM_ANY, false, 0, MAX_METADATA_BYTES, NULL, "Anything."},
    {"mix", PARAM_OBJECT, false, 0, 0, mix_params, "Mix it from the start; settings of the mix."},
    PARAM_END,
};

static void take_number(const json_t *body, const char *name, uint32_t *to)
{
    const json_t *value = json_object_get(body, name);

    if (json_is_integer(value))
        *to = (uint32_t)json_integer_value(value);
}

static int refuse_room(struct refusal *why, int err)
{
    switch (err) {
    case E_CONFLICT:
        return refuse(why, err, "name", "the room exists with other settings");
    case E_STATE:
        (void)refuse(why, err, NULL, "the server is shutting down");
        why->status = 503;
        return err;
    case E_INVALID:
        return refuse(why, err, "name",
                      "name must be 1 to %d bytes without control characters and slashes",
                      MAX_ROOM_NAME_LEN);
    default:
        return refuse(why, err, NULL, "the room cannot be made: %s", err_text(err));
    }
}

/* A room that is new is mixed from the start where that is wanted; what is wrong with it was found out before. */
static int begin_mix(const struct rest_call *call, struct room *room, struct refusal *why)
{
    const json_t *wanted = json_object_get(call->body, "mix");

    return json_is_object(wanted) ? mix_json_start(room, wanted, why) : 0;
}

static int check_mix(const struct rest_call *call, struct refusal *why)
{
    const json_t *wanted = json_object_get(call->body, "mix");

    return json_is_object(wanted) ? mix_json_check(wanted, why) : 0;
}

static int create_room(struct rest_call *call, struct refusal *why)
{
    int err = check_mix(call, why);

    if (err != 0)
        return err;
    struct room_settings settings = registry_default_settings(call->rest->registry);
    char *metadata = json_is_null(json_object_get(call->body, "metadata"))
                         ? NULL
                         : schema_json(call->body, "metadata");
    struct room *room = NULL;
    bool existed = false;

    take_number(call->body, "maxParticipants", &settings.max_participants);
    take_number(call->body, "emptyTimeoutMs", &settings.empty_timeout_ms);
    settings.metadata = metadata;
    err = registry_create_room(call->rest->registry, schema_text(call->body, "name"), &settings,
                               &room, &existed);
    mem_free(metadata);
    if (err != 0)
        return refuse_room(why, err);
    if (!existed && (err = begin_mix(call, room, why)) != 0) {
        registry_delete_room(call->rest->registry, room, LEAVE_ROOM_DELETED);
        return err;
    }
    rest_answer(call, existed ? 200 : 201, json_of_room(room));
    return 0;
}

/* ---- the others ---- */

static void list_room(struct room *r, void *arg)
{
    json_array_append_new(arg, json_of_room(r));
}

static int list_rooms(struct rest_call *call, struct refusal *why)
{
    json_t *list = json_array();

    (void)why;
    registry_each_room(call->rest->registry, list_room, list);
    rest_answer(call, 200, json_pack("{s:o}", "rooms", list));
    return 0;
}

static int get_room(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_room(call, &room, why);

    if (err == 0)
        rest_answer(call, 200, json_of_room(room));
    return err;
}

static int delete_room(struct rest_call *call, struct refusal *why)
{
    struct room *room;
    int err = find_room(call, &room, why);

    if (err != 0)
        return err;
    registry_delete_room(call->rest->registry, room, LEAVE_ROOM_DELETED);
    rest_answer(call, 204, NULL);
    return 0;
}

const struct rest_route rest_room_routes[] = {
    {HTTP_GET, "/healthz", REST_FOR_ALL, NULL, get_health},
    {HTTP_POST, "/v1/rooms", REST_FOR_CREATOR, room_params, create_room},
    {HTTP_GET, "/v1/rooms", REST_FOR_LISTER, NULL, list_rooms},
    {HTTP_GET, "/v1/rooms/:room", REST_FOR_ADMIN_OR_LISTER, NULL, get_room},
    {HTTP_DELETE, "/v1/rooms/:room", REST_FOR_CREATOR, NULL, delete_room},
    {.pattern = NULL},
};
