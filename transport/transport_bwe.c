/* SPDX-License-Identifier: Apache-2.0 */
/*
 * transport_bwe.c - congestion control towards the endpoint: numbers what is sent, gives the feedback to the estimator (bwe.h), tells
 * the owner what came of it, and lets bursts wait (pacer.h).
 *
 * What is to be sent for probing, and what the waiting packets are, is the owner's business.
 */
#include "core/err.h"
#include "transport/bwe.h"
#include "transport/rtcp_fb.h"
#include "transport/rtcp_twcc.h"
#include "transport/transport_internal.h"

#define MAX_PROBE_STEPS 64 /* packets, or runs of them, that one wake-up asks for */

_Static_assert((int)RTP_OUT_MEDIA == BWE_MEDIA && (int)RTP_OUT_PADDING == BWE_PADDING,
               "kinds are handed on as they are");

/* ---- telling ---- */

/* The estimate moves with every feedback; what is within a hundredth is the same. */
static bool is_news(uint64_t told_bps, uint64_t bps)
{
    uint64_t difference = told_bps > bps ? told_bps - bps : bps - told_bps;

    return difference > told_bps / 100;
}

static void tell_estimate(struct transport *tp, uint64_t now_us)
{
    uint64_t bps = bwe_target_bps(tp->bwe);

    if (!is_news(tp->told_estimate_bps, bps))
        return;
    tp->told_estimate_bps = bps;
    pacer_set_target(&tp->pacer, bps);
    if (tp->handlers->on_estimate != NULL)
        tp->handlers->on_estimate(tp, bps, now_us, tp->arg);
}

/* ---- waking up ---- */

void transport_bwe_arm(struct transport *tp)
{
    uint64_t at_us = bwe_deadline_us(tp->bwe);

    if (tp->send_twcc_ext_id == 0)
        return; /* what is not numbered cannot probe: all there is to know is what the endpoint says */
    if (at_us < tp->bwe_due.at_us) /* one that is set too early asks again */
        deadline_set(tp->env->wheel, &tp->bwe_due, at_us);
}

static void send_probe(struct transport *tp, uint64_t now_us)
{
    struct bwe_probe probe;
    uint64_t sent = tp->stats.packets_sent;

    for (int i = 0; i < MAX_PROBE_STEPS && tp->handlers->on_probe != NULL &&
                    bwe_probe_due(tp->bwe, now_us, &probe);
         i++) {
        tp->handlers->on_probe(tp, probe.bytes, now_us, tp->arg);
        if (tp->stats.packets_sent == sent)
            return; /* there is nothing to probe with */
        tp->stats.probe_packets_sent += tp->stats.packets_sent - sent;
        sent = tp->stats.packets_sent;
    }
}

static void on_bwe_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;

    (void)d;
    if (tp->bwe == NULL || tp->state != TRANSPORT_OPEN)
        return;
    bwe_on_deadline(tp->bwe, now_us);
    send_probe(tp, now_us);
    tell_estimate(tp, now_us);
    transport_bwe_arm(tp);
}

/* ---- waiting ---- */

static void arm_pacer(struct transport *tp)
{
    uint64_t at_us = pacer_next_us(&tp->pacer);

    if (at_us != tp->pace_due.at_us)
        deadline_set(tp->env->wheel, &tp->pace_due, at_us);
}

static void on_pace_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct transport *tp = arg;
    struct pacer_item item;

    (void)d;
    while (pacer_pull(&tp->pacer, &item, now_us))
        tp->handlers->on_paced(tp, &item, now_us, tp->arg);
    arm_pacer(tp);
}

static void on_dropped(const struct pacer_item *item, void *arg)
{
    struct transport *tp = arg;

    tp->stats.pace_dropped++;
    if (tp->handlers->on_pace_dropped != NULL)
        tp->handlers->on_pace_dropped(item, tp->arg);
}

bool transport_may_send(struct transport *tp, unsigned priority, size_t bytes, uint64_t now_us)
{
    return pacer_passes(&tp->pacer, (enum pacer_priority)priority, bytes, now_us);
}

bool transport_let_wait(struct transport *tp, const struct pacer_item *item, uint64_t now_us)
{
    if (tp->state != TRANSPORT_OPEN || tp->handlers->on_paced == NULL ||
        !pacer_push(&tp->pacer, item, now_us)) {
        tp->stats.pace_dropped++;
        return false;
    }
    tp->stats.paced_packets++;
    arm_pacer(tp);
    return true;
}

void transport_drop_waiting(struct transport *tp, const void *owner)
{
    pacer_remove_owner(&tp->pacer, owner);
}

/* ---- what happens ---- */

