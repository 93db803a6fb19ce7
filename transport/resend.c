/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resend.c - from a viewer's numbers back to the source's.
 *
 *     in    100 101 (102) 103  104 lost  105 ‖ 7001 7002     (102): left out      ‖: switch
 *     out    50  51        52            54  ‖   55   56
 *     spans  50: -50       52: -51              55: -6946, and another source
 *     sent    x   x         x   .         x       x    x
 *
 * A number that upstream lost keeps its place in a span without its bit. When it comes late it gets both. The place of a late
 * packet may then turn out to belong to another span than was thought: see place_late().
 */
#include "transport/resend.h"

#include <string.h>

#include "core/mem.h"
#include "core/prefetch.h"
#include "core/seq.h"
#include "core/timebase.h"

_Static_assert(RESEND_MAX_SPANS <= UINT8_MAX && RESEND_MAX_SPANS % RESEND_SPANS == 0,
               "it doubles, and counts in a byte");

#define MIN_BURST_BYTES 32768u  /* one lost burst of a large keyframe */
#define LEAST_BURST_BYTES 3600u /* three packets, however little there is */

struct resend_recent {
    uint32_t at_ms;
    uint16_t seq;
    bool is_set;
};

/* --- spans ------------------------------------------------------------------------------------------- */

static struct resend_span *span_at(const struct resend *r, unsigned i)
{
    return &r->span[(r->first_span + i) % r->max_spans];
}

static void drop_oldest_span(struct resend *r)
{
    r->first_span = (uint8_t)((r->first_span + 1) % r->max_spans);
    r->spans--;
}

/* Room for so many spans, which is enough for those that there are. Without memory all stays as it is. */
static void resize(struct resend *r, unsigned max_spans)
{
    struct resend_span *span = mem_try_alloc(max_spans * sizeof(*span));

    if (span == NULL)
        return;
    for (unsigned i = 0; i < r->spans; i++)
        span[i] = *span_at(r, i);
    mem_free(r->span);
    r->span = span;
    r->first_span = 0;
    r->max_spans = (uint8_t)max_spans;
}

static void make_room(struct resend *r)
{
    if (r->max_spans == 0)
        resize(r, RESEND_SPANS);
    else if (r->spans == r->max_spans && r->max_spans < RESEND_MAX_SPANS)
        resize(r, 2u * r->max_spans);
}

static void insert_span(struct resend *r, unsigned place, struct resend_span span)
{
    make_room(r);
    if (r->max_spans == 0)
        return;
    if (r->spans == r->max_spans) {
        drop_oldest_span(r);
        if (place == 0)
            return;
        place--;
    }
    for (unsigned i = r->spans++; i > place; i--)
        *span_at(r, i) = *span_at(r, i - 1);
    *span_at(r, place) = span;
}

/* The span that @out lies in; -1 when it is older than all. */
static int find_span(struct resend *r, uint16_t out)
{
    int i = r->spans - 1;

    while (i >= 0 && seq16_newer(span_at(r, (unsigned)i)->first, out))
        i--;
    return i;
}

static bool is_of(const struct resend_span *s, const struct resend_rewrite *how)
{
    const struct resend_rewrite *a = &s->how;

    return a->seq == how->seq && a->ts == how->ts && a->source == how->source &&
           a->picture_id == how->picture_id && a->frame_number == how->frame_number &&
           a->tl0picidx == how->tl0picidx && a->keyidx == how->keyidx;
}

/* No span begins before the window, so that all of them compare. */
static void trim(struct resend *r)
{
    uint16_t oldest = (uint16_t)(r->newest - RESEND_WINDOW + 1);

    while (r->spans > 1 && !seq16_newer(span_at(r, 1)->first, oldest))
        drop_oldest_span(r);
    if (r->spans > 0 && seq16_newer(oldest, span_at(r, 0)->first))
        span_at(r, 0)->first = oldest;
    if (r->max_spans > RESEND_SPANS && r->spans < RESEND_SPANS / 2)
        resize(r, RESEND_SPANS);
}

/* --- bits -------------------------------------------------------------------------------------------- */

static bool was_sent(const struct resend *r, uint16_t out)
{
    unsigned i = out % RESEND_WINDOW;

    return (r->sent[i / 64] >> (i % 64) & 1) != 0;
}

