/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.h - requests of WebSocket clients: each is a row of a table; its parameters are checked, its handler runs, its answer
 * is sent.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "api/refusal.h"
#include "api/schema.h"
#include "core/str.h"

struct client;

enum request_when { WHEN_ALWAYS, WHEN_NOT_JOINED, WHEN_JOINED };

/* A request being answered. */
struct call {
    struct client *client;
    const json_t *id;     /* NULL: a notification, no answer is wanted */
    const json_t *params; /* checked against the row's table */
    json_t *result;       /* out: the handler's; NULL stands for {} */
    bool is_answered_later;
};

struct request_row {
    const char *name;
    enum request_when when;
    const struct param *params;
    /* Do it: 0, or an error with @why. */
    int (*handle)(struct call *call, struct refusal *why);
    const char *sentence; /* what it does */
    const char *result;   /* what it answers */
};

/* The tables, each ended by a row without a name: req_room.c and so on. */
extern const struct request_row req_room_rows[], req_participant_rows[], req_track_rows[],
    req_subscription_rows[], req_mix_rows[];

/** Handle one message of a client. @is_over_limit: it sent too many, this one is refused. */
void dispatch(struct client *c, struct str text, bool is_over_limit);
/** Find a row; NULL when there is none. */
const struct request_row *dispatch_find(const char *name);
/** Print the tables as a document (docs/api.md, the part behind the introduction). */
void dispatch_print_docs(struct strbuf *to);
