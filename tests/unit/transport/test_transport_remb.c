/* SPDX-License-Identifier: Apache-2.0 */
/* What an endpoint without transport-wide feedback is told of its uplink; how it is estimated is in test_remb.c. */
#include "core/rtp.h"
#include "transport/remb.h"
#include "transport/rtp_recv.h"

#include "tests/unit/transport/mini_endpoint.h"

#define ITS_SSRC 0x1e1e1e1e
#define EXT_ID 6
#define STEP_US 5000ull

static struct transport *tp;
static struct rtp_recv its_stream;
static const struct transport_handlers handlers = {0};

static int set_up(void **state)
{
    (void)state;
    tp = connect_transport(&handlers);
    rtp_recv_init(&its_stream, ITS_SSRC, 90000);
    transport_add_recv(tp, &its_stream);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    disconnect_transport(&tp);
    return 0;
}

static void send_timed(uint16_t seq, uint8_t ext_bytes)
{
    uint32_t sent = (uint32_t)(now_us * (1u << 18) / 1000000);
    const uint8_t at[4] = {(uint8_t)(sent >> 16), (uint8_t)(sent >> 8), (uint8_t)sent};
    const struct rtp_ext_out ext = {EXT_ID, ext_bytes, at};
    uint8_t buf[1500];
    size_t len = rtp_write_header(buf, sizeof(buf), 96, false, seq, seq * 3000u, ITS_SSRC, &ext, 1);

    memset(buf + len, 7, 1000);
    len += 1000;
    (void)rtp_recv_packet(&its_stream, seq, seq * 3000u, len,
                          now_us); /* as the owner of the SSRC does */
    assert_int_equal(rtpsec_protect_rtp(endpoint.rtpsec, buf, &len, sizeof(buf)), 0);
    give(buf, len);
}

/* The REMBs among what the endpoint got; *out is the last one. */
static unsigned take_rembs(struct rtcp_remb *out)
{
    unsigned n = 0;

    for (size_t i = 0; i < endpoint.rtcp_count; i++) {
        struct rtcp_reader r = rtcp_reader_of(endpoint.rtcp[i].data, endpoint.rtcp[i].len);
        struct rtcp_packet p;
        while (rtcp_next(&r, &p))
            if (p.type == RTCP_PSFB && p.fb.fmt == RTCP_PSFB_AFB) {
                assert_int_equal(rtcp_fb_parse_remb(out, &p.fb), 0);
                n++;
            }
        assert_false(r.failed);
    }
    endpoint.rtcp_count = 0;
    return n;
}

/* 1.6 Mb/s. */
static unsigned send_for(uint64_t us, uint8_t ext_bytes, struct rtcp_remb *last)
{
    static uint16_t seq;
    unsigned n = 0;

    for (uint64_t end_us = now_us + us; now_us < end_us;) {
        send_timed(seq++, ext_bytes);
        run_us(STEP_US);
        n += take_rembs(last);
    }
    return n;
}

static void an_endpoint_is_told_about_once_a_second(void **state)
{
    struct rtcp_remb remb = {0};

    (void)state;
    transport_set_remb_id(tp, EXT_ID);
    assert_in_range(send_for(10000000, REMB_EXT_BYTES, &remb), 9, 12);
    assert_int_equal(remb.n, 1);
    assert_int_equal(remb.ssrc[0], ITS_SSRC);
    assert_in_range(remb.bitrate_bps, 1700000, 2500000);
    uint64_t sent = stats_of(tp).rembs_sent;
    run_us(10000000); /* nothing comes: one more at most, of what came before */
    assert_true(stats_of(tp).rembs_sent <= sent + 2);
}

static void transport_wide_feedback_takes_its_place(void **state)
{
    struct rtcp_remb remb = {0};

    (void)state;
    transport_set_remb_id(tp, EXT_ID);
    assert_true(send_for(1500000, REMB_EXT_BYTES, &remb) > 0);
    transport_set_twcc_id(tp, 5);
    assert_int_equal(send_for(3000000, REMB_EXT_BYTES, &remb), 0);
    transport_set_remb_id(tp, EXT_ID); /* another section */
    assert_int_equal(send_for(3000000, REMB_EXT_BYTES, &remb), 0);
}

static void times_of_another_length_are_counted(void **state)
{
    struct rtcp_remb remb = {0};

    (void)state;
    transport_set_remb_id(tp, EXT_ID);
    assert_int_equal(send_for(2000000, 4, &remb), 0);
    assert_int_equal(stats_of(tp).remb_malformed, 2000000 / STEP_US);
    transport_set_remb_id(tp, 0);
    assert_int_equal(send_for(2000000, REMB_EXT_BYTES, &remb), 0);
}

#define REMB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REMB_TEST(an_endpoint_is_told_about_once_a_second),
        REMB_TEST(transport_wide_feedback_takes_its_place),
        REMB_TEST(times_of_another_length_are_counted),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
