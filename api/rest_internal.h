/* SPDX-License-Identifier: Apache-2.0 */
/* rest_internal.h - a route and a call, as rest.c and the handlers share them. */
#pragma once

#include <jansson.h>

#include "api/auth.h"
#include "api/http.h"
#include "api/refusal.h"
#include "api/schema.h"
#include "core/attr.h"
#include "core/limits.h"

struct rest {
    const struct config *config;
    struct registry *registry;
    struct sessions *sessions;
};

/* Who may. LiveKit's grants: creators make and delete rooms, listers see them, an administrator acts inside his room. */
enum rest_permission {
    REST_FOR_ALL,
    REST_FOR_CREATOR,
    REST_FOR_LISTER,
    REST_FOR_ADMIN_OR_LISTER,
    REST_FOR_ADMIN
};

struct rest_call {
    struct rest *rest;
    struct http_exchange *x;
    const struct http_request *request;
    struct grants grants;
    char room[MAX_ROOM_NAME_LEN + 1], identity[MAX_IDENTITY_LEN + 1],
        track[ID_LEN + 1]; /* of the path */
    char allow[32];
    json_t *body; /* checked */
};

struct rest_route {
    enum http_method method;
    const char *pattern; /* "/v1/rooms/:room" */
    enum rest_permission permission;
    const struct param *body; /* NULL: none */
    /* Answer: 0, or an error with @why, which is answered for it. */
    int (*handle)(struct rest_call *call, struct refusal *why);
};

extern const struct rest_route rest_room_routes[], rest_participant_routes[], rest_mix_routes[];

/** Answer with JSON, which is taken; with 204 there is none. */
void rest_answer(struct rest_call *call, unsigned status, json_t *value);
void rest_refuse(struct rest_call *call, const struct refusal *why);
