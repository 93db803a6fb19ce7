/* SPDX-License-Identifier: Apache-2.0 */
/* offer.h - the SDP text that a publisher or a viewer POSTs. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"
#include "transport/jsep.h"

#define OFFER_PT_VP8 96
#define OFFER_PT_RTX 97
#define OFFER_PT_OPUS 111
#define OFFER_ENCODINGS 3

/* RIDs of simulcast, from the smallest; the last is the one that is sent alone without simulcast. */
extern const char *const offer_rid[OFFER_ENCODINGS];

struct offer {
    struct ice_credentials ice;
    struct fingerprint fingerprint;
    bool sends; /* publisher; else viewer */
    bool has_audio;
    bool is_simulcast; /* by RID; then SSRCs are not told */
    bool is_plain; /* no transport-wide feedback, REMB, NACK and RTX; keyframe requests remain */
    uint32_t ssrc, rtx_ssrc; /* video, of a publisher without simulcast */
    uint32_t audio_ssrc;     /* of a publisher */
};

/** Append the offer. */
void offer_write(const struct offer *o, struct strbuf *out);
