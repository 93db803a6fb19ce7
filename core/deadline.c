/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.c - the timing wheel.
 *
 * Time in ticks is a number of LEVELS digits in base 64. A deadline sits at the level of the highest digit in which its
 * tick differs from the wheel's, in the slot of that digit:
 *
 *   wheel   … 0  7 12        level 0: same but for the last digit, due within 64 ticks, exact
 *   tick    … 0  9 41   →    level 1: slot 9; when the wheel gets to … 0 9 0, the slot is dealt out to level 0
 *
 * So whatever is on a lower level is due before everything on a higher one, slots in front of the wheel's digit are
 * empty, and ten levels hold every 64-bit time. What is due already waits in a list of its own.
 *
 * A bit a slot says "may hold something": deadline_clear() does not know its wheel and leaves the bit behind, whoever
 * finds the slot empty drops it.
 */
#include "core/deadline.h"

#include <stddef.h>

#include "core/check.h"
#include "core/mem.h"

#define DIGIT_BITS 6
#define SLOTS (1u << DIGIT_BITS)
#define LEVELS 10 /* 60 bits: more than UINT64_MAX microseconds in ticks */

struct wheel {
    uint64_t tick; /* everything due before or at it has run or is in `due` */
    uint64_t max_lag_us;
    bool is_advancing;
    struct list due; /* set when their time had come already */
    uint64_t occupied[LEVELS];
    struct list slot[LEVELS][SLOTS];
};

/* A place where the wheel has to stop next. */
struct stop {
    unsigned level, index;
    uint64_t tick; /* DEADLINE_NEVER: nowhere */
};

static uint64_t first_tick_at(uint64_t us)
{
    return us / DEADLINE_TICK_US + (us % DEADLINE_TICK_US != 0);
}

static unsigned digit_of(uint64_t tick, unsigned level)
{
    return (unsigned)(tick >> (level * DIGIT_BITS)) & (SLOTS - 1);
}

/* Put into the slot its time asks for; into @due when that has come. */
static void place(struct wheel *w, struct deadline *d, struct list *due)
{
    uint64_t tick = first_tick_at(d->at_us);
    unsigned level, index;

    if (tick <= w->tick) {
        list_append(due, &d->node);
        return;
    }
    level = (63u - (unsigned)__builtin_clzll(tick ^ w->tick)) / DIGIT_BITS;
    index = digit_of(tick, level);
    w->occupied[level] |= 1ull << index;
    list_append(&w->slot[level][index], &d->node);
}

/* The first slot of a level that holds something, or -1. */
static int first_used_slot(const struct wheel *w, unsigned level)
{
    for (uint64_t bits = w->occupied[level]; bits != 0; bits &= bits - 1) {
        int index = __builtin_ctzll(bits);
        if (!list_is_empty(&w->slot[level][index]))
            return index;
    }
    return -1;
}

static struct stop next_stop(const struct wheel *w)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        int index = first_used_slot(w, level);
        if (index < 0)
            continue;
        unsigned shift = level * DIGIT_BITS;
        uint64_t above = w->tick >> shift >> DIGIT_BITS << DIGIT_BITS;
        return (struct stop){level, (unsigned)index, (above | (unsigned)index) << shift};
    }
    return (struct stop){0, 0, DEADLINE_NEVER};
}

/* Forget the bits of slots that were emptied by deadline_clear(). */
static void drop_stale_bits(struct wheel *w)
{
    for (unsigned level = 0; level < LEVELS; level++) {
        for (uint64_t bits = w->occupied[level]; bits != 0; bits &= bits - 1) {
            unsigned index = (unsigned)__builtin_ctzll(bits);
            if (!list_is_empty(&w->slot[level][index]))
                break; /* those behind it can wait */
            w->occupied[level] &= ~(1ull << index);
        }
    }
}

