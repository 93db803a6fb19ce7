/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - the two allocators (H19), live counters, failure injection.
 *
 * mem_alloc is for our own fixed-size control objects: it aborts on exhaustion. mem_try_* is for anything that a remote
 * can size or multiply: it returns NULL and the caller drops, counts and carries on. All are thread-safe; a block may be
 * freed on another thread. Memory comes zeroed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

/** Allocate zeroed memory; never NULL. */
MUST_CHECK void *mem_alloc(size_t bytes);
/** Allocate an array of @n zeroed elements; aborts on overflow. */
MUST_CHECK void *mem_alloc_array(size_t n, size_t bytes_each);
/** Allocate zeroed memory or return NULL. */
MUST_CHECK void *mem_try_alloc(size_t bytes);
/** Grow or shrink; NULL leaves the old block as it was. New bytes are not zeroed. */
MUST_CHECK void *mem_try_realloc(void *block, size_t bytes);
/** Allocate on a 64-byte boundary, or return NULL. */
MUST_CHECK void *mem_try_alloc_aligned(size_t bytes);
/** Free a block of any function above; NULL is fine. Prefer MEM_FREE, which nulls the variable. */
void mem_free(void *block);
/** Copy a string (mem_alloc rules); NULL gives NULL. */
MUST_CHECK char *mem_strdup(const char *s);
MUST_CHECK char *mem_strndup(const char *s, size_t max_len);

#define MEM_NEW(type) ((type *)mem_alloc(sizeof(type)))
#define MEM_FREE(p)  \
    do {             \
        mem_free(p); \
        (p) = NULL;  \
    } while (0)

/** Blocks now live, all threads. Tests end by asserting that this returned to its start. */
int64_t mem_live_blocks(void);
int64_t mem_live_bytes(void);
/** Fail the @nth call of mem_try_* from now on (1 = the next), once; 0 switches it off. Tests only. */
void mem_fail_nth(uint64_t nth);
/** Overwrite secrets so that the compiler does not drop it. */
void mem_wipe(void *p, size_t bytes);
