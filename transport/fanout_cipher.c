/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout_cipher.c - what all backends share: derivation of session keys, packet indices, nonces.
 */
#include "transport/fanout_cipher.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rtp.h"
#include "core/seq.h"
#include "core/wire.h"
#include "transport/fanout_cipher_internal.h"

#define MAX_INDEX ((1ull << 48) - 1) /* RFC 3711 s9.2 */
#define P_BIT 0x20u

/* RFC 3711 s4.3.1 */
enum kdf_label { LABEL_CIPHER_KEY = 0, LABEL_AUTH_KEY = 1, LABEL_SALT = 2 };

static const struct profile_row {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes, tag_bytes;
    bool has_auth_key;
} profile_rows[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, FANOUT_GCM_TAG_BYTES, false},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, FANOUT_GCM_TAG_BYTES, false},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, FANOUT_SHA1_TAG_BYTES, true},
};

static const struct profile_row *profile_row_of(enum srtp_profile profile)
{
    for (size_t i = 0; i < ARRAY_LEN(profile_rows); i++)
        if (profile_rows[i].profile == profile)
            return &profile_rows[i];
    return NULL;
}

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

/* The key derivation rate is 0, as DTLS-SRTP has it, so that r of the RFC is 0 and x = label << 48 XOR salt. */
int fanout_kdf(const uint8_t *key, size_t key_bytes, const uint8_t salt[FANOUT_SALT_BYTES],
               uint8_t label, uint8_t *out, size_t len)
{
    uint8_t iv[FANOUT_IV_BYTES] = {0};

    memcpy(iv, salt, FANOUT_SALT_BYTES);
    iv[7] ^= label;
    return fanout_openssl_keystream(key, key_bytes, iv, out, len);
}

int fanout_session_derive(struct fanout_session *out, const struct srtp_keys *keys)
{
    const struct profile_row *row = profile_row_of(keys->profile);
    uint8_t salt[FANOUT_SALT_BYTES] = {
        0}; /* RFC 7714 s11: a shorter salt is filled up with zeros at its end */
    struct fanout_session s = {.profile = keys->profile};
    int err = 0;

    if (row == NULL || keys->key_bytes != row->key_bytes || keys->salt_bytes != row->salt_bytes)
        return E_INVALID;
    s.cipher_key_bytes = row->key_bytes;
    s.salt_bytes = row->salt_bytes;
    memcpy(salt, keys->local + row->key_bytes, row->salt_bytes);
    err = fanout_kdf(keys->local, row->key_bytes, salt, LABEL_CIPHER_KEY, s.cipher_key,
                     row->key_bytes);
    if (err == 0)
        err = fanout_kdf(keys->local, row->key_bytes, salt, LABEL_SALT, s.salt, row->salt_bytes);
    if (err == 0 && row->has_auth_key)
        err = fanout_kdf(keys->local, row->key_bytes, salt, LABEL_AUTH_KEY, s.auth_key,
                         sizeof(s.auth_key));
    if (err == 0)
        *out = s;
    mem_wipe(&s, sizeof(s));
    mem_wipe(salt, sizeof(salt));
    return err;
}

int fanout_key_new_session(struct fanout_key **out, struct fanout_cipher *c,
                           const struct fanout_session *session)
{
    const struct profile_row *row = profile_row_of(session->profile);
    struct fanout_key *k = NULL;
    int err = row == NULL ? E_INVALID : c->ops->key_new(&k, c, session);

    if (err != 0)
        return err;
    k->ops = c->ops;
    k->profile = session->profile;
    k->tag_bytes = row->tag_bytes;
    memcpy(k->salt, session->salt, sizeof(k->salt));
    *out = k;
    return 0;
}

int fanout_key_new(struct fanout_key **out, struct fanout_cipher *c, const struct srtp_keys *keys)
{
    struct fanout_session session = {0};
    int err = fanout_session_derive(&session, keys);

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

size_t fanout_key_tag_bytes(const struct fanout_key *k)
{
    return k->tag_bytes;
}

/* --- indices ----------------------------------------------------------------------------------------- */

void fanout_stream_init(struct fanout_stream *s, uint32_t ssrc)
{
    *s = (struct fanout_stream){.ssrc = ssrc};
}

static uint64_t *sent_word(struct fanout_stream *s, uint64_t index)
{
    return &s->sent[index % FANOUT_WINDOW_PACKETS / 64];
}

static uint64_t sent_bit(uint64_t index)
{
    return 1ull << (index % 64);
}

/* Move the window's end to @index; what comes into it has not been sent. */
static void advance(struct fanout_stream *s, uint64_t index)
{
    if (index - s->newest >= FANOUT_WINDOW_PACKETS)
        memset(s->sent, 0, sizeof(s->sent));
    else
        for (uint64_t i = s->newest + 1; i <= index; i++)
            *sent_word(s, i) &= ~sent_bit(i);
    s->newest = index;
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
    if (i > MAX_INDEX)
        return E_LIMIT;
    if (i > s->newest)
        advance(s, i);
    else if (s->newest - i >= FANOUT_WINDOW_PACKETS || (*sent_word(s, i) & sent_bit(i)) != 0)
        return E_REPLAY;
    *sent_word(s, i) |= sent_bit(i);
    *index = i;
    return 0;
}

/* --- packets ----------------------------------------------------------------------------------------- */

static void xor_into(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] ^= from[i];
}

/* RFC 3711 s4.1.1 and RFC 7714 s8.1: the same sum of SSRC, index and salt, two bytes apart. */
static void make_iv(uint8_t iv[FANOUT_IV_BYTES], const struct fanout_key *key, uint32_t ssrc,
                    uint64_t index)
{
    uint8_t *at = iv + (key->profile == SRTP_PROFILE_AES128_CM_SHA1_80 ? 4 : 2);

    memset(iv, 0, FANOUT_IV_BYTES);
    wire_put_u32(at, ssrc);
    wire_put_u32(at + 4, (uint32_t)(index >> 16));
    wire_put_u16(at + 8, (uint16_t)index);
    xor_into(iv, key->salt, FANOUT_SALT_BYTES);
}

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
    make_iv(job.iv, key, s->ssrc, index);
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
