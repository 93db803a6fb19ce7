/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "transport/rtcp.h"

/* RFC 3550 s6.4.1, one block: 3 packets too many of 0x0A0B0C0D */
static const uint8_t sr_bytes[] = {
    0x81, 0xC8, 0x00, 0x0C, 0x11, 0x22, 0x33, 0x44, /* length 12: 13 words */
    0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, /* NTP */
    0x01, 0x02, 0x03, 0x04, 0x00, 0x00, 0x10, 0x00, /* RTP, packets */
    0x00, 0x20, 0x00, 0x00,                         /* octets */
    0x0A, 0x0B, 0x0C, 0x0D, 0x40, 0xFF, 0xFF, 0xFD, /* block: SSRC, a quarter lost, -3 in all */
    0x00, 0x02, 0x12, 0x34, 0x00, 0x00, 0x00, 0x2A, /* highest, jitter */
    0xE3, 0xE4, 0xE5, 0xE6, 0x00, 0x01, 0x80, 0x00, /* LSR, DLSR 1.5 s */
};
static const struct rtcp_sender_info sender = {0x11223344, 0xE1E2E3E4E5E6E7E8, 0x01020304, 0x1000,
                                               0x200000};
static const struct rtcp_block block = {.ssrc = 0x0A0B0C0D,
                                        .fraction_lost = 0x40,
                                        .cumulative_lost = -3,
                                        .highest_seq_ext = 0x21234,
                                        .jitter_ts = 42,
                                        .lsr = 0xE3E4E5E6,
                                        .dlsr = 0x18000};

static const uint8_t rr_bytes[] = {0x80, 0xC9, 0x00, 0x01, 0x11, 0x22, 0x33, 0x44};
static const uint8_t sdes_bytes[] = {0x81, 0xCA, 0x00, 0x03, 0x11, 0x22, 0x33, 0x44,
                                     0x01, 0x03, 'a',  'b',  'c',  0,    0,    0};
static const uint8_t bye_bytes[] = {0x82, 0xCB, 0x00, 0x02, 0, 0, 0, 1, 0, 0, 0, 2};

static void expect_bytes(const struct writer *w, const uint8_t *want, size_t len)
{
    assert_false(w->failed);
    assert_int_equal(writer_len(w), len);
    assert_memory_equal(w->start, want, len);
}

static void expect_block(const struct rtcp_block *b)
{
    assert_int_equal(b->ssrc, block.ssrc);
    assert_int_equal(b->fraction_lost, block.fraction_lost);
    assert_int_equal(b->cumulative_lost, block.cumulative_lost);
    assert_int_equal(b->highest_seq_ext, block.highest_seq_ext);
    assert_int_equal(b->jitter_ts, block.jitter_ts);
    assert_int_equal(b->lsr, block.lsr);
    assert_int_equal(b->dlsr, block.dlsr);
}

static bool read_one(struct rtcp_packet *out, const uint8_t *bytes, size_t len)
{
    struct rtcp_reader r = rtcp_reader_of(bytes, len);
    bool ok = rtcp_next(&r, out);

    assert_int_equal(ok, !r.failed);
    return ok;
}

static void packets_are_written_byte_for_byte(void **state)
{
    static const uint32_t leaving[] = {1, 2};
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_write_sr(&w, &sender, &block, 1);
    expect_bytes(&w, sr_bytes, sizeof(sr_bytes));
    w = writer_of(out, sizeof(out));
    rtcp_write_rr(&w, 0x11223344, NULL, 0);
    expect_bytes(&w, rr_bytes, sizeof(rr_bytes));
    w = writer_of(out, sizeof(out));
    rtcp_write_sdes_cname(&w, 0x11223344, STR("abc"));
    expect_bytes(&w, sdes_bytes, sizeof(sdes_bytes));
    w = writer_of(out, sizeof(out));
    rtcp_write_bye(&w, leaving, 2);
    expect_bytes(&w, bye_bytes, sizeof(bye_bytes));
}

