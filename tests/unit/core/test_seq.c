/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/seq.h"

static void differences_wrap(void **state)
{
    static const struct {
        uint16_t a, b;
        int want;
    } rows[] = {
        {1, 0, 1},      {0, 0, 0},         {0, 65535, 1},
        {65535, 0, -1}, {32767, 0, 32767}, {32768, 0, -32768}, /* the far point counts as old */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(seq16_diff(rows[i].a, rows[i].b), rows[i].want);
        assert_int_equal(seq16_newer(rows[i].a, rows[i].b), rows[i].want > 0);
    }
    assert_int_equal(ts32_diff(0, UINT32_MAX), 1);
    assert_int_equal(ts32_diff(UINT32_MAX, 0), -1);
    assert_true(ts32_newer(0x80000000, 1));
    assert_false(ts32_newer(0x80000000, 0));
}

static void unwrapped_numbers_go_on_over_the_wrap(void **state)
{
    struct seq16_unwrapper u = {0};
    int64_t first = seq16_unwrap(&u, 65534);

    (void)state;
    assert_int_equal(first, 65536 + 65534);
    assert_int_equal(seq16_unwrap(&u, 65535) - first, 1);
    assert_int_equal(seq16_unwrap(&u, 1) - first, 3);
    assert_int_equal(seq16_unwrap(&u, 65533) - first, -1); /* late, from before the wrap */
    assert_int_equal(seq16_unwrap(&u, 0) - first, 2);
    assert_int_equal(u.newest - first, 3);
    for (int64_t i = 4; i < 300000; i++)
        assert_int_equal(seq16_unwrap(&u, (uint16_t)(65534 + i)) - first, i);
}

static void packets_older_than_the_first_stay_positive(void **state)
{
    struct seq16_unwrapper u = {0};
    struct ts32_unwrapper t = {0};

    (void)state;
    int64_t first = seq16_unwrap(&u, 0), first_ts = ts32_unwrap(&t, 5);
    assert_int_equal(seq16_unwrap(&u, 65535), first - 1);
    assert_int_equal(ts32_unwrap(&t, UINT32_MAX), first_ts - 6);
    assert_true(first > 1 && first_ts > 6);
}

static void unwrapped_timestamps_go_on_over_the_wrap(void **state)
{
    struct ts32_unwrapper t = {0};
    int64_t first = ts32_unwrap(&t, 0xFFFFFF00);

    (void)state;
    for (int64_t i = 1; i < 1000; i++)
        assert_int_equal(ts32_unwrap(&t, (uint32_t)(0xFFFFFF00 + i * 3000)) - first, i * 3000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_wrap),
        cmocka_unit_test(unwrapped_numbers_go_on_over_the_wrap),
        cmocka_unit_test(packets_older_than_the_first_stay_positive),
        cmocka_unit_test(unwrapped_timestamps_go_on_over_the_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
