/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/deadline.h"
#include "core/rng.h"
#include "tests/unit/core/leaks.h"

#define MAX_FIRED 64

struct fixture {
    struct wheel *wheel;
    struct deadline d[8];
    struct deadline *fired[MAX_FIRED];
    size_t n_fired;
};

static void on_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct fixture *f = arg;

    (void)now_us;
    assert_false(deadline_is_set(d));
    assert_true(f->n_fired < MAX_FIRED);
    f->fired[f->n_fired++] = d;
}

static void fixture_init(struct fixture *f, uint64_t now_us)
{
    *f = (struct fixture){.wheel = wheel_new(now_us)};
    for (size_t i = 0; i < ARRAY_LEN(f->d); i++)
        deadline_init(&f->d[i], on_due, f);
}

static void test_fires_within_one_tick_after_its_time(void **state)
{
    static const uint64_t delays_us[] = {
        1,       999,     1000,      1001,     63000,      64000,       65000,           4095000,
        4096000, 4097001, 262144000, 60000000, 3600000000, 86400000000, 123456789012345, 1ull << 60,
    };
    static const uint64_t starts_us[] = {0, 1, 999, 63999, 64000, 1234567890123};

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(starts_us); s++)
        for (size_t i = 0; i < ARRAY_LEN(delays_us); i++) {
            struct fixture f;
            uint64_t at_us = starts_us[s] + delays_us[i];
            fixture_init(&f, starts_us[s]);
            deadline_set(f.wheel, &f.d[0], at_us);
            wheel_advance(f.wheel, at_us - 1);
            assert_int_equal(f.n_fired, 0);
            assert_true(deadline_is_set(&f.d[0]));
            wheel_advance(f.wheel, at_us + DEADLINE_TICK_US - 1);
            assert_int_equal(f.n_fired, 1);
            assert_true(wheel_next_us(f.wheel) == DEADLINE_NEVER);
            wheel_free(&f.wheel);
        }
}

static void test_next_leads_to_the_deadline_in_few_steps(void **state)
{
    struct fixture f;
    int steps = 0;

    (void)state;
    fixture_init(&f, 5000);
    deadline_set(f.wheel, &f.d[0], 100000000123);
    while (f.n_fired == 0) {
        uint64_t next_us = wheel_next_us(f.wheel);
        assert_true(next_us <= 100000001000);
        wheel_advance(f.wheel, next_us);
        steps++;
    }
    assert_true(steps <= 5);
    wheel_free(&f.wheel);
}

static void test_runs_in_order_of_time(void **state)
{
    static const uint64_t at_us[] = {7000000, 3000, 900000, 5000, 70000, 64000, 3600000000, 4000};
    static const size_t order[] = {1, 7, 3, 5, 4, 2, 0, 6};
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    for (size_t i = 0; i < ARRAY_LEN(at_us); i++)
        deadline_set(f.wheel, &f.d[i], at_us[i]);
    wheel_advance(f.wheel, 4000000000);
    assert_int_equal(f.n_fired, ARRAY_LEN(order));
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_ptr_equal(f.fired[i], &f.d[order[i]]);
    wheel_free(&f.wheel);
}

static void test_past_times_fire_at_the_next_advance(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 1000000);
    deadline_set(f.wheel, &f.d[0], 0);
    deadline_set(f.wheel, &f.d[1], 999999);
    assert_true(wheel_next_us(f.wheel) <= 1000000);
    wheel_advance(f.wheel, 1000000);
    assert_int_equal(f.n_fired, 2);
    assert_true(wheel_next_us(f.wheel) == DEADLINE_NEVER);
    wheel_free(&f.wheel);
}

static void test_moved_and_cleared_ones_do_not_fire_at_the_old_time(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    deadline_set(f.wheel, &f.d[0], 10000);
    deadline_set(f.wheel, &f.d[1], 10000);
    deadline_set(f.wheel, &f.d[2], 10000);
    deadline_set(f.wheel, &f.d[0], 20000);
    deadline_clear(&f.d[1]);
    deadline_clear(&f.d[1]);
    deadline_set(f.wheel, &f.d[2], DEADLINE_NEVER);
    assert_false(deadline_is_set(&f.d[1]));
    assert_false(deadline_is_set(&f.d[2]));
    wheel_advance(f.wheel, 19000);
    assert_int_equal(f.n_fired, 0);
    wheel_advance(f.wheel, 20000);
    assert_int_equal(f.n_fired, 1);
    wheel_free(&f.wheel);
}

static void clear_second(struct deadline *d, uint64_t now_us, void *arg)
{
    struct fixture *f = arg;

    on_due(d, now_us, arg);
    deadline_clear(&f->d[1]);
}

static void test_cleared_by_another_of_the_same_tick_does_not_run(void **state)
{
    static const uint64_t at_us[] = {0, 5000, 64000, 4096000}; /* due list, levels 0, 1 and 2 */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(at_us); i++) {
        struct fixture f;
        fixture_init(&f, 1000);
        f.d[0].on_due = clear_second;
        for (size_t k = 0; k < 3; k++)
            deadline_set(f.wheel, &f.d[k], at_us[i]);
        wheel_advance(f.wheel, 5000000);
        assert_int_equal(f.n_fired, 2);
        assert_ptr_equal(f.fired[1], &f.d[2]);
        wheel_free(&f.wheel);
    }
}

