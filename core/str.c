/* SPDX-License-Identifier: Apache-2.0 */
/* str.c - views and the bounded builder. */
#include "core/str.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/check.h"
#include "core/mem.h"

#define FIRST_SIZE 64

/* ---- views ---- */

struct str str_of(const char *cstr)
{
    return (struct str){cstr, cstr ? strlen(cstr) : 0};
}

bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool str_eq_c(struct str a, const char *cstr)
{
    return str_eq(a, str_of(cstr));
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.p, prefix.len}, prefix);
}

struct str str_cut(struct str *rest, char sep)
{
    struct str head = *rest;
    const char *found = rest->len > 0 ? memchr(rest->p, sep, rest->len) : NULL;

    if (found == NULL) {
        *rest = (struct str){rest->len > 0 ? rest->p + rest->len : rest->p, 0};
        return head;
    }
    head.len = (size_t)(found - head.p);
    *rest = (struct str){found + 1, rest->len - head.len - 1};
    return head;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && is_blank(s.p[s.len - 1]))
        s.len--;
    return s;
}

bool str_to_u64(struct str s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value) || value > max)
            return false;
    }
    *out = value;
    return true;
}

bool str_copy(char *dst, size_t dst_size, struct str s)
{
    CHECK(dst_size > 0);
    bool fits = s.len < dst_size;
    size_t len = fits ? s.len : 0;
    if (len > 0)
        memcpy(dst, s.p, len);
    dst[len] = 0;
    return fits;
}

/* Length of the UTF-8 sequence at the start of @s (RFC 3629 s4), 0 when it is not well-formed. */
static size_t utf8_sequence_len(const uint8_t *s, size_t left)
{
    uint8_t low = 0x80,
            high = 0xBF; /* of the second byte: no overlong forms, surrogates, or past U+10FFFF */
    size_t len;

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        len = 2;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        len = 3;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        len = 4;
    else
        return 0;
    low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : low;
    high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : high;
    if (left < len || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

bool str_is_clean_utf8(struct str s)
{
    const uint8_t *p = (const uint8_t *)s.p;

    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence_len(p + i, s.len - i);
        if (n == 0 || p[i] < 0x20 || p[i] == 0x7F)
            return false;
        i += n;
    }
    return true;
}

/* ---- the builder ---- */

void strbuf_init(struct strbuf *b, size_t max_len)
{
    CHECK(max_len < SIZE_MAX / 4); /* len + more + 1 cannot wrap */
    *b = (struct strbuf){.max = max_len};
}

void strbuf_fini(struct strbuf *b)
{
    mem_free(b->p);
    *b = (struct strbuf){.max = b->max};
}

void strbuf_clear(struct strbuf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->p)
        b->p[0] = 0;
}

/* Make room for @more characters and the NUL; false and `failed` when there is none. */
static bool reserve(struct strbuf *b, size_t more)
{
    if (b->failed || more > b->max - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + more + 1;
    if (need <= b->size)
        return true;
    size_t size = MAX(MAX(need, (size_t)FIRST_SIZE), b->size * 2);
    size = MIN(size, b->max + 1);
    char *p = mem_try_realloc(b->p, size);
    if (p == NULL) {
        b->failed = true;
        return false;
    }
    if (b->p == NULL)
        p[0] = 0;
    b->p = p;
    b->size = size;
    return true;
}

void strbuf_add_str(struct strbuf *b, struct str s)
{
    if (!reserve(b, s.len))
        return;
    if (s.len > 0)
        memcpy(b->p + b->len, s.p, s.len);
    b->len += s.len;
    b->p[b->len] = 0;
}

void strbuf_add(struct strbuf *b, const char *cstr)
{
    strbuf_add_str(b, str_of(cstr));
}

void strbuf_add_char(struct strbuf *b, char c)
{
    strbuf_add_str(b, (struct str){&c, 1});
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(b, fmt, ap);
    va_end(ap);
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
    va_list again;

    if (!reserve(b, 0))
        return;
    va_copy(again, ap);
    size_t room = b->size - b->len;
    int n = vsnprintf(b->p + b->len, room, fmt, ap);
    if (n < 0) {
        b->failed = true;
    } else if ((size_t)n >= room && reserve(b, (size_t)n)) {
        n = vsnprintf(b->p + b->len, b->size - b->len, fmt, again);
    }
    va_end(again);
    if (!b->failed)
        b->len += (size_t)n;
    else
        b->p[b->len] = 0; /* take back what was cut */
}

char *strbuf_take(struct strbuf *b)
{
    char *text = reserve(b, 0) ? b->p : NULL;

    if (text)
        b->p = NULL;
    strbuf_fini(b);
    return text;
}
