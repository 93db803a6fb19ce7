/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/payload_h264.h"
#include "core/payload_vp8.h"
#include "core/rng.h"
#include "mixer/depacketizer.h"
#include "mixer/packetizer.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define MAX_FRAME 40000

static struct packetizer packetizer;
static uint8_t bytes[MAX_FRAME];
static uint8_t payload[1500];

static void vp8_frames_come_back_in_equal_parts(void **state)
{
    static const size_t lengths[] = {1, 2, 1000, 1154, 1155, 1156, 2308, 2309, 10000, MAX_FRAME};
    struct depacketizer_frame frame = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7 + 1);
    packetizer_init(&packetizer, CODEC_VP8, PACKETIZER_PAYLOAD_BYTES, 0);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct outgoing_frame f = {.data = bytes, .len = lengths[i]};
        size_t least = SIZE_MAX, most = 0, count = 0, len;
        bool is_last = false;

        depacketizer_frame_clear(&frame);
        assert_int_equal(packetizer_begin(&packetizer, &f), 0);
        while ((len = packetizer_next(&packetizer, payload, sizeof(payload), &is_last)) > 0) {
            struct vp8_descriptor d;

            assert_int_equal(vp8_parse(&d, payload, len), 0);
            assert_int_equal(d.start_of_partition, count == 0);
            assert_int_equal(d.partition, 0);
            assert_true(len <= PACKETIZER_PAYLOAD_BYTES);
            least = MIN(least, len);
            most = MAX(most, len);
            count++;
            assert_int_equal(depacketizer_vp8.add(&frame, payload, len), 0);
            assert_int_equal(is_last, frame.len == lengths[i]);
        }
        assert_true(is_last && most - least <= 1);
        assert_int_equal(count, (lengths[i] + 1153) / 1154);
        assert_int_equal(frame.len, lengths[i]);
        assert_memory_equal(frame.data, bytes, lengths[i]);
    }
    depacketizer_frame_fini(&frame);
}

static void vp8_ids_follow_the_frames_and_wrap(void **state)
{
    static const struct {
        bool key, droppable, sync;
        uint8_t tid;
        uint16_t picture_id;
        uint8_t tl0picidx, keyidx;
    } rows[] = {
        {true, false, false, 0, 0x7FFF, 0, 31}, {false, true, true, 2, 0, 0, 31},
        {false, false, true, 1, 1, 0, 31},      {false, true, false, 2, 2, 0, 31},
        {false, false, false, 0, 3, 1, 31},     {true, false, false, 0, 4, 2, 0},
    };

    (void)state;
    packetizer_init(&packetizer, CODEC_VP8, PACKETIZER_PAYLOAD_BYTES,
                    0x7FFEu | 0xFFu << 15 | 30u << 23);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outgoing_frame f = {.data = bytes,
                                   .len = 100,
                                   .is_keyframe = rows[i].key,
                                   .is_droppable = rows[i].droppable,
                                   .temporal_id = rows[i].tid,
                                   .is_layer_sync = rows[i].sync};
        struct vp8_descriptor d;
        bool is_last;
        size_t len;

        assert_int_equal(packetizer_begin(&packetizer, &f), 0);
        len = packetizer_next(&packetizer, payload, sizeof(payload), &is_last);
        assert_int_equal(vp8_parse(&d, payload, len), 0);
        assert_true(d.has_picture_id && d.picture_id_is_15bit && d.has_tl0picidx && d.has_tid &&
                    d.has_keyidx);
        assert_int_equal(d.picture_id, rows[i].picture_id);
        assert_int_equal(d.tl0picidx, rows[i].tl0picidx);
        assert_int_equal(d.keyidx, rows[i].keyidx);
        assert_int_equal(d.tid, rows[i].tid);
        assert_int_equal(d.y, rows[i].sync);
        assert_int_equal(d.non_reference, rows[i].droppable);
    }
}

