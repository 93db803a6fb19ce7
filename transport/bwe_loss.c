/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_loss.c - windows of packets, and the experiment. */
#include "transport/bwe_loss.h"

#include <math.h>

#include "core/attr.h"

#define WINDOW_US 250000
#define WINDOW_PACKETS 30 /* fewer say little: one loss would be over 3 % */
#define LONG_WINDOW_US 2000000
#define LONG_WINDOW_PACKETS 10
#define EXCESS 0.03 /* s6: below 2 % is no loss to react to */
#define EXCESS_DEVIATIONS 3.0
#define EXCESS_RUNS 3 /* one run, however long, is an accident and no trend */
#define EXCESSES 2    /* windows in a row */
#define STAYED 0.33   /* of the excess: were it for the rate, next to nothing would be left of it */
#define LEARNT_PACKETS 400.0
#define MAX_INHERENT 0.25 /* nobody watches video with more */
#define SMALL_LOSS 0.1    /* s6: up to 10 % the rate is kept */
/* who sends less than that of what the delay allows is not the one who fills the link */
#define SPARE 0.75
#define BACK_OFF 0.97
#define NEAR 1.05
#define LONG_QUEUE_US 50000
#define TRY_US 3000000
#define TRY_LATE_US 1000000ull /* behind that: nothing was sent that could decide it */
#define HOLD_US 4000000ull
#define MAX_HOLD_US 40000000ull
#define QUEUE_HOLD_US 1000000ull
#define FORGIVEN_US 20000000ull /* without loss since the hold ended: it was another time */
#define GROWTH_PER_S 0.08

const char *bwe_loss_state_name(enum bwe_loss_state s)
{
    static const char *const name[] = {"open", "trying", "bound"};

    return name[s];
}

void bwe_loss_init(struct bwe_loss *l)
{
    *l = (struct bwe_loss){.hold_us = HOLD_US};
}

/* ---- counting ---- */

static void restart_window(struct bwe_loss *l, uint64_t since_us)
{
    l->window = (struct bwe_loss_window){.since_us = since_us, .last_sent_us = since_us};
}

HOT void bwe_loss_add(struct bwe_loss *l, uint64_t sent_us, unsigned bytes, bool received)
{
    struct bwe_loss_window *w = &l->window;

    if (sent_us < w->since_us)
        return;
    if (w->since_us == 0)
        restart_window(l, sent_us);
    w->last_sent_us = MAX(w->last_sent_us, sent_us);
    w->packets++;
    if (received) {
        w->bytes_received += bytes;
    } else {
        w->lost++;
        w->runs += !w->in_run;
    }
    w->in_run = !received;
}

void bwe_loss_take_back(struct bwe_loss *l, uint64_t sent_us, unsigned bytes)
{
    if (sent_us < l->window.since_us || l->window.lost == 0)
        return;
    l->window.lost--;
    l->window.bytes_received += bytes;
}

void bwe_loss_skip(struct bwe_loss *l, uint64_t now_us)
{
    restart_window(l, now_us);
}

/* ---- one window ---- */

/* What a window says. */
struct verdict {
    double loss, sent_bps, received_bps;
    bool is_excess;
};

/* The window of the experiment is twice as long: it decides. */
static bool is_full(const struct bwe_loss *l)
{
    const struct bwe_loss_window *w = &l->window;
    uint64_t us = w->last_sent_us - w->since_us;
    unsigned n = l->state == BWE_LOSS_TRYING && l->has_obeyed ? 2 : 1;

    return (us >= n * WINDOW_US && w->packets >= n * WINDOW_PACKETS) ||
           (us >= LONG_WINDOW_US && w->packets >= LONG_WINDOW_PACKETS);
}

static struct verdict judge(const struct bwe_loss *l)
{
    const struct bwe_loss_window *w = &l->window;
    double n = w->packets, p = MAX(l->inherent, 0.01);
    double seconds = (double)(w->last_sent_us - w->since_us) / 1e6;
    double chance = EXCESS_DEVIATIONS * sqrt(n * p * (1 - p));
    struct verdict v = {.loss = w->lost / n};

    v.received_bps = (double)w->bytes_received * 8 / seconds;
    v.sent_bps = w->lost < w->packets ? v.received_bps / (1 - v.loss) : 0;
    v.is_excess = w->runs >= EXCESS_RUNS && v.loss > l->inherent + EXCESS &&
                  w->lost > l->inherent * n + chance;
    return v;
}

static void learn(struct bwe_loss *l, double loss)
{
    double gain = l->window.packets / (l->window.packets + LEARNT_PACKETS);

    l->inherent += gain * (loss - l->inherent);
    l->inherent = MIN(l->inherent, MAX_INHERENT);
}

/* ---- the experiment ---- */

