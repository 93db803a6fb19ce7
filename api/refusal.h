/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.h - why a request was refused, as every wire format tells it: the code, the field, a sentence for a developer. */
#pragma once

#include "core/attr.h"

#define REFUSAL_FIELD_LEN 96
#define REFUSAL_TEXT_LEN 256

struct refusal {
    int err;
    char field
        [REFUSAL_FIELD_LEN]; /* of the request, "tracks.0.source"; "" when it is about no field */
    unsigned line;           /* of an SDP; 0: none */
    char text[REFUSAL_TEXT_LEN];
    unsigned status; /* HTTP status, when the code's own does not fit; 0: the code's */
};

/** Fill @r and return @err, for `return refuse(…)`. @field may be NULL. */
PRINTF_LIKE(4, 5) int refuse(struct refusal *r, int err, const char *field, const char *fmt, ...);
/** The same with the code's own sentence. */
int refuse_plain(struct refusal *r, int err, const char *field);
