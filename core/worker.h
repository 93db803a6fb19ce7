/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - one thread with one libuv loop: the control reactor and each media worker.
 *
 * Owner: whoever opened it. Everything that belongs to a worker is touched on its thread only, except before
 * worker_start() and after worker_join().
 *
 *   loop turn:  sockets, mailboxes, deadlines  →  turn hooks (egress flush)  →  free-later list
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"

struct wheel;
struct worker;

#define WORKER_MAX_REST_US 1000ull

/* Runs at the end of every loop turn that had work. */
struct turn_hook {
    struct list node;
    void (*on_turn_end)(uint64_t now_us, void *arg);
    void *arg;
};

/** Make a worker; no thread runs yet. @name shows in thread lists (at most 15 bytes). */
MUST_CHECK int worker_open(struct worker **out, const char *name);
/** Run the loop on a thread of its own. */
MUST_CHECK int worker_start(struct worker *w);
/** Run the loop on the calling thread until worker_stop(). The control reactor's way. */
void worker_run(struct worker *w);
/** Ask the loop to end after this turn. Thread: any. */
void worker_stop(struct worker *w);
/** Wait for the thread to end. */
void worker_join(struct worker *w);
/** Close what is left (mailboxes and sockets must be closed by their owners first), run the loop dry, assert that no handle
 * lives, free. Thread: the opener's, after worker_join() or worker_run(). */
void worker_close(struct worker **w);

/** Monotonic time of this turn, read once per turn and at each batch of datagrams. */
uint64_t worker_now_us(struct worker *w);
/** The worker's timing wheel (deadline.h). */
struct wheel *worker_wheel(struct worker *w);
/** The uv_loop_t, for a library that runs on it (libwebsockets) and for core's own handles. */
void *worker_uv_loop(struct worker *w);
/** Whether the calling thread is this worker's (true before it runs). */
bool worker_is_current(const struct worker *w);
/** Pin the thread to a processor, at start; -1: no pinning. A pin that is refused is logged, the worker runs unpinned. */
void worker_set_cpu(struct worker *w, int cpu);

/** Run @hook at the end of each turn from now on, in the order of adding; a turn may end twice in a row when nothing
 * happened in between. The hook stays the caller's, who removes it before worker_close(). */
void worker_add_turn_hook(struct worker *w, struct turn_hook *hook);
/** Take a hook out; fine inside any hook. Not on one that was never added. */
void worker_remove_turn_hook(struct turn_hook *hook);
/** From now on rest @us at the end of each turn, before anything is polled for, though not past the next deadline: what arrives
 * meanwhile is taken together, which costs less than turn by turn. 0: no rest. At most WORKER_MAX_REST_US. Thread: the worker's. */
void worker_set_rest(struct worker *w, uint64_t us);
/** Call @free_block(@block) after the turn's last callback (at once in worker_close()). Deadlines and hooks of the turn still
 * run before. */
void worker_free_later(struct worker *w, void *block, void (*free_block)(void *block));

/* Signals, on the control reactor: SIGTERM, SIGINT, SIGHUP. */
struct signal_watch;
/** Call @on_signal on the worker's thread whenever the process gets @signum. Errors: UV_E*. */
MUST_CHECK int signal_watch_open(struct signal_watch **out, struct worker *w, int signum,
                                 void (*on_signal)(int signum, void *arg), void *arg);
void signal_watch_close(struct signal_watch **s);

/* Statistics of a loop. */
struct worker_stats {
    uint64_t turns;
    uint64_t busy_us;    /* time spent outside the poll, rests not counted */
    uint64_t max_lag_us; /* the latest a deadline fired past its time, since the last read */
};
void worker_read_stats(struct worker *w, struct worker_stats *out);
/** The time spent outside the poll, rests not counted, since the loop began to run. */
uint64_t worker_busy_us(const struct worker *w);
