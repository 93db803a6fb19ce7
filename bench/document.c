/* SPDX-License-Identifier: Apache-2.0 */
/* document.c - see document.h. The tree is jansson's; a doc_row and a doc_round are its objects. */
#include "bench/document.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "bench/loadgen/summary.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"

#define MAX_ROUNDS_PER_ROW 1000

struct document {
    json_t *root, *conditions, *servers, *scenarios;
};

static json_t *row_json(struct doc_row *r)
{
    return (json_t *)r;
}

static json_t *round_json(const struct doc_round *r)
{
    return (json_t *)r;
}

static void set(json_t *object, const char *key, json_t *value)
{
    CHECK(json_object_set_new(object, key, value) == 0);
}

static json_t *set_new(json_t *object, const char *key, json_t *value)
{
    set(object, key, value);
    return value;
}

static json_t *number(double v)
{
    if (v == floor(v) && fabs(v) < 9e15)
        return json_integer((json_int_t)v);
    return json_real(v);
}

/* Days to a date, after the civil calendar; the C library's functions are not at home here. */
static void write_utc(char out[64])
{
    uint64_t s = timebase_wall_us() / US_PER_S, days = s / 86400 + 719468, rest = s % 86400;
    uint64_t era = days / 146097, doe = days % 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    uint64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);

    (void)snprintf(out, 64, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year, (unsigned)month,
                   (unsigned)day, (unsigned)(rest / 3600), (unsigned)(rest / 60 % 60),
                   (unsigned)(rest % 60));
}

struct document *document_new(void)
{
    struct document *d = MEM_NEW(struct document);
    char now[64];

    write_utc(now);
    json_object_seed(
        1); /* nothing here comes from a stranger; the order is that of insertion anyway */
    d->root = json_object();
    set(d->root, "format", json_string("parley-bench/1"));
    set(d->root, "started", json_string(now));
    d->conditions = set_new(d->root, "conditions", json_object());
    d->servers = set_new(d->root, "servers", json_array());
    d->scenarios = set_new(d->root, "scenarios", json_array());
    return d;
}

void document_free(struct document **dp)
{
    struct document *d = *dp;

    if (d == NULL)
        return;
    *dp = NULL;
    json_decref(d->root);
    mem_free(d);
}

/* ---- conditions and servers ---- */

void document_condition(struct document *d, const char *key, double value)
{
    set(d->conditions, key, number(value));
}

void document_condition_flag(struct document *d, const char *key, bool value)
{
    set(d->conditions, key, json_boolean(value));
}

void document_condition_text(struct document *d, const char *key, const char *text)
{
    set(d->conditions, key, json_string(text));
}

static json_t *find_by(json_t *array, const char *key, const char *value)
{
    size_t i;
    json_t *item;

    json_array_foreach(array, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, key)), value) == 0)
            return item;
    }
    return NULL;
}

static json_t *find_server(struct document *d, const char *id)
{
    json_t *s = find_by(d->servers, "id", id);

    if (s == NULL) {
        s = json_object();
        CHECK(json_array_append_new(d->servers, s) == 0);
        set(s, "id", json_string(id));
        set(s, "notes", json_array());
    }
    return s;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text != NULL && (text[0] != 0 || json_object_get(object, key) == NULL))
        set(object, key, json_string(text));
}

void document_server(struct document *d, const char *id, const char *name, const char *version,
                     const char *cipher)
{
    json_t *s = find_server(d, id);

    set_text(s, "name", name);
    set_text(s, "version", version);
    set_text(s, "cipher", cipher);
}

void document_server_note(struct document *d, const char *id, const char *note)
{
    json_t *notes = json_object_get(find_server(d, id), "notes"), *item;
    size_t i;

    json_array_foreach(notes, i, item)
    {
        if (strcmp(json_string_value(item), note) == 0)
            return;
    }
    CHECK(json_array_append_new(notes, json_string(note)) == 0);
}

void document_server_skip(struct document *d, const char *id, const char *reason)
{
    set(find_server(d, id), "skip", json_string(reason));
}

/* ---- rows and rounds ---- */

static json_t *find_scenario(struct document *d, const char *name)
{
    json_t *s = find_by(d->scenarios, "name", name);

    if (s == NULL) {
        s = json_object();
        CHECK(json_array_append_new(d->scenarios, s) == 0);
        set(s, "name", json_string(name));
        set(s, "rows", json_array());
    }
    return s;
}

