/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep.h - the answerer (RFC 8829, RFC 3264): one endpoint's negotiation from offer to offer.
 *
 * The client always offers. Each offer is checked whole before anything changes: an error leaves the session as it was. All
 * accepted m-sections end on one transport (BUNDLE, RFC 9143; rtcp-mux). Rules live here; meaning (which track, which slot)
 * comes from the owner through `struct jsep_policy`. Pure: text in, text and values out. Thread: control reactor.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"
#include "transport/candidate.h"
#include "transport/sdp.h"
#include "transport/transceiver.h"

struct jsep;
struct rng;

struct ice_credentials {
    char ufrag[MAX_ICE_CREDENTIAL_LEN + 1];
    char pwd[MAX_ICE_CREDENTIAL_LEN + 1];
};

struct fingerprint {
    char hash[16]; /* "sha-256", lower case */
    uint8_t value[64];
    uint8_t len;
};

/* What the offer says of the endpoint's side of the transport. */
struct remote_transport {
    struct ice_credentials ice;
    struct fingerprint fingerprint[MAX_FINGERPRINTS]; /* any one of them must match */
    uint8_t fingerprint_count;
    bool dtls_active; /* the server starts the handshake (the endpoint said "passive") */
};

struct jsep_config {
    struct fingerprint fingerprint;    /* of the server's certificate */
    const struct candidate *candidate; /* ours, borrowed for the life of the jsep */
    size_t candidate_count;
    struct rng *rng; /* for SSRCs and the session id; borrowed */
};

/* Asked at every answer, for each live section in m-line order, when everything else about the offer was found good. The
 * transceiver has its codecs, extensions and encodings; `recv` and `send` are being decided. Policy and members may be NULL:
 * then everything possible is received and nothing is sent. */
struct jsep_policy {
    /* The endpoint wants to send on this section. Return 0 to receive; else it is answered without recv. */
    int (*may_recv)(const struct transceiver *t, void *arg);
    /* The endpoint is ready to receive on this section; `recv` is decided. Return 0 to be ready to send, and write the stream
     * id for msid (NUL-terminated; characters that no token has become '-'), or leave "" to keep what it was, first "parley". */
    int (*may_send)(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg);
};

/* What an accepted offer led to. Owned by the jsep, valid until the next call. */
struct jsep_result {
    const struct transceiver
        *transceiver; /* every section, rejected ones included, in m-line order */
    size_t transceiver_count;
    struct remote_transport remote;
    struct ice_credentials local;
    bool
        is_first; /* the transport is new: the first offer, or all sections before were rejected or stopped */
    bool is_ice_restart; /* the endpoint changed ufrag and pwd; `local` is new as well */
};

MUST_CHECK struct jsep *jsep_new(const struct jsep_config *config);
void jsep_free(struct jsep **j);

/**
 * Restart ICE without an offer, as WHIP and WHEP do (RFC 9725 s4.3.3): only credentials change hands, everything negotiated
 * holds. *is_new: false when @remote is what the endpoint has already; nothing changed then, and *local is ours of now.
 *
 * Errors: E_STATE: nothing was negotiated. E_MALFORMED: only one of ufrag and pwd is another.
 */
MUST_CHECK int jsep_restart_ice(struct jsep *j, const struct ice_credentials *remote,
                                struct ice_credentials *local, bool *is_new);

/**
 * Take an offer and write the answer.
 *
 * An offer whose sections are all rejected is an error at first, and fine later on (the client stopped everything): then
 * `remote` and `local` are those of before.
 *
 * Owner:  @answer is the caller's (initialised, appended to). *result is borrowed until the next call.
 * Errors: E_MALFORMED, E_LIMIT, E_UNSUPPORTED, E_NO_MEMORY with @why (line and sentence); the session stays as it was.
 * Calls:  policy.
 */
MUST_CHECK int jsep_answer(struct jsep *j, struct str offer, const struct jsep_policy *policy,
                           void *arg, struct strbuf *answer, const struct jsep_result **result,
                           struct sdp_error *why);
