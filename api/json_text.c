/* SPDX-License-Identifier: Apache-2.0 */
/* json_text.c - jansson's own limit on depth is fixed and far above ours, so depth is looked at before it parses. */
#include "api/json_text.h"

#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

#define MAX_OUTPUT_BYTES \
    (16u << 20) /* of one text that we write: a full room's listing, statistics */

/* The deepest nesting; brackets inside strings do not count. What is not JSON gets some number, and the parser's verdict. */
static size_t depth_of(struct str text)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = MAX(deepest, depth);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

int json_text_read(json_t **out, struct str text, struct refusal *why)
{
    json_error_t error;
    json_t *value;

    if (text.len > MAX_JSON_BYTES)
        return refuse(why, E_LIMIT, NULL, "the JSON text is longer than %d bytes", MAX_JSON_BYTES);
    if (depth_of(text) > MAX_JSON_DEPTH)
        return refuse(why, E_LIMIT, NULL, "the JSON text is nested deeper than %d levels",
                      MAX_JSON_DEPTH);
    value = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (value == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return refuse_plain(why, E_NO_MEMORY, NULL);
        return refuse(why, E_MALFORMED, NULL, "not JSON: line %d, column %d: %s", error.line,
                      error.column, error.text);
    }
    *out = value;
    return 0;
}

static int add_piece(const char *piece, size_t len, void *arg)
{
    struct strbuf *b = arg;

    strbuf_add_str(b, (struct str){piece, len});
    return b->failed ? -1 : 0;
}

char *json_text_write(const json_t *value, size_t *len)
{
    struct strbuf b;
    char *text;

    *len = 0;
    if (value == NULL)
        return NULL;
    strbuf_init(&b, MAX_OUTPUT_BYTES);
    if (json_dump_callback(value, add_piece, &b, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        strbuf_fini(&b);
        return NULL;
    }
    *len = b.len;
    text = strbuf_take(&b);
    return text;
}

char *json_text_take(json_t *value, size_t *len)
{
    char *text = json_text_write(value, len);

    json_decref(value);
    return text;
}

json_t *json_text_value(const char *text)
{
    json_t *value = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    return value != NULL ? value : json_null();
}
