/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one line an event, handed to the kernel by one write, so that lines of threads do not mix.
 *
 *   2026-01-02T03:04:05.678Z info  ice room=x part=y: message (12 more like it left out)
 */
#include "core/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/err.h"
#include "core/str.h"
#include "core/timebase.h"

#define MAX_MESSAGE_LEN 1024
#define MAX_LINE_LEN 2048

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const tag_names[] = {
#define X(name, text) text,
    LOG_TAG_MAP(X)
#undef X
};

static _Atomic int thresholds[LOG_TAG_COUNT] = {
#define X(name, text) LOG_LEVEL_INFO,
    LOG_TAG_MAP(X)
#undef X
};

static struct {
    void (*on_line)(enum log_level level, const char *line, void *arg);
    void *arg;
} sink;

/* ---- levels ---- */

void log_set_level(enum log_tag tag, enum log_level level)
{
    for (int i = 0; i < LOG_TAG_COUNT; i++)
        if (tag == LOG_TAG_COUNT || (int)tag == i)
            atomic_store_explicit(&thresholds[i], (int)level, memory_order_relaxed);
}

bool log_is_on(enum log_tag tag, enum log_level level)
{
    return (int)level <= atomic_load_explicit(&thresholds[tag], memory_order_relaxed);
}

/* Index of @name, or -1. */
static int index_of(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_c(name, names[i]))
            return (int)i;
    return -1;
}

/* Read "level" or "tag=level" into *tag and *level. */
static bool parse_item(struct str item, int *tag, int *level)
{
    struct str head = str_cut(&item, '=');
    bool has_tag = item.p != head.p + head.len; /* str_cut() passed a separator */
    struct str level_name = has_tag ? item : head;

    *tag = has_tag ? index_of(tag_names, ARRAY_LEN(tag_names), head) : LOG_TAG_COUNT;
    *level = index_of(level_names, ARRAY_LEN(level_names), level_name);
    return *tag >= 0 && *level >= 0;
}

/* Walk @spec; with @apply set the levels too. */
static bool walk_spec(const char *spec, bool apply)
{
    struct str rest = str_of(spec);

    if (rest.len == 0 || rest.p[rest.len - 1] == ',')
        return false;
    while (rest.len > 0) {
        int tag, level;
        if (!parse_item(str_trim(str_cut(&rest, ',')), &tag, &level))
            return false;
        if (apply)
            log_set_level((enum log_tag)tag, (enum log_level)level);
    }
    return true;
}

bool log_levels_are_valid(const char *spec)
{
    return walk_spec(spec, false);
}

int log_set_levels(const char *spec)
{
    if (!walk_spec(spec, false))
        return E_INVALID;
    (void)walk_spec(spec, true);
    return 0;
}

/* ---- lines ---- */

void log_ids_set(struct log_ids *ids, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(ids->text, sizeof ids->text, fmt, ap);
    va_end(ap);
}

void log_set_sink(void (*on_line)(enum log_level level, const char *line, void *arg), void *arg)
{
    sink.on_line = on_line;
    sink.arg = arg;
}

/* Whether the site may write another line this second; *suppressed: what it left out before. */
static bool site_admits(struct log_site *site, uint32_t *suppressed)
{
    uint64_t now_s = timebase_now_us() / US_PER_S;

    *suppressed = 0;
    if (site == NULL)
        return true;
    if (__atomic_load_n(&site->window_s, __ATOMIC_RELAXED) != now_s) {
        __atomic_store_n(&site->window_s, now_s, __ATOMIC_RELAXED);
        __atomic_store_n(&site->in_window, 0, __ATOMIC_RELAXED);
    }
    if (__atomic_fetch_add(&site->in_window, 1, __ATOMIC_RELAXED) >= LOG_SITE_PER_SECOND) {
        __atomic_fetch_add(&site->suppressed, 1, __ATOMIC_RELAXED);
        return false;
    }
    *suppressed = __atomic_exchange_n(&site->suppressed, 0, __ATOMIC_RELAXED);
    return true;
}

static size_t put_time(char *out, size_t size)
{
    uint64_t wall_us = timebase_wall_us();
    time_t seconds = (time_t)(wall_us / US_PER_S);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &utc);
    int n = snprintf(out + len, size - len, ".%03uZ ", (unsigned)(wall_us / 1000 % 1000));
    return len + (size_t)n;
}

/* Append @text with control characters (C0, DEL, and C1 in UTF-8) as \xNN, as far as it fits: what remotes sent must neither
 * start a line nor steer a terminal. */
static size_t put_escaped(char *out, size_t len, size_t size, const char *text)
{
    for (const uint8_t *p = (const uint8_t *)text; *p && len + 5 <= size; p++) {
        bool is_c1 = p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F;
        if (*p == '\n' || *p == '\r' || *p == '\t') {
            out[len++] = '\\';
            out[len++] = *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't';
        } else if (*p < 0x20 || *p == 0x7F || is_c1) {
            p += is_c1;
            len += (size_t)snprintf(out + len, size - len, "\\x%02x", *p);
        } else {
            out[len++] = (char)*p;
        }
    }
    out[len] = 0;
    return len;
}

static void put_line(enum log_level level, char *line, size_t len)
{
    if (sink.on_line) {
        sink.on_line(level, line, sink.arg);
        return;
    }
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* a log that cannot be written has nowhere to say so */
}

void log_write(enum log_level level, enum log_tag tag, const struct log_ids *ids,
               struct log_site *site, const char *fmt, ...)
{
    char message[MAX_MESSAGE_LEN], head[32], line[MAX_LINE_LEN + 1]; /* one more for the newline */
    uint32_t suppressed;
    va_list ap;

    if (!site_admits(site, &suppressed))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);

    size_t len = put_time(line, MAX_LINE_LEN);
    (void)snprintf(head, sizeof head, "%-5s %s", level_names[level], tag_names[tag]);
    len = put_escaped(line, len, MAX_LINE_LEN, head);
    if (ids && ids->text[0]) {
        line[len++] = ' ';
        len = put_escaped(line, len, MAX_LINE_LEN, ids->text);
    }
    len = put_escaped(line, len, MAX_LINE_LEN, ": ");
    len = put_escaped(line, len, MAX_LINE_LEN, message);
    if (suppressed > 0) {
        (void)snprintf(message, sizeof message, " (%u more like it left out)",
                       (unsigned)suppressed);
        len = put_escaped(line, len, MAX_LINE_LEN, message);
    }
    put_line(level, line, len);
}
