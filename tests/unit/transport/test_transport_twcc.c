/* SPDX-License-Identifier: Apache-2.0 */
/* Feedback about arrivals as the endpoint gets it; what it says of loss and order in general is in test_twcc.c. */
#include "core/rng.h"
#include "core/rtp.h"
#include "transport/rtcp_twcc.h"

#include "tests/unit/transport/mini_endpoint.h"

#define ITS_SSRC 0x1e1e1e1e
#define ITS_RTX_SSRC 0x2e2e2e2e
#define EXT_ID 5

static struct transport *tp;
static unsigned told_rtp;

static void on_rtp(struct transport *t, struct packet *pkt, uint64_t at_us, void *arg)
{
    (void)t;
    (void)pkt;
    (void)at_us;
    (void)arg;
    told_rtp++;
}

static const struct transport_handlers handlers = {.on_rtp = on_rtp};

/* What the endpoint was told of its packets. */
static struct told {
    unsigned feedbacks, others; /* datagrams with and without feedback */
    uint32_t media_ssrc;
    int feedback_seq;
    uint64_t arrived_us[65536]; /* 0: not */
    bool lost[65536];
} told;

static int set_up(void **state)
{
    (void)state;
    memset(&told, 0, sizeof(told));
    told.feedback_seq = -1;
    told_rtp = 0;
    tp = connect_transport(&handlers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    disconnect_transport(&tp);
    return 0;
}

/* --- packets ----------------------------------------------------------------------------------------- */

struct sent {
    uint32_t ssrc;
    uint16_t rtp_seq, twcc_seq;
    uint8_t ext_id, ext_bytes;
    size_t payload_bytes;
};

static size_t write_numbered(uint8_t buf[1500], const struct sent *s)
{
    uint8_t number[4] = {(uint8_t)(s->twcc_seq >> 8), (uint8_t)s->twcc_seq};
    struct rtp_ext_out ext = {.id = s->ext_id, .len = s->ext_bytes, .data = number};
    size_t len =
        rtp_write_header(buf, 1400, 96, false, s->rtp_seq, s->rtp_seq * 3000u, s->ssrc, &ext, 1);

    memset(buf + len, 7, s->payload_bytes);
    len += s->payload_bytes;
    assert_int_equal(rtpsec_protect_rtp(endpoint.rtpsec, buf, &len, 1500), 0);
    return len;
}

static void send_numbered(uint32_t ssrc, uint16_t rtp_seq, uint16_t twcc_seq)
{
    struct sent s = {ssrc, rtp_seq, twcc_seq, EXT_ID, 2, 500};
    uint8_t buf[1500];
    size_t len = write_numbered(buf, &s);

    give(buf, len);
}

/* --- feedback ---------------------------------------------------------------------------------------- */

static void take_feedback(const struct rtcp_fb *fb)
{
    static struct rtcp_twcc f;

    assert_int_equal(rtcp_twcc_parse(&f, fb), 0);
    assert_int_not_equal(fb->media_ssrc, 0);
    told.media_ssrc = fb->media_ssrc;
    told.feedback_seq = (told.feedback_seq + 1) & 0xFF;
    assert_int_equal(f.feedback_seq, told.feedback_seq);
    uint64_t at_us = (uint64_t)f.reference * TWCC_REFERENCE_US; /* far from its end here */
    for (size_t i = 0; i < f.n; i++) {
        at_us += (uint64_t)(f.at[i].delta * TWCC_TICK_US);
        if (f.at[i].received)
            told.arrived_us[f.at[i].seq] = at_us;
        else
            told.lost[f.at[i].seq] = true;
    }
}

static void read_feedback(void)
{
    for (size_t i = 0; i < endpoint.rtcp_count; i++) {
        struct rtcp_reader r = rtcp_reader_of(endpoint.rtcp[i].data, endpoint.rtcp[i].len);
        struct rtcp_packet p;
        unsigned before = told.feedbacks;
        while (rtcp_next(&r, &p)) {
            assert_true(r.packets > 1 || p.type == RTCP_SR || p.type == RTCP_RR);
            if (p.type != RTCP_RTPFB || p.fb.fmt != RTCP_RTPFB_TWCC)
                continue;
            told.feedbacks++;
            take_feedback(&p.fb);
        }
        assert_false(r.failed);
        told.others += told.feedbacks == before;
    }
    endpoint.rtcp_count = 0;
}

/* --- tests ------------------------------------------------------------------------------------------- */

/* Out of order, with a tenth lost, over the end of the numbers and in three streams. */
static void feedback_tells_exactly_what_arrived(void **state)
{
    static uint64_t sent_us[65536];
    enum { N = 1500, FIRST = 64800 };
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    transport_set_twcc_id(tp, EXT_ID);
    memset(sent_us, 0, sizeof(sent_us));
    for (unsigned i = 0; i < N; i++) {
        uint16_t number = (uint16_t)(FIRST + (i ^ 3)); /* in fours: 3 2 1 0 */
        if (i < 4 || i >= N - 4 || rng_below(&rng, 10) > 0) {
            send_numbered(i % 7 == 0 ? ITS_RTX_SSRC : ITS_SSRC, (uint16_t)i, number);
            sent_us[number] = now_us;
        }
        run_us(3000 + rng_below(&rng, 4000));
        read_feedback();
    }
    run_us(300000);
    read_feedback();
    for (unsigned i = 0; i < N; i++) {
        uint16_t number = (uint16_t)(FIRST + i);
        if (sent_us[number] == 0) {
            assert_int_equal(told.arrived_us[number], 0);
            assert_true(told.lost[number]);
            continue;
        }
        uint64_t tick_us = (sent_us[number] + TWCC_TICK_US / 2) / TWCC_TICK_US * TWCC_TICK_US;
        assert_int_equal(told.arrived_us[number], tick_us);
    }
    assert_true(told.media_ssrc == ITS_SSRC || told.media_ssrc == ITS_RTX_SSRC);
    assert_int_equal(stats_of(tp).twcc_feedback_sent, told.feedbacks);
    assert_in_range(told.feedbacks, 7 * 15, 8 * 20); /* of 7.5 s, in which one comes each 50 ms */
}

static void nothing_is_told_before_it_is_negotiated_and_after(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 30; i++) {
        if (i == 10)
            transport_set_twcc_id(tp, EXT_ID);
        if (i == 20)
            transport_set_twcc_id(tp, 0);
        send_numbered(ITS_SSRC, i, i);
        run_us(20000);
    }
    read_feedback();
    assert_true(told.arrived_us[10] != 0 && told.arrived_us[15] != 0);
    assert_true(told.arrived_us[9] == 0 && told.arrived_us[20] == 0);
    assert_int_equal(told_rtp, 30);
}

