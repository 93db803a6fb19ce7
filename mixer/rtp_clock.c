/* SPDX-License-Identifier: Apache-2.0 */
/* rtp_clock.c - see rtp_clock.h. */
#include "mixer/rtp_clock.h"

#include <stdlib.h>

#include "core/seq.h"
#include "core/timebase.h"

#define OFFSET_SPAN_US 8000000ull /* reports come every few seconds: the least of 40 s */
#define TRANSIT_SPAN_US 1000000ull
#define SLEW_DIVISOR \
    200 /* the offset moves 5 ms a second: ten times the drift of a bad crystal, below what is seen */
#define CLOCK_SET_US 1000000  /* past it the sender's clock was set */
#define REPORT_STEP_US 100000 /* past it the stream's timestamps jumped */
#define REPORT_SMOOTHING 4    /* reports of some senders are off by milliseconds */
#define PACKET_STEP_US 1000000

void rtp_clock_init(struct rtp_clock *c, struct rtp_clock_sender *sender, uint32_t clock_hz)
{
    *c = (struct rtp_clock){.sender = sender, .clock_hz = clock_hz};
}

void rtp_clock_restart(struct rtp_clock *c)
{
    rtp_clock_init(c, c->sender, c->clock_hz);
}

static int64_t us_between(const struct rtp_clock *c, uint32_t ts, uint32_t from)
{
    return (int64_t)ts32_diff(ts, from) * (int64_t)US_PER_S / c->clock_hz;
}

/* --- the sender's NTP clock --------------------------------------------------------------------------- */

static void set_offset(struct rtp_clock_sender *s, int64_t offset_us, uint64_t now_us)
{
    s->settings += s->is_known;
    s->old_offset_us = s->is_known ? s->offset_us : offset_us;
    s->offset = (struct least){0};
    least_note(&s->offset, offset_us, now_us, OFFSET_SPAN_US);
    s->is_known = true;
    s->offset_us = offset_us;
    s->moved_us = now_us;
}

static void note_offset(struct rtp_clock_sender *s, int64_t offset_us, uint64_t now_us)
{
    if (!s->is_known || llabs(offset_us - s->offset_us) > CLOCK_SET_US) {
        set_offset(s, offset_us, now_us);
        return;
    }
    least_note(&s->offset, offset_us, now_us, OFFSET_SPAN_US);
    int64_t most = (int64_t)(now_us - s->moved_us) / SLEW_DIVISOR;
    int64_t step = least_of(&s->offset) - s->offset_us;
    s->offset_us += MAX(-most, MIN(step, most));
    s->moved_us = now_us;
}

/* --- one stream ---------------------------------------------------------------------------------------- */

/* Its NTP time as the reports before have it, where there is one to compare. */
static int64_t smoothed(const struct rtp_clock *c, int64_t ntp_us, uint32_t ts)
{
    if (!c->has_report || c->settings != c->sender->settings)
        return ntp_us;
    int64_t expected_us = c->report_ntp_us + us_between(c, ts, c->report_ts);
    int64_t off_us = ntp_us - expected_us;
    return llabs(off_us) > REPORT_STEP_US ? ntp_us : expected_us + off_us / REPORT_SMOOTHING;
}

void rtp_clock_on_sr(struct rtp_clock *c, int64_t ntp_us, uint32_t ts, uint64_t arrival_us)
{
    note_offset(c->sender, (int64_t)arrival_us - ntp_us, arrival_us);
    c->report_ntp_us = smoothed(c, ntp_us, ts);
    c->report_ts = ts;
    c->has_report = true;
    c->settings = c->sender->settings;
}

void rtp_clock_on_packet(struct rtp_clock *c, uint32_t ts, uint64_t arrival_us)
{
    int64_t us = c->has_packet ? c->packet_us + us_between(c, ts, c->packet_ts) : 0;
    int64_t transit_us = (int64_t)arrival_us - us;

    if (!c->has_packet || llabs(transit_us - least_of(&c->transit)) > PACKET_STEP_US)
        c->transit = (struct least){0};
    least_note(&c->transit, transit_us, arrival_us, TRANSIT_SPAN_US);
    c->has_packet = true;
    c->packet_ts = ts;
    c->packet_us = us;
}

bool rtp_clock_time_of(const struct rtp_clock *c, uint32_t ts, int64_t *us)
{
    const struct rtp_clock_sender *s = c->sender;

    if (c->has_report)
        *us = c->report_ntp_us + us_between(c, ts, c->report_ts) +
              (c->settings == s->settings ? s->offset_us : s->old_offset_us);
    else if (c->has_packet)
        *us = c->packet_us + us_between(c, ts, c->packet_ts) + least_of(&c->transit);
    else
        return false;
    return true;
}

bool rtp_clock_is_exact(const struct rtp_clock *c)
{
    return c->has_report;
}