static void set_again(struct deadline *d, uint64_t now_us, void *arg)
{
    struct fixture *f = arg;

    on_due(d, now_us, arg);
    deadline_set(f->wheel, d, now_us);
}

static void test_set_for_now_by_its_handler_runs_at_the_next_advance(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    f.d[0].on_due = set_again;
    deadline_set(f.wheel, &f.d[0], 2000);
    for (size_t i = 1; i <= 3; i++) {
        wheel_advance(f.wheel, 2000);
        assert_int_equal(f.n_fired, i);
        assert_true(wheel_next_us(f.wheel) <= 2000);
    }
    deadline_clear(&f.d[0]);
    wheel_free(&f.wheel);
}

static void set_second_later(struct deadline *d, uint64_t now_us, void *arg)
{
    struct fixture *f = arg;

    on_due(d, now_us, arg);
    deadline_set(f->wheel, &f->d[1], 8000);
}

static void test_set_by_a_handler_within_the_advance_runs_in_it(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 0);
    f.d[0].on_due = set_second_later;
    deadline_set(f.wheel, &f.d[0], 2000);
    wheel_advance(f.wheel, 9000);
    assert_int_equal(f.n_fired, 2);
    wheel_free(&f.wheel);
}

static void test_lag_counts_from_the_time_asked_for(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 1000000);
    deadline_set(f.wheel, &f.d[0], 0); /* for the past: no lag of ours */
    deadline_set(f.wheel, &f.d[1], 1002000);
    wheel_advance(f.wheel, 1005000);
    assert_int_equal(wheel_take_max_lag_us(f.wheel), 3000);
    assert_int_equal(wheel_take_max_lag_us(f.wheel), 0);
    wheel_free(&f.wheel);
}

static void test_freeing_the_wheel_unlinks_what_is_set(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, 1000);
    deadline_set(f.wheel, &f.d[0], 0);
    deadline_set(f.wheel, &f.d[1], 500000);
    wheel_free(&f.wheel);
    assert_null(f.wheel);
    assert_false(deadline_is_set(&f.d[0]));
    deadline_clear(&f.d[1]);
    wheel_free(&f.wheel);
}

/* Against a model: a plain array of times. */

#define MODEL_DEADLINES 200

struct model {
    struct wheel *wheel;
    struct deadline d[MODEL_DEADLINES];
    uint64_t at_us[MODEL_DEADLINES]; /* DEADLINE_NEVER: not set */
    uint64_t now_us;
};

static void on_model_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct model *m = arg;
    size_t i = (size_t)(d - m->d);

    assert_true(m->at_us[i] <= now_us);
    m->at_us[i] = DEADLINE_NEVER;
}

static uint64_t random_below(struct rng *rng, uint64_t bound)
{
    return rng_u64(rng) % bound;
}

static void model_change_some(struct model *m, struct rng *rng)
{
    for (int n = 0; n < 5; n++) {
        size_t i = (size_t)random_below(rng, MODEL_DEADLINES);
        if (random_below(rng, 4) == 0) {
            deadline_clear(&m->d[i]);
            m->at_us[i] = DEADLINE_NEVER;
        } else {
            m->at_us[i] = m->now_us + random_below(rng, 1ull << random_below(rng, 40));
            deadline_set(m->wheel, &m->d[i], m->at_us[i]);
        }
    }
}

static void model_check(const struct model *m)
{
    uint64_t first_us = DEADLINE_NEVER;

    for (size_t i = 0; i < MODEL_DEADLINES; i++) {
        first_us = MIN(first_us, m->at_us[i]);
        assert_true(m->at_us[i] == DEADLINE_NEVER ||
                    m->at_us[i] + DEADLINE_TICK_US > m->now_us); /* none is overdue by a tick */
    }
    if (first_us == DEADLINE_NEVER)
        assert_true(wheel_next_us(m->wheel) == DEADLINE_NEVER);
    else
        assert_true(wheel_next_us(m->wheel) < first_us + DEADLINE_TICK_US);
}

static void test_agrees_with_a_plain_array(void **state)
{
    struct model m = {.now_us = 777};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 42);
    m.wheel = wheel_new(m.now_us);
    for (size_t i = 0; i < MODEL_DEADLINES; i++) {
        deadline_init(&m.d[i], on_model_due, &m);
        m.at_us[i] = DEADLINE_NEVER;
    }
    for (int step = 0; step < 20000; step++) {
        model_change_some(&m, &rng);
        m.now_us += random_below(&rng, 1ull << random_below(&rng, 36));
        wheel_advance(m.wheel, m.now_us);
        model_check(&m);
    }
    wheel_free(&m.wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_fires_within_one_tick_after_its_time),
        LEAK_FREE(test_next_leads_to_the_deadline_in_few_steps),
        LEAK_FREE(test_runs_in_order_of_time),
        LEAK_FREE(test_past_times_fire_at_the_next_advance),
        LEAK_FREE(test_moved_and_cleared_ones_do_not_fire_at_the_old_time),
        LEAK_FREE(test_cleared_by_another_of_the_same_tick_does_not_run),
        LEAK_FREE(test_set_for_now_by_its_handler_runs_at_the_next_advance),
        LEAK_FREE(test_set_by_a_handler_within_the_advance_runs_in_it),
        LEAK_FREE(test_lag_counts_from_the_time_asked_for),
        LEAK_FREE(test_freeing_the_wheel_unlinks_what_is_set),
        LEAK_FREE(test_agrees_with_a_plain_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
