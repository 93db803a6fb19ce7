/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/timebase.h"

static void monotonic_time_never_goes_back(void **state)
{
    uint64_t last = timebase_now_us();

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t now = timebase_now_us();
        assert_true(now >= last);
        last = now;
    }
    assert_true(timebase_wall_us() > 1700000000ull * US_PER_S);
}

static void a_thread_that_works_uses_cpu_time(void **state)
{
    uint64_t begin_ns = timebase_thread_cpu_ns(), wall_us = timebase_now_us();
    volatile unsigned work = 0;

    (void)state;
    while (timebase_thread_cpu_ns() < begin_ns + 2000000)
        work++;
    assert_true(timebase_now_us() - wall_us >= 1900);
}

static void ntp_follows_the_rfc(void **state)
{
    static const struct {
        uint64_t wall_us, ntp;
    } rows[] = {
        {0, 0x83AA7E8000000000},                        /* 1970 */
        {500000, 0x83AA7E8080000000},                   /* half a second */
        {2085978495ull * US_PER_S, 0xFFFFFFFF00000000}, /* the last second of era 0 */
        {2085978496ull * US_PER_S, 0},                  /* 2036-02-07 06:28:16: era 1 */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(timebase_ntp_of_wall_us(rows[i].wall_us), rows[i].ntp);
        assert_int_equal(timebase_wall_us_of_ntp(rows[i].ntp), rows[i].wall_us);
    }
    assert_int_equal(timebase_wall_us_of_ntp(0x8000000000000000), 0); /* before 1970 */
    assert_int_equal(ntp_middle(0x0123456789ABCDEF), 0x456789AB);
}

static void microseconds_survive_ntp_and_back(void **state)
{
    (void)state;
    for (uint64_t us = 0; us < 3 * US_PER_S; us += 997) {
        uint64_t wall_us = 1767323045ull * US_PER_S + us;
        assert_int_equal(timebase_wall_us_of_ntp(timebase_ntp_of_wall_us(wall_us)), wall_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(a_thread_that_works_uses_cpu_time),
        cmocka_unit_test(ntp_follows_the_rfc),
        cmocka_unit_test(microseconds_survive_ntp_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
