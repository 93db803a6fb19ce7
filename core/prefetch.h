/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prefetch.h - ask for memory before it is needed.
 *
 * A packet for hundreds of viewers touches a few kilobytes of each, which together are more than the caches next to a core hold. Who
 * knows which viewer comes next but one has that one's state brought nearer while it works for this one: a hint, without any effect
 * but on time.
 */
#pragma once

#include <stddef.h>

#define CACHE_LINE_BYTES 64

/** Have [at, at + bytes) brought into the cache; it will be written to. Any address is fine. */
static inline void prefetch(const void *at, size_t bytes)
{
    __asm__ volatile(
        ""); /* to gcc, a function that does nothing else has no effect and need not be called */
    for (size_t i = 0; i < bytes; i += CACHE_LINE_BYTES)
        __builtin_prefetch((const char *)at + i, 1);
}
