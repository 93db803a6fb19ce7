/* SPDX-License-Identifier: Apache-2.0 */
/* config_value.c - one setting's value: checked, put into its field, shown, freed; by its row of the table. */
#include "core/config_internal.h"

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"

static void *field_of(struct config *c, const struct config_row *row)
{
    return (char *)c + row->offset;
}

static const void *const_field_of(const struct config *c, const struct config_row *row)
{
    return (const char *)c + row->offset;
}

static bool is_secret(const struct config_row *row)
{
    return row->kind != NULL && row->kind->is_secret;
}

void config_value_print_expected(const struct config_row *row, struct strbuf *why)
{
    if (row->type == CONFIG_BOOLEAN)
        strbuf_add(why, "true or false");
    else if (row->type == CONFIG_NUMBER)
        strbuf_addf(why, "a whole number from %u to %u", (unsigned)row->min, (unsigned)row->max);
    else
        strbuf_add(why, row->kind->expected);
}

int config_value_refuse(const struct config_row *row, struct str value, struct strbuf *why)
{
    if (is_secret(row))
        strbuf_addf(why, "%s: the value (not shown) is not valid: expected ", row->about->key);
    else
        strbuf_addf(why, "%s: \"%.*s\" is not valid: expected ", row->about->key,
                    (int)MIN(value.len, 120), value.p);
    config_value_print_expected(row, why);
    return E_INVALID;
}

/* ---- set ---- */

static bool may_be_empty(const struct config_row *row)
{
    return row->about->default_text[0] == 0;
}

static bool is_valid_text(const struct config_row *row, struct str value)
{
    if (value.len == 0)
        return false;
    return row->kind->is_valid == NULL || row->kind->is_valid(value);
}

static int set_boolean(struct config *c, const struct config_row *row, struct str text,
                       struct strbuf *why)
{
    bool is_true = str_eq_c(text, "true") || str_eq_c(text, "1");

    if (!is_true && !str_eq_c(text, "false") && !str_eq_c(text, "0"))
        return config_value_refuse(row, text, why);
    *(bool *)field_of(c, row) = is_true;
    return 0;
}

static int set_number(struct config *c, const struct config_row *row, struct str text,
                      struct strbuf *why)
{
    uint64_t number;

    if (!str_to_u64(text, row->max, &number) || number < row->min)
        return config_value_refuse(row, text, why);
    *(uint32_t *)field_of(c, row) = (uint32_t)number;
    return 0;
}

static int set_text(struct config *c, const struct config_row *row, struct str text,
                    struct strbuf *why)
{
    char **field = field_of(c, row);

    if (!is_valid_text(row, text) && !(text.len == 0 && may_be_empty(row)))
        return config_value_refuse(row, text, why);
    config_value_clear(c, row);
    *field = text.len > 0 ? mem_strndup(text.p, text.len) : mem_strdup("");
    return 0;
}

int config_value_set_items(struct config *c, const struct config_row *row, const struct str *items,
                           size_t n, struct strbuf *why)
{
    struct config_list *list = field_of(c, row);

    CHECK(row->type == CONFIG_LIST);
    if (n > MAX_CONFIG_LIST) {
        strbuf_addf(why, "%s: a list of %zu is too long: expected at most %d", row->about->key, n,
                    MAX_CONFIG_LIST);
        return E_INVALID;
    }
    if (n == 0 && !may_be_empty(row))
        return config_value_refuse(row, STR(""), why);
    for (size_t i = 0; i < n; i++)
        if (!is_valid_text(row, items[i]))
            return config_value_refuse(row, items[i], why);
    config_value_clear(c, row);
    for (list->count = 0; list->count < n; list->count++)
        list->item[list->count] = mem_strndup(items[list->count].p, items[list->count].len);
    return 0;
}

static int set_list(struct config *c, const struct config_row *row, struct str text,
                    struct strbuf *why)
{
    struct str items[MAX_CONFIG_LIST + 1]; /* one more, to be told that it is too many */
    size_t n = 0;
    bool ends_in_comma = text.len > 0 && text.p[text.len - 1] == ',';

    while (text.len > 0 && n < ARRAY_LEN(items))
        items[n++] = str_trim(str_cut(&text, ','));
    if (ends_in_comma && n < ARRAY_LEN(items))
        items[n++] = STR("");
    return config_value_set_items(c, row, items, n, why);
}

int config_value_set(struct config *c, const struct config_row *row, struct str text,
                     struct strbuf *why)
{
    switch (row->type) {
    case CONFIG_BOOLEAN:
        return set_boolean(c, row, text, why);
    case CONFIG_NUMBER:
        return set_number(c, row, text, why);
    case CONFIG_TEXT:
        return set_text(c, row, text, why);
    case CONFIG_LIST:
        return set_list(c, row, text, why);
    }
    UNREACHABLE();
}

/* ---- show, free ---- */

static void print_list(const struct config_list *list, struct strbuf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        strbuf_add(out, i > 0 ? "," : "");
        strbuf_add(out, list->item[i]);
    }
}

static bool is_empty(const struct config_row *row, const void *field)
{
    if (row->type == CONFIG_LIST)
        return ((const struct config_list *)field)->count == 0;
    return row->type == CONFIG_TEXT && (*(char *const *)field)[0] == 0;
}

void config_value_print(const struct config *c, const struct config_row *row, struct strbuf *out)
{
    const void *field = const_field_of(c, row);

    if (is_empty(row, field))
        strbuf_add(out, "(not set)");
    else if (is_secret(row))
        strbuf_add(out, "(set)");
    else if (row->type == CONFIG_BOOLEAN)
        strbuf_add(out, *(const bool *)field ? "true" : "false");
    else if (row->type == CONFIG_NUMBER)
        strbuf_addf(out, "%u", (unsigned)*(const uint32_t *)field);
    else if (row->type == CONFIG_TEXT)
        strbuf_add(out, *(char *const *)field);
    else
        print_list(field, out);
}

static void free_text(const struct config_row *row, char **text)
{
    if (*text != NULL && is_secret(row))
        mem_wipe(*text, str_of(*text).len);
    MEM_FREE(*text);
}

void config_value_clear(struct config *c, const struct config_row *row)
{
    if (row->type == CONFIG_TEXT)
        free_text(row, field_of(c, row));
    if (row->type != CONFIG_LIST)
        return;
    struct config_list *list = field_of(c, row);
    for (size_t i = 0; i < list->count; i++)
        free_text(row, &list->item[i]);
    list->count = 0;
}
