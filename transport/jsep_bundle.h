/* SPDX-License-Identifier: Apache-2.0 */
/* jsep_bundle.h - which sections of an offer end on the one transport (RFC 9143), and what that transport is. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/attr.h"
#include "transport/jsep.h"
#include "transport/sdp.h"
#include "transport/transceiver.h"

struct jsep_bundle {
    bool has_transport; /* else every section is rejected */
    size_t tag; /* section whose transport attributes count: the BUNDLE-tagged one, RFC 9143 s7.2 */
    bool rtcp_rsize;
};

/**
 * Choose the tag among the sections that are not rejected yet, and reject those that cannot share its transport.
 *
 * Errors: E_MALFORMED, E_UNSUPPORTED (no rtcp-mux) with @why.
 */
MUST_CHECK int jsep_bundle_choose(struct jsep_bundle *out, const struct sdp *offer,
                                  struct transceiver *t, struct sdp_error *why);
/**
 * Read the chosen transport: credentials, fingerprints, DTLS role. @before is what was accepted last, NULL for a new
 * transport: certificate and role stay as they are then.
 *
 * Errors: E_MALFORMED, E_UNSUPPORTED with @why.
 */
MUST_CHECK int jsep_bundle_read_transport(struct remote_transport *out, const struct jsep_bundle *b,
                                          const struct sdp *offer,
                                          const struct remote_transport *before,
                                          struct sdp_error *why);
/** Check what must be one over all bundled sections: SSRCs, ids of header extensions. Errors: E_MALFORMED with @why. */
MUST_CHECK int jsep_bundle_check_unique(const struct sdp *offer, const struct transceiver *t,
                                        struct sdp_error *why);
