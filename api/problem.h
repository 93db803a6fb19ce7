/* SPDX-License-Identifier: Apache-2.0 */
/* problem.h - refusals as HTTP answers: application/problem+json, RFC 9457. */
#pragma once

#include "api/http.h"
#include "api/refusal.h"

/** The HTTP status that a refusal is told with. */
unsigned problem_status(const struct refusal *r);
/** Answer with the refusal; headers are taken from @with, which may be NULL. */
void problem_reply(struct http_exchange *x, const struct refusal *r,
                   const struct http_response *with);
