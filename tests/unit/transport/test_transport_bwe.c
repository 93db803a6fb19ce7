/* SPDX-License-Identifier: Apache-2.0 */
/* Congestion control of a transport: numbers, feedback, wants, probes, and packets that wait. */
#include "core/rng.h"
#include "core/rtp.h"
#include "core/timebase.h"
#include "transport/bwe.h"
#include "transport/pacer.h"
#include "transport/rtcp_twcc.h"

#include "tests/unit/transport/mini_endpoint.h"

#define OUR_SSRC 0x0a0b0c0d
#define PAYLOAD_BYTES 500

static struct transport *tp;
static uint16_t next_seq;
static uint64_t next_waiting;
static struct told {
    unsigned estimates, probes, paced, dropped;
    uint64_t bps;
    size_t probe_bytes;
    bool closes, answers_probes;
} told;

static void send_numbered(uint8_t ext_id, uint8_t kind);

static void on_estimate(struct transport *t, uint64_t bps, uint64_t at_us, void *arg)
{
    (void)t, (void)arg;
    told.estimates++;
    told.bps = bps;
    if (told.closes)
        transport_close(&tp, at_us);
}

static void on_probe(struct transport *t, size_t bytes, uint64_t at_us, void *arg)
{
    (void)t, (void)at_us, (void)arg;
    told.probes++;
    told.probe_bytes += bytes;
    if (told.answers_probes)
        send_numbered(5, RTP_OUT_PADDING);
}

static void on_paced(struct transport *t, const struct pacer_item *item, uint64_t at_us, void *arg)
{
    (void)t, (void)at_us, (void)arg;
    assert_int_equal(item->arg, told.paced + told.dropped); /* in order */
    told.paced++;
}

static void on_pace_dropped(const struct pacer_item *item, void *arg)
{
    (void)item, (void)arg;
    told.dropped++;
}

static const struct transport_handlers handlers = {.on_estimate = on_estimate,
                                                   .on_probe = on_probe,
                                                   .on_paced = on_paced,
                                                   .on_pace_dropped = on_pace_dropped};

