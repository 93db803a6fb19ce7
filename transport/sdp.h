/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp.h - SDP text (RFC 8866 and the WebRTC attributes) to a struct and back; no meaning, no policy. Pure.
 *
 * The struct borrows from a private copy of the text that it owns, so every `struct str` in it lives as long as the sdp.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/codec.h"
#include "core/limits.h"
#include "core/str.h"

/* Where and why a description was refused. */
struct sdp_error {
    unsigned line;  /* 1-based; 0: not about one line */
    char text[200]; /* one sentence; may quote the line, cleaned and cut */
};

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };
enum sdp_setup {
    SDP_SETUP_NONE,
    SDP_SETUP_ACTPASS,
    SDP_SETUP_ACTIVE,
    SDP_SETUP_PASSIVE,
    SDP_SETUP_HOLDCONN
};

struct sdp_rtpmap {
    uint8_t pt;
    struct str encoding; /* "VP8" */
    uint32_t clock_hz;
    uint8_t channels;
    unsigned line;
};

struct sdp_fmtp {
    uint8_t pt;
    struct str params;
    unsigned line;
};

struct sdp_rtcp_fb {
    int pt;           /* -1: all ("*") */
    struct str value; /* "nack pli" */
};

struct sdp_extmap {
    uint8_t id;
    bool has_direction;
    enum sdp_direction direction; /* a=extmap:9/sendonly */
    struct str uri;
    unsigned line;
};

struct sdp_ssrc {
    uint32_t ssrc;
    struct str attribute, value; /* "cname", "msid" */
    unsigned line;
};

struct sdp_ssrc_group {
    struct str semantics; /* "FID", "SIM" */
    uint32_t ssrc[MAX_SSRCS_PER_SECTION];
    uint8_t count;
    unsigned line;
};

struct sdp_rid {
    struct str id;
    bool is_send;
    struct str restrictions; /* "pt=96;max-width=…" */
    unsigned line;
};

struct sdp_fingerprint {
    struct str hash;  /* "sha-256" */
    struct str value; /* "AB:CD:…" */
    unsigned line;
};

/* ICE and DTLS attributes; at session level or in a section. */
struct sdp_transport {
    struct str ice_ufrag, ice_pwd;
    bool ice_lite;
    bool ice_trickle, ice_renomination; /* a=ice-options */
    enum sdp_setup setup;
    struct sdp_fingerprint fingerprint[MAX_FINGERPRINTS];
    uint8_t fingerprint_count;
};

struct sdp_section {
    unsigned line;    /* of the m= line */
    struct str media; /* "audio", "video", "application" */
    uint32_t port;
    struct str protocol; /* "UDP/TLS/RTP/SAVPF" */
    uint8_t pt[MAX_CODECS_PER_SECTION];
    uint8_t pt_count;  /* 0 when the protocol is not RTP */
    struct str format; /* the first format, as written: "111", "webrtc-datachannel" */
    bool has_mid;
    struct str mid;
    enum sdp_direction direction; /* the session's, or sendrecv, when the section says nothing */
    bool rtcp_mux, rtcp_mux_only, rtcp_rsize, bundle_only, end_of_candidates, ext_mixed;
    struct sdp_transport transport;
    struct sdp_rtpmap *rtpmap; /* dynamic arrays, counts bounded by limits.h */
    struct sdp_fmtp *fmtp;
    struct sdp_rtcp_fb *rtcp_fb;
    struct sdp_extmap *extmap;
    struct sdp_ssrc *ssrc;
    struct sdp_ssrc_group *ssrc_group;
    struct sdp_rid *rid;
    struct str *candidate; /* the value behind a=candidate:; past the bound they are dropped */
    size_t rtpmap_count, fmtp_count, rtcp_fb_count, extmap_count, ssrc_count, ssrc_group_count,
        rid_count, candidate_count;
    struct str simulcast_send, simulcast_recv; /* the lists of a=simulcast, "" without */
    unsigned simulcast_line;
    struct str msid_stream, msid_track; /* of the first a=msid; "-" is kept */
    struct str sctp_port;
    uint32_t ptime_ms, maxptime_ms; /* 0: not given */
};

struct sdp {
    char *text; /* private copy */
    uint64_t session_id, session_version;
    bool has_bundle;
    struct str bundle[MAX_SECTIONS]; /* mids of the first BUNDLE group */
    size_t bundle_count;
    struct sdp_transport transport; /* session level */
    bool ext_mixed;                 /* a=extmap-allow-mixed */
    struct sdp_section *section;
    size_t section_count;
};

/**
 * Parse a session description. Lines may end in CRLF or LF; unknown attributes are ignored; what the grammar forbids, or a bound
 * of limits.h, is an error.
 *
 * Owner:  *out belongs to the caller, sdp_free().
 * Errors: E_MALFORMED, E_LIMIT, E_NO_MEMORY; @why tells line and reason; *out untouched.
 */
MUST_CHECK int sdp_parse(struct sdp **out, const char *text, size_t len, struct sdp_error *why);
void sdp_free(struct sdp **s);

/** Find the rtpmap of a payload type; NULL when there is none. */
const struct sdp_rtpmap *sdp_find_rtpmap(const struct sdp_section *s, uint8_t pt);
/** Find the first fmtp of a payload type; NULL when there is none. */
const struct sdp_fmtp *sdp_find_fmtp(const struct sdp_section *s, uint8_t pt);
/** Find the section with this mid; NULL when there is none. */
const struct sdp_section *sdp_find_mid(const struct sdp *s, struct str mid);
/** Fill @why and return @err, for `return sdp_refuse(…)`. @line 0: not about one line. */
PRINTF_LIKE(4, 5)
int sdp_refuse(struct sdp_error *why, int err, unsigned line, const char *fmt, ...);
