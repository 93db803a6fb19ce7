/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline.h - wake-ups at a time, on a hierarchical timing wheel.
 *
 * The wheel is pure: whoever owns it tells the time. A worker drives its wheel from one libuv timer; simulations drive
 * theirs from a virtual clock. Setting and clearing are O(1). A deadline fires at or up to one tick (1 ms) after its time,
 * never before. A deadline embeds in its owner, who clears it before dying. All on one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"

#define DEADLINE_TICK_US 1000ull
#define DEADLINE_NEVER UINT64_MAX

struct wheel;

struct deadline {
    struct list node; /* in a wheel slot, or unlinked */
    uint64_t at_us;   /* DEADLINE_NEVER when not set */
    void (*on_due)(struct deadline *d, uint64_t now_us, void *arg);
    void *arg;
};

/** Prepare a deadline; it is not set yet. */
void deadline_init(struct deadline *d,
                   void (*on_due)(struct deadline *d, uint64_t now_us, void *arg), void *arg);
/** Set or move it. A time in the past fires at the next advance; DEADLINE_NEVER clears it. */
void deadline_set(struct wheel *w, struct deadline *d, uint64_t at_us);
/** Take it out; fine when it is not set. */
void deadline_clear(struct deadline *d);
bool deadline_is_set(const struct deadline *d);

/** Make a wheel that starts at @now_us. */
MUST_CHECK struct wheel *wheel_new(uint64_t now_us);
/** Free it; deadlines still set are simply forgotten (unlinked). */
void wheel_free(struct wheel **w);
/** Run everything due at or before @now_us, in order of time within a tick's grain (what was set when its time was past
 * goes first, in the order it was set). Handlers may set and clear any: one that is cleared does not run, one that is set
 * for the past runs at the next advance. Not to be called from a handler. */
void wheel_advance(struct wheel *w, uint64_t now_us);
/** When the next advance has work to do at the earliest (may be early, never late); DEADLINE_NEVER when empty. */
uint64_t wheel_next_us(const struct wheel *w);
/** How late the latest deadline since the last call ran; those set for the past do not count. */
uint64_t wheel_take_max_lag_us(struct wheel *w);
