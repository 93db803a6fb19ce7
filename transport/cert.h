/* SPDX-License-Identifier: Apache-2.0 */
/* cert.h - certificates: the DTLS one (ECDSA P-256, self-signed at start) and a self-signed one for HTTPS; fingerprints. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/jsep.h"

struct cert; /* a private key and its certificate; immutable, shared by threads after it was made */

/** Make a self-signed ECDSA P-256 certificate, valid for @days, for the given DNS names and IP addresses (texts; may be 0). */
MUST_CHECK int cert_new_self_signed(struct cert **out, const char *common_name, const char *const *alt_names, size_t n,
                                    unsigned days);
void cert_free(struct cert **c);
/** SHA-256 of the DER form (RFC 8122). */
void cert_fingerprint(const struct cert *c, struct fingerprint *out);
/** PEM texts, for a TLS library that wants memory buffers; heap, mem_free(); the key's with mem_wipe() before. */
MUST_CHECK int cert_to_pem(const struct cert *c, char **cert_pem, char **key_pem);

/** Write "sha-256 AB:CD:…" (answer) and read value and hash of an offer. Errors: E_MALFORMED, E_UNSUPPORTED (hash). */
void fingerprint_text(const struct fingerprint *f, char out[256]);
MUST_CHECK int fingerprint_parse(struct fingerprint *out, struct str hash, struct str value);
