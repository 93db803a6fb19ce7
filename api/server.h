/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the API of the server as one object: HTTP, WebSocket, signalling sessions, REST. Thread: control reactor.
 */
#pragma once

#include "core/attr.h"
#include "core/config.h"
#include "core/str.h"

struct registry;
struct server;
struct worker;

struct server_config {
    const struct config *config; /* borrowed, outlives the server */
    struct worker *control;
    struct registry *registry;
    const char
        *web_root; /* folder of the pages, resolved; "": there are none, only the API is served */
    /* PEM texts of a certificate made at start (http.tls_self_signed); NULL otherwise. Borrowed. */
    const char *self_signed_cert_pem, *self_signed_key_pem;
};

/**
 * Listen.
 *
 * Errors: UV_E* (address), E_INVALID (settings, certificate files), each with a sentence in @why; *out untouched.
 */
MUST_CHECK int server_open(struct server **out, const struct server_config *config,
                           struct strbuf *why);
/** The port really bound (http.listen with port 0). */
unsigned server_http_port(const struct server *s);
/** "http" or "https". */
const char *server_scheme(const struct server *s);
/** Read the certificate files again (SIGHUP); what cannot be read leaves the old ones in use and is logged. */
void server_reload_certificates(struct server *s);
/** Refuse new clients and tell those that have not joined. After registry_drain(), which tells all others and turns /healthz; then
 * the loop must run a while for the messages to leave. */
void server_drain(struct server *s);
/** Close all sockets and free; runs the control loop as long as it takes, so not from one of its handlers. Before the registry is
 * closed; participants that are left are unattended then. NULL is fine. */
void server_close(struct server **s);
