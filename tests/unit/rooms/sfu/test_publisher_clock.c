/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/timebase.h"
#include "rooms/sfu/publisher_clock.h"
#include "transport/rtp_recv.h"

#define WALL_US 1700000000000000ull
#define AHEAD_US 3000000ull /* the publisher's clock */

static struct publisher_clock c;
static struct rtp_recv r;

/* A report made at our wall time @wall_us, @delay_us on its way. */
static void report(uint64_t wall_us, uint64_t delay_us, uint32_t ts)
{
    rtp_recv_sender_report(&r, timebase_ntp_of_wall_us(wall_us + AHEAD_US), ts, wall_us + delay_us);
    publisher_clock_note(&c, &r, wall_us + delay_us);
}

static int set_up(void **state)
{
    (void)state;
    c = (struct publisher_clock){0};
    rtp_recv_init(&r, 1, 90000);
    return 0;
}

static void assert_near(int64_t a, int64_t b, int64_t error)
{
    if (a - b > error || b - a > error)
        fail_msg("%lld is not near %lld", (long long)a, (long long)b);
}

static void media_time_is_told_for_a_wall_time(void **state)
{
    uint32_t ts = 0;

    (void)state;
    assert_false(publisher_clock_ts_at(&c, &r, WALL_US, &ts));
    report(WALL_US, 20000, UINT32_MAX);
    assert_true(publisher_clock_ts_at(&c, &r, WALL_US + 20000 + 1000000, &ts));
    assert_near((int32_t)ts, 89999, 1);
    assert_true(publisher_clock_ts_at(&c, &r, WALL_US + 20000 - 1000000, &ts));
    assert_near((int32_t)ts, -90001, 1);
}

static void the_shortest_way_is_the_truest(void **state)
{
    (void)state;
    report(WALL_US, 20000, 0);
    report(WALL_US + 1000000, 10000, 90000);
    assert_near(c.offset_us, -(int64_t)AHEAD_US + 10000, 1);
    report(WALL_US + 2000000, 500000, 180000); /* a queue */
    assert_near(c.offset_us, -(int64_t)AHEAD_US + 10000, 500000 / 32);
}

static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    report(WALL_US, 0, 0);
    for (uint64_t i = 1; i <= 1000; i++) /* 100 ppm slow: the offset grows by 100 us a second */
        report(WALL_US + i * 1000000, i * 100, 0);
    assert_near(c.offset_us, -(int64_t)AHEAD_US + 100000, 10000);
}

static void a_clock_that_was_set_is_taken_at_once(void **state)
{
    (void)state;
    report(WALL_US, 0, 0);
    report(WALL_US + 1000000, 2000000, 0);
    assert_near(c.offset_us, -(int64_t)AHEAD_US + 2000000, 1);
}

static void made_up_times_tell_nothing(void **state)
{
    static const uint64_t ntps[] = {0, 1, UINT64_MAX, 1ull << 63, (1ull << 63) - 1};
    uint32_t ts = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(ntps) / sizeof(ntps[0]); i++) {
        rtp_recv_sender_report(&r, ntps[i], 5, 1);
        publisher_clock_note(&c, &r, WALL_US);
        rtp_recv_sender_report(&r, ntps[(i + 1) % 5], 5, 1); /* of another stream, say */
        (void)publisher_clock_ts_at(&c, &r, WALL_US, &ts);
        (void)publisher_clock_wall_of_report(&c, &r);
    }
    rtp_recv_sender_report(&r, timebase_ntp_of_wall_us(WALL_US), 5, 1);
    publisher_clock_note(&c, &r, WALL_US);
    rtp_recv_sender_report(&r, timebase_ntp_of_wall_us(WALL_US - 3600 * US_PER_S), 5, 1);
    assert_false(publisher_clock_ts_at(&c, &r, WALL_US, &ts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(media_time_is_told_for_a_wall_time, set_up),
        cmocka_unit_test_setup(the_shortest_way_is_the_truest, set_up),
        cmocka_unit_test_setup(a_clock_that_drifts_is_followed, set_up),
        cmocka_unit_test_setup(a_clock_that_was_set_is_taken_at_once, set_up),
        cmocka_unit_test_setup(made_up_times_tell_nothing, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
