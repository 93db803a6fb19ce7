/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - one probe cluster, sent and received. */
#include "transport/probe.h"

#include <math.h>

#include "core/attr.h"
#include "core/seq.h"

#define PACKET_BYTES 1200
#define US_PER_S 1000000
#define MAX_SENDING_US 400000 /* nobody gave us enough packets: measure what there is */
/* for feedback: a round trip, a long queue, an interval; past it nothing is known */
#define WAIT_US 1500000
#define MIN_ARRIVED 0.7 /* of the packets */
#define MAX_COMPRESSION \
    2.0               /* received so much faster than sent: the link let go what it had held up */
#define SATURATED 0.9 /* received slower than that share of the sending rate */
#define UTILISATION 0.95 /* of a link that a probe filled */
/* of packets lost: as many as that, or as chance has it, are none that the rate has cost */
#define ACCIDENT_PACKETS 1.0
#define ACCIDENT_DEVIATIONS 2.0

void probe_start(struct probe *p, uint64_t rate_bps, uint64_t us, uint64_t now_us)
{
    uint64_t bytes = rate_bps * MIN(MAX(us, PROBE_MIN_US), PROBE_MAX_US) / 8 / US_PER_S;

    *p = (struct probe){
        .state = PROBE_SENDING,
        .id = p->id == UINT8_MAX ? 1 : (uint8_t)(p->id + 1),
        .rate_bps = rate_bps,
        .started_us = now_us,
        .give_up_us = now_us + MAX_SENDING_US,
        .goal_bytes = MAX(bytes, (uint64_t)PROBE_MIN_PACKETS * PACKET_BYTES),
    };
}

void probe_stop(struct probe *p)
{
    p->state = PROBE_IDLE;
}

/* ---- sending ---- */

static void add(struct probe_side *s, int64_t at_us, size_t bytes)
{
    if (s->packets == 0 || at_us < s->first_us) {
        s->first_us = at_us;
        s->first_bytes = (uint32_t)bytes;
    }
    if (s->packets == 0 || at_us >= s->last_us) {
        s->last_us = at_us;
        s->last_bytes = (uint32_t)bytes;
    }
    s->bytes += bytes;
    s->packets++;
}

static void wait_for_feedback(struct probe *p, uint64_t now_us)
{
    p->state = PROBE_WAITING;
    p->give_up_us = now_us + WAIT_US;
}

void probe_on_sent(struct probe *p, uint16_t seq, size_t bytes, uint64_t now_us)
{
    add(&p->sent, (int64_t)now_us, bytes);
    p->last_seq = seq;
    if (p->sent.bytes >= p->goal_bytes && p->sent.packets >= PROBE_MIN_PACKETS)
        wait_for_feedback(p, now_us);
}

size_t probe_owed_bytes(const struct probe *p, uint64_t now_us)
{
    uint64_t due;

    if (p->state != PROBE_SENDING)
        return 0;
    due = p->rate_bps * (now_us - p->started_us) / 8 / US_PER_S + PACKET_BYTES;
    due = MIN(due, MAX(p->goal_bytes, p->sent.bytes + 1));
    return due > p->sent.bytes ? (size_t)(due - p->sent.bytes) : 0;
}

/* When a packet more is due. */
uint64_t probe_next_us(const struct probe *p)
{
    uint64_t us;

    if (p->state != PROBE_SENDING)
        return p->state == PROBE_IDLE ? UINT64_MAX : p->give_up_us;
    us = p->started_us + p->sent.bytes * 8 * US_PER_S / p->rate_bps;
    us = MAX(us, (uint64_t)MAX(p->sent.last_us, (int64_t)p->started_us) + PROBE_STEP_US);
    return MIN(us, p->give_up_us);
}

/* ---- receiving ---- */

void probe_on_received(struct probe *p, uint8_t id, size_t bytes, uint64_t sent_us,
                       int64_t arrival_us, bool was_called_lost)
{
    struct probe_side *t = &p->received;

    if (p->state == PROBE_IDLE || id != p->id)
        return;
    if (t->packets == 0 || arrival_us < t->first_us)
        p->first_received_sent_us = (int64_t)sent_us;
    if (t->packets == 0 || arrival_us >= t->last_us)
        p->last_received_sent_us = (int64_t)sent_us;
    add(t, arrival_us, bytes);
    if (was_called_lost && p->lost > 0)
        p->lost--;
}

void probe_on_lost(struct probe *p, uint8_t id)
{
    if (p->state != PROBE_IDLE && id == p->id)
        p->lost++;
}

void probe_on_feedback(struct probe *p, uint16_t newest_seq)
{
    if (p->state == PROBE_WAITING && p->sent.packets > 0 && !seq16_newer(p->last_seq, newest_seq))
        p->is_reported = true;
}

static double bps(uint64_t bytes, int64_t us)
{
    return (double)bytes * 8 * US_PER_S / (double)us;
}

/*
 * The share of the sending rate at which those packets came that did come: how much longer they took to arrive than to leave. What
 * was sent last, or received first, took its time outside of the interval. 0: nobody knows.
 */
static double pace(const struct probe *p)
{
    const struct probe_side *t = &p->received;
    int64_t sent_us = p->last_received_sent_us - p->first_received_sent_us;
    int64_t received_us = t->last_us - t->first_us;

    if (t->packets < PROBE_MIN_PACKETS - 1 || t->packets < MIN_ARRIVED * p->sent.packets ||
        sent_us <= 0 || received_us <= 0)
        return 0;
    return bps(t->bytes - t->first_bytes, received_us) / bps(t->bytes - t->last_bytes, sent_us);
}

/* The share that got through of what gets through at any rate: 1, unless clearly more was lost than always. */
static double survival(const struct probe *p, double inherent_loss)
{
    double n = p->received.packets + p->lost;
    double chance = ACCIDENT_DEVIATIONS * sqrt(n * inherent_loss * (1 - inherent_loss));

    if (p->lost <= inherent_loss * n + MAX(chance, ACCIDENT_PACKETS))
        return 1;
    return (1 - p->lost / n) / (1 - inherent_loss);
}

static void measure(const struct probe *p, double inherent_loss, struct probe_result *r)
{
    const struct probe_side *s = &p->sent;
    int64_t sent_us = s->last_us - s->first_us;

    *r = (struct probe_result){
        .rate_bps = p->rate_bps, .packets_received = p->received.packets, .packets_lost = p->lost};
    if (sent_us <= 0)
        return;
    double sent = bps(s->bytes - s->last_bytes, sent_us), share = pace(p);
    r->sent_bps = (uint64_t)sent;
    if (share <= 0 || share > MAX_COMPRESSION)
        return;
    share *= survival(p, inherent_loss);
    r->is_saturated = share < SATURATED;
    r->bps = (uint64_t)(sent * (r->is_saturated ? UTILISATION * share : MIN(share, 1.0)));
}

bool probe_take_result(struct probe *p, double inherent_loss, uint64_t now_us,
                       struct probe_result *out)
{
    if (p->state == PROBE_SENDING && now_us >= p->give_up_us)
        wait_for_feedback(p, now_us);
    if (p->state != PROBE_WAITING || (!p->is_reported && now_us < p->give_up_us))
        return false;
    measure(p, inherent_loss, out);
    probe_stop(p);
    return true;
}
