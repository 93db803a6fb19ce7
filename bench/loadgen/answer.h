/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - what a WHIP or WHEP server answered, down to what a publisher and a viewer need of it. Pure.
 *
 * Tolerant of what servers do differently: other payload types, either DTLS role, several candidates, attributes at session level.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/str.h"
#include "transport/jsep.h"

struct answer_media {
    bool is_accepted;
    uint8_t pt, rtx_pt; /* PT_NONE: none */
    bool twcc; /* feedback by transport-wide number was negotiated, and has an extension id */
    struct rtp_ext_ids ext;
    uint8_t rids; /* bit i: offer_rid[i] may be sent; 0 without simulcast */
};

struct answer {
    struct ice_credentials ice;
    struct fingerprint fingerprint[MAX_FINGERPRINTS];
    size_t fingerprint_count;
    bool is_dtls_client; /* the server starts the handshake */
    struct addr
        addr; /* loopback where there is one, else the first host candidate over UDP and IPv4 */
    struct answer_media video, audio;
};

#define ANSWER_WHY_LEN 240

/** Parse. Errors: E_MALFORMED, E_LIMIT, E_UNSUPPORTED, E_NO_MEMORY with a sentence in @why; *out is undefined then. */
MUST_CHECK int answer_parse(struct answer *out, struct str text, char why[ANSWER_WHY_LEN]);
