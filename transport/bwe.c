/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe.c - puts the parts of the estimator together.
 *
 *   feedback ──► send_history ──┬─► bwe_loss ───────────────► bound ──────┐
 *                               ├─► bwe_acked ──┐                          ├─► least of them ──► target
 *                  bwe_step ──► ├─► bwe_delay ──┼► bwe_aimd ─► × bwe_drain ┘
 *                               ├─► bwe_surge ──┘
 *                               └─► probe ──► sets bwe_aimd
 */
#include "transport/bwe.h"

#include "core/check.h"
#include "core/mem.h"
#include "core/prefetch.h"
#include "core/seq.h"
#include "transport/bwe_internal.h"
#include "transport/rtcp_twcc.h"

#define FIRST_RTT_US 100000ull
#define MAX_RTT_US 5000000ull
#define REMB_LASTS_US 10000000ull /* libwebrtc tells it once a second */
#define OUTAGE_US 300000ull /* nothing of what was sent in that time arrived: no matter of rates */
/* besides twice the round trip: shorter outages pass, and what is sent into them is lost anyway */
#define SILENCE_US 1000000ull
#define HALVED_EACH_US 1000000ull /* while silence lasts */
#define MAX_HALVINGS 5
/* nothing sent for that long: nobody needs to know more, unless he said so */
#define IDLE_US 2000000ull
/* Nothing is sent any more, perhaps because so little is allowed: what waited of ours has arrived by now. */
#define DRAINED_US 500000ull
#define LOOK_AGAIN_US 500000ull /* whether a probe may be sent by now */
/* a cluster is so much longer than what one packet may come too early or late */
#define PROBE_JITTERS 6
#define AT_MAXIMUM \
    0.9 /* a probe arrives somewhat slower than it was sent: it would not get there */
#define PROBE_SHADOW_US 150000ull /* the queue that a probe made has gone then */
#define PROBE_QUEUE_US 100000     /* it does not make more */
#define SURGE_SHARE 0.8           /* of what is sent on average: less than that is left */
#define SURGE_LASTS_US 500000ull  /* the delays know of the queue then */
#define HARMLESS_QUEUE_US 100000  /* a longer one is one, whatever it comes of */
#define ARRIVES_SHARE 0.9         /* of what is sent */
#define SENT_WINDOW_US 200000ull
#define APP_LIMITED 0.75    /* of the target */
#define REPAIR 0.3          /* of the target: bursts */
#define REPAIR_IN_QUEUE 0.1 /* while it is to get shorter */
#define REPAIR_TIMES 2      /* what is lost always: answers are lost too */
#define MOST_REPAIR 0.6
/* by one probe, when nearly all of the estimate is in use: it cannot be that wrong */
#define MAX_RISE_PERCENT 150
/* a probe that found less does not take away what evidently arrives */
#define PROBED_OVER_ACKED 1.25

struct bwe *bwe_new(const struct bwe_config *config)
{
    struct bwe *b = mem_try_alloc(sizeof(*b));

    if (b == NULL)
        return NULL;
    b->config = *config;
    if (b->config.min_bps == 0)
        b->config.min_bps = BWE_DEFAULT_MIN_BPS;
    if (b->config.max_bps == 0)
        b->config.max_bps = BWE_DEFAULT_MAX_BPS;
    if (b->config.start_bps == 0)
        b->config.start_bps = BWE_DEFAULT_START_BPS;
    b->config.max_bps = MAX(b->config.max_bps, b->config.min_bps);
    b->config.start_bps = MIN(MAX(b->config.start_bps, b->config.min_bps), b->config.max_bps);
    b->target_bps = b->config.start_bps;
    b->deadline_us = b->silence_due_us = UINT64_MAX;
    b->rtt_us = FIRST_RTT_US;
    send_history_init(&b->history);
    bwe_delay_init(&b->delay);
    bwe_aimd_init(&b->aimd, b->config.start_bps);
    bwe_loss_init(&b->loss);
    probe_plan_init(&b->plan);
    return b;
}

