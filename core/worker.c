/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.c - a thread and its loop.
 *
 * libuv's turn is: timers, pending, idle, prepare, poll, check, closing. Everything that belongs to the end of a turn is
 * done in the prepare phase, right before the loop may block, because nothing but closing callbacks and timers (of
 * libraries on our loop) lies between the poll and it:
 *
 *   poll: sockets, mailboxes → … → prepare: deadlines → turn hooks → free-later → rest → arm the timer → poll
 *
 * The one libuv timer has no work to do: it only makes the poll return when the wheel has something due.
 */
#include "core/worker.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "core/check.h"
#include "core/core_internal.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/timebase.h"

#define THREAD_NAME_SIZE 16 /* Linux: 15 bytes and a NUL */

/* A block that waits for the end of the turn. */
struct later {
    struct list node;
    void *block;
    void (*free_block)(void *block);
};

struct worker {
    uv_loop_t loop;
    uv_prepare_t turn_end;
    uv_timer_t wake;
    uv_async_t stop;
    struct wheel *wheel;
    uint64_t now_us;  /* of this turn; 0: not asked for yet */
    uint64_t wake_us; /* when the timer is armed for; DEADLINE_NEVER: it is not */
    struct list hooks, laters;
    uint8_t *read_buffer;
    char name[THREAD_NAME_SIZE];
    int cpu;
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_running; /* or about to, on another thread */
    uint64_t turns, running_us, run_since_us;
    uint64_t rest_us, rested_us; /* how long after each turn; in all */
};

/* The worker whose loop runs on this thread. */
static _Thread_local const struct worker *current;

/* --- the turn --------------------------------------------------------------------------------- */

uint64_t worker_refresh_now_us(struct worker *w)
{
    w->now_us = timebase_now_us();
    return w->now_us;
}

uint64_t worker_now_us(struct worker *w)
{
    if (current != w) /* no turn, so no time of the turn */
        return timebase_now_us();
    return w->now_us != 0 ? w->now_us : worker_refresh_now_us(w);
}

static void run_hooks(struct worker *w)
{
    struct list todo;
    struct turn_hook *hook;

    list_init(&todo);
    list_splice(&todo, &w->hooks);
    while ((hook = LIST_FIRST(&todo, struct turn_hook, node)) != NULL) {
        list_remove(&hook->node);
        list_append(&w->hooks, &hook->node); /* before the call: it may remove itself or others */
        hook->on_turn_end(worker_now_us(w), hook->arg);
    }
}

static void free_laters(struct worker *w)
{
    struct list todo;
    struct later *later;

    list_init(&todo);
    list_splice(&todo, &w->laters);
    while ((later = LIST_FIRST(&todo, struct later, node)) != NULL) {
        list_remove(&later->node);
        later->free_block(later->block);
        mem_free(later);
    }
}

static void finish_turn(struct worker *w)
{
    wheel_advance(w->wheel, worker_refresh_now_us(w));
    run_hooks(w);
    free_laters(w);
}

static void on_wake(uv_timer_t *timer)
{
    struct worker *w = timer->data;

    w->wake_us = DEADLINE_NEVER;
}

/* Make the poll return in time. A timer that is armed too early stays: deadlines move away far more often than they come
 * nearer, and one wake-up for nothing costs less than moving the timer each time. */
static void arm_timer(struct worker *w)
{
    uint64_t next_us = wheel_next_us(w->wheel);
    uint64_t now_us, wait_us;

    if (next_us >= w->wake_us)
        return;
    now_us = timebase_now_us();
    wait_us = next_us > now_us ? next_us - now_us : 0;
    uv_update_time(&w->loop); /* libuv counts from the time it read last */
    CHECK(uv_timer_start(&w->wake, on_wake, (wait_us + US_PER_MS - 1) / US_PER_MS, 0) == 0);
    w->wake_us = next_us;
}

static void rest(struct worker *w)
{
    uint64_t begin_us = timebase_now_us(), next_us = wheel_next_us(w->wheel);
    uint64_t us = next_us > begin_us ? MIN(w->rest_us, next_us - begin_us) : 0;
    const struct timespec time = {.tv_nsec = (long)(us * 1000)};

    if (us == 0)
        return;
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
    w->rested_us += timebase_now_us() - begin_us;
}

