/* SPDX-License-Identifier: Apache-2.0 */
/* jsep_encoding.h - which encodings an offered section will send: RIDs (RFC 8853), SSRCs (RFC 5576), or not said. Pure. */
#pragma once

#include <stdbool.h>

#include "core/attr.h"
#include "core/str.h"
#include "transport/sdp.h"
#include "transport/transceiver.h"

struct strbuf;

/** Fill the encodings of @t; its codecs and header extensions are negotiated. Errors: E_MALFORMED, E_LIMIT with @why. */
MUST_CHECK int jsep_encoding_negotiate(struct transceiver *t, const struct sdp_section *s,
                                       struct sdp_error *why);
/** Write the a=rid and a=simulcast lines of the answer; nothing when @t has no RIDs. */
void jsep_encoding_write(const struct transceiver *t, const struct sdp_section *s,
                         struct strbuf *out);
