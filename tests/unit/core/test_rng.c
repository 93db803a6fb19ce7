/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/rng.h"

static void a_seed_fixes_the_sequence(void **state)
{
    struct rng a, b, c;

    (void)state;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&c, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_u64(&a);
        assert_int_equal(x, rng_u64(&b));
        assert_int_not_equal(x, rng_u64(&c));
    }
}

static void generator_is_xoshiro256starstar(void **state)
{
    /* The reference code's first outputs from the state 1, 2, 3, 4. */
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240};
    struct rng r = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_int_equal(rng_u64(&r), want[i]);
}

static void bounded_values_reach_all_of_their_range(void **state)
{
    unsigned seen[7] = {0};
    struct rng r;

    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < 7000; i++)
        seen[rng_below(&r, 7)]++;
    for (size_t i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
    assert_int_equal(rng_below(&r, 1), 0);
    for (int i = 0; i < 1000; i++) {
        double x = rng_unit(&r);
        assert_true(x >= 0 && x < 1);
    }
}

static void secrets_differ_and_keep_to_their_characters(void **state)
{
    char ice[65], other[65], alnum[13];
    uint8_t none[1] = {9}, many[1000];
    struct rng a, b;

    (void)state;
    rng_secret_ice_chars(ice, 64);
    rng_secret_ice_chars(other, 64);
    assert_string_not_equal(ice, other);
    assert_int_equal(strlen(ice), 64);
    for (const char *p = ice; *p; p++)
        assert_true(isalnum((unsigned char)*p) || *p == '+' || *p == '/');
    for (int i = 0; i < 200; i++) {
        rng_secret_alnum(alnum, 12);
        assert_int_equal(strlen(alnum), 12);
        for (const char *p = alnum; *p; p++)
            assert_true(isalnum((unsigned char)*p));
    }
    rng_secret_bytes(none, 0);
    assert_int_equal(none[0], 9);
    rng_secret_bytes(many, sizeof many);
    rng_seed_system(&a);
    rng_seed_system(&b);
    assert_int_not_equal(rng_u64(&a), rng_u64(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_fixes_the_sequence),
        cmocka_unit_test(generator_is_xoshiro256starstar),
        cmocka_unit_test(bounded_values_reach_all_of_their_range),
        cmocka_unit_test(secrets_differ_and_keep_to_their_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
