/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/egress.h"

#include <stdbool.h>
#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/udp.h"
#include "transport/fanout_cipher.h"

#define MAX_RESERVE_BYTES (MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES)

struct egress {
    void (*on_flush)(const struct egress_message *batch, size_t n, void *arg);
    void *arg;
    struct fanout_cipher *cipher;
    size_t count; /* messages */
    size_t used_bytes;
    size_t reserved_bytes;
    bool is_flushing;
    struct egress_stats stats;
    struct egress_message batch[MAX_EGRESS_BATCH];
    uint8_t slab[MAX_EGRESS_BYTES];
};

struct egress *egress_new(void (*on_flush)(const struct egress_message *batch, size_t n, void *arg),
                          void *arg)
{
    struct egress *e = MEM_NEW(struct egress);

    e->on_flush = on_flush;
    e->arg = arg;
    CHECK(fanout_cipher_new(&e->cipher, FANOUT_BACKEND_AUTO) ==
          0); /* at start; OpenSSL is always there */
    return e;
}

void egress_free(struct egress **e)
{
    if (*e != NULL)
        fanout_cipher_free(&(*e)->cipher);
    MEM_FREE(*e);
}

struct fanout_cipher *egress_cipher(const struct egress *e)
{
    return e->cipher;
}

uint8_t *egress_reserve(struct egress *e, size_t max_bytes)
{
    CHECK(max_bytes <= MAX_RESERVE_BYTES);
    CHECK(!e->is_flushing); /* the batch is on loan to on_flush */
    if (e->count == MAX_EGRESS_BATCH || sizeof(e->slab) - e->used_bytes < max_bytes) {
        e->stats.forced++;
        egress_flush(e);
    }
    e->reserved_bytes = max_bytes;
    return e->slab + e->used_bytes;
}

/* Whether the next datagram, of @len bytes, may join the newest message: all of its datagrams are of one length so far. */
static bool joins(const struct egress_message *m, size_t len, const struct path *path)
{
    size_t segment = m->segment_bytes != 0 ? m->segment_bytes : m->len;

    return len <= segment && len > 0 && m->len % segment == 0 && path->protocol == PATH_UDP &&
           m->len / segment < UDP_MAX_RUN_SEGMENTS && path_eq(&m->path, path);
}

void egress_commit(struct egress *e, size_t len, const struct path *path)
{
    struct egress_message *newest = e->count == 0 ? NULL : &e->batch[e->count - 1];

    CHECK(len <= e->reserved_bytes);
    if (newest != NULL && joins(newest, len, path)) {
        if (newest->segment_bytes == 0)
            newest->segment_bytes = (uint16_t)newest->len;
        newest->len += (uint32_t)len;
    } else {
        e->batch[e->count++] = (struct egress_message){
            .data = e->slab + e->used_bytes, .len = (uint32_t)len, .path = *path};
    }
    e->used_bytes += len;
    e->reserved_bytes = 0;
    e->stats.datagrams++;
    e->stats.bytes += len;
}

void egress_send(struct egress *e, const struct path *path, const uint8_t *data, size_t len)
{
    uint8_t *room = egress_reserve(e, len);

    if (len > 0)
        memcpy(room, data, len);
    egress_commit(e, len, path);
}

void egress_flush(struct egress *e)
{
    size_t count = e->count;

    if (count == 0)
        return;
    fanout_cipher_flush(e->cipher);
    e->is_flushing = true;
    e->on_flush(e->batch, count, e->arg);
    e->is_flushing = false;
    e->count = 0;
    e->used_bytes = 0;
    e->stats.flushes++;
    batch_counts_add(&e->stats.batch, count);
}

void egress_read_stats(const struct egress *e, struct egress_stats *out)
{
    *out = e->stats;
}