static void a_receiver_report_carries_its_blocks(void **state)
{
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_write_rr(&w, 0x11223344, &block, 1);
    assert_int_equal(writer_len(&w), 32);
    assert_memory_equal(out, "\x81\xC9\x00\x07\x11\x22\x33\x44", 8);
    assert_memory_equal(out + 8, sr_bytes + 28, 24);
}

static void chunks_end_on_a_word_with_a_zero_at_least(void **state)
{
    static const struct {
        const char *cname;
        size_t bytes;
    } rows[] = {{"", 12}, {"a", 12}, {"ab", 16}, {"abcde", 16}, {"abcdef", 20}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t out[32];
        struct writer w = writer_of(out, sizeof(out));
        struct rtcp_packet p;

        rtcp_write_sdes_cname(&w, 7, str_of(rows[i].cname));
        if (writer_len(&w) != rows[i].bytes)
            fail_msg("row %zu: %zu bytes", i, writer_len(&w));
        assert_true(read_one(&p, out, writer_len(&w)));
        assert_int_equal(p.sdes.n, 1);
        assert_true(str_eq_c(p.sdes.at[0].cname, rows[i].cname));
    }
}

static void a_packet_that_does_not_fit_is_not_begun(void **state)
{
    uint8_t out[sizeof(rr_bytes) + sizeof(sdes_bytes) - 1];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_write_rr(&w, 0x11223344, NULL, 0);
    rtcp_write_sdes_cname(&w, 0x11223344, STR("abc"));
    assert_true(w.failed);
    assert_int_equal(writer_len(&w), sizeof(rr_bytes)); /* the first stands */
    assert_memory_equal(out, rr_bytes, sizeof(rr_bytes));
}

static void lost_packets_are_clamped_to_24_bits(void **state)
{
    static const struct {
        int32_t lost, want;
    } rows[] = {{0, 0},   {0x7FFFFF, 0x7FFFFF},   {0x800000, 0x7FFFFF},   {INT32_MAX, 0x7FFFFF},
                {-1, -1}, {-0x800000, -0x800000}, {-0x800001, -0x800000}, {INT32_MIN, -0x800000}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_block b = {.ssrc = 1, .cumulative_lost = rows[i].lost};
        struct rtcp_packet p;
        uint8_t out[64];
        struct writer w = writer_of(out, sizeof(out));

        rtcp_write_rr(&w, 1, &b, 1);
        assert_true(read_one(&p, out, writer_len(&w)));
        if (p.rr.blocks.at[0].cumulative_lost != rows[i].want)
            fail_msg("row %zu: %d", i, p.rr.blocks.at[0].cumulative_lost);
    }
}

static void a_compound_is_walked(void **state)
{
    static const uint8_t app[] = {0x80, 0xCC, 0x00, 0x02, 0, 0, 0, 9, 'n', 'a', 'm', 'e'};
    static const uint8_t nack[] = {0x81, 0xCD, 0x00, 0x03, 0, 0, 0, 1, 0, 0, 0, 2, 0, 5, 0, 0};
    static const uint8_t pli[] = {0x81, 0xCE, 0x00, 0x02, 0, 0, 0, 3, 0, 0, 0, 4};
    uint8_t bytes[256];
    struct writer w = writer_of(bytes, sizeof(bytes));
    struct rtcp_packet p;

    (void)state;
    writer_bytes(&w, sr_bytes, sizeof(sr_bytes));
    writer_bytes(&w, sdes_bytes, sizeof(sdes_bytes));
    writer_bytes(&w, app, sizeof(app));
    writer_bytes(&w, nack, sizeof(nack));
    writer_bytes(&w, pli, sizeof(pli));
    writer_bytes(&w, bye_bytes, sizeof(bye_bytes));
    struct rtcp_reader r = rtcp_reader_of(bytes, writer_len(&w));

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_SR);
    assert_int_equal(p.sr.sender.ssrc, sender.ssrc);
    assert_true(p.sr.sender.ntp == sender.ntp);
    assert_int_equal(p.sr.sender.rtp_ts, sender.rtp_ts);
    assert_int_equal(p.sr.sender.packets, sender.packets);
    assert_int_equal(p.sr.sender.octets, sender.octets);
    assert_int_equal(p.sr.blocks.n, 1);
    expect_block(&p.sr.blocks.at[0]);

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_SDES);
    assert_int_equal(p.sdes.at[0].ssrc, 0x11223344);
    assert_true(str_eq_c(p.sdes.at[0].cname, "abc"));

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_OTHER);
    assert_int_equal(p.pt, 204);

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_RTPFB);
    assert_int_equal(p.fb.fmt, RTCP_RTPFB_NACK);
    assert_int_equal(p.fb.sender_ssrc, 1);
    assert_int_equal(p.fb.media_ssrc, 2);
    assert_int_equal(p.fb.fci_bytes, 4);
    assert_memory_equal(p.fb.fci, "\0\5\0\0", 4);

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_PSFB);
    assert_int_equal(p.fb.fmt, RTCP_PSFB_PLI);
    assert_int_equal(p.fb.media_ssrc, 4);
    assert_int_equal(p.fb.fci_bytes, 0);

    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_BYE);
    assert_int_equal(p.bye.n, 2);
    assert_int_equal(p.bye.ssrc[1], 2);

    assert_false(rtcp_next(&r, &p));
    assert_false(r.failed);
}