/* Run a list that nobody adds to; handlers may clear any of it. */
static void run(struct wheel *w, struct list *due, uint64_t now_us, bool is_lag_known)
{
    struct deadline *d;

    while ((d = LIST_FIRST(due, struct deadline, node)) != NULL) {
        uint64_t lag_us = now_us > d->at_us ? now_us - d->at_us : 0;
        if (is_lag_known)
            w->max_lag_us = MAX(w->max_lag_us, lag_us);
        list_remove(&d->node);
        d->at_us = DEADLINE_NEVER;
        d->on_due(d, now_us, d->arg); /* may free d */
    }
}

/* Move the wheel to a stop and run what is due there. */
static void run_stop(struct wheel *w, const struct stop *stop, uint64_t now_us)
{
    struct list dealt, due;
    struct deadline *d;

    list_init(&dealt);
    list_init(&due);
    w->tick = stop->tick;
    w->occupied[stop->level] &= ~(1ull << stop->index);
    list_splice(&dealt, &w->slot[stop->level][stop->index]);
    while ((d = LIST_FIRST(&dealt, struct deadline, node)) != NULL) {
        list_remove(&d->node);
        place(w, d, &due);
    }
    run(w, &due, now_us, true);
}

void wheel_advance(struct wheel *w, uint64_t now_us)
{
    uint64_t target = now_us / DEADLINE_TICK_US;
    struct list due;

    CHECK(!w->is_advancing);
    w->is_advancing = true;
    list_init(&due);
    list_splice(&due, &w->due);
    run(w, &due, now_us,
        false); /* how long they were late before they were set says nothing about us */
    for (;;) {
        drop_stale_bits(w);
        struct stop stop = next_stop(w);
        if (stop.tick > target) /* also when there is none */
            break;
        run_stop(w, &stop, now_us);
    }
    w->tick = MAX(w->tick, target);
    w->is_advancing = false;
}

uint64_t wheel_next_us(const struct wheel *w)
{
    if (!list_is_empty(&w->due))
        return w->tick * DEADLINE_TICK_US;
    uint64_t tick = next_stop(w).tick;
    return tick > UINT64_MAX / DEADLINE_TICK_US ? DEADLINE_NEVER : tick * DEADLINE_TICK_US;
}

uint64_t wheel_take_max_lag_us(struct wheel *w)
{
    uint64_t lag_us = w->max_lag_us;

    w->max_lag_us = 0;
    return lag_us;
}

struct wheel *wheel_new(uint64_t now_us)
{
    struct wheel *w = MEM_NEW(struct wheel);

    w->tick = now_us / DEADLINE_TICK_US;
    list_init(&w->due);
    for (unsigned level = 0; level < LEVELS; level++)
        for (unsigned index = 0; index < SLOTS; index++)
            list_init(&w->slot[level][index]);
    return w;
}

static void forget(struct list *l)
{
    struct deadline *d;

    while ((d = LIST_FIRST(l, struct deadline, node)) != NULL)
        deadline_clear(d);
}

void wheel_free(struct wheel **wp)
{
    struct wheel *w = *wp;

    if (w == NULL)
        return;
    *wp = NULL;
    forget(&w->due);
    for (unsigned level = 0; level < LEVELS; level++)
        for (unsigned index = 0; index < SLOTS; index++)
            forget(&w->slot[level][index]);
    mem_free(w);
}

void deadline_init(struct deadline *d,
                   void (*on_due)(struct deadline *d, uint64_t now_us, void *arg), void *arg)
{
    list_init(&d->node);
    d->at_us = DEADLINE_NEVER;
    d->on_due = on_due;
    d->arg = arg;
}

void deadline_set(struct wheel *w, struct deadline *d, uint64_t at_us)
{
    list_remove(&d->node);
    d->at_us = at_us;
    if (at_us != DEADLINE_NEVER)
        place(w, d, &w->due);
}

void deadline_clear(struct deadline *d)
{
    list_remove(&d->node);
    d->at_us = DEADLINE_NEVER;
}

bool deadline_is_set(const struct deadline *d)
{
    return d->at_us != DEADLINE_NEVER;
}
