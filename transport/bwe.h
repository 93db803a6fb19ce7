/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe.h - the estimator: how much one endpoint's path carries, from what was sent to it and from its transport-wide feedback.
 *
 *   every RTP packet ──► bwe_on_sent() ──► its transport-wide number        ┌─► bwe_target_bps(), for allocator and pacer
 *   RTCP ──► bwe_on_feedback(), bwe_on_rtt(), bwe_on_remb() ──► estimate ───┤
 *   allocator ──► bwe_set_want()                                            └─► bwe_probe_due(): retransmissions or padding
 *
 * The parts: send_history (what was sent), bwe_delay and bwe_trend (does the queue grow), bwe_surge (fast, all of a sudden), bwe_step
 * (or has the way become longer), bwe_aimd (the rate that follows), bwe_drain (a queue that stays), bwe_loss (is loss our fault),
 * bwe_acked (what arrives), probe and probe_plan (what could). docs/bandwidth.md explains and measures them.
 *
 * Sans-I/O: bytes and time in, decisions out. Owner: the transport. Memory: about 2 KiB, and eight bytes for each packet that
 * feedback is still to come for (MAX_SEND_HISTORY). An endpoint to which nothing is sent costs nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/bwe_loss.h"
#include "transport/bwe_trend.h"

struct bwe;
struct rtcp_twcc;
struct strbuf;

#define BWE_DEFAULT_START_BPS 1000000ull
#define BWE_DEFAULT_MIN_BPS 30000ull /* audio */
#define BWE_DEFAULT_MAX_BPS 50000000ull
#define BWE_WANT_UNKNOWN UINT64_MAX

/* 0: the default. */
struct bwe_config {
    uint64_t start_bps, min_bps, max_bps;
};

enum bwe_kind { BWE_MEDIA, BWE_RETRANSMISSION, BWE_PADDING };
#define BWE_KINDS 3

/** Make an estimator; NULL without memory. */
MUST_CHECK struct bwe *bwe_new(const struct bwe_config *config);
void bwe_free(struct bwe **b);

/* ---- what happens ---- */

/**
 * Count a packet that is about to leave; returns the transport-wide sequence number it has to carry.
 *
 * Every packet that carries a number goes through here, and no number is left out: a gap would look like loss. A packet that was
 * lost before it reached us is not sent, so it gets none and does not count.
 * Units: @bytes as on the wire, without IP and UDP.
 */
uint16_t bwe_on_sent(struct bwe *b, size_t bytes, enum bwe_kind kind, uint64_t now_us);
/** bwe_on_sent() follows in some microseconds (core/prefetch.h). */
void bwe_prefetch(const struct bwe *b);
/** The number that the next packet will get: for one that may turn out not to be sent. */
uint16_t bwe_next_number(const struct bwe *b);
/** Take feedback, in any order and as often as it comes; what it says of packets never sent is counted and ignored. */
void bwe_on_feedback(struct bwe *b, const struct rtcp_twcc *feedback, uint64_t now_us);
/** The round trip, as reports measure it (RFC 3550 s6.4.1). */
void bwe_on_rtt(struct bwe *b, uint64_t rtt_us);
/** The receiver's own estimate: an upper bound for some seconds, and the estimate itself where no other feedback comes. */
void bwe_on_remb(struct bwe *b, uint64_t bps, uint64_t now_us);
/** Packets take another way from now on: what was learnt about delays is forgotten, the rate is kept and probed. */
void bwe_on_path_change(struct bwe *b, uint64_t now_us);
/**
 * Tell what could be used if it were there: the rate of the next better configuration of layers, with audio and the rest; what
 * is sent now when there is none. Until it is called more is always thought useful (BWE_WANT_UNKNOWN).
 */
void bwe_set_want(struct bwe *b, uint64_t bps, uint64_t now_us);

/* ---- what to do ---- */

/** How much may be sent, media, retransmissions and all. */
uint64_t bwe_target_bps(const struct bwe *b);
/**
 * How much of the target may go into retransmissions: enough for what is lost at any rate and for bursts besides; little while a
 * queue is to get shorter, as what they add to it makes more packets late than they repair. UINT64_MAX without feedback.
 */
uint64_t bwe_repair_bps(const struct bwe *b, uint64_t now_us);
/** When to call bwe_on_deadline(); UINT64_MAX: not before something is sent. Ask again after each call that takes a time. */
uint64_t bwe_deadline_us(const struct bwe *b);
/** Let time pass: probes begin and end, silence is noticed. Then ask bwe_probe_due(). */
void bwe_on_deadline(struct bwe *b, uint64_t now_us);

/* Packets to be sent now, besides the media. */
struct bwe_probe {
    uint8_t cluster;
    uint64_t rate_bps;
    size_t bytes; /* at least; the last packet may go past it */
};

/**
 * Whether a probe needs packets now: recent packets again as retransmissions, or else padding, each through bwe_on_sent(), which
 * sees to it that they and the media of that moment belong to the probe. Not sending any is fine: the probe fails.
 */
MUST_CHECK bool bwe_probe_due(const struct bwe *b, uint64_t now_us, struct bwe_probe *out);

/* ---- what is known ---- */

struct bwe_stats {
    uint64_t target_bps, estimate_bps; /* the estimate is the delay-based one */
    uint64_t acked_bps, sent_bps, want_bps;
    uint64_t loss_bound_bps, remb_bps; /* UINT64_MAX: none */
    enum bwe_usage usage;
    enum bwe_loss_state loss_state;
    double loss, inherent_loss; /* 0 to 1 */
    uint64_t queue_us, round_trip_us;
    bool is_draining, is_queue_foreign, is_silent, is_app_limited;
    uint64_t bytes_sent[BWE_KINDS];
    uint64_t packets_lost;
    uint64_t packets_forgotten; /* before feedback told of them: MAX_SEND_HISTORY, or no memory */
    uint64_t feedbacks, feedback_duplicates, feedback_unknown;
    uint64_t cuts, silences, probes, probes_through;
    size_t memory_bytes;
};

/** Copy the figures. */
void bwe_read_stats(const struct bwe *b, struct bwe_stats *out);
/** One line of everything. */
void bwe_describe(const struct bwe *b, struct strbuf *out);
