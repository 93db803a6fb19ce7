/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.c - the pool behind picture.h.
 *
 * Samples and the struct that describes them are kept apart, because a lent picture has no samples of its own. Blocks of
 * samples go back to a short list; the next picture takes the one that fits best. When the pool is full, unused blocks make room.
 */
#include "mixer/picture.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

#define ALIGNMENT 64u
#define MARGIN 64u /* behind each plane */

struct block {
    uint8_t *memory;
    size_t bytes;
};

struct picture_pool {
    size_t max_bytes, live_bytes, idle_bytes;
    struct picture_budget *budget;    /* takes live and idle bytes */
    struct picture_budget own_budget; /* that of a pool by itself */
    uint64_t live, refused;
    struct picture *unused; /* without samples */
    struct block idle[MAX_IDLE_PICTURES];
    size_t idle_count; /* the oldest is the first */
};

/* --- the pool ---------------------------------------------------------------------------------------- */

struct picture_pool *picture_pool_new(size_t max_bytes)
{
    struct picture_pool *pool = MEM_NEW(struct picture_pool);

    pool->max_bytes = pool->own_budget.max_bytes = max_bytes;
    pool->budget = &pool->own_budget;
    return pool;
}

struct picture_pool *picture_pool_new_within(struct picture_budget *budget, size_t max_bytes)
{
    struct picture_pool *pool = mem_try_alloc(sizeof(*pool));

    if (pool == NULL)
        return NULL;
    pool->max_bytes = max_bytes;
    pool->budget = budget;
    return pool;
}

static struct block remove_idle(struct picture_pool *pool, size_t i)
{
    struct block b = pool->idle[i];

    pool->idle_count--;
    memmove(&pool->idle[i], &pool->idle[i + 1], (pool->idle_count - i) * sizeof(b));
    pool->idle_bytes -= b.bytes;
    return b;
}

static void free_oldest_idle(struct picture_pool *pool)
{
    struct block b = remove_idle(pool, 0);

    pool->budget->bytes -= b.bytes;
    mem_free(b.memory);
}

static bool has_room(const struct picture_pool *pool, size_t bytes)
{
    const struct picture_budget *budget = pool->budget;

    return pool->live_bytes + pool->idle_bytes + bytes <= pool->max_bytes &&
           budget->bytes + bytes <= budget->max_bytes;
}

void picture_pool_free(struct picture_pool **poolp)
{
    struct picture_pool *pool = *poolp;

    if (pool == NULL)
        return;
    *poolp = NULL;
    CHECK(pool->live == 0); /* else somebody still holds a picture */
    while (pool->idle_count > 0)
        free_oldest_idle(pool);
    while (pool->unused != NULL) {
        struct picture *p = pool->unused;
        pool->unused = p->next;
        mem_free(p);
    }
    mem_free(pool);
}

/* One that is large enough, and not more than half wasted. */
static bool take_idle(struct picture_pool *pool, size_t bytes, struct block *out)
{
    for (size_t i = pool->idle_count; i-- > 0;) {
        if (pool->idle[i].bytes < bytes || pool->idle[i].bytes / 2 > bytes)
            continue;
        *out = remove_idle(pool, i);
        return true;
    }
    return false;
}

static bool take_block(struct picture_pool *pool, size_t bytes, struct block *out)
{
    if (!take_idle(pool, bytes, out)) {
        while (pool->idle_count > 0 && !has_room(pool, bytes))
            free_oldest_idle(pool);
        *out = (struct block){.bytes = bytes};
        if (has_room(pool, bytes))
            out->memory = mem_try_alloc_aligned(bytes);
        if (out->memory != NULL)
            pool->budget->bytes += bytes;
    }
    if (out->memory == NULL) {
        pool->refused++;
        return false;
    }
    pool->live_bytes += out->bytes;
    return true;
}

static void return_block(struct picture_pool *pool, struct block b)
{
    pool->live_bytes -= b.bytes;
    if (pool->idle_count == MAX_IDLE_PICTURES)
        free_oldest_idle(pool);
    pool->idle[pool->idle_count++] = b;
    pool->idle_bytes += b.bytes;
}

static struct picture *take_unused(struct picture_pool *pool)
{
    struct picture *p = pool->unused;

    if (p != NULL)
        pool->unused = p->next;
    else
        p = mem_try_alloc(sizeof(*p));
    if (p == NULL)
        return NULL;
    *p = (struct picture){.refs = 1, .pool = pool};
    pool->live++;
    return p;
}

void picture_pool_read_stats(const struct picture_pool *pool, struct picture_pool_stats *out)
{
    *out = (struct picture_pool_stats){
        .live = pool->live,
        .live_bytes = pool->live_bytes,
        .idle = pool->idle_count,
        .idle_bytes = pool->idle_bytes,
        .refused = pool->refused,
    };
}

/* --- pictures ---------------------------------------------------------------------------------------- */

bool picture_size_is_allowed(int64_t width, int64_t height)
{
    return width >= MIN_PICTURE_SIDE && height >= MIN_PICTURE_SIDE && width <= MAX_PICTURE_SIDE &&
           height <= MAX_PICTURE_SIDE && width * height <= (int64_t)MAX_PICTURE_PIXELS;
}

