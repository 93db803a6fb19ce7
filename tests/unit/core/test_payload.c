/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload.h"
#include "tests/support/dd_bytes.h"

static struct packet p;

static void every_codec_tells_what_it_knows(void **state)
{
    static const struct {
        const char *what;
        enum codec_id codec;
        uint8_t payload[8];
        uint16_t len;
        int err;
        struct {
            bool is_keyframe, is_frame_start;
            int8_t spatial, temporal;
        } want;
    } rows[] = {
        {"VP8 keyframe", CODEC_VP8, {0x10, 0}, 2, 0, {true, true, -1, -1}},
        {"VP8 T1", CODEC_VP8, {0x90, 0x20, 0x40, 1}, 4, 0, {false, true, -1, 1}},
        {"VP8 second partition", CODEC_VP8, {0x11, 0}, 2, 0, {false, false, -1, -1}},
        {"VP9 keyframe S0", CODEC_VP9, {0x28, 0x00, 0, 1}, 4, 0, {true, true, 0, 0}},
        {"VP9 S1 of it", CODEC_VP9, {0x28, 0x03, 0, 1}, 4, 0, {false, false, 1, 0}},
        {"VP9 without layers", CODEC_VP9, {0x48, 1}, 2, 0, {false, true, -1, -1}},
        {"H.264 SPS", CODEC_H264, {0x67, 0x42}, 2, 0, {true, true, -1, -1}},
        {"H.264 slice", CODEC_H264, {0x41, 0x9A}, 2, 0, {false, true, -1, -1}},
        {"AV1 new sequence", CODEC_AV1, {0x18, 0x08, 1}, 3, 0, {true, true, -1, -1}},
        {"AV1 T1 S1", CODEC_AV1, {0x10, 0x34, 0x28, 1}, 4, 0, {false, false, -1, -1}},
        {"Opus", CODEC_OPUS, {0xFC}, 1, 0, {true, true, -1, -1}},
        {"PCMU", CODEC_PCMU, {0xFF}, 1, 0, {true, true, -1, -1}},
        {"a tone", CODEC_TELEPHONE_EVENT, {1, 0, 0, 0}, 4, 0, {true, true, -1, -1}},
        {"RTX", CODEC_RTX, {0, 1, 0x10, 0}, 4, 0, {false, false, -1, -1}},
        {"RED", CODEC_RED, {111, 1}, 2, 0, {true, true, -1, -1}},
        {"VP8 padding only", CODEC_VP8, {0}, 0, 0, {false, false, -1, -1}},
        {"Opus padding only", CODEC_OPUS, {0}, 0, 0, {false, false, -1, -1}},
        {"VP8 cut short", CODEC_VP8, {0x90, 0x80}, 2, E_MALFORMED, {false, false, -1, -1}},
        {"VP9 cut short", CODEC_VP9, {0x28}, 1, E_MALFORMED, {false, false, -1, -1}},
        {"H.264 cut short", CODEC_H264, {0x78}, 1, E_MALFORMED, {false, false, -1, -1}},
        {"AV1 cut short", CODEC_AV1, {0x18}, 1, E_MALFORMED, {false, false, -1, -1}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        memset(&p, 0x77, sizeof(p));
        p.data = p.buf;
        p.codec = (uint8_t)rows[i].codec;
        p.rtp.header_bytes = 20;
        p.rtp.payload_bytes = rows[i].len;
        p.rtp.padding_bytes = 4;
        p.rtp.marker = false;
        memcpy(p.data + 20, rows[i].payload, rows[i].len);
        int err = payload_inspect(&p);
        if (err != rows[i].err)
            fail_msg("%s: %d", rows[i].what, err);
        if (p.media.is_keyframe != rows[i].want.is_keyframe ||
            p.media.is_frame_start != rows[i].want.is_frame_start ||
            p.media.spatial != rows[i].want.spatial || p.media.temporal != rows[i].want.temporal)
            fail_msg("%s: keyframe %d start %d S%d T%d", rows[i].what, p.media.is_keyframe,
                     p.media.is_frame_start, p.media.spatial, p.media.temporal);
    }
}

/* ---- what is rewritten, and what may be switched to ---- */

static struct dependency_state dd;

static int inspect(enum codec_id codec, const uint8_t *payload, size_t len,
                   const struct dd_bytes_frame *frame)
{
    uint8_t bytes[DD_BYTES_MAX];
    size_t dd_len = frame != NULL ? dd_bytes_write(bytes, &dd_bytes_l2t2, frame) : 0;

    p.data = p.buf;
    p.codec = (uint8_t)codec;
    p.rtp = (struct rtp_header){.header_bytes = (uint16_t)(20 + dd_len),
                                .payload_bytes = (uint16_t)len};
    p.rtp.ext[0] = (struct rtp_ext){1, (uint8_t)dd_len, 20};
    memcpy(p.data + 20, bytes, dd_len);
    memcpy(p.data + 20 + dd_len, payload, len);
    return payload_inspect_described(&p, frame != NULL ? &p.rtp.ext[0] : NULL, &dd);
}

static void ids_are_found_and_rewritten(void **state)
{
    static const struct {
        enum codec_id codec;
        uint8_t before[8], after[8];
        size_t len;
        uint8_t bytes;
        bool closes_up;
    } rows[] = {
        {CODEC_VP8,
         {0x90, 0xF0, 0x81, 0x02, 9, 0x63, 1},
         {0x90, 0xF0, 0xDA, 0x5A, 7, 0x75, 1},
         7,
         6,
         true},
        {CODEC_VP8, {0x90, 0x80, 0x03, 1}, {0x90, 0x80, 0x5A, 1}, 4, 3, true},
        {CODEC_VP8, {0x90, 0x60, 9, 0x40, 1}, {0x90, 0x60, 7, 0x40, 1}, 5, 4, false},
        {CODEC_VP8, {0x10, 1}, {0x10, 1}, 2, 0, false},
        {CODEC_VP9, {0xE8, 0x81, 0x02, 0x20, 9, 1}, {0xE8, 0xDA, 0x5A, 0x20, 7, 1}, 6, 5, false},
        {CODEC_VP9, {0xB8, 0x03, 0x00, 1}, {0xB8, 0x5A, 0x00, 1}, 4, 2, false},
        {CODEC_VP9, {0x28, 0x00, 9, 1}, {0x28, 0x00, 7, 1}, 4, 3, false},
        {CODEC_H264, {0x65, 0x88, 1}, {0x65, 0x88, 1}, 3, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(inspect(rows[i].codec, rows[i].before, rows[i].len, NULL), 0);
        assert_int_equal(p.media.ids.bytes, rows[i].bytes);
        assert_int_equal(p.media.ids.closes_up, rows[i].closes_up);
        payload_rewrite(p.data + 20, &p.media.ids, 0x5A5A, 7, 0x55);
        assert_memory_equal(p.data + 20, rows[i].after, rows[i].len);
    }
}

static void points_to_switch_at(void **state)
{
    static const uint8_t vp8_sync[] = {0x90, 0x20, 0xA0, 1}, vp8_not[] = {0x90, 0x20, 0x80, 1},
                         vp9_up[] = {0x78, 0x30, 0x02, 1},
                         vp9_upper[] = {0x78, 0x32, 0x07, 0x42, 1},
                         vp9_entry[] = {0x2C, 0x03, 9, 1};

    (void)state;
    assert_int_equal(inspect(CODEC_VP8, vp8_sync, 4, NULL), 0);
    assert_int_equal(p.media.switches, MEDIA_LAYER_BIT(0, 2));
    assert_int_equal(inspect(CODEC_VP8, vp8_not, 4, NULL), 0);
    assert_int_equal(p.media.switches, 0);
    assert_int_equal(inspect(CODEC_VP9, vp9_up, 4, NULL), 0);
    assert_int_equal(p.media.switches, MEDIA_LAYER_BIT(0, 1) | MEDIA_LAYER_BIT(1, 1) |
                                           MEDIA_LAYER_BIT(2, 1) | MEDIA_LAYER_BIT(3, 1));
    assert_int_equal(p.media.refs, 1);
    assert_false(p.media.enters_layer);
    assert_int_equal(inspect(CODEC_VP9, vp9_upper, 5, NULL), 0);
    assert_int_equal(p.media.switches, 0);
    assert_int_equal(p.media.refs, 1u << 2);
    assert_true(p.media.has_far_refs); /* 33 back */
    assert_int_equal(inspect(CODEC_VP9, vp9_entry, 4, NULL), 0);
    assert_true(p.media.enters_layer && p.media.ends_layer && p.media.starts_layer);
    assert_false(p.media.is_frame_start);
}

static void a_dependency_descriptor_wins(void **state)
{
    static const uint8_t vp9[] = {0xF8, 0x05, 0x00, 0x02, 1}, hidden[] = {0x18};
    const struct dd_bytes_frame key = {.starts = true, .has_structure = true, .number = 7},
                                upper = {.starts = true,
                                         .ends = true,
                                         .template_index = 3,
                                         .number = 8},
                                foreign = {.starts = true, .template_index = 50, .number = 9};
    struct media_size sizes[MEDIA_MAX_SPATIAL];

    (void)state;
    dd = (struct dependency_state){0};
    assert_int_equal(inspect(CODEC_AV1, hidden, 1, &upper),
                     E_MALFORMED); /* nothing is understood */
    assert_false(p.media.dd.has_frame_number);
    assert_int_equal(inspect(CODEC_VP9, vp9, 5, &upper), 0);
    assert_true(p.media.dd.has_frame_number);
    assert_int_equal(p.media.dd.frame_number, 8);
    assert_int_equal(p.media.dd.target_count, 0);
    assert_int_equal(p.media.number_bits, 7);
    assert_int_equal(inspect(CODEC_AV1, hidden, 1, &key), 0); /* encrypted end to end */
    assert_true(p.media.is_keyframe && p.media.is_frame_start && p.media.dd.has_structure);
    assert_int_equal(payload_sizes(&p, &p.rtp.ext[0], sizes), 2);
    assert_int_equal(sizes[1].width, 640);
    assert_int_equal(inspect(CODEC_VP9, vp9, 5, &upper), 0);
    assert_int_equal(p.media.spatial, 1);
    assert_int_equal(p.media.number, 8);
    assert_int_equal(p.media.number_bits, 16);
    assert_int_equal(p.media.refs, 1);
    assert_int_equal(p.media.switches, MEDIA_LAYER_BIT(1, 0) | MEDIA_LAYER_BIT(1, 1));
    assert_true(p.media.ends_layer && !p.media.is_frame_start && !p.media.is_keyframe);
    assert_int_equal(p.media.dd.active, 15);
    assert_int_equal(p.media.ids.picture_id, 5); /* is rewritten all the same */
    assert_int_equal(inspect(CODEC_VP9, vp9, 5, &foreign), 0);
    assert_int_equal(p.media.number_bits, 7);
    assert_true(p.media.is_frame_start);
    assert_int_equal(inspect(CODEC_VP9, vp9, 0, &upper), 0); /* padding only */
    assert_false(p.media.dd.has_frame_number);
}

static void keyframes_tell_sizes(void **state)
{
    static const uint8_t vp8[] = {0x10, 0x00, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0x68, 0x01},
                         vp9[] = {0x0A, 0x30, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x80, 0x01, 0x68, 1};
    struct media_size sizes[MEDIA_MAX_SPATIAL];

    (void)state;
    dd = (struct dependency_state){0};
    assert_int_equal(inspect(CODEC_VP8, vp8, sizeof(vp8), NULL), 0);
    assert_int_equal(payload_sizes(&p, NULL, sizes), 1);
    assert_int_equal(sizes[0].width, 640);
    assert_int_equal(sizes[0].height, 360);
    assert_int_equal(inspect(CODEC_VP9, vp9, sizeof(vp9), NULL), 0);
    assert_int_equal(payload_sizes(&p, NULL, sizes), 2);
    assert_int_equal(sizes[0].width, 320);
    assert_int_equal(sizes[1].height, 360);
    assert_int_equal(inspect(CODEC_OPUS, vp8, 3, NULL), 0);
    assert_int_equal(payload_sizes(&p, NULL, sizes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_tells_what_it_knows),
        cmocka_unit_test(ids_are_found_and_rewritten),
        cmocka_unit_test(points_to_switch_at),
        cmocka_unit_test(a_dependency_descriptor_wins),
        cmocka_unit_test(keyframes_tell_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