static void on_turn_end(uv_prepare_t *prepare)
{
    struct worker *w = prepare->data;

    w->turns++;
    finish_turn(w);
    if (w->rest_us > 0)
        rest(w);
    arm_timer(w);
    w->now_us = 0; /* whoever asks first after the poll reads the clock */
}

/* --- life ------------------------------------------------------------------------------------- */

static void on_stop(uv_async_t *stop)
{
    uv_stop(stop->loop);
}

static void init_handles(struct worker *w)
{
    CHECK(uv_loop_configure(&w->loop, UV_METRICS_IDLE_TIME) == 0);
    CHECK(uv_prepare_init(&w->loop, &w->turn_end) == 0);
    CHECK(uv_prepare_start(&w->turn_end, on_turn_end) == 0);
    CHECK(uv_timer_init(&w->loop, &w->wake) == 0);
    w->turn_end.data = w->wake.data = w;
}

int worker_open(struct worker **out, const char *name)
{
    struct worker *w = MEM_NEW(struct worker);
    int err = uv_loop_init(&w->loop);

    if (err != 0)
        goto no_loop;
    err = uv_async_init(&w->loop, &w->stop, on_stop);
    if (err != 0)
        goto no_async;
    init_handles(w);
    /* libuv writes to sockets without MSG_NOSIGNAL: a remote that is gone would end the process. */
    (void)signal(SIGPIPE, SIG_IGN);
    strncpy(w->name, name, sizeof(w->name) - 1);
    w->cpu = -1;
    w->wake_us = DEADLINE_NEVER;
    list_init(&w->hooks);
    list_init(&w->laters);
    w->wheel = wheel_new(timebase_now_us());
    w->read_buffer = mem_alloc(WORKER_READ_BUFFER_BYTES);
    *out = w;
    return 0;

no_async:
    CHECK(uv_loop_close(&w->loop) == 0);
no_loop:
    mem_free(w);
    return err;
}

static void pin_to_cpu(const struct worker *w)
{
    cpu_set_t set;
    int err;

    if (w->cpu < 0)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)w->cpu, &set);
    err = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
    if (err != 0)
        log_warn(LOG_CORE, NULL, "%s: cannot pin to processor %d: %s", w->name, w->cpu,
                 err_text(-err));
}

/* Run the loop on this thread until it is stopped. */
static void run_loop(struct worker *w)
{
    const struct worker *outer = current;

    current = w;
    w->run_since_us = worker_refresh_now_us(w);
    (void)uv_run(&w->loop, UV_RUN_DEFAULT); /* what is left open is worker_close()'s concern */
    finish_turn(w);                         /* the turn that was stopped never got to prepare */
    w->running_us += timebase_now_us() - w->run_since_us;
    w->run_since_us = 0;
    w->now_us = 0;
    current = outer;
}

static void *thread_main(void *arg)
{
    struct worker *w = arg;

    (void)pthread_setname_np(pthread_self(), w->name);
    pin_to_cpu(w);
    run_loop(w);
    return NULL;
}

int worker_start(struct worker *w)
{
    sigset_t all, before;
    int err;

    CHECK(!w->has_thread);
    atomic_store(&w->is_running, true);
    /* The thread inherits the mask: signals are the main thread's. */
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    err = pthread_create(&w->thread, NULL, thread_main, w);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    w->has_thread = err == 0;
    if (err != 0)
        atomic_store(&w->is_running, false);
    return -err;
}

void worker_run(struct worker *w)
{
    CHECK(!w->has_thread);
    pin_to_cpu(w);
    atomic_store(&w->is_running, true);
    run_loop(w);
    atomic_store(&w->is_running, false);
}

void worker_stop(struct worker *w)
{
    CHECK(uv_async_send(&w->stop) == 0);
}

void worker_join(struct worker *w)
{
    if (!w->has_thread)
        return;
    CHECK(pthread_join(w->thread, NULL) == 0);
    w->has_thread = false;
    atomic_store(&w->is_running, false);
}

static void check_is_closing(uv_handle_t *uv, void *arg)
{
    const struct worker *w = arg;

    if (!uv_is_closing(uv))
        log_error(LOG_CORE, NULL, "%s: a handle was left open: %s", w->name,
                  uv_handle_type_name(uv_handle_get_type(uv)));
    CHECK(uv_is_closing(uv));
}

