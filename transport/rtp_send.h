/* SPDX-License-Identifier: Apache-2.0 */
/* rtp_send.h - what we know of one SSRC that we send: counters, sender reports and what the endpoint reports back. Pure state. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "core/stats.h"
#include "transport/rtcp.h"

struct rtp_send {
    struct list node; /* in its transport's list of senders */
    uint32_t ssrc;
    uint32_t clock_hz;                 /* of what flows now; 0: nothing yet, no SR */
    uint64_t packets_sent, bytes_sent; /* payload bytes (RFC 3550 s6.4.1) */
    uint32_t packets_since_sr;
    struct rate rate;
    /* One point of the line between media time and NTP time, kept by the forwarder: our outgoing ts at a wall-clock time. */
    bool has_clock;
    uint32_t clock_ts;
    uint64_t clock_wall_us;
    char cname[64];
    /* from report blocks about us */
    uint8_t fraction_lost;
    int32_t packets_lost;
    uint32_t jitter_ts;
    uint64_t round_trip_us; /* 0: not known */
    uint64_t reports_received;
    uint64_t nacks_received, plis_received, firs_received, retransmissions;
    bool has_fir_seq;
    uint8_t fir_seq; /* of the latest FIR; a repetition is no new request (RFC 5104 s4.3.1.1) */
};

/** Prepare; @cname is cut to what fits. */
void rtp_send_init(struct rtp_send *s, uint32_t ssrc, const char *cname);
/** Account @n packets that were sent, with their payload bytes together. */
void rtp_send_packets(struct rtp_send *s, size_t n, size_t payload_bytes, uint64_t now_us);
/** Fill an SR for this moment; false when none is due (nothing sent since the last one, or the clock is not known). */
bool rtp_send_report(struct rtp_send *s, struct rtcp_sender_info *out, uint64_t wall_us);
/** Take a report block about us; @wall_us is its arrival. */
void rtp_send_take_block(struct rtp_send *s, const struct rtcp_block *block, uint64_t wall_us);
