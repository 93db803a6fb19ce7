/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doorbell.h - tells a worker that something lies ready for it in memory both know (a ring, spsc.h). Rings before it woke up are
 * one.
 */
#pragma once

#include "core/attr.h"

struct doorbell;
struct worker;

/** Open a bell at @worker (before it runs, or on its thread); @on_ring runs there. Errors: UV_E*. */
MUST_CHECK int doorbell_open(struct doorbell **out, struct worker *worker,
                             void (*on_ring)(void *arg), void *arg);
/** Ring no more. Thread: the worker's; whoever rings must have stopped. NULL is fine. */
void doorbell_close(struct doorbell **d);
/** Have @on_ring run. Thread: any. */
void doorbell_ring(struct doorbell *d);
