/* SPDX-License-Identifier: Apache-2.0 */
/* candidate.h - ICE candidates (RFC 8839 s5.1, RFC 6544 s4.5): values, priorities, and their lines. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/str.h"

enum candidate_protocol { CANDIDATE_UDP, CANDIDATE_TCP };
enum candidate_type { CANDIDATE_HOST, CANDIDATE_SRFLX, CANDIDATE_PRFLX, CANDIDATE_RELAY };
enum candidate_tcptype {
    CANDIDATE_TCP_NONE,
    CANDIDATE_TCP_ACTIVE,
    CANDIDATE_TCP_PASSIVE,
    CANDIDATE_TCP_SO
};

struct candidate {
    char foundation[33];
    uint8_t component;
    enum candidate_protocol protocol;
    enum candidate_type type;
    enum candidate_tcptype tcptype;
    uint32_t priority;
    struct addr
        addr; /* family 0 when the line holds a name (mDNS), see has_name; the port is there anyway */
    bool has_name;
};

/** Priority of component 1 by RFC 8445 s5.1.2; any TCP type stands below the same and every direct UDP type. */
uint32_t candidate_priority(enum candidate_type type, enum candidate_protocol protocol,
                            uint16_t local_pref);
/** Write "candidate:…" without "a=". Returns false when it does not fit. */
MUST_CHECK bool candidate_write(const struct candidate *c, struct strbuf *out);
/** Parse "candidate:…" (an "a=" in front is tolerated). Errors: E_MALFORMED, E_UNSUPPORTED (another transport or type). */
MUST_CHECK int candidate_parse(struct candidate *out, struct str line);
