/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/rtp.h"

/* Version 2, marker, pt 96, seq 0x1234, ts 0x01020304, ssrc 0xA1B2C3D4; the first byte varies. */
#define FIXED(first) first, 0xE0, 0x12, 0x34, 1, 2, 3, 4, 0xA1, 0xB2, 0xC3, 0xD4

static void fixed_header_is_read(void **state)
{
    static const uint8_t bytes[] = {FIXED(0x80), 9, 8, 7};
    struct rtp_header h;

    (void)state;
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.pt, 96);
    assert_true(h.marker);
    assert_int_equal(h.seq, 0x1234);
    assert_int_equal(h.ts, 0x01020304);
    assert_int_equal(h.ssrc, 0xA1B2C3D4);
    assert_int_equal(h.header_bytes, 12);
    assert_int_equal(h.payload_bytes, 3);
    assert_int_equal(h.padding_bytes, 0);
    assert_int_equal(h.csrc_count, 0);
    assert_int_equal(h.ext_count, 0);
}

static void csrcs_lengthen_the_header(void **state)
{
    static const uint8_t bytes[] = {FIXED(0x82), 0, 0, 0, 1, 0, 0, 0, 2, 0x55};
    struct rtp_header h;

    (void)state;
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.csrc_count, 2);
    assert_int_equal(h.header_bytes, 20);
    assert_int_equal(h.payload_bytes, 1);
}

static void a_list_of_csrcs_goes_in_front_of_the_extensions(void **state)
{
    static const uint8_t level = 30, list[4 * (MAX_CSRCS + 1)] = {0, 0, 0, 1, 0xff, 0, 0, 2};
    const struct rtp_ext_out ext = {.id = 3, .len = 1, .data = &level};
    uint8_t out[100];
    struct rtp_header h;

    (void)state;
    for (size_t n = 0; n <= MAX_CSRCS; n++) {
        size_t bytes = rtp_write_header(out, sizeof(out), 111, true, 7, 8, 9, &ext, 1);
        assert_int_equal(rtp_add_csrcs(out, bytes, bytes + 4 * n, list, n), bytes + 4 * n);
        assert_int_equal(rtp_parse(&h, out, bytes + 4 * n), 0);
        assert_true(h.csrc_count == n && h.ssrc == 9 && h.pt == 111 && h.marker);
        assert_memory_equal(out + RTP_FIXED_HEADER_BYTES, list, 4 * n);
        assert_int_equal(out[rtp_find_ext(&h, 3)->offset], 30);
    }
    assert_int_equal(rtp_add_csrcs(out, 80, sizeof(out), list, 1), 0); /* there are some */
    size_t bytes = rtp_write_header(out, sizeof(out), 111, true, 7, 8, 9, NULL, 0);
    assert_int_equal(bytes, RTP_FIXED_HEADER_BYTES);
    assert_int_equal(rtp_add_csrcs(out, bytes, bytes + 7, list, 2), 0); /* no room */
    assert_int_equal(rtp_add_csrcs(out, bytes, sizeof(out), list, MAX_CSRCS + 1), 0);
    assert_int_equal(out[0] & 15, 0);
}

static void padding_is_taken_off_the_payload(void **state)
{
    static const struct {
        uint8_t tail[4];
        size_t len;
        int err;
        uint16_t payload;
    } rows[] = {
        {{7, 0, 0, 3}, 4, 0, 1},
        {{0, 0, 0, 4}, 4, 0, 0}, /* padding only */
        {{1}, 1, 0, 0},
        {{0, 0, 0, 5}, 4, E_MALFORMED, 0}, /* more than there is */
        {{0, 0, 0, 0}, 4, E_MALFORMED, 0}, /* the count counts itself */
        {{0}, 0, E_MALFORMED, 0},          /* the bit without a byte */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[16] = {FIXED(0xA0)};
        struct rtp_header h;

        memcpy(bytes + 12, rows[i].tail, rows[i].len);
        int err = rtp_parse(&h, bytes, 12 + rows[i].len);
        if (err != rows[i].err)
            fail_msg("row %zu: %d", i, err);
        if (err == 0 && h.payload_bytes != rows[i].payload)
            fail_msg("row %zu: payload of %d", i, h.payload_bytes);
    }
}

static void one_byte_elements_are_found(void **state)
{
    static const uint8_t bytes[] = {FIXED(0x90), 0xBE, 0xDE, 0,    3,    0x12, 'a', 'b', 'c',
                                    0,           0,    0xE0, 0x7F, 0x31, 1,    2,   0,   0x99};
    struct rtp_header h;

    (void)state;
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.header_bytes, 28);
    assert_int_equal(h.payload_bytes, 1);
    assert_int_equal(h.ext_count, 3);
    const struct rtp_ext *e = rtp_find_ext(&h, 1);
    assert_non_null(e);
    assert_int_equal(e->len, 3);
    assert_memory_equal(bytes + e->offset, "abc", 3);
    e = rtp_find_ext(&h, 14);
    assert_non_null(e);
    assert_int_equal(e->len, 1);
    assert_int_equal(bytes[e->offset], 0x7F);
    assert_int_equal(rtp_find_ext(&h, 3)->len, 2);
    assert_null(rtp_find_ext(&h, 2));
    assert_null(rtp_find_ext(&h, 0));
}

