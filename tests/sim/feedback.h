/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.h - what an endpoint does about loss and congestion: it asks for what it misses (RFC 4585) and takes it as RTX (RFC 4588),
 * keeps what it sends and sends it again, and tells the server when packets arrived (transport-wide feedback).
 *
 * What comes again must be what came, or would have come, under that number: anything else is a fault of the server's. Owner: the
 * endpoint, for which it is switched on before its first slot and publication.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rtp.h"
#include "tests/sim/endpoint.h"
#include "transport/nack.h"

struct feedback;
struct rtcp_fb;
struct twcc;

#define FEEDBACK_NACK 1u /* RTX both ways */
#define FEEDBACK_TWCC 2u /* transport-wide numbers of what it is sent */
#define FEEDBACK_REMB \
    4u /* estimates of what the way carries; packets say when they were sent, and there is no other congestion feedback */

#define FEEDBACK_SEEN 4096 /* numbers of a slot, or of the transport, that are remembered */
#define FEEDBACK_KEPT 512  /* packets that a publisher keeps */

/* A slot's repair. */
struct feedback_slot {
    struct nack nack;
    uint64_t hash[FEEDBACK_SEEN]; /* of the packet under this number; 0: none */
    uint16_t seq[FEEDBACK_SEEN];
    uint32_t rtx_packets, rtx_repaired, rtx_padding;
    uint64_t rtx_bytes;
    struct seq16_unwrapper rtx_seqs;
    int64_t rtx_newest;
    uint32_t rtx_reordered, media_reordered;
};

struct feedback {
    struct endpoint *owner;
    unsigned what;
    struct feedback_slot slot[ENDPOINT_MAX_SLOTS];
    struct deadline nack_due;
    uint32_t nacks_sent;
    /* transport-wide numbers */
    struct twcc *twcc;
    struct deadline twcc_due;
    bool is_silent; /* tells nothing */
    struct seq16_unwrapper numbers;
    int64_t first_number, newest_number;
    uint64_t numbered, feedbacks_sent;
    int64_t number_seen[FEEDBACK_SEEN];
    /* packets that say when they left, and how long they took by that */
    uint64_t timed, shortest_way_us, longest_way_us;
    /* publishing */
    bool is_deaf_to_nacks;
    struct feedback_kept *kept; /* a ring */
    size_t kept_next;
    uint16_t rtx_seq;
    uint32_t nacks_received, asked_again, resent;
};

/** Switch it on; @what is made of FEEDBACK_*. */
void feedback_enable(struct endpoint *e, unsigned what);
void feedback_free(struct endpoint *e);

/** Negotiate for a slot or a publication that is about to be opened. */
void feedback_negotiate_slot(struct slot *s);
void feedback_negotiate_pub(struct pub *p);
/** SSRC of a slot's RTX stream. */
uint32_t feedback_rtx_ssrc(const struct slot *s);

/** Take a clear packet, whatever its SSRC: slots hear of it through here. */
void feedback_receive(struct endpoint *e, struct rtp_header *h, uint8_t *buf, size_t len,
                      uint64_t now_us);
/** Keep a clear packet that is sent. */
void feedback_keep(struct endpoint *e, const uint8_t *buf, size_t len);
/** The server asks for packets again. */
void feedback_take_nack(struct endpoint *e, const struct rtcp_fb *fb);

/** How many transport-wide numbers are missing up to the newest. */
uint64_t feedback_numbers_missing(const struct endpoint *e);
/** Ask for numbers of a slot, sent or not. */
void feedback_ask(struct slot *s, const uint16_t *seqs, size_t n);
/** Of what is asked for in the slot's name. */
struct feedback_slot *feedback_of(const struct slot *s);
