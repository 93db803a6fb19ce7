/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nack.c - the missing numbers of one SSRC, oldest first.
 *
 *     noticed ── wait ──▶ asked ── 1.25 RTT ──▶ asked ── as long, then longer ──▶ … NACK_TRIES, or too old: given up
 *        │                  │
 *        └ came: reordered  └ came: recovered (as RTX, or not before a round trip), else reordered
 *
 * A received keyframe makes everything before it dispensable.
 */
#include "transport/nack.h"

#include <string.h>

#include "core/limits.h"
#include "core/mem.h"
#include "core/seq.h"
#include "transport/rtp_recv.h"

#define FIRST_CAPACITY 16
#define KEPT_CAPACITY 128   /* a longer block goes when all is found or given up */
#define TOGETHER_US 2000ull /* what is due so soon after now goes into the same packet */
#define FIRST_REORDER_US (NACK_FIRST_WAIT_US * 4 / 5) /* wait_us() makes NACK_FIRST_WAIT_US of it */
#define CLOSE_TRIES 4
#define REORDER_DECAY 16 /* the peak loses so much of itself with each gap */

struct nack_missing {
    uint64_t noticed_us;
    uint32_t asked_after_us; /* the newest request, since noticed_us */
    uint16_t seq;
    uint8_t tries;
};

/* --- how long ---------------------------------------------------------------------------------------- */

/* The round trip as told, or as seen by the answers; 0: neither. */
static uint64_t known_rtt_us(const struct nack *n)
{
    return n->rtt_us != 0 ? n->rtt_us : n->answer_us;
}

static uint64_t rtt_or_guess_us(const struct nack *n)
{
    uint64_t us = known_rtt_us(n);

    return us != 0 ? us : NACK_UNKNOWN_RTT_US;
}

/* For reordering: a quarter over what was seen, not more than a quarter of the round trip (where that is worth waiting). */
static uint64_t wait_us(const struct nack *n)
{
    uint64_t longest = MAX(NACK_FIRST_WAIT_US, MIN(rtt_or_guess_us(n) / 4, NACK_MAX_WAIT_US));
    uint64_t us = n->reorder_us + n->reorder_us / 4;

    return MIN(MAX(us, NACK_MIN_WAIT_US), longest);
}

/* How long to wait for an answer. Where both a request and its answer get lost one time in twenty, four tries are nothing special,
 * and a viewer's picture stands still until the last: the first few follow each other closely, and only then each comes later,
 * for the round trip may be longer than we think. */
static uint64_t repeat_us(const struct nack *n, unsigned tries)
{
    uint64_t rtt_us = known_rtt_us(n);
    uint64_t us = rtt_us != 0 ? rtt_us + MAX(rtt_us / 4, NACK_MARGIN_US)
                              : NACK_UNKNOWN_RTT_US + NACK_UNKNOWN_RTT_US / 2;

    us = MAX(us, NACK_MIN_REPEAT_US) + n->late_us;
    return tries <= CLOSE_TRIES ? us : us + us * (tries - CLOSE_TRIES) / 4;
}

static uint64_t max_age_us(const struct nack *n)
{
    uint64_t least = n->is_video ? NACK_VIDEO_AGE_US : NACK_AUDIO_AGE_US;

    return MIN(MAX(least, 3 * known_rtt_us(n)), NACK_MAX_AGE_US);
}

static uint64_t due_us(const struct nack *n, const struct nack_missing *m)
{
    if (m->tries == 0)
        return m->noticed_us + wait_us(n);
    return MIN(m->noticed_us + m->asked_after_us + repeat_us(n, m->tries),
               m->noticed_us + max_age_us(n));
}

/* --- the list ---------------------------------------------------------------------------------------- */

static void clear(struct nack *n)
{
    n->count = 0;
    n->next_us = UINT64_MAX;
    if (n->capacity > KEPT_CAPACITY) {
        MEM_FREE(n->missing);
        n->capacity = 0;
    }
}

static bool grow(struct nack *n, size_t needed)
{
    size_t capacity = n->capacity == 0 ? FIRST_CAPACITY : n->capacity;

    if (needed <= n->capacity)
        return true;
    while (capacity < needed)
        capacity *= 2;
    void *block = mem_try_realloc(n->missing, capacity * sizeof(*n->missing));
    if (block == NULL)
        return false;
    n->missing = block;
    n->capacity = (uint16_t)capacity;
    return true;
}

