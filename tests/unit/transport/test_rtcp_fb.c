/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "transport/rtcp_fb.h"

static struct rtcp_fb fb_of(const void *fci, size_t bytes)
{
    return (struct rtcp_fb){.sender_ssrc = 1, .media_ssrc = 2, .fci = fci, .fci_bytes = bytes};
}

static struct rtcp_fb read_back(const struct writer *w)
{
    struct rtcp_reader r = rtcp_reader_of(w->start, writer_len(w));
    struct rtcp_packet p;

    assert_false(w->failed);
    assert_true(rtcp_next(&r, &p));
    return p.fb;
}

static void a_nack_is_written_in_items(void **state)
{
    static const uint16_t seqs[] = {100, 101, 103, 116, 117, 200};
    static const uint8_t want[] = {
        0x81, 0xCD, 0x00, 0x05, 0x01, 0x02, 0x03, 0x04,
        0x05, 0x06, 0x07, 0x08, 0x00, 0x64, 0x80, 0x05, /* 100; 101, 103, 116 */
        0x00, 0x75, 0x00, 0x00,                         /* 117 is 17 behind 100 */
        0x00, 0xC8, 0x00, 0x00,
    };
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_fb_write_nack(&w, 0x01020304, 0x05060708, seqs, ARRAY_LEN(seqs));
    assert_false(w.failed);
    assert_int_equal(writer_len(&w), sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void a_nack_goes_across_the_wrap(void **state)
{
    static const uint16_t seqs[] = {65535, 0, 15};
    static const uint8_t want[] = {0xFF, 0xFF, 0x80, 0x01};
    uint8_t out[64];
    uint16_t back[8];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_fb_write_nack(&w, 1, 2, seqs, 3);
    assert_int_equal(writer_len(&w), 16);
    assert_memory_equal(out + 12, want, 4);
    struct rtcp_fb fb = read_back(&w);
    assert_int_equal(rtcp_fb_nack_list(&fb, back, 8), 3);
    assert_memory_equal(back, seqs, sizeof(seqs));
}

static void a_nack_is_read_in_order(void **state)
{
    static const uint8_t fci[] = {0x00, 0x0A, 0x00, 0x00, 0xFF, 0xFE, 0xFF, 0xFF};
    struct rtcp_fb fb = fb_of(fci, sizeof(fci));
    struct rtcp_nack_reader r = rtcp_fb_nack_reader_of(&fb);
    uint16_t seq;

    (void)state;
    assert_true(rtcp_fb_nack_next(&r, &seq));
    assert_int_equal(seq, 10);
    for (int i = 0; i <= 16; i++) {
        assert_true(rtcp_fb_nack_next(&r, &seq));
        assert_int_equal(seq, (uint16_t)(65534 + i));
    }
    assert_false(rtcp_fb_nack_next(&r, &seq));
    assert_false(rtcp_fb_nack_next(&r, &seq));
}

static void a_nack_is_bounded(void **state)
{
    static uint8_t fci[4 * 100];
    uint16_t seqs[MAX_NACKED_SEQS + 1];

    (void)state;
    memset(fci, 0xFF, sizeof(fci)); /* 1700 numbers */
    struct rtcp_fb fb = fb_of(fci, sizeof(fci));
    assert_int_equal(rtcp_fb_nack_list(&fb, seqs, ARRAY_LEN(seqs)), MAX_NACKED_SEQS);
    assert_int_equal(rtcp_fb_nack_list(&fb, seqs, 20), 20);
    fb = fb_of(fci, 0);
    assert_int_equal(rtcp_fb_nack_list(&fb, seqs, 20), 0);
    fb = fb_of(fci, 3);
    assert_int_equal(rtcp_fb_nack_list(&fb, seqs, 20), 0);
}

static void a_pli_is_written(void **state)
{
    static const uint8_t want[] = {0x81, 0xCE, 0x00, 0x02, 0, 0, 0, 1, 0, 0, 0, 2};
    uint8_t out[12];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_fb_write_pli(&w, 1, 2);
    assert_false(w.failed);
    assert_memory_equal(out, want, sizeof(want));
    rtcp_fb_write_pli(&w, 1, 2);
    assert_true(w.failed);
}

static void a_fir_is_written_and_read(void **state)
{
    static const struct rtcp_fir_entry entries[] = {{0x0A0B0C0D, 7}, {9, 255}};
    static const uint8_t want[] = {0x84, 0xCE, 0x00, 0x06, 0, 0, 0, 1, 0, 0, 0,   0, 0x0A, 0x0B,
                                   0x0C, 0x0D, 7,    0,    0, 0, 0, 0, 0, 9, 255, 0, 0,    0};
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));
    struct rtcp_fir fir;

    (void)state;
    rtcp_fb_write_fir(&w, 1, entries, 2);
    assert_int_equal(writer_len(&w), sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
    struct rtcp_fb fb = read_back(&w);
    assert_int_equal(fb.fmt, RTCP_PSFB_FIR);
    assert_int_equal(rtcp_fb_parse_fir(&fir, &fb), 0);
    assert_int_equal(fir.n, 2);
    assert_int_equal(fir.at[0].ssrc, 0x0A0B0C0D);
    assert_int_equal(fir.at[0].seq, 7);
    assert_int_equal(fir.at[1].seq, 255);
}

static void a_fir_is_bounded(void **state)
{
    static const uint8_t fci[8 * (MAX_FIR_ENTRIES + 1)];
    struct rtcp_fir fir;

    (void)state;
    for (size_t bytes = 0; bytes <= sizeof(fci); bytes++) {
        struct rtcp_fb fb = fb_of(fci, bytes);
        int err = rtcp_fb_parse_fir(&fir, &fb);

        assert_int_equal(err, bytes == 0 || bytes % 8 != 0 ? E_MALFORMED : 0);
    }
    assert_int_equal(fir.n, MAX_FIR_ENTRIES);
}

static void a_remb_is_written_and_read(void **state)
{
    static const struct rtcp_remb remb = {1000000, 1, {0x0A0B0C0D}};
    static const uint8_t want[] = {0x8F, 0xCE, 0x00, 0x05, 0,    0,   0,   1, 0,
                                   0,    0,    0,    'R',  'E',  'M', 'B', 1, 0x0B,
                                   0xD0, 0x90, 0x0A, 0x0B, 0x0C, 0x0D}; /* 250000 << 2 */
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));
    struct rtcp_remb back;

    (void)state;
    rtcp_fb_write_remb(&w, 1, &remb);
    assert_int_equal(writer_len(&w), sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
    struct rtcp_fb fb = read_back(&w);
    assert_int_equal(rtcp_fb_parse_remb(&back, &fb), 0);
    assert_true(back.bitrate_bps == 1000000);
    assert_int_equal(back.n, 1);
    assert_int_equal(back.ssrc[0], 0x0A0B0C0D);
}

