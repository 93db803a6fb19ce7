/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/unit/core/cmocka_all.h"
#include "core/attr.h"
#include "transport/transceiver.h"

#define H264_FMTP(profile_level_id) "packetization-mode=1;profile-level-id=" profile_level_id

/* What a browser negotiates: VP8 with RTX, two profiles of H.264, one of them without. */
static const struct transceiver video = {
    .kind = MEDIA_VIDEO,
    .codec = {{.codec = {.id = CODEC_VP8, .clock_hz = 90000, .channels = 1},
               .pt = 96,
               .rtx_pt = 97},
              {.codec = {CODEC_H264, 90000, 1, H264_FMTP("42001f")}, .pt = 102, .rtx_pt = PT_NONE},
              {.codec = {CODEC_H264, 90000, 1, H264_FMTP("42e01f")}, .pt = 108, .rtx_pt = 109}},
    .codec_count = 3,
};

static void media_payload_types_are_found(void **state)
{
    (void)state;
    assert_ptr_equal(transceiver_find_pt(&video, 96), &video.codec[0]);
    assert_ptr_equal(transceiver_find_pt(&video, 108), &video.codec[2]);
    assert_null(transceiver_find_pt(&video, 97));
    assert_null(transceiver_find_pt(&video, 0));
}

static void repair_payload_types_lead_to_what_they_repair(void **state)
{
    (void)state;
    assert_ptr_equal(transceiver_find_rtx_pt(&video, 97), &video.codec[0]);
    assert_ptr_equal(transceiver_find_rtx_pt(&video, 109), &video.codec[2]);
    assert_null(transceiver_find_rtx_pt(&video, 96));
    assert_null(transceiver_find_rtx_pt(&video, PT_NONE));
}

static void a_stream_finds_the_payload_type_of_its_configuration(void **state)
{
    static const struct {
        struct codec codec;
        int index; /* -1: none */
    } rows[] = {
        {{CODEC_VP8, 90000, 1, ""}, 0},
        {{CODEC_H264, 90000, 1, H264_FMTP("420014")}, 1},
        {{CODEC_H264, 90000, 1, H264_FMTP("42e034")}, 1}, /* the first that stands for it */
        {{CODEC_H264, 90000, 1, H264_FMTP("4d001f")}, -1},
        {{CODEC_VP9, 90000, 1, "profile-id=0"}, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_ptr_equal(transceiver_find_codec(&video, &rows[i].codec),
                         rows[i].index < 0 ? NULL : &video.codec[rows[i].index]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(media_payload_types_are_found),
        cmocka_unit_test(repair_payload_types_lead_to_what_they_repair),
        cmocka_unit_test(a_stream_finds_the_payload_type_of_its_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
