/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the program at the far end of one WebSocket: its session once it joined, its limits, what it still waits for.
 *
 * Owner: the clients object. Thread: control reactor.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/refusal.h"
#include "api/session.h"
#include "core/attr.h"
#include "core/config.h"
#include "core/str.h"

struct client;
struct clients;
struct worker;
struct ws;

MUST_CHECK struct clients *clients_new(const struct config *config, struct sessions *sessions,
                                       struct worker *control);
/** After their WebSockets are gone. */
void clients_free(struct clients **cs);
/** Whether one more WebSocket is within the limits, those that have not joined among themselves too. */
bool clients_have_room(const struct clients *cs);
/** Close those that have not joined, and take no more. Those that have are told by their sessions. */
void clients_drain(struct clients *cs);
/** A WebSocket opened; @token is what its URL or Authorization header brought, "" for none. */
void client_open(struct clients *cs, struct ws *ws, const char *token);

/* For dispatch and the handlers of requests. */
/** Send a message; takes @text, which may be NULL when memory was short: the client is hung up then. */
void client_send(struct client *c, char *text, size_t len);
/** Its session; NULL before join. */
struct session *client_session(const struct client *c);
struct sessions *client_sessions(const struct client *c);
const struct config *client_config(const struct client *c);
const char *client_token(const struct client *c);
/** The handlers to join and resume with (arg = the client); then hand the session over. */
const struct session_handlers *client_session_handlers(void);
void client_take_session(struct client *c, struct session *s);
/** Leave; the WebSocket closes when the answer is sent. */
void client_leave(struct client *c);
/** Count an offer. Errors: E_LIMIT. */
MUST_CHECK int client_count_offer(struct client *c, struct refusal *why);
/** Ask for its statistics and answer the request @id with them later. Errors: E_LIMIT (too many at once). */
MUST_CHECK int client_answer_with_stats(struct client *c, const json_t *id, struct refusal *why);