/* NAL units of these lengths (header included), without emulated start codes. */
static size_t write_nals(const size_t *lengths, const uint8_t *headers, size_t n, bool long_codes)
{
    size_t at = 0;

    for (size_t i = 0; i < n; i++) {
        static const uint8_t code[] = {0, 0, 0, 1};
        size_t from = long_codes ? 0 : 1;

        memcpy(bytes + at, code + from, sizeof(code) - from);
        at += sizeof(code) - from;
        for (size_t k = 0; k < lengths[i]; k++)
            bytes[at + k] = (uint8_t)(0x80 | (k * 31 + i));
        bytes[at] = headers[i];
        at += lengths[i];
    }
    return at;
}

static void h264_frames_come_back(void **state)
{
    static const struct {
        const char *what;
        size_t nals;
        size_t length[6];
        uint8_t header[6];
        size_t packets;
        uint8_t first_type; /* of the first packet */
    } rows[] = {
        {"a slice", 1, {900}, {0x41}, 1, 1},
        {"one of exactly a packet", 1, {1160}, {0x41}, 1, 1},
        {"one byte more", 1, {1161}, {0x41}, 2, 28},
        {"a large slice", 1, {20000}, {0x65}, 18, 28},
        {"parameter sets and a large picture", 3, {20, 5, 5000}, {0x67, 0x68, 0x65}, 6, 24},
        {"sets, SEI and a small one together", 4, {20, 5, 30, 200}, {0x67, 0x68, 6, 0x65}, 1, 24},
        {"a set behind a large one", 3, {3000, 10, 12}, {0x41, 0x68, 0x68}, 4, 28},
        {"slices that do not fit together", 2, {700, 700}, {0x41, 0x41}, 2, 1},
        {"a header only", 1, {1}, {0x0A}, 1, 10},
    };
    struct depacketizer_frame frame = {0};

    (void)state;
    packetizer_init(&packetizer, CODEC_H264, PACKETIZER_PAYLOAD_BYTES, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows) * 2; i++) {
        size_t row = i / 2, count = 0, len;
        struct outgoing_frame f = {.data = bytes};
        bool is_last = false;

        f.len = write_nals(rows[row].length, rows[row].header, rows[row].nals, i % 2);
        depacketizer_frame_clear(&frame);
        assert_int_equal(packetizer_begin(&packetizer, &f), 0);
        for (; (len = packetizer_next(&packetizer, payload, sizeof(payload), &is_last)) > 0;
             count++) {
            struct h264_payload h;

            assert_true(len <= PACKETIZER_PAYLOAD_BYTES);
            assert_int_equal(h264_parse(&h, payload, len), 0);
            if (count == 0)
                assert_int_equal(payload[0] & 31, rows[row].first_type);
            assert_int_equal(depacketizer_h264.add(&frame, payload, len), 0);
        }
        if (count != rows[row].packets)
            fail_msg("%s: %zu packets", rows[row].what, count);
        assert_true(is_last && depacketizer_h264.is_whole(&frame));
        (void)write_nals(rows[row].length, rows[row].header, rows[row].nals, true);
        assert_int_equal(frame.len, f.len + (i % 2 ? 0 : rows[row].nals));
        assert_memory_equal(frame.data, bytes, frame.len);
    }
    depacketizer_frame_fini(&frame);
}

static void aggregates_carry_the_highest_importance(void **state)
{
    static const size_t lengths[] = {10, 10};
    static const uint8_t headers[] = {0x06, 0x67};
    struct outgoing_frame f = {.data = bytes};
    bool is_last;

    (void)state;
    f.len = write_nals(lengths, headers, 2, true);
    packetizer_init(&packetizer, CODEC_H264, 100, 0);
    assert_int_equal(packetizer_begin(&packetizer, &f), 0);
    assert_int_equal(packetizer_next(&packetizer, payload, sizeof(payload), &is_last), 25);
    assert_int_equal(payload[0], 0x60 | 24);
}

