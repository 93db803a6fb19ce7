/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publisher_clock.h - a publisher's NTP clock against our wall clock, learnt of its sender reports. One for all SSRCs of a transport,
 * so that audio and video of one publisher stay in sync downstream (RFC 3550 s6.4.1). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rtp_recv;

struct publisher_clock {
    bool is_known;
    int64_t offset_us; /* our wall time - its NTP time */
};

/** Take the newest sender report of @r; @arrival_wall_us is our wall time when it came. */
void publisher_clock_note(struct publisher_clock *c, const struct rtp_recv *r,
                          uint64_t arrival_wall_us);
/** Our wall time of the moment that the newest sender report of @r tells of. The clock must be known. */
uint64_t publisher_clock_wall_of_report(const struct publisher_clock *c, const struct rtp_recv *r);
/** The media time of @r at a wall time. false when its report is missing or too far from that to tell. */
bool publisher_clock_ts_at(const struct publisher_clock *c, const struct rtp_recv *r,
                           uint64_t wall_us, uint32_t *ts);
