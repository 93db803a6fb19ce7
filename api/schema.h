/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.h - what a request may hold, as a table: name, type, bounds, a sentence. One check for all requests, and the source of
 * docs/api.md.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/refusal.h"
#include "core/attr.h"

enum param_type {
    PARAM_TEXT, /* a string; min, max: bytes */
    PARAM_NAME, /* the same, without control characters */
    PARAM_BOOL,
    PARAM_NUMBER, /* an integer; min, max: its value */
    PARAM_SIGNED, /* an integer that may be negative; min, max: its value, as an int64_t put into these */
    PARAM_ANY,    /* any JSON value; max: bytes of its text */
    PARAM_LIST,   /* of objects; min, max: how many */
    PARAM_MAP,    /* name to object; min, max: how many */
    PARAM_OBJECT, /* with the members of a table */
};

/* null counts as absent, but for PARAM_ANY. */
struct param {
    const char *name;
    enum param_type type;
    bool is_required;
    uint64_t min, max;
    const struct param
        *of; /* PARAM_LIST, PARAM_MAP, PARAM_OBJECT: of the objects; ended like every table */
    const char *sentence;
};

#define PARAM_END    \
    {                \
        .name = NULL \
    }

/** Check an object against a table that ends with PARAM_END. Errors: E_INVALID, naming the field ("candidates.0.sdpMid"): absent,
 * of the wrong type, out of bounds, or not in the table. */
MUST_CHECK int schema_check(const struct param *table, const json_t *object, struct refusal *why);
/** Type and bounds in words: "text of 1 to 128 bytes". */
void schema_print_type(const struct param *p, char *out, size_t size);

/* Reading what was checked. */
/** The text, or NULL when it is absent. */
const char *schema_text(const json_t *object, const char *name);
bool schema_bool(const json_t *object, const char *name, bool otherwise);
uint64_t schema_number(const json_t *object, const char *name, uint64_t otherwise);
int64_t schema_signed(const json_t *object, const char *name, int64_t otherwise);
/** Whether it is there, and not null. */
bool schema_has(const json_t *object, const char *name);
/** The value as JSON text, heap, mem_free(); NULL when it is absent or memory is short. */
MUST_CHECK char *schema_json(const json_t *object, const char *name);
