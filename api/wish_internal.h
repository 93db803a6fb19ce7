/* SPDX-License-Identifier: Apache-2.0 */
/* wish_internal.h - what WHIP and WHEP differ in, and what wish.c hands them. */
#pragma once

#include <stdbool.h>

#include "api/auth.h"
#include "api/http.h"
#include "api/refusal.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/config.h"
#include "core/limits.h"
#include "core/str.h"

struct registry;
struct wish_resource;
struct wish_resources;

#define WISH_SDP_TYPE "application/sdp"
#define WISH_SDPFRAG_TYPE "application/trickle-ice-sdpfrag"

struct wish {
    const struct config *config;
    struct registry *registry;
    struct sessions *sessions;
    struct wish_resources *resources;
};

/* A request. */
struct wish_call {
    struct wish *wish;
    struct registry *registry;
    struct http_exchange *x;
    const struct http_request *request;
    const struct wish_kind *kind;
    char room[MAX_ROOM_NAME_LEN + 1];
    char
        target[MAX_IDENTITY_LEN +
               1]; /* the third segment of the path: a participant or a resource's id; "" without */
    struct wish_resource *resource; /* the target, when it is one */
    struct grants grants;           /* POST: what the token allows */
};

struct wish_kind {
    const char *prefix;    /* "/whip/" */
    bool takes_target;     /* POST may name a participant */
    const char *direction; /* of every audio and video section of the answer */
    const char *misfit;    /* what one that is otherwise lacks */
    /* Look at an offer while nothing has changed yet. NULL: nothing to see. */
    int (*check)(const struct wish_call *call, struct refusal *why);
    /* Who joins, and for what; room and token are there. */
    void (*fill)(const struct wish_call *call, struct join_request *join);
};

/** Refuse what a try of the offer found, with an HTTP status that fits an offer. Returns @err. */
int wish_refuse_offer(struct refusal *why, int err);
/** Check that all audio and video sections of an answer have the kind's direction. Errors: E_UNSUPPORTED (406). */
MUST_CHECK int wish_check_answer(const struct wish_kind *kind, struct str answer,
                                 struct refusal *why);

/* wish_reply.c */
/** Add a header behind those that @response has; texts are borrowed until it is sent. */
void wish_add_header(struct http_response *response, const char *name, const char *value);
/** Answer, with what all answers have: CORS, no caching. */
void wish_reply(const struct wish_call *call, struct http_response *response);
/** Answer with a refusal and the headers that its status asks for. */
void wish_reply_refusal(const struct wish_call *call, const struct refusal *why);
/** The methods of what the path names, for Allow. */
const char *wish_allowed(const struct wish_call *call);
/** Write the value of a Link header: ice.servers, those for TURN with credentials for @user (RFC 9725 s4.6). */
void wish_write_links(const struct config *config, const char *user, struct strbuf *out);
