/* SPDX-License-Identifier: Apache-2.0 */
/* rtpsec_cipher_openssl.c - AES-GCM, and AES-CM with HMAC-SHA1, of one packet on OpenSSL's EVP interface. */
#include "transport/rtpsec_internal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "core/mem.h"
#include "transport/hmac_sha1.h"

struct ossl_cipher {
    struct rtpsec_cipher base;
    EVP_CIPHER_CTX *ctx; /* round keys stay in it, a packet only sets the nonce */
    struct hmac_sha1 *hmac;
    uint8_t auth_key[SESSION_KEY_AUTH_BYTES];
};

static const EVP_CIPHER *evp_of(enum srtp_profile profile)
{
    switch (profile) {
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        return EVP_aes_128_gcm();
    case SRTP_PROFILE_AEAD_AES_256_GCM:
        return EVP_aes_256_gcm();
    case SRTP_PROFILE_AES128_CM_SHA1_80:
        return EVP_aes_128_ctr();
    case SRTP_PROFILE_NONE:
    default:
        return NULL;
    }
}

static int set_key(struct rtpsec_cipher *base, const struct session_key *key, bool seals)
{
    struct ossl_cipher *c = (struct ossl_cipher *)base;
    const EVP_CIPHER *cipher = evp_of(key->profile);

    if (EVP_CIPHER_CTX_get0_cipher(c->ctx) != NULL)
        cipher = NULL; /* the one it has, without another look-up */
    memcpy(c->auth_key, key->auth_key, sizeof(c->auth_key));
    return EVP_CipherInit_ex2(c->ctx, cipher, key->cipher_key, NULL, seals, NULL) == 1 ? 0
                                                                                       : E_CRYPTO;
}

/* A new packet under the same key. */
static bool start(const struct ossl_cipher *c, const struct rtpsec_job *job)
{
    return EVP_CipherInit_ex2(c->ctx, NULL, NULL, job->iv, -1, NULL) == 1;
}

static bool crypt_secret(const struct ossl_cipher *c, const struct rtpsec_job *job)
{
    uint8_t *secret = job->buf + job->clear_bytes;
    int n = 0;

    return job->secret_bytes == 0 ||
           EVP_CipherUpdate(c->ctx, secret, &n, secret, (int)job->secret_bytes) == 1;
}

/* --- AES-GCM ------------------------------------------------------------------------------------------- */

/* RFC 7714 s9.3: SRTCP's associated data are the first eight bytes and the word with the index. */
static bool run_gcm(const struct ossl_cipher *c, const struct rtpsec_job *job)
{
    int n = 0;

    return start(c, job) &&
           EVP_CipherUpdate(c->ctx, NULL, &n, job->buf, (int)job->clear_bytes) == 1 &&
           (!job->is_rtcp ||
            EVP_CipherUpdate(c->ctx, NULL, &n, job->more, RTPSEC_MORE_BYTES) == 1) &&
           crypt_secret(c, job);
}

static int seal_gcm(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    const struct ossl_cipher *c = (const struct ossl_cipher *)base;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, job->tag,
                                                             SESSION_KEY_GCM_TAG_BYTES),
                           OSSL_PARAM_construct_end()};
    int n = 0;

    return run_gcm(c, job) && EVP_CipherFinal_ex(c->ctx, job->tag, &n) == 1 &&
                   EVP_CIPHER_CTX_get_params(c->ctx, params) == 1
               ? 0
               : E_CRYPTO;
}

static int open_gcm(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    const struct ossl_cipher *c = (const struct ossl_cipher *)base;
    OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, job->tag,
                                                             SESSION_KEY_GCM_TAG_BYTES),
                           OSSL_PARAM_construct_end()};
    uint8_t nothing[SESSION_KEY_IV_BYTES];
    int n = 0;

    if (!run_gcm(c, job) || EVP_CIPHER_CTX_set_params(c->ctx, params) != 1)
        return E_CRYPTO;
    return EVP_CipherFinal_ex(c->ctx, nothing, &n) == 1 ? 0
                                                        : E_AUTH; /* compares in constant time */
}

/* --- AES-CM and HMAC-SHA1 -------------------------------------------------------------------------------- */

/* RFC 3711 s4.2: over the whole packet as it is sent, and what stands behind it. */
static bool hash(const struct ossl_cipher *c, const struct rtpsec_job *job,
                 uint8_t out[HMAC_SHA1_BYTES])
{
    return hmac_sha1(c->hmac, c->auth_key, job->buf, job->clear_bytes + job->secret_bytes,
                     job->more, RTPSEC_MORE_BYTES, out);
}

static int seal_cm(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    const struct ossl_cipher *c = (const struct ossl_cipher *)base;
    uint8_t sum[HMAC_SHA1_BYTES];

    if (!start(c, job) || !crypt_secret(c, job) || !hash(c, job, sum))
        return E_CRYPTO;
    memcpy(job->tag, sum, SESSION_KEY_SHA1_TAG_BYTES);
    return 0;
}

static int open_cm(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    const struct ossl_cipher *c = (const struct ossl_cipher *)base;
    uint8_t sum[HMAC_SHA1_BYTES];

    if (!hash(c, job, sum))
        return E_CRYPTO;
    if (CRYPTO_memcmp(sum, job->tag, SESSION_KEY_SHA1_TAG_BYTES) != 0)
        return E_AUTH;
    return start(c, job) && crypt_secret(c, job) ? 0 : E_CRYPTO;
}

/* --- life ------------------------------------------------------------------------------------------------ */

static void cipher_free(struct rtpsec_cipher *base)
{
    struct ossl_cipher *c = (struct ossl_cipher *)base;

    EVP_CIPHER_CTX_free(c->ctx); /* wipes */
    hmac_sha1_free(&c->hmac);
    mem_wipe(c, sizeof(*c));
    mem_free(c);
}

static int cipher_new(struct rtpsec_cipher **out, const struct rtpsec_cipher_ops *ops, bool hashes)
{
    struct ossl_cipher *c = mem_try_alloc(sizeof(*c));

    if (c == NULL)
        return E_NO_MEMORY;
    c->base.ops = ops;
    c->ctx = EVP_CIPHER_CTX_new();
    if (hashes)
        c->hmac = hmac_sha1_new();
    if (c->ctx == NULL || (hashes && c->hmac == NULL)) {
        cipher_free(&c->base);
        return E_NO_MEMORY;
    }
    *out = &c->base;
    return 0;
}

int rtpsec_openssl_gcm_new(struct rtpsec_cipher **out)
{
    static const struct rtpsec_cipher_ops ops = {set_key, seal_gcm, open_gcm, cipher_free};

    return cipher_new(out, &ops, false);
}

int rtpsec_openssl_cm_new(struct rtpsec_cipher **out)
{
    static const struct rtpsec_cipher_ops ops = {set_key, seal_cm, open_cm, cipher_free};

    return cipher_new(out, &ops, true);
}
