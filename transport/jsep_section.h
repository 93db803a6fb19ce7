/* SPDX-License-Identifier: Apache-2.0 */
/* jsep_section.h - one m-section of an offer against what we can do: codecs, feedback, header extensions. Pure. */
#pragma once

#include <stdbool.h>

#include "core/attr.h"
#include "transport/sdp.h"
#include "transport/transceiver.h"

/** Whether the offerer still wants this section: port 0 means stopped, unless it is bundle-only (RFC 9143 s6). */
bool jsep_section_is_live(const struct sdp_section *s);
bool jsep_section_client_sends(const struct sdp_section *s);
bool jsep_section_client_receives(const struct sdp_section *s);

/**
 * Fill codecs, header extensions and encodings of @t, whose mid, index and kind are set. Sets `rejected` when there is
 * nothing in common.
 *
 * Units:  @ext_mixed: two-byte header extensions may be answered (RFC 8285 s6).
 * Errors: E_MALFORMED, E_LIMIT with @why.
 */
MUST_CHECK int jsep_section_negotiate(struct transceiver *t, const struct sdp_section *s,
                                      bool ext_mixed, struct sdp_error *why);
/** Kind of media of an m= line; MEDIA_OTHER when its protocol or its medium is none of ours. */
enum media_kind jsep_section_kind(const struct sdp_section *s);
