/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pacer.c - the queues behind pacer_passes().
 *
 * What left is kept as the time until which the path is busy with it at the pacing rate. All waiting packets share one array of
 * slots, linked into a FIFO for each priority; it is given back when the last one has left.
 */
#include "transport/pacer.h"

#include "core/check.h"
#include "core/limits.h"
#include "core/mem.h"

#define NONE UINT16_MAX
#define FIRST_CAPACITY 32
#define NS_PER_S 1000000000ull
#define BATCH_NS 4000000ull /* leave together: timers are not finer, and egress likes batches */
#define MIN_LEFT_US 1000u
#define LOOK_US 5000u

struct pacer_slot {
    struct pacer_item item;
    uint64_t since_us;
    uint16_t next;
};

void pacer_init(struct pacer *p, void (*on_dropped)(const struct pacer_item *item, void *arg),
                void *arg)
{
    *p = (struct pacer){.free = NONE, .on_dropped = on_dropped, .arg = arg};
    for (unsigned i = 0; i < ARRAY_LEN(p->fifo); i++)
        p->fifo[i] = (struct pacer_fifo){NONE, NONE};
}

void pacer_set_target(struct pacer *p, uint64_t target_bps)
{
    uint64_t pacing_bps = target_bps * PACER_FACTOR_PERCENT / 100;

    p->ns_per_byte = pacing_bps == 0 ? 0 : (uint32_t)MIN(8 * NS_PER_S / pacing_bps, UINT32_MAX);
}

/* ---- slots ---- */

static bool grow(struct pacer *p)
{
    size_t capacity = p->capacity == 0 ? FIRST_CAPACITY : 2u * p->capacity;
    struct pacer_slot *slot;

    if (capacity > MAX_PACED_PACKETS)
        return false;
    slot = mem_try_realloc(p->slot, capacity * sizeof(*slot));
    if (slot == NULL)
        return false;
    for (size_t i = capacity; i-- > p->capacity;) {
        slot[i].next = p->free;
        p->free = (uint16_t)i;
    }
    p->slot = slot;
    p->capacity = (uint16_t)capacity;
    return true;
}

static void give_back(struct pacer *p)
{
    MEM_FREE(p->slot);
    p->capacity = 0;
    p->free = NONE;
}

static void append(struct pacer *p, const struct pacer_item *item, uint64_t now_us)
{
    struct pacer_fifo *f = &p->fifo[item->priority];
    uint16_t i = p->free;

    p->free = p->slot[i].next;
    p->slot[i] = (struct pacer_slot){.item = *item, .since_us = now_us, .next = NONE};
    if (f->last == NONE)
        f->first = i;
    else
        p->slot[f->last].next = i;
    f->last = i;
    p->waiting++;
    p->stats.waiting_bytes += item->bytes;
}

/* Unlink the slot behind @before (NONE: the first one). */
static struct pacer_item take_behind(struct pacer *p, struct pacer_fifo *f, uint16_t before)
{
    uint16_t i = before == NONE ? f->first : p->slot[before].next;
    struct pacer_item item = p->slot[i].item;

    if (before == NONE)
        f->first = p->slot[i].next;
    else
        p->slot[before].next = p->slot[i].next;
    if (f->last == i)
        f->last = before;
    p->slot[i].next = p->free;
    p->free = i;
    p->waiting--;
    p->stats.waiting_bytes -= item.bytes;
    return item;
}

static void drop_first(struct pacer *p, struct pacer_fifo *f)
{
    struct pacer_item item = take_behind(p, f, NONE);

    p->stats.dropped++;
    p->on_dropped(&item, p->arg);
}

/* ---- public ---- */

void pacer_fini(struct pacer *p)
{
    for (unsigned i = 0; i < ARRAY_LEN(p->fifo); i++) {
        while (p->fifo[i].first != NONE)
            drop_first(p, &p->fifo[i]);
    }
    give_back(p);
}

static bool has_room(const struct pacer *p, const struct pacer_item *item)
{
    return p->free != NONE && p->stats.waiting_bytes + item->bytes <= MAX_PACED_BYTES;
}

static bool make_room(struct pacer *p, const struct pacer_item *item)
{
    struct pacer_fifo *retransmissions = &p->fifo[PACER_RETRANSMISSION];
    struct pacer_fifo *video = &p->fifo[PACER_VIDEO];

    if (p->free == NONE)
        (void)grow(p);
    while (!has_room(p, item) && retransmissions->first != NONE)
        drop_first(p, retransmissions);
    while (!has_room(p, item) && video->first != NONE && item->priority == PACER_VIDEO)
        drop_first(p, video);
    return has_room(p, item);
}

