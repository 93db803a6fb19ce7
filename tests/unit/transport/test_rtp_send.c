/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/timebase.h"
#include "transport/rtp_send.h"

#define WALL_US 1700000000000000ull

static struct rtp_send s;

static int set_up(void **state)
{
    (void)state;
    rtp_send_init(&s, 42, "cname");
    return 0;
}

static void start_clock(uint32_t clock_hz, uint32_t ts)
{
    s.clock_hz = clock_hz;
    s.has_clock = true;
    s.clock_ts = ts;
    s.clock_wall_us = WALL_US;
}

static void a_report_is_due_when_something_was_sent_on_a_known_clock(void **state)
{
    struct rtcp_sender_info sr;

    (void)state;
    assert_false(rtp_send_report(&s, &sr, WALL_US));
    rtp_send_packets(&s, 1, 1000, 1);
    assert_false(rtp_send_report(&s, &sr, WALL_US));
    start_clock(90000, 0xfffffff0);
    assert_true(rtp_send_report(&s, &sr, WALL_US + 1000000));
    assert_int_equal(sr.ssrc, 42);
    assert_int_equal(sr.packets, 1);
    assert_int_equal(sr.octets, 1000);
    assert_int_equal(sr.rtp_ts, 90000 - 16);
    assert_true(sr.ntp == timebase_ntp_of_wall_us(WALL_US + 1000000));
    assert_false(rtp_send_report(&s, &sr, WALL_US + 2000000));
    rtp_send_packets(&s, 1, 1000, 1);
    assert_true(rtp_send_report(&s, &sr, WALL_US + 3000000));
    assert_int_equal(sr.packets, 2);
}

static void media_time_runs_along_the_line(void **state)
{
    static const struct {
        int64_t after_us;
        uint32_t clock_hz, want;
    } rows[] = {
        {0, 90000, 1000},
        {500000, 90000, 46000},
        {-10000, 90000, 100},
        {-1000000, 48000, 1000u - 48000u},
        {1, 48000, 1000},
        {100000000000, 48000, (uint32_t)(1000 + 100000ull * 48000)}, /* wraps */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_sender_info sr;
        rtp_send_init(&s, 42, "cname");
        start_clock(rows[i].clock_hz, 1000);
        rtp_send_packets(&s, 1, 10, 1);
        assert_true(rtp_send_report(&s, &sr, WALL_US + (uint64_t)rows[i].after_us));
        if (sr.rtp_ts != rows[i].want)
            fail_msg("row %zu: %u", i, sr.rtp_ts);
    }
}

static void round_trip_comes_from_the_endpoints_echo(void **state)
{
    uint32_t sent = ntp_middle(timebase_ntp_of_wall_us(WALL_US));
    const struct {
        uint32_t lsr, dlsr;
        uint64_t after_us, want_low_us, want_high_us;
    } rows[] = {
        {sent, 65536, 1050000, 49000, 51000},
        {sent, 65536, 1000000, 1, 100},       /* no time at all */
        {sent, 65536, 999900, 1, 100},        /* less than that: coarse clocks */
        {0, 0, 50000, 0, 0},                  /* the endpoint got no report yet */
        {sent, 0x80000000, 50000, 0, 0},      /* nonsense */
        {sent - 100 * 65536, 0, 50000, 0, 0}, /* longer than any round trip */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_block b = {.ssrc = 42, .lsr = rows[i].lsr, .dlsr = rows[i].dlsr};
        rtp_send_init(&s, 42, "cname");
        rtp_send_take_block(&s, &b, WALL_US + rows[i].after_us);
        if (s.round_trip_us < rows[i].want_low_us || s.round_trip_us > rows[i].want_high_us)
            fail_msg("row %zu: %llu us", i, (unsigned long long)s.round_trip_us);
    }
}

static void what_the_endpoint_reports_is_kept(void **state)
{
    struct rtcp_block b = {
        .ssrc = 42, .fraction_lost = 64, .cumulative_lost = -3, .jitter_ts = 900};

    (void)state;
    rtp_send_take_block(&s, &b, WALL_US);
    assert_int_equal(s.fraction_lost, 64);
    assert_int_equal(s.packets_lost, -3);
    assert_int_equal(s.jitter_ts, 900);
    assert_int_equal(s.reports_received, 1);
}

static void a_long_cname_is_cut(void **state)
{
    char text[200];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[199] = '\0';
    rtp_send_init(&s, 42, text);
    assert_int_equal(strlen(s.cname), sizeof(s.cname) - 1);
    rtp_send_init(&s, 42, NULL);
    assert_string_equal(s.cname, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_report_is_due_when_something_was_sent_on_a_known_clock, set_up),
        cmocka_unit_test(media_time_runs_along_the_line),
        cmocka_unit_test(round_trip_comes_from_the_endpoints_echo),
        cmocka_unit_test_setup(what_the_endpoint_reports_is_kept, set_up),
        cmocka_unit_test_setup(a_long_cname_is_cut, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