static void zeros_around_units_are_nobodys(void **state)
{
    static const uint8_t stream[] = {0, 0, 0, 0, 1, 0x41, 9,    0, 0, 0,
                                     0, 0, 1, 0, 0, 1,    0x41, 8, 1, 0};
    struct outgoing_frame f = {.data = stream, .len = sizeof(stream)};
    static const uint8_t want[] = {0x58, 0, 2, 0x41, 9, 0, 3, 0x41, 8, 1};
    bool is_last;

    (void)state;
    packetizer_init(&packetizer, CODEC_H264, 100, 0);
    assert_int_equal(packetizer_begin(&packetizer, &f), 0);
    assert_int_equal(packetizer_next(&packetizer, payload, sizeof(payload), &is_last),
                     sizeof(want));
    assert_int_equal(payload[0], 0x40 | 24);
    assert_memory_equal(payload + 1, want + 1, sizeof(want) - 1);
    assert_true(is_last);
}

static void what_is_no_frame_is_refused(void **state)
{
    static const uint8_t no_code[] = {1, 2, 3, 0, 0, 2}, empty_unit[] = {0, 0, 1, 0, 0, 1};
    struct outgoing_frame f = {.data = no_code, .len = sizeof(no_code)};
    bool is_last;

    (void)state;
    packetizer_init(&packetizer, CODEC_H264, 100, 0);
    assert_int_equal(packetizer_begin(&packetizer, &f), E_INVALID);
    assert_int_equal(packetizer_next(&packetizer, payload, sizeof(payload), &is_last), 0);
    f = (struct outgoing_frame){.data = empty_unit, .len = sizeof(empty_unit)};
    assert_int_equal(packetizer_begin(&packetizer, &f), E_INVALID);
    f.len = 0;
    assert_int_equal(packetizer_begin(&packetizer, &f), E_INVALID);
    for (size_t i = 0; i < (MAX_NAL_UNITS + 1) * 4; i++)
        bytes[i] = i % 4 == 2 ? 1 : i % 4 == 3 ? 0x41 : 0;
    f = (struct outgoing_frame){.data = bytes, .len = MAX_NAL_UNITS * 4};
    assert_int_equal(packetizer_begin(&packetizer, &f), 0);
    f.len += 4;
    assert_int_equal(packetizer_begin(&packetizer, &f), E_LIMIT);
    assert_int_equal(packetizer_next(&packetizer, payload, sizeof(payload), &is_last), 0);
}

static void random_frames_come_back(void **state)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240607;
    struct depacketizer_frame frame = {0};
    struct rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (int round = 0; round < 300; round++) {
        size_t n = 1 + rng_below(&rng, 6), lengths[6], len;
        uint8_t headers[6];
        struct outgoing_frame f = {.data = bytes};
        bool is_last;

        for (size_t i = 0; i < n; i++) {
            lengths[i] = 1 + rng_below(&rng, rng_below(&rng, 2) ? 60 : 5000);
            headers[i] = (uint8_t)(0x60 | (1 + rng_below(&rng, 8)));
        }
        f.len = write_nals(lengths, headers, n, true);
        packetizer_init(&packetizer, CODEC_H264, 32 + rng_below(&rng, 1200), 0);
        depacketizer_frame_clear(&frame);
        assert_int_equal(packetizer_begin(&packetizer, &f), 0);
        while ((len = packetizer_next(&packetizer, payload, sizeof(payload), &is_last)) > 0)
            assert_int_equal(depacketizer_h264.add(&frame, payload, len), 0);
        assert_int_equal(frame.len, f.len);
        assert_memory_equal(frame.data, bytes, f.len);
    }
    depacketizer_frame_fini(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(vp8_frames_come_back_in_equal_parts),
        LEAK_FREE(vp8_ids_follow_the_frames_and_wrap),
        LEAK_FREE(h264_frames_come_back),
        LEAK_FREE(aggregates_carry_the_highest_importance),
        LEAK_FREE(zeros_around_units_are_nobodys),
        LEAK_FREE(what_is_no_frame_is_refused),
        LEAK_FREE(random_frames_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
