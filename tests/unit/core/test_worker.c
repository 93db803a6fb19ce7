/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <uv.h>

#include "core/mailbox.h"
#include "core/timebase.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"

static void stop_when_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)now_us;
    (void)d;
    worker_stop(arg);
}

static void test_a_worker_that_never_ran_closes(void **state)
{
    struct worker *w = loop_open();

    (void)state;
    assert_true(worker_is_current(w));
    worker_join(w); /* nothing to wait for */
    worker_close(&w);
    assert_null(w);
    worker_close(&w);
}

static void test_deadlines_fire_on_time_and_the_loop_sleeps_in_between(void **state)
{
    struct worker *w = loop_open();
    struct worker_stats stats;
    struct deadline d;
    uint64_t start_us, took_us;

    (void)state;
    deadline_init(&d, stop_when_due, w);
    start_us = worker_now_us(w);
    deadline_set(worker_wheel(w), &d, start_us + 100000);
    loop_run(w);
    took_us = worker_now_us(w) - start_us;
    assert_true(took_us >= 100000);
    worker_read_stats(w, &stats);
    assert_true(stats.turns > 0 && stats.turns < 50);
    assert_true(stats.busy_us < took_us);
    worker_read_stats(w, &stats);
    assert_int_equal(stats.max_lag_us, 0); /* since the last read */
    worker_close(&w);
}

/* Deadlines in a row. */
struct row {
    struct worker *w;
    struct deadline d;
    unsigned fired;
};

static void on_row(struct deadline *d, uint64_t now_us, void *arg)
{
    struct row *row = arg;

    if (++row->fired == 50)
        worker_stop(row->w);
    else
        deadline_set(worker_wheel(row->w), d, now_us + 2000);
}

static void test_rests_are_no_work_and_delay_no_deadline(void **state)
{
    struct row row = {.w = loop_open()};
    struct worker_stats stats;

    (void)state;
    worker_set_rest(row.w, 2 * WORKER_MAX_REST_US);
    deadline_init(&row.d, on_row, &row);
    uint64_t start_us = timebase_now_us();
    deadline_set(worker_wheel(row.w), &row.d, start_us + 2000);
    loop_run(row.w);
    uint64_t took_us = timebase_now_us() - start_us;
    worker_read_stats(row.w, &stats);
    assert_int_equal(row.fired, 50);
    assert_true(took_us >= 50 * 2000);
    assert_true(stats.busy_us < took_us / 2); /* half of each distance is rest */
    worker_close(&row.w);
}

/* A chain: each deadline is set nearer than the one the timer is armed for. */
struct chain {
    struct worker *w;
    struct deadline far, near;
    bool far_ran;
};

static void on_far(struct deadline *d, uint64_t now_us, void *arg)
{
    struct chain *c = arg;

    (void)d;
    (void)now_us;
    c->far_ran = true;
}

static void test_a_nearer_deadline_moves_the_timer(void **state)
{
    struct chain c = {.w = loop_open()};
    struct deadline first;

    (void)state;
    deadline_init(&c.far, on_far, &c);
    deadline_init(&c.near, stop_when_due, c.w);
    deadline_init(&first, stop_when_due, c.w);
    deadline_set(worker_wheel(c.w), &c.far, worker_now_us(c.w) + 60 * US_PER_S);
    deadline_set(worker_wheel(c.w), &first, 0);
    loop_run(c.w); /* now the timer is armed for the far one, or the limit */
    deadline_set(worker_wheel(c.w), &c.near, worker_now_us(c.w) + 2000);
    loop_run(c.w);
    assert_false(c.far_ran);
    deadline_clear(&c.far);
    worker_close(&c.w);
}

/* Hooks and free-later. */

struct order {
    struct worker *w;
    char log[32];
    struct turn_hook hook, other;
};

static void note(struct order *o, char what)
{
    size_t len = strlen(o->log);

    if (len + 1 < sizeof(o->log))
        o->log[len] = what;
}

static void on_block_freed(void *block)
{
    note(block, 'f');
}

static void on_hook(uint64_t now_us, void *arg)
{
    struct order *o = arg;

    assert_true(now_us > 0);
    note(o, 'h');
    worker_remove_turn_hook(&o->hook);
    worker_remove_turn_hook(&o->other); /* would be next */
    worker_stop(o->w);
}

static void on_other_hook(uint64_t now_us, void *arg)
{
    (void)now_us;
    note(arg, 'o');
}

static void on_order_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct order *o = arg;

    (void)d;
    (void)now_us;
    note(o, 'd');
    worker_free_later(o->w, o, on_block_freed);
}

static void test_a_turn_ends_with_deadlines_hooks_and_freeing(void **state)
{
    struct order o = {.w = loop_open(), .hook = {.on_turn_end = on_hook}};
    struct deadline d;

    (void)state;
    o.other.on_turn_end = on_other_hook;
    o.hook.arg = o.other.arg = &o;
    worker_add_turn_hook(o.w, &o.hook);
    worker_add_turn_hook(o.w, &o.other);
    deadline_init(&d, on_order_due, &o);
    deadline_set(worker_wheel(o.w), &d, 0);
    loop_run(o.w);
    assert_string_equal(o.log, "dhf");
    worker_close(&o.w);
}

struct stop_message {
    struct message msg;
    struct order *o;
};

static void on_message(struct message *m, void *ctx)
{
    struct order *o = ctx;

    mem_free(m);
    note(o, 'm');
    worker_free_later(o->w, o, on_block_freed);
    worker_stop(o->w);
}

static void count_turn(uint64_t now_us, void *arg)
{
    (void)now_us;
    note(arg, 'h');
}

