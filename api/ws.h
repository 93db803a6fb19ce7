/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ws.h - one WebSocket: whole text messages in, a bounded queue of text messages out, pings and liveness.
 *
 * Owner: the http. Whoever took it is told once when it ends. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "core/str.h"

struct ws;

#define WS_MAX_EARLY_BYTES (32 * 1024) /* a join with a token and metadata fits twice */

/* Close codes, RFC 6455 s7.4.1 and the IANA registry. */
#define WS_CLOSE_NORMAL 1000
#define WS_CLOSE_UNSUPPORTED 1003
#define WS_CLOSE_POLICY 1008
#define WS_CLOSE_TOO_BIG 1009
#define WS_CLOSE_TRY_LATER 1013

struct ws_handlers {
    /* A whole message; NUL-terminated, borrowed for the call. Not called any more after ws_close(). */
    void (*on_text)(struct ws *ws, struct str text, void *arg);
    /* The connection is gone, whoever ended it; @ws is invalid after the call. Called exactly once. */
    void (*on_closed)(struct ws *ws, void *arg);
};

/** Take it over. */
void ws_take(struct ws *ws, const struct ws_handlers *handlers, void *arg);
/** Queue a message (copied). Past MAX_WS_QUEUE_BYTES the queue is dropped and the connection closes (1013). Harmless on one
 * that is closing. */
void ws_send(struct ws *ws, struct str text);
/** Take messages of up to MAX_JSON_BYTES from now on. Before that WS_MAX_EARLY_BYTES: who has not shown who he is pins no memory. */
void ws_allow_long_messages(struct ws *ws);
/** Send what is queued, then close with @code; forced after some seconds. Later calls change nothing. */
void ws_close(struct ws *ws, unsigned code, const char *reason);
bool ws_is_closing(const struct ws *ws);
/** The address of the client, for logs. */
const char *ws_remote(const struct ws *ws);
