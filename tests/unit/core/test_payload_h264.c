/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload_h264.h"

static void nal_units_tell_keyframes_and_starts(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[12];
        size_t len;
        bool sps, keyframe, start;
    } rows[] = {
        {"IDR, first slice", {0x65, 0x88}, 2, false, true, true},
        {"IDR, later slice", {0x65, 0x40}, 2, false, false, false},
        {"slice, first", {0x41, 0x9A}, 2, false, false, true},
        {"slice, later", {0x41, 0x1A}, 2, false, false, false},
        {"SPS", {0x67, 0x42}, 2, true, true, true},
        {"PPS", {0x68, 0xCE}, 2, false, false, true},
        {"SEI", {0x06, 0x05}, 2, false, false, true},
        {"delimiter", {0x09, 0xF0}, 2, false, false, true},
        {"filler", {0x0C, 0xFF}, 2, false, false, false},
        {"partition A, first", {0x02, 0x80}, 2, false, false, true},
        {"partition B", {0x03, 0x80}, 2, false, false, false},
        {"a header alone", {0x65}, 1, false, false, false},
        {"STAP-A of SPS, PPS, IDR",
         {0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68, 0, 2, 0x65, 0x88},
         12,
         true,
         true,
         true},
        {"STAP-A of PPS and slice", {0x78, 0, 1, 0x68, 0, 2, 0x41, 0x9A}, 8, false, false, true},
        {"STAP-A of later slices",
         {0x78, 0, 2, 0x41, 0x1A, 0, 2, 0x41, 0x2A},
         9,
         false,
         false,
         false},
        {"FU-A, start of IDR", {0x7C, 0x85, 0x88}, 3, false, true, true},
        {"FU-A, start of a later IDR slice", {0x7C, 0x85, 0x08}, 3, false, false, false},
        {"FU-A, middle of IDR", {0x7C, 0x05, 0x88}, 3, false, false, false},
        {"FU-A, end of IDR", {0x7C, 0x45, 0x88}, 3, false, false, false},
        {"FU-A, start of slice", {0x5C, 0x81, 0x9A}, 3, false, false, true},
        {"STAP-B", {0x79, 0, 0, 0, 1, 0x67}, 6, false, false, false},
        {"FU-B", {0x7D, 0x85, 0, 0, 0x88}, 5, false, false, false},
        {"reserved", {0x60, 0x88}, 2, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct h264_payload h;

        if (h264_parse(&h, rows[i].bytes, rows[i].len) != 0)
            fail_msg("%s: refused", rows[i].what);
        if (h.has_sps != rows[i].sps || h.is_keyframe != rows[i].keyframe ||
            h.is_frame_start != rows[i].start)
            fail_msg("%s: sps %d keyframe %d start %d", rows[i].what, h.has_sps, h.is_keyframe,
                     h.is_frame_start);
    }
}

static void what_is_cut_short_is_refused(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
    } rows[] = {
        {{0}, 0},
        {{0x78}, 1},                /* a STAP-A of nothing */
        {{0x78, 0}, 2},             /* half a size */
        {{0x78, 0, 0}, 3},          /* a unit of no bytes */
        {{0x78, 0, 3, 0x67, 1}, 5}, /* a unit past the end */
        {{0x78, 0, 1, 0x67, 0}, 5}, /* half a size behind a unit */
        {{0x7C}, 1},                /* an FU-A without its header */
        {{0x7C, 0x85}, 2},          /* a fragment of nothing */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct h264_payload h;
        if (h264_parse(&h, rows[i].bytes, rows[i].len) != E_MALFORMED)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nal_units_tell_keyframes_and_starts),
        cmocka_unit_test(what_is_cut_short_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
