/* SPDX-License-Identifier: Apache-2.0 */
/* config_file.c - settings of a JSON file: {"workers": 2, "media": {"announce": ["192.0.2.1"]}}. */
#include "core/config_internal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"

#define DEFAULT_FILE "parley.json"

static int add_dumped(const char *text, size_t len, void *arg)
{
    strbuf_add_str(arg, (struct str){text, len});
    return 0;
}

/* A scalar as a flag would say it, or JSON of the rest. */
static void print_json(json_t *value, struct strbuf *out)
{
    if (json_is_string(value))
        strbuf_add_str(out, (struct str){json_string_value(value), json_string_length(value)});
    else
        (void)json_dump_callback(value, add_dumped, out, JSON_ENCODE_ANY | JSON_COMPACT);
}

static int take_json_list(const struct config_loader *l, const struct config_row *row,
                          json_t *array)
{
    struct str items[MAX_CONFIG_LIST + 1];
    size_t n = json_array_size(array);

    for (size_t i = 0; i < MIN(n, ARRAY_LEN(items)); i++) {
        json_t *item = json_array_get(array, i);
        if (!json_is_string(item))
            return config_value_refuse(row, STR("an item that is not a string"), l->why);
        items[i] = (struct str){json_string_value(item), json_string_length(item)};
    }
    return config_value_set_items(&l->to->c, row, items, n, l->why);
}

static bool has_type(json_t *value, enum config_type type)
{
    switch (type) {
    case CONFIG_BOOLEAN:
        return json_is_boolean(value);
    case CONFIG_NUMBER:
        return json_is_integer(value);
    case CONFIG_TEXT:
        return json_is_string(value);
    case CONFIG_LIST:
        return json_is_array(value);
    }
    return false;
}

static int take_json(const struct config_loader *l, const struct config_row *row, json_t *value)
{
    struct strbuf text;
    int err;

    strbuf_init(&text, 16 * 1024);
    print_json(value, &text);
    struct str shown = {text.p, text.len};
    if (!has_type(value, row->type)) {
        err = config_value_refuse(row, shown, l->why);
        strbuf_addf(l->why, ", as a JSON %s",
                    row->type == CONFIG_TEXT   ? "string"
                    : row->type == CONFIG_LIST ? "array of strings"
                                               : row->about->type);
    } else if (row->type == CONFIG_LIST) {
        err = take_json_list(l, row, value);
    } else {
        err = config_value_set(&l->to->c, row, shown, l->why);
    }
    strbuf_fini(&text);
    return config_loader_note(l, row, err);
}

/* Whether keys of the table begin with @path and a dot. */
static bool is_group(const struct config_loader *l, const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < l->n_rows; i++)
        if (strncmp(l->rows[i].about->key, path, len) == 0 && l->rows[i].about->key[len] == '.')
            return true;
    return false;
}

/* Groups do not nest, so neither does this: at most one level below the top. */
static int take_object(const struct config_loader *l, const char *prefix, json_t *object)
{
    const char *name;
    json_t *value;
    int err = 0;

    json_object_foreach(object, name, value)
    {
        char path[2 * CONFIG_NAME_LEN];
        (void)snprintf(path, sizeof path, "%s%s%s", prefix, prefix[0] ? "." : "", name);
        const struct config_row *row = config_loader_find(l, str_of(path));
        if (row)
            err = take_json(l, row, value);
        else if (json_is_object(value) && is_group(l, path))
            err = take_object(l, path, value);
        else
            err = config_loader_refuse_unknown(l, str_of(path));
        if (err)
            break;
    }
    return err;
}

int config_file_read(struct config_loader *l, const char *given)
{
    json_error_t error;
    json_t *root;
    int err = E_INVALID;

    l->source = CONFIG_FROM_FILE;
    l->file = given ? given : DEFAULT_FILE;
    FILE *file = fopen(l->file, "re");
    if (file == NULL) {
        if (given == NULL && errno == ENOENT)
            return 0; /* nothing needs a file */
        strbuf_addf(l->why, "%s: cannot be read: %s", l->file, err_text(-errno));
        return E_INVALID;
    }
    root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        strbuf_addf(l->why, "%s:%d:%d: not valid JSON: %s", l->file, error.line, error.column,
                    error.text);
    else if (!json_is_object(root))
        strbuf_addf(l->why, "%s: expected a JSON object", l->file);
    else
        err = take_object(l, "", root);
    json_decref(root);
    (void)fclose(file);
    return err;
}
