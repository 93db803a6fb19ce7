/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload_vp9.h"

static void a_keyframe_with_its_scalability_structure_is_read(void **state)
{
    /* I L B V, PictureID 0x0102, TID 0 U SID 0, TL0PICIDX 9; SS: two layers, sizes, three pictures (0, 1, 2 references) */
    static const uint8_t bytes[] = {0xAA, 0x81, 0x02, 0x10, 0x09, 0x38, 0x01, 0x40,
                                    0x00, 0xB4, 0x02, 0x80, 0x01, 0x68, 0x03, 0x10,
                                    0x34, 0x01, 0x58, 0x01, 0x02, 0xEE};
    struct vp9_descriptor d;

    (void)state;
    assert_int_equal(vp9_parse(&d, bytes, sizeof(bytes)), 0);
    assert_int_equal(d.bytes, sizeof(bytes) - 1);
    assert_true(d.is_keyframe && d.is_frame_start);
    assert_false(d.is_predicted || d.is_flexible || d.is_frame_end || d.is_not_reference);
    assert_true(d.has_picture_id && d.picture_id_is_15bit);
    assert_int_equal(d.picture_id, 0x0102);
    assert_true(d.has_layer && d.is_switching_up_point && d.has_tl0picidx);
    assert_int_equal(d.tl0picidx, 9);
    assert_true(d.has_scalability && d.has_sizes);
    assert_int_equal(d.spatial_layers, 2);
    assert_int_equal(d.width[0], 320);
    assert_int_equal(d.height[0], 180);
    assert_int_equal(d.width[1], 640);
    assert_int_equal(d.height[1], 360);
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(vp9_parse(&d, bytes, len), E_MALFORMED);
}

static void descriptors_of_every_shape(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        int bytes_or_err;
        bool keyframe, start;
        uint8_t temporal, spatial;
    } rows[] = {
        {{0x08, 1}, 2, 1, true, true, 0, 0},                     /* B alone: no layers */
        {{0x48, 1}, 2, 1, false, true, 0, 0},                    /* P */
        {{0x00, 1}, 2, 1, false, false, 0, 0},                   /* in the middle */
        {{0x88, 0x7F, 1}, 3, 2, true, true, 0, 0},               /* 7-bit PictureID */
        {{0x28, 0x01, 0x05, 1}, 4, 3, true, true, 0, 0},         /* L: SID 0, D */
        {{0x28, 0x03, 0x05, 1}, 4, 3, false, true, 0, 1},        /* SID 1 of a key picture */
        {{0x68, 0x64, 0x05, 1}, 4, 3, false, true, 3, 2},        /* TID 3, SID 2 */
        {{0x38, 0x00, 1}, 3, 2, true, true, 0, 0},               /* flexible: no TL0PICIDX */
        {{0x50, 0x02, 1}, 3, 2, false, false, 0, 0},             /* P and F: one reference */
        {{0x50, 0x03, 0x03, 0x02, 1}, 5, 4, false, false, 0, 0}, /* three */
        {{0x50, 0x03, 0x03, 0x03, 0x02, 1},
         6,
         E_MALFORMED,
         0,
         0,
         0,
         0},                                       /* a fourth is not allowed */
        {{0x0A, 0x00, 1}, 3, 2, true, true, 0, 0}, /* V: one layer, nothing told */
        {{0x08}, 1, E_MALFORMED, 0, 0, 0, 0},      /* nothing of the picture */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vp9_descriptor d = {0};
        int err = vp9_parse(&d, rows[i].bytes, rows[i].len);

        if ((err < 0 ? err : d.bytes) != rows[i].bytes_or_err)
            fail_msg("row %zu: %d, %d bytes", i, err, d.bytes);
        if (d.is_keyframe != rows[i].keyframe || d.is_frame_start != rows[i].start ||
            d.temporal != rows[i].temporal || d.spatial != rows[i].spatial)
            fail_msg("row %zu", i);
    }
}

static void references_and_places_are_told(void **state)
{
    static const uint8_t flexible[] = {0xF8, 0x85, 0x39, 0x32, 0x03, 0xFE, 1};
    static const uint8_t in_groups[] = {0xEA, 0x7F, 0x01, 0x2A, 0x08, 0x02,
                                        0x24, 0x02, 0x04, 0x01, 1};
    struct vp9_descriptor d;

    (void)state;
    assert_int_equal(vp9_parse(&d, flexible, sizeof(flexible)), 0);
    assert_int_equal(d.picture_id, 0x539);
    assert_int_equal(d.picture_id_at, 1);
    assert_int_equal(d.tl0picidx_at, 0);
    assert_int_equal(d.temporal, 1);
    assert_true(d.is_switching_up_point);
    assert_int_equal(d.spatial, 1);
    assert_int_equal(d.p_diff_count, 2);
    assert_int_equal(d.p_diff[0], 1);
    assert_int_equal(d.p_diff[1], 127);
    assert_int_equal(vp9_parse(&d, in_groups, sizeof(in_groups)), 0);
    assert_int_equal(d.picture_id, 0x7F);
    assert_int_equal(d.tl0picidx, 0x2A);
    assert_int_equal(d.tl0picidx_at, 3);
    assert_int_equal(d.p_diff_count, 0);
    assert_int_equal(d.picture_group, 2);
    assert_int_equal(d.bytes, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyframe_with_its_scalability_structure_is_read),
        cmocka_unit_test(descriptors_of_every_shape),
        cmocka_unit_test(references_and_places_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
