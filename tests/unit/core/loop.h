/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - a worker that runs on the test's own thread until the test has what it waits for, or five seconds are over. */
#pragma once

#include <stdbool.h>

#include "core/deadline.h"
#include "core/worker.h"

#define LOOP_LIMIT_US 5000000ull

static bool loop_timed_out;

static void loop_on_limit(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    (void)now_us;
    loop_timed_out = true;
    worker_stop(arg);
}

static struct worker *loop_open(void)
{
    struct worker *w = NULL;

    assert_int_equal(worker_open(&w, "test"), 0);
    return w;
}

/* Run until somebody calls worker_stop(). */
static void loop_run(struct worker *w)
{
    struct deadline limit;

    loop_timed_out = false;
    deadline_init(&limit, loop_on_limit, w);
    deadline_set(worker_wheel(w), &limit, worker_now_us(w) + LOOP_LIMIT_US);
    worker_run(w);
    deadline_clear(&limit);
    assert_false(loop_timed_out);
}
