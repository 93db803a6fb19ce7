/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "rooms/sfu/frame_delay.h"

#define MS 1000ull
#define HZ 90000u
#define FRAME_TS 3000u
#define FRAME_US 33333ull
#define FIRST_TS 0xffffff00u /* wraps soon */

static struct frame_delay d;
static uint64_t sent;

static int set_up(void **state)
{
    (void)state;
    d = (struct frame_delay){0};
    sent = 0;
    return 0;
}

static uint32_t ts_of(uint64_t frame)
{
    return FIRST_TS + (uint32_t)(frame * FRAME_TS);
}

/* @n frames that take @way_us each. */
static void send(unsigned n, uint64_t way_us)
{
    for (; n > 0; n--, sent++)
        frame_delay_add(&d, ts_of(sent), HZ, 5000000 + sent * FRAME_US + way_us);
}

static void assert_late(uint64_t us)
{
    assert_in_range(d.late_us + MS, us, us + 2 * MS);
}

static void frames_on_a_steady_way_are_not_late(void **state)
{
    (void)state;
    send(300, 40 * MS);
    assert_late(0);
}

static void a_queue_is_what_the_way_takes_longer(void **state)
{
    (void)state;
    send(60, 40 * MS);
    send(10, 340 * MS);
    assert_late(300 * MS);
    send(1, 60 * MS);
    assert_late(20 * MS);
}

static void a_way_that_stays_longer_is_no_queue(void **state)
{
    (void)state;
    send(60, 40 * MS);
    send(31, 340 * MS);
    assert_late(300 * MS);
    send(200, 340 * MS);
    assert_late(300 * MS);
    send(60, 340 * MS);
    assert_late(0);
}

static void a_shorter_way_is_taken_at_once(void **state)
{
    (void)state;
    send(60, 340 * MS);
    send(1, 40 * MS);
    assert_late(0);
    send(1, 90 * MS);
    assert_late(50 * MS);
}

static void another_clock_begins_anew(void **state)
{
    (void)state;
    send(60, 40 * MS);
    uint32_t ts = ts_of(sent) + 20 * HZ;
    frame_delay_add(&d, ts, HZ, 5000000 + sent * FRAME_US);
    assert_int_equal(d.late_us, 0);
    frame_delay_add(&d, ts + FRAME_TS, HZ, 5000000 + sent * FRAME_US + 133 * MS);
    assert_late(100 * MS);
}

static void what_comes_after_newer_frames_tells_nothing(void **state)
{
    (void)state;
    send(60, 40 * MS);
    frame_delay_add(&d, ts_of(50), HZ, 5000000 + sent * FRAME_US + 500 * MS);
    assert_late(0);
}

static void without_a_clock_rate_nothing_is_known(void **state)
{
    (void)state;
    frame_delay_add(&d, 1, 0, 5000000);
    frame_delay_add(&d, 100000, 0, 9000000);
    assert_int_equal(d.late_us, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_on_a_steady_way_are_not_late, set_up),
        cmocka_unit_test_setup(a_queue_is_what_the_way_takes_longer, set_up),
        cmocka_unit_test_setup(a_way_that_stays_longer_is_no_queue, set_up),
        cmocka_unit_test_setup(a_shorter_way_is_taken_at_once, set_up),
        cmocka_unit_test_setup(another_clock_begins_anew, set_up),
        cmocka_unit_test_setup(what_comes_after_newer_frames_tells_nothing, set_up),
        cmocka_unit_test_setup(without_a_clock_rate_nothing_is_known, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
