/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_loss.c - windows of packets, and the experiment. */
#include "transport/bwe_loss.h"

#include <math.h>

#include "core/attr.h"
#include "transport/probe.h"

#define WINDOW_US 250000
#define WINDOW_PACKETS 30 /* fewer say little: one loss would be over 3 % */
#define TRY_WINDOW_PACKETS 5
#define LONG_WINDOW_US 2000000
#define LONG_WINDOW_PACKETS 10
#define EXCESS 0.03 /* s6: below 2 % is no loss to react to */
#define EXCESS_DEVIATIONS 3.0
#define EXCESS_RUNS 3   /* one run, however long, is an accident and no trend */
#define EXCESSES 2      /* windows in a row */
#define STAYS 0.2       /* of the excess, at most, were it for the rate */
#define MOST_KNOWN 0.75 /* of the loss, while there is an excess */
#define LEAST_LOSS 0.01
#define MOST_LOSS 0.9
#define TWENTY_TO_ONE 3.0 /* as logarithms */
#define TEN_TO_ONE 2.3
#define ASK_TIMES 2       /* the rate of what is sent */
#define ANSWER_TIMES 1.4  /* by any probe */
#define ASK_US 1000000ull /* for a probe and its feedback */
#define LEARNT_PACKETS 400.0
#define MAX_INHERENT 0.25 /* nobody watches video with more */
#define SMALL_LOSS 0.1    /* s6: up to 10 % the rate is kept */
/* who sends less than that of what the delay allows is not the one who fills the link */
#define SPARE 0.75
#define BACK_OFF 0.97
#define NEAR 1.05
#define QUEUE_US 50000       /* loss may be its, and is not learnt */
#define LONG_QUEUE_US 100000 /* loss is its; a shorter one may be no more than a longer way */
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
    double loss, runs, sent_bps, received_bps;
    bool is_excess;
};

/* The experiment adds up what its windows say. */
static bool is_full(const struct bwe_loss *l)
{
    const struct bwe_loss_window *w = &l->window;
    uint64_t us = w->last_sent_us - w->since_us;
    unsigned least = l->state == BWE_LOSS_TRYING ? TRY_WINDOW_PACKETS : WINDOW_PACKETS;

    return (us >= WINDOW_US && w->packets >= least) ||
           (us >= LONG_WINDOW_US && w->packets >= LONG_WINDOW_PACKETS);
}

/* Packets of which each may be the first of a run. */
static double beginnings(const struct bwe_loss_window *w)
{
    return w->packets - w->lost + w->runs;
}

