/* SPDX-License-Identifier: Apache-2.0 */
/* rtp_send.c - one sent SSRC: RFC 3550 s6.4.1 for sender reports, and the round trip of its report blocks. */
#include "transport/rtp_send.h"

#include <string.h>

#include "core/str.h"
#include "core/timebase.h"

#define MAX_ROUND_TRIP_S 60 /* longer ones are made up, or a clock stepped */

void rtp_send_init(struct rtp_send *s, uint32_t ssrc, const char *cname)
{
    struct str name = str_of(cname);

    memset(s, 0, sizeof(*s));
    list_init(&s->node);
    s->ssrc = ssrc;
    if (name.len >= sizeof(s->cname))
        name.len = sizeof(s->cname) - 1;
    if (name.len > 0)
        memcpy(s->cname, name.p, name.len);
}

void rtp_send_packets(struct rtp_send *s, size_t n, size_t payload_bytes, uint64_t now_us)
{
    s->packets_sent += n;
    s->bytes_sent += payload_bytes;
    s->packets_since_sr += (uint32_t)n;
    rate_add(&s->rate, payload_bytes, now_us);
}

/* Our media time at a wall-clock time, along the line through the known point. */
static uint32_t ts_at(const struct rtp_send *s, uint64_t wall_us)
{
    bool is_after = wall_us >= s->clock_wall_us;
    uint64_t gap_us = is_after ? wall_us - s->clock_wall_us : s->clock_wall_us - wall_us;
    uint32_t gap_ts =
        (uint32_t)(gap_us / US_PER_S * s->clock_hz + gap_us % US_PER_S * s->clock_hz / US_PER_S);

    return is_after ? s->clock_ts + gap_ts : s->clock_ts - gap_ts;
}

bool rtp_send_report(struct rtp_send *s, struct rtcp_sender_info *out, uint64_t wall_us)
{
    if (!s->has_clock || s->clock_hz == 0 || s->packets_since_sr == 0)
        return false;
    *out = (struct rtcp_sender_info){
        .ssrc = s->ssrc,
        .ntp = timebase_ntp_of_wall_us(wall_us),
        .rtp_ts = ts_at(s, wall_us),
        .packets = (uint32_t)s->packets_sent,
        .octets = (uint32_t)s->bytes_sent,
    };
    s->packets_since_sr = 0;
    return true;
}

/* RFC 3550 s6.4.1: arrival - LSR - DLSR, in 1/65536 s; clocks are coarse, so a small negative one is just very short. */
static void take_round_trip(struct rtp_send *s, const struct rtcp_block *block, uint64_t wall_us)
{
    uint32_t arrival = ntp_middle(timebase_ntp_of_wall_us(wall_us));
    uint32_t trip = arrival - block->lsr - block->dlsr;

    if (block->lsr == 0)
        return;
    if (trip > UINT32_MAX - 65536 || trip == 0)
        trip = 1;
    if (trip <= MAX_ROUND_TRIP_S * 65536u)
        s->round_trip_us = MAX((uint64_t)trip * US_PER_S / 65536, 1);
}

void rtp_send_take_block(struct rtp_send *s, const struct rtcp_block *block, uint64_t wall_us)
{
    s->reports_received++;
    s->fraction_lost = block->fraction_lost;
    s->packets_lost = block->cumulative_lost;
    s->jitter_ts = block->jitter_ts;
    take_round_trip(s, block, wall_us);
}
