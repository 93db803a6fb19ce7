/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "mixer/depacketizer.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define MAX_PARTS 4

/* Payloads of one frame, and what they make. */
struct row {
    const char *what;
    struct {
        uint8_t bytes[24];
        size_t len;
    } part[MAX_PARTS];                    /* until a len of 0 */
    int err;                              /* of the last part */
    bool is_whole, is_keyframe, is_first; /* the latter two: of the first part */
    uint8_t want[40];
    size_t want_len;
};

static void check_rows(const struct depacketizer *d, const struct row *row, size_t n)
{
    struct depacketizer_frame f = {0};

    for (size_t i = 0; i < n; i++, row++) {
        struct payload_place place = {0};
        int err = 0;

        depacketizer_frame_clear(&f);
        for (size_t k = 0; k < MAX_PARTS && row->part[k].len > 0; k++) {
            assert_int_equal(err, 0);
            err = d->add(&f, row->part[k].bytes, row->part[k].len);
        }
        if (err != row->err)
            fail_msg("%s: %d", row->what, err);
        if (err != 0)
            continue;
        if (d->look(row->part[0].bytes, row->part[0].len, &place) != 0 ||
            place.is_first != row->is_first || place.is_keyframe != row->is_keyframe)
            fail_msg("%s: first %d keyframe %d", row->what, place.is_first, place.is_keyframe);
        if (d->is_whole != NULL && d->is_whole(&f) != row->is_whole)
            fail_msg("%s: whole %d", row->what, !row->is_whole);
        if (row->is_whole && (f.len != row->want_len || memcmp(f.data, row->want, f.len) != 0))
            fail_msg("%s: %zu bytes", row->what, f.len);
    }
    depacketizer_frame_fini(&f);
}

static void vp8(void **state)
{
    static const struct row rows[] = {
        {"keyframe of two",
         {{{0x10, 0, 1}, 3}, {{0, 2, 3}, 3}},
         0,
         true,
         true,
         true,
         {0, 1, 2, 3},
         4},
        {"with all ids", {{{0x90, 0xF0, 0x81, 2, 3, 4, 9}, 7}}, 0, true, false, true, {9}, 1},
        {"second partition", {{{0x11, 0}, 2}}, 0, true, false, false, {0}, 1},
        {"cut short", {{{0x90, 0x80}, 2}}, E_MALFORMED, false, false, false, {0}, 0},
    };

    (void)state;
    check_rows(&depacketizer_vp8, rows, ARRAY_LEN(rows));
}

static void vp9(void **state)
{
    static const struct row rows[] = {
        {"keyframe of two", {{{0x08, 7}, 2}, {{0x04, 8}, 2}}, 0, true, true, true, {7, 8}, 2},
        {"two spatial layers",
         {{{0x2C, 0, 0, 7}, 4}, {{0x2C, 2, 0, 8}, 4}},
         0,
         true,
         true,
         true,
         {7, 8},
         2},
        {"upper layer alone", {{{0x2C, 2, 0, 8}, 4}}, 0, true, false, false, {8}, 1},
        {"predicted", {{{0x4C, 8}, 2}}, 0, true, false, true, {8}, 1},
        {"cut short", {{{0x28}, 1}}, E_MALFORMED, false, false, false, {0}, 0},
    };

    (void)state;
    check_rows(&depacketizer_vp9, rows, ARRAY_LEN(rows));
}

