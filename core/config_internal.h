/* SPDX-License-Identifier: Apache-2.0 */
/* config_internal.h - a row of the settings table as config_table.c, config_value.c and config.c share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/config.h"
#include "core/str.h"

enum config_type { CONFIG_BOOLEAN, CONFIG_NUMBER, CONFIG_TEXT, CONFIG_LIST };

/* What a text, or an item of a list, must look like. */
struct config_kind {
    bool (*is_valid)(struct str value); /* NULL: anything goes */
    const char *expected;               /* goes behind "expected" */
    bool is_secret;                     /* its value is never shown */
};

struct config_row {
    const struct config_setting *about;
    enum config_type type;
    size_t offset; /* in struct config: bool, uint32_t, char *, struct config_list */
    const struct config_kind *kind; /* of texts and lists */
    uint32_t min, max;              /* of numbers */
};

enum config_source {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG
};

#define MAX_CONFIG_SETTINGS 64
#define CONFIG_NAME_LEN 64

/* What config_load() hands out: the settings, and where each came from. */
struct config_loaded {
    struct config c; /* first: config_log() and config_free() find the rest by it */
    enum config_source from[MAX_CONFIG_SETTINGS];
};

/* The reading of one source after the other. */
struct config_loader {
    struct config_loaded *to;
    const struct config_row *rows;
    size_t n_rows;
    enum config_source source; /* the one being read */
    const char *file;
    struct strbuf *why;
};

/* ---- config_table.c ---- */

/** The rows; *count tells how many. */
const struct config_row *config_rows(size_t *count);

/* ---- config_value.c ---- */

/**
 * Check a value as a flag would say it and put it into the setting's field, replacing what was there.
 *
 * Errors: E_INVALID with the sentence in @why; the field keeps its value.
 */
MUST_CHECK int config_value_set(struct config *c, const struct config_row *row, struct str text,
                                struct strbuf *why);
/** The same for the items of a list. */
MUST_CHECK int config_value_set_items(struct config *c, const struct config_row *row,
                                      const struct str *items, size_t n, struct strbuf *why);
/** Say that @value is not valid and what was expected; returns E_INVALID. */
int config_value_refuse(const struct config_row *row, struct str value, struct strbuf *why);
/** Write what a value must be, to go behind "expected". */
void config_value_print_expected(const struct config_row *row, struct strbuf *out);
/** Write the field as a flag would say it; a secret as "(set)". */
void config_value_print(const struct config *c, const struct config_row *row, struct strbuf *out);
/** Free what the field owns. */
void config_value_clear(struct config *c, const struct config_row *row);

/* ---- config.c ---- */

/** The row that has this name in the source being read, or NULL. */
const struct config_row *config_loader_find(const struct config_loader *l, struct str name);
/** Say that there is no such name, and which is near it; returns E_INVALID. */
int config_loader_refuse_unknown(const struct config_loader *l, struct str name);
/** Note where the value came from, or, with @err, finish the sentence about a refused one with it; returns @err. */
int config_loader_note(const struct config_loader *l, const struct config_row *row, int err);

/* ---- config_file.c ---- */

/** Read the file @given, or parley.json if there is one. Errors: E_INVALID with the sentence in l->why. */
MUST_CHECK int config_file_read(struct config_loader *l, const char *given);
