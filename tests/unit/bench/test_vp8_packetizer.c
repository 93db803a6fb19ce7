/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/loadgen/vp8_packetizer.h"
#include "core/payload_vp8.h"
#include "core/rng.h"
#include "tests/unit/core/cmocka_all.h"

#define MAX_FRAME_BYTES 60000

static uint8_t frame[MAX_FRAME_BYTES], joined[MAX_FRAME_BYTES + FRAME_TRAILER_BYTES];

static void fill_frame(size_t len)
{
    struct rng r;

    rng_seed(&r, 1);
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)rng_u32(&r);
    frame[0] &= 0xfe; /* a keyframe */
}

/* Cut a frame, join it again, and look at every descriptor. */
static void check_frame(size_t len)
{
    struct vp8_packetizer p = {0};
    size_t count = vp8_payload_count(len), total = 0, least = SIZE_MAX, most = 0;

    fill_frame(len);
    vp8_packetizer_next_frame(&p);
    for (size_t i = 0; i < count; i++) {
        uint8_t out[VP8_MAX_PAYLOAD_BYTES];
        size_t n = vp8_payload_write(&p, frame, len, i, count, out);
        struct vp8_descriptor d;
        assert_in_range(n, VP8_DESCRIPTOR_BYTES + 1, VP8_MAX_PAYLOAD_BYTES);
        assert_int_equal(vp8_parse(&d, out, n), 0);
        assert_int_equal(d.bytes, VP8_DESCRIPTOR_BYTES);
        assert_int_equal(d.start_of_partition, i == 0);
        assert_int_equal(d.picture_id, 1);
        assert_true(d.picture_id_is_15bit && d.has_tl0picidx && d.has_tid && d.tid == 0);
        assert_int_equal(d.tl0picidx, 1);
        if (i == 0 && n >= VP8_DESCRIPTOR_BYTES + 10)
            assert_true(d.is_keyframe);
        memcpy(joined + total, out + d.bytes, n - d.bytes);
        total += n - d.bytes;
        assert_true(n >= most); /* the longer ones last, as libwebrtc has it */
        least = n < least ? n : least;
        most = n;
    }
    assert_int_equal(total, len + FRAME_TRAILER_BYTES);
    assert_memory_equal(joined, frame, len);
    assert_true(most - least <= 1);
}

static void a_frame_is_cut_into_parts_of_one_size(void **state)
{
    static const size_t room = VP8_MAX_PAYLOAD_BYTES - VP8_DESCRIPTOR_BYTES;

    (void)state;
    assert_int_equal(vp8_payload_count(room - FRAME_TRAILER_BYTES), 1);
    assert_int_equal(vp8_payload_count(room - FRAME_TRAILER_BYTES + 1), 2);
    for (size_t len = 1; len < 5000; len += 7)
        check_frame(len);
    check_frame(room - FRAME_TRAILER_BYTES);
    check_frame(room - FRAME_TRAILER_BYTES + 1);
    check_frame(MAX_FRAME_BYTES);
}

static void picture_ids_wrap_at_15_bits(void **state)
{
    struct vp8_packetizer p = {.picture_id = 0x7ffe, .tl0picidx = 254};

    (void)state;
    vp8_packetizer_next_frame(&p);
    assert_int_equal(p.picture_id, 0x7fff);
    vp8_packetizer_next_frame(&p);
    assert_int_equal(p.picture_id, 0);
    assert_int_equal(p.tl0picidx, 0);
}

static void the_trailer_is_read_back(void **state)
{
    uint8_t payload[40] = {0};
    uint64_t sent_us = 7;

    (void)state;
    assert_false(frame_trailer_read(payload, sizeof(payload), &sent_us));
    assert_false(frame_trailer_read(payload, FRAME_TRAILER_BYTES - 1, &sent_us));
    frame_trailer_stamp(payload, sizeof(payload), 0x123456789abcull);
    assert_true(frame_trailer_read(payload, sizeof(payload), &sent_us));
    assert_true(sent_us == 0x123456789abcull);
    assert_false(frame_trailer_read(payload, sizeof(payload) - 1, &sent_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_cut_into_parts_of_one_size),
        cmocka_unit_test(picture_ids_wrap_at_15_bits),
        cmocka_unit_test(the_trailer_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
