/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiation.h - from an offer to an answer, and to what the sections mean: publications, slots, the transport.
 *
 * Thread: control reactor. The rules of SDP are transport/jsep.h's; here sections are matched with what the room knows, and the
 * media worker is told.
 */
#pragma once

#include <stddef.h>

#include "core/attr.h"
#include "core/str.h"
#include "rooms/participant.h"

struct registry;

/**
 * See how a first offer would be answered to somebody who may publish everything and receive nothing. No room changes.
 *
 * Owner:  @answer is the caller's (initialised, appended to).
 * Errors: E_MALFORMED, E_LIMIT, E_UNSUPPORTED, E_NO_MEMORY with @why.
 */
MUST_CHECK int negotiation_try_offer(struct registry *g, struct str sdp, struct strbuf *answer,
                                     struct sdp_error *why);

/**
 * Take an offer.
 *
 * An offer with another certificate, or after the transport closed, is a new PeerConnection: what the old one published ends, what
 * the server had muted stays muted by source, and everything starts anew.
 *
 * Errors: as participant_offer(). *answer is the participant's, until the next offer.
 * Calls:  on_event of others; the participant may have left on return (E_STATE).
 */
MUST_CHECK int negotiation_offer(struct participant *p, struct str sdp,
                                 const struct track_label *label, size_t label_count,
                                 const char **answer, struct sdp_error *why);
