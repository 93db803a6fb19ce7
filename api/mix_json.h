/* SPDX-License-Identifier: Apache-2.0 */
/* mix_json.h - the mix of a room as JSON: what a request may say of it, and what is told of it; the same on every wire. */
#pragma once

#include <jansson.h>

#include "api/refusal.h"
#include "api/schema.h"
#include "core/attr.h"

struct mix_stats;
struct room;

/* What a mix may be told; nothing is required. */
extern const struct param mix_params[];

/** Check settings for a mix that begins, of which the table was checked. Errors: E_INVALID, E_LIMIT. */
MUST_CHECK int mix_json_check(const json_t *wanted, struct refusal *why);
/** Begin a mix. Errors: E_INVALID, E_LIMIT, E_CONFLICT, E_UNSUPPORTED, E_STATE. */
MUST_CHECK int mix_json_start(struct room *r, const json_t *wanted, struct refusal *why);
/** Change what @wanted names. Errors: those, and E_NOT_FOUND. */
MUST_CHECK int mix_json_update(struct room *r, const json_t *wanted, struct refusal *why);
/** End it. Errors: E_NOT_FOUND. */
MUST_CHECK int mix_json_stop(struct room *r, struct refusal *why);
/** All of it: settings, tracks, what is made now. null without a mix. The caller's. */
MUST_CHECK json_t *json_of_mix(const struct room *r);
/** What the mixer counted. */
MUST_CHECK json_t *json_of_mix_stats(const struct mix_stats *stats);
