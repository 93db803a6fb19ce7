/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fanout_cipher_ipsecmb.c - the x86-64 backend, on libipsec-mb; this file is its only user.
 *
 * GCM runs at full speed on one packet, so it is done inside submit: from the shared packet straight into the slab where it is
 * in one piece, else inside the slab. SHA-1 is one long dependency: several packets are hashed side by side, in the lanes of the
 * library's job manager. Jobs come back in the order they went in, some submits later. The counter mode of such a job works inside
 * dst: a job has one source, our packets have up to three, and a copy within the first cache level costs less than a second job.
 */
#include "transport/fanout_cipher_internal.h"

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/mem.h"
#include "core/wire.h"

#define JOB_TAG_BYTES \
    12 /* the library writes 12 or 20 bytes of HMAC-SHA1 (RFC 2404 is its origin); 10 go into the packet */
#define AES128_ROUND_KEYS_BYTES (11 * 16)
#define ROC_BYTES 4
#define SHA1_BYTES 20
#define SHA1_BLOCK_BYTES 64

struct mb_cipher {
    struct fanout_cipher base;
    IMB_MGR *mgr;
    /* What a job points to while it flies, by its place in the manager's ring. */
    struct mb_flight {
        uint8_t iv[SESSION_KEY_IV_BYTES];
        uint8_t tag[JOB_TAG_BYTES];
    } flight[IMB_MAX_JOBS];
};

struct mb_gcm_key {
    struct fanout_key base;
    _Alignas(64) struct gcm_key_data
        data; /* round keys and powers of the hash key, laid out for this CPU */
};

struct mb_cm_key {
    struct fanout_key base;
    _Alignas(16) uint8_t round_keys[AES128_ROUND_KEYS_BYTES];
    uint8_t inner[SHA1_BYTES],
        outer[SHA1_BYTES]; /* SHA-1 after the blocks key XOR ipad and key XOR opad (RFC 2104) */
};

/* --- keys -------------------------------------------------------------------------------------------- */

static void half_hmac(IMB_MGR *mgr, const uint8_t key[SESSION_KEY_AUTH_BYTES], uint8_t pad,
                      uint8_t out[SHA1_BYTES])
{
    uint8_t block[SHA1_BLOCK_BYTES];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < SESSION_KEY_AUTH_BYTES; i++)
        block[i] ^= key[i];
    IMB_SHA1_ONE_BLOCK(mgr, block, out);
    mem_wipe(block, sizeof(block));
}

static struct fanout_key *cm_key_new(IMB_MGR *mgr, const struct session_key *session)
{
    struct mb_cm_key *k = mem_try_alloc_aligned(sizeof(*k));
    _Alignas(16) uint8_t decryption[AES128_ROUND_KEYS_BYTES]; /* the library makes both */

    if (k == NULL)
        return NULL;
    IMB_AES_KEYEXP_128(mgr, session->cipher_key, k->round_keys, decryption);
    mem_wipe(decryption, sizeof(decryption));
    half_hmac(mgr, session->auth_key, 0x36, k->inner);
    half_hmac(mgr, session->auth_key, 0x5c, k->outer);
    return &k->base;
}

static struct fanout_key *gcm_key_new(IMB_MGR *mgr, const struct session_key *session)
{
    struct mb_gcm_key *k = mem_try_alloc_aligned(sizeof(*k));

    if (k == NULL)
        return NULL;
    if (session->profile == SRTP_PROFILE_AEAD_AES_256_GCM)
        IMB_AES256_GCM_PRE(mgr, session->cipher_key, &k->data);
    else
        IMB_AES128_GCM_PRE(mgr, session->cipher_key, &k->data);
    return &k->base;
}

