/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload.h"
#include "core/payload_vp8.h"

/* A whole descriptor (15-bit PictureID 0x1234, TL0PICIDX 0x56, TID 2, Y, KEYIDX 7), then a keyframe of 640x360. */
static const uint8_t keyframe[] = {0x90, 0xF0, 0x92, 0x34, 0x56, 0xA7, 0x10, 0x02,
                                   0x00, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01};

static void a_full_descriptor_is_read(void **state)
{
    struct vp8_descriptor d;

    (void)state;
    assert_int_equal(vp8_parse(&d, keyframe, sizeof(keyframe)), 0);
    assert_int_equal(d.bytes, 6);
    assert_true(d.start_of_partition);
    assert_int_equal(d.partition, 0);
    assert_false(d.non_reference);
    assert_true(d.has_picture_id && d.picture_id_is_15bit);
    assert_int_equal(d.picture_id, 0x1234);
    assert_int_equal(d.picture_id_at, 2);
    assert_true(d.has_tl0picidx);
    assert_int_equal(d.tl0picidx, 0x56);
    assert_int_equal(d.tl0picidx_at, 4);
    assert_true(d.has_tid && d.y && d.has_keyidx);
    assert_int_equal(d.tid, 2);
    assert_int_equal(d.keyidx, 7);
    assert_int_equal(d.tid_keyidx_at, 5);
    assert_true(d.is_keyframe);
    assert_int_equal(d.width, 640);
    assert_int_equal(d.height, 360);
}

static void scaling_bits_are_cut_off_the_size(void **state)
{
    uint8_t bytes[sizeof(keyframe)];
    struct vp8_descriptor d;

    (void)state;
    memcpy(bytes, keyframe, sizeof(bytes));
    bytes[13] |= 0xC0;
    bytes[15] |= 0x40;
    assert_int_equal(vp8_parse(&d, bytes, sizeof(bytes)), 0);
    assert_int_equal(d.width, 640);
    assert_int_equal(d.height, 360);
}

static void descriptors_of_every_shape(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        uint8_t descriptor_bytes;
        bool picture_id, tl0, tid, keyidx, keyframe;
    } rows[] = {
        {{0x10, 0x00}, 2, 1, false, false, false, false, true},
        {{0x10, 0x01}, 2, 1, false, false, false, false, false}, /* the tag says inter frame */
        {{0x00, 0x00}, 2, 1, false, false, false, false, false}, /* not the start */
        {{0x11, 0x00}, 2, 1, false, false, false, false, false}, /* start of another partition */
        {{0x90, 0x00, 0x00}, 3, 2, false, false, false, false, true},
        {{0x90, 0x80, 0x7F, 0x01}, 4, 3, true, false, false, false, false},
        {{0x90, 0x80, 0x80, 0x00, 0x01}, 5, 4, true, false, false, false, false},
        {{0x90, 0x40, 0x7F, 0x01}, 4, 3, false, true, false, false, false},
        {{0x90, 0x20, 0xE0, 0x01}, 4, 3, false, false, true, false, false},
        {{0x90, 0x10, 0xFF, 0x01}, 4, 3, false, false, false, true, false},
        {{0xB0, 0xE0, 0x01, 0x02, 0x40, 0x01}, 6, 5, true, true, true, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vp8_descriptor d;

        if (vp8_parse(&d, rows[i].bytes, rows[i].len) != 0)
            fail_msg("row %zu refused", i);
        if (d.bytes != rows[i].descriptor_bytes || d.has_picture_id != rows[i].picture_id ||
            d.has_tl0picidx != rows[i].tl0 || d.has_tid != rows[i].tid ||
            d.has_keyidx != rows[i].keyidx || d.is_keyframe != rows[i].keyframe)
            fail_msg("row %zu", i);
        if (!d.has_tid && (d.tid != 0 || d.y))
            fail_msg("row %zu: a layer from nowhere", i);
        if (d.width != 0 || d.height != 0)
            fail_msg("row %zu: a size from nowhere", i);
    }
}

static void every_cut_of_a_descriptor_is_refused(void **state)
{
    struct vp8_descriptor d;

    (void)state;
    for (size_t len = 0; len <= 6; len++) /* six: nothing of the picture */
        assert_int_equal(vp8_parse(&d, keyframe, len), E_MALFORMED);
    for (size_t len = 7; len < sizeof(keyframe); len++) {
        assert_int_equal(vp8_parse(&d, keyframe, len), 0);
        assert_true(d.is_keyframe);
        assert_int_equal(d.width, 0); /* cut before the size */
    }
}

static void ids_are_rewritten_in_their_widths(void **state)
{
    static const struct {
        uint8_t before[8], after[8];
        size_t len;
    } rows[] = {
        {{0x90, 0xF0, 0x92, 0x34, 0x56, 0xA7, 1}, {0x90, 0xF0, 0xFA, 0xBC, 0xDE, 0xA3, 1}, 7},
        {{0x90, 0xF0, 0x12, 0x56, 0xA7, 1}, {0x90, 0xF0, 0x3C, 0xDE, 0xA3, 1}, 6},
        {{0x90, 0x20, 0xA7, 1}, {0x90, 0x20, 0xA7, 1}, 4}, /* K absent: the five bits stay */
        {{0x90, 0x10, 0xA7, 1}, {0x90, 0x10, 0xA3, 1}, 4},
        {{0x10, 0x55}, {0x10, 0x55}, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct packet p = {.codec = CODEC_VP8};
        uint8_t bytes[8];

        memcpy(bytes, rows[i].before, sizeof(bytes));
        p.data = bytes;
        p.rtp.payload_bytes = (uint16_t)rows[i].len;
        assert_int_equal(payload_inspect(&p), 0);
        payload_rewrite(bytes, &p.media.ids, 0xFABC, 0xDE, 0xE3);
        if (memcmp(bytes, rows[i].after, sizeof(bytes)) != 0)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_descriptor_is_read),
        cmocka_unit_test(scaling_bits_are_cut_off_the_size),
        cmocka_unit_test(descriptors_of_every_shape),
        cmocka_unit_test(every_cut_of_a_descriptor_is_refused),
        cmocka_unit_test(ids_are_rewritten_in_their_widths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
