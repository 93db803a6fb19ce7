/* SPDX-License-Identifier: Apache-2.0 */
/*
 * twcc.c - the log of arrivals behind transport-wide feedback.
 *
 *         forgotten │ told, remembered for a while │ to be told │
 *   ────────────────┴──────────────────────────────┴────────────┴──▶ sequence number
 *                 floor                           next         newest
 *
 * Only what arrived is in the log, in the order of sequence numbers, so that gaps cost nothing. What was told is remembered to
 * know duplicates, and to tell of a late packet: feedback names consecutive numbers, so that those behind it are told again.
 */
#include "transport/twcc.h"

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/seq.h"
#include "core/stats.h"
#include "transport/rtcp_twcc.h"

#define REMEMBERED_US 500000ull /* libwebrtc's back window */
#define MAX_BEFORE_FIRST 128 /* packets that may come after the first one, but were sent before */
#define RESTART_AFTER \
    64 /* old packets in a row: the endpoint counts anew, or one jumped far ahead */
/* Around the feedback packet: IPv4, UDP, SRTCP's index and tag, the report and CNAME in front (RFC 3550 s6.1). */
#define AROUND_BYTES (20 + 8 + 4 + 16 + 8 + 28)

struct arrival {
    int64_t seq; /* unwrapped */
    uint64_t at_us;
};

struct twcc {
    struct seq16_unwrapper unwrapper;
    int64_t floor; /* nothing before it is known */
    int64_t next;  /* the first number to tell of */
    size_t told;   /* arrivals before it */
    size_t first, count;
    unsigned old_in_a_row;
    uint64_t due_us, interval_us;
    uint8_t feedback_seq;
    struct rate rate;
    struct arrival log[MAX_TWCC_ARRIVALS]; /* a ring */
};

/* --- the log ----------------------------------------------------------------------------------------- */

static struct arrival *arrival_at(struct twcc *t, size_t i)
{
    return &t->log[(t->first + i) % MAX_TWCC_ARRIVALS];
}

static void drop_first(struct twcc *t)
{
    t->floor = arrival_at(t, 0)->seq + 1;
    if (t->told > 0)
        t->told--;
    if (t->next < t->floor)
        t->next = t->floor;
    t->first = (t->first + 1) % MAX_TWCC_ARRIVALS;
    t->count--;
}

static void forget(struct twcc *t, uint64_t now_us)
{
    while (t->told > 0 && arrival_at(t, 0)->at_us + REMEMBERED_US < now_us)
        drop_first(t);
}

/* Where it belongs; nearly always at the end. Returns false when it is there. */
static bool find_place(struct twcc *t, int64_t seq, size_t *place)
{
    size_t i = t->count;

    while (i > 0 && arrival_at(t, i - 1)->seq > seq)
        i--;
    *place = i;
    return i == 0 || arrival_at(t, i - 1)->seq != seq;
}

static void insert(struct twcc *t, size_t place, int64_t seq, uint64_t at_us)
{
    if (t->count == MAX_TWCC_ARRIVALS) {
        drop_first(t);
        if (place == 0) /* it would be the one to go */
            return;
        place--;
    }
    for (size_t i = t->count++; i > place; i--)
        *arrival_at(t, i) = *arrival_at(t, i - 1);
    *arrival_at(t, place) = (struct arrival){.seq = seq, .at_us = at_us};
    if (seq < t->next) {
        t->next = seq;
        t->told = place;
    }
}

static void start_at(struct twcc *t, uint16_t seq)
{
    t->unwrapper = (struct seq16_unwrapper){0};
    t->next = seq16_unwrap(&t->unwrapper, seq);
    t->floor = t->next - MAX_BEFORE_FIRST;
    t->told = 0;
    t->count = 0;
    t->old_in_a_row = 0;
}

/* The unwrapped number; false when the packet is from before what is known. */
static bool take_seq(struct twcc *t, uint16_t seq, int64_t *out)
{
    if (!t->unwrapper.started)
        start_at(t, seq);
    *out = seq16_unwrap(&t->unwrapper, seq);
    if (*out >= t->floor) {
        t->old_in_a_row = 0;
        return true;
    }
    if (++t->old_in_a_row < RESTART_AFTER)
        return false;
    start_at(t, seq);
    *out = t->next;
    return true;
}

/* --- public ------------------------------------------------------------------------------------------ */

struct twcc *twcc_new(void)
{
    struct twcc *t = mem_try_alloc(sizeof(*t));

    if (t == NULL)
        return NULL;
    t->due_us = UINT64_MAX;
    t->interval_us = TWCC_FIRST_INTERVAL_US;
    return t;
}

void twcc_free(struct twcc **t)
{
    MEM_FREE(*t);
}

void twcc_add(struct twcc *t, uint16_t seq, size_t bytes, uint64_t arrival_us, uint64_t now_us)
{
    int64_t unwrapped;
    size_t place;

    rate_add(&t->rate, bytes, now_us);
    if (!take_seq(t, seq, &unwrapped))
        return;
    forget(t, now_us);
    if (!find_place(t, unwrapped, &place))
        return;
    insert(t, place, unwrapped, arrival_us);
    if (t->count - t->told == MAX_TWCC_ARRIVALS)
        t->due_us = now_us;
    else if (t->due_us == UINT64_MAX && t->told < t->count)
        t->due_us = now_us + t->interval_us;
}

uint64_t twcc_due_us(const struct twcc *t)
{
    return t->due_us;
}

/* Tell from next on, of as many as go in. Of a gap that is too long the end is told. */
static void fill(struct twcc *t, struct rtcp_twcc_builder *b)
{
    const struct arrival *a = arrival_at(t, t->told);
    int64_t base = MAX(t->next, a->seq - (MAX_TWCC_STATUSES - 1));

    rtcp_twcc_start(b, (uint16_t)base, a->at_us);
    while (t->told < t->count) {
        a = arrival_at(t, t->told);
        if (a->seq - base >= MAX_TWCC_STATUSES || !rtcp_twcc_add(b, (uint16_t)a->seq, a->at_us))
            break;
        t->told++;
        t->next = a->seq + 1;
    }
    CHECK(t->next > base); /* the first one goes in always */
}

static uint64_t interval_us(struct twcc *t, size_t bytes, uint64_t now_us)
{
    uint64_t bps = rate_bps(&t->rate, now_us);
    uint64_t us = TWCC_MAX_INTERVAL_US;

    if (bps > 0)
        us = (bytes + AROUND_BYTES) * 8 * 1000000ull * TWCC_FEEDBACK_SHARE / bps;
    return MAX(TWCC_MIN_INTERVAL_US, MIN(TWCC_MAX_INTERVAL_US, us));
}

bool twcc_write(struct twcc *t, struct writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                uint64_t now_us)
{
    struct rtcp_twcc_builder b;
    size_t before = writer_len(w);

    t->due_us = UINT64_MAX;
    if (t->told == t->count)
        return false;
    fill(t, &b);
    rtcp_twcc_write(&b, w, sender_ssrc, media_ssrc, t->feedback_seq++);
    t->interval_us = interval_us(t, writer_len(w) - before, now_us);
    return true;
}
