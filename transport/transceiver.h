/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transceiver.h - what was negotiated for one m-section, as a plain value.
 *
 * jsep.h makes it on the control reactor; it travels to a media worker inside a message, where tracks and subscriptions are
 * configured with it. Directions are from the server's side (RFC 8829): `recv` means that the endpoint publishes here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/rtp_ext.h"

#define PT_NONE 255

struct negotiated_codec {
    struct codec codec; /* fmtp as answered */
    uint8_t pt;
    uint8_t rtx_pt;                  /* PT_NONE without RTX (RFC 4588) */
    bool nack, pli, fir, remb, twcc; /* RTCP feedback that both sides know (RFC 4585, 5104) */
};

/* One encoding that the endpoint may send: by RID (RFC 8853), by SSRC (RFC 5576), or neither: a receiving section of which
 * the offer says nothing has one encoding of zeros, learnt by MID. */
struct negotiated_encoding {
    char rid[MAX_RID_LEN + 1]; /* "" when not by RID */
    uint32_t ssrc, rtx_ssrc;   /* 0 when not signalled */
};

struct transceiver {
    char
        mid[MAX_MID_LEN +
            1]; /* "mline0", "mline1", … when the offer names none (it is not in the answer then) */
    uint16_t mline_index;
    enum media_kind kind;
    bool rejected; /* port 0 in the answer */
    bool recv, send;

    struct negotiated_codec codec[MAX_NEGOTIATED_CODECS]; /* in the order of the answer */
    uint8_t codec_count;
    struct rtp_ext_ids ext;
    bool reduced_size_rtcp; /* RFC 5506 */

    /* recv */
    struct negotiated_encoding
        encoding[MAX_ENCODINGS]; /* in the order of the offer; none without recv */
    uint8_t encoding_count;
    bool is_simulcast;
    char remote_stream_id[MAX_MSID_LEN +
                          1]; /* the offer's msid, "" without one, or when it is "-" */

    /* send */
    uint32_t ssrc,
        rtx_ssrc; /* ours, from the first time that it sends; stable for the life of the section */
    char msid[MAX_MSID_LEN + 1]; /* stream id in the answer; also the CNAME */
};

/** Find a negotiated payload type (RTX types are not found); NULL when absent. */
const struct negotiated_codec *transceiver_find_pt(const struct transceiver *t, uint8_t pt);
/** Find the media payload type that @rtx_pt repairs; NULL when it is none. */
const struct negotiated_codec *transceiver_find_rtx_pt(const struct transceiver *t, uint8_t rtx_pt);
/** Find the payload type under which a stream of @codec may be sent here (codec_fits); NULL when there is none. */
const struct negotiated_codec *transceiver_find_codec(const struct transceiver *t,
                                                      const struct codec *codec);