static void set_sent(struct resend *r, uint16_t out, bool is_sent)
{
    unsigned i = out % RESEND_WINDOW;

    r->sent[i / 64] &= ~(1ull << (i % 64));
    r->sent[i / 64] |= (uint64_t)is_sent << (i % 64);
}

/* The places between the newest and @out stood for other numbers, a window ago. */
static void advance(struct resend *r, uint16_t out)
{
    unsigned steps = (uint16_t)(out - r->newest);

    for (unsigned n = MIN(steps, (unsigned)RESEND_WINDOW); n > 1; n--)
        set_sent(r, (uint16_t)(out - n + 1), false);
    r->newest = out;
}

/* --- when -------------------------------------------------------------------------------------------- */

static uint32_t to_ms(uint64_t us)
{
    return (uint32_t)(us / US_PER_MS);
}

/* @out is under way from now on. Without memory for that it is not remembered. */
static bool note_recent(struct resend *r, uint16_t out, uint64_t now_us)
{
    if (r->recent == NULL)
        r->recent = mem_try_alloc(RESEND_RECENT * sizeof(*r->recent));
    if (r->recent != NULL)
        r->recent[out % RESEND_RECENT] = (struct resend_recent){to_ms(now_us), out, true};
    return r->recent != NULL;
}

/* --- what was sent ----------------------------------------------------------------------------------- */

static bool none_sent(const struct resend *r, uint16_t from, uint16_t end)
{
    for (uint16_t out = from; out != end; out++)
        if (was_sent(r, out))
            return false;
    return true;
}

/*
 * A late packet with other distances than its span: it was lost upstream near a packet that we left out. The border between the
 * spans lies before it and not behind it, or it has distances of its own, and what follows up to the next span stays as it was.
 */
static void place_late(struct resend *r, unsigned i, uint16_t out, const struct resend_rewrite *how)
{
    struct resend_span was = *span_at(r, i);
    struct resend_span *next = i + 1u < r->spans ? span_at(r, i + 1) : NULL;
    uint16_t behind = (uint16_t)(out + 1);

    if (next != NULL && is_of(next, how) && none_sent(r, behind, next->first)) {
        next->first = out;
        return;
    }
    if (next == NULL || next->first != behind)
        insert_span(r, i + 1, (struct resend_span){behind, was.how});
    insert_span(r, (unsigned)(find_span(r, out) + 1), (struct resend_span){out, *how});
}

static void note_late(struct resend *r, uint16_t out, const struct resend_rewrite *how,
                      uint64_t now_us)
{
    int i = find_span(r, out);

    if (seq16_diff(out, r->newest) <= -RESEND_WINDOW)
        return;
    set_sent(r, out, true);
    if (r->asked > 0)
        (void)note_recent(r, out, now_us);
    if (i >= 0 && !is_of(span_at(r, (unsigned)i), how))
        place_late(r, (unsigned)i, out, how);
}

void resend_sent(struct resend *r, uint16_t out_seq, const struct resend_rewrite *how,
                 uint64_t now_us)
{
    if (r->started && !seq16_newer(out_seq, r->newest)) {
        note_late(r, out_seq, how, now_us);
        return;
    }
    if (!r->started)
        r->newest = (uint16_t)(out_seq - 1);
    r->started = true;
    if (r->spans == 0 || !is_of(span_at(r, r->spans - 1u), how))
        insert_span(r, r->spans, (struct resend_span){out_seq, *how});
    advance(r, out_seq);
    set_sent(r, out_seq, true);
    trim(r);
}

void resend_prefetch(const struct resend *r)
{
    if (r->spans > 0)
        prefetch(span_at(r, r->spans - 1u), sizeof(struct resend_span));
}

/* --- what is asked for ------------------------------------------------------------------------------- */

static uint64_t repeat_us(uint64_t rtt_us)
{
    uint64_t us = (rtt_us == 0 ? RESEND_UNKNOWN_RTT_US : MIN(rtt_us, RESEND_MAX_REPEAT_US)) * 3 / 4;

    return MAX(us, RESEND_MIN_REPEAT_US);
}

