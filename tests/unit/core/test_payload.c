/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload.h"

static void every_codec_tells_what_it_knows(void **state)
{
    static const struct {
        const char *what;
        enum codec_id codec;
        uint8_t payload[8];
        uint16_t len;
        int err;
        struct media_info want;
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
        {"AV1 T1 S1", CODEC_AV1, {0x10, 0x34, 0x28, 1}, 4, 0, {false, false, 1, 1}},
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
    static struct packet p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        memset(&p, 0x77, sizeof(p));
        p.data = p.buf;
        p.codec = (uint8_t)rows[i].codec;
        p.rtp.header_bytes = 20;
        p.rtp.payload_bytes = rows[i].len;
        p.rtp.padding_bytes = 4;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_tells_what_it_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