void bwe_free(struct bwe **b)
{
    if (*b != NULL)
        send_history_fini(&(*b)->history);
    MEM_FREE(*b);
}

/* ---- the target ---- */

static uint64_t clamp(const struct bwe *b, uint64_t bps)
{
    return MIN(MAX(bps, b->config.min_bps), b->config.max_bps);
}

static void set_target(struct bwe *b, uint64_t now_us)
{
    uint64_t bps = bwe_aimd_bps(&b->aimd);

    bps = (uint64_t)((double)bps * bwe_drain_share(&b->drain));
    bps = MIN(bps, bwe_loss_bound_bps(&b->loss));
    bps >>= b->halvings;
    if (now_us < b->remb_until_us)
        bps = b->has_feedback ? MIN(bps, b->remb_bps) : b->remb_bps;
    b->target_bps = clamp(b, bps);
}

uint64_t bwe_target_bps(const struct bwe *b)
{
    return b->target_bps;
}

uint64_t bwe_repair_bps(const struct bwe *b, uint64_t now_us)
{
    bool is_recent = b->surge_us != 0 && now_us < b->surge_us + SURGE_LASTS_US;
    bool drains = bwe_drain_is_on(&b->drain) || is_recent;
    double share = (drains ? REPAIR_IN_QUEUE : REPAIR) + REPAIR_TIMES * b->loss.inherent;

    if (!b->has_feedback)
        return UINT64_MAX;
    return (uint64_t)(MIN(share, MOST_REPAIR) * (double)b->target_bps);
}

/* ---- deadlines ---- */

/* What the probes are measured against. */
static uint64_t estimate_bps(const struct bwe *b)
{
    return MIN(bwe_aimd_bps(&b->aimd), bwe_loss_bound_bps(&b->loss));
}

/* Whether a probe could be of use, now or when what stands against it is over. */
static bool may_probe_some_time(const struct bwe *b, uint64_t now_us)
{
    bool is_idle = now_us > b->last_sent_us + IDLE_US && b->plan.want_bps == BWE_WANT_UNKNOWN;
    bool may_answer = b->has_feedback || b->probes == 0;
    bool is_at_maximum = b->plan.recover_bps == 0 &&
                         (double)estimate_bps(b) >= AT_MAXIMUM * (double)b->config.max_bps;

    return b->probe.state == PROBE_IDLE && !is_idle && may_answer && !is_at_maximum;
}

/* Who sends nothing because of a silence has to find out by himself whether it is over. */
static bool is_silent(const struct bwe *b)
{
    return b->halvings > 0 && b->silence_due_us != UINT64_MAX;
}

static bool may_probe(const struct bwe *b, uint64_t now_us)
{
    return may_probe_some_time(b, now_us) && !is_silent(b) && !bwe_drain_is_on(&b->drain) &&
           bwe_loss_may_probe(&b->loss, now_us);
}

/* Whether a probe is to tell where loss comes from, and for which rate. A queue is no obstacle: what stands may be a longer way. */
static bool must_ask(const struct bwe *b, uint64_t *bps)
{
    return b->probe.state == PROBE_IDLE && !is_silent(b) && bwe_loss_asks(&b->loss, bps);
}

/* When to probe; or when to look again, as what stands against it may end without any feedback: nothing may be sent. */
static uint64_t next_probe_us(const struct bwe *b, uint64_t now_us)
{
    uint64_t due_us = probe_plan_due_us(&b->plan, estimate_bps(b));

    if (due_us == UINT64_MAX || may_probe(b, now_us))
        return due_us;
    return may_probe_some_time(b, now_us) ? MAX(due_us, now_us + LOOK_AGAIN_US) : UINT64_MAX;
}