static void sdes_items_other_than_the_name_are_passed_over(void **state)
{
    static const uint8_t bytes[] = {
        0x83, 0xCA, 0x00, 0x08, 0, 0, 0,   1, 2, 1, 'n', 1, /* NAME, then CNAME */
        1,    'c',  0,    0,    0, 0, 0,   2, 0, 0, 0,   0, /* no item at all */
        0,    0,    0,    3,    1, 1, 'x', 0, 0, 0, 0,   0,
    };
    struct rtcp_packet p;

    (void)state;
    assert_true(read_one(&p, bytes, sizeof(bytes)));
    assert_int_equal(p.sdes.n, 3);
    assert_true(str_eq_c(p.sdes.at[0].cname, "c"));
    assert_int_equal(p.sdes.at[1].ssrc, 2);
    assert_int_equal(p.sdes.at[1].cname.len, 0);
    assert_int_equal(p.sdes.at[2].ssrc, 3);
    assert_true(str_eq_c(p.sdes.at[2].cname, "x"));
}

static void single_packets_are_accepted_or_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[24];
        size_t len;
        bool ok;
    } rows[] = {
        {"an empty RR", {0x80, 0xC9, 0, 1, 1, 2, 3, 4}, 8, true},
        {"version 1", {0x40, 0xC9, 0, 1, 1, 2, 3, 4}, 8, false},
        {"half a header", {0x80, 0xC9, 0}, 3, false},
        {"a length past the end", {0x80, 0xC9, 0, 2, 1, 2, 3, 4}, 8, false},
        {"an RR without its SSRC", {0x80, 0xC9, 0, 0}, 4, false},
        {"an RR without its block", {0x81, 0xC9, 0, 1, 1, 2, 3, 4}, 8, false},
        {"an RR with a profile's extension", {0x80, 0xC9, 0, 2, 1, 2, 3, 4, 5, 5, 5, 5}, 12, true},
        {"padding", {0xA0, 0xC9, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4}, 12, true},
        {"padding of two words", {0xA0, 0xC9, 0, 3, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 8}, 16, true},
        {"padding into the SSRC", {0xA0, 0xC9, 0, 2, 1, 2, 3, 4, 0, 0, 0, 8}, 12, false},
        {"padding past the body", {0xA0, 0xC9, 0, 2, 1, 2, 3, 4, 0, 0, 0, 12}, 12, false},
        {"padding of 0", {0xA0, 0xC9, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0}, 12, false},
        {"padding of no whole word, as of Chromium",
         {0xA0, 0xC9, 0, 2, 1, 2, 3, 4, 0, 0, 0, 3},
         12,
         true},
        {"the padding bit without a body", {0xA0, 0xCC, 0, 0}, 4, false},
        {"SDES of no chunks", {0x80, 0xCA, 0, 0}, 4, true},
        {"SDES without an end", {0x81, 0xCA, 0, 2, 0, 0, 0, 1, 1, 2, 'a', 'b'}, 12, false},
        {"an SDES item past the end", {0x81, 0xCA, 0, 2, 0, 0, 0, 1, 1, 9, 'a', 0}, 12, false},
        {"SDES with a chunk too few", {0x82, 0xCA, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0}, 12, false},
        {"BYE with a reason", {0x81, 0xCB, 0, 2, 0, 0, 0, 1, 2, 'b', 'y', 0}, 12, true},
        {"BYE of nobody", {0x80, 0xCB, 0, 0}, 4, true},
        {"BYE with an SSRC too few", {0x82, 0xCB, 0, 1, 0, 0, 0, 1}, 8, false},
        {"feedback without its media SSRC", {0x81, 0xCE, 0, 1, 0, 0, 0, 1}, 8, false},
        {"XR", {0x80, 0xCF, 0, 1, 0, 0, 0, 1}, 8, true},
        {"a type that nobody knows", {0x80, 0xDF, 0, 0}, 4, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rtcp_packet p;
        if (read_one(&p, rows[i].bytes, rows[i].len) != rows[i].ok)
            fail_msg("%s", rows[i].what);
    }
}

