/* SPDX-License-Identifier: Apache-2.0 */
/* http_call.h - one HTTP/1.1 request on a TCP connection of its own, without TLS. Owner: the caller, until on_done. */
#pragma once

#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"

struct http_call;
struct http_reply;
struct loop;

struct http_request_out {
    const char *method;       /* "POST" */
    const char *url;          /* http://ADDRESS[:PORT]/path; localhost is 127.0.0.1 */
    const char *content_type; /* NULL without a body */
    struct str body;
};

/**
 * Send it. @on_done is called once, from the loop, with 0 and the reply (borrowed for the call), or an error and NULL; the call
 * frees itself after that, so its owner forgets it there.
 *
 * Errors: E_MALFORMED for the URL, -errno.
 */
MUST_CHECK int http_call_open(struct http_call **out, struct loop *l,
                              const struct http_request_out *request,
                              void (*on_done)(int err, const struct http_reply *reply, void *arg),
                              void *arg);
/** Give up; on_done is not called. NULL is fine. */
void http_call_close(struct http_call **c);
/** Make an absolute URL of a Location, which may be relative to @base. */
void http_resolve(const char *base, const char *location, struct strbuf *out);