static void cut(struct bwe_loss *l, const struct verdict *v, enum bwe_loss_state state)
{
    l->bound_bps = BACK_OFF * v->received_bps;
    l->state = state;
    l->excesses = 0;
    l->has_obeyed = false;
}

static void hold(struct bwe_loss *l, uint64_t for_us, uint64_t now_us)
{
    l->state = BWE_LOSS_BOUND;
    l->hold_until_us = now_us + for_us;
}

/* The lower rate lost less: the bound is where it belongs. How long it stays depends on how often that was found. */
static void accept_bound(struct bwe_loss *l, uint64_t now_us)
{
    if (now_us > l->hold_until_us + FORGIVEN_US)
        l->hold_us = HOLD_US;
    hold(l, l->hold_us, now_us);
    l->hold_us = MIN(2 * l->hold_us, MAX_HOLD_US);
}

static void reject_bound(struct bwe_loss *l, const struct verdict *v)
{
    l->inherent = MIN(MAX(l->inherent, (l->suspect + v->loss) / 2), MAX_INHERENT);
    l->state = BWE_LOSS_OPEN;
}

static void go_on_trying(struct bwe_loss *l, const struct verdict *v, uint64_t now_us)
{
    bool obeyed_before = l->has_obeyed;

    /* A layer ends at the next keyframe: the window in which the rate comes down is still half of the old one. */
    l->has_obeyed = v->sent_bps <= NEAR * l->bound_bps;
    if (l->has_obeyed && obeyed_before &&
        v->loss > l->inherent + STAYED * (l->suspect - l->inherent))
        reject_bound(l, v);
    else if ((l->has_obeyed && obeyed_before) || now_us > l->hold_until_us)
        accept_bound(l, now_us);
}

static void suspect(struct bwe_loss *l, const struct verdict *v, uint64_t rate_bps,
                    uint64_t queue_us, uint64_t now_us)
{
    if (queue_us > LONG_QUEUE_US) {
        cut(l, v, BWE_LOSS_BOUND);
        hold(l, QUEUE_HOLD_US, now_us);
        return;
    }
    if (v->loss < l->inherent + SMALL_LOSS && v->sent_bps < SPARE * (double)rate_bps) {
        learn(l, v->loss);
        return;
    }
    if (++l->excesses < EXCESSES) { /* chance makes one now and then */
        l->suspect = v->loss;
        return;
    }
    l->suspect = (l->suspect + v->loss) / 2;
    cut(l, v, BWE_LOSS_TRYING);
    l->hold_until_us = now_us + TRY_US;
}

static void grow_bound(struct bwe_loss *l, const struct verdict *v, uint64_t rate_bps,
                       uint64_t now_us)
{
    double seconds = (double)(l->window.last_sent_us - l->window.since_us) / 1e6;

    if (now_us < l->hold_until_us || v->loss > l->inherent + EXCESS)
        return;
    l->bound_bps *= 1 + GROWTH_PER_S * seconds;
    if (l->bound_bps > NEAR * (double)rate_bps)
        l->state = BWE_LOSS_OPEN;
}

static void go_on(struct bwe_loss *l, const struct verdict *v, uint64_t queue_us)
{
    l->excesses = 0;
    if (queue_us < LONG_QUEUE_US)
        learn(l, v->loss);
}

void bwe_loss_update(struct bwe_loss *l, uint64_t rate_bps, uint64_t queue_us, uint64_t now_us)
{
    if (!is_full(l))
        return;
    struct verdict v = judge(l);
    enum bwe_loss_state before = l->state;

    l->latest = v.loss;
    if (l->state == BWE_LOSS_TRYING)
        go_on_trying(l, &v, now_us);
    else if (v.is_excess)
        suspect(l, &v, rate_bps, queue_us, now_us);
    else
        go_on(l, &v, queue_us);
    if (l->state == BWE_LOSS_BOUND)
        grow_bound(l, &v, rate_bps, now_us);
    /* What was sent before a change of rate does not tell of its effect. */
    restart_window(l, l->state != before ? now_us : l->window.last_sent_us + 1);
}

void bwe_loss_probed(struct bwe_loss *l, uint64_t bps, uint64_t now_us)
{
    if (bwe_loss_may_probe(l, now_us) && (double)bps > l->bound_bps)
        l->bound_bps = (double)bps;
}

uint64_t bwe_loss_bound_bps(const struct bwe_loss *l)
{
    return l->state == BWE_LOSS_OPEN ? UINT64_MAX : (uint64_t)l->bound_bps;
}

bool bwe_loss_may_probe(const struct bwe_loss *l, uint64_t now_us)
{
    /* An experiment whose rate is so low that nothing is sent would have no end. */
    uint64_t late_us = l->state == BWE_LOSS_TRYING ? TRY_LATE_US : 0;

    return l->state == BWE_LOSS_OPEN || now_us >= l->hold_until_us + late_us;
}