static void two_byte_elements_are_found(void **state)
{
    static const uint8_t bytes[] = {FIXED(0x90), 0x10, 0x05, 0,    2, 0xC8, 2,
                                    'x',         'y',  0,    0x0F, 0, 0 /* padding */};
    struct rtp_header h;

    (void)state;
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.ext_count, 2);
    assert_int_equal(rtp_find_ext(&h, 200)->len, 2);
    assert_int_equal(rtp_find_ext(&h, 200)->offset, 18);
    assert_int_equal(rtp_find_ext(&h, 15)->len,
                     0); /* an empty element, 15 is an id like any other */
    assert_int_equal(h.payload_bytes, 0);
}

static void extension_blocks_end_where_the_rfc_says(void **state)
{
    static const struct {
        uint8_t block[8];
        int err;
        uint8_t count;
    } rows[] = {
        {{0xBE, 0xDE, 0, 1, 0x10, 1, 0xF0, 9}, 0, 1},        /* id 15 stops */
        {{0xBE, 0xDE, 0, 1, 0x10, 1, 0xFF, 0}, 0, 1},        /* whatever its length */
        {{0xBE, 0xDE, 0, 1, 0x10, 1, 0x02, 9}, 0, 1},        /* id 0 with a length stops */
        {{0xBE, 0xDE, 0, 1, 0, 0, 0, 0}, 0, 0},              /* all padding */
        {{0xBE, 0xDE, 0, 1, 0x13, 1, 2, 3}, E_MALFORMED, 0}, /* element past its block */
        {{0x10, 0x00, 0, 1, 1, 3, 1, 2}, E_MALFORMED, 0},    /* the same, two-byte */
        {{0x10, 0x0F, 0, 1, 1, 1, 1, 2}, E_MALFORMED, 0},    /* an id without a length */
        {{0xBE, 0xDE, 0, 2, 0x10, 1, 0, 0}, E_MALFORMED, 0}, /* block past the packet */
        {{0xAB, 0xAC, 0, 1, 0x13, 1, 2, 3}, 0, 0},           /* unknown profile: skipped */
        {{0x10, 0x10, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF}, 0, 0},  /* not 0x100x */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[20] = {FIXED(0x90)};
        struct rtp_header h;

        memcpy(bytes + 12, rows[i].block, 8);
        int err = rtp_parse(&h, bytes, sizeof(bytes));
        if (err != rows[i].err)
            fail_msg("row %zu: %d", i, err);
        if (err == 0 && h.ext_count != rows[i].count)
            fail_msg("row %zu: %d elements", i, h.ext_count);
    }
}

static void elements_past_the_limit_are_ignored(void **state)
{
    uint8_t bytes[12 + 4 + 40] = {FIXED(0x90), 0xBE, 0xDE, 0, 10};
    struct rtp_header h;

    (void)state;
    for (size_t i = 0; i < 20; i++)
        bytes[16 + 2 * i] = 0x10;
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
    assert_int_equal(h.ext_count, MAX_RTP_EXT_ELEMENTS);
    assert_int_equal(h.header_bytes, sizeof(bytes));
}

static void every_cut_of_a_header_is_refused(void **state)
{
    static const uint8_t bytes[] = {FIXED(0x91), 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 0x12, 1, 2, 3};
    struct rtp_header h, before;

    (void)state;
    memset(&h, 0x5A, sizeof(h));
    before = h;
    for (size_t len = 0; len < sizeof(bytes); len++)
        assert_int_equal(rtp_parse(&h, bytes, len), E_MALFORMED);
    assert_memory_equal(&h, &before, sizeof(h)); /* untouched */
    assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), 0);
}

static void other_versions_are_refused(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 256; first += 64) {
        uint8_t bytes[] = {FIXED((uint8_t)first)};
        struct rtp_header h;

        assert_int_equal(rtp_parse(&h, bytes, sizeof(bytes)), first == 128 ? 0 : E_MALFORMED);
    }
}

static void rtcp_is_told_by_its_packet_type(void **state)
{
    (void)state;
    for (unsigned second = 0; second < 256; second++) {
        uint8_t bytes[2] = {0x80, (uint8_t)second};
        assert_int_equal(rtp_is_rtcp(bytes, 2), second >= 192 && second <= 223);
    }
    assert_false(rtp_is_rtcp((const uint8_t *)"\x80", 1));
}

