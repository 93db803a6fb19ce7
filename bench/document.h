/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h - what was measured: rounds of rows of scenarios, their medians, as a table for people and as JSON (README.md says its
 * shape). Owner: main.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/attr.h"

struct document;
struct doc_round; /* both live as long as the document */
struct doc_row;

struct doc_param {
    const char *name;
    double value;
    const char *text; /* instead of the value; NULL: a number */
};

/* A column of the table: a metric by name, times @scale. */
struct doc_column {
    const char *metric, *title;
    double scale;
    int decimals;
};

MUST_CHECK struct document *document_new(void);
void document_free(struct document **d);

/* ---- what it was measured with ---- */

void document_condition(struct document *d, const char *key, double value);
void document_condition_flag(struct document *d, const char *key, bool value);
void document_condition_text(struct document *d, const char *key, const char *text);
/** Describe a server, or complete its description; NULL and "" leave what is there. */
void document_server(struct document *d, const char *id, const char *name, const char *version,
                     const char *cipher);
/** Add a note to a server, once. */
void document_server_note(struct document *d, const char *id, const char *note);
/** It could not be measured. */
void document_server_skip(struct document *d, const char *id, const char *reason);

/* ---- what was measured ---- */

/** Find or make the row of a server with these parameters; the scenario is made with it. */
struct doc_row *document_row(struct document *d, const char *scenario, const char *server,
                             const struct doc_param *params, size_t n);
/** The scenario ended early. */
void document_error(struct document *d, const char *scenario, const char *text);
struct doc_round *document_round(struct doc_row *row);
void document_value(struct doc_round *round, const char *metric, double value);
void document_thread(struct doc_round *round, const char *name, double cores);
/** The round does not count, for this reason. */
PRINTF_LIKE(2, 3) void document_invalidate(struct doc_round *round, const char *fmt, ...);
/** Add a point to the row's series. */
void document_point(struct doc_row *row, const struct doc_param *values, size_t n);
/** Median of a metric over the valid rounds so far; false when there is none. */
MUST_CHECK bool document_median(struct doc_row *row, const char *metric, double *out);

/** Give each round of the row that has @metric a further one: its value divided by @by. */
void document_divide(struct doc_row *row, const char *metric, double by, const char *quotient);

/* ---- what becomes of it ---- */

/** Print one round's reasons when it is invalid, to stderr. */
void document_tell_round(const struct doc_round *round, const char *server);
/** Print the rows of a scenario: each column as median (least..most). */
void document_print(struct document *d, const char *scenario, const struct doc_column *columns,
                    size_t n);
/** Write the JSON. Errors: -errno. */
MUST_CHECK int document_write(struct document *d, FILE *to);
