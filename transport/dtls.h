/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls.h - one DTLS 1.2 association over memory (RFC 6347, RFC 5764), on OpenSSL; this file's .c and cert.c are its only users.
 *
 * Datagrams in, datagrams out. The remote certificate is checked against the fingerprints of the signalling before any key is
 * exported. Retransmission runs on the library's own timer (the one clock that is not ours); next_us tells when to tick.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/jsep.h"

struct cert;
struct dtls;
struct dtls_context; /* certificate, ciphers and profiles; one a process, read by all workers */

enum srtp_profile {
    SRTP_PROFILE_NONE = 0,
    SRTP_PROFILE_AES128_CM_SHA1_80 = 0x0001, /* RFC 5764 s4.1.2 */
    SRTP_PROFILE_AEAD_AES_128_GCM = 0x0007,  /* RFC 7714 s14.2 */
    SRTP_PROFILE_AEAD_AES_256_GCM = 0x0008,
};

/** "AEAD_AES_128_GCM"; "" for SRTP_PROFILE_NONE. */
const char *srtp_profile_name(enum srtp_profile p);

#define SRTP_MAX_MASTER_BYTES 46 /* 32 key + 12 salt for AES-256-GCM; 16 + 14 for CM */

/* Exported keying material (RFC 5764 s4.2): key then salt for each direction. */
struct srtp_keys {
    enum srtp_profile profile;
    uint8_t local[SRTP_MAX_MASTER_BYTES];  /* we encrypt with this */
    uint8_t remote[SRTP_MAX_MASTER_BYTES]; /* we decrypt with this */
    uint8_t key_bytes, salt_bytes;
};

struct dtls_handlers {
    /* Send one datagram; borrowed for the call. */
    void (*on_send)(struct dtls *d, const uint8_t *buf, size_t len, void *arg);
    /* The handshake is complete and the fingerprint fits. Wipe your copy of the keys when they are installed. */
    void (*on_open)(struct dtls *d, const struct srtp_keys *keys, void *arg);
    /* Application data (SCTP). */
    void (*on_data)(struct dtls *d, const uint8_t *buf, size_t len, void *arg);
    /* Ended: alert, timeout, foreign fingerprint, no common profile; err 0: close_notify. @reason is a static sentence. Nothing
     * follows. */
    void (*on_closed)(struct dtls *d, int err, const char *reason, void *arg);
};

/** Make the context; keeps its own reference to what is in @cert. Errors: E_CRYPTO. */
MUST_CHECK int dtls_context_new(struct dtls_context **out, const struct cert *cert);
void dtls_context_free(struct dtls_context **c);

/** Make an association in the given role; nothing is sent before dtls_start() or the first dtls_input(), and the library's part of
 * it is made only then. Errors: E_INVALID without a fingerprint or past MAX_FINGERPRINTS, E_NO_MEMORY. */
MUST_CHECK int dtls_new(struct dtls **out, struct dtls_context *c, bool is_active,
                        const struct fingerprint *fingerprint, size_t fingerprint_count,
                        const struct dtls_handlers *handlers, void *arg);
/**
 * Carry no application data: for the call in on_open. Once open, all that is kept is what ends it (dtls_rest.h): 1 KB instead of
 * 39. dtls_send() gives E_STATE from then on, and on_data is not called.
 */
void dtls_rest(struct dtls *d);
/** Free at once and silently; safe only outside its handlers (the transport defers it). */
void dtls_free(struct dtls **d);
/** Active role: send the ClientHello. Passive: nothing. */
void dtls_start(struct dtls *d);
/** Take one datagram. Calls: any handler. */
void dtls_input(struct dtls *d, const uint8_t *buf, size_t len);
/** Microseconds until dtls_tick() wants to run; UINT64_MAX when it does not. */
uint64_t dtls_wait_us(const struct dtls *d);
/** Retransmit what is due. Calls: on_send, on_closed. */
void dtls_tick(struct dtls *d);
/** Send application data. Errors: E_STATE before open, E_LIMIT when it does not fit in one datagram, E_CRYPTO. */
MUST_CHECK int dtls_send(struct dtls *d, const uint8_t *buf, size_t len);
/** Send close_notify when open; nothing but dtls_free() follows, and on_closed is not called. Fine inside handlers. */
void dtls_shutdown(struct dtls *d);
bool dtls_is_open(const struct dtls *d);
/** "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" once open, else "". */
const char *dtls_cipher_name(const struct dtls *d);
