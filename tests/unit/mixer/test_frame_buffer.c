/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/rng.h"
#include "mixer/frame_buffer.h"
#include "mixer/packetizer.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/packets.h"

#define MS 1000ull
#define SSRC 77

static struct packet_pool *pool;
static struct frame_buffer *buffer;
static struct encoded_frame frame;
static uint64_t now_us;

static void open_buffer(enum codec_id codec)
{
    const struct frame_buffer_config config = {
        .codec = codec, .orientation_ext_id = ORIENTATION_ID, .max_wait_us = 100 * MS};

    frame_buffer_free(&buffer);
    buffer = frame_buffer_new(&config);
    assert_non_null(buffer);
}

static int set_up(void **state)
{
    now_us = 5000 * MS;
    (void)leaks_begin(state);
    pool = packet_pool_new(4096);
    open_buffer(CODEC_VP8);
    return 0;
}

static int tear_down(void **state)
{
    frame_buffer_free(&buffer);
    packet_pool_free(&pool); /* asserts that no packet is held */
    return leaks_end(state);
}

static void push_made(const struct made_packet *m)
{
    struct packet *p = make_packet(pool, m);

    frame_buffer_push(buffer, p);
    packet_unref(&p);
}

/* A VP8 packet: @kind 'K' begins a keyframe, 'F' another frame, '.' goes on; a capital letter behind it is its content. */
static void push(uint16_t seq, uint32_t ts, char kind, uint8_t content, bool marker)
{
    const uint8_t payload[] = {kind == '.' ? 0 : 0x10, kind == 'F' ? 1 : 0, content};

    push_made(&(struct made_packet){.seq = seq,
                                    .ts = ts,
                                    .ssrc = SSRC,
                                    .marker = marker,
                                    .payload = payload,
                                    .len = sizeof(payload),
                                    .arrival_us = now_us});
}

static void push_padding(uint16_t seq, uint32_t ts)
{
    push_made(&(struct made_packet){.seq = seq, .ts = ts, .ssrc = SSRC});
}

static bool pull(void)
{
    return frame_buffer_pull(buffer, &frame, now_us);
}

static void expect_frame(uint32_t ts, bool is_keyframe)
{
    assert_true(pull());
    assert_int_equal(frame.ts, ts);
    assert_int_equal(frame.is_keyframe, is_keyframe);
}

static void expect_none(void)
{
    assert_false(pull());
}

static void frames_come_out_when_they_are_whole(void **state)
{
    (void)state;
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    push(10, 100, 'K', 'a', false);
    expect_none();
    assert_false(frame_buffer_needs_keyframe(buffer)); /* it is on its way */
    push(11, 100, '.', 'b', false);
    expect_none();
    push(12, 100, '.', 'c', true);
    expect_frame(100, true);
    assert_int_equal(frame.len, 6);
    assert_memory_equal(frame.data, "\0a\0b\0c", 6);
    assert_int_equal(frame.arrival_us, now_us);
    push(13, 200, 'F', 'd', true);
    push(14, 300, 'F', 'e', true);
    expect_frame(200, false);
    expect_frame(300, false);
    expect_none();
    assert_int_equal(frame_buffer_due_us(buffer), UINT64_MAX);
    assert_int_equal(frame_buffer_read_stats(buffer)->frames, 3);
    assert_int_equal(frame_buffer_read_stats(buffer)->keyframes, 1);
}

static void nothing_comes_out_before_a_keyframe(void **state)
{
    (void)state;
    push(10, 100, 'F', 'a', true);
    push(11, 200, 'F', 'b', true);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    push(12, 300, 'K', 'c', true);
    expect_frame(300, true);
    assert_int_equal(frame_buffer_read_stats(buffer)->dropped, 2);
}

static void order_does_not_matter(void **state)
{
    (void)state;
    push(12, 100, '.', 'c', true);
    push(14, 300, 'F', 'e', true);
    expect_none();
    push(11, 100, '.', 'b', false);
    push(13, 200, 'F', 'd', true);
    expect_none();
    push(10, 100, 'K', 'a', false);
    expect_frame(100, true);
    assert_memory_equal(frame.data, "\0a\0b\0c", 6);
    expect_frame(200, false);
    expect_frame(300, false);
    expect_none();
}

