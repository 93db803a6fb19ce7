/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rest.c - a request finds its row by method and path, shows that it may, brings its body into shape, and the row's handler
 * answers. The handlers are in rest_room.c, rest_participant.c and rest_mix.c.
 */
#include "api/rest.h"

#include <stdio.h>
#include <string.h>

#include "api/http_path.h"
#include "api/json_text.h"
#include "api/origin.h"
#include "api/problem.h"
#include "api/rest_internal.h"
#include "core/err.h"
#include "core/mem.h"

#define PREFIX "/v1/"
#define MAX_SEGMENT_LEN MAX_ROOM_NAME_LEN
#define PREFLIGHT_MAX_AGE_S "600"

static const struct rest_route *const tables[] = {rest_room_routes, rest_participant_routes,
                                                  rest_mix_routes};

/* ---- answers ---- */

/* What a browser needs to show the answer to a page of another origin. */
static void add_cors(const struct rest_call *call, struct http_response *response)
{
    const struct http_request *request = call->request;
    size_t n = 0;

    if (request->origin[0] == 0 ||
        !origin_is_friend(call->rest->config, request->origin, request->host))
        return;
    while (n < HTTP_MAX_HEADERS && response->header[n].name != NULL)
        n++;
    if (n + 2 > HTTP_MAX_HEADERS)
        return;
    response->header[n] = (struct http_header){"access-control-allow-origin", request->origin};
    response->header[n + 1] = (struct http_header){"vary", "origin"};
}

void rest_answer(struct rest_call *call, unsigned status, json_t *value)
{
    struct http_response response = {.status = status, .header = {{"cache-control", "no-store"}}};

    if (status != 204) {
        response.content_type = "application/json";
        response.body = json_text_take(value, &response.body_len);
        if (response.body == NULL) {
            struct refusal why;

            (void)refuse(&why, E_NO_MEMORY, NULL, "the answer is too long");
            rest_refuse(call, &why);
            return;
        }
    }
    add_cors(call, &response);
    http_reply(call->x, &response);
}

void rest_refuse(struct rest_call *call, const struct refusal *why)
{
    struct http_response response = {.header = {{"cache-control", "no-store"}}};

    if (problem_status(why) == 401)
        response.header[1] = (struct http_header){"www-authenticate", "Bearer"};
    if (call->allow[0])
        response.header[1] = (struct http_header){"allow", call->allow};
    add_cors(call, &response);
    problem_reply(call->x, why, &response);
}

/* ---- routes ---- */

static bool take_parameter(struct rest_call *call, const char *name, const char *value)
{
    char *to = strcmp(name, "room") == 0       ? call->room
               : strcmp(name, "identity") == 0 ? call->identity
                                               : call->track;
    size_t size = to == call->track ? sizeof(call->track) : sizeof(call->room);

    return str_copy(to, size, str_of(value));
}

/* Whether the path is what the pattern says; its parameters then are in @call. */
static bool matches(const char *pattern, const char *path, struct rest_call *call)
{
    struct str want = str_of(pattern), have = str_of(path);

    while (want.len > 0) {
        char name[MAX_SEGMENT_LEN + 1], value[MAX_SEGMENT_LEN + 1];

        if (!http_path_next_segment(&want, name, sizeof(name)) ||
            !http_path_next_segment(&have, value, sizeof(value)))
            return false;
        if (name[0] == ':' ? !take_parameter(call, name + 1, value) : strcmp(name, value) != 0)
            return false;
    }
    return have.len == 0;
}

