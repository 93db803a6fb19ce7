/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>

#include "core/doorbell.h"
#include "core/spsc.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"

#define ITEMS 20000

static struct {
    struct worker *w;
    struct doorbell *bell;
    struct spsc *ring;
    uintptr_t pulled, rings;
} t;

static void on_ring(void *arg)
{
    void *item;

    assert_ptr_equal(arg, &t);
    t.rings++;
    while ((item = spsc_pull(t.ring)) != NULL)
        assert_int_equal((uintptr_t)item, ++t.pulled);
    if (t.pulled == ITEMS)
        worker_stop(t.w);
}

static void *push_all(void *arg)
{
    (void)arg;
    for (uintptr_t i = 1; i <= ITEMS; i++) {
        while (!spsc_push(t.ring, (void *)i))
            doorbell_ring(t.bell);
        if (i % 7 == 0 || i == ITEMS)
            doorbell_ring(t.bell);
    }
    return NULL;
}

static void what_was_pushed_before_a_ring_is_found(void **state)
{
    pthread_t pusher;

    (void)state;
    t.pulled = t.rings = 0;
    t.w = loop_open();
    t.ring = spsc_new(256);
    assert_int_equal(doorbell_open(&t.bell, t.w, on_ring, &t), 0);
    assert_int_equal(pthread_create(&pusher, NULL, push_all, NULL), 0);
    loop_run(t.w);
    assert_int_equal(pthread_join(pusher, NULL), 0);
    assert_int_equal(t.pulled, ITEMS);
    doorbell_close(&t.bell);
    assert_null(t.bell);
    doorbell_close(&t.bell);
    spsc_free(&t.ring);
    worker_close(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(what_was_pushed_before_a_ring_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