static void numbers_wrap(void **state)
{
    (void)state;
    push(65534, 0xFFFFFF00u, 'K', 'a', true);
    push(0, 0x100, 'F', 'c', true);
    push(65535, 0xFFFFFFF0u, 'F', 'b', true);
    expect_frame(0xFFFFFF00u, true);
    expect_frame(0xFFFFFFF0u, false);
    expect_frame(0x100, false);
    push(1, 0x200, 'F', 'd', true);
    expect_frame(0x200, false);
}

static void duplicates_and_late_packets_are_counted(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', false);
    push(10, 100, 'K', 'x', false);
    push(11, 100, '.', 'b', true);
    expect_frame(100, true);
    assert_memory_equal(frame.data, "\0a\0b", 4);
    push(10, 100, 'K', 'a', false);
    expect_none();
    assert_int_equal(frame_buffer_read_stats(buffer)->duplicates, 1);
    assert_int_equal(frame_buffer_read_stats(buffer)->late, 1);
}

static void a_retransmission_in_time_loses_nothing(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push(12, 300, 'F', 'c', true);
    expect_none();
    assert_int_equal(frame_buffer_due_us(buffer), now_us + 100 * MS);
    now_us += 99 * MS;
    expect_none();
    push(11, 200, 'F', 'b', true);
    expect_frame(200, false);
    expect_frame(300, false);
    assert_int_equal(frame_buffer_read_stats(buffer)->losses, 0);
    assert_int_equal(frame_buffer_due_us(buffer), UINT64_MAX);
}

static void after_the_wait_a_keyframe_is_needed(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push(12, 300, 'F', 'c', true);
    expect_none();
    now_us += 100 * MS;
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    assert_int_equal(frame_buffer_read_stats(buffer)->losses, 1);
    push(13, 400, 'F', 'd', true);
    push(11, 200, 'F', 'b', true); /* too late */
    expect_none();
    push(14, 500, 'K', 'e', true);
    expect_frame(500, true);
    push(15, 600, 'F', 'f', true);
    expect_frame(600, false);
}

static void the_wait_begins_with_each_gap(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push(12, 300, 'F', 'c', true);
    push(14, 500, 'F', 'e', true);
    expect_none();
    now_us += 90 * MS;
    push(11, 200, 'F', 'b', true);
    expect_frame(200, false);
    expect_frame(300, false);
    expect_none();
    now_us += 90 * MS;
    expect_none();
    assert_false(frame_buffer_needs_keyframe(buffer));
    push(13, 400, 'F', 'd', true);
    expect_frame(400, false);
    expect_frame(500, false);
}

static void a_whole_keyframe_ends_the_waiting(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push(12, 300, 'F', 'c', true);
    push(13, 400, 'K', 'd', false);
    expect_none();
    push(14, 400, '.', 'e', true);
    expect_frame(400, true);
    assert_int_equal(frame_buffer_read_stats(buffer)->losses, 1);
    push(15, 500, 'F', 'f', true);
    expect_frame(500, false);
}

static void a_keyframe_with_a_gap_is_waited_for_and_given_up(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', false);
    push(12, 100, '.', 'c', true);
    expect_none();
    assert_false(frame_buffer_needs_keyframe(buffer));
    now_us += 100 * MS;
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    push(13, 200, 'K', 'd', true);
    expect_frame(200, true);
}

static void padding_counts_and_carries_nothing(void **state)
{
    (void)state;
    push_padding(9, 90);
    push(10, 100, 'K', 'a', true);
    push_padding(11, 100);
    push_padding(12, 100);
    push(13, 200, 'F', 'b', false);
    push(14, 200, '.', 'c', true);
    expect_frame(100, true);
    expect_frame(200, false);
    assert_memory_equal(frame.data, "\1b\0c", 4);
    push_padding(16, 200);
    push_padding(15, 200);
    push(17, 300, 'F', 'd', true);
    expect_frame(300, false);
    assert_int_equal(frame.len, 2);
}

