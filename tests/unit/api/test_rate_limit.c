/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "api/rate_limit.h"

static unsigned take_all(struct rate_limit *l, uint64_t now_us)
{
    unsigned n = 0;

    while (rate_limit_take(l, 10, 30, now_us))
        n++;
    return n;
}

static void a_burst_then_so_many_a_second(void **state)
{
    struct rate_limit l = {0};

    (void)state;
    assert_int_equal(take_all(&l, 5 * US_PER_S), 30);
    assert_int_equal(take_all(&l, 5 * US_PER_S + 99000), 0);
    assert_int_equal(take_all(&l, 5 * US_PER_S + 100000), 1);
    assert_int_equal(take_all(&l, 6 * US_PER_S + 100000), 10);
    assert_int_equal(take_all(&l, 1000 * US_PER_S), 30);
}

static void what_is_too_much_takes_nothing(void **state)
{
    struct rate_limit l = {0};

    (void)state;
    assert_true(rate_limit_take_many(&l, 25, 10, 30, US_PER_S));
    assert_false(rate_limit_take_many(&l, 6, 10, 30, US_PER_S));
    assert_true(rate_limit_take_many(&l, 5, 10, 30, US_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_burst_then_so_many_a_second),
                                       cmocka_unit_test(what_is_too_much_takes_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
