/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nack.h - what to ask an endpoint to send again, of one SSRC, and when (RFC 4585 s6.2.1).
 *
 * Numbers that arrived go in; lists of numbers for rtcp_fb_write_nack() come out, and, for video, the wish for a keyframe when
 * asking again is hopeless. A gap waits a little before it is asked for: packets that overtook each other on the way come by
 * themselves, and how long that takes is learnt. Pure. Owner: whoever has the SSRC's rtp_recv; embedded there.
 *
 * While nothing is missing it costs one comparison a packet and no memory beyond the struct.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define NACK_FIRST_WAIT_US \
    10000ull /* before the first request, while nothing is known of reordering */
#define NACK_MIN_WAIT_US 5000ull  /* what it shrinks to where packets keep their order */
#define NACK_MAX_WAIT_US 40000ull /* what it grows to: longer, and repairs come too late */
#define NACK_MARGIN_US 10000ull /* repeats come a quarter of the round trip after it, or so much */
#define NACK_MIN_REPEAT_US 20000ull /* and not sooner than this after the request before */
#define NACK_UNKNOWN_RTT_US 100000ull
#define NACK_TRIES 10
/* A packet that comes later than this is of no use to most viewers' jitter buffers. With a long round trip the limit stretches
 * so that a request can be repeated at least once. */
#define NACK_VIDEO_AGE_US 1000000ull
#define NACK_AUDIO_AGE_US 300000ull
#define NACK_MAX_AGE_US 2000000ull

enum nack_kind { NACK_AUDIO, NACK_VIDEO };

/* Flags of a packet. */
#define NACK_KEYFRAME 1u  /* a picture starts that needs nothing before it */
#define NACK_RECOVERED 2u /* it came as a retransmission (RTX) */

struct nack_missing; /* private */

struct nack {
    struct nack_missing *missing; /* oldest first; allocated by the first gap */
    uint16_t count, capacity;
    uint16_t newest;
    bool started, is_video;
    uint32_t reorder_us; /* how late packets come that were only overtaken; a peak that decays */
    uint32_t rtt_us;     /* the newest told; 0: not known */
    uint32_t late_us;    /* the queue on the way of the answers, as told; 0: none */
    uint32_t answer_us;  /* how long answers take, smoothed; 0: not known */
    uint64_t next_us;
    /* counters: numbers asked for the first time, asked again; that came as answers, that came by themselves; not asked any
     * more; gaps that were too long to ask for */
    uint64_t asked, repeated, recovered, reordered, given_up, jumps;
};

/** Prepare an SSRC. */
void nack_init(struct nack *n, enum nack_kind kind);
/** Free what it allocated and forget everything but the kind and the counters. */
void nack_reset(struct nack *n);
/**
 * Note an arrival; padding-only packets and those that came as retransmissions count too. Call it for what rtp_recv_packet()
 * took, which is no duplicate and no number out of the blue; a number far behind means that the sender began anew.
 *
 * Returns true when a keyframe must be asked for now: the gap is longer than MAX_NACK_GAP, more than MAX_NACK_OUTSTANDING are
 * missing, there is no memory to note them, or the sender began anew. What is missing is then not asked for. Never for audio.
 */
MUST_CHECK bool nack_received(struct nack *n, uint16_t seq, unsigned flags, uint64_t now_us);
/**
 * Collect what is to be asked for now (or within a millisecond or so) and note it as asked; rising, at most @max (> 0) at once.
 * Call it at nack_next_us(); when it returned @max, again.
 *
 * Units: @rtt_us to the endpoint; 0: not known, as with one that only publishes: then what answers took stands in for it.
 * Sets *wants_keyframe when something was given up that a keyframe makes good, and leaves it alone otherwise.
 */
size_t nack_due(struct nack *n, uint64_t rtt_us, uint64_t now_us, uint16_t *seqs, size_t max,
                bool *wants_keyframe);
/** Tell how much longer than usual answers take, for a queue on their way: what was asked for is not asked for again before. */
void nack_set_late(struct nack *n, uint64_t late_us);
/** Ask for nothing of what is missing any more. */
void nack_give_up(struct nack *n);
/** Whether @seq is missing and may still come. */
bool nack_is_awaited(const struct nack *n, uint16_t seq);
/** When nack_due() is to be called; UINT64_MAX while nothing is missing. */
uint64_t nack_next_us(const struct nack *n);
