/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - RFC 4648: base64url without padding for tokens, base64 with it for TURN passwords. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"

#define BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4) /* at most, without the NUL */

/** Write with padding and a NUL; @out has BASE64_LEN(len) + 1. */
void base64_encode(const uint8_t *bytes, size_t len, char *out);
/** Write with the URL alphabet, no padding, and a NUL; @out as above. */
void base64url_encode(const uint8_t *bytes, size_t len, char *out);
/** Read the URL alphabet, strictly: no padding, no blanks, unused bits zero. Errors: false, also when it does not fit. */
MUST_CHECK bool base64url_decode(struct str text, uint8_t *out, size_t size, size_t *len);