/* The row; NULL and a refusal when there is none. */
static const struct rest_route *find_route(struct rest_call *call, struct refusal *why)
{
    const struct http_request *request = call->request;
    enum http_method method = request->method == HTTP_HEAD ? HTTP_GET : request->method;
    size_t len = 0;

    call->allow[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (const struct rest_route *r = tables[i]; r->pattern != NULL; r++) {
            if (!matches(r->pattern, request->path, call))
                continue;
            if (r->method == method)
                return r;
            len += (size_t)snprintf(call->allow + len, sizeof(call->allow) - len, "%s%s",
                                    len ? ", " : "", http_method_name(r->method));
        }
    if (len == 0) {
        (void)refuse(why, E_NOT_FOUND, NULL, "there is no such resource");
        return NULL;
    }
    (void)refuse(why, E_UNSUPPORTED, NULL, "%s is not possible here, but %s",
                 http_method_name(request->method), call->allow);
    why->status = 405;
    return NULL;
}

/* A browser asks before it lets a page of another origin send a request. */
static void answer_preflight(struct rest_call *call)
{
    struct http_response response = {
        .status = 204,
        .header = {{"access-control-allow-methods", "GET, POST, PATCH, DELETE"},
                   {"access-control-allow-headers", "authorization, content-type"},
                   {"access-control-max-age", PREFLIGHT_MAX_AGE_S}},
    };

    add_cors(call, &response);
    http_reply(call->x, &response);
}

/* ---- may it? ---- */

static int check_permission(const struct rest_call *call, enum rest_permission needed,
                            struct refusal *why)
{
    const struct grants *g = &call->grants;
    bool is_admin = g->room_admin &&
                    (g->room[0] == 0 ? call->rest->config->dev : strcmp(g->room, call->room) == 0);

    switch (needed) {
    case REST_FOR_ALL:
        return 0;
    case REST_FOR_CREATOR:
        return g->room_create ? 0
                              : refuse(why, E_DENIED, NULL, "the token does not grant roomCreate");
    case REST_FOR_LISTER:
        return g->room_list ? 0 : refuse(why, E_DENIED, NULL, "the token does not grant roomList");
    case REST_FOR_ADMIN_OR_LISTER:
        return g->room_list || is_admin
                   ? 0
                   : refuse(why, E_DENIED, NULL,
                            "the token grants neither roomList nor roomAdmin for this room");
    case REST_FOR_ADMIN:
        return is_admin ? 0
                        : refuse(why, E_DENIED, NULL,
                                 "the token does not grant roomAdmin for this room");
    }
    return E_DENIED;
}

static struct str bearer_token(const struct http_request *request)
{
    struct str value = str_trim(str_of(request->authorization)), scheme = str_cut(&value, ' ');

    return str_eq_nocase(scheme, STR("Bearer")) ? str_trim(value) : (struct str){NULL, 0};
}

static int admit(struct rest_call *call, const struct rest_route *route, struct refusal *why)
{
    const struct http_request *request = call->request;
    int err;

    if (route->permission == REST_FOR_ALL)
        return 0;
    if (!origin_is_served(call->rest->config, request->origin, request->host))
        return refuse(why, E_DENIED, NULL,
                      "in development mode pages of other sites may not use the API");
    err = sessions_admit(call->rest->sessions, bearer_token(request), &call->grants, why);
    return err != 0 ? err : check_permission(call, route->permission, why);
}

/* ---- the body ---- */

static int read_body(struct rest_call *call, const struct rest_route *route, struct refusal *why)
{
    struct str type = str_of(call->request->content_type),
               media_type = str_trim(str_cut(&type, ';'));
    int err;

    if (route->body == NULL)
        return 0;
    if (!str_eq_nocase(media_type, STR("application/json"))) {
        err = refuse(why, E_UNSUPPORTED, NULL, "the body must be application/json");
        why->status = 415;
        return err;
    }
    err = json_text_read(&call->body, call->request->body, why);
    if (err == E_LIMIT)
        why->status = 400;
    return err != 0 ? err : schema_check(route->body, call->body, why);
}

void rest_serve(struct rest *rest, struct http_exchange *x, const struct http_request *request)
{
    struct rest_call call = {.rest = rest, .x = x, .request = request};
    struct refusal why;
    const struct rest_route *route;
    int err;

    if (request->method == HTTP_OPTIONS) {
        answer_preflight(&call);
        return;
    }
    route = find_route(&call, &why);
    if (route == NULL) {
        rest_refuse(&call, &why);
        return;
    }
    err = admit(&call, route, &why);
    if (err == 0)
        err = read_body(&call, route, &why);
    if (err == 0)
        err = route->handle(&call, &why);
    if (err != 0)
        rest_refuse(&call, &why);
    json_decref(call.body);
}

bool rest_owns(const char *path)
{
    return strncmp(path, PREFIX, sizeof(PREFIX) - 1) == 0 || strcmp(path, "/v1") == 0 ||
           strcmp(path, "/healthz") == 0;
}

/* ---- life ---- */

struct rest *rest_new(const struct config *config, struct registry *registry,
                      struct sessions *sessions)
{
    struct rest *r = MEM_NEW(struct rest);

    r->config = config;
    r->registry = registry;
    r->sessions = sessions;
    return r;
}

void rest_free(struct rest **r)
{
    mem_free(*r);
    *r = NULL;
}
