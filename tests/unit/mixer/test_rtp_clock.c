/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <stdlib.h>

#include "core/attr.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "mixer/rtp_clock.h"

#define AUDIO_HZ 48000
#define VIDEO_HZ 90000
#define NTP_US 1700000000000000ll /* the sender's idea of when the test began */
#define START_US 77000000ll       /* ours */

/*
 * A sender whose clock runs at @pace of ours, with a microphone and a camera. Its reports and packets take what the test says.
 */
static struct rtp_clock_sender sender;
static struct rtp_clock audio, video;
static double pace;
static struct rng rng;

static int set_up(void **state)
{
    (void)state;
    sender = (struct rtp_clock_sender){0};
    rtp_clock_init(&audio, &sender, AUDIO_HZ);
    rtp_clock_init(&video, &sender, VIDEO_HZ);
    pace = 1;
    rng_seed(&rng, 10);
    return 0;
}

static uint32_t ts_at(const struct rtp_clock *c, double s)
{
    return (uint32_t)(int64_t)(s * pace * c->clock_hz) + 0xffff0000u; /* wraps soon */
}

static void report(struct rtp_clock *c, double s, int64_t takes_us)
{
    rtp_clock_on_sr(c, NTP_US + (int64_t)(s * pace * 1e6), ts_at(c, s),
                    (uint64_t)(START_US + (int64_t)(s * 1e6) + takes_us));
}

static void packet(struct rtp_clock *c, double s, int64_t takes_us)
{
    rtp_clock_on_packet(c, ts_at(c, s), (uint64_t)(START_US + (int64_t)(s * 1e6) + takes_us));
}

/* How far its time is from when it was captured. */
static int64_t off_us(const struct rtp_clock *c, double s)
{
    int64_t us;

    assert_true(rtp_clock_time_of(c, ts_at(c, s), &us));
    return us - START_US - (int64_t)(s * 1e6);
}

static void without_anything_nothing_is_known(void **state)
{
    int64_t us;

    (void)state;
    assert_false(rtp_clock_time_of(&audio, 5, &us));
    assert_false(rtp_clock_is_exact(&audio));
}

static void sound_and_picture_of_one_moment_get_one_time(void **state)
{
    (void)state;
    report(&audio, 1, 30000);
    report(&video, 1.7, 45000);
    assert_true(rtp_clock_is_exact(&audio) && rtp_clock_is_exact(&video));
    for (double s = 0.5; s < 40; s += 0.7) {
        assert_true(llabs(off_us(&audio, s) - off_us(&video, s)) < 50);
        assert_in_range(off_us(&audio, s), 29900, 30100);
    }
}

static void late_reports_do_not_move_it_and_moves_are_slow(void **state)
{
    int64_t before;

    (void)state;
    report(&audio, 0, 20000);
    before = off_us(&audio, 0);
    for (int i = 1; i < 60; i++) {
        report(i % 2 ? &audio : &video, i, 20000 + rng_below(&rng, 200000));
        int64_t now = off_us(&audio, i);
        assert_true(llabs(now - before) < 6000);
        assert_true(llabs(now - 20000) < 30000);
        if (i > 1)
            assert_true(llabs(now - off_us(&video, i)) < 100);
        before = now;
    }
}

static void a_clock_that_drifts_is_followed(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        set_up(NULL);
        pace = 1 + sign * 500e-6;
        for (int i = 0; i < 600; i++) { /* 300 ms apart in the end */
            report(&audio, i, 10000 + rng_below(&rng, 5000));
            report(&video, i + 0.4, 10000 + rng_below(&rng, 5000));
            assert_true(llabs(off_us(&audio, i + 0.5) - 10000) < 25000);
            assert_true(llabs(off_us(&audio, i + 0.5) - off_us(&video, i + 0.5)) < 500);
        }
    }
}

static void without_reports_arrival_stands_in(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++)
        packet(&video, i * 0.033, 20000 + rng_below(&rng, 40000));
    assert_false(rtp_clock_is_exact(&video));
    assert_in_range(off_us(&video, 499 * 0.033), 19900, 23000);
    report(&video, 20, 20000);
    assert_true(rtp_clock_is_exact(&video));
    assert_in_range(off_us(&video, 20), 19900, 20100);
}

static void a_stream_that_jumps_is_taken_as_it_is(void **state)
{
    (void)state;
    packet(&video, 0, 20000);
    packet(&video, 1, 20000);
    rtp_clock_on_packet(&video, ts_at(&video, 500), START_US + 2020000); /* its clock went ahead */
    int64_t us;
    assert_true(rtp_clock_time_of(&video, ts_at(&video, 500), &us));
    assert_int_equal(us, START_US + 2020000);
    report(&audio, 3, 20000);
    rtp_clock_on_sr(&audio, NTP_US + 4000000, ts_at(&audio, 100), START_US + 4020000);
    assert_true(rtp_clock_time_of(&audio, ts_at(&audio, 100), &us));
    assert_true(llabs(us - START_US - 4020000) < 100);
}

static void reports_that_are_a_little_off_are_smoothed(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        rtp_clock_on_sr(&audio, NTP_US + i * 1000000 + (i % 2 ? 20000 : -20000), ts_at(&audio, i),
                        (uint64_t)(START_US + i * 1000000 + 50000));
        if (i > 20) /* the least offset is 30 ms; of 20 ms to and fro 3 are left */
            assert_in_range(off_us(&audio, i), 26500, 33500);
    }
}

static void a_sender_that_sets_its_clock_is_followed_by_each_stream(void **state)
{
    int64_t us;

    (void)state;
    report(&audio, 1, 20000);
    report(&video, 1, 20000);
    /* an hour ahead: first the microphone's report says so */
    rtp_clock_on_sr(&audio, NTP_US + 3600000000ll + 2000000, ts_at(&audio, 2), START_US + 2020000);
    assert_in_range(off_us(&audio, 2.5), 19900, 20100);
    assert_in_range(off_us(&video, 2.5), 19900, 20100);
    rtp_clock_on_sr(&video, NTP_US + 3600000000ll + 3000000, ts_at(&video, 3), START_US + 3020000);
    assert_in_range(off_us(&video, 3.5), 19900, 20100);
    rtp_clock_restart(&video);
    assert_false(rtp_clock_time_of(&video, 1, &us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_anything_nothing_is_known, set_up),
        cmocka_unit_test_setup(sound_and_picture_of_one_moment_get_one_time, set_up),
        cmocka_unit_test_setup(late_reports_do_not_move_it_and_moves_are_slow, set_up),
        cmocka_unit_test_setup(a_clock_that_drifts_is_followed, set_up),
        cmocka_unit_test_setup(without_reports_arrival_stands_in, set_up),
        cmocka_unit_test_setup(a_stream_that_jumps_is_taken_as_it_is, set_up),
        cmocka_unit_test_setup(reports_that_are_a_little_off_are_smoothed, set_up),
        cmocka_unit_test_setup(a_sender_that_sets_its_clock_is_followed_by_each_stream, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
