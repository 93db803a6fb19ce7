/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "transport/bwe_drain.h"

#define MS 1000ull
#define S 1000000ull

static struct bwe_drain drain;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    drain = (struct bwe_drain){0};
    now_us = 10 * S;
    return 0;
}

static void wait(uint64_t queue_us, uint64_t for_us)
{
    for (; for_us > 0; for_us -= 50 * MS, now_us += 50 * MS)
        bwe_drain_update(&drain, queue_us, now_us);
}

static unsigned percent(void)
{
    return (unsigned)(100 * bwe_drain_share(&drain) + 0.5);
}

static void a_short_queue_is_left_alone(void **state)
{
    (void)state;
    wait(25 * MS, 10 * S);
    assert_false(bwe_drain_is_on(&drain));
    assert_int_equal(percent(), 100);
}

static void the_longer_the_queue_the_less_is_sent(void **state)
{
    (void)state;
    wait(60 * MS, 100 * MS);
    assert_true(bwe_drain_is_on(&drain));
    assert_int_equal(percent(), 80);
    wait(20 * MS, 100 * MS);
    assert_int_equal(percent(), 93);
    wait(900 * MS, 100 * MS);
    assert_int_equal(percent(), 50);
    wait(10 * MS, 100 * MS);
    assert_false(bwe_drain_is_on(&drain));
    assert_int_equal(percent(), 100);
}

static void a_queue_that_gets_shorter_is_ours(void **state)
{
    (void)state;
    for (uint64_t queue_us = 1500 * MS; queue_us > 20 * MS; queue_us -= 10 * MS)
        wait(queue_us, 50 * MS);
    assert_true(bwe_drain_is_on(&drain));
    assert_false(bwe_drain_is_foreign(&drain, now_us));
}

static void a_queue_that_stays_is_somebody_elses(void **state)
{
    (void)state;
    wait(200 * MS, 2 * S);
    assert_true(bwe_drain_is_on(&drain));
    wait(250 * MS, 1 * S);
    assert_false(bwe_drain_is_on(&drain));
    assert_true(bwe_drain_is_foreign(&drain, now_us));
    assert_int_equal(percent(), 100);
    wait(250 * MS, 11 * S); /* it is tried again */
    assert_true(bwe_drain_is_on(&drain));
}

static void a_short_one_that_stays_is_nobodys(void **state)
{
    (void)state;
    wait(60 * MS, 3 * S);
    assert_false(bwe_drain_is_on(&drain)); /* a longer path, perhaps */
    assert_false(bwe_drain_is_foreign(&drain, now_us));
    assert_int_equal(percent(), 100);
}

static void when_it_has_gone_it_was_nobodys(void **state)
{
    (void)state;
    wait(200 * MS, 3 * S);
    assert_true(bwe_drain_is_foreign(&drain, now_us));
    wait(5 * MS, 50 * MS);
    assert_false(bwe_drain_is_foreign(&drain, now_us));
}

static void an_effect_takes_its_time(void **state)
{
    (void)state;
    wait(200 * MS, 500 * MS);
    assert_false(bwe_drain_has_effect(&drain, 50 * MS, now_us));
    wait(200 * MS, 200 * MS);
    assert_true(bwe_drain_has_effect(&drain, 50 * MS, now_us));
    assert_false(bwe_drain_has_effect(&drain, 500 * MS, now_us));
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_short_queue_is_left_alone),       TEST(the_longer_the_queue_the_less_is_sent),
        TEST(a_queue_that_gets_shorter_is_ours), TEST(a_queue_that_stays_is_somebody_elses),
        TEST(a_short_one_that_stays_is_nobodys), TEST(when_it_has_gone_it_was_nobodys),
        TEST(an_effect_takes_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
