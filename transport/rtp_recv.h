/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp_recv.h - what we know of one SSRC that an endpoint sends: loss, jitter, reports (RFC 3550 s6.4, A.1, A.3, A.8). Pure state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "core/stats.h"
#include "transport/rtcp.h"

#define RTP_RECV_WINDOW \
    1024 /* packets behind the newest that are still taken, and told from duplicates */

struct rtp_recv {
    struct list node; /* in its transport's list of receivers */
    uint32_t ssrc;
    uint32_t clock_hz;
    bool started;
    uint16_t highest_seq;
    uint32_t cycles;                     /* wraps of seq, shifted by 16 */
    uint32_t base_seq;                   /* extended first */
    uint32_t bad_seq;                    /* what would confirm a jump (A.1) */
    uint64_t seen[RTP_RECV_WINDOW / 64]; /* of the window, by sequence number */
    uint64_t packets_received, bytes_received,
        packets_duplicate_or_old; /* the last are not among the first */
    uint64_t expected_prior, received_prior;
    uint32_t jitter_q4; /* RTP units, scaled by 16 */
    uint32_t transit_ts;
    uint32_t last_ts;
    uint64_t last_arrival_us;
    struct rate rate;
    uint32_t sr_ntp_middle; /* LSR */
    uint64_t sr_ntp;
    uint32_t sr_ts;
    uint64_t sr_arrival_us; /* 0: no SR yet */
    uint64_t nacks_sent, plis_sent, firs_sent, retransmissions;
};

/** Prepare; @clock_hz 0 when it is not known yet: there is no jitter then. */
void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz);
/** Account a packet. Returns false for a duplicate or a jump that waits for confirmation (RFC 3550 A.1: then do not forward).
 * A packet that came as RTX is accounted under its original sequence number. */
bool rtp_recv_packet(struct rtp_recv *r, uint16_t seq, uint32_t ts, size_t bytes, uint64_t now_us);
/** Keep what a sender report says. */
void rtp_recv_sender_report(struct rtp_recv *r, uint64_t ntp, uint32_t ts, uint64_t now_us);
/** Fill the report block for the next RR; advances the interval. false: nothing was received in it, leave it out. */
bool rtp_recv_report(struct rtp_recv *r, struct rtcp_block *out, uint64_t now_us);
/** Cumulative; negative when packets came that were sent before the first one we saw. */
int64_t rtp_recv_packets_lost(const struct rtp_recv *r);
