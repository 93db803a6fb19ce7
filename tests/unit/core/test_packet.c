/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>
#include <sched.h>

#include "core/packet.h"
#include "core/spsc.h"
#include "tests/unit/core/leaks.h"

static void test_a_new_packet_is_clean(void **state)
{
    struct packet_pool *pool = packet_pool_new(1);
    struct packet *p;

    (void)state;
    for (int i = 0; i < 2; i++) { /* also the second time round */
        p = packet_new(pool);
        assert_non_null(p);
        assert_ptr_equal(p->data, p->buf + PACKET_HEADROOM_BYTES);
        assert_int_equal(packet_room(p), MAX_DATAGRAM_BYTES + PACKET_TAILROOM_BYTES);
        assert_int_equal(p->len, 0);
        assert_int_equal(p->flags, 0);
        assert_int_equal(p->arrival_us, 0);
        assert_int_equal(p->audio_level, -1);
        assert_int_equal(p->media.spatial, -1);
        assert_false(p->media.is_keyframe);
        p->data += 7;
        p->len = 9;
        p->flags = PACKET_HAS_RTP;
        p->media.is_keyframe = true;
        packet_unref(&p);
        assert_null(p);
    }
    packet_unref(&p);
    packet_pool_free(&pool);
    packet_pool_free(&pool);
}

static void test_only_the_sole_holder_may_write(void **state)
{
    struct packet_pool *pool = packet_pool_new(4);
    struct packet *a = packet_new(pool);
    struct packet *b = packet_ref(a);

    (void)state;
    assert_ptr_equal(a, b);
    assert_false(packet_is_writable(a));
    packet_unref(&b);
    assert_true(packet_is_writable(a));
    packet_unref(&a);
    packet_pool_free(&pool);
}

static void test_a_pool_refuses_past_its_maximum(void **state)
{
    struct packet_pool *pool = packet_pool_new(100);
    struct packet *held[100];
    struct packet_pool_stats stats;

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        held[i] = packet_new(pool);
        assert_non_null(held[i]);
    }
    assert_null(packet_new(pool));
    packet_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 100);
    assert_int_equal(stats.allocated, 100);
    assert_int_equal(stats.high_water, 100);
    assert_int_equal(stats.refused, 1);
    for (size_t i = 0; i < 100; i++)
        packet_unref(&held[i]);
    packet_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.high_water, 100);
    packet_pool_free(&pool);
}

static void test_a_pool_without_memory_refuses(void **state)
{
    struct packet_pool *pool = packet_pool_new(8);
    struct packet *p;

    (void)state;
    mem_fail_nth(1);
    assert_null(packet_new(pool));
    p = packet_new(pool);
    assert_non_null(p);
    packet_unref(&p);
    packet_pool_free(&pool);
}

static void test_packets_of_one_slab_do_not_overlap(void **state)
{
    struct packet_pool *pool = packet_pool_new(8);
    struct packet *p[8];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        p[i] = packet_new(pool);
        for (size_t k = 0; k < packet_room(p[i]); k++)
            p[i]->data[k] = (uint8_t)i;
    }
    for (size_t i = 0; i < 8; i++) {
        for (size_t k = 0; k < packet_room(p[i]); k++)
            assert_int_equal(p[i]->data[k], i);
        packet_unref(&p[i]);
    }
    packet_pool_free(&pool);
}

/* Drops what comes through a ring; NULLs are "nothing yet". */

#define PACKETS_THROUGH_RING 20000

struct dropper {
    struct spsc *ring;
    unsigned sum;
};

static void *drop_all(void *arg)
{
    struct dropper *d = arg;

    for (int n = 0; n < PACKETS_THROUGH_RING;) {
        struct packet *p = spsc_pull(d->ring);
        if (p == NULL) {
            (void)sched_yield();
            continue;
        }
        d->sum += p->data[0];
        packet_unref(&p);
        n++;
    }
    return NULL;
}

static void test_packets_dropped_on_other_threads_come_home(void **state)
{
    struct packet_pool *pool = packet_pool_new(128);
    struct dropper droppers[2] = {{spsc_new(32), 0}, {spsc_new(32), 0}};
    struct packet_pool_stats stats;
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drop_all, &droppers[i]), 0);
    for (int n = 0; n < PACKETS_THROUGH_RING;) {
        struct packet *p = packet_new(pool);
        if (p == NULL) {
            (void)sched_yield();
            continue;
        }
        p->data[0] = (uint8_t)n;
        for (int i = 0; i < 2; i++) {
            struct packet *ref = packet_ref(p);
            while (!spsc_push(droppers[i].ring, ref))
                (void)sched_yield();
        }
        packet_unref(&p);
        n++;
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        spsc_free(&droppers[i].ring);
    }
    assert_int_equal(droppers[0].sum, droppers[1].sum);
    packet_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 0);
    assert_true(stats.allocated <= 128);
    packet_pool_free(&pool);
}

static void *take_and_drop(void *arg)
{
    for (int i = 0; i < 10; i++) {
        struct packet *p = packet_new(arg);
        packet_unref(&p);
    }
    return NULL;
}

static void test_a_pool_may_be_handed_to_a_thread_and_back(void **state)
{
    struct packet_pool *pool = packet_pool_new(4);
    pthread_t thread;

    (void)state;
    (void)take_and_drop(pool);
    assert_int_equal(pthread_create(&thread, NULL, take_and_drop, pool), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)take_and_drop(pool);
    packet_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_a_new_packet_is_clean),
        LEAK_FREE(test_only_the_sole_holder_may_write),
        LEAK_FREE(test_a_pool_refuses_past_its_maximum),
        LEAK_FREE(test_a_pool_without_memory_refuses),
        LEAK_FREE(test_packets_of_one_slab_do_not_overlap),
        LEAK_FREE(test_packets_dropped_on_other_threads_come_home),
        LEAK_FREE(test_a_pool_may_be_handed_to_a_thread_and_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