bool pacer_push(struct pacer *p, const struct pacer_item *item, uint64_t now_us)
{
    CHECK(item->priority != PACER_AUDIO && item->priority <= PACER_PADDING);
    if (item->priority == PACER_PADDING || !make_room(p, item)) {
        p->stats.dropped++;
        return false;
    }
    if (p->waiting == 0)
        p->pulled_us = now_us;
    append(p, item, now_us);
    p->stats.queued++;
    return true;
}

static struct pacer_fifo *next_fifo(struct pacer *p)
{
    if (p->fifo[PACER_RETRANSMISSION].first != NONE)
        return &p->fifo[PACER_RETRANSMISSION];
    return &p->fifo[PACER_VIDEO];
}

/* How long the oldest packet has waited: the first one of either queue. */
static uint64_t longest_wait_us(const struct pacer *p, uint64_t now_us)
{
    uint64_t since_us = now_us;

    for (unsigned i = 0; i < ARRAY_LEN(p->fifo); i++) {
        if (p->fifo[i].first != NONE)
            since_us = MIN(since_us, p->slot[p->fifo[i].first].since_us);
    }
    return now_us - since_us;
}

/*
 * How many times faster than at the pacing rate all that waits has to leave, to leave in time: 1 or more. What left too much
 * before is forgiven at that speed too.
 */
static double haste(struct pacer *p, uint64_t wait_us, uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000, passed_us = MIN(now_us - p->pulled_us, PACER_MAX_DELAY_US);
    uint64_t left_us = PACER_MAX_DELAY_US - MIN(wait_us, PACER_MAX_DELAY_US - MIN_LEFT_US);
    uint64_t lead_ns = p->busy_until_ns > now_ns ? p->busy_until_ns - now_ns : 0;
    uint64_t needed_ns = lead_ns + p->stats.waiting_bytes * p->ns_per_byte;
    double times = (double)needed_ns / 1000 / (double)left_us;

    p->pulled_us = now_us;
    if (times <= 1)
        return 1;
    p->busy_until_ns -= MIN((uint64_t)((double)passed_us * 1000 * (times - 1)), lead_ns);
    return times;
}

bool pacer_pull(struct pacer *p, struct pacer_item *out, uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000, wait_us;
    struct pacer_fifo *f;
    double times;

    if (p->waiting == 0)
        return false;
    /* Audio passes however much there is of it; that must not hold up video for longer than it has to wait anyway. */
    p->busy_until_ns = MIN(p->busy_until_ns, now_ns + PACER_MAX_DELAY_US * 1000);
    wait_us = longest_wait_us(p, now_us);
    times = haste(p, wait_us, now_us);
    if (p->busy_until_ns > now_ns + BATCH_NS && wait_us < PACER_MAX_DELAY_US)
        return false;
    f = next_fifo(p);
    p->stats.longest_wait_us = MAX(p->stats.longest_wait_us, wait_us);
    p->busy_until_ns = MAX(p->busy_until_ns, now_ns);
    p->busy_until_ns += (uint64_t)((double)p->slot[f->first].item.bytes * p->ns_per_byte / times);
    *out = take_behind(p, f, NONE);
    if (p->waiting == 0)
        give_back(p);
    return true;
}

/* The next batch, or before that a look whether there is need to hurry. */
uint64_t pacer_next_us(const struct pacer *p)
{
    uint64_t oldest_us = UINT64_MAX;

    if (p->waiting == 0)
        return UINT64_MAX;
    for (unsigned i = 0; i < ARRAY_LEN(p->fifo); i++) {
        if (p->fifo[i].first != NONE)
            oldest_us = MIN(oldest_us, p->slot[p->fifo[i].first].since_us);
    }
    oldest_us += PACER_MAX_DELAY_US;
    return MIN(MIN(p->busy_until_ns / 1000, p->pulled_us + LOOK_US), oldest_us);
}

void pacer_remove_owner(struct pacer *p, const void *owner)
{
    for (unsigned i = 0; i < ARRAY_LEN(p->fifo); i++) {
        struct pacer_fifo *f = &p->fifo[i];
        uint16_t before = NONE;

        for (uint16_t at = f->first; at != NONE;) {
            uint16_t next = p->slot[at].next;
            if (p->slot[at].item.owner == owner) {
                struct pacer_item item = take_behind(p, f, before);
                p->on_dropped(&item, p->arg);
            } else {
                before = at;
            }
            at = next;
        }
    }
    if (p->waiting == 0)
        give_back(p);
}

void pacer_read_stats(const struct pacer *p, struct pacer_stats *out)
{
    *out = p->stats;
    out->waiting_packets = p->waiting;
}
