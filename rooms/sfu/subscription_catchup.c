/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_catchup.c - a viewer that starts from the history: from the newest keyframe on, faster than live, until it has caught
 * up. So it sees a picture at once, and the publisher is not asked for a keyframe that everybody else would have to pay for.
 *
 *   history   K . . . . . . . . . . newest        every CATCHUP_TICK_US a share of packets, at CATCHUP_SPEED times the live rate
 *             ^ seq ─────────────▶ live
 *
 * Media time is squeezed: a frame's timestamp tells when it leaves, so that the viewer shows it at once and is not seconds
 * behind afterwards. From the first live packet on, distances are the publisher's again; so a packet that upstream lost and that may
 * still come is waited for: later it would find no place any more.
 *
 * A viewer that switches to an encoding whose keyframe came late, by repair, does it the same way, but a fraction of a second only,
 * and its media time goes on as if the keyframe had been in time:
 *
 *   what flowed   a a a a a a a
 *   the new one         K . . . . n          K came again with n: what follows is there
 *   goes out      a a a a a a a K...n . .    in steps of a tick up to the time of the last a, then by the real distance
 */
#include "core/packet.h"
#include "core/seq.h"
#include "core/timebase.h"
#include "rooms/sfu/subscription_internal.h"

#define CATCHUP_MAX_AGE_US 3000000ull
#define CATCHUP_MAX_PACKETS 1024
#define CATCHUP_TICK_US 5000ull
#define CATCHUP_SPEED 3u
#define CATCHUP_MIN_BPS 2000000ull       /* a keyframe of a slow stream is not made to wait */
#define CATCHUP_OF_ESTIMATE_PERCENT 250u /* what the pacer lets through (pacer.h) */
#define CATCHUP_LEAST_PERCENT 150u
#define CATCHUP_FIRST_BYTES 12000u /* leave at once */
#define CATCHUP_HOLD_US 400000ull  /* for one packet: two requests upstream */
/* A switch shows what happened since the keyframe in fast motion, so that may not be much: time for a request or two upstream. */
#define CATCHUP_SWITCH_MS 500u

void subscription_catchup_stop(struct subscription *sub)
{
    sub->catchup.is_on = false;
    deadline_clear(&sub->catchup.due);
}

static void end(struct subscription *sub, uint64_t now_us)
{
    subscription_catchup_stop(sub);
    sub->encoding->is_present = true;
    subscription_set_clock(sub, sub->encoding, sub->catchup.frame_ts, now_us);
}

/* One packet of the history; @first: the keyframe that it starts with. */
static void take(struct subscription *sub, struct packet *pkt, uint64_t now_us)
{
    struct catchup *c = &sub->catchup;
    struct source_link *link = subscription_current(sub);
    struct burst_item item;
    uint8_t pt = link->pt[pkt->codec_index];

    burst_item_init(&item, sub->encoding, pkt);
    if (!c->has_started) {
        subscription_start(sub, link, &item, now_us);
        c->has_started = true;
    } else if (ts32_newer(pkt->rtp.ts, c->frame_ts)) {
        if (c->is_switch)
            forwarder_squeeze(&sub->forwarder, &pkt->rtp, c->distance);
        else
            forwarder_retime(&sub->forwarder, &pkt->rtp, now_us);
    }
    c->frame_ts = pkt->rtp.ts;
    subscription_forward(sub, &item, pt, now_us);
}

/* Several times the live rate, but not so much more than the way to the viewer carries, and always faster than live. */
static uint64_t rate_of(struct subscription *sub, uint64_t now_us)
{
    uint64_t live_bps = rate_bps(&sub->encoding->recv.rate, now_us);
    uint64_t bps = MAX(CATCHUP_SPEED * live_bps, CATCHUP_MIN_BPS);
    uint64_t estimate_bps = sub->owner->estimate_bps;

    if (estimate_bps != 0)
        bps = MIN(bps, MAX(CATCHUP_OF_ESTIMATE_PERCENT * estimate_bps / 100,
                           CATCHUP_LEAST_PERCENT * live_bps / 100));
    return bps;
}

/* Of a switch: whether the frames that are newer than what the viewer saw before are reached. */
static bool has_caught_up(const struct subscription *sub)
{
    return sub->catchup.has_started &&
           forwarder_has_caught_up(&sub->forwarder, sub->catchup.distance);
}

/* The next packet is missing: whether to wait for it. */
static bool holds(struct subscription *sub, uint64_t now_us)
{
    struct catchup *c = &sub->catchup;

    if (!nack_is_awaited(&sub->encoding->nack, c->seq) || (c->is_switch && has_caught_up(sub)))
        return false;
    if (c->held_us == 0)
        c->held_us = now_us;
    c->credit_bytes = MIN(c->credit_bytes, (int64_t)CATCHUP_FIRST_BYTES);
    return now_us - c->held_us < CATCHUP_HOLD_US;
}

/* All that is there is sent: whether to go on from the history, as the distance of a switch is reached with a frame to come. */
static bool waits_for_frame(struct subscription *sub, uint64_t now_us)
{
    struct catchup *c = &sub->catchup;

    if (!c->is_switch || has_caught_up(sub))
        return false;
    if (c->held_us == 0)
        c->held_us = now_us;
    c->credit_bytes = MIN(c->credit_bytes, (int64_t)CATCHUP_FIRST_BYTES);
    return now_us - c->held_us < CATCHUP_HOLD_US;
}

