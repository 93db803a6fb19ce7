/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp_recv.c - one received SSRC, after RFC 3550 appendix A.
 *
 * Two things differ from the appendix on purpose. There is no probation at the start: packets are authenticated before they come
 * here. And the window for reordered packets is as wide as SRTP's replay window, with a bit for each: retransmissions come up to
 * a second late, and a packet that comes by both ways must not be forwarded twice.
 */
#include "transport/rtp_recv.h"

#include <string.h>

#include "core/seq.h"
#include "core/timebase.h"

#define MAX_DROPOUT 3000         /* RFC 3550 A.1 */
#define NO_BAD_SEQ 0x10000u      /* no sequence number */
#define JITTER_IGNORED_AFTER_S 5 /* a step of the sender's clock, not jitter */

void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz)
{
    memset(r, 0, sizeof(*r));
    list_init(&r->node);
    r->ssrc = ssrc;
    r->clock_hz = clock_hz;
    r->bad_seq = NO_BAD_SEQ;
}

/* --- sequence numbers -------------------------------------------------------------------------------- */

static bool was_seen(const struct rtp_recv *r, uint16_t seq)
{
    unsigned i = seq % RTP_RECV_WINDOW;

    return (r->seen[i / 64] >> (i % 64) & 1) != 0;
}

static void mark_seen(struct rtp_recv *r, uint16_t seq)
{
    unsigned i = seq % RTP_RECV_WINDOW;

    r->seen[i / 64] |= 1ull << (i % 64);
}

/* Forget the places of the numbers after the highest up to @seq; they stood for others a window ago. */
static void advance_window(struct rtp_recv *r, uint16_t seq)
{
    unsigned steps = (uint16_t)(seq - r->highest_seq);

    if (steps >= RTP_RECV_WINDOW) {
        memset(r->seen, 0, sizeof(r->seen));
        return;
    }
    for (unsigned n = 1; n <= steps; n++) {
        unsigned i = (uint16_t)(r->highest_seq + n) % RTP_RECV_WINDOW;
        r->seen[i / 64] &= ~(1ull << (i % 64));
    }
}

static uint32_t extended_highest(const struct rtp_recv *r)
{
    return r->cycles + r->highest_seq;
}

static uint32_t expected(const struct rtp_recv *r)
{
    return extended_highest(r) - r->base_seq + 1;
}

static void start(struct rtp_recv *r, uint16_t seq)
{
    r->started = true;
    r->highest_seq = seq;
    r->base_seq = seq;
    r->bad_seq = NO_BAD_SEQ;
}

static void advance(struct rtp_recv *r, uint16_t seq)
{
    advance_window(r, seq);
    if (seq < r->highest_seq) /* plain order: it is newer, so it wrapped */
        r->cycles += 0x10000;
    r->highest_seq = seq;
}

/* The sender began anew. What was lost so far stays lost, nothing in between counts as lost. */
static void restart(struct rtp_recv *r, uint16_t seq)
{
    uint32_t expected_before = expected(r);

    memset(r->seen, 0, sizeof(r->seen));
    if (seq < r->highest_seq)
        r->cycles += 0x10000; /* reports never step back */
    r->highest_seq = seq;
    r->base_seq = extended_highest(r) - expected_before;
    r->bad_seq = NO_BAD_SEQ;
}

/* RFC 3550 A.1 update_seq(). */
static bool take_seq(struct rtp_recv *r, uint16_t seq)
{
    int diff = 0;

    if (!r->started) {
        start(r, seq);
        return true;
    }
    diff = seq16_diff(seq, r->highest_seq);
    if (diff > 0 && diff < MAX_DROPOUT) {
        advance(r, seq);
        return true;
    }
    if (diff <= 0 && diff > -RTP_RECV_WINDOW)
        return !was_seen(r, seq);
    if (seq != r->bad_seq) { /* two in a row confirm a jump */
        r->bad_seq = (uint16_t)(seq + 1);
        return false;
    }
    restart(r, seq);
    return true;
}

