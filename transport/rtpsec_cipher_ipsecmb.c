/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtpsec_cipher_ipsecmb.c - AES-GCM of one packet on libipsec-mb: a quarter of OpenSSL's time, a key without any context.
 *
 * AES-CM with HMAC-SHA1 is not here: the library hashes many packets side by side, and for a single one takes three times as
 * long as OpenSSL.
 */
#include "transport/rtpsec_internal.h"

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <string.h>

#include "core/mem.h"

/* The library's table of functions for this CPU: written once before there are threads, and only read by GCM. */
static IMB_MGR *manager;

struct mb_gcm {
    struct rtpsec_cipher base;
    aes_gcm_enc_dec_t run; /* of the latest key, one way */
    _Alignas(64) struct gcm_key_data data;
};

bool rtpsec_ipsec_mb_is_on(void)
{
    return manager != NULL;
}

void rtpsec_ipsec_mb_stop(void)
{
    if (manager != NULL)
        free_mb_mgr(manager);
    manager = NULL;
}

int rtpsec_ipsec_mb_start(void)
{
    const uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;

    if (manager != NULL)
        return 0;
    manager = alloc_mb_mgr(0);
    if (manager == NULL)
        return E_NO_MEMORY;
    init_mb_mgr_auto(manager, NULL);
    if (imb_get_errno(manager) == 0 && (manager->features & wanted) == wanted)
        return 0;
    rtpsec_ipsec_mb_stop();
    return E_UNSUPPORTED;
}

static int set_key(struct rtpsec_cipher *base, const struct session_key *key, bool seals)
{
    struct mb_gcm *c = (struct mb_gcm *)base;

    if (key->profile == SRTP_PROFILE_AEAD_AES_256_GCM) {
        IMB_AES256_GCM_PRE(manager, key->cipher_key, &c->data);
        c->run = seals ? manager->gcm256_enc : manager->gcm256_dec;
    } else {
        IMB_AES128_GCM_PRE(manager, key->cipher_key, &c->data);
        c->run = seals ? manager->gcm128_enc : manager->gcm128_dec;
    }
    return 0;
}

/* RFC 7714 s9.3: SRTCP's associated data are the first eight bytes and the word with the index, which lie apart. */
static void run(struct mb_gcm *c, const struct rtpsec_job *job, uint8_t *tag)
{
    uint8_t joined[8 + RTPSEC_MORE_BYTES];
    const uint8_t *associated = job->buf;
    size_t associated_bytes = job->clear_bytes;
    uint8_t *secret = job->buf + job->clear_bytes;
    struct gcm_context_data ctx; /* written by the call */

    if (job->is_rtcp) {
        memcpy(joined, job->buf, 8);
        memcpy(joined + 8, job->more, RTPSEC_MORE_BYTES);
        associated = joined;
        associated_bytes = sizeof(joined);
    }
    c->run(&c->data, &ctx, secret, secret, job->secret_bytes, job->iv, associated, associated_bytes,
           tag, SESSION_KEY_GCM_TAG_BYTES);
}

static int seal(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    run((struct mb_gcm *)base, job, job->tag);
    return 0;
}

static int open_packet(struct rtpsec_cipher *base, const struct rtpsec_job *job)
{
    uint8_t tag[SESSION_KEY_GCM_TAG_BYTES];

    run((struct mb_gcm *)base, job, tag);
    return CRYPTO_memcmp(tag, job->tag, sizeof(tag)) == 0 ? 0 : E_AUTH;
}

static void cipher_free(struct rtpsec_cipher *base)
{
    mem_wipe(base, sizeof(struct mb_gcm));
    mem_free(base);
}

int rtpsec_ipsec_mb_gcm_new(struct rtpsec_cipher **out)
{
    static const struct rtpsec_cipher_ops ops = {set_key, seal, open_packet, cipher_free};
    struct mb_gcm *c = mem_try_alloc_aligned(sizeof(*c));

    if (c == NULL)
        return E_NO_MEMORY;
    c->base.ops = &ops;
    *out = &c->base;
    return 0;
}

#else

int rtpsec_ipsec_mb_start(void)
{
    return E_UNSUPPORTED;
}

void rtpsec_ipsec_mb_stop(void)
{
}

bool rtpsec_ipsec_mb_is_on(void)
{
    return false;
}

int rtpsec_ipsec_mb_gcm_new(struct rtpsec_cipher **out)
{
    (void)out;
    return E_UNSUPPORTED;
}

#endif