/* The first entry that is not older than @seq. */
static size_t find(const struct nack *n, uint16_t seq)
{
    size_t low = 0, high = n->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (seq16_newer(seq, n->missing[middle].seq))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void remove_at(struct nack *n, size_t i)
{
    n->count--;
    memmove(&n->missing[i], &n->missing[i + 1], (n->count - i) * sizeof(*n->missing));
    if (n->count == 0)
        clear(n);
}

static void drop_older(struct nack *n, uint16_t seq)
{
    size_t k = find(n, seq);

    n->count = (uint16_t)(n->count - k);
    memmove(n->missing, n->missing + k, n->count * sizeof(*n->missing));
    if (n->count == 0)
        clear(n);
}

/* --- arrivals ---------------------------------------------------------------------------------------- */

/* Did it come by itself? An answer takes at least about a round trip from the request. */
static bool is_reordered(const struct nack *n, const struct nack_missing *m, unsigned flags,
                         uint64_t late_us)
{
    if (flags & NACK_RECOVERED)
        return false;
    return m->tries == 0 ||
           (known_rtt_us(n) != 0 && late_us < m->asked_after_us + known_rtt_us(n) * 3 / 4);
}

/* Which request a later answer belongs to is not known (Karn's rule). */
static void time_answer(struct nack *n, const struct nack_missing *m, unsigned flags,
                        uint64_t late_us)
{
    uint32_t us = (uint32_t)MIN(late_us - m->asked_after_us, NACK_MAX_AGE_US);

    if (m->tries == 1 && (flags & NACK_RECOVERED))
        n->answer_us = n->answer_us == 0 ? us : n->answer_us - n->answer_us / 8 + us / 8;
}

static void late(struct nack *n, uint16_t seq, unsigned flags, uint64_t now_us)
{
    size_t i = find(n, seq);

    if (i == n->count || n->missing[i].seq != seq)
        return;
    const struct nack_missing *m = &n->missing[i];
    uint64_t late_us = now_us - m->noticed_us;
    if (is_reordered(n, m, flags, late_us)) {
        n->reordered++;
        n->reorder_us = (uint32_t)MIN(MAX(n->reorder_us, late_us), NACK_MAX_WAIT_US);
    } else {
        n->recovered++;
        time_answer(n, m, flags, late_us);
    }
    remove_at(n, i);
}

static bool give_all_up(struct nack *n)
{
    n->given_up += n->count;
    clear(n);
    return n->is_video;
}

/* From the first to the last number before @seq. */
static bool note_gap(struct nack *n, uint16_t seq, size_t gap, uint64_t now_us)
{
    if (gap > MAX_NACK_GAP) {
        n->jumps++;
        return give_all_up(n);
    }
    if (n->count + gap > MAX_NACK_OUTSTANDING || !grow(n, n->count + gap)) {
        n->given_up += gap;
        return give_all_up(n);
    }
    n->reorder_us -= n->reorder_us / REORDER_DECAY;
    for (size_t k = gap; k > 0; k--)
        n->missing[n->count++] =
            (struct nack_missing){.noticed_us = now_us, .seq = (uint16_t)(seq - k)};
    n->next_us = MIN(n->next_us, now_us + wait_us(n));
    return false;
}

/* Reordering never reaches so far back: the sender began anew. What follows a keyframe needs none. */
static bool begin_anew(struct nack *n, uint16_t seq, unsigned flags)
{
    bool wants_keyframe = give_all_up(n);

    n->newest = seq;
    n->jumps++;
    return wants_keyframe && (flags & NACK_KEYFRAME) == 0;
}

bool nack_received(struct nack *n, uint16_t seq, unsigned flags, uint64_t now_us)
{
    int step = seq16_diff(seq, n->newest);
    bool wants_keyframe = false;

    if (!n->started) {
        n->started = true;
        n->newest = seq;
        return false;
    }
    if (step <= -RTP_RECV_WINDOW)
        return begin_anew(n, seq, flags);
    if (step > 1)
        wants_keyframe = note_gap(n, seq, (size_t)step - 1, now_us);
    if (step > 0)
        n->newest = seq;
    else if (n->count > 0)
        late(n, seq, flags, now_us);
    if ((flags & NACK_KEYFRAME) == 0)
        return wants_keyframe;
    if (n->count > 0)
        drop_older(n, seq);
    return false;
}

/* --- requests ---------------------------------------------------------------------------------------- */

/* Asked often enough, too old to be of use, or so far back that rtp_recv would not take it. */
static bool is_hopeless(const struct nack *n, const struct nack_missing *m, uint64_t now_us)
{
    return m->tries >= NACK_TRIES || now_us + TOGETHER_US >= m->noticed_us + max_age_us(n) ||
           seq16_diff(n->newest, m->seq) >= RTP_RECV_WINDOW;
}

static void ask(struct nack *n, struct nack_missing *m, uint64_t now_us)
{
    if (m->tries++ == 0)
        n->asked++;
    else
        n->repeated++;
    m->asked_after_us = (uint32_t)(now_us - m->noticed_us);
}

size_t nack_due(struct nack *n, uint64_t rtt_us, uint64_t now_us, uint16_t *seqs, size_t max,
                bool *wants_keyframe)
{
    size_t asked = 0, kept = 0;

    n->rtt_us = (uint32_t)MIN(rtt_us, NACK_MAX_AGE_US);
    if (now_us < n->next_us)
        return 0;
    n->next_us = UINT64_MAX;
    for (size_t i = 0; i < n->count; i++) {
        struct nack_missing *m = &n->missing[i];
        bool is_due = due_us(n, m) <= now_us + TOGETHER_US;
        if (is_due && is_hopeless(n, m, now_us)) {
            n->given_up++;
            *wants_keyframe |= n->is_video;
            continue;
        }
        if (is_due && asked < max) {
            ask(n, m, now_us);
            seqs[asked++] = m->seq;
        }
        n->next_us = MIN(n->next_us, MAX(due_us(n, m), now_us));
        n->missing[kept++] = *m;
    }
    n->count = (uint16_t)kept;
    if (kept == 0)
        clear(n);
    return asked;
}

void nack_set_late(struct nack *n, uint64_t late_us)
{
    n->late_us = (uint32_t)MIN(late_us, NACK_MAX_AGE_US);
}

void nack_give_up(struct nack *n)
{
    (void)give_all_up(n);
}

bool nack_is_awaited(const struct nack *n, uint16_t seq)
{
    size_t i = find(n, seq);

    return i < n->count && n->missing[i].seq == seq;
}

uint64_t nack_next_us(const struct nack *n)
{
    return n->next_us;
}

/* --- life -------------------------------------------------------------------------------------------- */

void nack_init(struct nack *n, enum nack_kind kind)
{
    *n = (struct nack){.is_video = kind == NACK_VIDEO};
    nack_reset(n);
}

void nack_reset(struct nack *n)
{
    MEM_FREE(n->missing);
    n->capacity = 0;
    clear(n);
    n->started = false;
    n->rtt_us = n->late_us = n->answer_us = 0;
    n->reorder_us = FIRST_REORDER_US;
}