static void h264(void **state)
{
    static const struct row rows[] = {
        {"single", {{{0x41, 0x9A}, 2}}, 0, true, false, false, {0, 0, 0, 1, 0x41, 0x9A}, 6},
        {"IDR alone", {{{0x65, 0x88}, 2}}, 0, true, true, false, {0, 0, 0, 1, 0x65, 0x88}, 6},
        {"STAP-A",
         {{{0x78, 0, 2, 0x67, 1, 0, 1, 0x68}, 8}},
         0,
         true,
         true,
         true,
         {0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68},
         11},
        {"FU-A of three",
         {{{0x7C, 0x85, 0x88}, 3}, {{0x7C, 5, 2}, 3}, {{0x7C, 0x45, 3}, 3}},
         0,
         true,
         true,
         false,
         {0, 0, 0, 1, 0x65, 0x88, 2, 3},
         8},
        {"FU-A in one",
         {{{0x7C, 0xC1, 0x9A}, 3}},
         0,
         true,
         false,
         false,
         {0, 0, 0, 1, 0x61, 0x9A},
         6},
        {"FU-A without its end", {{{0x7C, 0x85, 0x88}, 3}}, 0, false, true, false, {0}, 0},
        {"FU-A without its start",
         {{{0x7C, 0x45, 1}, 3}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"FU-A begun twice",
         {{{0x7C, 0x85, 1}, 3}, {{0x7C, 0x85, 1}, 3}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"a unit inside an FU-A",
         {{{0x7C, 0x85, 1}, 3}, {{0x41, 1}, 2}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"STAP-A with a unit cut short",
         {{{0x78, 0, 9, 0x67}, 4}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"STAP-A with an empty unit",
         {{{0x78, 0, 0, 0, 1, 0x67}, 6}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"what the mode does not have is skipped",
         {{{0x41, 0x9A}, 2}, {{0x59, 0, 1, 2}, 4}},
         0,
         true,
         false,
         false,
         {0, 0, 0, 1, 0x41, 0x9A},
         6},
        {"nothing else than that", {{{0x59, 0, 1, 2}, 4}}, 0, false, false, false, {0}, 0},
    };
    struct depacketizer_frame f = {0};

    (void)state;
    check_rows(&depacketizer_h264, rows, ARRAY_LEN(rows));
    assert_int_equal(depacketizer_h264.add(&f, rows[2].part[0].bytes, rows[2].part[0].len), 0);
    assert_false(depacketizer_h264.is_keyframe(&f)); /* parameter sets are no picture */
    assert_int_equal(depacketizer_h264.add(&f, rows[1].part[0].bytes, rows[1].part[0].len), 0);
    assert_true(depacketizer_h264.is_keyframe(&f));
    depacketizer_frame_fini(&f);
}

static void av1(void **state)
{
    static const struct row rows[] = {
        {"sequence header and frame, W 2",
         {{{0x28, 2, 0x08, 1, 0x30, 2, 3}, 7}},
         0,
         true,
         true,
         true,
         {0x12, 0, 0x0A, 1, 1, 0x32, 2, 2, 3},
         9},
        {"W 0: each with its size",
         {{{0x00, 2, 0x30, 1, 2, 0x30, 2}, 7}},
         0,
         true,
         false,
         false,
         {0x12, 0, 0x32, 1, 1, 0x32, 1, 2},
         8},
        {"an OBU over three packets",
         {{{0x50, 0x30, 1}, 3}, {{0xD0, 2}, 2}, {{0x90, 3}, 2}},
         0,
         true,
         false,
         false,
         {0x12, 0, 0x32, 3, 1, 2, 3},
         7},
        {"layer ids stay",
         {{{0x10, 0x34, 0x28, 9}, 4}},
         0,
         true,
         false,
         false,
         {0x12, 0, 0x36, 0x28, 1, 9},
         6},
        {"a size of its own is kept right",
         {{{0x10, 0x32, 2, 8, 9, 77}, 6}},
         0,
         true,
         false,
         false,
         {0x12, 0, 0x32, 2, 8, 9},
         6},
        {"delimiters, tile lists and padding go",
         {{{0x00, 1, 0x10, 2, 0x40, 1, 2, 0x78, 1, 2, 0x30, 7}, 12}},
         0,
         true,
         false,
         false,
         {0x12, 0, 0x32, 1, 7},
         5},
        {"without its end", {{{0x50, 0x30, 1}, 3}}, 0, false, false, false, {0}, 0},
        {"nothing but a delimiter", {{{0x10, 0x10}, 2}}, 0, false, false, false, {0}, 0},
        {"without its start", {{{0x90, 3}, 2}}, E_MALFORMED, false, false, false, {0}, 0},
        {"cut off by another",
         {{{0x50, 0x30, 1}, 3}, {{0x10, 0x30}, 2}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"a size past its end",
         {{{0x10, 0x32, 5, 1}, 4}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
        {"an element past the end", {{{0x20, 5, 1}, 3}}, E_MALFORMED, false, false, false, {0}, 0},
        {"an extension that is not there",
         {{{0x10, 0x34}, 2}},
         E_MALFORMED,
         false,
         false,
         false,
         {0},
         0},
    };

    (void)state;
    check_rows(&depacketizer_av1, rows, ARRAY_LEN(rows));
}

static void a_long_obu_gets_a_long_size(void **state)
{
    struct depacketizer_frame f = {0};
    uint8_t payload[1200] = {0x10, 0x30};

    (void)state;
    for (size_t i = 2; i < sizeof(payload); i++)
        payload[i] = (uint8_t)i;
    assert_int_equal(depacketizer_av1.add(&f, payload, sizeof(payload)), 0);
    assert_int_equal(f.len, 2 + 1 + 2 + 1198);
    assert_int_equal(f.data[3], 0x80 | (1198 & 0x7F));
    assert_int_equal(f.data[4], 1198 >> 7);
    assert_memory_equal(f.data + 5, payload + 2, 1198);
    depacketizer_frame_fini(&f);
}

static void frames_are_bounded(void **state)
{
    static const uint8_t payload[1000] = {0x10, 1};
    struct depacketizer_frame f = {0};
    int64_t before = mem_live_bytes();
    int err = 0;

    (void)state;
    while (err == 0)
        err = depacketizer_vp8.add(&f, payload, sizeof(payload));
    assert_int_equal(err, E_LIMIT);
    assert_true(f.len <= MAX_ENCODED_FRAME_BYTES && f.len + 1000 > MAX_ENCODED_FRAME_BYTES);
    assert_true(mem_live_bytes() - before <= MAX_ENCODED_FRAME_BYTES + 1024);
    depacketizer_frame_fini(&f);
    mem_fail_nth(1);
    assert_int_equal(depacketizer_vp8.add(&f, payload, sizeof(payload)), E_NO_MEMORY);
    mem_fail_nth(0);
    depacketizer_frame_fini(&f);
}

static void other_codecs_have_none(void **state)
{
    (void)state;
    assert_ptr_equal(depacketizer_of(CODEC_AV1), &depacketizer_av1);
    assert_null(depacketizer_of(CODEC_OPUS));
    assert_null(depacketizer_of(CODEC_NONE));
    assert_null(depacketizer_of(CODEC_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(vp8),
        LEAK_FREE(vp9),
        LEAK_FREE(h264),
        LEAK_FREE(av1),
        LEAK_FREE(a_long_obu_gets_a_long_size),
        LEAK_FREE(frames_are_bounded),
        LEAK_FREE(other_codecs_have_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
