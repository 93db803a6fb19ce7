/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - ties a WebSocket to a session: messages go down to dispatch, events come up from the session. */
#include "api/client.h"

#include <string.h>

#include "api/dispatch.h"
#include "api/event.h"
#include "api/jsonrpc.h"
#include "api/rate_limit.h"
#include "api/report.h"
#include "api/ws.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/list.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/worker.h"

#define REQUEST_BURST (3 * MAX_REQUESTS_PER_SECOND)
#define BYTES_BURST (4 * MAX_REQUEST_BYTES_PER_SECOND)
#define OFFER_BURST (2 * MAX_OFFERS_PER_SECOND)
#define MAX_REFUSED_IN_A_ROW 1000 /* requests past the limit; then it is an attack, or broken */
#define MAX_QUESTIONS 8           /* statistics asked for at once */

struct clients {
    const struct config *config;
    struct sessions *sessions;
    struct worker *control;
    struct list waiting, joined;
    size_t waiting_count, joined_count;
    bool is_draining;
};

struct client {
    struct clients *owner;
    struct list node; /* in waiting or joined */
    bool has_joined;
    struct ws *ws;
    struct session *session;
    char *token;
    struct rate_limit requests, bytes, offers;
    unsigned refused_in_a_row;
    struct deadline join_by;
    struct list questions;
    size_t question_count;
    bool must_close; /* once the answer to "leave" is queued */
};

/* A request for statistics that waits for its answer. */
struct question {
    struct list node;
    struct client *client;
    json_t *id; /* NULL: a notification, nobody waits */
    struct report_question *report;
};

/* ---- sending ---- */

void client_send(struct client *c, char *text, size_t len)
{
    if (text == NULL)
        ws_close(c->ws, WS_CLOSE_TRY_LATER, "out of memory");
    else
        ws_send(c->ws, (struct str){text, len});
    mem_free(text);
}

static void notify(struct client *c, const char *method, json_t *params)
{
    size_t len;
    char *text = jsonrpc_write_notification(method, params, &len);

    client_send(c, text, len);
}

/* ---- events of the session ---- */

static void on_event(struct session *s, const struct room_event *event, void *arg)
{
    const char *method;
    json_t *params = event_json(session_participant(s), event, &method);

    if (params != NULL)
        notify(arg, method, params);
}

static void on_ended(struct session *s, enum session_end why, void *arg)
{
    struct client *c = arg;

    (void)s;
    c->session = NULL;
    notify(c, "closed",
           json_pack("{s:s, s:s}", "reason", session_end_name(why), "message",
                     session_end_sentence(why)));
    ws_close(c->ws, session_end_close_code(why), session_end_name(why));
}

const struct session_handlers *client_session_handlers(void)
{
    static const struct session_handlers handlers = {.on_event = on_event, .on_ended = on_ended};

    return &handlers;
}

/* ---- for the handlers of requests ---- */

struct session *client_session(const struct client *c)
{
    return c->session;
}

struct sessions *client_sessions(const struct client *c)
{
    return c->owner->sessions;
}

const struct config *client_config(const struct client *c)
{
    return c->owner->config;
}

const char *client_token(const struct client *c)
{
    return c->token;
}

void client_take_session(struct client *c, struct session *s)
{
    c->session = s;
    ws_allow_long_messages(c->ws);
    deadline_clear(&c->join_by);
    if (c->has_joined)
        return;
    c->has_joined = true;
    list_remove(&c->node);
    list_append(&c->owner->joined, &c->node);
    c->owner->waiting_count--;
    c->owner->joined_count++;
}

void client_leave(struct client *c)
{
    session_leave(&c->session);
    c->must_close = true;
}

int client_count_offer(struct client *c, struct refusal *why)
{
    if (rate_limit_take(&c->offers, MAX_OFFERS_PER_SECOND, OFFER_BURST,
                        worker_now_us(c->owner->control)))
        return 0;
    return refuse(why, E_LIMIT, NULL, "at most %d offers a second", MAX_OFFERS_PER_SECOND);
}

/* ---- statistics ---- */

static void question_free(struct question *q)
{
    report_forget(&q->report);
    list_remove(&q->node);
    q->client->question_count--;
    json_decref(q->id);
    mem_free(q);
}