void worker_close(struct worker **wp)
{
    struct worker *w = *wp;

    if (w == NULL)
        return;
    *wp = NULL;
    CHECK(!atomic_load(&w->is_running));
    CHECK(list_is_empty(&w->hooks));
    while (!list_is_empty(&w->laters)) /* freeing may close, and so leave more for later */
        free_laters(w);
    uv_close((uv_handle_t *)&w->turn_end, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
    uv_close((uv_handle_t *)&w->stop, NULL);
    uv_walk(&w->loop, check_is_closing, w);
    CHECK(uv_run(&w->loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&w->loop) == 0);
    while (!list_is_empty(&w->laters))
        free_laters(w);
    wheel_free(&w->wheel);
    mem_free(w->read_buffer);
    mem_free(w);
}

/* --- what it offers --------------------------------------------------------------------------- */

struct wheel *worker_wheel(struct worker *w)
{
    return w->wheel;
}

void *worker_uv_loop(struct worker *w)
{
    return &w->loop;
}

uint8_t *worker_read_buffer(struct worker *w)
{
    return w->read_buffer;
}

bool worker_is_current(const struct worker *w)
{
    return current == w || !atomic_load_explicit(&w->is_running, memory_order_relaxed);
}

void worker_set_cpu(struct worker *w, int cpu)
{
    CHECK(cpu < CPU_SETSIZE);
    w->cpu = cpu;
}

void worker_add_turn_hook(struct worker *w, struct turn_hook *hook)
{
    list_append(&w->hooks, &hook->node);
}

void worker_remove_turn_hook(struct turn_hook *hook)
{
    list_remove(&hook->node);
}

void worker_set_rest(struct worker *w, uint64_t us)
{
    w->rest_us = MIN(us, WORKER_MAX_REST_US);
}

void worker_free_later(struct worker *w, void *block, void (*free_block)(void *block))
{
    struct later *later = MEM_NEW(struct later);

    DCHECK(worker_is_current(w));
    later->block = block;
    later->free_block = free_block;
    list_append(&w->laters, &later->node);
}

uint64_t worker_busy_us(const struct worker *w)
{
    uint64_t up_us = w->running_us;
    uint64_t idle_us = uv_metrics_idle_time((uv_loop_t *)(uintptr_t)&w->loop) / 1000;

    if (w->run_since_us != 0)
        up_us += timebase_now_us() - w->run_since_us;
    idle_us += w->rested_us;
    return up_us > idle_us ? up_us - idle_us : 0;
}

void worker_read_stats(struct worker *w, struct worker_stats *out)
{
    *out = (struct worker_stats){
        .turns = w->turns,
        .busy_us = worker_busy_us(w),
        .max_lag_us = wheel_take_max_lag_us(w->wheel),
    };
}

/* --- signals ---------------------------------------------------------------------------------- */

struct signal_watch {
    uv_signal_t *uv; /* as with every handle: its data is the watch until that closes */
    struct worker *worker;
    void (*on_signal)(int signum, void *arg);
    void *arg;
};

static void on_handle_closed(uv_handle_t *uv)
{
    mem_free(uv);
}

static void on_uv_signal(uv_signal_t *uv, int signum)
{
    struct signal_watch *s = uv->data;

    if (s != NULL)
        s->on_signal(signum, s->arg); /* may close s */
}

int signal_watch_open(struct signal_watch **out, struct worker *w, int signum,
                      void (*on_signal)(int signum, void *arg), void *arg)
{
    uv_signal_t *uv = MEM_NEW(uv_signal_t);
    int err = uv_signal_init(&w->loop, uv);
    struct signal_watch *s;

    if (err != 0) {
        mem_free(uv);
        return err;
    }
    err = uv_signal_start(uv, on_uv_signal, signum);
    if (err != 0) {
        uv_close((uv_handle_t *)uv, on_handle_closed);
        return err;
    }
    s = MEM_NEW(struct signal_watch);
    s->uv = uv;
    s->worker = w;
    s->on_signal = on_signal;
    s->arg = arg;
    uv->data = s;
    *out = s;
    return 0;
}

void signal_watch_close(struct signal_watch **sp)
{
    struct signal_watch *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    s->uv->data = NULL;
    uv_close((uv_handle_t *)s->uv, on_handle_closed);
    worker_free_later(s->worker, s, mem_free);
}
