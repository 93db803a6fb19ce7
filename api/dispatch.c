/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c - message → envelope → row → parameters → handler → answer. */
#include "api/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "api/client.h"
#include "api/jsonrpc.h"
#include "core/attr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

static const struct request_row *const tables[] = {
    req_room_rows, req_participant_rows, req_track_rows, req_subscription_rows, req_mix_rows};

const struct request_row *dispatch_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (const struct request_row *row = tables[i]; row->name != NULL; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

static int check_when(const struct request_row *row, const struct client *c, struct refusal *why)
{
    bool has_joined = client_session(c) != NULL;

    if (row->when == WHEN_JOINED && !has_joined)
        return refuse(why, E_STATE, NULL, "%s: join first", row->name);
    if (row->when == WHEN_NOT_JOINED && has_joined)
        return refuse(why, E_STATE, NULL, "%s: this connection has joined a room already",
                      row->name);
    return 0;
}

static int run(const struct jsonrpc_request *request, struct call *call, int *code,
               struct refusal *why)
{
    const struct request_row *row = dispatch_find(request->method);
    json_t *none = json_object();
    int err;

    *code = 0;
    call->params = request->params != NULL ? request->params : none;
    if (row == NULL) {
        *code = JSONRPC_METHOD_NOT_FOUND;
        err = refuse(why, E_UNSUPPORTED, "method", "there is no method \"%.64s\"", request->method);
    } else {
        err = schema_check(row->params, call->params, why);
        if (err == 0)
            err = check_when(row, call->client, why);
        if (err == 0)
            err = row->handle(call, why);
    }
    json_decref(none);
    call->params = NULL;
    return err;
}

static void answer(struct client *c, const json_t *id, json_t *result)
{
    size_t len;
    char *text = jsonrpc_write_result(id, result != NULL ? result : json_object(), &len);

    client_send(c, text, len);
}

static void answer_error(struct client *c, const json_t *id, int code, const struct refusal *why)
{
    size_t len;
    char *text = jsonrpc_write_error(id, code != 0 ? code : jsonrpc_code(why), why, &len);

    client_send(c, text, len);
}

void dispatch(struct client *c, struct str text, bool is_over_limit)
{
    struct jsonrpc_request request;
    struct call call = {.client = c};
    struct refusal why;
    bool is_readable;
    int code, err = jsonrpc_read(&request, text, &code, &why);

    is_readable = err == 0;
    call.id = request.id;
    if (is_readable && is_over_limit) {
        code = 0;
        err = refuse(&why, E_LIMIT, NULL, "at most %d requests a second", MAX_REQUESTS_PER_SECOND);
    } else if (is_readable) {
        err = run(&request, &call, &code, &why);
    }
    /* What could not be read is answered even without an id; a notification never is. */
    if (err != 0 && (request.id != NULL || !is_readable))
        answer_error(c, request.id, code, &why);
    else if (err == 0 && request.id != NULL && !call.is_answered_later)
        answer(c, request.id, call.result);
    else
        json_decref(call.result);
    jsonrpc_request_fini(&request);
}

/* ---- the document ---- */

static void print_params(struct strbuf *to, const struct param *table, const char *prefix)
{
    for (const struct param *p = table; p->name != NULL; p++) {
        char type[96], below[96];

        schema_print_type(p, type, sizeof(type));
        strbuf_addf(to, "| `%s%s` | %s | %s | %s |\n", prefix, p->name, type,
                    p->is_required ? "yes" : "", p->sentence);
        (void)snprintf(below, sizeof(below), "%s%s%s", prefix, p->name,
                       p->type == PARAM_LIST     ? "[]."
                       : p->type == PARAM_OBJECT ? "."
                                                 : ".*.");
        if (p->of != NULL)
            print_params(to, p->of, below);
    }
}

void dispatch_print_docs(struct strbuf *to)
{
    static const char *const when[] = {[WHEN_ALWAYS] = "",
                                       [WHEN_NOT_JOINED] = " On a connection without a session.",
                                       [WHEN_JOINED] = " Needs a session."};

    for (size_t i = 0; i < ARRAY_LEN(tables); i++)
        for (const struct request_row *row = tables[i]; row->name != NULL; row++) {
            strbuf_addf(to, "### `%s`\n\n%s%s\n\n", row->name, row->sentence, when[row->when]);
            if (row->params->name != NULL) {
                strbuf_add(to, "| parameter | type | required | |\n| --- | --- | --- | --- |\n");
                print_params(to, row->params, "");
                strbuf_add(to, "\n");
            }
            strbuf_addf(to, "Result: %s\n\n", row->result);
        }
}
