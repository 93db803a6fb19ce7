/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/session_key.h"

#include <openssl/evp.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/wire.h"

/* RFC 3711 s4.3.2; SRTCP's are these with LABEL_RTCP added. */
enum kdf_label { LABEL_CIPHER_KEY = 0, LABEL_AUTH_KEY = 1, LABEL_SALT = 2, LABEL_RTCP = 3 };

static const struct profile_row {
    enum srtp_profile profile;
    uint8_t key_bytes, salt_bytes, tag_bytes;
    bool has_auth_key;
} profile_rows[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, SESSION_KEY_GCM_TAG_BYTES, false},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, SESSION_KEY_GCM_TAG_BYTES, false},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, SESSION_KEY_SHA1_TAG_BYTES, true},
};

static const struct profile_row *row_of(enum srtp_profile profile)
{
    for (size_t i = 0; i < ARRAY_LEN(profile_rows); i++)
        if (profile_rows[i].profile == profile)
            return &profile_rows[i];
    return NULL;
}

uint8_t session_key_tag_bytes(enum srtp_profile profile)
{
    const struct profile_row *row = row_of(profile);

    return row != NULL ? row->tag_bytes : 0;
}

/* --- derivation ---------------------------------------------------------------------------------------- */

/* The PRF of RFC 3711 s4.3.3, AES-CTR of a master key. The key derivation rate is 0, as DTLS-SRTP has it, so that r of the RFC
 * is 0 and x = label << 48 XOR salt. */
struct prf {
    EVP_CIPHER_CTX *ctx; /* holds the round keys from one label to the next */
    uint8_t salt[SESSION_KEY_IV_BYTES];
};

static bool prf_init(struct prf *p, const struct profile_row *row, const uint8_t *master)
{
    const EVP_CIPHER *cipher = row->key_bytes == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();

    memset(p->salt, 0, sizeof(p->salt)); /* RFC 7714 s11: a shorter salt is filled up with zeros */
    memcpy(p->salt, master + row->key_bytes, row->salt_bytes);
    p->ctx = EVP_CIPHER_CTX_new();
    return p->ctx != NULL && EVP_EncryptInit_ex2(p->ctx, cipher, master, NULL, NULL) == 1;
}

static void prf_fini(struct prf *p)
{
    EVP_CIPHER_CTX_free(p->ctx); /* wipes */
    mem_wipe(p, sizeof(*p));
}

static bool prf_bytes(struct prf *p, unsigned label, uint8_t *out, size_t len)
{
    uint8_t iv[SESSION_KEY_IV_BYTES];
    int n = 0;

    memcpy(iv, p->salt, sizeof(iv));
    iv[7] ^= (uint8_t)label;
    memset(out, 0, len);
    return EVP_EncryptInit_ex2(p->ctx, NULL, NULL, iv, NULL) == 1 &&
           EVP_EncryptUpdate(p->ctx, out, &n, out, (int)len) == 1 && (size_t)n == len;
}

static bool derive_one(struct session_key *out, struct prf *p, const struct profile_row *row,
                       unsigned first_label)
{
    *out = (struct session_key){.profile = row->profile,
                                .cipher_key_bytes = row->key_bytes,
                                .salt_bytes = row->salt_bytes,
                                .tag_bytes = row->tag_bytes};
    return prf_bytes(p, first_label + LABEL_CIPHER_KEY, out->cipher_key, row->key_bytes) &&
           prf_bytes(p, first_label + LABEL_SALT, out->salt, row->salt_bytes) &&
           (!row->has_auth_key ||
            prf_bytes(p, first_label + LABEL_AUTH_KEY, out->auth_key, sizeof(out->auth_key)));
}

int session_key_derive(struct session_key *rtp, struct session_key *rtcp,
                       const struct srtp_keys *keys, const uint8_t *master)
{
    const struct profile_row *row = row_of(keys->profile);
    struct session_key made[2];
    struct prf p = {0};
    bool is_ok = false;

    if (row == NULL || keys->key_bytes != row->key_bytes || keys->salt_bytes != row->salt_bytes)
        return E_INVALID;
    is_ok = prf_init(&p, row, master) && derive_one(&made[0], &p, row, 0) &&
            (rtcp == NULL || derive_one(&made[1], &p, row, LABEL_RTCP));
    if (is_ok) {
        *rtp = made[0];
        if (rtcp != NULL)
            *rtcp = made[1];
    }
    prf_fini(&p);
    mem_wipe(made, sizeof(made));
    return is_ok ? 0 : E_CRYPTO;
}

/* --- nonces -------------------------------------------------------------------------------------------- */

/* The same sum of SSRC, index and salt in both RFCs, two bytes apart. */
void session_key_nonce(uint8_t iv[SESSION_KEY_IV_BYTES], enum srtp_profile profile,
                       const uint8_t salt[SESSION_KEY_SALT_BYTES], uint32_t ssrc, uint64_t index)
{
    uint8_t *at = iv + (profile == SRTP_PROFILE_AES128_CM_SHA1_80 ? 4 : 2);

    memset(iv, 0, SESSION_KEY_IV_BYTES);
    wire_put_u32(at, ssrc);
    wire_put_u32(at + 4, (uint32_t)(index >> 16));
    wire_put_u16(at + 8, (uint16_t)index);
    for (size_t i = 0; i < SESSION_KEY_SALT_BYTES; i++)
        iv[i] ^= salt[i];
}
