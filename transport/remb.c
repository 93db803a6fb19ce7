/* SPDX-License-Identifier: Apache-2.0 */
/* remb.c - see remb.h. */
#include "transport/remb.h"

#include "core/mem.h"
#include "core/timebase.h"
#include "transport/bwe_acked.h"
#include "transport/bwe_aimd.h"
#include "transport/bwe_delay.h"

#define TICKS_PER_S (1u << 18)
#define SENT_BITS 24
#define FIRST_TICKS (1ull << 32) /* times before the first packet's stay positive */
#define UPDATE_US 50000ull       /* as often as transport-wide feedback would come */
#define FIRST_RTT_US 100000ull
#define MAX_RTT_US 2000000ull
#define IDLE_US 2000000ull /* nothing came for so long: there is nothing to tell */
#define DROP_PERCENT 97    /* of what was told: a lower estimate is told at once */

struct remb {
    struct bwe_delay delay;
    struct bwe_acked acked;
    struct bwe_aimd aimd;
    bool has_sent;
    uint32_t newest_sent;  /* as the extension had it */
    uint64_t newest_ticks; /* unwrapped */
    uint64_t newest_arrival_us, updated_us, rtt_us;
    uint64_t told_bps, told_us, due_us;
};

struct remb *remb_new(void)
{
    struct remb *r = mem_try_alloc(sizeof(*r));

    if (r == NULL)
        return NULL;
    bwe_delay_init(&r->delay);
    bwe_aimd_init(&r->aimd, REMB_START_BPS);
    r->rtt_us = FIRST_RTT_US;
    r->due_us = UINT64_MAX;
    return r;
}

void remb_free(struct remb **r)
{
    MEM_FREE(*r);
}

/* ---- times ---- */

/* Of the clock that packets are sent by; within half a minute of the newest. */
static uint64_t unwrap_us(struct remb *r, uint32_t sent)
{
    int32_t ahead = (int32_t)((sent - r->newest_sent) << (32 - SENT_BITS)) >> (32 - SENT_BITS);
    uint64_t ticks = r->newest_ticks + (uint64_t)(int64_t)ahead;

    if (!r->has_sent)
        ticks = FIRST_TICKS;
    if (!r->has_sent || ahead > 0) {
        r->newest_sent = sent;
        r->newest_ticks = ticks;
    }
    r->has_sent = true;
    return ticks * US_PER_S / TICKS_PER_S;
}

/* After a pause as long as that nobody knows how often the time went round meanwhile. */
static void forget_after_pause(struct remb *r, uint64_t arrival_us)
{
    if (r->newest_arrival_us == 0 || arrival_us <= r->newest_arrival_us + IDLE_US)
        return;
    bwe_delay_restart(&r->delay);
    r->acked = (struct bwe_acked){0};
    r->has_sent = false;
}

/* ---- the estimate ---- */

static void clamp(struct remb *r)
{
    uint64_t bps = bwe_aimd_bps(&r->aimd), bounded = MIN(MAX(bps, REMB_MIN_BPS), REMB_MAX_BPS);

    if (bps != bounded)
        bwe_aimd_set(&r->aimd, bounded);
}

/* By our clock: when the latest packets that the verdict knows were sent, at the latest, less what an order takes to get there. */
static uint64_t judged_us(const struct remb *r)
{
    uint64_t behind_us = bwe_delay_queue_us(&r->delay) + r->rtt_us;

    return r->newest_arrival_us > behind_us ? r->newest_arrival_us - behind_us : 0;
}

static void update(struct remb *r, uint64_t now_us)
{
    uint64_t acked_bps = bwe_acked_bps(&r->acked, BWE_ACKED_LONG);
    const struct bwe_aimd_input in = {
        .usage = bwe_delay_usage(&r->delay),
        .judged_sent_us = judged_us(r),
        .acked_bps = acked_bps,
        .full_bps = bwe_acked_bps(&r->acked, BWE_ACKED_SHORT),
        .sent_bps = acked_bps, /* or more, but who knows */
        .rtt_us = r->rtt_us,
    };

    r->updated_us = now_us;
    (void)bwe_aimd_update(&r->aimd, &in, now_us);
    clamp(r);
}

static void set_due(struct remb *r, uint64_t now_us)
{
    bool is_lower = remb_bps(r) < r->told_bps * DROP_PERCENT / 100;

    r->due_us = is_lower || r->told_us == 0 ? now_us : r->told_us + REMB_INTERVAL_US;
}

void remb_add(struct remb *r, uint32_t sent, size_t bytes, uint64_t arrival_us, uint64_t now_us)
{
    forget_after_pause(r, arrival_us);
    bwe_delay_add(&r->delay, unwrap_us(r, sent), (int64_t)arrival_us);
    bwe_acked_add(&r->acked, (int64_t)arrival_us, bytes);
    r->newest_arrival_us = MAX(r->newest_arrival_us, arrival_us);
    if (now_us >= r->updated_us + UPDATE_US) {
        update(r, now_us);
        set_due(r, now_us);
    }
}

void remb_set_rtt(struct remb *r, uint64_t rtt_us)
{
    if (rtt_us != 0)
        r->rtt_us = MIN(rtt_us, MAX_RTT_US);
}

/* ---- telling ---- */

uint64_t remb_due_us(const struct remb *r)
{
    return r->due_us;
}

bool remb_take(struct remb *r, uint64_t now_us, uint64_t *bps)
{
    if (now_us < r->due_us)
        return false;
    if (now_us > r->newest_arrival_us + IDLE_US) {
        r->due_us = UINT64_MAX;
        r->told_us = 0;
        return false;
    }
    *bps = r->told_bps = remb_bps(r);
    r->told_us = now_us;
    r->due_us = now_us + REMB_INTERVAL_US;
    return true;
}

uint64_t remb_bps(const struct remb *r)
{
    return bwe_aimd_bps(&r->aimd);
}
