/* SPDX-License-Identifier: Apache-2.0 */
/*
 * egress.h - the batch of outgoing datagrams of one loop turn.
 *
 *   reserve → (caller writes and encrypts in place) → commit …   turn end → flush → sendmmsg
 *
 * Datagrams lie one behind the other in one slab, in the order of commits. Those that follow each other to one UDP path and
 * have one length (the last one may be shorter) become one message, which can leave as one GSO send. Where the bytes go is
 * the owner's: a real port, or the virtual network of a simulation.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/stats.h"
#include "transport/path.h"

struct egress;
struct fanout_cipher;

/* One datagram, or a run of them: each of segment_bytes, the last one as long or shorter. */
struct egress_message {
    const uint8_t *data;
    uint32_t len;
    uint16_t segment_bytes; /* 0: one datagram */
    struct path path;
};

/** How many datagrams a message is. */
static inline size_t egress_message_count(const struct egress_message *m)
{
    return m->segment_bytes == 0 ? 1 : (m->len + m->segment_bytes - 1u) / m->segment_bytes;
}

/** The length of datagram @i, which lies at data + i * segment_bytes. */
static inline size_t egress_message_bytes(const struct egress_message *m, size_t i)
{
    size_t at = i * m->segment_bytes;

    return m->segment_bytes == 0 ? m->len : MIN((size_t)m->segment_bytes, m->len - at);
}

struct egress_stats {
    uint64_t flushes, datagrams, bytes;
    struct batch_counts batch; /* messages a flush */
    uint64_t forced;           /* flushes because the batch was full before the turn ended */
};

/** Make a batch; @on_flush gets each batch, borrowed for the call, and must not add to it. */
MUST_CHECK struct egress *
egress_new(void (*on_flush)(const struct egress_message *batch, size_t n, void *arg), void *arg);
void egress_free(struct egress **e);
/** Room for one datagram of at most @max_bytes (≤ MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES); never NULL, flushes when
 * full. Not committing is fine. Only one reservation at a time. */
uint8_t *egress_reserve(struct egress *e, size_t max_bytes);
/** Keep the reserved bytes as a datagram of @len bytes to @path. */
void egress_commit(struct egress *e, size_t len, const struct path *path);
/** What encrypts into this batch; its work is finished before on_flush. Owned by the batch. */
struct fanout_cipher *egress_cipher(const struct egress *e);
/** Copy and commit: STUN and DTLS. */
void egress_send(struct egress *e, const struct path *path, const uint8_t *data, size_t len);
void egress_flush(struct egress *e);
void egress_read_stats(const struct egress *e, struct egress_stats *out);
