/* SPDX-License-Identifier: Apache-2.0 */
/* http_reply.h - what a server answered to one HTTP/1.1 request (RFC 9112): status, Location, body. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"

#define HTTP_MAX_LOCATION_LEN 1023
#define HTTP_MAX_REPLY_BYTES (640u * 1024)

struct http_reply {
    unsigned status;
    char location[HTTP_MAX_LOCATION_LEN + 1]; /* "" without one */
    struct str body;                          /* a view into the bytes that were parsed */
};

#define HTTP_REPLY_UNFINISHED 1

/**
 * Parse what has come so far. Interim answers (1xx) are passed over; a chunked body is joined in place.
 *
 * @buf is written to only when 0 is returned. @is_end: the connection ended, nothing will follow.
 * Returns 0; HTTP_REPLY_UNFINISHED: ask again with more; E_MALFORMED, E_LIMIT (a Location past its bound). *out is undefined then.
 */
MUST_CHECK int http_reply_parse(struct http_reply *out, uint8_t *buf, size_t len, bool is_end);