static bool is_too_soon(const struct resend *r, uint16_t out, uint64_t rtt_us, uint64_t now_us)
{
    if (r->recent == NULL)
        return false;
    const struct resend_recent *recent = &r->recent[out % RESEND_RECENT];

    return recent->is_set && recent->seq == out &&
           to_ms(now_us) - recent->at_ms < to_ms(repeat_us(rtt_us));
}

bool resend_find(struct resend *r, uint16_t out_seq, struct resend_origin *origin)
{
    int behind = seq16_diff(r->newest, out_seq);

    if (!r->started || behind < 0 || behind >= RESEND_WINDOW || !was_sent(r, out_seq))
        return false;
    int i = find_span(r, out_seq);
    if (i < 0)
        return false;
    const struct resend_span *s = span_at(r, (unsigned)i);
    *origin = (struct resend_origin){(uint16_t)(out_seq - s->how.seq), s->how};
    return true;
}

enum resend_verdict resend_look_up(struct resend *r, uint16_t out_seq, uint64_t rtt_us,
                                   uint64_t now_us, struct resend_origin *origin)
{
    int behind = seq16_diff(r->newest, out_seq);
    int i = r->started && behind >= 0 && behind < RESEND_WINDOW ? find_span(r, out_seq) : -1;

    r->asked++;
    if (!r->started || behind < 0 || (behind < RESEND_WINDOW && !was_sent(r, out_seq))) {
        r->never_sent++;
        return RESEND_NEVER_SENT;
    }
    if (i < 0) {
        r->too_old++;
        return RESEND_TOO_OLD;
    }
    if (is_too_soon(r, out_seq, rtt_us, now_us)) {
        r->too_soon++;
        return RESEND_TOO_SOON;
    }
    const struct resend_span *s = span_at(r, (unsigned)i);
    *origin = (struct resend_origin){(uint16_t)(out_seq - s->how.seq), s->how};
    return RESEND_YES;
}

/* --- the budget -------------------------------------------------------------------------------------- */

static void refill(struct resend_budget *b, uint64_t now_us)
{
    if (b->at_us == 0) {
        b->bytes_per_s = RESEND_MIN_BPS / 8;
        b->bytes = b->burst_bytes = MIN_BURST_BYTES;
        b->at_us = now_us;
        return;
    }
    uint64_t us = MIN(now_us - b->at_us, US_PER_S), more = us * b->bytes_per_s / US_PER_S;
    if (more == 0) /* let it add up */
        return;
    b->bytes = MIN(b->bytes + more, b->burst_bytes);
    b->at_us = now_us - (us - more * US_PER_S / b->bytes_per_s); /* nor is a part of a byte lost */
}

void resend_budget_set_rate(struct resend_budget *b, uint64_t media_bps, uint64_t most_bps,
                            uint64_t now_us)
{
    uint64_t bps = MAX(media_bps * RESEND_SHARE_PERCENT / 100, RESEND_MIN_BPS);
    bool is_limited = most_bps < bps;

    refill(b, now_us);
    b->bytes_per_s = MIN(bps, most_bps) / 8;
    b->burst_bytes = MAX(b->bytes_per_s * RESEND_BURST_US / US_PER_S,
                         is_limited ? LEAST_BURST_BYTES : MIN_BURST_BYTES);
    b->bytes = MIN(b->bytes, b->burst_bytes);
}

static bool take(struct resend_budget *b, size_t bytes, uint64_t now_us)
{
    refill(b, now_us);
    if (b->bytes < bytes)
        return false;
    b->bytes -= bytes;
    return true;
}

bool resend_pay(struct resend *r, struct resend_budget *budget, uint16_t out_seq, size_t bytes,
                uint64_t now_us)
{
    if (!take(budget, bytes, now_us) || !note_recent(r, out_seq, now_us)) {
        r->over_budget++;
        return false;
    }
    r->resent++;
    r->bytes_resent += bytes;
    return true;
}

/* --- life -------------------------------------------------------------------------------------------- */

void resend_init(struct resend *r)
{
    *r = (struct resend){0};
}

void resend_reset(struct resend *r)
{
    MEM_FREE(r->recent);
    MEM_FREE(r->span);
    r->max_spans = 0;
    memset(r->sent, 0, sizeof(r->sent));
    r->started = false;
    r->first_span = 0;
    r->spans = 0;
}