/* --- jitter ------------------------------------------------------------------------------------------ */

static uint32_t arrival_ts(const struct rtp_recv *r, uint64_t now_us)
{
    uint64_t whole_s = now_us / US_PER_S, rest_us = now_us % US_PER_S;

    return (uint32_t)(whole_s * r->clock_hz + rest_us * r->clock_hz / US_PER_S);
}

/* RFC 3550 A.8, over the first packet of each timestamp: the others of a video frame were paced, not delayed. */
static void take_jitter(struct rtp_recv *r, uint32_t ts, uint64_t now_us)
{
    uint32_t transit = arrival_ts(r, now_us) - ts;
    bool is_first = r->last_arrival_us == 0;
    int32_t d = ts32_diff(transit, r->transit_ts);
    uint32_t abs_d = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;

    if (r->clock_hz == 0 || (!is_first && ts == r->last_ts))
        return;
    r->transit_ts = transit;
    r->last_ts = ts;
    if (!is_first && abs_d < r->clock_hz * JITTER_IGNORED_AFTER_S)
        r->jitter_q4 += abs_d - ((r->jitter_q4 + 8) >> 4);
}

/* --- public ------------------------------------------------------------------------------------------ */

bool rtp_recv_packet(struct rtp_recv *r, uint16_t seq, uint32_t ts, size_t bytes, uint64_t now_us)
{
    bool in_order = !r->started || seq16_newer(seq, r->highest_seq);

    if (!take_seq(r, seq)) {
        r->packets_duplicate_or_old++;
        return false;
    }
    mark_seen(r, seq);
    if (in_order)
        take_jitter(r, ts, now_us);
    r->packets_received++;
    r->bytes_received += bytes;
    r->last_arrival_us = now_us;
    rate_add(&r->rate, bytes, now_us);
    return true;
}

void rtp_recv_sender_report(struct rtp_recv *r, uint64_t ntp, uint32_t ts, uint64_t now_us)
{
    r->sr_ntp = ntp;
    r->sr_ntp_middle = ntp_middle(ntp);
    r->sr_ts = ts;
    r->sr_arrival_us = now_us;
}

int64_t rtp_recv_packets_lost(const struct rtp_recv *r)
{
    return r->started ? (int64_t)expected(r) - (int64_t)r->packets_received : 0;
}

/* RFC 3550 A.3. */
static uint8_t take_fraction_lost(struct rtp_recv *r)
{
    uint64_t now_expected = expected(r);
    int64_t interval = (int64_t)(now_expected - r->expected_prior);
    int64_t lost = interval - (int64_t)(r->packets_received - r->received_prior);

    r->expected_prior = now_expected;
    r->received_prior = r->packets_received;
    if (interval <= 0 || lost <= 0)
        return 0;
    return (uint8_t)(lost * 256 / interval > 255 ? 255 : lost * 256 / interval);
}

static uint32_t delay_since_sr(const struct rtp_recv *r, uint64_t now_us)
{
    uint64_t us = now_us - r->sr_arrival_us;

    return us / US_PER_S > 0xffff ? UINT32_MAX : (uint32_t)(us * 65536 / US_PER_S);
}

bool rtp_recv_report(struct rtp_recv *r, struct rtcp_block *out, uint64_t now_us)
{
    int64_t lost = 0;

    if (!r->started || r->packets_received == r->received_prior)
        return false;
    lost = rtp_recv_packets_lost(r);
    *out = (struct rtcp_block){
        .ssrc = r->ssrc,
        .fraction_lost = take_fraction_lost(r),
        .cumulative_lost = (int32_t)(lost > INT32_MAX   ? INT32_MAX
                                     : lost < INT32_MIN ? INT32_MIN
                                                        : lost),
        .highest_seq_ext = extended_highest(r),
        .jitter_ts = r->jitter_q4 >> 4,
    };
    if (r->sr_arrival_us != 0) {
        out->lsr = r->sr_ntp_middle;
        out->dlsr = delay_since_sr(r, now_us);
    }
    return true;
}