static struct verdict judge(const struct bwe_loss *l)
{
    const struct bwe_loss_window *w = &l->window;
    double n = w->packets, p = MAX(l->inherent, 0.01);
    double seconds = (double)(w->last_sent_us - w->since_us) / 1e6;
    double chance = EXCESS_DEVIATIONS * sqrt(n * p * (1 - p));
    struct verdict v = {.loss = w->lost / n, .runs = w->runs / beginnings(w)};

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

/* How much likelier, as a logarithm, @lost of @n are where the share @p gets lost than where @q does. */
static double weigh(double n, double lost, double p, double q)
{
    p = MIN(MAX(p, LEAST_LOSS), MOST_LOSS);
    q = MIN(MAX(q, LEAST_LOSS), MOST_LOSS);
    return lost * log(p / q) + (n - lost) * log((1 - p) / (1 - q));
}

static void lower(struct bwe_loss *l, double received_bps, uint64_t hold_us, uint64_t now_us)
{
    l->bound_bps = BACK_OFF * received_bps;
    l->state = BWE_LOSS_TRYING;
    l->excesses = 0;
    l->has_obeyed = false;
    l->evidence = 0;
    l->question = (struct bwe_loss_question){0};
    l->hold_until_us = now_us + TRY_US;
    l->next_hold_us = hold_us;
}

/* The lower rate lost less: the bound is where it belongs. How long it stays depends on how often that was found. */
static void accept_bound(struct bwe_loss *l, uint64_t now_us)
{
    bool is_for_queue = l->next_hold_us != 0;

    if (now_us > l->hold_until_us + FORGIVEN_US)
        l->hold_us = HOLD_US;
    l->state = BWE_LOSS_BOUND;
    l->hold_until_us = now_us + (is_for_queue ? l->next_hold_us : l->hold_us);
    if (!is_for_queue)
        l->hold_us = MIN(2 * l->hold_us, MAX_HOLD_US);
}

/* It is lost at any rate. */
static void forgive(struct bwe_loss *l, double loss)
{
    l->inherent = MIN(MAX(l->inherent, loss), MAX_INHERENT);
    l->state = BWE_LOSS_OPEN;
    l->excesses = 0;
    l->question = (struct bwe_loss_question){0};
}

static void go_on_trying(struct bwe_loss *l, const struct verdict *v, uint64_t now_us)
{
    bool obeyed_before = l->has_obeyed;
    double known =
        MIN(l->inherent, MOST_KNOWN * l->suspect_runs); /* bursts: fewer runs than losses */
    double would_stay = known + STAYS * (l->suspect_runs - known);

    /* A layer ends at the next keyframe: the window in which the rate comes down is still half of the old one. */
    l->has_obeyed = v->sent_bps <= NEAR * l->bound_bps;
    if (l->has_obeyed && obeyed_before)
        l->evidence += weigh(beginnings(&l->window), l->window.runs, l->suspect_runs, would_stay);
    if (l->evidence >= TWENTY_TO_ONE || (l->evidence > 0 && now_us > l->hold_until_us))
        forgive(l, (l->suspect + v->loss) / 2);
    else if (l->evidence <= -TEN_TO_ONE || now_us > l->hold_until_us)
        accept_bound(l, now_us);
}

/* What was answered some seconds ago is not asked again: that would cost packets each time. */
static void ask(struct bwe_loss *l, uint64_t now_us)
{
    if (l->hold_us > HOLD_US && now_us < l->hold_until_us + FORGIVEN_US)
        lower(l, l->suspect_received_bps, 0, now_us);
    else
        l->question = (struct bwe_loss_question){.is_open = true, .until_us = now_us + ASK_US};
}

static void suspect(struct bwe_loss *l, const struct verdict *v, uint64_t rate_bps,
                    uint64_t queue_us, uint64_t now_us)
{
    bool is_first = l->excesses++ == 0;

    if (queue_us <= LONG_QUEUE_US && v->loss < l->inherent + SMALL_LOSS &&
        v->sent_bps < SPARE * (double)rate_bps) {
        l->excesses = 0;
        learn(l, v->loss);
        return;
    }
    l->suspect = is_first ? v->loss : (l->suspect + v->loss) / 2;
    l->suspect_runs = is_first ? v->runs : (l->suspect_runs + v->runs) / 2;
    l->suspect_sent_bps = v->sent_bps;
    l->suspect_received_bps = v->received_bps;
    if (queue_us > LONG_QUEUE_US)
        lower(l, v->received_bps, QUEUE_HOLD_US, now_us);
    else if (l->excesses == EXCESSES) /* chance makes one now and then */
        ask(l, now_us);
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
    if (queue_us < QUEUE_US)
        learn(l, v->loss);
}

void bwe_loss_update(struct bwe_loss *l, uint64_t rate_bps, uint64_t queue_us, uint64_t now_us)
{
    if (l->question.is_open && now_us > l->question.until_us)
        lower(l, l->suspect_received_bps, 0, now_us);
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

double bwe_loss_share(const struct bwe_loss *l)
{
    double now = l->window.packets < LONG_WINDOW_PACKETS
                     ? l->latest
                     : (double)l->window.lost / l->window.packets;

    return MAX(now, l->inherent);
}

/* ---- probes ---- */

bool bwe_loss_asks(const struct bwe_loss *l, uint64_t *bps)
{
    if (!l->question.is_open || l->question.is_asked)
        return false;
    *bps = (uint64_t)(ASK_TIMES * l->suspect_sent_bps);
    return true;
}

void bwe_loss_asked(struct bwe_loss *l)
{
    l->question.is_asked = true;
}

/* Had the path no more to give than what arrives, all that a probe sends more would be lost. */
static void answer(struct bwe_loss *l, const struct probe_result *r, uint64_t now_us)
{
    double n = r->packets_received + r->packets_lost;

    if (!l->question.is_open || (double)r->sent_bps < ANSWER_TIMES * l->suspect_sent_bps)
        return;
    double if_rate = 1 - l->suspect_received_bps / (double)r->sent_bps;
    if (weigh(n, r->packets_lost, l->suspect, if_rate) >= TEN_TO_ONE)
        forgive(l, l->suspect);
    else
        lower(l, l->suspect_received_bps, 0, now_us);
}

void bwe_loss_probed(struct bwe_loss *l, const struct probe_result *r, uint64_t now_us)
{
    answer(l, r, now_us);
    if (bwe_loss_may_probe(l, now_us) && (double)r->bps > l->bound_bps)
        l->bound_bps = (double)r->bps;
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
