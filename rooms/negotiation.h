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

/** Take an offer. Errors as participant_offer(); *answer is the participant's, until the next offer. */
MUST_CHECK int negotiation_offer(struct participant *p, struct str sdp, const struct track_label *label, size_t label_count,
                                 const char **answer, struct sdp_error *why);