static int key_new(struct fanout_key **out, struct fanout_cipher *base,
                   const struct session_key *session)
{
    struct mb_cipher *c = (struct mb_cipher *)base;
    struct fanout_key *k = session->profile == SRTP_PROFILE_AES128_CM_SHA1_80
                               ? cm_key_new(c->mgr, session)
                               : gcm_key_new(c->mgr, session);
    if (k == NULL)
        return E_NO_MEMORY;
    *out = k;
    return 0;
}

static void key_free(struct fanout_key *k)
{
    mem_wipe(k, k->profile == SRTP_PROFILE_AES128_CM_SHA1_80 ? sizeof(struct mb_cm_key)
                                                             : sizeof(struct mb_gcm_key));
    mem_free(k);
}

/* --- GCM --------------------------------------------------------------------------------------------- */

/* What a packet is made of, one behind the other; its padding lies there already. */
static void gather(const struct fanout_job *job)
{
    const struct fanout_packet *p = job->packet;

    if (p->head_bytes > p->header_bytes)
        memcpy(job->dst + p->header_bytes, p->head + p->header_bytes,
               p->head_bytes - p->header_bytes);
    if (p->payload_bytes > 0)
        memcpy(job->dst + p->head_bytes, p->payload, p->payload_bytes);
}

/* In one call: the blocks of several pieces would lie across their seams, which costs more than the copy. */
static void seal_gcm(const IMB_MGR *mgr, const struct mb_gcm_key *k, const struct fanout_job *job)
{
    const struct fanout_packet *p = job->packet;
    aes_gcm_enc_dec_t encrypt =
        k->base.profile == SRTP_PROFILE_AEAD_AES_256_GCM ? mgr->gcm256_enc : mgr->gcm128_enc;
    struct gcm_context_data ctx; /* written by the call */
    uint8_t *dst = job->dst, *text = dst + p->header_bytes;
    const uint8_t *from = p->payload;

    if (p->head_bytes > p->header_bytes || p->padding_bytes > 0) {
        gather(job);
        from = text;
    }
    encrypt(&k->data, &ctx, text, from, job->clear_bytes - p->header_bytes, job->iv, dst,
            p->header_bytes, dst + job->clear_bytes, SESSION_KEY_GCM_TAG_BYTES);
}

/* --- counter mode and HMAC-SHA1 ------------------------------------------------------------------------ */

static void land(const IMB_JOB *job)
{
    CHECK(job->status == IMB_STATUS_COMPLETED);
    memcpy(job->user_data, job->auth_tag_output, SESSION_KEY_SHA1_TAG_BYTES);
}

static void fill_cipher(IMB_JOB *j, const struct mb_cm_key *k, const struct fanout_job *job,
                        const uint8_t *iv)
{
    size_t header = job->packet->header_bytes, len = job->clear_bytes - header;

    j->cipher_mode = len > 0 ? IMB_CIPHER_CNTR : IMB_CIPHER_NULL;
    j->cipher_direction = IMB_DIR_ENCRYPT;
    j->chain_order = IMB_ORDER_CIPHER_HASH;
    j->enc_keys = k->round_keys;
    j->dec_keys = k->round_keys;
    j->key_len_in_bytes = 16;
    j->iv = iv;
    j->iv_len_in_bytes = SESSION_KEY_IV_BYTES;
    j->src = job->dst;
    j->dst = job->dst + header;
    j->cipher_start_src_offset_in_bytes = header;
    j->msg_len_to_cipher_in_bytes = len;
}

/* RFC 3711 s4.2: the tag covers the packet and the rollover counter, which lies where the tag will be until then. */
static void fill_hash(IMB_JOB *j, const struct mb_cm_key *k, const struct fanout_job *job,
                      uint8_t *tag)
{
    j->hash_alg = IMB_AUTH_HMAC_SHA_1;
    j->hash_start_src_offset_in_bytes = 0;
    j->msg_len_to_hash_in_bytes = job->clear_bytes + ROC_BYTES;
    j->auth_tag_output = tag;
    j->auth_tag_output_len_in_bytes = JOB_TAG_BYTES;
    j->u.HMAC._hashed_auth_key_xor_ipad = k->inner;
    j->u.HMAC._hashed_auth_key_xor_opad = k->outer;
    j->user_data = job->dst + job->clear_bytes;
}

