/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.h - between JSON texts and jansson's values, with our bounds on size and depth. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "api/refusal.h"
#include "core/attr.h"
#include "core/str.h"

/**
 * Read one JSON text: at most MAX_JSON_BYTES, MAX_JSON_DEPTH deep, no name twice in an object, no NUL inside.
 *
 * Owner:  *out is the caller's, json_decref().
 * Errors: E_MALFORMED, E_LIMIT; E_NO_MEMORY.
 */
MUST_CHECK int json_text_read(json_t **out, struct str text, struct refusal *why);
/** Write compact JSON; heap, mem_free(); NULL when memory is short or @value is NULL. */
MUST_CHECK char *json_text_write(const json_t *value, size_t *len);
/** The same, and drop @value. */
MUST_CHECK char *json_text_take(json_t *value, size_t *len);
/** The value of a JSON text that we wrote ourselves; null for NULL. Never NULL, unless memory is short. */
MUST_CHECK json_t *json_text_value(const char *text);
