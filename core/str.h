/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - `struct str`, a borrowed view of bytes, and `struct strbuf`, a bounded builder. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct str {
    const char *p; /* not NUL-terminated; may be NULL when len is 0 */
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})

struct str str_of(const char *cstr); /* NULL gives the empty view */
bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII */
bool str_eq_c(struct str a, const char *cstr);
bool str_starts(struct str s, struct str prefix);
/** Cut off and return everything before @sep; the separator is consumed. Without one, all of *rest is taken. */
struct str str_cut(struct str *rest, char sep);
struct str str_trim(struct str s); /* spaces and tabs at both ends */
/** Parse a whole decimal number. Errors: false when empty, not digits only, or past @max; *out untouched. */
MUST_CHECK bool str_to_u64(struct str s, uint64_t max, uint64_t *out);
/** Copy into a NUL-terminated array. Errors: false when it does not fit (nothing is written but dst[0] = 0). */
MUST_CHECK bool str_copy(char *dst, size_t dst_size, struct str s);
/** Whether @s is well-formed UTF-8 without control characters below U+0020 and without U+007F. */
bool str_is_clean_utf8(struct str s);

/* A growing text buffer with a mandatory maximum. After the first append that does not fit, `failed` sticks and
 * nothing more is written; the text so far stays NUL-terminated. */
struct strbuf {
    char *p; /* NUL-terminated once something was appended; NULL before */
    size_t len, size, max;
    bool failed;
};

/** Start empty; @max_len does not count the NUL. */
void strbuf_init(struct strbuf *b, size_t max_len);
/** Free the text; the buffer is empty and usable again. */
void strbuf_fini(struct strbuf *b);
void strbuf_clear(struct strbuf *b); /* keeps the memory; clears `failed` */
void strbuf_add(struct strbuf *b, const char *cstr);
void strbuf_add_str(struct strbuf *b, struct str s);
void strbuf_add_char(struct strbuf *b, char c);
PRINTF_LIKE(2, 3) void strbuf_addf(struct strbuf *b, const char *fmt, ...);
PRINTF_LIKE(2, 0) void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap);
/** Take the text (heap, freed with mem_free), leaving the buffer empty either way; NULL when `failed`. */
char *strbuf_take(struct strbuf *b);
