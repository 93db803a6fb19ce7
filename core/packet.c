/* SPDX-License-Identifier: Apache-2.0 */
/*
 * packet.c - the pool behind packet.h.
 *
 * A pool has two lists of unused packets: its own, which only the owner thread touches, and the returns, a lock-free
 * stack that any other thread pushes to and that the owner takes whole when its own list has run dry (whole, so that
 * nobody ever pops a single entry and there is no ABA). Packets live in slabs that go away with the pool.
 *
 * Which thread is the owner? Threads get a number that is never given twice; packet_new() writes down its caller's.
 * A thread that does not find its own number there returns packets through the stack, which is right at any time.
 */
#include "core/packet.h"

#include <stdatomic.h>
#include <string.h>

#include "core/check.h"
#include "core/mem.h"

#define SLAB_PACKETS 64u
#define CACHE_LINE 64u
#define STRIDE ((sizeof(struct packet) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE)

struct slab {
    struct slab *next;
    _Alignas(CACHE_LINE) uint8_t packets[]; /* STRIDE each */
};

struct packet_pool {
    size_t max, allocated, unused; /* unused: in `list` */
    struct packet *list;
    struct slab *slabs;
    uint64_t high_water, refused;
    _Atomic uint32_t owner;  /* number of the thread that last took a packet */
    uint8_t gap[CACHE_LINE]; /* others write below, the owner above */
    struct packet *_Atomic returns;
};

static uint32_t thread_number(void)
{
    static _Atomic uint32_t last;
    static _Thread_local uint32_t mine;

    if (mine == 0)
        mine = atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
    return mine;
}

struct packet_pool *packet_pool_new(size_t max)
{
    struct packet_pool *pool = MEM_NEW(struct packet_pool);

    pool->max = max;
    return pool;
}

static void put_unused(struct packet_pool *pool, struct packet *p)
{
    p->next = pool->list;
    pool->list = p;
    pool->unused++;
}

/* Take over what other threads returned. */
static void collect_returns(struct packet_pool *pool)
{
    struct packet *p = atomic_exchange_explicit(&pool->returns, NULL, memory_order_acquire);

    while (p != NULL) {
        struct packet *next = p->next;
        put_unused(pool, p);
        p = next;
    }
}

static void grow(struct packet_pool *pool)
{
    size_t n = MIN(SLAB_PACKETS, pool->max - pool->allocated);
    struct slab *slab = n > 0 ? mem_try_alloc_aligned(sizeof(*slab) + n * STRIDE) : NULL;

    if (slab == NULL)
        return;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->allocated += n;
    for (size_t i = n; i-- > 0;) { /* the first one ends up on top */
        struct packet *p = (struct packet *)(void *)(slab->packets + i * STRIDE);
        p->pool = pool;
        put_unused(pool, p);
    }
}

static struct packet *take_unused(struct packet_pool *pool)
{
    struct packet *p;

    if (pool->list == NULL)
        collect_returns(pool);
    if (pool->list == NULL)
        grow(pool);
    p = pool->list;
    if (p == NULL) {
        pool->refused++;
        return NULL;
    }
    pool->list = p->next;
    pool->unused--;
    pool->high_water = MAX(pool->high_water, pool->allocated - pool->unused);
    return p;
}

struct packet *packet_new(struct packet_pool *pool)
{
    uint32_t me = thread_number();
    struct packet *p;

    if (atomic_load_explicit(&pool->owner, memory_order_relaxed) != me)
        atomic_store_explicit(&pool->owner, me, memory_order_relaxed);
    p = take_unused(pool);
    if (p == NULL)
        return NULL;
    p->data = p->buf + PACKET_HEADROOM_BYTES;
    p->len = 0;
    p->flags = 0;
    p->arrival_us = 0;
    p->media = (struct media_info){.spatial = -1, .temporal = -1};
    p->codec = 0;
    p->audio_level = -1;
    p->voice = false;
    p->left_out = 0;
    p->red.bytes = 0;
    __atomic_store_n(&p->refs, 1, __ATOMIC_RELAXED);
    return p;
}

size_t packet_room(const struct packet *p)
{
    return (size_t)(p->buf + sizeof(p->buf) - p->data);
}

struct packet *packet_ref(struct packet *p)
{
    uint32_t before = __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);

    DCHECK(before > 0);
    (void)before;
    return p;
}

static void push_return(struct packet_pool *pool, struct packet *p)
{
    struct packet *top = atomic_load_explicit(&pool->returns, memory_order_relaxed);

    do
        p->next = top;
    while (!atomic_compare_exchange_weak_explicit(&pool->returns, &top, p, memory_order_release,
                                                  memory_order_relaxed));
}

void packet_unref(struct packet **pp)
{
    struct packet *p = *pp;
    struct packet_pool *pool;
    uint32_t before;

    if (p == NULL)
        return;
    *pp = NULL;
    /* Nobody can add a reference to one of which we hold the only one: the common case needs no locked instruction. */
    if (__atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) != 1) {
        before = __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL);
        DCHECK(before > 0);
        if (before != 1)
            return;
    } else {
        __atomic_store_n(&p->refs, 0, __ATOMIC_RELAXED);
    }
    pool = p->pool;
    if (atomic_load_explicit(&pool->owner, memory_order_relaxed) == thread_number())
        put_unused(pool, p);
    else
        push_return(pool, p);
}

bool packet_is_writable(const struct packet *p)
{
    return __atomic_load_n(&p->refs, __ATOMIC_ACQUIRE) == 1;
}

void packet_pool_free(struct packet_pool **poolp)
{
    struct packet_pool *pool = *poolp;

    if (pool == NULL)
        return;
    *poolp = NULL;
    collect_returns(pool);
    CHECK(pool->unused == pool->allocated); /* else somebody still holds a packet */
    while (pool->slabs != NULL) {
        struct slab *slab = pool->slabs;
        pool->slabs = slab->next;
        mem_free(slab);
    }
    mem_free(pool);
}

void packet_pool_read_stats(const struct packet_pool *pool, struct packet_pool_stats *out)
{
    uint64_t live = pool->allocated - pool->unused;
    const struct packet *p = atomic_load_explicit(&pool->returns, memory_order_acquire);

    for (; p != NULL; p = p->next) /* others only push in front of what we see */
        live--;
    *out = (struct packet_pool_stats){
        .live = live,
        .high_water = pool->high_water,
        .allocated = pool->allocated,
        .refused = pool->refused,
    };
}