static void a_new_timestamp_ends_a_frame_without_marker(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', false);
    push(11, 100, '.', 'b', false);
    expect_none();
    push(12, 200, 'F', 'c', false);
    expect_frame(100, true);
    assert_int_equal(frame.len, 4);
    push(13, 300, 'F', 'd', false);
    expect_frame(200, false);
}

static void another_ssrc_is_a_new_stream(void **state)
{
    const uint8_t payload[] = {0x10, 0, 'z'};

    (void)state;
    push(10, 100, 'K', 'a', true);
    push(12, 300, 'F', 'c', true);
    expect_frame(100, true);
    push_made(&(struct made_packet){
        .seq = 60000, .ts = 7, .ssrc = 99, .marker = true, .payload = payload, .len = 3});
    expect_frame(7, true);
    assert_int_equal(frame_buffer_read_stats(buffer)->restarts, 1);
}

static void numbers_that_jump_ahead_are_followed(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push(30000, 200, 'F', 'b', true);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    push(30001, 300, 'K', 'c', true);
    expect_frame(300, true);
}

static void numbers_that_start_anew_are_believed_after_a_while(void **state)
{
    (void)state;
    push(20000, 100, 'K', 'a', true);
    expect_frame(100, true);
    for (uint16_t i = 0; i < 63; i++)
        push((uint16_t)(5000 + i), 200u + i, 'F', 'b', true);
    expect_none();
    assert_false(frame_buffer_needs_keyframe(buffer));
    push(5063, 900, 'K', 'c', true);
    expect_frame(900, true);
    push(5064, 1000, 'F', 'd', true);
    expect_frame(1000, false);
}

static void the_packets_that_wait_are_bounded(void **state)
{
    struct packet_pool_stats stats;

    (void)state;
    for (uint32_t i = 0; i < 3000; i++)
        push((uint16_t)i, i, 'F', 'a', true);
    expect_none();
    packet_pool_read_stats(pool, &stats);
    assert_true(stats.live <= 129);
    push(3000, 3000, 'K', 'a', true);
    expect_frame(3000, true);
    for (uint32_t i = 3002; i < 3002 + 2 * MAX_FRAME_BUFFER_PACKETS; i++)
        push((uint16_t)i, i, 'F', 'a', true);
    packet_pool_read_stats(pool, &stats);
    assert_true(stats.live <= MAX_FRAME_BUFFER_PACKETS);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    assert_int_equal(frame_buffer_read_stats(buffer)->losses, 1);
}

static void a_decoder_that_failed_gets_a_keyframe_next(void **state)
{
    (void)state;
    push(10, 100, 'K', 'a', true);
    push(11, 200, 'F', 'b', true);
    expect_frame(100, true);
    frame_buffer_restart(buffer);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    push(12, 300, 'F', 'c', true);
    expect_none();
    push(13, 400, 'K', 'd', true);
    expect_frame(400, true);
}

static void the_rotation_is_that_of_the_last_told(void **state)
{
    const uint8_t key[] = {0x10, 0, 'a'}, other[] = {0x10, 1, 'b'};
    static const struct {
        uint8_t orientation;
        uint16_t rotation;
    } rows[] = {{0, 0}, {0x11, 90}, {0, 90}, {0x12, 180}, {0x13, 270}, {0x10, 0}, {0, 0}};

    (void)state;
    for (uint16_t i = 0; i < ARRAY_LEN(rows); i++) {
        push_made(&(struct made_packet){.seq = i,
                                        .ts = i,
                                        .ssrc = SSRC,
                                        .marker = true,
                                        .orientation = rows[i].orientation,
                                        .payload = i == 0 ? key : other,
                                        .len = 3});
        expect_frame(i, i == 0);
        assert_int_equal(frame.rotation, rows[i].rotation);
    }
}

static void push_h264(uint16_t seq, uint32_t ts, uint8_t header, uint8_t body, bool marker)
{
    const uint8_t payload[] = {header, body};

    push_made(&(struct made_packet){
        .seq = seq, .ts = ts, .ssrc = SSRC, .marker = marker, .payload = payload, .len = 2});
}