/* Without memory there is none. */
static bool make_estimator(struct transport *tp, uint64_t now_us)
{
    tp->bwe = bwe_new(&(struct bwe_config){0});
    if (tp->bwe != NULL)
        bwe_set_want(tp->bwe, 0, now_us); /* until somebody knows better */
    return tp->bwe != NULL;
}

uint16_t transport_bwe_number(const struct transport *tp)
{
    return bwe_next_number(tp->bwe);
}

void transport_bwe_sent(struct transport *tp, size_t bytes, unsigned kind, uint64_t now_us)
{
    (void)bwe_on_sent(tp->bwe, bytes, (enum bwe_kind)kind, now_us);
}

void transport_bwe_feedback(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us)
{
    struct rtcp_twcc feedback;

    if (tp->bwe == NULL || rtcp_twcc_parse(&feedback, fb) != 0) {
        tp->stats.rtcp_malformed += tp->bwe != NULL;
        return;
    }
    tp->stats.twcc_feedback_received++;
    bwe_on_feedback(tp->bwe, &feedback, now_us);
    tell_estimate(tp, now_us);
    transport_bwe_arm(tp);
}

void transport_bwe_remb(struct transport *tp, const struct rtcp_fb *fb, uint64_t now_us)
{
    struct rtcp_remb remb;

    if (tp->bwe == NULL && !tp->takes_remb)
        return;
    int err = rtcp_fb_parse_remb(&remb, fb);
    if (err != 0) {
        tp->stats.rtcp_malformed += err != E_UNSUPPORTED;
        return;
    }
    tp->stats.rembs_received++;
    if (tp->bwe == NULL && !make_estimator(tp, now_us))
        return;
    bwe_on_remb(tp->bwe, remb.bitrate_bps, now_us);
    tell_estimate(tp, now_us);
    transport_bwe_arm(tp);
}

void transport_bwe_round_trip(struct transport *tp, uint64_t rtt_us)
{
    if (tp->bwe != NULL)
        bwe_on_rtt(tp->bwe, rtt_us);
}

void transport_bwe_path_changed(struct transport *tp, uint64_t now_us)
{
    if (tp->bwe != NULL)
        bwe_on_path_change(tp->bwe, now_us);
}

/* ---- asking ---- */

uint8_t transport_send_twcc_id(const struct transport *tp)
{
    return tp->bwe == NULL ? 0 : tp->send_twcc_ext_id;
}

uint64_t transport_estimate_bps(const struct transport *tp)
{
    return tp->bwe == NULL ? 0 : bwe_target_bps(tp->bwe);
}

uint64_t transport_repair_bps(const struct transport *tp, uint64_t now_us)
{
    return tp->bwe == NULL ? UINT64_MAX : bwe_repair_bps(tp->bwe, now_us);
}

void transport_want_bps(struct transport *tp, uint64_t bps, uint64_t now_us)
{
    if (tp->bwe == NULL)
        return;
    bwe_set_want(tp->bwe, bps, now_us);
    transport_bwe_arm(tp);
}

bool transport_read_bwe(const struct transport *tp, struct bwe_stats *out)
{
    if (tp->bwe != NULL)
        bwe_read_stats(tp->bwe, out);
    return tp->bwe != NULL;
}

void transport_bwe_describe(const struct transport *tp, struct strbuf *out)
{
    if (tp->bwe == NULL)
        return;
    strbuf_addf(out, ", ");
    bwe_describe(tp->bwe, out);
}

/* ---- life ---- */

void transport_bwe_init(struct transport *tp)
{
    deadline_init(&tp->bwe_due, on_bwe_due, tp);
    deadline_init(&tp->pace_due, on_pace_due, tp);
    pacer_init(&tp->pacer, on_dropped, tp);
}

void transport_bwe_stop(struct transport *tp)
{
    deadline_clear(&tp->bwe_due);
    deadline_clear(&tp->pace_due);
    pacer_fini(&tp->pacer);
}

void transport_bwe_fini(struct transport *tp)
{
    bwe_free(&tp->bwe);
}

void transport_set_send_twcc_id(struct transport *tp, uint8_t ext_id, uint64_t now_us)
{
    tp->send_twcc_ext_id = ext_id;
    if (ext_id == 0) {
        deadline_clear(&tp->bwe_due);
        bwe_free(&tp->bwe);
        pacer_set_target(&tp->pacer, 0);
        tp->told_estimate_bps = 0;
    } else if (tp->bwe == NULL && make_estimator(tp, now_us)) {
        tell_estimate(tp, now_us); /* before the first packet: what begins begins within it */
    }
}

void transport_take_remb(struct transport *tp)
{
    tp->takes_remb = true;
}