static void set_deadline(struct bwe *b, uint64_t now_us)
{
    uint64_t probe_us = probe_next_us(&b->probe);
    uint64_t at_us = b->silence_due_us, ask_bps;

    if (must_ask(b, &ask_bps))
        at_us = now_us;
    else if (probe_us != UINT64_MAX)
        at_us = MIN(at_us, b->probe.state == PROBE_SENDING ? MAX(probe_us, now_us + PROBE_STEP_US)
                                                           : probe_us);
    else
        at_us = MIN(at_us, next_probe_us(b, now_us));
    if (bwe_drain_is_on(&b->drain))
        at_us = MIN(at_us, MAX(b->last_sent_us, now_us - MIN(now_us, DRAINED_US)) + DRAINED_US);
    b->deadline_us = at_us;
}

uint64_t bwe_deadline_us(const struct bwe *b)
{
    return b->deadline_us;
}

/* Feedback is waited for from now on. */
static void wait_for_feedback(struct bwe *b, uint64_t now_us)
{
    b->silence_due_us = now_us + SILENCE_US + 2 * b->rtt_us;
}

/* ---- sending ---- */

/* The first packet after all had been told of. */
static COLD void wake_up(struct bwe *b, uint64_t now_us)
{
    wait_for_feedback(b, now_us);
    if (b->sent_noted_us == 0)
        b->sent_noted_us = now_us;
    probe_plan_start(&b->plan, now_us);
    set_deadline(b, now_us);
}

static void count_for_probe(struct bwe *b, uint16_t seq, size_t bytes, uint64_t now_us)
{
    probe_on_sent(&b->probe, seq, bytes, now_us);
    b->probe_shadow_us = now_us + PROBE_SHADOW_US;
    set_deadline(b, now_us);
}

HOT uint16_t bwe_on_sent(struct bwe *b, size_t bytes, enum bwe_kind kind, uint64_t now_us)
{
    uint8_t cluster = probe_cluster(&b->probe);
    uint16_t seq = send_history_add(&b->history, bytes, cluster, now_us);

    b->bytes_sent[kind] += bytes;
    b->last_sent_us = now_us;
    if (UNLIKELY(cluster != 0))
        count_for_probe(b, seq, bytes, now_us);
    if (UNLIKELY(b->silence_due_us == UINT64_MAX))
        wake_up(b, now_us);
    return seq;
}

HOT void bwe_prefetch(const struct bwe *b)
{
    prefetch(&b->history, sizeof(b->history));
    prefetch(&b->probe, CACHE_LINE_BYTES);
    prefetch(&b->silence_due_us,
             offsetof(struct bwe, feedbacks) - offsetof(struct bwe, silence_due_us));
}

uint16_t bwe_next_number(const struct bwe *b)
{
    return send_history_next_seq(&b->history);
}

static void note_sent_rate(struct bwe *b, uint64_t now_us)
{
    uint64_t bytes = 0, us = now_us - b->sent_noted_us;

    if (us < SENT_WINDOW_US)
        return;
    for (unsigned i = 0; i < BWE_KINDS; i++)
        bytes += b->bytes_sent[i];
    uint64_t bps = (bytes - b->sent_noted_bytes) * 8 * 1000000 / us;
    b->sent_bps = b->sent_bps == 0 ? bps : (b->sent_bps + bps) / 2;
    b->sent_noted_bytes = bytes;
    b->sent_noted_us = now_us;
}

bool bwe_is_app_limited(const struct bwe *b)
{
    return (double)b->sent_bps < APP_LIMITED * (double)b->target_bps;
}

/* ---- feedback ---- */

/* A way that gets longer all at once is no queue. */
static void follow_steps(struct bwe *b, const struct sent_fate *f)
{
    switch (bwe_step_add(&b->step, f->sent_us, f->arrival_us, f->bytes,
                         bwe_delay_jitter_us(&b->delay))) {
    case BWE_STEP_NONE:
        break;
    case BWE_STEP_LONGER:
        bwe_delay_step(&b->delay, b->step.by_us);
        bwe_surge_break(&b->surge);
        break;
    case BWE_STEP_TAKEN_BACK:
        bwe_delay_step_back(&b->delay);
        break;
    }
}