static int set_up(void **state)
{
    (void)state;
    memset(&told, 0, sizeof(told));
    next_seq = 100;
    next_waiting = 0;
    world.env.pads_runs = false;
    tp = connect_transport(&handlers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    transport_close(&tp, now_us);
    settle();
    endpoint_stop();
    return 0;
}

static struct transport_stats stats(void)
{
    struct transport_stats s;

    transport_read_stats(tp, &s);
    return s;
}

/* ---- packets ---- */

static size_t send_as(uint16_t seq, uint8_t ext_id, uint8_t kind)
{
    static const uint8_t payload[PAYLOAD_BYTES] = {1}, number_to_come[2];
    const struct rtp_ext_out ext = {ext_id, 2, number_to_come};
    uint8_t head[64];
    size_t bytes =
        rtp_write_header(head, sizeof(head), 96, false, seq, seq * 3000u, OUR_SSRC, &ext, 1);
    size_t data_at = RTP_FIXED_HEADER_BYTES + 4 + (ext_id > 14 ? 2 : 1);
    const struct rtp_out out = {.stream = transport_send_stream(tp, OUR_SSRC),
                                .head = head,
                                .twcc = ext_id == 0 ? NULL : head + data_at,
                                .kind = kind,
                                .head_bytes = bytes,
                                .header_bytes = bytes,
                                .payload = payload,
                                .payload_bytes = sizeof(payload)};

    return transport_send_rtp(tp, &out, 1, now_us);
}

static void send_numbered(uint8_t ext_id, uint8_t kind)
{
    assert_int_equal(send_as(next_seq++, ext_id, kind), 1);
}

/* The transport-wide number of the packet that came @i-th. */
static int number_of(size_t i, uint8_t ext_id)
{
    struct rtp_header h;

    assert_int_equal(rtp_parse(&h, endpoint.rtp[i].data, endpoint.rtp[i].len), 0);
    const struct rtp_ext *ext = rtp_find_ext(&h, ext_id);
    if (ext == NULL)
        return -1;
    assert_int_equal(ext->len, 2);
    return wire_get_u16(endpoint.rtp[i].data + ext->offset);
}

/* ---- when they left ---- */

static size_t send_with_time(uint8_t ext_id, uint64_t at_us)
{
    static const uint8_t payload[PAYLOAD_BYTES] = {1}, time_to_come[3];
    const struct rtp_ext_out ext = {ext_id, sizeof(time_to_come), time_to_come};
    uint8_t head[64];
    size_t bytes =
        rtp_write_header(head, sizeof(head), 96, false, next_seq++, 0, OUR_SSRC, &ext, 1);
    const struct rtp_out out = {.stream = transport_send_stream(tp, OUR_SSRC),
                                .head = head,
                                .twcc = head + RTP_FIXED_HEADER_BYTES + 4 + (ext_id > 14 ? 2 : 1),
                                .has_send_time = true,
                                .head_bytes = bytes,
                                .header_bytes = bytes,
                                .payload = payload,
                                .payload_bytes = sizeof(payload)};

    return transport_send_rtp(tp, &out, 1, at_us);
}

/* Of the packet that came @i-th: seconds modulo 64, with 18 bits of fraction. */
static uint32_t send_time_of(size_t i, uint8_t ext_id)
{
    struct rtp_header h;

    assert_int_equal(rtp_parse(&h, endpoint.rtp[i].data, endpoint.rtp[i].len), 0);
    const struct rtp_ext *ext = rtp_find_ext(&h, ext_id);
    assert_non_null(ext);
    assert_int_equal(ext->len, 3);
    const uint8_t *at = endpoint.rtp[i].data + ext->offset;
    return (uint32_t)at[0] << 16 | wire_get_u16(at + 1);
}

/* Over the wrap after 64 s. It takes no number. */
static void a_packet_says_when_it_left(void **state)
{
    static const struct {
        uint64_t at_us;
        uint8_t ext_id;
        uint32_t told;
    } rows[] = {{640 * US_PER_S, 3, 0},
                {640 * US_PER_S + 500000, 16, 1u << 17},
                {703 * US_PER_S + 999999, 3, 0xffffff},
                {704 * US_PER_S, 3, 0},
                {(1ull << 47) / (64 * US_PER_S) * (64 * US_PER_S) + US_PER_S, 3, 1u << 18}};

    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        endpoint.rtp_count = 0;
        assert_int_equal(send_with_time(rows[i].ext_id, rows[i].at_us), 1);
        settle();
        assert_int_equal(endpoint.rtp_count, 1);
        assert_int_equal(send_time_of(0, rows[i].ext_id), rows[i].told);
    }
    endpoint.rtp_count = 0;
    send_numbered(5, RTP_OUT_MEDIA);
    settle();
    assert_int_equal(number_of(0, 5), 1); /* the first */
}

/* ---- feedback ---- */

static void tell(uint16_t base, unsigned n, uint64_t at_us, uint64_t step_us)
{
    static struct rtcp_twcc_builder b;
    uint8_t buf[1300];
    struct writer w = writer_of(buf, sizeof(buf));

    rtcp_twcc_start(&b, base, at_us);
    for (unsigned i = 0; i < n; i++)
        assert_true(rtcp_twcc_add(&b, (uint16_t)(base + i), at_us + i * step_us));
    rtcp_write_rr(&w, 1, NULL, 0);
    rtcp_twcc_write(&b, &w, 1, 1, 0);
    send_rtcp(&w);
}

/* A packet each 5 ms, and feedback about ten of them; some 800 kb/s. */
static void send_and_tell(unsigned tens)
{
    for (unsigned i = 0; i < tens; i++) {
        uint64_t since_us = now_us;
        endpoint.rtp_count = 0;
        for (unsigned k = 0; k < 10; k++) {
            send_numbered(5, RTP_OUT_MEDIA);
            run_us(5000);
        }
        tell((uint16_t)number_of(0, 5), (unsigned)endpoint.rtp_count, since_us, 5000);
        if (tp == NULL)
            return;
    }
}

