/* SPDX-License-Identifier: Apache-2.0 */
/* fanout_cipher_internal.h - what a backend of fanout_cipher.h is made of, and the parts that tests look at alone. */
#pragma once

#include "core/err.h"
#include "transport/fanout_cipher.h"
#include "transport/session_key.h"

/* One packet on its way through a backend: the header and the padding are in place at dst. */
struct fanout_job {
    const struct fanout_packet *packet;
    uint8_t *dst;
    size_t clear_bytes; /* without the tag */
    uint32_t roc;
    uint8_t iv[SESSION_KEY_IV_BYTES];
};

struct fanout_ops {
    void (*cipher_free)(struct fanout_cipher *c);
    int (*key_new)(struct fanout_key **out, struct fanout_cipher *c,
                   const struct session_key *session);
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
    uint8_t salt[SESSION_KEY_SALT_BYTES];
};

MUST_CHECK int fanout_openssl_new(struct fanout_cipher **out);
/* E_UNSUPPORTED without the library or the instructions. */
MUST_CHECK int fanout_ipsec_mb_new(struct fanout_cipher **out);

/** A key from session keys. */
MUST_CHECK int fanout_key_new_session(struct fanout_key **out, struct fanout_cipher *c,
                                      const struct session_key *session);
/** Find the index of @seq and mark it as sent; errors as fanout_cipher_submit(). */
MUST_CHECK int fanout_stream_take(struct fanout_stream *s, uint16_t seq, uint64_t *index);