static void a_failure_stays(void **state)
{
    uint8_t bytes[sizeof(rr_bytes) + 4 + sizeof(rr_bytes)];
    struct rtcp_packet p;

    (void)state;
    memcpy(bytes, rr_bytes, sizeof(rr_bytes));
    memcpy(bytes + sizeof(rr_bytes), "\x81\xCB\x00\x00", 4);
    memcpy(bytes + sizeof(rr_bytes) + 4, rr_bytes, sizeof(rr_bytes));
    struct rtcp_reader r = rtcp_reader_of(bytes, sizeof(bytes));
    assert_true(rtcp_next(&r, &p)); /* what stands in front of the fault was read */
    assert_false(rtcp_next(&r, &p));
    assert_true(r.failed);
    assert_false(rtcp_next(&r, &p));
    assert_true(r.failed);
}

static void too_many_packets_are_refused(void **state)
{
    uint8_t bytes[(MAX_RTCP_PACKETS + 1) * 4];
    struct rtcp_packet p;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i += 4)
        memcpy(bytes + i, "\x80\xCB\x00\x00", 4);
    struct rtcp_reader r = rtcp_reader_of(bytes, sizeof(bytes));
    for (size_t i = 0; i < MAX_RTCP_PACKETS; i++)
        assert_true(rtcp_next(&r, &p));
    assert_false(rtcp_next(&r, &p));
    assert_true(r.failed);
}

static void as_many_blocks_as_the_count_can_say(void **state)
{
    static struct rtcp_block blocks[MAX_RTCP_BLOCKS];
    static struct rtcp_packet p;
    uint8_t out[1000];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    for (size_t i = 0; i < MAX_RTCP_BLOCKS; i++)
        blocks[i].ssrc = (uint32_t)i;
    rtcp_write_sr(&w, &sender, blocks, MAX_RTCP_BLOCKS);
    assert_true(read_one(&p, out, writer_len(&w)));
    assert_int_equal(p.sr.blocks.n, MAX_RTCP_BLOCKS);
    assert_int_equal(p.sr.blocks.at[30].ssrc, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_written_byte_for_byte),
        cmocka_unit_test(a_receiver_report_carries_its_blocks),
        cmocka_unit_test(chunks_end_on_a_word_with_a_zero_at_least),
        cmocka_unit_test(a_packet_that_does_not_fit_is_not_begun),
        cmocka_unit_test(lost_packets_are_clamped_to_24_bits),
        cmocka_unit_test(a_compound_is_walked),
        cmocka_unit_test(sdes_items_other_than_the_name_are_passed_over),
        cmocka_unit_test(single_packets_are_accepted_or_refused),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(too_many_packets_are_refused),
        cmocka_unit_test(as_many_blocks_as_the_count_can_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
