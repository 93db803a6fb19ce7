/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - see clock.h. */
#include "tests/integration/clock.h"

#include <string.h>

#include "core/attr.h"

#define TICK_MS 2 /* how late a condition that nothing in the context announces is seen */

static GMainContext *context;

void clock_open(void)
{
    context = g_main_context_new();
    g_main_context_push_thread_default(context);
}

void clock_close(void)
{
    while (g_main_context_iteration(context, FALSE))
        ;
    g_main_context_pop_thread_default(context);
    g_main_context_unref(context);
    context = NULL;
}

GMainContext *clock_context(void)
{
    return context;
}

uint64_t clock_us(void)
{
    return (uint64_t)g_get_monotonic_time();
}

static gboolean on_tick(void *arg)
{
    (void)arg;
    return G_SOURCE_CONTINUE;
}

bool clock_wait(bool (*is_done)(void *arg), void *arg, unsigned limit_ms)
{
    uint64_t end_us =
        clock_us() + (uint64_t)limit_ms * 1000 * SLOWNESS * (clock_is_valgrind() ? 10 : 1);
    GSource *tick = clock_every(TICK_MS, on_tick, NULL);
    bool done = is_done(arg);

    while (!done && clock_us() < end_us) {
        g_main_context_iteration(context, TRUE);
        done = is_done(arg);
    }
    clock_remove(&tick);
    return done;
}

static bool is_past(void *arg)
{
    return clock_us() >= *(uint64_t *)arg;
}

void clock_pass(unsigned ms)
{
    uint64_t end_us = clock_us() + (uint64_t)ms * 1000;

    (void)clock_wait(is_past, &end_us, 2 * ms + WAIT_MS);
}

GSource *clock_every(unsigned ms, GSourceFunc tick, void *arg)
{
    GSource *s = g_timeout_source_new(ms);

    g_source_set_callback(s, tick, arg, NULL);
    g_source_attach(s, context);
    return s;
}

void clock_remove(GSource **s)
{
    if (*s == NULL)
        return;
    g_source_destroy(*s);
    g_source_unref(*s);
    *s = NULL;
}

bool clock_is_valgrind(void)
{
    const char *preload = g_getenv("LD_PRELOAD");

    return preload != NULL && strstr(preload, "vgpreload") != NULL;
}
