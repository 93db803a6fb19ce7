/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"

static int has_no_live_block(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 && mem_live_bytes() == 0 ? 0 : -1;
}

static void blocks_are_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 300; bytes += 7) {
        uint8_t *blocks[] = {mem_alloc(bytes), mem_try_alloc(bytes), mem_try_alloc_aligned(bytes)};
        for (size_t i = 0; i < 3; i++) {
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % (i == 2 ? 64 : 16), 0);
            for (size_t b = 0; b < bytes; b++)
                assert_int_equal(blocks[i][b], 0);
            memset(blocks[i], 0xAA, bytes);
            MEM_FREE(blocks[i]);
            assert_null(blocks[i]);
        }
    }
}

static void live_counters_follow_blocks(void **state)
{
    (void)state;
    void *a = mem_alloc_array(10, 10), *b = mem_try_alloc_aligned(28);
    assert_int_equal(mem_live_blocks(), 2);
    assert_int_equal(mem_live_bytes(), 128);
    void *grown = mem_try_realloc(a, 1000);
    assert_non_null(grown);
    assert_int_equal(mem_live_blocks(), 2);
    assert_int_equal(mem_live_bytes(), 1028);
    mem_free(grown);
    mem_free(b);
    mem_free(NULL);
    assert_int_equal(mem_live_bytes(), 0);
}

static void realloc_keeps_the_bytes_and_a_refusal_keeps_the_block(void **state)
{
    (void)state;
    char *p = mem_try_realloc(NULL, 4);
    assert_non_null(p);
    memcpy(p, "abc", 4);
    mem_fail_nth(1);
    assert_null(mem_try_realloc(p, 4000));
    assert_string_equal(p, "abc");
    char *grown = mem_try_realloc(p, 4000);
    assert_string_equal(grown, "abc");
    mem_free(grown);
}

static void the_nth_try_fails_once(void **state)
{
    (void)state;
    mem_fail_nth(3);
    for (int i = 1; i <= 5; i++) {
        void *p = i % 2 ? mem_try_alloc(8) : mem_try_alloc_aligned(8);
        assert_true((p == NULL) == (i == 3));
        mem_free(p);
        mem_free(mem_alloc(8)); /* does not count */
    }
    mem_fail_nth(1);
    mem_fail_nth(0);
    void *p = mem_try_alloc(8);
    assert_non_null(p);
    mem_free(p);
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    assert_null(mem_try_alloc(SIZE_MAX));
    assert_null(mem_try_alloc(SIZE_MAX - 15));
    assert_null(mem_try_alloc_aligned(SIZE_MAX - 63));
    void *p = mem_try_alloc(1);
    assert_null(mem_try_realloc(p, SIZE_MAX));
    mem_free(p);
}

static void strings_are_copied(void **state)
{
    char *a = mem_strdup("hello"), *b = mem_strndup("hello", 2), *c = mem_strndup("hi", 20);

    (void)state;
    assert_string_equal(a, "hello");
    assert_string_equal(b, "he");
    assert_string_equal(c, "hi");
    assert_null(mem_strdup(NULL));
    mem_wipe(a, 5);
    assert_memory_equal(a, "\0\0\0\0\0", 6);
    mem_free(a);
    mem_free(b);
    mem_free(c);
}

static void *free_elsewhere(void *block)
{
    mem_free(block);
    for (int i = 0; i < 1000; i++)
        mem_free(mem_try_alloc(16));
    return NULL;
}

static void threads_share_the_counters(void **state)
{
    pthread_t threads[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, free_elsewhere, mem_alloc(100)), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(mem_live_blocks(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(blocks_are_zeroed_and_aligned, has_no_live_block),
        cmocka_unit_test_teardown(live_counters_follow_blocks, has_no_live_block),
        cmocka_unit_test_teardown(realloc_keeps_the_bytes_and_a_refusal_keeps_the_block,
                                  has_no_live_block),
        cmocka_unit_test_teardown(the_nth_try_fails_once, has_no_live_block),
        cmocka_unit_test_teardown(absurd_sizes_are_refused, has_no_live_block),
        cmocka_unit_test_teardown(strings_are_copied, has_no_live_block),
        cmocka_unit_test_teardown(threads_share_the_counters, has_no_live_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
