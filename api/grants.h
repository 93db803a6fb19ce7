/* SPDX-License-Identifier: Apache-2.0 */
/* grants.h - between the claims of a token and what they allow. */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "api/auth.h"
#include "core/attr.h"

/** Read the claims of a verified token. Claims that we do not know are left aside. Errors: E_AUTH, naming the claim; *out
 * untouched. */
MUST_CHECK int grants_from_claims(const json_t *claims, struct grants *out, struct refusal *why);
/** Write them; the caller's, json_decref(). NULL when memory is short. */
MUST_CHECK json_t *grants_to_claims(const struct grants *g, struct str key, uint64_t now_s,
                                    uint64_t ttl_s);
