/* SPDX-License-Identifier: Apache-2.0 */
/* lane_text.c - see lane_text.h: a row a setting. */
#include "tests/net/lane_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORD 64u

#define MIN_RATE_BPS 1e3
#define MAX_RATE_BPS 1e10
#define MIN_QUEUE_BYTES 1600.0 /* a packet fits */
#define MAX_QUEUE_BYTES 1e9
#define MAX_TIME_NS 3600e9
#define MAX_BURST 1e6

struct unit {
    const char *name;
    double factor;
};

static const struct unit rate_units[] = {{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {0}};
static const struct unit time_units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {0}};
static const struct unit size_units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {0}};
static const struct unit fraction_units[] = {{"", 1}, {"%", 1e-2}, {0}};
static const struct unit plain_units[] = {{"", 1}, {0}};

/* A number with one of the units, in @least..@most. */
static bool read_number(const char *text, const struct unit *units, double least, double most,
                        double *out)
{
    char *end;
    double value;

    if (strspn(text, "0123456789.") == 0) /* neither a sign nor "inf" */
        return false;
    value = strtod(text, &end);
    for (const struct unit *unit = units; unit->name != NULL; unit++)
        if (strcmp(end, unit->name) == 0 && isfinite(value) && value * unit->factor >= least &&
            value * unit->factor <= most) {
            *out = value * unit->factor;
            return true;
        }
    return false;
}

bool lane_text_read_time(const char *text, uint64_t *ns)
{
    double value;

    if (strcmp(text, "0") == 0) {
        *ns = 0;
        return true;
    }
    if (!read_number(text, time_units, 0, MAX_TIME_NS, &value))
        return false;
    *ns = (uint64_t)value;
    return true;
}

static bool read_rate(struct lane_settings *s, const char *text)
{
    double value = 0;

    if (strcmp(text, "none") != 0 &&
        !read_number(text, rate_units, MIN_RATE_BPS, MAX_RATE_BPS, &value))
        return false;
    s->rate_bps = (uint64_t)value;
    return true;
}

static bool read_queue(struct lane_settings *s, const char *text)
{
    double value;

    if (strcmp(text, "none") == 0) {
        s->queue_bytes = s->queue_ns = 0;
    } else if (read_number(text, time_units, 1, MAX_TIME_NS, &value)) {
        s->queue_bytes = 0;
        s->queue_ns = (uint64_t)value;
    } else if (read_number(text, size_units, MIN_QUEUE_BYTES, MAX_QUEUE_BYTES, &value)) {
        s->queue_bytes = (uint64_t)value;
        s->queue_ns = 0;
    } else {
        return false;
    }
    return true;
}

static bool read_delay(struct lane_settings *s, const char *text)
{
    return lane_text_read_time(text, &s->delay_ns);
}

static bool read_jitter(struct lane_settings *s, const char *text)
{
    return lane_text_read_time(text, &s->jitter_ns);
}

static bool read_order(struct lane_settings *s, const char *text)
{
    if (strcmp(text, "keep") != 0 && strcmp(text, "free") != 0)
        return false;
    s->jitter_reorders = strcmp(text, "free") == 0;
    return true;
}

static bool read_loss(struct lane_settings *s, const char *text)
{
    return read_number(text, fraction_units, 0, 1, &s->loss);
}

static bool read_burst(struct lane_settings *s, const char *text)
{
    return read_number(text, plain_units, 1, MAX_BURST, &s->burst);
}

static bool read_duplicate(struct lane_settings *s, const char *text)
{
    return read_number(text, fraction_units, 0, 1, &s->duplicate);
}

static bool read_reorder(struct lane_settings *s, const char *text)
{
    const char *slash = strchr(text, '/');
    char share[MAX_WORD];

    if (slash == NULL) { /* only to end it */
        s->reorder_ns = 0;
        return read_number(text, fraction_units, 0, 0, &s->reorder);
    }
    (void)snprintf(share, sizeof share, "%.*s", (int)(slash - text), text);
    return read_number(share, fraction_units, 0, 1, &s->reorder) &&
           lane_text_read_time(slash + 1, &s->reorder_ns);
}

static const struct {
    const char *name;
    bool (*read)(struct lane_settings *s, const char *text);
    const char *wanted;
} rows[] = {
    {"rate", read_rate, "bits a second from 1k to 10G, as 500k or 4M, or none"},
    {"queue", read_queue, "a time (200ms) or a size of at least 1600 bytes (64kB), or none"},
    {"delay", read_delay, "a time of at most an hour, as 50ms"},
    {"jitter", read_jitter, "a time of at most an hour, as 50ms"},
    {"order", read_order, "keep or free"},
    {"loss", read_loss, "a fraction, as 5% or 0.05"},
    {"burst", read_burst, "a number of packets, at least 1"},
    {"duplicate", read_duplicate, "a fraction, as 5% or 0.05"},
    {"reorder", read_reorder, "a fraction and a time, as 2%/30ms, or 0"},
};

static bool read_word(struct lane_settings *s, const char *word, char *problem, size_t cap)
{
    const char *equals = strchr(word, '=');

    if (equals == NULL) {
        (void)snprintf(problem, cap, "\"%s\" is no setting: write name=value", word);
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = (size_t)(equals - word);
        if (strlen(rows[i].name) != len || strncmp(rows[i].name, word, len) != 0)
            continue;
        if (rows[i].read(s, equals + 1))
            return true;
        (void)snprintf(problem, cap, "%s wants %s", rows[i].name, rows[i].wanted);
        return false;
    }
    (void)snprintf(problem, cap, "there is no setting \"%.*s\"", (int)(equals - word), word);
    return false;
}

bool lane_text_read(struct lane_settings *s, const char *text, char *problem, size_t cap)
{
    struct lane_settings wanted = *s;
    char word[MAX_WORD];

    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        if (len >= sizeof word) {
            (void)snprintf(problem, cap, "a setting is too long");
            return false;
        }
        memcpy(word, text, len);
        word[len] = '\0';
        text += len;
        if (!read_word(&wanted, word, problem, cap))
            return false;
    }
    *s = wanted;
    return true;
}
