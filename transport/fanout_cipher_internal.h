/* SPDX-License-Identifier: Apache-2.0 */
/* fanout_cipher_internal.h - what a backend of fanout_cipher.h is made of, and the parts that tests look at alone. */
#pragma once

#include "core/err.h"
#include "transport/fanout_cipher.h"

#define FANOUT_SALT_BYTES 14 /* RFC 3711 s4.1.1; the 12 of RFC 7714 with two zeros behind them */
#define FANOUT_AUTH_KEY_BYTES 20 /* RFC 3711 s5.2 */
#define FANOUT_MAX_CIPHER_KEY_BYTES 32
#define FANOUT_IV_BYTES 16 /* AES-CM's; GCM uses the first 12 */
#define FANOUT_GCM_TAG_BYTES 16
#define FANOUT_SHA1_TAG_BYTES 10
#define SHA1_BYTES 20
#define SHA1_BLOCK_BYTES 64

/* Session keys, that is after the derivation. */
struct fanout_session {
    enum srtp_profile profile;
    uint8_t cipher_key_bytes;
    uint8_t salt_bytes; /* 14 or 12 */
    uint8_t cipher_key[FANOUT_MAX_CIPHER_KEY_BYTES];
    uint8_t salt[FANOUT_SALT_BYTES];
    uint8_t auth_key[FANOUT_AUTH_KEY_BYTES]; /* not for GCM */
};

/* One packet on its way through a backend: the header and the padding are in place at dst. */
struct fanout_job {
    const struct fanout_packet *packet;
    uint8_t *dst;
    size_t clear_bytes; /* without the tag */
    uint32_t roc;
    uint8_t iv[FANOUT_IV_BYTES];
};

struct fanout_ops {
    void (*cipher_free)(struct fanout_cipher *c);
    int (*key_new)(struct fanout_key **out, struct fanout_cipher *c,
                   const struct fanout_session *session);
    void (*key_free)(struct fanout_key *k);
    int (*submit)(struct fanout_cipher *c, const struct fanout_key *key,
                  const struct fanout_job *job);
    void (*flush)(struct fanout_cipher *c);
};

/* First member of every backend's cipher. */
struct fanout_cipher {
    const struct fanout_ops *ops;
    char name[48];
};

/* First member of every backend's key; filled by fanout_key_new_session(). */
struct fanout_key {
    const struct fanout_ops *ops;
    enum srtp_profile profile;
    uint8_t tag_bytes;
    uint8_t salt[FANOUT_SALT_BYTES];
};

/* A filler of @out with the AES-CTR keystream of @iv: the PRF of RFC 3711 s4.3.3. Errors: E_CRYPTO. */
MUST_CHECK int fanout_openssl_keystream(const uint8_t *key, size_t key_bytes,
                                        const uint8_t iv[FANOUT_IV_BYTES], uint8_t *out,
                                        size_t len);
MUST_CHECK int fanout_openssl_new(struct fanout_cipher **out);
/* E_UNSUPPORTED without the library or the instructions. */
MUST_CHECK int fanout_ipsec_mb_new(struct fanout_cipher **out);

/** Derive the session keys. Errors: E_INVALID, E_CRYPTO. */
MUST_CHECK int fanout_session_derive(struct fanout_session *out, const struct srtp_keys *keys);
/** Derive @len bytes for @label. */
MUST_CHECK int fanout_kdf(const uint8_t *key, size_t key_bytes,
                          const uint8_t salt[FANOUT_SALT_BYTES], uint8_t label, uint8_t *out,
                          size_t len);
/** A key from session keys. */
MUST_CHECK int fanout_key_new_session(struct fanout_key **out, struct fanout_cipher *c,
                                      const struct fanout_session *session);
/** Find the index of @seq and mark it as sent; errors as fanout_cipher_submit(). */
MUST_CHECK int fanout_stream_take(struct fanout_stream *s, uint16_t seq, uint64_t *index);
