/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secure.h - DTLS and SRTP of a client, on OpenSSL (memory BIOs) and libsrtp2 directly: nothing of transport/dtls.c or rtpsec.c, so
 * that a mistake there meets another opinion. Owner: the client. Thread: the test's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct secure;

#define SECURE_FINGERPRINT_LEN 96 /* "AB:CD:…" of SHA-256 */
#define SECURE_ALL_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"

struct secure_config {
    bool is_server;             /* waits for the ClientHello */
    const char *profiles;       /* OpenSSL's names; NULL: all three */
    unsigned drop_out, drop_in; /* the first so many datagrams of each direction are lost */
};

struct secure_handlers {
    bool (*on_send)(const uint8_t *buf, size_t len, void *arg);
    void (*on_open)(void *arg);
};

struct secure_stats {
    unsigned sent, received, dropped_out, dropped_in; /* handshake datagrams */
    bool is_open, has_failed, is_closed;              /* closed: close_notify came */
    char profile[64];
    char remote_fingerprint[SECURE_FINGERPRINT_LEN];
};

MUST_CHECK struct secure *secure_new(const struct secure_config *config,
                                     const struct secure_handlers *handlers, void *arg);
void secure_free(struct secure **s);
/** SHA-256 of the certificate that all clients of this process share, "AB:CD:…". */
const char *secure_fingerprint(void);
/** Send the ClientHello (client), once; a server waits. */
void secure_start(struct secure *s);
void secure_input(struct secure *s, const uint8_t *buf, size_t len);
/** Say goodbye. */
void secure_shutdown(struct secure *s);
const struct secure_stats *secure_stats(const struct secure *s);

/** Encrypt in place (the buffer has 64 bytes more); false before it is open. */
bool secure_protect(struct secure *s, bool is_rtcp, uint8_t *buf, size_t *len);
/** Decrypt in place; false when libsrtp refuses. */
bool secure_unprotect(struct secure *s, bool is_rtcp, uint8_t *buf, size_t *len);

/** Free what the process shares, at the end. */
void secure_fini(void);
