/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout_cipher.c - what all backends share: keys, packet indices, padding.
 */
#include "transport/fanout_cipher.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/prefetch.h"
#include "core/rtp.h"
#include "core/seq.h"
#include "core/wire.h"
#include "transport/fanout_cipher_internal.h"
#include "transport/replay.h"

#define P_BIT 0x20u
#define KEY_BYTES 1024 /* about, of the largest kind */

/* --- ciphers ----------------------------------------------------------------------------------------- */

int fanout_cipher_new(struct fanout_cipher **out, enum fanout_backend which)
{
    int err = E_UNSUPPORTED;

    if (which != FANOUT_BACKEND_OPENSSL)
        err = fanout_ipsec_mb_new(out);
    if (which == FANOUT_BACKEND_OPENSSL || (which == FANOUT_BACKEND_AUTO && err == E_UNSUPPORTED))
        err = fanout_openssl_new(out);
    return err;
}

void fanout_cipher_free(struct fanout_cipher **cp)
{
    struct fanout_cipher *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    c->ops->cipher_free(c);
}

const char *fanout_cipher_name(const struct fanout_cipher *c)
{
    return c->name;
}

/* --- keys -------------------------------------------------------------------------------------------- */

int fanout_key_new_session(struct fanout_key **out, struct fanout_cipher *c,
                           const struct session_key *session)
{
    uint8_t tag_bytes = session_key_tag_bytes(session->profile);
    struct fanout_key *k = NULL;
    int err = tag_bytes == 0 ? E_INVALID : c->ops->key_new(&k, c, session);

    if (err != 0)
        return err;
    k->ops = c->ops;
    k->profile = session->profile;
    k->tag_bytes = tag_bytes;
    memcpy(k->salt, session->salt, sizeof(k->salt));
    *out = k;
    return 0;
}

int fanout_key_new(struct fanout_key **out, struct fanout_cipher *c, const struct srtp_keys *keys)
{
    struct session_key session = {0};
    int err = session_key_derive(&session, NULL, keys, keys->local);

    if (err == 0)
        err = fanout_key_new_session(out, c, &session);
    mem_wipe(&session, sizeof(session));
    return err;
}

void fanout_key_free(struct fanout_key **kp)
{
    struct fanout_key *k = *kp;

    if (k == NULL)
        return;
    *kp = NULL;
    k->ops->key_free(k);
}

HOT void fanout_key_prefetch(const struct fanout_key *k)
{
    prefetch(k, KEY_BYTES);
}

size_t fanout_key_tag_bytes(const struct fanout_key *k)
{
    return k->tag_bytes;
}

/* --- indices ----------------------------------------------------------------------------------------- */

void fanout_stream_init(struct fanout_stream *s, uint32_t ssrc)
{
    *s = (struct fanout_stream){.ssrc = ssrc};
}

/* RFC 3711 s3.3.1: of the three cycles the one that brings @seq nearest to the newest. */
int fanout_stream_take(struct fanout_stream *s, uint16_t seq, uint64_t *index)
{
    uint64_t i = 0;

    if (!s->started) {
        s->started = true;
        s->newest = seq;
    }
    i = s->newest + (uint64_t)(int64_t)seq16_diff(seq, (uint16_t)s->newest);
    if (i > UINT64_MAX / 2) /* below zero: no cycle comes before the first */
        return E_REPLAY;
    if (i > SESSION_KEY_MAX_INDEX)
        return E_LIMIT;
    if (replay_has(s->sent, FANOUT_WINDOW_PACKETS, s->newest, i))
        return E_REPLAY;
    replay_mark(s->sent, FANOUT_WINDOW_PACKETS, &s->newest, i);
    *index = i;
    return 0;
}

/* --- packets ----------------------------------------------------------------------------------------- */

static void put_padding(uint8_t *dst, size_t clear_bytes, uint8_t n)
{
    dst[0] |= P_BIT;
    memset(dst + clear_bytes - n, 0, n - 1u);
    dst[clear_bytes - 1] = n;
}

HOT int fanout_cipher_submit(struct fanout_cipher *c, const struct fanout_key *key,
                             struct fanout_stream *s, const struct fanout_packet *p, uint8_t *dst,
                             size_t *len)
{
    struct fanout_job job = {.packet = p,
                             .dst = dst,
                             .clear_bytes = p->head_bytes + p->payload_bytes + p->padding_bytes};
    uint64_t index = 0;
    int err = 0;

    CHECK(key->ops == c->ops);
    CHECK(p->header_bytes >= RTP_FIXED_HEADER_BYTES && p->head_bytes >= p->header_bytes);
    CHECK(wire_get_u32(p->head + 8) == s->ssrc);
    DCHECK(p->padding_bytes == 0 || (p->head[0] & P_BIT) == 0);
    err = fanout_stream_take(s, wire_get_u16(p->head + 2), &index);
    if (err != 0)
        return err;
    job.roc = (uint32_t)(index >> 16);
    session_key_nonce(job.iv, key->profile, key->salt, s->ssrc, index);
    memcpy(dst, p->head, p->header_bytes);
    if (p->padding_bytes > 0)
        put_padding(dst, job.clear_bytes, p->padding_bytes);
    err = c->ops->submit(c, key, &job);
    if (err == 0)
        *len = job.clear_bytes + key->tag_bytes;
    return err;
}

void fanout_cipher_flush(struct fanout_cipher *c)
{
    c->ops->flush(c);
}