static void bitrates_keep_18_bits(void **state)
{
    static const struct {
        uint64_t bps, want;
    } rows[] = {
        {0, 0},
        {0x3FFFF, 0x3FFFF},
        {0x40000, 0x40000},
        {0x40001, 0x40000},
        {123456789, 123456789 / 512 * 512},
        {UINT64_MAX, 0xFFFFC00000000000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_remb remb = {.bitrate_bps = rows[i].bps}, back;
        uint8_t out[32];
        struct writer w = writer_of(out, sizeof(out));

        rtcp_fb_write_remb(&w, 1, &remb);
        struct rtcp_fb fb = read_back(&w);
        assert_int_equal(rtcp_fb_parse_remb(&back, &fb), 0);
        if (back.bitrate_bps != rows[i].want)
            fail_msg("row %zu: %llu", i, (unsigned long long)back.bitrate_bps);
    }
}

static void rembs_that_make_no_sense_are_refused(void **state)
{
    static const struct {
        uint8_t fci[12];
        size_t len;
        int want;
    } rows[] = {
        {"REMB\0\0\0\0", 8, 0},
        {"REMX\0\0\0\0", 8, E_UNSUPPORTED},
        {"REM", 3, E_UNSUPPORTED},
        {"REMB\0\0\0", 7, E_MALFORMED},
        {"REMB\1\0\0\0", 8, E_MALFORMED},        /* no SSRC */
        {"REMB\1\0\0\0\0\0\0", 11, E_MALFORMED}, /* part of one */
        {"REMB\0\xFC\0\1", 8, 0},                /* 1 << 63 */
        {"REMB\0\xFC\0\2", 8, E_MALFORMED},      /* past 64 bits */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_fb fb = fb_of(rows[i].fci, rows[i].len);
        struct rtcp_remb remb;

        int err = rtcp_fb_parse_remb(&remb, &fb);
        if (err != rows[i].want)
            fail_msg("row %zu: %d", i, err);
    }
}

static void a_remb_of_too_many_streams_is_refused(void **state)
{
    static uint8_t fci[8 + 4 * (MAX_REMB_SSRCS + 1)] = "REMB";
    struct rtcp_fb fb = fb_of(fci, sizeof(fci));
    struct rtcp_remb remb;

    (void)state;
    fci[4] = MAX_REMB_SSRCS;
    assert_int_equal(rtcp_fb_parse_remb(&remb, &fb), 0);
    fci[4] = MAX_REMB_SSRCS + 1;
    assert_int_equal(rtcp_fb_parse_remb(&remb, &fb), E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nack_is_written_in_items),
        cmocka_unit_test(a_nack_goes_across_the_wrap),
        cmocka_unit_test(a_nack_is_read_in_order),
        cmocka_unit_test(a_nack_is_bounded),
        cmocka_unit_test(a_pli_is_written),
        cmocka_unit_test(a_fir_is_written_and_read),
        cmocka_unit_test(a_fir_is_bounded),
        cmocka_unit_test(a_remb_is_written_and_read),
        cmocka_unit_test(bitrates_keep_18_bits),
        cmocka_unit_test(rembs_that_make_no_sense_are_refused),
        cmocka_unit_test(a_remb_of_too_many_streams_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