static void submit_cm(struct mb_cipher *c, const struct mb_cm_key *k, const struct fanout_job *job)
{
    IMB_JOB *j = IMB_GET_NEXT_JOB(c->mgr);
    struct mb_flight *f = &c->flight[j - c->mgr->jobs];

    gather(job);
    wire_put_u32(job->dst + job->clear_bytes, job->roc);
    memcpy(f->iv, job->iv, sizeof(f->iv));
    fill_cipher(j, k, job, f->iv);
    fill_hash(j, k, job, f->tag);
    for (j = IMB_SUBMIT_JOB_NOCHECK(c->mgr); j != NULL; j = IMB_GET_COMPLETED_JOB(c->mgr))
        land(j);
}

static void flush(struct fanout_cipher *base)
{
    struct mb_cipher *c = (struct mb_cipher *)base;

    for (IMB_JOB *j = IMB_FLUSH_JOB(c->mgr); j != NULL; j = IMB_FLUSH_JOB(c->mgr))
        land(j);
}

static int submit(struct fanout_cipher *base, const struct fanout_key *key,
                  const struct fanout_job *job)
{
    struct mb_cipher *c = (struct mb_cipher *)base;

    if (key->profile == SRTP_PROFILE_AES128_CM_SHA1_80)
        submit_cm(c, (const struct mb_cm_key *)key, job);
    else
        seal_gcm(c->mgr, (const struct mb_gcm_key *)key, job);
    return 0;
}

/* --- the cipher -------------------------------------------------------------------------------------- */

static void cipher_free(struct fanout_cipher *base)
{
    struct mb_cipher *c = (struct mb_cipher *)base;

    if (c->mgr != NULL)
        free_mb_mgr(c->mgr);
    mem_free(c);
}

static const char *arch_name(IMB_ARCH arch)
{
    static const char *const names[IMB_ARCH_NUM] = {[IMB_ARCH_SSE] = "SSE",
                                                    [IMB_ARCH_AVX] = "AVX",
                                                    [IMB_ARCH_AVX2] = "AVX2",
                                                    [IMB_ARCH_AVX512] = "AVX-512"};

    return arch < IMB_ARCH_NUM && names[arch] != NULL ? names[arch] : "no AES-NI";
}

/* With AES emulated in software the library works, but is beaten by anything. */
static bool can_run(const IMB_MGR *mgr)
{
    const uint64_t wanted = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;

    return (mgr->features & wanted) == wanted;
}

int fanout_ipsec_mb_new(struct fanout_cipher **out)
{
    static const struct fanout_ops ops = {cipher_free, key_new, key_free, submit, flush};
    struct mb_cipher *c = mem_try_alloc_aligned(sizeof(*c));
    IMB_ARCH arch = IMB_ARCH_NONE;

    if (c == NULL)
        return E_NO_MEMORY;
    c->base.ops = &ops;
    c->mgr = alloc_mb_mgr(0);
    if (c->mgr == NULL) {
        cipher_free(&c->base);
        return E_NO_MEMORY;
    }
    init_mb_mgr_auto(c->mgr, &arch);
    if (imb_get_errno(c->mgr) != 0 || !can_run(c->mgr)) {
        cipher_free(&c->base);
        return E_UNSUPPORTED;
    }
    (void)snprintf(c->base.name, sizeof(c->base.name), "ipsec-mb %s (%s)", IMB_VERSION_STR,
                   arch_name(arch));
    *out = &c->base;
    return 0;
}

#else

int fanout_ipsec_mb_new(struct fanout_cipher **out)
{
    (void)out;
    return E_UNSUPPORTED;
}

#endif