/* ---- numbers ---- */

static void packets_are_numbered_in_either_form_of_extension(void **state)
{
    static const uint8_t ids[] = {5, 14, 15, 200};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        transport_set_send_twcc_id(tp, ids[i], now_us);
        assert_int_equal(transport_send_twcc_id(tp), ids[i]);
        endpoint.rtp_count = 0;
        for (unsigned k = 0; k < 5; k++)
            send_numbered(ids[i], RTP_OUT_MEDIA);
        settle();
        for (size_t k = 0; k < 5; k++)
            assert_int_equal(number_of(k, ids[i]), 1 + 5 * i + k);
    }
}

static void what_carries_no_number_uses_none(void **state)
{
    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    send_numbered(5, RTP_OUT_MEDIA);
    send_numbered(0, RTP_OUT_MEDIA); /* of a section that did not negotiate it */
    send_numbered(5, RTP_OUT_RETRANSMISSION);
    settle();
    assert_int_equal(number_of(0, 5), 1);
    assert_int_equal(number_of(1, 5), -1);
    assert_int_equal(number_of(2, 5), 2);
    transport_set_send_twcc_id(tp, 0, now_us);
    assert_int_equal(transport_send_twcc_id(tp), 0);
    send_numbered(5, RTP_OUT_MEDIA);
    settle();
    assert_int_equal(number_of(3, 5), 0); /* as it was */
}

/* A number that is used up and not sent would look like a loss. */
static void a_packet_that_is_refused_costs_no_number(void **state)
{
    struct bwe_stats bwe;

    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    send_numbered(5, RTP_OUT_MEDIA);
    assert_int_equal(send_as(100, 5, RTP_OUT_MEDIA), 0); /* was sent before */
    assert_int_equal(stats().send_failed, 1);
    send_numbered(5, RTP_OUT_MEDIA);
    settle();
    assert_int_equal(endpoint.rtp_count, 2);
    assert_int_equal(number_of(1, 5), 2);
    assert_true(transport_read_bwe(tp, &bwe));
    assert_in_range(bwe.bytes_sent[BWE_MEDIA], 2 * PAYLOAD_BYTES, 3 * PAYLOAD_BYTES - 1);
}

/* ---- estimate ---- */

static void feedback_makes_an_estimate_that_is_told(void **state)
{
    (void)state;
    assert_int_equal(transport_estimate_bps(tp), 0);
    transport_set_send_twcc_id(tp, 5, now_us);
    assert_int_equal(transport_estimate_bps(tp), BWE_DEFAULT_START_BPS);
    send_and_tell(40);
    assert_int_equal(stats().twcc_feedback_received, 40);
    assert_true(told.estimates > 0);
    assert_in_range(told.bps, transport_estimate_bps(tp) * 98 / 100,
                    transport_estimate_bps(tp) * 102 / 100);
    assert_true(told.estimates < 40);
}

static void what_is_wanted_is_probed_for(void **state)
{
    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    send_and_tell(10);
    assert_int_equal(told.probes, 0); /* no more than is sent */
    transport_want_bps(tp, 3000000, now_us);
    send_and_tell(20);
    assert_true(told.probes > 0 && told.probe_bytes > 0);
    assert_int_equal(stats().probe_packets_sent, 0); /* nobody had anything */
    told.answers_probes = true;
    send_and_tell(60);
    assert_true(stats().probe_packets_sent > 3);
    struct bwe_stats bwe;
    assert_true(transport_read_bwe(tp, &bwe));
    assert_true(bwe.bytes_sent[BWE_PADDING] >= stats().probe_packets_sent * PAYLOAD_BYTES);
}