static void take_received(struct bwe *b, const struct sent_fate *f)
{
    if (f->was_called_lost)
        bwe_loss_take_back(&b->loss, f->sent_us, f->bytes);
    else
        bwe_loss_add(&b->loss, f->sent_us, f->bytes, true);
    if (b->packets_lost > 0 && f->was_called_lost)
        b->packets_lost--;
    if (f->sent_us > b->newest_received_us) {
        if (b->newest_received_us != 0 && f->sent_us - b->newest_received_us > OUTAGE_US)
            bwe_loss_skip(&b->loss, f->sent_us);
        b->newest_received_us = f->sent_us;
    }
    bwe_acked_add(&b->acked, f->arrival_us, f->bytes);
    follow_steps(b, f);
    bwe_delay_add(&b->delay, f->sent_us, f->arrival_us);
    bwe_surge_add(&b->surge, f->sent_us, f->arrival_us, f->bytes, bwe_delay_jitter_us(&b->delay));
    if (f->cluster != 0)
        probe_on_received(&b->probe, f->cluster, f->bytes, f->sent_us, f->arrival_us,
                          f->was_called_lost);
}

static void take_lost(struct bwe *b, const struct sent_fate *f)
{
    b->packets_lost++;
    bwe_step_lost(&b->step, f->bytes);
    bwe_loss_add(&b->loss, f->sent_us, f->bytes, false);
    if (f->cluster != 0)
        probe_on_lost(&b->probe, f->cluster);
}

/* Returns false when the feedback says nothing new. */
static bool walk(struct bwe *b, const struct rtcp_twcc *feedback, uint64_t now_us)
{
    struct feedback_walk w;
    struct sent_fate f;
    uint16_t told_seq = b->history.told_seq;
    bool is_news = false, was_told = b->history.is_told;

    feedback_walk_start(&w, &b->history, feedback, now_us);
    while (feedback_walk_next(&w, &f)) {
        if (!is_news && was_told && seq16_diff(f.seq, told_seq) > 1) { /* feedback was lost */
            bwe_acked_skip(&b->acked);
            bwe_surge_break(&b->surge);
            bwe_step_break(&b->step);
        }
        b->has_feedback = is_news = true;
        if (f.received)
            take_received(b, &f);
        else
            take_lost(b, &f);
    }
    return is_news;
}

/* The path is back: it carries what it did before, or a probe will tell. */
static void end_silence(struct bwe *b, uint64_t now_us)
{
    uint64_t before_bps = bwe_aimd_bps(&b->aimd);

    if (b->halvings > 1) {
        bwe_aimd_set(&b->aimd, clamp(b, before_bps / 2));
        probe_plan_recover(&b->plan, before_bps, now_us);
    }
    b->halvings = 0;
}

/* Far less is sent than the path has carried, and all of it arrives that is not lost: the way has become longer, or delays differ more. */
static bool arrives_all_the_same(const struct bwe *b)
{
    double arrives = (double)bwe_acked_bps(&b->acked, BWE_ACKED_SHORT);

    return (double)b->sent_bps < APP_LIMITED * (double)estimate_bps(b) &&
           bwe_delay_queue_us(&b->delay) < HARMLESS_QUEUE_US &&
           arrives >= ARRIVES_SHARE * (1 - bwe_loss_share(&b->loss)) * (double)b->sent_bps;
}

/* What is known of the queue, but for that which a probe makes, or others. */
static enum bwe_usage usage(const struct bwe *b, uint64_t now_us)
{
    bool is_of_probe = b->delay.judged_sent_us <= b->probe_shadow_us &&
                       b->delay.judged_sent_us + PROBE_SHADOW_US >= b->probe.started_us &&
                       bwe_delay_queue_us(&b->delay) < PROBE_QUEUE_US;

    if ((is_of_probe || bwe_drain_is_foreign(&b->drain, now_us) || arrives_all_the_same(b)) &&
        bwe_delay_usage(&b->delay) == BWE_USAGE_OVER)
        return BWE_USAGE_NORMAL;
    return bwe_delay_usage(&b->delay);
}

