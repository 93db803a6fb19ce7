/* SPDX-License-Identifier: Apache-2.0 */
/* cert.h - certificates: the DTLS one (ECDSA P-256, self-signed at start) and a self-signed one for HTTPS; fingerprints. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"
#include "transport/jsep.h"

struct cert; /* a private key and its certificate; immutable, shared by threads after it was made */
struct evp_pkey_st; /* OpenSSL's EVP_PKEY and X509 */
struct x509_st;

#define FINGERPRINT_TEXT_LEN 256 /* "sha-512 " and 64 times "AB:" fit */

/** Make a self-signed ECDSA P-256 certificate, valid from a day ago for @days, for the given DNS names and IP addresses
 * (texts; may be 0). Errors: E_INVALID for a name or number that cannot stand in one, E_CRYPTO. */
MUST_CHECK int cert_new_self_signed(struct cert **out, const char *common_name,
                                    const char *const *alt_names, size_t n, unsigned days);
void cert_free(struct cert **c);
/** SHA-256 of the DER form (RFC 8122). */
void cert_fingerprint(const struct cert *c, struct fingerprint *out);
/** PEM texts, for a TLS library that wants memory buffers; heap, mem_free(); the key's with mem_wipe() before. */
MUST_CHECK int cert_to_pem(const struct cert *c, char **cert_pem, char **key_pem);
/** The library's own objects, borrowed; for dtls.c. */
struct x509_st *cert_x509(const struct cert *c);
struct evp_pkey_st *cert_key(const struct cert *c);

/** Digest a certificate with the named hash ("sha-256"). Errors: E_UNSUPPORTED (hash), E_CRYPTO; *out untouched. */
MUST_CHECK int fingerprint_of_x509(struct fingerprint *out, const struct x509_st *x509,
                                   const char *hash);
/** Whether both have the same hash and value; the values are compared in constant time. */
bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b);
/** Write "sha-256 AB:CD:…" (answer) and read value and hash of an offer. Errors: E_MALFORMED, E_UNSUPPORTED (hash). */
void fingerprint_text(const struct fingerprint *f, char out[FINGERPRINT_TEXT_LEN]);
MUST_CHECK int fingerprint_parse(struct fingerprint *out, struct str hash, struct str value);