static void feedback_that_is_none_is_counted(void **state)
{
    uint8_t buf[200];

    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    send_numbered(5, RTP_OUT_MEDIA);
    settle();
    for (unsigned words = 2; words < 12; words++) {
        struct writer w = writer_of(buf, sizeof(buf));
        rtcp_write_rr(&w, 1, NULL, 0);
        writer_u16(&w, 0x8fcd); /* RTPFB, transport-wide */
        writer_u16(&w, (uint16_t)words);
        for (unsigned i = 0; i < words; i++)
            writer_u32(&w, 0xffffffff);
        send_rtcp(&w);
    }
    assert_int_equal(stats().rtcp_malformed, 10);
    assert_int_equal(stats().twcc_feedback_received, 0);
    transport_set_send_twcc_id(tp, 0, now_us);
    tell(0, 1, now_us, 0); /* nobody waits for any */
    assert_int_equal(stats().rtcp_malformed, 10);
    assert_int_equal(stats().twcc_feedback_received, 0);
}

static void an_estimate_may_end_the_transport(void **state)
{
    (void)state;
    transport_set_send_twcc_id(tp, 5, now_us);
    assert_int_equal(told.estimates, 1); /* what it starts with */
    told.closes = true;
    send_and_tell(100);
    assert_null(tp);
    assert_int_equal(told.estimates, 2);
    run_us(1000000);
}

/* ---- packets that wait ---- */

static void fill_pacer(unsigned waiting, const void *owner)
{
    while (transport_may_send(tp, PACER_VIDEO, 1000, now_us))
        ;
    for (unsigned i = 0; i < waiting; i++) {
        const struct pacer_item item = {.owner = (void *)(uintptr_t)owner,
                                        .arg = next_waiting++,
                                        .bytes = 1000,
                                        .priority = PACER_VIDEO};
        assert_true(transport_let_wait(tp, &item, now_us));
    }
}

static void start_pacing(void)
{
    transport_set_send_twcc_id(tp, 5, now_us);
    send_and_tell(40);
    assert_true(told.estimates > 0);
}

static void a_burst_waits_and_leaves_in_order(void **state)
{
    (void)state;
    assert_true(transport_may_send(tp, PACER_VIDEO, 1000000, now_us)); /* no rate is known */
    start_pacing();
    fill_pacer(20, tp);
    assert_int_equal(stats().paced_packets, 20);
    assert_true(transport_may_send(tp, PACER_AUDIO, 100, now_us));
    run_us(PACER_BURST_US + 20000);
    assert_in_range(told.paced, 1, 19);
    run_us(PACER_MAX_DELAY_US);
    assert_int_equal(told.paced, 20);
    assert_int_equal(told.dropped, 0);
    assert_true(transport_may_send(tp, PACER_VIDEO, 1000, now_us));
}

static void what_waits_is_given_back(void **state)
{
    static const char one, other;

    (void)state;
    start_pacing();
    fill_pacer(5, &one);
    fill_pacer(5, &other);
    transport_drop_waiting(tp, &one);
    assert_int_equal(told.dropped, 5);
    assert_int_equal(stats().pace_dropped, 5);
    transport_close(&tp, now_us);
    assert_int_equal(told.dropped, 10);
    run_us(500000);
    assert_int_equal(told.paced, 0);
}

#define BWE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BWE_TEST(packets_are_numbered_in_either_form_of_extension),
        BWE_TEST(what_carries_no_number_uses_none),
        BWE_TEST(a_packet_that_is_refused_costs_no_number),
        BWE_TEST(a_packet_says_when_it_left),
        BWE_TEST(feedback_makes_an_estimate_that_is_told),
        BWE_TEST(what_is_wanted_is_probed_for),
        BWE_TEST(feedback_that_is_none_is_counted),
        BWE_TEST(an_estimate_may_end_the_transport),
        BWE_TEST(a_burst_waits_and_leaves_in_order),
        BWE_TEST(what_waits_is_given_back),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
