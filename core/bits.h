/* SPDX-License-Identifier: Apache-2.0 */
/* bits.h - cursors over single bits, most significant first, with sticky failure: what wire.h is for bytes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bit_reader {
    const uint8_t *data;
    size_t pos, end; /* bits */
    bool failed;     /* something was read past the end; everything read since is zero */
};

static inline struct bit_reader bit_reader_of(const uint8_t *buf, size_t len)
{
    return (struct bit_reader){buf, 0, len * 8, false};
}

/* The next @n bits, 32 at most. */
static inline uint32_t bit_reader_get(struct bit_reader *r, unsigned n)
{
    uint32_t v = 0;

    if (r->failed || r->end - r->pos < n) {
        r->failed = true;
        return 0;
    }
    while (n > 0) {
        unsigned have = 8 - (unsigned)(r->pos & 7), take = n < have ? n : have;
        unsigned byte = r->data[r->pos >> 3];
        v = v << take | ((byte >> (have - take)) & ((1u << take) - 1));
        r->pos += take;
        n -= take;
    }
    return v;
}

/* A number below @n that takes one bit less where that tells it apart: ns(n) of the AV1 specifications. */
static inline uint32_t bit_reader_ns(struct bit_reader *r, uint32_t n)
{
    unsigned w = 0;

    while (n >> w != 0)
        w++;
    if (w == 0)
        return 0;
    uint32_t m = (1u << w) - n;
    uint32_t v = bit_reader_get(r, w - 1);
    return v < m ? v : (v << 1) - m + bit_reader_get(r, 1);
}

struct bit_writer {
    uint8_t *data;
    size_t pos, end; /* bits */
    bool failed;     /* something did not fit; nothing was written since */
};

static inline struct bit_writer bit_writer_of(uint8_t *buf, size_t size)
{
    return (struct bit_writer){buf, 0, size * 8, false};
}

/* The lowest @n bits of @v, 32 at most. A byte's other bits are zero until they are written. */
static inline void bit_writer_put(struct bit_writer *w, uint32_t v, unsigned n)
{
    if (w->failed || w->end - w->pos < n) {
        w->failed = true;
        return;
    }
    while (n > 0) {
        unsigned room = 8 - (unsigned)(w->pos & 7), take = n < room ? n : room;
        uint8_t part = (uint8_t)((v >> (n - take) & ((1u << take) - 1)) << (room - take));
        uint8_t *byte = &w->data[w->pos >> 3];
        *byte = room == 8 ? part : (uint8_t)(*byte | part);
        w->pos += take;
        n -= take;
    }
}

/* Bytes begun. */
static inline size_t bit_writer_len(const struct bit_writer *w)
{
    return (w->pos + 7) / 8;
}

/* Copy the next @n bits. */
static inline void bit_copy(struct bit_writer *w, struct bit_reader *r, size_t n)
{
    while (n > 0 && !r->failed && !w->failed) {
        unsigned take = n < 32 ? (unsigned)n : 32;
        bit_writer_put(w, bit_reader_get(r, take), take);
        n -= take;
    }
}
