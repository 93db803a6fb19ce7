/* SPDX-License-Identifier: Apache-2.0 */
/* rtpsec_internal.h - what is kept of an association, which tests look into, and the ciphers that open and seal one packet. */
#pragma once

#include "core/err.h"
#include "transport/replay.h"
#include "transport/rtpsec.h"
#include "transport/session_key.h"

struct rtpsec_cipher;

/* --- state ----------------------------------------------------------------------------------------------- */

/* A 1080p stream's burst, reordered or delayed by 300 ms. */
#define RTPSEC_WINDOW_PACKETS 1024
/* More than a second of any feedback; RFC 3711 s3.3.2 asks for 64. */
#define RTPSEC_RTCP_WINDOW_PACKETS 128

/* The SRTP packets of one SSRC. */
struct rtpsec_window {
    uint64_t newest; /* rollover counter << 16 | sequence number */
    uint64_t used[REPLAY_WORDS(RTPSEC_WINDOW_PACKETS)];
};

/* One SSRC that was authenticated, or that we sent under. */
struct rtpsec_source {
    uint32_t ssrc;
    struct rtpsec_window *rtp; /* NULL before its first SRTP packet */
    uint64_t rtcp_newest;
    uint64_t rtcp_used[REPLAY_WORDS(RTPSEC_RTCP_WINDOW_PACKETS)];
};

/* A cipher and the key that it is set to; both NULL until a packet needs them. */
struct rtpsec_slot {
    struct rtpsec_cipher *cipher;
    const struct session_key *key;
};

struct rtpsec_direction {
    struct session_key rtp_key, rtcp_key;
    struct rtpsec_slot rtp;
    struct rtpsec_source *sources; /* by SSRC, ascending */
    size_t count, size, max;
    size_t latest; /* most packets are of the same SSRC as the one before */
    bool seals;
};

struct rtpsec {
    struct rtpsec_direction in, out;
    struct rtpsec_slot rtcp; /* of both directions in turn: reports are few */
    uint32_t
        rtcp_sent_index; /* one for all SSRCs, so that no nonce comes twice; the first packet has 1, as libsrtp's */
};

/* --- ciphers --------------------------------------------------------------------------------------------- */

#define RTPSEC_MORE_BYTES 4

/* One packet: clear_bytes that stay clear, then secret_bytes; all of it is authenticated. */
struct rtpsec_job {
    uint8_t iv[SESSION_KEY_IV_BYTES];
    uint8_t *buf;
    size_t clear_bytes, secret_bytes;
    /* Authenticated, too: SRTCP's E flag and index, and for AES-CM the rollover counter. */
    uint8_t more[RTPSEC_MORE_BYTES];
    bool is_rtcp; /* GCM leaves SRTP's rollover counter to the nonce */
    uint8_t *tag; /* of the packet; inside the buffer, behind the secret bytes */
};

struct rtpsec_cipher_ops {
    /* Expand a key for one of the two; the cipher does only that until the next call. Errors: E_CRYPTO. */
    int (*set_key)(struct rtpsec_cipher *c, const struct session_key *key, bool seals);
    /* Encrypt and write the tag. Errors: E_CRYPTO. */
    int (*seal)(struct rtpsec_cipher *c, const struct rtpsec_job *job);
    /* Check the tag and decrypt. Errors: E_AUTH, E_CRYPTO; the secret bytes are worth nothing then. */
    int (*open)(struct rtpsec_cipher *c, const struct rtpsec_job *job);
    /* Wipe and free. */
    void (*free)(struct rtpsec_cipher *c);
};

/* First member of each. */
struct rtpsec_cipher {
    const struct rtpsec_cipher_ops *ops;
};

/** Make one without a key. Errors: E_NO_MEMORY, E_CRYPTO. */
MUST_CHECK int rtpsec_openssl_gcm_new(struct rtpsec_cipher **out);
MUST_CHECK int rtpsec_openssl_cm_new(struct rtpsec_cipher **out);
MUST_CHECK int rtpsec_ipsec_mb_gcm_new(struct rtpsec_cipher **out);

/** Find out what this CPU can. Errors: E_UNSUPPORTED without the library or the instructions, E_NO_MEMORY. */
MUST_CHECK int rtpsec_ipsec_mb_start(void);
void rtpsec_ipsec_mb_stop(void);
bool rtpsec_ipsec_mb_is_on(void);
