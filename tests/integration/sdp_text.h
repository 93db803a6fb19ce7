/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdp_text.h - offers of a client as text, and a reader of answers that knows just enough; shares nothing with transport/sdp.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/jsep.h"

#define SDP_MAX_SECTIONS 64
#define SDP_MAX_CANDIDATES 16
#define SDP_MID_EXT_ID 4
#define SDP_LEVEL_EXT_ID 5 /* of audio */

/* One m-section of an offer. */
struct sdp_offer_section {
    bool is_video, sends;
    uint32_t ssrc; /* of one that sends */
};

struct sdp_offer {
    const char *ufrag, *pwd, *fingerprint, *setup, *identity;
    unsigned version;
    uint8_t audio_pt, video_pt;
    const char *session_line; /* "a=…" put into the session part; NULL: none */
    struct sdp_offer_section section[SDP_MAX_SECTIONS]; /* its mid is its index */
    size_t section_count;
};

struct sdp_answer_section {
    char mid[16];
    bool is_video, is_rejected;
    char direction[16];
    uint32_t ssrc; /* the server's, 0: none */
};

struct sdp_answer {
    struct ice_credentials ice;
    char fingerprint[96], setup[16];
    char *candidate[SDP_MAX_CANDIDATES]; /* "a=candidate:…", freed by sdp_answer_fini() */
    size_t candidate_count;
    struct sdp_answer_section section[SDP_MAX_SECTIONS];
    size_t section_count;
};

/** The text, to g_free(). */
char *sdp_offer_text(const struct sdp_offer *o);
void sdp_answer_read(struct sdp_answer *a, const char *text);
void sdp_answer_fini(struct sdp_answer *a);
