/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - waiting in integration tests: everything of the clients runs in one GMainContext on the test's own thread, and
 * nobody waits without iterating it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define WAIT_MS 10000 /* for what must happen; a test that needs it all has failed */

/* How much slower this build runs. */
#if defined(__SANITIZE_THREAD__)
#define SLOWNESS 6
#elif defined(__SANITIZE_ADDRESS__)
#define SLOWNESS 3
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SLOWNESS 6
#endif
#endif
#ifndef SLOWNESS
#define SLOWNESS 1
#endif

/** Make the context and make it the thread's default; and the reverse. Call from group setup and teardown. */
void clock_open(void);
void clock_close(void);
GMainContext *clock_context(void);
/** Microseconds of a monotonic clock. */
uint64_t clock_us(void);
/** Iterate until @is_done or @limit_ms (times SLOWNESS) are over; returns whether it is done. */
bool clock_wait(bool (*is_done)(void *arg), void *arg, unsigned limit_ms);
/** Iterate for a time in which something must not happen, or a rate is measured. */
void clock_pass(unsigned ms);
/** Call @tick every @ms; the source is removed with clock_remove(). */
GSource *clock_every(unsigned ms, GSourceFunc tick, void *arg);
void clock_remove(GSource **s);
/** Whether the program runs under valgrind. */
bool clock_is_valgrind(void);
