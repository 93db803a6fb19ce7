/* SPDX-License-Identifier: Apache-2.0 */
/* http_reply.c - see http_reply.h. */
#include "bench/loadgen/http_reply.h"

#include <string.h>

#include "core/err.h"

struct head {
    bool is_chunked, has_length;
    uint64_t length;
};

/* A line without its end; false when no end has come. */
static bool take_line(struct str *rest, struct str *line)
{
    const char *end = rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;

    if (end == NULL)
        return false;
    *line = (struct str){rest->p, (size_t)(end - rest->p)};
    rest->len -= line->len + 1;
    rest->p = end + 1;
    if (line->len > 0 && line->p[line->len - 1] == '\r')
        line->len--;
    return true;
}

static int read_status(struct str line, unsigned *status)
{
    struct str version = str_cut(&line, ' '), code = str_cut(&line, ' ');
    uint64_t n;

    if (!str_starts(version, STR("HTTP/1.")) || code.len != 3 || !str_to_u64(code, 599, &n) ||
        n < 100)
        return E_MALFORMED;
    *status = (unsigned)n;
    return 0;
}

static int read_field(struct str line, struct head *h, struct http_reply *out)
{
    struct str value = line, name = str_cut(&value, ':');

    value = str_trim(value);
    if (str_eq_nocase(name, STR("content-length"))) {
        h->has_length = true;
        return str_to_u64(value, HTTP_MAX_REPLY_BYTES, &h->length) ? 0 : E_MALFORMED;
    }
    if (str_eq_nocase(name, STR("transfer-encoding")))
        h->is_chunked = str_eq_nocase(value, STR("chunked"));
    else if (str_eq_nocase(name, STR("location")) &&
             !str_copy(out->location, sizeof(out->location), value))
        return E_LIMIT;
    return 0;
}

/* Status line and fields, up to and with the empty line. */
static int read_head(struct str *rest, struct head *h, struct http_reply *out)
{
    struct str line;
    int err;

    if (!take_line(rest, &line))
        return HTTP_REPLY_UNFINISHED;
    err = read_status(line, &out->status);
    while (err == 0) {
        if (!take_line(rest, &line))
            return HTTP_REPLY_UNFINISHED;
        if (line.len == 0)
            return 0;
        err = read_field(line, h, out);
    }
    return err;
}

static bool hex_value(struct str s, size_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; i++) {
        const char *digit = s.p[i] != 0 ? strchr("0123456789abcdef0123456789ABCDEF", s.p[i]) : NULL;
        if (digit == NULL || n > HTTP_MAX_REPLY_BYTES)
            return false;
        n = n * 16 + (size_t)(digit - "0123456789abcdef0123456789ABCDEF") % 16;
    }
    *out = n;
    return s.len > 0;
}

/* RFC 9112 s7.1. Walks once to see that all is there (@to NULL), then once to join. */
static int walk_chunks(struct str rest, uint8_t *to, size_t *total)
{
    *total = 0;
    for (;;) {
        struct str line, size;
        size_t n = 0;
        if (!take_line(&rest, &line))
            return HTTP_REPLY_UNFINISHED;
        size = str_trim(str_cut(&line, ';'));
        if (!hex_value(size, &n))
            return E_MALFORMED;
        if (n == 0)
            return 0;
        if (rest.len < n)
            return HTTP_REPLY_UNFINISHED;
        if (to != NULL)
            memmove(to + *total, rest.p, n);
        *total += n;
        rest.p += n;
        rest.len -= n;
        if (!take_line(&rest, &line))
            return HTTP_REPLY_UNFINISHED;
        if (line.len != 0)
            return E_MALFORMED;
    }
}

static int read_body(struct http_reply *out, const struct head *h, struct str rest, uint8_t *buf,
                     bool is_end)
{
    size_t n = 0;
    int err;

    if (out->status == 204 || out->status == 304) {
        out->body = (struct str){"", 0};
        return 0;
    }
    if (h->is_chunked) {
        err = walk_chunks(rest, NULL, &n);
        if (err != 0)
            return err;
        out->body.p = (const char *)buf;
        return walk_chunks(rest, buf, &out->body.len);
    }
    if (h->has_length && rest.len < h->length)
        return HTTP_REPLY_UNFINISHED;
    if (!h->has_length && !is_end)
        return HTTP_REPLY_UNFINISHED;
    out->body = (struct str){rest.p, h->has_length ? (size_t)h->length : rest.len};
    return 0;
}

int http_reply_parse(struct http_reply *out, uint8_t *buf, size_t len, bool is_end)
{
    struct str rest = {(const char *)buf, len};
    struct head h;
    int err;

    do {
        h = (struct head){0};
        *out = (struct http_reply){0};
        err = read_head(&rest, &h, out);
    } while (err == 0 && out->status < 200);
    if (err == 0)
        err = read_body(out, &h, rest, buf, is_end);
    return err == HTTP_REPLY_UNFINISHED && is_end ? E_MALFORMED : err;
}