static void on_stats(int err, json_t *stats, void *arg)
{
    struct question *q = arg;
    struct refusal why;
    char *text;
    size_t len;

    if (err != 0) {
        (void)refuse(&why, err, NULL, "there are no statistics: %s", err_text(err));
        text = jsonrpc_write_error(q->id, jsonrpc_code(&why), &why, &len);
    } else {
        text = jsonrpc_write_result(q->id, stats, &len);
    }
    if (q->id != NULL)
        client_send(q->client, text, len);
    else
        mem_free(text);
    question_free(q);
}

int client_answer_with_stats(struct client *c, const json_t *id, struct refusal *why)
{
    struct question *q;

    if (c->question_count >= MAX_QUESTIONS)
        return refuse(why, E_LIMIT, NULL, "%d requests for statistics are waiting already",
                      MAX_QUESTIONS);
    q = MEM_NEW(struct question);
    q->client = c;
    q->id = id != NULL ? json_deep_copy(id) : NULL;
    list_append(&c->questions, &q->node);
    c->question_count++;
    report_ask(&q->report, session_participant(c->session), on_stats, q);
    return 0;
}

/* ---- the WebSocket ---- */

static void on_text(struct ws *ws, struct str text, void *arg)
{
    struct client *c = arg;
    bool is_over = !rate_limit_take(&c->requests, MAX_REQUESTS_PER_SECOND, REQUEST_BURST,
                                    worker_now_us(c->owner->control));

    c->refused_in_a_row = is_over ? c->refused_in_a_row + 1 : 0;
    if (c->refused_in_a_row > MAX_REFUSED_IN_A_ROW ||
        !rate_limit_take_many(&c->bytes, (double)text.len, MAX_REQUEST_BYTES_PER_SECOND,
                              BYTES_BURST, worker_now_us(c->owner->control))) {
        log_info(LOG_API, NULL, "%s sends too many requests: closing", ws_remote(ws));
        ws_close(ws, WS_CLOSE_POLICY, "too many requests");
        return;
    }
    dispatch(c, text, is_over);
    if (c->must_close)
        ws_close(ws, WS_CLOSE_NORMAL, "left");
}

static void on_closed(struct ws *ws, void *arg)
{
    struct client *c = arg;
    struct question *q;

    (void)ws;
    while ((q = LIST_FIRST(&c->questions, struct question, node)) != NULL)
        question_free(q);
    session_lost(&c->session);
    deadline_clear(&c->join_by);
    list_remove(&c->node);
    if (c->has_joined)
        c->owner->joined_count--;
    else
        c->owner->waiting_count--;
    mem_wipe(c->token, strlen(c->token));
    mem_free(c->token);
    mem_free(c);
}

static void on_join_timeout(struct deadline *d, uint64_t now_us, void *arg)
{
    struct client *c = arg;

    (void)d;
    (void)now_us;
    ws_close(c->ws, WS_CLOSE_POLICY, "nothing was joined in time");
}

/* ---- life ---- */

struct clients *clients_new(const struct config *config, struct sessions *sessions,
                            struct worker *control)
{
    struct clients *cs = MEM_NEW(struct clients);

    cs->config = config;
    cs->sessions = sessions;
    cs->control = control;
    list_init(&cs->waiting);
    list_init(&cs->joined);
    return cs;
}

void clients_free(struct clients **cs)
{
    mem_free(*cs);
    *cs = NULL;
}

bool clients_have_room(const struct clients *cs)
{
    return !cs->is_draining && cs->waiting_count < MAX_WS_CONNECTIONS_BEFORE_JOIN &&
           cs->waiting_count + cs->joined_count < MAX_WS_CONNECTIONS;
}

void clients_drain(struct clients *cs)
{
    cs->is_draining = true;
    LIST_EACH(&cs->waiting, struct client, node, c)
        on_ended(NULL, SESSION_END_SHUTDOWN, c);
}

void client_open(struct clients *cs, struct ws *ws, const char *token)
{
    static const struct ws_handlers handlers = {.on_text = on_text, .on_closed = on_closed};
    struct client *c = MEM_NEW(struct client);

    c->owner = cs;
    c->ws = ws;
    c->token = mem_strdup(token);
    list_init(&c->questions);
    list_append(&cs->waiting, &c->node);
    cs->waiting_count++;
    deadline_init(&c->join_by, on_join_timeout, c);
    deadline_set(worker_wheel(cs->control), &c->join_by,
                 worker_now_us(cs->control) + WS_JOIN_TIMEOUT_US);
    ws_take(ws, &handlers, c);
}