static void test_the_turn_that_stops_the_loop_is_finished_too(void **state)
{
    struct order o = {.w = loop_open(), .hook = {.on_turn_end = count_turn, .arg = &o}};
    struct message *m = MEM_NEW(struct message);
    struct mailbox *mb;

    (void)state;
    worker_add_turn_hook(o.w, &o.hook);
    assert_int_equal(mailbox_open(&mb, o.w, &o), 0);
    m->deliver = on_message;
    mailbox_post(mb, m);
    loop_run(o.w);
    assert_non_null(strstr(o.log, "mhf"));
    worker_remove_turn_hook(&o.hook);
    mailbox_close(&mb);
    worker_close(&o.w);
}

static void test_blocks_left_are_freed_at_close(void **state)
{
    struct worker *w = loop_open();

    (void)state;
    worker_free_later(w, MEM_NEW(int), mem_free);
    worker_close(&w);
}

/* Threads. */

struct on_thread {
    struct worker *w;
    bool was_current;
    char name[32];
    int n_cpus;
    struct deadline d;
};

static void look_around(struct deadline *d, uint64_t now_us, void *arg)
{
    struct on_thread *t = arg;
    cpu_set_t set;

    (void)d;
    (void)now_us;
    t->was_current = worker_is_current(t->w);
    (void)pthread_getname_np(pthread_self(), t->name, sizeof(t->name));
    if (pthread_getaffinity_np(pthread_self(), sizeof(set), &set) == 0)
        t->n_cpus = CPU_COUNT(&set);
    worker_stop(t->w);
}

static void test_a_thread_of_its_own(void **state)
{
    struct on_thread t = {0};

    (void)state;
    assert_int_equal(worker_open(&t.w, "a-name-past-15-bytes"), 0);
    worker_set_cpu(t.w, 0);
    deadline_init(&t.d, look_around, &t);
    deadline_set(worker_wheel(t.w), &t.d, 0);
    assert_int_equal(worker_start(t.w), 0);
    assert_false(worker_is_current(t.w));
    worker_join(t.w);
    assert_true(worker_is_current(t.w));
    assert_true(t.was_current);
    assert_string_equal(t.name, "a-name-past-15-");
    assert_int_equal(t.n_cpus, 1);
    worker_close(&t.w);
}

static void test_stop_works_from_another_thread_and_before_the_start(void **state)
{
    (void)state;
    for (int before = 0; before < 2; before++) {
        struct worker *w = loop_open();
        if (before)
            worker_stop(w);
        assert_int_equal(worker_start(w), 0);
        if (!before)
            worker_stop(w);
        worker_join(w);
        worker_stop(w); /* late, and harmless */
        worker_close(&w);
    }
}

static void test_time_stands_still_within_a_turn_only(void **state)
{
    struct worker *w = loop_open();
    uint64_t before_us = worker_now_us(w);

    (void)state;
    while (timebase_now_us() == before_us)
        ;
    assert_true(worker_now_us(w) > before_us); /* outside the loop: the clock */
    worker_close(&w);
}

/* A library's handles on our loop. */

static void on_foreign_closed(uv_handle_t *uv)
{
    worker_stop(uv->data);
}

static void on_foreign_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_foreign_closed);
}

static void test_foreign_handles_live_on_the_loop(void **state)
{
    struct worker *w = loop_open();
    uv_timer_t timer = {.data = w};

    (void)state;
    assert_int_equal(uv_timer_init(worker_uv_loop(w), &timer), 0);
    assert_int_equal(uv_timer_start(&timer, on_foreign_timer, 1, 0), 0);
    loop_run(w);
    worker_close(&w);
}

/* Signals. */

struct signals {
    struct worker *w;
    struct signal_watch *watch;
    int got;
};

static void on_signal(int signum, void *arg)
{
    struct signals *s = arg;

    s->got = signum;
    signal_watch_close(&s->watch);
    worker_stop(s->w);
}

static void test_a_signal_reaches_its_watch(void **state)
{
    struct signals s = {.w = loop_open()};

    (void)state;
    assert_int_equal(signal_watch_open(&s.watch, s.w, SIGHUP, on_signal, &s), 0);
    assert_int_equal(raise(SIGHUP), 0);
    loop_run(s.w);
    assert_int_equal(s.got, SIGHUP);
    assert_null(s.watch);
    worker_close(&s.w);
}

static void test_a_watch_on_no_signal_is_refused(void **state)
{
    struct signals s = {.w = loop_open()};

    (void)state;
    assert_int_equal(signal_watch_open(&s.watch, s.w, SIGKILL, on_signal, &s), UV_EINVAL);
    assert_null(s.watch);
    worker_close(&s.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_a_worker_that_never_ran_closes),
        LEAK_FREE(test_deadlines_fire_on_time_and_the_loop_sleeps_in_between),
        LEAK_FREE(test_rests_are_no_work_and_delay_no_deadline),
        LEAK_FREE(test_a_nearer_deadline_moves_the_timer),
        LEAK_FREE(test_a_turn_ends_with_deadlines_hooks_and_freeing),
        LEAK_FREE(test_the_turn_that_stops_the_loop_is_finished_too),
        LEAK_FREE(test_blocks_left_are_freed_at_close),
        LEAK_FREE(test_a_thread_of_its_own),
        LEAK_FREE(test_stop_works_from_another_thread_and_before_the_start),
        LEAK_FREE(test_time_stands_still_within_a_turn_only),
        LEAK_FREE(test_foreign_handles_live_on_the_loop),
        LEAK_FREE(test_a_signal_reaches_its_watch),
        LEAK_FREE(test_a_watch_on_no_signal_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