static void an_idle_endpoint_is_told_nothing(void **state)
{
    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    run_us(1000000);
    read_feedback();
    assert_int_equal(told.feedbacks, 0);
    send_numbered(ITS_SSRC, 1, 1);
    run_us(3000000);
    read_feedback();
    assert_int_equal(told.feedbacks, 1);
}

static void elements_that_are_no_number_are_counted(void **state)
{
    uint8_t buf[1500];

    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    for (uint8_t bytes = 1; bytes <= 4; bytes++) {
        struct sent s = {ITS_SSRC, bytes, 100, EXT_ID, bytes, 10};
        size_t len = write_numbered(buf, &s);
        give(buf, len);
    }
    struct sent other = {ITS_SSRC, 9, 100, EXT_ID + 1, 2, 10};
    size_t len = write_numbered(buf, &other);
    give(buf, len);
    run_us(500000);
    read_feedback();
    assert_int_equal(stats_of(tp).twcc_malformed, 3);
    assert_int_equal(told.feedbacks, 1);
    assert_int_equal(told_rtp, 5);
}

static void forged_packets_are_not_told_of(void **state)
{
    struct sent s = {ITS_SSRC, 2, 2, EXT_ID, 2, 10};
    uint8_t buf[1500];

    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    send_numbered(ITS_SSRC, 1, 1);
    size_t len = write_numbered(buf, &s);
    buf[len - 1] ^= 1;
    give(buf, len);
    run_us(500000);
    read_feedback();
    assert_true(told.arrived_us[1] != 0);
    assert_int_equal(told.arrived_us[2], 0);
}

static void the_media_ssrc_is_never_none(void **state)
{
    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    send_numbered(0, 1, 1);
    run_us(500000);
    read_feedback(); /* checks it */
    assert_int_equal(told.feedbacks, 1);
}

static void a_burst_that_fills_the_log_is_told_at_once(void **state)
{
    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    for (uint16_t i = 0; i < 3 * MAX_TWCC_ARRIVALS; i++)
        send_numbered(ITS_SSRC, i, i);
    settle();
    read_feedback();
    for (size_t i = 0; i < 3 * MAX_TWCC_ARRIVALS; i++)
        assert_true(told.arrived_us[i] != 0);
}

static void it_survives_an_interruption(void **state)
{
    (void)state;
    transport_set_twcc_id(tp, EXT_ID);
    send_numbered(ITS_SSRC, 1, 1);
    now_us += CONSENT_US; /* the deadlines come late, and the end of consent among them */
    wheel_advance(world.env.wheel, now_us);
    run_us(200000);
    assert_string_equal(transport_state_name(transport_state(tp)), "failed");
    send_check(true);
    settle();
    endpoint.rtcp_count = 0;
    told.feedback_seq = 0; /* the first could be sent, or not */
    assert_string_equal(transport_state_name(transport_state(tp)), "open");
    send_numbered(ITS_SSRC, 2, 2);
    run_us(500000);
    read_feedback();
    assert_true(told.arrived_us[2] != 0);
}

static void without_memory_media_flows_and_that_is_counted(void **state)
{
    (void)state;
    mem_fail_nth(1);
    transport_set_twcc_id(tp, EXT_ID);
    mem_fail_nth(0);
    assert_int_equal(stats_of(tp).twcc_no_memory, 1);
    send_numbered(ITS_SSRC, 1, 1);
    run_us(500000);
    read_feedback();
    assert_int_equal(told.feedbacks, 0);
    assert_int_equal(told_rtp, 1);
    transport_set_twcc_id(tp, EXT_ID); /* the next answer tries again */
    send_numbered(ITS_SSRC, 2, 2);
    run_us(500000);
    read_feedback();
    assert_int_equal(told.feedbacks, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feedback_tells_exactly_what_arrived),
        TEST(nothing_is_told_before_it_is_negotiated_and_after),
        TEST(an_idle_endpoint_is_told_nothing),
        TEST(elements_that_are_no_number_are_counted),
        TEST(forged_packets_are_not_told_of),
        TEST(the_media_ssrc_is_never_none),
        TEST(a_burst_that_fills_the_log_is_told_at_once),
        TEST(it_survives_an_interruption),
        TEST(without_memory_media_flows_and_that_is_counted),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
