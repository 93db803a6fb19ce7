/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/attr.h"
#include "core/mem.h"
#include "core/rng.h"
#include "transport/replay.h"

#define MAX_PACKETS 1024

static void an_index_is_used_once(void **state)
{
    uint64_t used[REPLAY_WORDS(64)] = {0}, newest = 0;

    (void)state;
    assert_false(replay_has(used, 64, newest, 0)); /* nothing was, not even where it starts */
    replay_mark(used, 64, &newest, 0);
    assert_true(replay_has(used, 64, newest, 0));
    assert_false(replay_has(used, 64, newest, 1));
}

static void what_leaves_the_window_counts_as_used(void **state)
{
    uint64_t used[REPLAY_WORDS(64)] = {0}, newest = 0;

    (void)state;
    replay_mark(used, 64, &newest, 100);
    assert_false(replay_has(used, 64, newest, 37));
    assert_true(replay_has(used, 64, newest, 36));
    assert_true(replay_has(used, 64, newest, 0));
}

/* Against a plain list, with steps around every size of window. */
static void walks_agree_with_a_list(size_t packets, struct rng *rng)
{
    enum { INDICES = 200000 };
    uint64_t used[REPLAY_WORDS(MAX_PACKETS)] = {0}, newest = 0;
    uint8_t *list = mem_alloc(INDICES);

    for (uint64_t top = 0; top + 4 * packets < INDICES;) {
        uint64_t at = rng_below(rng, 3) == 0
                          ? top + rng_below(rng, 4)
                          : top - rng_below(rng, (uint32_t)MIN(top + 1, packets + 3));
        if (rng_below(rng, 200) == 0)
            at = top + packets - 2 + rng_below(rng, 5);
        bool expected = list[at] != 0 || (at <= top && top - at >= packets);
        assert_int_equal(replay_has(used, packets, newest, at), expected);
        if (expected)
            continue;
        replay_mark(used, packets, &newest, at);
        list[at] = 1;
        top = MAX(top, at);
        assert_true(newest == top);
    }
    mem_free(list);
}

static void a_random_walk_agrees_with_a_list(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 11);
    walks_agree_with_a_list(64, &rng);
    walks_agree_with_a_list(128, &rng);
    walks_agree_with_a_list(1024, &rng);
}

static void far_jumps_start_an_empty_window(void **state)
{
    uint64_t used[REPLAY_WORDS(128)] = {0}, newest = 0;

    (void)state;
    for (uint64_t i = 0; i < 128; i++)
        replay_mark(used, 128, &newest, i);
    replay_mark(used, 128, &newest, 1ull << 47);
    for (uint64_t i = 1; i < 128; i++)
        assert_false(replay_has(used, 128, newest, (1ull << 47) - i));
    assert_true(replay_has(used, 128, newest, (1ull << 47) - 128));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_is_used_once),
        cmocka_unit_test(what_leaves_the_window_counts_as_used),
        cmocka_unit_test(a_random_walk_agrees_with_a_list),
        cmocka_unit_test(far_jumps_start_an_empty_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