/* What may leave now. Returns whether something is left. */
static bool send_share(struct subscription *sub, uint64_t now_us)
{
    struct catchup *c = &sub->catchup;
    const struct history *h = &sub->encoding->history;

    while (c->credit_bytes > 0 && !seq16_newer(c->seq, h->newest)) {
        struct packet *pkt = history_find(h, c->seq);
        if (pkt == NULL && holds(sub, now_us))
            break;
        c->seq++;
        c->held_us = 0;
        if (pkt == NULL)
            continue;
        c->credit_bytes -= pkt->len;
        take(sub, pkt, now_us);
        if (sub->owner->sfu->run.count == BURST_PACKETS)
            subscription_send_run(sub, now_us);
    }
    subscription_send_run(sub, now_us);
    return !seq16_newer(c->seq, h->newest) || waits_for_frame(sub, now_us);
}

static void on_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct subscription *sub = arg;
    struct catchup *c = &sub->catchup;

    if (!subscription_is_open(sub)) {
        subscription_stop(sub); /* when it opens again, it starts again */
        return;
    }
    if (!c->has_started && history_find(&sub->encoding->history, c->seq) == NULL) {
        struct encoding *e = sub->encoding; /* too late: its place is taken */
        subscription_stop(sub);
        encoding_ask_keyframe(e, now_us);
        return;
    }
    c->credit_bytes += (int64_t)(rate_of(sub, now_us) * (now_us - c->credit_us) / 8 / US_PER_S);
    c->credit_us = now_us;
    if (send_share(sub, now_us))
        deadline_set(sub->owner->sfu->env.wheel, d, now_us + CATCHUP_TICK_US);
    else
        end(sub, now_us);
}

void subscription_catchup_init(struct subscription *sub)
{
    deadline_init(&sub->catchup.due, on_due, sub);
}

/* Everything from the newest keyframe on is here, or may still come. */
static bool can_start(const struct encoding *e, uint64_t now_us)
{
    const struct history *h = &e->history;
    uint16_t seq = h->keyframe_seq;

    if (!history_can_start(h, CATCHUP_MAX_AGE_US, CATCHUP_MAX_PACKETS, now_us))
        return false;
    for (; history_next_hole(h, &seq); seq++)
        if (!nack_is_awaited(&e->nack, seq))
            return false;
    return true;
}

static void begin(struct subscription *sub, struct encoding *e, uint64_t now_us)
{
    const struct history *h = &e->history;
    struct catchup *c = &sub->catchup;

    c->is_on = true;
    c->has_started = c->is_switch = false;
    c->seq = h->keyframe_seq;
    c->credit_bytes = CATCHUP_FIRST_BYTES;
    c->credit_us = now_us;
    c->held_us = 0;
    sub->encoding = e;
    sub->in_ssrc = history_find(h, h->keyframe_seq)->rtp.ssrc;
    sub->owner->sfu->totals.starts_from_history++;
    deadline_set(sub->owner->sfu->env.wheel, &c->due, now_us);
}

/* Whether its codec can be sent here. */
static bool has_pt(const struct source_link *link, const struct packet *key)
{
    return link->pt[key->codec_index] != PT_NONE;
}

bool subscription_catchup_start(struct subscription *sub, struct encoding *e, uint64_t now_us)
{
    const struct history *h = &e->history;

    if (!subscription_is_video(sub) || sub->encoding != NULL || !can_start(e, now_us) ||
        !has_pt(subscription_current(sub), history_find(h, h->keyframe_seq)))
        return false;
    begin(sub, e, now_us);
    return true;
}

/* A keyframe and what followed: short enough for a switch, and complete. */
static bool can_switch(struct encoding *e, uint64_t now_us)
{
    struct history *h = &e->history;
    int64_t longest = (int64_t)CATCHUP_SWITCH_MS * e->recv.clock_hz / 1000;

    return history_can_start(h, CATCHUP_MAX_AGE_US, CATCHUP_MAX_PACKETS, now_us) &&
           ts32_diff(history_find(h, h->newest)->rtp.ts,
                     history_find(h, h->keyframe_seq)->rtp.ts) <= longest &&
           history_is_whole(h);
}

bool subscription_catchup_switch(struct subscription *sub, const struct source_link *link,
                                 struct encoding *e, uint64_t now_us)
{
    const struct history *h = &e->history;
    uint32_t ref_ts = 0;

    if (!subscription_is_video(sub) || sub->forwarder.clock_hz != e->recv.clock_hz ||
        !can_switch(e, now_us) || !has_pt(link, history_find(h, h->keyframe_seq)))
        return false;
    const struct packet *newest = history_find(h, h->newest);
    bool has_ref = subscription_reference_ts(sub, e, &ref_ts);
    uint32_t distance = forwarder_distance(&sub->forwarder, newest->rtp.ts, has_ref, ref_ts,
                                           newest->arrival_us != 0 ? newest->arrival_us : now_us);
    if (link != subscription_current(sub))
        subscription_promote(sub, now_us);
    begin(sub, e, now_us);
    sub->catchup.is_switch = true;
    sub->catchup.distance = distance;
    return true;
}
