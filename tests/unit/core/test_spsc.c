/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>
#include <sched.h>

#include "core/attr.h"
#include "core/spsc.h"
#include "tests/unit/core/leaks.h"

static int things[100000];

static void test_capacity_is_rounded_up_and_a_full_ring_refuses(void **state)
{
    static const struct {
        size_t asked, got;
    } rows[] = {{1, 1}, {2, 2}, {3, 4}, {5, 8}, {64, 64}, {65, 128}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct spsc *ring = spsc_new(rows[i].asked);
        size_t n = 0;
        while (spsc_push(ring, &things[n]))
            n++;
        assert_int_equal(n, rows[i].got);
        assert_int_equal(spsc_count(ring), n);
        for (size_t k = 0; k < n; k++)
            assert_ptr_equal(spsc_pull(ring), &things[k]);
        assert_null(spsc_pull(ring));
        spsc_free(&ring);
    }
}

static void test_order_is_kept_around_the_end(void **state)
{
    struct spsc *ring = spsc_new(4);

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_true(spsc_push(ring, &things[i]));
        assert_true(spsc_push(ring, &things[i + 1]));
        assert_ptr_equal(spsc_pull(ring), &things[i]);
        assert_ptr_equal(spsc_pull(ring), &things[i + 1]);
    }
    assert_null(spsc_pull(ring));
    spsc_free(&ring);
    spsc_free(&ring);
}

static void test_no_memory_gives_no_ring(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem_fail_nth(nth);
        assert_null(spsc_new(8));
    }
    mem_fail_nth(0);
}

static void *produce(void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(things); i++) {
        things[i] = (int)i; /* written here, read there: the ring must order the two */
        while (!spsc_push(arg, &things[i]))
            (void)sched_yield();
    }
    return NULL;
}

static void test_two_threads(void **state)
{
    struct spsc *ring = spsc_new(64);
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, produce, ring), 0);
    for (int i = 0; i < (int)ARRAY_LEN(things);) {
        const int *thing = spsc_pull(ring);
        if (thing != NULL)
            assert_int_equal(*thing, i++);
        else
            (void)sched_yield();
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    spsc_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_capacity_is_rounded_up_and_a_full_ring_refuses),
        LEAK_FREE(test_order_is_kept_around_the_end),
        LEAK_FREE(test_no_memory_gives_no_ring),
        LEAK_FREE(test_two_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
