/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that are sent together: padded to one length where that is allowed, and what the endpoint makes of them. */
#include "core/rtp.h"

#include "tests/unit/transport/mini_endpoint.h"

#define OUR_SSRC 0x0a0b0c0d
#define MAX_RUN 8

static struct transport *tp;
static const struct transport_handlers handlers = {0};
static uint16_t next_seq;

static int set_up(void **state)
{
    (void)state;
    next_seq = 100;
    world.env.pads_runs = true;
    tp = connect_transport(&handlers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    disconnect_transport(&tp);
    return 0;
}

/* Send packets of these payload lengths (0 ends the list) at once; returns how many there were. */
static size_t send_run(const size_t payload_bytes[MAX_RUN])
{
    static uint8_t head[MAX_RUN][RTP_FIXED_HEADER_BYTES], payload[MAX_RUN][MAX_DATAGRAM_BYTES];
    struct rtp_out out[MAX_RUN];
    size_t n = 0;

    for (; n < MAX_RUN && payload_bytes[n] != 0; n++) {
        memset(payload[n], (int)n + 1, payload_bytes[n]);
        (void)rtp_write_header(head[n], sizeof(head[n]), 96, false, next_seq++, 1000, OUR_SSRC,
                               NULL, 0);
        out[n] = (struct rtp_out){.stream = transport_send_stream(tp, OUR_SSRC),
                                  .head = head[n],
                                  .head_bytes = RTP_FIXED_HEADER_BYTES,
                                  .header_bytes = RTP_FIXED_HEADER_BYTES,
                                  .payload = payload[n],
                                  .payload_bytes = payload_bytes[n]};
    }
    assert_int_equal(transport_send_rtp(tp, out, n, now_us), n);
    return n;
}

static void nearly_equal_packets_become_equal_and_arrive_as_they_were(void **state)
{
    /* payloads of a run, and with how much padding each leaves */
    static const struct {
        size_t payload[MAX_RUN], padding[MAX_RUN];
    } rows[] = {
        {{1000}, {0}},
        {{1000, 1000, 999, 999}, {0, 0, 1, 0}}, /* the last one may be shorter */
        {{999, 1000, 999, 500}, {1, 0, 1, 0}},
        {{1000, 500, 1000, 1000}, {0, 0, 0, 0}}, /* 500 ends a run, and 1000 begins one */
        {{100, 1000, 1000}, {0, 0, 0}},          /* too far apart */
        {{1000, 968, 1000, 10}, {0, 32, 0, 0}},  /* as far as it goes */
        {{1000, 967, 1000, 10}, {0, 0, 0, 0}},   /* and no farther */
        {{980, 1000, 990, 985, 1001, 10}, {21, 1, 11, 16, 0, 0}}, /* the longest may come late */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        endpoint.rtp_count = 0;
        uint64_t padding_before = 0, padding = 0;
        struct transport_stats stats;
        transport_read_stats(tp, &stats);
        padding_before = stats.padding_bytes_sent;
        size_t n = send_run(rows[i].payload);
        settle();
        assert_int_equal(endpoint.rtp_count, n);
        for (size_t k = 0; k < n; k++) {
            struct rtp_header h;
            assert_int_equal(rtp_parse(&h, endpoint.rtp[k].data, endpoint.rtp[k].len), 0);
            assert_int_equal(h.seq, (uint16_t)(next_seq - n + k));
            assert_int_equal(h.payload_bytes, rows[i].payload[k]);
            assert_int_equal(h.padding_bytes, rows[i].padding[k]);
            for (size_t b = 0; b < h.payload_bytes; b++)
                assert_int_equal(endpoint.rtp[k].data[h.header_bytes + b], k + 1);
            padding += rows[i].padding[k];
        }
        transport_read_stats(tp, &stats);
        assert_int_equal(stats.padding_bytes_sent - padding_before, padding);
    }
    assert_int_equal(endpoint.undecryptable, 0);
}

static void without_runs_nothing_is_padded(void **state)
{
    static const size_t payload[MAX_RUN] = {1000, 999, 1000, 998};

    (void)state;
    world.env.pads_runs = false;
    size_t n = send_run(payload);
    settle();
    assert_int_equal(endpoint.rtp_count, n);
    for (size_t k = 0; k < n; k++)
        assert_int_equal(endpoint.rtp[k].len, RTP_FIXED_HEADER_BYTES + payload[k]);
}

static void over_tcp_nothing_is_padded(void **state)
{
    static const size_t payload[MAX_RUN] = {1000, 999, 1000, 998};

    (void)state;
    endpoint.path = path_of(9, 9000, PATH_TCP);
    send_check(true);
    settle();
    size_t n = send_run(payload);
    settle();
    assert_int_equal(endpoint.rtp_count, n);
    for (size_t k = 0; k < n; k++)
        assert_int_equal(endpoint.rtp[k].len, RTP_FIXED_HEADER_BYTES + payload[k]);
}

static void a_packet_that_is_too_long_costs_only_itself(void **state)
{
    static const size_t payload[MAX_RUN] = {1000, MAX_DATAGRAM_BYTES - 10, 1000};
    static uint8_t bytes[MAX_DATAGRAM_BYTES], head[3][RTP_FIXED_HEADER_BYTES];
    struct rtp_out out[3];
    struct transport_stats stats;

    (void)state;
    for (size_t n = 0; n < 3; n++) {
        (void)rtp_write_header(head[n], sizeof(head[n]), 96, false, next_seq++, 1000, OUR_SSRC,
                               NULL, 0);
        out[n] = (struct rtp_out){.stream = transport_send_stream(tp, OUR_SSRC),
                                  .head = head[n],
                                  .head_bytes = RTP_FIXED_HEADER_BYTES,
                                  .header_bytes = RTP_FIXED_HEADER_BYTES,
                                  .payload = bytes,
                                  .payload_bytes = payload[n]};
    }
    assert_int_equal(transport_send_rtp(tp, out, 3, now_us), 2);
    settle();
    assert_int_equal(endpoint.rtp_count, 2);
    transport_read_stats(tp, &stats);
    assert_int_equal(stats.send_failed, 1);
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(nearly_equal_packets_become_equal_and_arrive_as_they_were),
        RUN_TEST(without_runs_nothing_is_padded),
        RUN_TEST(over_tcp_nothing_is_padded),
        RUN_TEST(a_packet_that_is_too_long_costs_only_itself),
    };

    return cmocka_run_group_tests(tests, world_start, world_stop);
}
