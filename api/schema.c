/* SPDX-License-Identifier: Apache-2.0 */
/* schema.c - walks a table and an object side by side; every refusal names the field by its path. */
#include "api/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/json_text.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"

#define MAX_TYPE_LEN 96

static const struct param *find(const struct param *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0)
            return table;
    return NULL;
}

static void join(char out[REFUSAL_FIELD_LEN], const char *path, const char *name)
{
    (void)snprintf(out, REFUSAL_FIELD_LEN, "%s%s%s", path, path[0] ? "." : "", name);
}

void schema_print_type(const struct param *p, char *out, size_t size)
{
    switch (p->type) {
    case PARAM_TEXT:
    case PARAM_NAME:
        (void)snprintf(out, size, "a text of %" PRIu64 " to %" PRIu64 " bytes%s", p->min, p->max,
                       p->type == PARAM_NAME ? " without control characters" : "");
        break;
    case PARAM_BOOL:
        (void)snprintf(out, size, "true or false");
        break;
    case PARAM_NUMBER:
        (void)snprintf(out, size, "a whole number from %" PRIu64 " to %" PRIu64, p->min, p->max);
        break;
    case PARAM_SIGNED:
        (void)snprintf(out, size, "a whole number from %" PRId64 " to %" PRId64, (int64_t)p->min,
                       (int64_t)p->max);
        break;
    case PARAM_ANY:
        (void)snprintf(out, size, "any JSON value of at most %" PRIu64 " bytes", p->max);
        break;
    case PARAM_LIST:
        (void)snprintf(out, size, "a list of %" PRIu64 " to %" PRIu64 " objects", p->min, p->max);
        break;
    case PARAM_MAP:
        (void)snprintf(out, size, "an object of at most %" PRIu64 " objects", p->max);
        break;
    case PARAM_OBJECT:
        (void)snprintf(out, size, "an object");
        break;
    }
}

static int refuse_type(const struct param *p, const char *path, struct refusal *why)
{
    char type[MAX_TYPE_LEN];

    schema_print_type(p, type, sizeof(type));
    return refuse(why, E_INVALID, path, "%s must be %s", path, type);
}

static int check_object(const struct param *table, const json_t *object, const char *path,
                        struct refusal *why);

static int check_list(const struct param *p, const json_t *value, const char *path,
                      struct refusal *why)
{
    size_t i;
    const json_t *item;

    json_array_foreach(value, i, item)
    {
        char index[24], at[REFUSAL_FIELD_LEN];
        int err;

        (void)snprintf(index, sizeof(index), "%zu", i);
        join(at, path, index);
        err = check_object(p->of, item, at, why);
        if (err != 0)
            return err;
    }
    return 0;
}

static int check_map(const struct param *p, const json_t *value, const char *path,
                     struct refusal *why)
{
    const char *key;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        char at[REFUSAL_FIELD_LEN];
        int err;

        join(at, path, key);
        err = check_object(p->of, item, at, why);
        if (err != 0)
            return err;
    }
    return 0;
}

static bool is_within(const struct param *p, uint64_t n)
{
    return n >= p->min && n <= p->max;
}

static bool is_short_json(const json_t *value, uint64_t max)
{
    size_t len;
    char *text = json_text_write(value, &len);
    bool is_short = text != NULL && len <= max;

    mem_free(text);
    return is_short;
}

/* Type and bounds of a value; what lists and maps hold comes after. */
static bool fits(const struct param *p, const json_t *value)
{
    switch (p->type) {
    case PARAM_TEXT:
    case PARAM_NAME:
        return json_is_string(value) && is_within(p, json_string_length(value)) &&
               (p->type == PARAM_TEXT || str_is_clean_utf8((struct str){
                                             json_string_value(value), json_string_length(value)}));
    case PARAM_BOOL:
        return json_is_boolean(value);
    case PARAM_NUMBER:
        return json_is_integer(value) && json_integer_value(value) >= 0 &&
               is_within(p, (uint64_t)json_integer_value(value));
    case PARAM_SIGNED:
        return json_is_integer(value) && json_integer_value(value) >= (int64_t)p->min &&
               json_integer_value(value) <= (int64_t)p->max;
    case PARAM_ANY:
        return is_short_json(value, p->max);
    case PARAM_LIST:
        return json_is_array(value) && is_within(p, json_array_size(value));
    case PARAM_MAP:
        return json_is_object(value) && is_within(p, json_object_size(value));
    case PARAM_OBJECT:
        return json_is_object(value);
    }
    return false;
}

static int check_value(const struct param *p, const json_t *value, const char *path,
                       struct refusal *why)
{
    if (value == NULL || (json_is_null(value) && p->type != PARAM_ANY))
        return p->is_required ? refuse(why, E_INVALID, path, "%s is missing", path) : 0;
    if (!fits(p, value))
        return refuse_type(p, path, why);
    if (p->type == PARAM_LIST)
        return check_list(p, value, path, why);
    if (p->type == PARAM_OBJECT)
        return check_object(p->of, value, path, why);
    return p->type == PARAM_MAP ? check_map(p, value, path, why) : 0;
}

static int check_object(const struct param *table, const json_t *object, const char *path,
                        struct refusal *why)
{
    char at[REFUSAL_FIELD_LEN];
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return refuse(why, E_INVALID, path, "%s must be an object",
                      path[0] ? path : "the parameters");
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        (void)value;
        join(at, path, key);
        if (find(table, key) == NULL)
            return refuse(why, E_INVALID, at, "%s is not a parameter of this request", at);
    }
    for (const struct param *p = table; p->name != NULL; p++) {
        join(at, path, p->name);
        int err = check_value(p, json_object_get(object, p->name), at, why);
        if (err != 0)
            return err;
    }
    return 0;
}

int schema_check(const struct param *table, const json_t *object, struct refusal *why)
{
    return check_object(table, object, "", why);
}

const char *schema_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

bool schema_bool(const json_t *object, const char *name, bool otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

uint64_t schema_number(const json_t *object, const char *name, uint64_t otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (uint64_t)json_integer_value(value) : otherwise;
}

int64_t schema_signed(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : otherwise;
}

bool schema_has(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return value != NULL && !json_is_null(value);
}

char *schema_json(const json_t *object, const char *name)
{
    size_t len;

    return json_text_write(json_object_get(object, name), &len);
}
