/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtp_clock.h - when a sample or a picture was captured, on our monotonic clock, so that sound and picture of one participant meet
 * again (RFC 3550 s6.4.1).
 *
 * Sender reports tie the timestamps of each stream to the sender's NTP clock; what lies between that clock and ours is learnt of
 * all reports of the sender together, so that an error in it moves sound and picture alike. Before a stream's first report, and
 * for senders that send none, arrival stands in for capture. The times of both are earlier than arrival by at most what the
 * network takes. Plain values, pure. Times do not step back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mixer/least.h"

/* A participant's NTP clock against ours; one for all of its streams. Zeroed it knows nothing. */
struct rtp_clock_sender {
    struct least offset; /* our arrival less the NTP time of a report */
    bool is_known;
    int64_t offset_us;     /* the one in use: follows the least, slowly */
    int64_t old_offset_us; /* before its NTP clock was set anew */
    uint64_t moved_us;     /* when offset_us was last moved */
    unsigned settings;     /* of its NTP clock, that we noticed */
};

/* One RTP stream's timestamps. */
struct rtp_clock {
    struct rtp_clock_sender *sender; /* outlives this */
    uint32_t clock_hz;
    bool has_report;
    uint32_t report_ts;
    int64_t report_ntp_us; /* smoothed NTP time of report_ts */
    unsigned settings;     /* of the sender's clock, when that came */
    bool has_packet;
    uint32_t packet_ts; /* of the newest packet noted */
    int64_t packet_us;  /* unwrapped */
    struct least transit;
};

/** Know nothing. */
void rtp_clock_init(struct rtp_clock *c, struct rtp_clock_sender *sender, uint32_t clock_hz);
/** Another stream begins (SSRC): forget its timestamps; what is known of the sender stays. */
void rtp_clock_restart(struct rtp_clock *c);
/** A sender report of the stream. Units: @ntp_us since any origin, the same for all streams of the sender. */
void rtp_clock_on_sr(struct rtp_clock *c, int64_t ntp_us, uint32_t ts, uint64_t arrival_us);
/** A packet of the stream, the first of each picture or each one of sound. */
void rtp_clock_on_packet(struct rtp_clock *c, uint32_t ts, uint64_t arrival_us);
/** The time of @ts on our clock; false while nothing is known. @us may lie in the future of the newest packet. */
bool rtp_clock_time_of(const struct rtp_clock *c, uint32_t ts, int64_t *us);
/** Whether that is by a sender report, so that it may be compared with another stream of the sender. */
bool rtp_clock_is_exact(const struct rtp_clock *c);
