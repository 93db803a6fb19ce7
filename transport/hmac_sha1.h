/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmac_sha1.h - HMAC-SHA1 (RFC 2104) with the keys of SRTP, on OpenSSL's digest.
 *
 * Written out on one digest context: OpenSSL's own HMAC costs an allocation and two context copies a packet, this costs two more
 * blocks of SHA-1.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/session_key.h"

#define HMAC_SHA1_BYTES 20

struct hmac_sha1; /* scratch space; used by one thread */

/** Make it; NULL without memory. */
MUST_CHECK struct hmac_sha1 *hmac_sha1_new(void);
void hmac_sha1_free(struct hmac_sha1 **h);
/** Hash @len bytes and @more behind them. False when the library refuses. */
MUST_CHECK bool hmac_sha1(struct hmac_sha1 *h, const uint8_t key[SESSION_KEY_AUTH_BYTES],
                          const uint8_t *data, size_t len, const uint8_t *more, size_t more_len,
                          uint8_t out[HMAC_SHA1_BYTES]);