static void h264_begins_with_parameter_sets(void **state)
{
    (void)state;
    open_buffer(CODEC_H264);
    push_h264(11, 100, 0x68, 1, false);
    push_h264(12, 100, 0x65, 0x88, true);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer)); /* what is before them is not known */
    push_h264(10, 100, 0x67, 1, false);
    expect_frame(100, true);
    assert_int_equal(frame.len, 18);
}

static void h264_may_have_an_idr_picture_without_them(void **state)
{
    (void)state;
    open_buffer(CODEC_H264);
    push_h264(10, 100, 0x41, 0x9A, true);
    push_h264(11, 200, 0x65, 0x88, true);
    expect_frame(200, true);
    push_h264(13, 400, 0x41, 0x9A, true);
    push_h264(14, 500, 0x06, 1, false);
    push_h264(15, 500, 0x65, 0x88, true);
    expect_frame(500, true);
    assert_int_equal(frame.len, 12); /* with what stands in front of it */
    push_h264(16, 600, 0x41, 0x9A, true);
    expect_frame(600, false);
}

static void h264_parameter_sets_alone_are_no_keyframe(void **state)
{
    (void)state;
    open_buffer(CODEC_H264);
    push_h264(10, 100, 0x67, 1, true);
    push_h264(11, 200, 0x41, 0x9A, true);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
}

static void frames_that_cannot_be_read_cost_a_keyframe(void **state)
{
    const uint8_t bad[] = {0x90, 0x80};

    (void)state;
    push(10, 100, 'K', 'a', true);
    expect_frame(100, true);
    push_made(&(struct made_packet){
        .seq = 11, .ts = 200, .ssrc = SSRC, .marker = true, .payload = bad, .len = 2});
    push(12, 300, 'F', 'c', true);
    expect_none();
    assert_true(frame_buffer_needs_keyframe(buffer));
    assert_int_equal(frame_buffer_read_stats(buffer)->malformed, 2);
}

static void codecs_and_memory_may_be_missing(void **state)
{
    struct frame_buffer_config config = {.codec = CODEC_OPUS};

    (void)state;
    assert_null(frame_buffer_new(&config));
    config.codec = CODEC_AV1;
    mem_fail_nth(1);
    assert_null(frame_buffer_new(&config));
    mem_fail_nth(0);
}

/* --- random networks --------------------------------------------------------------------------------- */

#define FRAMES 400
#define MAX_FRAME_BYTES 6000

static struct sent_frame {
    uint8_t bytes[MAX_FRAME_BYTES];
    size_t len;
    bool is_keyframe;
} sent[FRAMES];

/* A packet on its way. */
static struct flight {
    uint64_t due_us;
    struct packet *packet;
} flights[8192];
static size_t flight_count;

static int by_due(const void *a, const void *b)
{
    const struct flight *x = a, *y = b;

    return x->due_us < y->due_us ? -1 : x->due_us > y->due_us;
}

static void send_frame(struct rng *rng, struct packetizer *packetizer, size_t i, uint16_t *seq,
                       unsigned lost_percent)
{
    struct sent_frame *f = &sent[i];
    struct outgoing_frame out = {.data = f->bytes,
                                 .is_keyframe = i % 50 == 0 || rng_below(rng, 40) == 0};
    uint8_t payload[1500];
    size_t len;
    bool is_last;

    f->len = 10 + rng_below(rng, out.is_keyframe ? MAX_FRAME_BYTES - 10 : 2500);
    f->is_keyframe = out.is_keyframe;
    for (size_t k = 0; k < f->len; k++)
        f->bytes[k] = (uint8_t)rng_u32(rng);
    f->bytes[0] = out.is_keyframe ? 0 : 1;
    out.len = f->len;
    assert_int_equal(packetizer_begin(packetizer, &out), 0);
    while ((len = packetizer_next(packetizer, payload, sizeof(payload), &is_last)) > 0) {
        struct flight *flight = &flights[flight_count++];

        flight->packet = make_packet(pool, &(struct made_packet){.seq = (*seq)++,
                                                                 .ts = (uint32_t)i,
                                                                 .ssrc = SSRC,
                                                                 .marker = is_last,
                                                                 .payload = payload,
                                                                 .len = len});
        flight->due_us = i * 33 * MS + rng_below(rng, 30 * MS);
        if (rng_below(rng, 100) < 5) { /* twice */
            flights[flight_count] = *flight;
            flights[flight_count].due_us += rng_below(rng, 20 * MS);
            packet_ref(flights[flight_count++].packet);
        }
        if (rng_below(rng, 100) < lost_percent) /* a retransmission brings it */
            flight->due_us += 30 * MS + rng_below(rng, 40 * MS);
        else if (lost_percent > 0 && rng_below(rng, 1000) < 4) /* it brings it too late */
            flight->due_us += 400 * MS;
    }
}