static size_t aligned(int width)
{
    return ((size_t)width + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t plane_bytes(int width, int height)
{
    return aligned(width) * (size_t)height + MARGIN;
}

static size_t bytes_for(int width, int height)
{
    return plane_bytes(width, height) +
           2 * plane_bytes(picture_chroma(width), picture_chroma(height));
}

static void lay_out(struct picture_view *v, uint8_t *memory, int width, int height)
{
    size_t y = plane_bytes(width, height);
    size_t c = plane_bytes(picture_chroma(width), picture_chroma(height));
    int chroma_stride = (int)aligned(picture_chroma(width));

    *v = (struct picture_view){
        .plane = {memory, memory + y, memory + y + c},
        .stride = {(int)aligned(width), chroma_stride, chroma_stride},
        .width = width,
        .height = height,
    };
}

static bool give_memory(struct picture *p, int width, int height)
{
    struct block b;

    if (!take_block(p->pool, bytes_for(width, height), &b))
        return false;
    p->memory = b.memory;
    p->bytes = b.bytes;
    lay_out(&p->view, b.memory, width, height);
    return true;
}

struct picture *picture_new(struct picture_pool *pool, int width, int height)
{
    struct picture *p;

    if (!picture_size_is_allowed(width, height)) {
        pool->refused++;
        return NULL;
    }
    p = take_unused(pool);
    if (p != NULL && !give_memory(p, width, height))
        picture_unref(&p);
    return p;
}

struct picture *picture_lend(struct picture_pool *pool, const struct picture_view *view,
                             void (*on_returned)(void *arg), void *arg)
{
    struct picture *p = take_unused(pool);

    if (p == NULL)
        return NULL;
    p->view = *view;
    p->on_returned = on_returned;
    p->arg = arg;
    return p;
}

struct picture *picture_ref(struct picture *p)
{
    CHECK(p->refs > 0);
    p->refs++;
    return p;
}

static void return_lent(struct picture *p)
{
    void (*on_returned)(void *) = p->on_returned;

    p->on_returned = NULL;
    if (on_returned != NULL)
        on_returned(p->arg);
}

void picture_unref(struct picture **pp)
{
    struct picture *p = *pp;

    if (p == NULL)
        return;
    *pp = NULL;
    CHECK(p->refs > 0);
    if (--p->refs > 0)
        return;
    if (p->memory != NULL)
        return_block(p->pool, (struct block){p->memory, p->bytes});
    p->pool->live--;
    p->next = p->pool->unused;
    p->pool->unused = p;
    return_lent(p);
}

bool picture_is_lent(const struct picture *p)
{
    return p->memory == NULL;
}

int picture_detach(struct picture *p)
{
    struct picture_view lent = p->view;

    if (!picture_is_lent(p))
        return 0;
    if (!give_memory(p, lent.width, lent.height))
        return E_NO_MEMORY;
    picture_copy(&p->view, &lent);
    return_lent(p);
    return 0;
}

/* --- views ------------------------------------------------------------------------------------------- */

struct picture_view picture_crop(const struct picture_view *v, int x, int y, int width, int height)
{
    struct picture_view part = *v;

    CHECK(x >= 0 && y >= 0 && x % 2 == 0 && y % 2 == 0 && width > 0 && height > 0);
    CHECK(x + width <= v->width && y + height <= v->height);
    part.plane[0] += (ptrdiff_t)y * v->stride[0] + x;
    for (int i = 1; i < PICTURE_PLANES; i++)
        part.plane[i] += (ptrdiff_t)(y / 2) * v->stride[i] + x / 2;
    part.width = width;
    part.height = height;
    return part;
}

void picture_copy(const struct picture_view *to, const struct picture_view *from)
{
    CHECK(to->width == from->width && to->height == from->height);
    for (int i = 0; i < PICTURE_PLANES; i++) {
        int width = i == 0 ? to->width : picture_chroma(to->width);
        int height = i == 0 ? to->height : picture_chroma(to->height);

        for (int y = 0; y < height; y++)
            memcpy(to->plane[i] + (ptrdiff_t)y * to->stride[i],
                   from->plane[i] + (ptrdiff_t)y * from->stride[i], (size_t)width);
    }
}

void picture_fill(const struct picture_view *v, struct picture_colour colour)
{
    const uint8_t sample[PICTURE_PLANES] = {colour.y, colour.u, colour.v};

    for (int i = 0; i < PICTURE_PLANES; i++) {
        int width = i == 0 ? v->width : picture_chroma(v->width);
        int height = i == 0 ? v->height : picture_chroma(v->height);

        for (int y = 0; y < height; y++)
            memset(v->plane[i] + (ptrdiff_t)y * v->stride[i], sample[i], (size_t)width);
    }
}

/* 0..255 to 16..235 and 16..240 (BT.601), to the nearest. */
int picture_limit_range(struct picture **out, struct picture_pool *pool,
                        const struct picture_view *from)
{
    struct picture *p = picture_new(pool, from->width, from->height);

    if (p == NULL)
        return E_NO_MEMORY;
    for (int i = 0; i < PICTURE_PLANES; i++) {
        int width = i == 0 ? from->width : picture_chroma(from->width);
        int height = i == 0 ? from->height : picture_chroma(from->height);
        int range = i == 0 ? 219 : 224;

        for (int y = 0; y < height; y++) {
            const uint8_t *src = from->plane[i] + (ptrdiff_t)y * from->stride[i];
            uint8_t *dst = p->view.plane[i] + (ptrdiff_t)y * p->view.stride[i];

            for (int x = 0; x < width; x++)
                dst[x] = (uint8_t)(16 + (src[x] * range + 127) / 255);
        }
    }
    *out = p;
    return 0;
}
