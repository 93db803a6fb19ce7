/* SPDX-License-Identifier: Apache-2.0 */
/* sdp_internal.h - what the line loop (sdp.c) and the attribute table (sdp_attr.c) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "core/str.h"
#include "transport/sdp.h"

/* A parse under way: where it stands, and where its complaints go. */
struct sdp_parse {
    struct sdp *sdp;
    struct sdp_section *section;  /* of the line; NULL at session level */
    enum sdp_direction direction; /* the session's default */
    unsigned line_number;
    struct str line;
    struct sdp_error *why;
};

/** Refuse the current line: the sentence gets the line quoted. Returns @err. */
PRINTF_LIKE(3, 4) int sdp_parse_refuse(struct sdp_parse *p, int err, const char *fmt, ...);
/** Make room for one more element of a dynamic array with @count elements in use and zero it; NULL when there is none. */
MUST_CHECK void *sdp_grow(void *array, size_t count, size_t bytes_each);
/** Take one "a=" line; @attribute is what stands behind "a=". */
MUST_CHECK int sdp_attr_parse(struct sdp_parse *p, struct str attribute);
/** Whether @s is a `token` (RFC 8866 s9) of at least one character. */
bool sdp_is_token(struct str s);