/* How long packets wait. What the delays tell comes late where the queue grows fast; the surge told before. */
static uint64_t queue_us(const struct bwe *b, uint64_t now_us)
{
    uint64_t us = bwe_delay_queue_us(&b->delay);
    bool is_recent = b->surge_us != 0 && now_us < b->surge_us + SURGE_LASTS_US;

    return is_recent ? MAX(us, b->surge_queue_us) : us;
}

/* The path has become too small for what is sent, and not just for a burst of it: that is known long before the trend shows it. */
static void take_surge(struct bwe *b, struct bwe_aimd_input *in, uint64_t now_us)
{
    uint64_t bps, rise_us;

    if (!bwe_surge_take(&b->surge, &bps, &rise_us) ||
        (double)bps > SURGE_SHARE * (double)b->sent_bps || bwe_drain_is_foreign(&b->drain, now_us))
        return;
    in->usage = BWE_USAGE_OVER;
    in->full_bps = bps;
    b->surge_us = now_us;
    b->surge_queue_us = rise_us;
}

static void follow_delay(struct bwe *b, uint64_t now_us)
{
    struct bwe_aimd_input in = {
        .usage = usage(b, now_us),
        .judged_sent_us = b->delay.judged_sent_us,
        .acked_bps = bwe_acked_bps(&b->acked, BWE_ACKED_LONG),
        .full_bps = bwe_acked_bps(&b->acked, BWE_ACKED_SHORT),
        .sent_bps = b->sent_bps,
        .rtt_us = b->rtt_us,
        .hold = bwe_drain_is_on(&b->drain) || b->probe.state != PROBE_IDLE,
        .drains = bwe_drain_has_effect(&b->drain, b->rtt_us, now_us),
    };

    uint64_t before_bps = bwe_aimd_bps(&b->aimd);

    take_surge(b, &in, now_us);
    bwe_drain_update(&b->drain, queue_us(b, now_us), now_us);
    if (bwe_aimd_update(&b->aimd, &in, now_us)) {
        b->cuts++;
        probe_stop(&b->probe);
        probe_plan_on_cut(&b->plan, before_bps, bwe_aimd_bps(&b->aimd), now_us);
    }
    if (bwe_aimd_bps(&b->aimd) != clamp(b, bwe_aimd_bps(&b->aimd)))
        bwe_aimd_set(&b->aimd, clamp(b, bwe_aimd_bps(&b->aimd)));
}

static void take_probe(struct bwe *b, uint64_t now_us)
{
    uint64_t acked_bps = bwe_acked_bps(&b->acked, BWE_ACKED_LONG);
    uint64_t estimate = bwe_aimd_bps(&b->aimd);
    struct probe_result r;

    if (!probe_take_result(&b->probe, b->loss.inherent, now_us, &r))
        return;
    probe_plan_on_result(&b->plan, &r, estimate_bps(b), now_us);
    if (r.bps > estimate) {
        uint64_t most =
            bwe_is_app_limited(b) || acked_bps == 0 ? r.bps : estimate * MAX_RISE_PERCENT / 100;
        b->probes_through++;
        bwe_aimd_set(&b->aimd, clamp(b, MIN(r.bps, most)));
    } else if (r.is_saturated && bwe_is_app_limited(b)) {
        uint64_t least = (uint64_t)(PROBED_OVER_ACKED * (double)acked_bps);
        bwe_aimd_set(&b->aimd, clamp(b, MIN(estimate, MAX(r.bps, least))));
    }
    bwe_loss_probed(&b->loss, &r, now_us);
}

void bwe_on_feedback(struct bwe *b, const struct rtcp_twcc *feedback, uint64_t now_us)
{
    b->feedbacks++;
    if (!walk(b, feedback, now_us))
        return;
    if (b->history.told_seq == (uint16_t)(send_history_next_seq(&b->history) - 1))
        b->silence_due_us = UINT64_MAX;
    else
        wait_for_feedback(b, now_us);
    end_silence(b, now_us);
    note_sent_rate(b, now_us);
    probe_on_feedback(&b->probe, b->history.told_seq);
    follow_delay(b, now_us);
    take_probe(b, now_us);
    bwe_loss_update(&b->loss, bwe_aimd_bps(&b->aimd), bwe_delay_queue_us(&b->delay), now_us);
    set_target(b, now_us);
    set_deadline(b, now_us);
}

