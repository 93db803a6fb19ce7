/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "rooms/sfu/encoding.h"
#include "rooms/sfu/ssrc_table.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/seed.h"

static struct encoding encodings[4]; /* only their addresses count */

static void what_was_put_is_found(void **state)
{
    struct ssrc_table t;

    (void)state;
    ssrc_table_init(&t);
    assert_null(ssrc_table_find(&t, 1));
    assert_int_equal(ssrc_table_put(&t, 1, &encodings[0], false), 0);
    assert_int_equal(ssrc_table_put(&t, 0, &encodings[1], true), 0);
    assert_int_equal(ssrc_table_put(&t, UINT32_MAX, &encodings[2], false), 0);
    assert_ptr_equal(ssrc_table_find(&t, 1)->encoding, &encodings[0]);
    assert_false(ssrc_table_find(&t, 1)->is_rtx);
    assert_ptr_equal(ssrc_table_find(&t, 0)->encoding, &encodings[1]);
    assert_true(ssrc_table_find(&t, 0)->is_rtx);
    assert_ptr_equal(ssrc_table_find(&t, UINT32_MAX)->encoding, &encodings[2]);
    assert_null(ssrc_table_find(&t, 2));
    ssrc_table_fini(&t);
}

static void a_new_owner_replaces_the_old_one_who_cannot_remove_it(void **state)
{
    struct ssrc_table t;

    (void)state;
    ssrc_table_init(&t);
    ssrc_table_remove(&t, 7, &encodings[0]); /* of an empty table */
    assert_int_equal(ssrc_table_put(&t, 7, &encodings[0], false), 0);
    assert_int_equal(ssrc_table_put(&t, 7, &encodings[1], true), 0);
    assert_int_equal(t.count, 1);
    ssrc_table_remove(&t, 7, &encodings[0]);
    assert_ptr_equal(ssrc_table_find(&t, 7)->encoding, &encodings[1]);
    ssrc_table_remove(&t, 7, &encodings[1]);
    assert_null(ssrc_table_find(&t, 7));
    ssrc_table_fini(&t);
}

static void the_number_is_bounded_and_room_comes_back(void **state)
{
    struct ssrc_table t;

    (void)state;
    ssrc_table_init(&t);
    for (uint32_t i = 0; i < MAX_SSRCS_LEARNT_PER_TRANSPORT; i++)
        assert_int_equal(ssrc_table_put(&t, i * 65536, &encodings[0], false),
                         0); /* worst for a poor hash */
    assert_int_equal(ssrc_table_put(&t, 1, &encodings[0], false), E_LIMIT);
    assert_int_equal(ssrc_table_put(&t, 65536, &encodings[1], false), 0); /* not one more */
    ssrc_table_remove(&t, 0, &encodings[0]);
    assert_int_equal(ssrc_table_put(&t, 1, &encodings[0], false), 0);
    ssrc_table_fini(&t);
}

static void without_memory_nothing_changes(void **state)
{
    struct ssrc_table t;

    (void)state;
    ssrc_table_init(&t);
    mem_fail_nth(1);
    assert_int_equal(ssrc_table_put(&t, 1, &encodings[0], false), E_NO_MEMORY);
    assert_null(ssrc_table_find(&t, 1));
    assert_int_equal(ssrc_table_put(&t, 1, &encodings[0], false), 0);
    ssrc_table_fini(&t);
}

/* Against a plain array. */
static void random_changes_keep_it_right(void **state)
{
    uint64_t seed = seed_of_test();
    struct rng rng;
    struct ssrc_table t;
    struct encoding *owner[200] = {NULL};
    size_t count = 0;

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    ssrc_table_init(&t);
    for (unsigned step = 0; step < 20000; step++) {
        uint32_t i = rng_below(&rng, ARRAY_LEN(owner));
        uint32_t ssrc = (i % 20) << 28 | i; /* many share a slot */
        struct encoding *e = &encodings[rng_below(&rng, ARRAY_LEN(encodings))];
        if (rng_below(&rng, 2) == 0) {
            assert_int_equal(ssrc_table_put(&t, ssrc, e, false), 0);
            count += owner[i] == NULL;
            owner[i] = e;
        } else {
            ssrc_table_remove(&t, ssrc, e);
            count -= owner[i] == e;
            owner[i] = owner[i] == e ? NULL : owner[i];
        }
        assert_int_equal(t.count, count);
        i = rng_below(&rng, ARRAY_LEN(owner));
        const struct ssrc_entry *found = ssrc_table_find(&t, (i % 20) << 28 | i);
        assert_ptr_equal(found == NULL ? NULL : found->encoding, owner[i]);
    }
    ssrc_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(what_was_put_is_found),
        LEAK_FREE(a_new_owner_replaces_the_old_one_who_cannot_remove_it),
        LEAK_FREE(the_number_is_bounded_and_room_comes_back),
        LEAK_FREE(without_memory_nothing_changes),
        LEAK_FREE(random_changes_keep_it_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
