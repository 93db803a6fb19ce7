/* SPDX-License-Identifier: Apache-2.0 */
/* probe_plan.c - the next probe. */
#include "transport/probe_plan.h"

#include "core/attr.h"

#define FIRST_STEP 3 /* times the start rate */
#define STEP 2       /* times the estimate */
/* a quarter more than is wanted: a probe arrives somewhat slower than it was sent, */
#define MARGIN_NUM 5
#define MARGIN_DEN 4  /* and what just fits does not last */
#define SUCCESS_NUM 4 /* four fifths of the rate went through */
#define SUCCESS_DEN 5
#define STEP_FORWARD 20 /* at least a twentieth up: steps end */
#define FIRST_PAUSE_US 2000000ull
/* how late a better path is noticed; a probe costs some 50 ms of queue where there is none */
#define MAX_PAUSE_US 5000000ull
#define AFTER_CUT_US 1500000ull
/* a line that was cut comes back, and people wait for their picture: look more often, for some time */
#define CARRIED_TIMES 3
#define CARRIED_LASTS_US 60000000ull
#define SOON_PAUSE_US 2500000ull
#define SOON_AFTER_CUT_US 1000000ull
#define WRONG_WITHIN_US 3000000ull
#define FIRST_DOUBT_US 3000000ull
#define MAX_DOUBT_US 12000000ull
#define BETWEEN_US 500000ull
/* an eighth more than was tried for: wants follow the rates of layers, which are never the same */
#define NEWS_NUM 9
#define NEWS_DEN 8

void probe_plan_init(struct probe_plan *p)
{
    *p = (struct probe_plan){
        .want_bps = UINT64_MAX, .next_us = UINT64_MAX, .pause_us = FIRST_PAUSE_US};
}

void probe_plan_start(struct probe_plan *p, uint64_t now_us)
{
    if (p->next_us == UINT64_MAX)
        p->next_us = now_us;
}

void probe_plan_want(struct probe_plan *p, uint64_t bps, uint64_t now_us)
{
    bool is_more = bps / NEWS_NUM > p->tried_bps / NEWS_DEN;

    p->want_bps = bps;
    if (is_more && p->has_started)
        p->next_us = MIN(p->next_us, now_us + BETWEEN_US);
}

uint64_t probe_plan_due_us(const struct probe_plan *p, uint64_t estimate_bps)
{
    if (p->recover_bps == 0 && p->want_bps <= estimate_bps)
        return UINT64_MAX;
    return p->next_us;
}

static uint64_t with_margin(uint64_t bps)
{
    return bps > UINT64_MAX / MARGIN_NUM ? bps : bps * MARGIN_NUM / MARGIN_DEN;
}

uint64_t probe_plan_take(struct probe_plan *p, uint64_t estimate_bps, uint64_t max_bps,
                         uint64_t now_us)
{
    uint64_t bps = estimate_bps * (p->has_started ? STEP : FIRST_STEP);

    if (p->recover_bps > 0)
        bps = p->recover_bps;
    else
        bps = MIN(bps, with_margin(p->want_bps));
    p->recover_bps = 0;
    p->tried_bps = p->want_bps == UINT64_MAX ? 0 : p->want_bps;
    p->has_started = true;
    p->next_us = now_us + p->pause_us;
    return MIN(bps, max_bps);
}

static bool has_carried_more(const struct probe_plan *p, uint64_t estimate_bps, uint64_t now_us)
{
    return p->carried_bps / CARRIED_TIMES >= estimate_bps &&
           now_us - p->carried_us < CARRIED_LASTS_US;
}

static void note_carried(struct probe_plan *p, uint64_t bps, uint64_t now_us)
{
    if (bps < p->carried_bps && now_us - p->carried_us < CARRIED_LASTS_US)
        return;
    p->carried_bps = bps;
    p->carried_us = now_us;
}

void probe_plan_on_result(struct probe_plan *p, const struct probe_result *r, uint64_t estimate_bps,
                          uint64_t now_us)
{
    if (r->bps >= r->rate_bps * SUCCESS_NUM / SUCCESS_DEN &&
        r->bps >= estimate_bps + estimate_bps / STEP_FORWARD) {
        p->pause_us = FIRST_PAUSE_US;
        p->next_us = now_us; /* the next step, if it is of any use */
        p->raised_us = now_us;
        return;
    }
    p->next_us = now_us + p->pause_us;
    p->pause_us = MIN(p->pause_us * 3 / 2,
                      has_carried_more(p, estimate_bps, now_us) ? SOON_PAUSE_US : MAX_PAUSE_US);
}

void probe_plan_on_cut(struct probe_plan *p, uint64_t before_bps, uint64_t estimate_bps,
                       uint64_t now_us)
{
    uint64_t wait_us = AFTER_CUT_US;

    if (p->next_us == UINT64_MAX)
        return;
    note_carried(p, before_bps, now_us);
    if (has_carried_more(p, estimate_bps, now_us))
        wait_us = SOON_AFTER_CUT_US;
    if (p->raised_us != 0 && now_us - p->raised_us < WRONG_WITHIN_US) {
        p->doubt_us = p->doubt_us == 0 ? FIRST_DOUBT_US : MIN(2 * p->doubt_us, MAX_DOUBT_US);
        wait_us = p->doubt_us;
        p->raised_us = 0;
    } else if (p->raised_us != 0) {
        p->doubt_us = 0;
    }
    p->next_us = MAX(p->next_us, now_us + wait_us);
    p->pause_us = FIRST_PAUSE_US;
}

void probe_plan_recover(struct probe_plan *p, uint64_t bps, uint64_t now_us)
{
    p->recover_bps = bps;
    p->next_us = now_us;
    p->pause_us = FIRST_PAUSE_US;
}