static void a_header_is_written_in_the_one_byte_form(void **state)
{
    static const uint8_t want[] = {FIXED(0x90), 0xBE, 0xDE, 0, 2, 0x31, 5, 6, 0xE0, 7, 0, 0, 0};
    const struct rtp_ext_out ext[] = {
        {3, 2, (const uint8_t *)"\5\6"},
        {4, 0, NULL},                 /* empty: skipped */
        {0, 1, (const uint8_t *)"x"}, /* not negotiated: skipped */
        {14, 1, (const uint8_t *)"\7"},
    };
    uint8_t out[64];

    (void)state;
    assert_int_equal(
        rtp_write_header(out, sizeof(out), 96, true, 0x1234, 0x01020304, 0xA1B2C3D4, ext, 4),
        sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void a_header_is_written_in_the_two_byte_form_when_it_must(void **state)
{
    static const uint8_t want[] = {FIXED(0x90), 0x10, 0x00, 0, 2, 15, 1, 9, 2, 2, 1, 2, 0};
    const struct rtp_ext_out ext[] = {{15, 1, (const uint8_t *)"\x09"},
                                      {2, 2, (const uint8_t *)"\1\2"}};
    const struct rtp_ext_out longer[] = {{1, 17, (const uint8_t *)"0123456789abcdefg"}};
    uint8_t out[64];

    (void)state;
    assert_int_equal(
        rtp_write_header(out, sizeof(out), 96, true, 0x1234, 0x01020304, 0xA1B2C3D4, ext, 2),
        sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
    assert_int_equal(rtp_write_header(out, sizeof(out), 96, true, 1, 2, 3, longer, 1), 12 + 4 + 20);
    assert_int_equal(out[12], 0x10);
    assert_int_equal(out[17], 17);
}

static void a_header_without_elements_has_no_block(void **state)
{
    static const uint8_t want[] = {FIXED(0x80)};
    const struct rtp_ext_out ext[] = {{5, 0, NULL}};
    uint8_t out[12];

    (void)state;
    assert_int_equal(rtp_write_header(out, 12, 96, true, 0x1234, 0x01020304, 0xA1B2C3D4, ext, 1),
                     12);
    assert_memory_equal(out, want, 12);
    assert_int_equal(rtp_write_header(out, 12, 96, true, 0x1234, 0x01020304, 0xA1B2C3D4, NULL, 0),
                     12);
    assert_memory_equal(out, want, 12);
}

static void a_header_that_does_not_fit_gives_0(void **state)
{
    const struct rtp_ext_out ext[] = {{1, 4, (const uint8_t *)"abcd"}};
    uint8_t out[24];

    (void)state;
    for (size_t size = 0; size < 24; size++)
        assert_int_equal(rtp_write_header(out, size, 0, false, 0, 0, 0, ext, 1), 0);
    assert_int_equal(rtp_write_header(out, 24, 0, false, 0, 0, 0, ext, 1), 24);
}

static void what_is_written_is_read_back(void **state)
{
    const struct rtp_ext_out ext[] = {{1, 16, (const uint8_t *)"0123456789abcdef"},
                                      {7, 3, (const uint8_t *)"xyz"}};
    uint8_t out[64];
    struct rtp_header h;

    (void)state;
    size_t len = rtp_write_header(out, sizeof(out), 127, false, 65535, 0xFFFFFFFF, 1, ext, 2);
    assert_int_equal(rtp_parse(&h, out, len), 0);
    assert_int_equal(h.header_bytes, len);
    assert_false(h.marker);
    assert_int_equal(h.pt, 127);
    assert_int_equal(h.seq, 65535);
    assert_int_equal(h.ts, 0xFFFFFFFF);
    assert_int_equal(rtp_find_ext(&h, 1)->len, 16);
    assert_memory_equal(out + rtp_find_ext(&h, 7)->offset, "xyz", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_header_is_read),
        cmocka_unit_test(csrcs_lengthen_the_header),
        cmocka_unit_test(a_list_of_csrcs_goes_in_front_of_the_extensions),
        cmocka_unit_test(padding_is_taken_off_the_payload),
        cmocka_unit_test(one_byte_elements_are_found),
        cmocka_unit_test(two_byte_elements_are_found),
        cmocka_unit_test(extension_blocks_end_where_the_rfc_says),
        cmocka_unit_test(elements_past_the_limit_are_ignored),
        cmocka_unit_test(every_cut_of_a_header_is_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(rtcp_is_told_by_its_packet_type),
        cmocka_unit_test(a_header_is_written_in_the_one_byte_form),
        cmocka_unit_test(a_header_is_written_in_the_two_byte_form_when_it_must),
        cmocka_unit_test(a_header_without_elements_has_no_block),
        cmocka_unit_test(a_header_that_does_not_fit_gives_0),
        cmocka_unit_test(what_is_written_is_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