static size_t receive_all(void)
{
    size_t frames = 0;
    int64_t last = -1;

    qsort(flights, flight_count, sizeof(flights[0]), by_due);
    for (size_t i = 0; i < flight_count; i++) {
        now_us = flights[i].due_us;
        frame_buffer_push(buffer, flights[i].packet);
        packet_unref(&flights[i].packet);
        while (pull()) {
            const struct sent_frame *f = &sent[frame.ts];

            assert_true((int64_t)frame.ts == last + 1 ||
                        (f->is_keyframe && (int64_t)frame.ts > last));
            last = frame.ts;
            assert_int_equal(frame.is_keyframe, f->is_keyframe);
            assert_int_equal(frame.len, f->len);
            assert_memory_equal(frame.data, f->bytes, f->len);
            frames++;
        }
    }
    return frames;
}

static size_t run_network(struct rng *rng, unsigned lost_percent)
{
    static struct packetizer packetizer;
    uint16_t seq = (uint16_t)(65400 + rng_below(rng, 100));

    open_buffer(CODEC_VP8);
    flight_count = 0;
    packetizer_init(&packetizer, CODEC_VP8, 500, rng_u32(rng));
    for (size_t i = 0; i < FRAMES; i++)
        send_frame(rng, &packetizer, i, &seq, lost_percent);
    return receive_all();
}

static void what_comes_out_can_be_decoded(void **state)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240608;
    struct rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 6; round++) {
        rng_seed(&rng, seed + round);
        assert_int_equal(run_network(&rng, 0), FRAMES);
        size_t frames = run_network(&rng, 5);
        assert_true(frames > FRAMES / 4 && frames < FRAMES);
        assert_true(frame_buffer_read_stats(buffer)->losses > 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_come_out_when_they_are_whole),
        TEST(nothing_comes_out_before_a_keyframe),
        TEST(order_does_not_matter),
        TEST(numbers_wrap),
        TEST(duplicates_and_late_packets_are_counted),
        TEST(a_retransmission_in_time_loses_nothing),
        TEST(after_the_wait_a_keyframe_is_needed),
        TEST(the_wait_begins_with_each_gap),
        TEST(a_whole_keyframe_ends_the_waiting),
        TEST(a_keyframe_with_a_gap_is_waited_for_and_given_up),
        TEST(padding_counts_and_carries_nothing),
        TEST(a_new_timestamp_ends_a_frame_without_marker),
        TEST(another_ssrc_is_a_new_stream),
        TEST(numbers_that_jump_ahead_are_followed),
        TEST(numbers_that_start_anew_are_believed_after_a_while),
        TEST(the_packets_that_wait_are_bounded),
        TEST(a_decoder_that_failed_gets_a_keyframe_next),
        TEST(the_rotation_is_that_of_the_last_told),
        TEST(h264_begins_with_parameter_sets),
        TEST(h264_may_have_an_idr_picture_without_them),
        TEST(h264_parameter_sets_alone_are_no_keyframe),
        TEST(frames_that_cannot_be_read_cost_a_keyframe),
        TEST(codecs_and_memory_may_be_missing),
        TEST(what_comes_out_can_be_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