void bwe_on_rtt(struct bwe *b, uint64_t rtt_us)
{
    b->rtt_us = MIN(rtt_us, MAX_RTT_US);
}

void bwe_on_remb(struct bwe *b, uint64_t bps, uint64_t now_us)
{
    b->remb_bps = bps;
    b->remb_until_us = now_us + REMB_LASTS_US;
    set_target(b, now_us);
}

void bwe_on_path_change(struct bwe *b, uint64_t now_us)
{
    uint64_t bps = bwe_aimd_bps(&b->aimd);

    send_history_clear(&b->history);
    bwe_delay_restart(&b->delay);
    b->step = (struct bwe_step){0};
    b->surge = (struct bwe_surge){0};
    b->surge_us = 0;
    b->acked = (struct bwe_acked){0};
    b->drain = (struct bwe_drain){0};
    bwe_loss_init(&b->loss);
    probe_stop(&b->probe);
    probe_plan_recover(&b->plan, bps, now_us);
    b->halvings = 0;
    set_target(b, now_us);
    set_deadline(b, now_us);
}

void bwe_set_want(struct bwe *b, uint64_t bps, uint64_t now_us)
{
    if (bps == b->plan.want_bps)
        return;
    probe_plan_want(&b->plan, bps, now_us);
    set_deadline(b, now_us);
}

/* ---- time ---- */

static void notice_silence(struct bwe *b, uint64_t now_us)
{
    if (now_us < b->silence_due_us)
        return;
    b->silence_due_us = now_us > b->last_sent_us + IDLE_US ? UINT64_MAX : now_us + HALVED_EACH_US;
    if (!b->has_feedback || b->halvings == MAX_HALVINGS)
        return;
    if (b->halvings++ == 0)
        b->silences++;
    probe_stop(&b->probe);
    set_target(b, now_us);
}

static void begin_probe(struct bwe *b, uint64_t now_us)
{
    uint64_t bps;

    if (must_ask(b, &bps)) {
        b->probes++;
        bwe_loss_asked(&b->loss);
        probe_start(&b->probe, MIN(bps, b->config.max_bps), PROBE_MAX_US, now_us);
        return;
    }
    if (!may_probe(b, now_us) || now_us < probe_plan_due_us(&b->plan, estimate_bps(b)))
        return;
    b->probes++;
    bps = probe_plan_take(&b->plan, estimate_bps(b), b->config.max_bps, now_us);
    probe_start(&b->probe, bps, PROBE_JITTERS * bwe_delay_jitter_us(&b->delay), now_us);
}

/* A queue that is still there when we have not sent for so long is none of ours, or no queue but a longer way. */
static void end_drain(struct bwe *b, uint64_t now_us)
{
    if (!bwe_drain_is_on(&b->drain) || now_us < b->last_sent_us + DRAINED_US)
        return;
    b->drain = (struct bwe_drain){0};
    bwe_delay_restart(&b->delay);
    set_target(b, now_us);
}

void bwe_on_deadline(struct bwe *b, uint64_t now_us)
{
    notice_silence(b, now_us);
    end_drain(b, now_us);
    take_probe(b, now_us);
    begin_probe(b, now_us);
    set_deadline(b, now_us);
}

bool bwe_probe_due(const struct bwe *b, uint64_t now_us, struct bwe_probe *out)
{
    size_t bytes = probe_owed_bytes(&b->probe, now_us);

    if (bytes == 0)
        return false;
    *out =
        (struct bwe_probe){.cluster = b->probe.id, .rate_bps = b->probe.rate_bps, .bytes = bytes};
    return true;
}