static json_t *object_of(const struct doc_param *params, size_t n)
{
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++)
        set(o, params[i].name,
            params[i].text != NULL ? json_string(params[i].text) : number(params[i].value));
    return o;
}

struct doc_row *document_row(struct document *d, const char *scenario, const char *server,
                             const struct doc_param *params, size_t n)
{
    json_t *rows = json_object_get(find_scenario(d, scenario), "rows"), *row;
    json_t *wanted = object_of(params, n);
    size_t i;

    json_array_foreach(rows, i, row)
    {
        if (json_equal(json_object_get(row, "params"), wanted) &&
            strcmp(json_string_value(json_object_get(row, "server")), server) == 0) {
            json_decref(wanted);
            return (struct doc_row *)row;
        }
    }
    row = json_object();
    CHECK(json_array_append_new(rows, row) == 0);
    set(row, "server", json_string(server));
    set(row, "params", wanted);
    set(row, "rounds", json_integer(0));
    set(row, "valid_rounds", json_integer(0));
    set(row, "metrics", json_object());
    set(row, "round", json_array());
    return (struct doc_row *)row;
}

void document_error(struct document *d, const char *scenario, const char *text)
{
    set(find_scenario(d, scenario), "error", json_string(text));
}

struct doc_round *document_round(struct doc_row *row)
{
    json_t *round = json_object();

    CHECK(json_array_append_new(json_object_get(row_json(row), "round"), round) == 0);
    set(round, "valid", json_true());
    set(round, "invalid_because", json_array());
    set(round, "values", json_object());
    return (struct doc_round *)round;
}

void document_value(struct doc_round *round, const char *metric, double value)
{
    if (isfinite(value))
        set(json_object_get(round_json(round), "values"), metric, number(value));
}

void document_thread(struct doc_round *round, const char *name, double cores)
{
    json_t *threads = json_object_get(round_json(round), "threads");

    if (threads == NULL)
        threads = set_new(round_json(round), "threads", json_object());
    set(threads, name, json_real(cores));
}

void document_invalidate(struct doc_round *round, const char *fmt, ...)
{
    char text[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    set(round_json(round), "valid", json_false());
    CHECK(json_array_append_new(json_object_get(round_json(round), "invalid_because"),
                                json_string(text)) == 0);
}

void document_point(struct doc_row *row, const struct doc_param *values, size_t n)
{
    json_t *series = json_object_get(row_json(row), "series");

    if (series == NULL)
        series = set_new(row_json(row), "series", json_array());
    CHECK(json_array_append_new(series, object_of(values, n)) == 0);
}

/* ---- medians ---- */

/* A metric's values over the valid rounds. */
static size_t collect(json_t *row, const char *metric, double *out)
{
    json_t *round;
    size_t i, n = 0;

    json_array_foreach(json_object_get(row, "round"), i, round)
    {
        json_t *value = json_object_get(json_object_get(round, "values"), metric);
        if (json_is_true(json_object_get(round, "valid")) && value != NULL &&
            n < MAX_ROUNDS_PER_ROW)
            out[n++] = json_number_value(value);
    }
    return n;
}

bool document_median(struct doc_row *row, const char *metric, double *out)
{
    double values[MAX_ROUNDS_PER_ROW];
    size_t n = collect(row_json(row), metric, values);

    if (n == 0)
        return false;
    *out = summary_of(values, n).median;
    return true;
}

void document_divide(struct doc_row *row, const char *metric, double by, const char *quotient)
{
    json_t *round;
    size_t i;

    json_array_foreach(json_object_get(row_json(row), "round"), i, round)
    {
        json_t *value = json_object_get(json_object_get(round, "values"), metric);
        if (value != NULL && by > 0)
            document_value((struct doc_round *)round, quotient, json_number_value(value) / by);
    }
}

static void summarize_metric(json_t *row, json_t *metrics, const char *metric)
{
    double values[MAX_ROUNDS_PER_ROW];
    size_t n = collect(row, metric, values);
    struct summary s;
    json_t *m;

    if (n == 0 || json_object_get(metrics, metric) != NULL)
        return;
    s = summary_of(values, n);
    m = set_new(metrics, metric, json_object());
    set(m, "median", number(s.median));
    set(m, "min", number(s.min));
    set(m, "max", number(s.max));
    set(m, "n", json_integer((json_int_t)n));
}

static void summarize_row(json_t *row)
{
    json_t *metrics = set_new(row, "metrics", json_object()), *round, *value;
    json_t *rounds = json_object_get(row, "round");
    const char *metric;
    size_t i, valid = 0;

    json_array_foreach(rounds, i, round)
    {
        valid += json_is_true(json_object_get(round, "valid")) ? 1 : 0;
        json_object_foreach(json_object_get(round, "values"), metric, value)
        {
            summarize_metric(row, metrics, metric);
        }
    }
    set(row, "rounds", json_integer((json_int_t)json_array_size(rounds)));
    set(row, "valid_rounds", json_integer((json_int_t)valid));
}

static void summarize(struct document *d)
{
    json_t *scenario, *row;
    size_t i, k;

    json_array_foreach(d->scenarios, i, scenario)
    {
        json_array_foreach(json_object_get(scenario, "rows"), k, row)
        {
            summarize_row(row);
        }
    }
}

/* ---- output ---- */

void document_tell_round(const struct doc_round *round, const char *server)
{
    json_t *reason;
    size_t i;

    json_array_foreach(json_object_get(round_json(round), "invalid_because"), i, reason)
    {
        fprintf(stderr, "%s: round does not count: %s\n", server, json_string_value(reason));
    }
}

static void print_metric(json_t *m, const struct doc_column *c)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%.*f (%.*f..%.*f)", c->decimals,
                   json_number_value(json_object_get(m, "median")) * c->scale, c->decimals,
                   json_number_value(json_object_get(m, "min")) * c->scale, c->decimals,
                   json_number_value(json_object_get(m, "max")) * c->scale);
    printf("  %-22s", text);
}

