/* SPDX-License-Identifier: Apache-2.0 */
/* client_internal.h - what client.c (life, negotiation) and client_media.c (RTP, RTCP) share. */
#pragma once

#include <glib.h>

#include "tests/integration/client.h"

struct sender {
    uint32_t ssrc, ts, number;
    uint16_t seq;
    uint32_t packets, bytes;
};

/* What arrives on one section. */
struct slot_receiver {
    bool has_seq;
    uint16_t seq;
    uint32_t received;
};

struct client {
    struct client_config config;
    struct test_server *server;
    struct seat *seat;
    struct link *link;
    struct secure *secure;
    struct sdp_offer offer;
    struct sdp_answer answer;
    bool has_answer, is_silent, wants_keyframe;
    uint8_t level; /* of its audio, -dBov */
    struct sender audio, video;
    struct slot_receiver slot[SDP_MAX_SECTIONS];
    unsigned frames;
    GSource *media, *reports;
    struct client_stats stats;
};

/* A clear or encrypted datagram of the media classes came. */
void client_take_media(struct client *c, const uint8_t *datagram, size_t len);
