/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_history.c - a ring of what was sent.
 *
 *        forgotten │ count entries          │ not sent yet
 *   ───────────────┴────────────────────────┴─────────────▶ sequence number
 *                                        next_seq
 *
 * The capacity is a power of two that divides 65536, so that a number's place does not depend on how often numbers have wrapped.
 * The ring grows only while feedback is still to come for its oldest entry: for most viewers it stays at what is sent in a round trip
 * and a feedback interval.
 */
#include "transport/send_history.h"

#include <string.h>

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/seq.h"
#include "transport/rtcp_twcc.h"

#define FIRST_CAPACITY 64

enum fate { IN_FLIGHT, CALLED_LOST, RECEIVED };

void send_history_init(struct send_history *h)
{
    *h = (struct send_history){.next_seq = 1};
}

void send_history_fini(struct send_history *h)
{
    MEM_FREE(h->at);
    h->capacity = h->count = 0;
}

void send_history_clear(struct send_history *h)
{
    h->count = 0;
    h->is_told = false;
    h->clock.started = false;
}

/* ---- sending ---- */

static struct sent_packet *place_of(const struct send_history *h, uint16_t seq)
{
    return &h->at[seq & (h->capacity - 1)];
}

static uint32_t age_us(const struct sent_packet *p, uint64_t now_us)
{
    return (uint32_t)now_us - p->sent_us;
}

static void grow(struct send_history *h)
{
    uint32_t capacity = h->capacity == 0 ? FIRST_CAPACITY : 2 * h->capacity;
    struct sent_packet *at = mem_try_alloc(capacity * sizeof(*at));

    if (at == NULL)
        return;
    for (uint32_t i = 1; i <= h->count; i++) {
        uint16_t seq = (uint16_t)(h->next_seq - i);
        at[seq & (capacity - 1)] = *place_of(h, seq);
    }
    mem_free(h->at);
    h->at = at;
    h->capacity = capacity;
}

/* The oldest entry is in the way. */
static void make_room(struct send_history *h, uint64_t now_us)
{
    if (h->capacity > 0) {
        const struct sent_packet *oldest = place_of(h, h->next_seq);
        uint16_t oldest_seq = (uint16_t)(h->next_seq - h->capacity);
        bool is_told = h->is_told && !seq16_newer(oldest_seq, h->told_seq);
        if (is_told || age_us(oldest, now_us) > SEND_HISTORY_US)
            return;
    }
    if (h->capacity < MAX_SEND_HISTORY)
        grow(h);
    if (h->count == h->capacity && h->capacity > 0)
        h->stats.forgotten++;
}

HOT uint16_t send_history_add(struct send_history *h, size_t bytes, uint8_t cluster,
                              uint64_t now_us)
{
    if (h->count == h->capacity)
        make_room(h, now_us);
    if (UNLIKELY(h->capacity == 0))
        return h->next_seq++;
    *place_of(h, h->next_seq) = (struct sent_packet){
        .sent_us = (uint32_t)now_us, .bytes = (uint16_t)bytes, .cluster = cluster};
    if (h->count < h->capacity)
        h->count++;
    return h->next_seq++;
}

/* ---- feedback ---- */

static struct sent_packet *find(const struct send_history *h, uint16_t seq)
{
    uint16_t back = (uint16_t)(h->next_seq - seq); /* 1 is the newest one */

    return back == 0 || back > h->count ? NULL : place_of(h, seq);
}

/* The reference time has 24 bits (s3.1): it is near the newest one. What the endpoint makes of its clock is its own business. */
static int64_t unwrap_reference(struct feedback_clock *c, int32_t reference)
{
    int32_t diff = (int32_t)((uint32_t)(reference - c->newest) << 8) / 256;

    if (!c->started)
        *c = (struct feedback_clock){.started = true, .newest = reference, .unwrapped = reference};
    else if (diff > 0)
        *c = (struct feedback_clock){
            .started = true, .newest = reference, .unwrapped = c->unwrapped + diff};
    else
        return c->unwrapped + diff;
    return c->unwrapped;
}

void feedback_walk_start(struct feedback_walk *w, struct send_history *h,
                         const struct rtcp_twcc *feedback, uint64_t now_us)
{
    *w = (struct feedback_walk){.history = h, .feedback = feedback, .now_us = now_us};
    w->at_us = unwrap_reference(&h->clock, feedback->reference) * TWCC_REFERENCE_US;
}

/* Whether the status is news; the packet's fate is set then. */
static bool is_news(struct send_history *h, struct sent_packet *p,
                    const struct rtcp_twcc_status *status, uint64_t now_us)
{
    if (p == NULL || age_us(p, now_us) > SEND_HISTORY_US) {
        h->stats.unknown++;
        return false;
    }
    if (p->fate == RECEIVED) {
        h->stats.duplicates++;
        return false;
    }
    if (!status->received && p->fate == CALLED_LOST)
        return false;
    return true;
}

HOT bool feedback_walk_next(struct feedback_walk *w, struct sent_fate *out)
{
    struct send_history *h = w->history;

    while (w->next < w->feedback->n) {
        const struct rtcp_twcc_status *status = &w->feedback->at[w->next++];
        struct sent_packet *p = find(h, status->seq);

        w->at_us += status->delta * TWCC_TICK_US;
        if (!is_news(h, p, status, w->now_us))
            continue;
        *out = (struct sent_fate){
            .seq = status->seq,
            .bytes = p->bytes,
            .cluster = p->cluster,
            .received = status->received,
            .was_called_lost = p->fate == CALLED_LOST,
            .sent_us = w->now_us - age_us(p, w->now_us),
            .arrival_us = w->at_us,
        };
        p->fate = status->received ? RECEIVED : CALLED_LOST;
        if (!h->is_told || seq16_newer(status->seq, h->told_seq))
            h->told_seq = status->seq;
        h->is_told = true;
        return true;
    }
    return false;
}
