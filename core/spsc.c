/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spsc.c - Lamport's ring with cached indices.
 *
 * Each side owns one index and keeps a copy of the other's, which it reads again only when the copy says full (or
 * empty): while the ring is neither, the two threads do not pull each other's cache lines.
 */
#include "core/spsc.h"

#include <stdatomic.h>
#include <stdint.h>

#include "core/check.h"
#include "core/mem.h"

#define CACHE_LINE 64

struct spsc {
    size_t mask;
    void **items;
    _Alignas(CACHE_LINE) _Atomic size_t pushed; /* the producer's line */
    size_t pulled_seen;
    _Alignas(CACHE_LINE) _Atomic size_t pulled; /* the consumer's line */
    size_t pushed_seen;
};

static size_t round_up_to_power_of_two(size_t n)
{
    size_t p = 1;

    while (p < n)
        p *= 2;
    return p;
}

struct spsc *spsc_new(size_t capacity)
{
    struct spsc *ring;

    CHECK(capacity > 0 && capacity <= SIZE_MAX / 2 / sizeof(void *));
    capacity = round_up_to_power_of_two(capacity);
    ring = mem_try_alloc_aligned(sizeof(*ring));
    if (ring == NULL)
        return NULL;
    ring->items = mem_try_alloc_aligned(capacity * sizeof(*ring->items));
    if (ring->items == NULL) {
        mem_free(ring);
        return NULL;
    }
    ring->mask = capacity - 1;
    return ring;
}

void spsc_free(struct spsc **ringp)
{
    struct spsc *ring = *ringp;

    if (ring == NULL)
        return;
    *ringp = NULL;
    CHECK(spsc_count(ring) == 0); /* whatever is in it would leak */
    mem_free(ring->items);
    mem_free(ring);
}

bool spsc_push(struct spsc *ring, void *item)
{
    size_t pushed = atomic_load_explicit(&ring->pushed, memory_order_relaxed);

    DCHECK(item != NULL);
    if (pushed - ring->pulled_seen > ring->mask) {
        ring->pulled_seen = atomic_load_explicit(&ring->pulled, memory_order_acquire);
        if (pushed - ring->pulled_seen > ring->mask)
            return false;
    }
    ring->items[pushed & ring->mask] = item;
    atomic_store_explicit(&ring->pushed, pushed + 1, memory_order_release);
    return true;
}

void *spsc_pull(struct spsc *ring)
{
    size_t pulled = atomic_load_explicit(&ring->pulled, memory_order_relaxed);
    void *item;

    if (pulled == ring->pushed_seen) {
        ring->pushed_seen = atomic_load_explicit(&ring->pushed, memory_order_acquire);
        if (pulled == ring->pushed_seen)
            return NULL;
    }
    item = ring->items[pulled & ring->mask];
    atomic_store_explicit(&ring->pulled, pulled + 1, memory_order_release);
    return item;
}

size_t spsc_count(const struct spsc *ring)
{
    /* The consumer's index first: read the other way round the difference could go below zero. */
    size_t pulled = atomic_load_explicit(&ring->pulled, memory_order_acquire);

    return atomic_load_explicit(&ring->pushed, memory_order_acquire) - pulled;
}
