/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/attr.h"
#include "transport/rtp_recv.h"

#define CLOCK_HZ 90000u
#define START_US 5000000ull

static struct rtp_recv r;

static int set_up(void **state)
{
    (void)state;
    rtp_recv_init(&r, 42, CLOCK_HZ);
    return 0;
}

/* A packet every millisecond, in step with its timestamp. */
static bool take(uint16_t seq, uint64_t n)
{
    return rtp_recv_packet(&r, seq, (uint32_t)(n * 90), 100, START_US + n * 1000);
}

static void losses_are_told_once_and_summed(void **state)
{
    struct rtcp_block b;

    (void)state;
    for (uint16_t i = 0; i < 100; i++)
        if (i % 4 != 3)
            assert_true(take((uint16_t)(65500 + i), i)); /* over the wrap */
    assert_true(rtp_recv_report(&r, &b, START_US + 100000));
    assert_int_equal(b.ssrc, 42);
    assert_int_equal(b.cumulative_lost, 24); /* the 25th loss is behind the newest */
    assert_int_equal(b.fraction_lost, 24 * 256 / 99);
    assert_int_equal(b.highest_seq_ext, 65500 + 98);
    assert_int_equal(b.lsr, 0);
    assert_int_equal(b.dlsr, 0);
    assert_false(rtp_recv_report(&r, &b, START_US + 200000)); /* nothing came */
    for (uint16_t i = 100; i < 110; i++)
        assert_true(take((uint16_t)(65500 + i), i));
    assert_true(rtp_recv_report(&r, &b, START_US + 300000));
    assert_int_equal(b.cumulative_lost, 25);
    assert_int_equal(b.fraction_lost, 256 / 11);
}

static void nothing_is_reported_before_the_first_packet(void **state)
{
    struct rtcp_block b;

    (void)state;
    assert_false(rtp_recv_report(&r, &b, START_US));
    assert_int_equal(rtp_recv_packets_lost(&r), 0);
}

static void sequence_numbers_are_judged(void **state)
{
    static const struct {
        uint16_t seq[6];
        bool want[6];
        int64_t lost;
    } rows[] = {
        {{10, 11, 12, 13, 14, 15}, {true, true, true, true, true, true}, 0},
        {{10, 12, 11, 12, 11, 10},
         {true, true, true, false, false, false},
         0}, /* reordered, then duplicates */
        {{10, 9, 8, 11, 9, 12},
         {true, true, true, true, false, true},
         -2}, /* from before the first */
        {{65535, 0, 65534, 1, 65534, 0},
         {true, true, true, true, false, false},
         -1}, /* around the wrap */
        {{10, 1033, 11, 12, 11, 10},
         {true, true, true, true, false, false},
         1020}, /* to the window's edge */
        {{1050, 26, 27, 28, 29, 30},
         {true, false, true, true, true, true},
         -4}, /* 26 is a window behind */
        {{10, 40000, 11, 40001, 12, 50000},
         {true, false, true, true, false, false},
         0}, /* one confirms the other */
        {{10, 40000, 40001, 40002, 40003, 40005},
         {true, false, true, true, true, true},
         1}, /* the sender began anew */
        {{40000, 10, 11, 12, 12, 13}, {true, false, true, true, false, true}, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rtp_recv_init(&r, 42, CLOCK_HZ);
        for (size_t n = 0; n < ARRAY_LEN(rows[i].seq); n++)
            if (take(rows[i].seq[n], n) != rows[i].want[n])
                fail_msg("row %zu, packet %zu", i, n);
        if (rtp_recv_packets_lost(&r) != rows[i].lost)
            fail_msg("row %zu: %lld lost", i, (long long)rtp_recv_packets_lost(&r));
    }
}

static void reports_never_step_back_when_the_sender_begins_anew(void **state)
{
    struct rtcp_block before, after;

    (void)state;
    assert_true(take(40000, 0));
    assert_true(rtp_recv_report(&r, &before, START_US));
    assert_false(take(100, 1));
    assert_true(take(101, 2));
    assert_true(rtp_recv_report(&r, &after, START_US));
    assert_true(after.highest_seq_ext > before.highest_seq_ext);
    assert_int_equal(after.cumulative_lost, 0);
    assert_int_equal(after.fraction_lost, 0);
}

static void a_window_of_bits_forgets_nothing_and_keeps_nothing_too_long(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        assert_true(take((uint16_t)i, i));
        assert_false(take((uint16_t)i, i));
        if (i >= 500)
            assert_false(take((uint16_t)(i - 500), i));
    }
    assert_int_equal(r.packets_received, 200000);
    assert_int_equal(rtp_recv_packets_lost(&r), 0);
}

static void jitter_follows_the_formula(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) /* in step, then every other one 10 ms late */
        assert_true(rtp_recv_packet(&r, (uint16_t)i, i * 1800, 100, START_US + i * 20000ull));
    assert_int_equal(r.jitter_q4 >> 4, 0);
    for (uint32_t i = 1000; i < 2000; i++)
        assert_true(rtp_recv_packet(&r, (uint16_t)i, i * 1800, 100,
                                    START_US + i * 20000ull + (i % 2) * 10000));
    assert_in_range(r.jitter_q4 >> 4, 890, 910); /* |D| is 900 each time */
}

static void packets_of_one_frame_and_clock_steps_are_no_jitter(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) /* three packets a frame, paced over 10 ms */
        assert_true(rtp_recv_packet(&r, (uint16_t)i, i / 3 * 3000, 100,
                                    START_US + i / 3 * 33333ull + i % 3 * 5000));
    assert_true(r.jitter_q4 >> 4 <= 1);
    assert_true(rtp_recv_packet(&r, 300, 0x90000000, 100, START_US + 100 * 33333ull));
    assert_true(r.jitter_q4 >> 4 <= 1);
}

static void without_a_clock_there_is_no_jitter(void **state)
{
    (void)state;
    rtp_recv_init(&r, 1, 0);
    for (uint16_t i = 0; i < 100; i++)
        assert_true(rtp_recv_packet(&r, i, i * 12345u, 100, START_US + i * 777u));
    assert_int_equal(r.jitter_q4, 0);
}

static void sender_reports_come_back_as_lsr_and_delay(void **state)
{
    struct rtcp_block b;

    (void)state;
    assert_true(take(1, 0));
    rtp_recv_sender_report(&r, 0x1122334455667788, 9, START_US);
    assert_true(rtp_recv_report(&r, &b, START_US + 1500000));
    assert_int_equal(b.lsr, 0x33445566);
    assert_int_equal(b.dlsr, 65536 + 32768);
    assert_true(take(2, 0));
    assert_true(rtp_recv_report(&r, &b, START_US + 100000000000000));
    assert_int_equal(b.dlsr, UINT32_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(losses_are_told_once_and_summed, set_up),
        cmocka_unit_test_setup(nothing_is_reported_before_the_first_packet, set_up),
        cmocka_unit_test_setup(sequence_numbers_are_judged, set_up),
        cmocka_unit_test_setup(reports_never_step_back_when_the_sender_begins_anew, set_up),
        cmocka_unit_test_setup(a_window_of_bits_forgets_nothing_and_keeps_nothing_too_long, set_up),
        cmocka_unit_test_setup(jitter_follows_the_formula, set_up),
        cmocka_unit_test_setup(packets_of_one_frame_and_clock_steps_are_no_jitter, set_up),
        cmocka_unit_test_setup(without_a_clock_there_is_no_jitter, set_up),
        cmocka_unit_test_setup(sender_reports_come_back_as_lsr_and_delay, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
