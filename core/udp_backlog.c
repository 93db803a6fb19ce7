/* SPDX-License-Identifier: Apache-2.0 */
/*
 * udp_backlog.c - the ring behind udp_backlog.h.
 *
 *   [ record data | record data | … free … ]        a record never wraps: what does not fit at the end starts at 0, and
 *     ^first                     ^end   ^limit       `limit` says where the records of the upper part end
 */
#include "core/udp_backlog.h"

#include <stdint.h>
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"

struct record {
    struct udp_out out; /* its data lies behind */
    size_t bytes;       /* of the record, data included */
};

struct udp_backlog {
    size_t first, end; /* equal: empty when count is 0 */
    size_t limit;      /* end of the upper part while end has wrapped behind first */
    size_t count;
    _Alignas(struct record) uint8_t bytes[MAX_UDP_BACKLOG_BYTES];
};

static size_t record_bytes(const struct udp_out *out)
{
    size_t align = _Alignof(struct record);

    return (sizeof(struct record) + out->len + align - 1) / align * align;
}

struct udp_backlog *udp_backlog_new(void)
{
    return mem_try_alloc_aligned(sizeof(struct udp_backlog));
}

void udp_backlog_free(struct udp_backlog **b)
{
    MEM_FREE(*b);
}

/* Where @need bytes go, SIZE_MAX when nowhere. */
static size_t find_room(struct udp_backlog *b, size_t need)
{
    if (b->count == 0) {
        b->first = b->end = 0;
        return need <= sizeof(b->bytes) ? 0 : SIZE_MAX;
    }
    if (b->end > b->first) {
        if (sizeof(b->bytes) - b->end >= need)
            return b->end;
        if (b->first < need)
            return SIZE_MAX;
        b->limit = b->end;
        return 0;
    }
    return b->first - b->end >= need ? b->end : SIZE_MAX;
}

bool udp_backlog_push(struct udp_backlog *b, const struct udp_out *out)
{
    size_t need = record_bytes(out), at = find_room(b, need);

    if (at == SIZE_MAX)
        return false;
    struct record *r = (void *)(b->bytes + at);
    *r = (struct record){.out = *out, .bytes = need};
    if (out->len > 0)
        memcpy(r + 1, out->data, out->len);
    r->out.data = (const uint8_t *)(r + 1);
    b->end = at + need;
    b->count++;
    return true;
}

const struct udp_out *udp_backlog_first(const struct udp_backlog *b)
{
    const struct record *r = (const void *)(b->bytes + b->first);

    return b->count == 0 ? NULL : &r->out;
}

void udp_backlog_pull(struct udp_backlog *b)
{
    const struct record *r = (const void *)(b->bytes + b->first);
    bool is_upper = b->end <= b->first;

    CHECK(b->count > 0);
    b->first += r->bytes;
    b->count--;
    if (is_upper && b->first == b->limit)
        b->first = 0;
}
