/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.h - the listening HTTP server on the control reactor's loop: requests with their bodies, answers now or later, upgrades to
 * WebSocket (ws.h), TLS. With ws.h the only home of libwebsockets. Knows no route and no JSON.
 *
 * Owner: the server. Thread: control reactor. Handlers may answer, close any WebSocket, and call nothing that ends the http.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "core/str.h"

struct http;
struct http_exchange; /* a request that waits for its answer */
struct worker;
struct ws;

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER
};

const char *http_method_name(enum http_method m); /* "DELETE" */

/* Texts are never NULL; "" when absent. */
struct http_request {
    enum http_method method;
    const char *path; /* percent-decoded; "/v1/rooms" */
    const char *host, *origin, *authorization, *content_type, *if_none_match, *if_match, *accept;
    const char *access_token, *identity; /* of the query */
    const char *remote;                  /* address of whoever connected: a client, or a proxy */
    const char *forwarded_for, *via;     /* what a proxy adds */
    struct str body;
    /* 0, or the status that it must be refused with: its length is not said, or too much. */
    unsigned unfit;
};

struct http_header {
    const char *name, *value;
};

#define HTTP_MAX_HEADERS 12

struct http_response {
    unsigned status;
    const char *content_type; /* NULL: no body */
    char *body;               /* heap; http takes it. NULL: none */
    size_t body_len;
    struct http_header
        header[HTTP_MAX_HEADERS]; /* further ones; copied. The first without a name ends the list */
};

struct http_handlers {
    /* A whole request. It is answered by http_reply(), within the call or later. */
    void (*on_request)(struct http_exchange *x, const struct http_request *request, void *arg);
    /* Somebody asks for a WebSocket. 0 lets it in, else the HTTP status to refuse with. */
    unsigned (*on_ws_request)(const struct http_request *request, void *arg);
    /* It is open; ws_take() it. */
    void (*on_ws_open)(struct ws *ws, const struct http_request *request, void *arg);
};

struct http_stats {
    uint64_t answers
        [6]; /* by the first digit of their status; WebSockets that opened are not among them */
    uint64_t websockets, websockets_opened; /* now; ever */
};

struct http_config {
    struct worker *worker;
    const char *listen; /* "address:port"; "localhost" is a word for 127.0.0.1; port 0: any */
    const char *tls_cert, *tls_key;         /* files; NULL or "": none */
    const char *tls_cert_pem, *tls_key_pem; /* texts; NULL: none */
};

/** Listen. Errors: UV_E* and E_INVALID with a sentence in @why. */
MUST_CHECK int http_open(struct http **out, const struct http_config *config,
                         const struct http_handlers *handlers, void *arg, struct strbuf *why);
/** End all connections (on_closed of each WebSocket is called, on_gone of each exchange) and free; runs the worker's loop as
 * long as it takes. Not from a handler. NULL is fine. */
void http_close(struct http **h);
unsigned http_port(const struct http *h);
bool http_is_tls(const struct http *h);
void http_read_stats(const struct http *h, struct http_stats *out);
/** Read the certificate files again. Errors: E_INVALID, E_STATE (there are none) with a sentence in @why; the old ones stay. */
MUST_CHECK int http_reload_certificates(struct http *h, struct strbuf *why);

/** Answer; @x is gone afterwards. */
void http_reply(struct http_exchange *x, const struct http_response *response);
/** For an answer that comes later: be told when the client is gone first; @x is gone then, too. */
void http_exchange_watch(struct http_exchange *x,
                         void (*on_gone)(struct http_exchange *x, void *arg), void *arg);
