/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - an endpoint in a room: offers, ICE (link.h), DTLS and SRTP (secure.h), Opus and VP8 packets that carry who sent them
 * and a number, RTCP. Thread: the test's.
 *
 *   client_join ─▶ offer ─▶ answer ─▶ link connects ─▶ DTLS ─▶ is_open ─▶ media each 20 ms, reports each 500 ms
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "tests/integration/link.h"
#include "tests/integration/sdp_text.h"
#include "tests/integration/secure.h"
#include "tests/integration/server.h"

#define CLIENT_MAX_SOURCES 64 /* tags are numbers below this */

struct client;

struct client_config {
    const char *identity, *room; /* room NULL: "room" */
    uint32_t tag;                /* of its media, not 0 */
    struct link_config link;
    struct secure_config secure; /* is_server is decided by the answer */
    const char *setup;           /* NULL: "actpass" */
    const char *fingerprint;     /* NULL: the right one */
    const char *bad_pwd; /* what checks use instead of the server's password; NULL: the right one */
    const char *session_line; /* put into the offer */
    unsigned slots;           /* m-sections of each kind to receive on */
    bool publishes;
    bool follows;               /* receives what moves with who speaks, and nothing else */
    uint8_t audio_pt, video_pt; /* 0: 111, 96 */
};

/* What came from one sender, by the numbers in its packets. */
struct client_source {
    unsigned packets, keyframes;
    uint32_t first, last; /* numbers */
    unsigned missing;     /* numbers that were skipped */
    unsigned repeated;    /* or out of order */
};

struct client_stats {
    struct client_source audio[CLIENT_MAX_SOURCES], video[CLIENT_MAX_SOURCES]; /* by tag */
    unsigned rtp_refused, rtcp_refused;                                        /* libsrtp said no */
    unsigned rtp_foreign;   /* neither the slot's SSRC nor its payload type */
    unsigned sequence_gaps; /* in what one slot sends */
    unsigned plis, reports_sent, reports_received, report_blocks, byes;
    uint32_t sent_audio, sent_video; /* the next numbers */
};

/** Join, offer, start checking. NULL when joining or the offer is refused. */
struct client *client_join(struct test_server *s, const struct client_config *config);
/** Leave (the seat and all) and free. */
void client_leave(struct client **c);
/** Fall silent: no datagram any more, not even a goodbye; the seat stays. */
void client_fall_silent(struct client *c);
/** Lose signalling as well: as above, without a seat; frees the client. */
void client_vanish(struct client **c);

bool client_is_open(const struct client *c);
/** Iterate until it is; false after WAIT_MS. */
bool client_wait_open(struct client *c);
/** How loud its audio is, in -dBov. */
void client_set_level(struct client *c, uint8_t level);
/** Send media each 20 ms from now on, and stop. */
void client_start_media(struct client *c);
void client_stop_media(struct client *c);
/** Send one tick's media now: a packet of Opus, a frame of VP8 in two. */
void client_send_media(struct client *c);
/** Ask for a keyframe on each of its video slots. */
void client_send_pli(struct client *c);
/** Offer again with @slots sections of each kind to receive on. Errors: the offer's. */
MUST_CHECK int client_renegotiate(struct client *c, unsigned slots);
/** Offer again with new ICE credentials. */
MUST_CHECK int client_restart_ice(struct client *c);

const struct client_stats *client_stats(const struct client *c);
/** Forget what was received so far; numbers go on. */
void client_reset_received(struct client *c);
struct seat *client_seat(struct client *c);
struct link *client_link(struct client *c);
struct secure *client_secure(struct client *c);
const struct sdp_answer *client_answer(const struct client *c);

/** A clear RTP packet as it would be sent next on its audio (the number is used up); returns its length. */
size_t client_write_audio(struct client *c, uint8_t *out);
/** Encrypt and send; the buffer has 64 bytes more. */
bool client_send(struct client *c, bool is_rtcp, uint8_t *buf, size_t len);
uint32_t client_audio_ssrc(const struct client *c);

/** Whether @c got both kinds from the sender @tag: audio, and video from a keyframe on. */
bool client_has_source(const struct client *c, uint32_t tag);
/** Whether each of @n clients got every other one of them. */
struct client_group {
    struct client **client;
    const uint32_t *tag;
    size_t count;
};
bool client_everyone_has_everyone(void *group);
