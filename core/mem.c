/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - the allocators: libc's heap with a small header in front of each block.
 *
 *   | padding of an aligned block | header (16) | the caller's bytes |
 *
 * The header keeps the size, for the counters, and how far back the heap's own block starts. Under AddressSanitizer it is
 * poisoned, so that writing in front of a block is found like writing behind it.
 */
#include "core/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sanitizer/asan_interface.h>

#include "core/check.h"

#define ALIGNMENT_BYTES 64u
#define MAGIC 0x6d656d21u

struct header {
    size_t bytes;
    uint32_t offset; /* from the heap's block to the caller's */
    uint32_t magic;
};

_Static_assert(sizeof(struct header) == 16, "blocks keep the heap's alignment of 16");

static _Atomic int64_t live_blocks, live_bytes;
static _Atomic uint64_t fail_countdown; /* 0: off */

static void count(int64_t blocks, int64_t bytes)
{
    atomic_fetch_add_explicit(&live_blocks, blocks, memory_order_relaxed);
    atomic_fetch_add_explicit(&live_bytes, bytes, memory_order_relaxed);
}

/* Whether this call of mem_try_* is the one to fail. */
static bool must_fail(void)
{
    uint64_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);

    while (left > 0) {
        if (atomic_compare_exchange_weak_explicit(&fail_countdown, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return left == 1;
    }
    return false;
}

static bool is_too_much(size_t bytes)
{
    return bytes > PTRDIFF_MAX - 2 * ALIGNMENT_BYTES;
}

/* Put the header into the heap's block @raw; returns the caller's. */
static void *dress(char *raw, uint32_t offset, size_t bytes)
{
    char *block = raw + offset;
    struct header h = {bytes, offset, MAGIC};

    memcpy(block - sizeof h, &h, sizeof h);
    ASAN_POISON_MEMORY_REGION(raw, offset);
    count(1, (int64_t)bytes);
    return block;
}

/* The heap's block of the caller's @block, with its header in *h. */
static char *undress(void *block, struct header *h)
{
    char *start = (char *)block - sizeof *h;

    ASAN_UNPOISON_MEMORY_REGION(start, sizeof *h);
    memcpy(h, start, sizeof *h);
    CHECK(h->magic == MAGIC); /* not ours, freed before, or overwritten */
    char *raw = (char *)block - h->offset;
    ASAN_UNPOISON_MEMORY_REGION(raw, h->offset);
    return raw;
}

static void *allocate(size_t bytes)
{
    if (is_too_much(bytes))
        return NULL;
    char *raw = calloc(1, sizeof(struct header) + bytes);
    return raw ? dress(raw, sizeof(struct header), bytes) : NULL;
}

void *mem_alloc(size_t bytes)
{
    void *block = allocate(bytes);

    CHECK(block != NULL);
    return block;
}

void *mem_alloc_array(size_t n, size_t bytes_each)
{
    size_t bytes;

    CHECK(!__builtin_mul_overflow(n, bytes_each, &bytes));
    return mem_alloc(bytes);
}

void *mem_try_alloc(size_t bytes)
{
    return must_fail() ? NULL : allocate(bytes);
}

void *mem_try_realloc(void *block, size_t bytes)
{
    struct header h;

    if (block == NULL)
        return mem_try_alloc(bytes);
    if (must_fail() || is_too_much(bytes))
        return NULL;
    char *raw = undress(block, &h);
    CHECK(h.offset == sizeof h); /* an aligned block would lose its alignment */
    char *grown = realloc(raw, sizeof h + bytes);
    if (grown == NULL) {
        ASAN_POISON_MEMORY_REGION(raw, sizeof h);
        return NULL;
    }
    count(-1, -(int64_t)h.bytes);
    return dress(grown, sizeof h, bytes);
}

void *mem_try_alloc_aligned(size_t bytes)
{
    if (must_fail() || is_too_much(bytes))
        return NULL;
    size_t whole = (bytes + 2 * ALIGNMENT_BYTES - 1) & ~(size_t)(ALIGNMENT_BYTES - 1);
    char *raw = aligned_alloc(ALIGNMENT_BYTES, whole);
    if (raw == NULL)
        return NULL;
    memset(raw, 0, whole);
    return dress(raw, ALIGNMENT_BYTES, bytes);
}

void mem_free(void *block)
{
    struct header h;

    if (block == NULL)
        return;
    char *raw = undress(block, &h);
    h.magic = 0;
    memcpy((char *)block - sizeof h, &h, sizeof h);
    count(-1, -(int64_t)h.bytes);
    free(raw);
}

char *mem_strdup(const char *s)
{
    return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_strndup(const char *s, size_t max_len)
{
    if (s == NULL)
        return NULL;
    size_t len = strnlen(s, max_len);
    char *copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    return copy;
}

int64_t mem_live_blocks(void)
{
    return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}

int64_t mem_live_bytes(void)
{
    return atomic_load_explicit(&live_bytes, memory_order_relaxed);
}

void mem_fail_nth(uint64_t nth)
{
    atomic_store_explicit(&fail_countdown, nth, memory_order_relaxed);
}

/* Never inlined: the whole block is meant, also where the compiler sees a pointer to its first member only. */
__attribute__((noinline)) void mem_wipe(void *p, size_t bytes)
{
    if (bytes > 0)
        explicit_bzero(p, bytes);
}
