/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"

#define MANY 2000

static int values[MANY];

static int has_no_live_block(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void values_are_found_by_number_and_by_bytes(void **state)
{
    struct map *m = map_new(MANY + 2);

    (void)state;
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(map_put_u64(m, i << 40, &values[i]), 0);
    assert_int_equal(map_put(m, "room", 4, &values[0]), 0);
    assert_int_equal(map_put(m, "", 0, &values[1]), 0);
    for (uint64_t i = 0; i < MANY; i++)
        assert_ptr_equal(map_get_u64(m, i << 40), &values[i]);
    assert_ptr_equal(map_get(m, "room!", 4), &values[0]);
    assert_ptr_equal(map_get(m, NULL, 0), &values[1]);
    assert_null(map_get(m, "room!", 5));
    assert_null(map_get_u64(m, 1));
    assert_int_equal(map_count(m), MANY + 2);
    map_free(&m);
    assert_null(m);
    map_free(&m);
}

static void every_key_length_is_hashed_whole(void **state)
{
    struct map *m = map_new(100);
    char key[40] = {0};

    (void)state;
    for (size_t len = 0; len < sizeof key; len++) /* zeros that differ in length only */
        assert_int_equal(map_put(m, key, len, &values[len]), 0);
    for (size_t len = 0; len < sizeof key; len++)
        assert_ptr_equal(map_get(m, key, len), &values[len]);
    map_free(&m);
}

static void put_replaces_and_remove_returns(void **state)
{
    struct map *m = map_new(1);

    (void)state;
    assert_int_equal(map_put_u64(m, 7, &values[0]), 0);
    assert_int_equal(map_put_u64(m, 7, &values[1]), 0); /* although the map is full */
    assert_int_equal(map_put_u64(m, 8, &values[2]), E_LIMIT);
    assert_int_equal(map_count(m), 1);
    assert_ptr_equal(map_remove_u64(m, 7), &values[1]);
    assert_null(map_remove_u64(m, 7));
    assert_int_equal(map_put_u64(m, 8, &values[2]), 0);
    assert_ptr_equal(map_remove(m, &(uint64_t){8}, 8), &values[2]);
    assert_int_equal(map_count(m), 0);
    map_free(&m);
}

struct visit {
    struct map *m;
    size_t seen, stop_after;
};

static int remove_visited(void *value, void *arg)
{
    struct visit *v = arg;
    uint64_t key = (uint64_t)((int *)value - values);

    v->seen++;
    assert_ptr_equal(map_remove_u64(v->m, key), value);
    return v->seen == v->stop_after ? -7 : 0;
}

static void visitor_may_remove_what_it_visits(void **state)
{
    struct visit v = {map_new(100), 0, 40};

    (void)state;
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(map_put_u64(v.m, i, &values[i]), 0);
    assert_int_equal(map_each(v.m, remove_visited, &v), -7);
    assert_int_equal(map_count(v.m), 60);
    assert_int_equal(map_each(v.m, remove_visited, &v), 0);
    assert_int_equal(v.seen, 100);
    assert_int_equal(map_count(v.m), 0);
    assert_int_equal(map_each(v.m, remove_visited, &v), 0);
    map_free(&v.m);
}

/* Fails each allocation of growing a map in turn: nothing may change, and the map goes on. */
static void exhaustion_refuses_one_entry_and_changes_nothing(void **state)
{
    size_t refused = 1;
    uint64_t nth = 0;

    (void)state;
    while (refused > 0) {
        struct map *m = map_new(MANY);
        refused = 0;
        mem_fail_nth(++nth);
        for (uint64_t i = 0; i < 320; i++) {
            int err = map_put_u64(m, i, &values[i]);
            if (err) {
                assert_int_equal(err, E_NO_MEMORY);
                assert_int_equal(map_count(m), i);
                assert_null(map_get_u64(m, i));
                refused++;
                i--;
            }
        }
        assert_in_range(refused, 0, 1);
        for (uint64_t i = 0; i < 320; i++)
            assert_ptr_equal(map_get_u64(m, i), &values[i]);
        mem_fail_nth(0);
        map_free(&m);
    }
    assert_true(nth > 322); /* a block an entry, and the table's own, which grew */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(values_are_found_by_number_and_by_bytes, has_no_live_block),
        cmocka_unit_test_teardown(every_key_length_is_hashed_whole, has_no_live_block),
        cmocka_unit_test_teardown(put_replaces_and_remove_returns, has_no_live_block),
        cmocka_unit_test_teardown(visitor_may_remove_what_it_visits, has_no_live_block),
        cmocka_unit_test_teardown(exhaustion_refuses_one_entry_and_changes_nothing,
                                  has_no_live_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
