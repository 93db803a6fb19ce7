/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout_cipher_openssl.c - the backend for every machine, on OpenSSL's EVP interface.
 *
 * A key owns a cipher context whose round keys stay; a packet only sets the nonce.
 */
#include "transport/fanout_cipher_internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "core/wire.h"
#include "transport/hmac_sha1.h"

struct ossl_cipher {
    struct fanout_cipher base;
    EVP_CIPHER *gcm128, *gcm256, *ctr128;
    struct hmac_sha1 *hmac;
};

struct ossl_key {
    struct fanout_key base;
    EVP_CIPHER_CTX *ctx;
    uint8_t auth_key[SESSION_KEY_AUTH_BYTES];
};

/* --- keys -------------------------------------------------------------------------------------------- */

static const EVP_CIPHER *cipher_of(const struct ossl_cipher *c, enum srtp_profile profile)
{
    switch (profile) {
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        return c->gcm128;
    case SRTP_PROFILE_AEAD_AES_256_GCM:
        return c->gcm256;
    case SRTP_PROFILE_AES128_CM_SHA1_80:
        return c->ctr128;
    case SRTP_PROFILE_NONE:
    default:
        return NULL;
    }
}

static void key_free(struct fanout_key *base)
{
    struct ossl_key *k = (struct ossl_key *)base;

    EVP_CIPHER_CTX_free(k->ctx); /* wipes */
    mem_wipe(k, sizeof(*k));
    mem_free(k);
}

static int key_new(struct fanout_key **out, struct fanout_cipher *base,
                   const struct session_key *session)
{
    const struct ossl_cipher *c = (const struct ossl_cipher *)base;
    struct ossl_key *k = mem_try_alloc(sizeof(*k));

    if (k == NULL)
        return E_NO_MEMORY;
    memcpy(k->auth_key, session->auth_key, sizeof(k->auth_key));
    k->ctx = EVP_CIPHER_CTX_new();
    if (k->ctx == NULL || EVP_EncryptInit_ex2(k->ctx, cipher_of(c, session->profile),
                                              session->cipher_key, NULL, NULL) != 1) {
        key_free(&k->base);
        return E_CRYPTO;
    }
    *out = &k->base;
    return 0;
}

/* --- packets ----------------------------------------------------------------------------------------- */

static bool encrypt(EVP_CIPHER_CTX *ctx, uint8_t *to, const uint8_t *from, size_t len)
{
    int n = 0;

    return len == 0 || EVP_EncryptUpdate(ctx, to, &n, from, (int)len) == 1;
}

static bool encrypt_pieces(EVP_CIPHER_CTX *ctx, const struct fanout_job *job)
{
    const struct fanout_packet *p = job->packet;
    uint8_t *padding = job->dst + job->clear_bytes - p->padding_bytes;

    return encrypt(ctx, job->dst + p->header_bytes, p->head + p->header_bytes,
                   p->head_bytes - p->header_bytes) &&
           encrypt(ctx, job->dst + p->head_bytes, p->payload, p->payload_bytes) &&
           encrypt(ctx, padding, padding, p->padding_bytes);
}

static bool finish_gcm(EVP_CIPHER_CTX *ctx, uint8_t *tag)
{
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag,
                                                             SESSION_KEY_GCM_TAG_BYTES),
                           OSSL_PARAM_construct_end()};
    int n = 0;

    return EVP_EncryptFinal_ex(ctx, tag, &n) == 1 && EVP_CIPHER_CTX_get_params(ctx, params) == 1;
}

static bool seal_gcm(const struct ossl_key *k, const struct fanout_job *job)
{
    int n = 0;

    return EVP_EncryptInit_ex2(k->ctx, NULL, NULL, job->iv, NULL) == 1 &&
           EVP_EncryptUpdate(k->ctx, NULL, &n, job->dst, (int)job->packet->header_bytes) == 1 &&
           encrypt_pieces(k->ctx, job) && finish_gcm(k->ctx, job->dst + job->clear_bytes);
}

/* RFC 3711 s4.2: the tag covers the packet and the rollover counter. */
static bool seal_cm(const struct ossl_cipher *c, const struct ossl_key *k,
                    const struct fanout_job *job)
{
    uint8_t hash[HMAC_SHA1_BYTES], roc[4];

    wire_put_u32(roc, job->roc);
    if (EVP_EncryptInit_ex2(k->ctx, NULL, NULL, job->iv, NULL) != 1 ||
        !encrypt_pieces(k->ctx, job) ||
        !hmac_sha1(c->hmac, k->auth_key, job->dst, job->clear_bytes, roc, sizeof(roc), hash))
        return false;
    memcpy(job->dst + job->clear_bytes, hash, SESSION_KEY_SHA1_TAG_BYTES);
    return true;
}

static int submit(struct fanout_cipher *base, const struct fanout_key *key,
                  const struct fanout_job *job)
{
    const struct ossl_key *k = (const struct ossl_key *)key;
    bool is_ok = key->profile == SRTP_PROFILE_AES128_CM_SHA1_80
                     ? seal_cm((const struct ossl_cipher *)base, k, job)
                     : seal_gcm(k, job);
    return is_ok ? 0 : E_CRYPTO;
}

static void flush(struct fanout_cipher *base)
{
    (void)base; /* nothing flies: every submit finishes its packet */
}

/* --- the cipher -------------------------------------------------------------------------------------- */

static void cipher_free(struct fanout_cipher *base)
{
    struct ossl_cipher *c = (struct ossl_cipher *)base;

    EVP_CIPHER_free(c->gcm128);
    EVP_CIPHER_free(c->gcm256);
    EVP_CIPHER_free(c->ctr128);
    hmac_sha1_free(&c->hmac);
    mem_free(c);
}

int fanout_openssl_new(struct fanout_cipher **out)
{
    static const struct fanout_ops ops = {cipher_free, key_new, key_free, submit, flush};
    struct ossl_cipher *c = mem_try_alloc(sizeof(*c));

    if (c == NULL)
        return E_NO_MEMORY;
    c->base.ops = &ops;
    c->gcm128 = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    c->gcm256 = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c->ctr128 = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    c->hmac = hmac_sha1_new();
    if (c->gcm128 == NULL || c->gcm256 == NULL || c->ctr128 == NULL || c->hmac == NULL) {
        cipher_free(&c->base);
        return E_CRYPTO;
    }
    (void)snprintf(c->base.name, sizeof(c->base.name), "OpenSSL %s",
                   OpenSSL_version(OPENSSL_VERSION_STRING));
    *out = &c->base;
    return 0;
}
