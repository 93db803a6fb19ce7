/* SPDX-License-Identifier: Apache-2.0 */
/* http_internal.h - what http.c, http_request.c, http_exchange.c, http_tls.c and ws.c share: the library's objects stop here. */
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/http.h"
#include "core/addr.h"
#include "core/attr.h"
#include "core/deadline.h"
#include "core/list.h"

struct http {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct worker *worker;
    const struct http_handlers *handlers;
    void *arg;
    SSL_CTX *pair; /* holds certificate and key; NULL: plain HTTP */
    char *tls_cert, *tls_key;
    const char *tls_cert_pem, *tls_key_pem;
    char address[ADDR_TEXT_LEN]; /* to bind to; "" any */
    bool is_v6;
    unsigned port;
    struct http_stats stats;
};

/* The library's memory for each connection: zeroed by it. */
struct http_connection {
    struct http_exchange *exchange;
    struct ws *ws;
    struct lws *wsi;      /* NULL: no request was read yet */
    struct deadline look; /* while an answer is written to a socket that takes nothing */
    bool is_paused;       /* input is off until the socket takes more of an answer */
};

/* A request and the texts it points to, one block. */
struct http_request_copy {
    struct http_request request;
    char remote[64];
    char text[]; /* the strings, one after the other */
};

/** The http of a connection. */
struct http *http_of(struct lws *wsi);

/** Copy what we need of the headers; NULL when memory is short. mem_free() */
MUST_CHECK struct http_request_copy *http_request_read(struct lws *wsi);

/* http_exchange.c: the callbacks of a request's life. They return what the library wants: 0, or -1 to hang up. */
int http_exchange_begin(struct lws *wsi, struct http_connection *c);
int http_exchange_body(struct http_connection *c, const char *bytes, size_t len);
int http_exchange_body_complete(struct http_connection *c);
int http_exchange_write(struct lws *wsi, struct http_connection *c);
void http_exchange_end(struct http_connection *c);
/** The connection ends, or becomes a WebSocket. */
void http_connection_end(struct http_connection *c);
/** Count an answer. */
void http_count_answer(struct http *h, unsigned status);
/** Answer without an exchange, at once and small. Returns 0, or -1 when it cannot be written. */
int http_refuse_now(struct lws *wsi, unsigned status);

/* http_tls.c */
/** Read certificate and key from wherever they come and use them from now on. Errors: E_INVALID with a sentence in @why; the
 * old ones stay. */
MUST_CHECK int http_tls_load(struct http *h, struct strbuf *why);
/** Make the library's context use them. */
MUST_CHECK bool http_tls_attach(struct http *h, SSL_CTX *vhost);
void http_tls_free(struct http *h);

/* ws.c: the callbacks of a WebSocket's life. */
int ws_on_open(struct lws *wsi, struct http_connection *c);
int ws_on_receive(struct lws *wsi, struct http_connection *c, const char *bytes, size_t len);
int ws_on_peer_close(const struct http_connection *c);
int ws_on_writeable(struct lws *wsi, struct http_connection *c);
void ws_on_gone(struct http_connection *c);
