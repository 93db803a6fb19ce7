/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/payload_av1.h"

/* OBU header bytes: type << 3, with or without the extension flag */
#define SEQUENCE 0x08
#define FRAME 0x30
#define FRAME_EXT 0x34
#define TILES 0x20

static void headers_tell_keyframes_starts_and_layers(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[10];
        size_t len;
        bool keyframe, start, layer;
        uint8_t temporal, spatial;
    } rows[] = {
        {"sequence header and frame, W 2",
         {0x28, 2, SEQUENCE, 7, FRAME, 1},
         6,
         true,
         true,
         false,
         0,
         0},
        {"the same, W 0", {0x08, 2, SEQUENCE, 7, 2, FRAME, 1}, 7, true, true, false, 0, 0},
        {"a frame, W 1", {0x10, FRAME, 1}, 3, false, true, false, 0, 0},
        {"its first fragment", {0x50, FRAME, 1}, 3, false, true, false, 0, 0},
        {"its last fragment", {0x90, 0x55, 1}, 3, false, false, false, 0, 0},
        {"T2 S0", {0x10, FRAME_EXT, 0x40, 1}, 4, false, true, true, 2, 0},
        {"T1 S1: not the picture's start", {0x10, FRAME_EXT, 0x28, 1}, 4, false, false, true, 1, 1},
        {"a fragment, then T1 S0",
         {0xA0, 1, 0x55, FRAME_EXT, 0x20, 1},
         6,
         false,
         false,
         true,
         1,
         0},
        {"the first extension counts",
         {0x20, 3, FRAME_EXT, 0x20, 1, FRAME_EXT, 0x68, 1},
         8,
         false,
         true,
         true,
         1,
         0},
        {"tiles of a frame that began before", {0x10, TILES, 1}, 3, false, false, false, 0, 0},
        {"an element of no bytes", {0x20, 0, FRAME, 1}, 4, false, false, false, 0, 0},
        {"a length in two bytes", {0x20, 0x81, 0x00, FRAME, FRAME, 1}, 6, false, true, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct av1_payload a;

        if (av1_parse(&a, rows[i].bytes, rows[i].len) != 0)
            fail_msg("%s: refused", rows[i].what);
        if (a.is_keyframe != rows[i].keyframe || a.is_frame_start != rows[i].start ||
            a.has_layer != rows[i].layer || a.temporal != rows[i].temporal ||
            a.spatial != rows[i].spatial)
            fail_msg("%s: keyframe %d start %d T%d S%d", rows[i].what, a.is_keyframe,
                     a.is_frame_start, a.temporal, a.spatial);
    }
}

static void what_is_cut_short_is_refused(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } rows[] = {
        {{0}, 0},
        {{0x10}, 1},              /* no element */
        {{0x98, FRAME, 1}, 3},    /* N together with Z */
        {{0x20, 3, FRAME, 1}, 4}, /* an element past the end */
        {{0x30, 1, FRAME}, 3},    /* the second of three is missing */
        {{0x00, 0x80}, 2},        /* half a length */
        {{0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 1},
         10}, /* a length past anything */
        {{0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1},
         11}, /* nine bytes of length */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct av1_payload a;
        if (av1_parse(&a, rows[i].bytes, rows[i].len) != E_MALFORMED)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_tell_keyframes_starts_and_layers),
        cmocka_unit_test(what_is_cut_short_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