/* What the last round said, though it does not count. */
static void print_invalid(json_t *row, const struct doc_column *c)
{
    json_t *rounds = json_object_get(row, "round"), *value = NULL;
    char text[64] = "-";

    if (json_array_size(rounds) > 0)
        value = json_object_get(
            json_object_get(json_array_get(rounds, json_array_size(rounds) - 1), "values"),
            c->metric);
    if (value != NULL)
        (void)snprintf(text, sizeof(text), "[%.*f]", c->decimals,
                       json_number_value(value) * c->scale);
    printf("  %-22s", text);
}

static void print_cell(json_t *row, const struct doc_column *c)
{
    json_t *m = json_object_get(json_object_get(row, "metrics"), c->metric);

    if (m != NULL)
        print_metric(m, c);
    else
        print_invalid(row, c);
}

static void print_params(json_t *row)
{
    char text[128];
    const char *name;
    json_t *value;
    size_t len = 0;

    text[0] = 0;
    json_object_foreach(json_object_get(row, "params"), name, value)
    {
        if (len >= sizeof(text))
            break;
        if (json_is_string(value))
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len, "%s ", json_string_value(value));
        else
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %.10g  ", name,
                                    json_number_value(value));
    }
    printf("%-28s", text);
}

void document_print(struct document *d, const char *scenario, const struct doc_column *columns,
                    size_t n)
{
    json_t *rows = json_object_get(find_scenario(d, scenario), "rows"), *row;
    size_t i;

    summarize(d);
    printf("\n%s: median (least..most) of the valid rounds; [of one that does not count]\n",
           scenario);
    printf("%-12s%-28s%-7s", "server", "", "rounds");
    for (size_t c = 0; c < n; c++)
        printf("  %-22s", columns[c].title);
    printf("\n");
    json_array_foreach(rows, i, row)
    {
        printf("%-12s", json_string_value(json_object_get(row, "server")));
        print_params(row);
        printf("%2d/%-4d", (int)json_integer_value(json_object_get(row, "valid_rounds")),
               (int)json_integer_value(json_object_get(row, "rounds")));
        for (size_t c = 0; c < n; c++)
            print_cell(row, &columns[c]);
        printf("\n");
    }
    (void)fflush(stdout);
}

int document_write(struct document *d, FILE *to)
{
    summarize(d);
    if (json_dumpf(d->root, to, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) != 0 ||
        fputc('\n', to) == EOF || fflush(to) != 0)
        return -errno;
    return 0;
}
