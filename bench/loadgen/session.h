/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - one WHIP or WHEP session: POST the offer, take the answer, connect; DELETE at the end (RFC 9725 s4).
 *
 *   POSTING → CONNECTING → OPEN → (session_delete) DELETING → GONE
 *                 any ────────────────────────────────────► FAILED, with a sentence
 *
 * Owner: a publisher or a viewer, which gets what the endpoint tells.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bench/loadgen/answer.h"
#include "bench/loadgen/endpoint.h"
#include "bench/loadgen/offer.h"
#include "core/attr.h"

enum session_state {
    SESSION_POSTING,
    SESSION_CONNECTING,
    SESSION_OPEN,
    SESSION_DELETING,
    SESSION_GONE,
    SESSION_FAILED,
};

struct http_call;

struct session_handlers {
    /* The answer is there (it is not kept), and packets may come from now on. */
    void (*on_answer)(const struct answer *a, void *arg);
    void (*on_open)(uint64_t now_us, void *arg);
    void (*on_rtp)(struct datagram *d, uint64_t now_us, void *arg);
    void (*on_rtcp)(const uint8_t *buf, size_t len, uint64_t now_us, void *arg);
    /* The state became FAILED or GONE. Perhaps within session_open() or session_delete(). */
    void (*on_ended)(void *arg);
};

/* Embedded in its owner; fields are read-only for others than session.c. */
struct session {
    struct generator *generator;
    const struct session_handlers *handlers;
    void *arg;
    enum session_state state;
    struct http_call *call;
    struct endpoint *endpoint;
    struct ice_credentials local;
    bool timestamps;
    char *url;                   /* where it was POSTed, then the session's own */
    char *why_text;              /* of FAILED */
    uint64_t posted_us, open_us; /* 0: not yet */
};

struct session_config {
    struct generator *generator;
    const char *url;
    struct offer offer; /* credentials and fingerprint are filled in here */
    bool timestamps;
};

/** POST the offer. A failure, at once or later, shows in state. */
void session_open(struct session *s, const struct session_config *config,
                  const struct session_handlers *handlers, void *arg);
/** Ask the server to end the session; the state becomes GONE whatever it says. The endpoint closes now. */
void session_delete(struct session *s);
/** Close everything at once. A zeroed session is fine. */
void session_close(struct session *s);
/** "" when it has not failed. */
const char *session_why(const struct session *s);
