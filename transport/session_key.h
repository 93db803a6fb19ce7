/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_key.h - the session keys of SRTP and SRTCP, made from a master key (RFC 3711 s4.3; RFC 7714 s11), and their nonces.
 *
 * A master serves one direction of one association; fanout_cipher and rtpsec work with what comes out of here. Values, wiped by
 * whoever holds them; may be used on any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/dtls.h"

#define SESSION_KEY_MAX_CIPHER_BYTES 32
#define SESSION_KEY_SALT_BYTES \
    14 /* RFC 3711 s4.1.1; the 12 of RFC 7714 with two zeros behind them */
#define SESSION_KEY_AUTH_BYTES 20 /* RFC 3711 s5.2 */
#define SESSION_KEY_IV_BYTES 16   /* AES-CM's; GCM uses the first 12 */
#define SESSION_KEY_GCM_TAG_BYTES 16
#define SESSION_KEY_SHA1_TAG_BYTES 10
#define SESSION_KEY_MAX_TAG_BYTES 16

#define SESSION_KEY_MAX_INDEX ((1ull << 48) - 1) /* of SRTP packets under one key, RFC 3711 s9.2 */
#define SESSION_KEY_MAX_RTCP_INDEX 0x7fffffffu   /* of SRTCP packets */

struct session_key {
    enum srtp_profile profile;
    uint8_t cipher_key_bytes;
    uint8_t salt_bytes; /* 14 or 12 */
    uint8_t tag_bytes;
    uint8_t cipher_key[SESSION_KEY_MAX_CIPHER_BYTES];
    uint8_t salt[SESSION_KEY_SALT_BYTES];
    uint8_t auth_key[SESSION_KEY_AUTH_BYTES]; /* not for GCM */
};

/**
 * Derive the keys for RTP and those for RTCP from @master (key, then salt: keys->local or keys->remote).
 *
 * Errors: E_INVALID for a profile or key lengths that we do not know, E_CRYPTO; nothing is written then. @rtcp may be NULL.
 */
MUST_CHECK int session_key_derive(struct session_key *rtp, struct session_key *rtcp,
                                  const struct srtp_keys *keys, const uint8_t *master);
/** Bytes of a tag of this profile; 0 for one that we do not know. */
uint8_t session_key_tag_bytes(enum srtp_profile profile);

/** The nonce of a packet (RFC 3711 s4.1.1; RFC 7714 s8.1, s9.1); @index is ROC << 16 | sequence number, or SRTCP's. */
void session_key_nonce(uint8_t iv[SESSION_KEY_IV_BYTES], enum srtp_profile profile,
                       const uint8_t salt[SESSION_KEY_SALT_BYTES], uint32_t ssrc, uint64_t index);
