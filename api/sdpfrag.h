/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdpfrag.h - application/trickle-ice-sdpfrag (RFC 8840 s9): what a PATCH of WHIP and WHEP brings, and what answers an ICE
 * restart. Pure.
 *
 * All sections share one transport (BUNDLE), so a fragment has one pair of credentials, wherever it stands, and one list of
 * candidates.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "api/refusal.h"
#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"

/* Borrows from the text. */
struct sdpfrag {
    struct str ufrag, pwd; /* both or none; "" without */
    struct sdpfrag_candidate {
        struct str value; /* "candidate:…" */
        unsigned line;
    } candidate[MAX_CANDIDATES_PER_REQUEST];
    size_t candidate_count;
    bool has_end; /* a=end-of-candidates */
};

/**
 * Parse. Lines may end in CRLF or LF; what has no meaning here is left aside.
 *
 * Errors: E_MALFORMED (not lines of SDP, credentials of a wrong form, one without the other), E_LIMIT (length, candidates),
 *         E_UNSUPPORTED (credentials of more than one transport), each with line and sentence in @why; *out is undefined then.
 */
MUST_CHECK int sdpfrag_parse(struct sdpfrag *out, struct str text, struct refusal *why);

/**
 * Write the fragment that tells of new credentials: the session and the first accepted section of @answer, an SDP of ours,
 * with its candidates.
 */
void sdpfrag_write_restart(struct str answer, const char *ufrag, const char *pwd,
                           struct strbuf *out);
