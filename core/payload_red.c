/* SPDX-License-Identifier: Apache-2.0 */
/* payload_red.c - see payload_red.h. The heads come first, all of them; lengths are those of the redundant blocks, and the
 * primary one gets what is left (RFC 2198 s3). */
#include "core/payload_red.h"

#include "core/err.h"
#include "core/wire.h"

#define FOLLOWED 0x80u /* F: another head comes */
#define PT_MASK 0x7Fu
#define HEAD_BYTES 4
#define LENGTH_BITS 10
#define LENGTH_MASK 0x3FFu

static int read_heads(struct red *r, struct reader *heads)
{
    uint8_t head = reader_u8(heads);

    r->pt = head & PT_MASK;
    while ((head & FOLLOWED) != 0) {
        uint32_t rest = reader_u24(heads);
        if (heads->failed)
            return E_MALFORMED;
        if (r->redundant == MAX_RED_BLOCKS)
            return E_LIMIT;
        r->block[r->redundant++] = (struct red_block){
            .bytes = (uint16_t)(rest & LENGTH_MASK),
            .behind_ts = (uint16_t)(rest >> LENGTH_BITS),
        };
        head = reader_u8(heads);
        if (!heads->failed && (head & PT_MASK) != r->pt)
            return E_UNSUPPORTED;
    }
    return heads->failed ? E_MALFORMED : 0;
}

int red_parse(struct red *out, const uint8_t *payload, size_t len)
{
    struct red r = {0};
    struct reader reader = reader_of(payload, len);
    int err = len > UINT16_MAX ? E_LIMIT : read_heads(&r, &reader);
    size_t at;

    if (err < 0)
        return err;
    r.head_bytes = (uint16_t)(len - reader_left(&reader));
    at = r.head_bytes;
    for (unsigned i = 0; i < r.redundant; i++) {
        r.block[i].at = (uint16_t)at;
        at += r.block[i].bytes;
        if (at >= len)
            return E_MALFORMED;
    }
    if (at >= len)
        return E_MALFORMED;
    r.primary = (struct red_block){.at = (uint16_t)at, .bytes = (uint16_t)(len - at)};
    *out = r;
    return 0;
}

void red_rewrite(uint8_t *payload, unsigned redundant, uint8_t pt)
{
    for (unsigned i = 0; i < redundant; i++)
        payload[HEAD_BYTES * i] = (uint8_t)(FOLLOWED | (pt & PT_MASK));
    payload[HEAD_BYTES * redundant] = pt & PT_MASK; /* the last one is a single byte */
}

const struct red_block *red_find(const struct red *r, uint32_t behind_ts)
{
    for (unsigned i = r->redundant; i > 0; i--)
        if (r->block[i - 1].behind_ts == behind_ts && r->block[i - 1].bytes > 0)
            return &r->block[i - 1];
    return NULL;
}
