/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - big-endian cursors over bytes with sticky failure: parse a whole message, check `failed` once, then act. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
    const uint8_t *pos, *end;
    bool failed; /* something was read past the end; everything read since is zero */
};

static inline struct reader reader_of(const uint8_t *buf, size_t len)
{
    return (struct reader){buf, len > 0 ? buf + len : buf, false}; /* NULL + 0 is undefined */
}

static inline size_t reader_left(const struct reader *r)
{
    return r->failed ? 0 : (size_t)(r->end - r->pos);
}

/* The next @n bytes, or NULL and failure. */
static inline const uint8_t *reader_bytes(struct reader *r, size_t n)
{
    if (r->failed || (size_t)(r->end - r->pos) < n) {
        r->failed = true;
        return NULL;
    }
    const uint8_t *p = r->pos;
    r->pos += n;
    return p;
}

static inline void reader_skip(struct reader *r, size_t n)
{
    (void)reader_bytes(r, n);
}

static inline uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 1);
    return p ? p[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 2);
    return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

static inline uint32_t reader_u24(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
    const uint8_t *p = reader_bytes(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
    uint64_t hi = reader_u32(r);
    return hi << 32 | reader_u32(r);
}

/* A reader over the next @n bytes (empty and failed when they are not there). */
static inline struct reader reader_sub(struct reader *r, size_t n)
{
    const uint8_t *p = reader_bytes(r, n);
    return p ? reader_of(p, n) : (struct reader){NULL, NULL, true};
}

struct writer {
    uint8_t *start, *pos, *end;
    bool failed; /* something did not fit; nothing was written since */
};

static inline struct writer writer_of(uint8_t *buf, size_t size)
{
    return (struct writer){buf, buf, buf + size, false};
}

static inline size_t writer_len(const struct writer *w)
{
    return (size_t)(w->pos - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return w->failed ? 0 : (size_t)(w->end - w->pos);
}

/* Room for @n bytes to be filled by the caller, or NULL and failure. */
static inline uint8_t *writer_room(struct writer *w, size_t n)
{
    if (w->failed || (size_t)(w->end - w->pos) < n) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->pos;
    w->pos += n;
    return p;
}

static inline void writer_u8(struct writer *w, uint8_t v)
{
    uint8_t *p = writer_room(w, 1);
    if (p)
        p[0] = v;
}

static inline void writer_u16(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_room(w, 2);
    if (p) {
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
    }
}

static inline void writer_u24(struct writer *w, uint32_t v)
{
    writer_u8(w, (uint8_t)(v >> 16));
    writer_u16(w, (uint16_t)v);
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
    writer_u16(w, (uint16_t)(v >> 16));
    writer_u16(w, (uint16_t)v);
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
    writer_u32(w, (uint32_t)(v >> 32));
    writer_u32(w, (uint32_t)v);
}

static inline void writer_bytes(struct writer *w, const void *src, size_t n)
{
    uint8_t *p = writer_room(w, n);
    if (p && n > 0)
        memcpy(p, src, n);
}

/* Single values at a known place. */
static inline uint16_t wire_get_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put_u32(uint8_t *p, uint32_t v)
{
    wire_put_u16(p, (uint16_t)(v >> 16));
    wire_put_u16(p + 2, (uint16_t)v);
}
