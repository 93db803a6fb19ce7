/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ice.h - the ICE-lite side of one transport (RFC 8445 s2.5, RFC 7675) on libnice's STUN agent.
 *
 * Answers connectivity checks, remembers the paths that showed an authenticated one, selects the nominated path, and tells when
 * consent is gone. Sans-I/O: bytes and time in; reply, facts and next deadline out. Thread: the transport's.
 *
 * Selection: the latest nominated path wins; a nomination of lower priority than the selected path's is passed over (and takes
 * effect when it is repeated) until that one has shown no nominated check for ICE_NOMINATION_HOLD_US: aggressive nomination
 * (RFC 5245 s8.1.1.2) nominates several paths. What happens to ICE depends on checks only; SRTP and DTLS prove no consent.
 * Restart (RFC 8445 s9): the old credentials and path stay good until a path is nominated under the new ones.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "transport/jsep.h"
#include "transport/path.h"

#define ICE_NOMINATION_HOLD_US 1000000ull
#define ICE_MIN_REPLY_BYTES \
    600 /* header 20, address 24, USERNAME 4 + 513 padded, integrity 24, fingerprint 8 */

struct ice;
struct stun_responder; /* libnice's agent and its tables; one a thread, shared by its ice objects */

/* Facts of one input. */
struct ice_outcome {
    size_t reply_bytes;    /* 0: no reply */
    bool is_authenticated; /* integrity and fingerprint hold: the path is validated from now on */
    bool is_selected_new;  /* the selected path changed (ice_selected) */
    bool path_forgotten;   /* the table was full; `forgotten` may be dropped */
    struct path forgotten;
};

struct ice_stats {
    uint64_t requests_received, responses_sent, bad_integrity, malformed, role_conflicts,
        indications;
    uint64_t selected_changes, restarts;
};

/** Make libnice's agent with its tables; holds no state of a dialogue. */
MUST_CHECK struct stun_responder *stun_responder_new(void);
/** Free it, after the ice objects that use it. */
void stun_responder_free(struct stun_responder **r);

/** Make the lite side with our credentials; NULL when there is no memory. */
MUST_CHECK struct ice *ice_new(struct stun_responder *r, const struct ice_credentials *local,
                               uint64_t consent_timeout_us, uint64_t now_us);
void ice_free(struct ice **i);
/** The endpoint's credentials. Before that, checks are answered already when our ufrag and password fit. */
void ice_set_remote(struct ice *i, const struct ice_credentials *remote);
/** New credentials on both sides; the old ones stay good until a nomination under the new (ask ice_has_ufrag() after input).
 * A second restart before that replaces the first one's credentials. The consent clock starts anew. */
void ice_restart(struct ice *i, const struct ice_credentials *local,
                 const struct ice_credentials *remote, uint64_t now_us);
/** Whether @ufrag is one of ours now (new or not yet retired). */
bool ice_has_ufrag(const struct ice *i, const char *ufrag);
/** Take one STUN datagram; the reply is written to @reply (@reply_size ≥ ICE_MIN_REPLY_BYTES). */
struct ice_outcome ice_input(struct ice *i, const struct path *from, const uint8_t *buf, size_t len,
                             uint8_t *reply, size_t reply_size, uint64_t now_us);
/** Whether an authenticated check came over @from: only then SRTP and DTLS are taken from there. */
bool ice_is_validated(const struct ice *i, const struct path *from);
/** The nominated path, or NULL. */
const struct path *ice_selected(const struct ice *i);
/** It will be asked for in some microseconds (core/prefetch.h). */
void ice_prefetch(const struct ice *i);
/** A path is gone (TCP closed). Selection moves to another nominated and live one when there is one. Returns whether it changed. */
bool ice_forget_path(struct ice *i, const struct path *path);
size_t ice_paths(const struct ice *i, struct path *out, size_t max);
/** When consent runs out unless another authenticated check arrives; at that time the owner closes or fails. */
uint64_t ice_consent_deadline_us(const struct ice *i);
void ice_read_stats(const struct ice *i, struct ice_stats *out);

/** Cut our ufrag (what stands before the colon of USERNAME) out of a STUN request without checking it; false when there is none. */
bool ice_peek_ufrag(const uint8_t *buf, size_t len, char out[MAX_ICE_CREDENTIAL_LEN + 1]);
