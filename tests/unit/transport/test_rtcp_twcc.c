/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/err.h"
#include "transport/rtcp_twcc.h"

/* One a test program: they are large. */
static struct rtcp_twcc_builder builder;
static struct rtcp_twcc parsed;

static int parse(const uint8_t *fci, size_t len)
{
    struct rtcp_fb fb = {.fmt = RTCP_RTPFB_TWCC, .fci = fci, .fci_bytes = len};

    return rtcp_twcc_parse(&parsed, &fb);
}

/* Write the builder's packet and parse it again; returns its bytes. */
static size_t read_back(uint8_t *out, size_t size)
{
    struct writer w = writer_of(out, size);
    struct rtcp_packet p;

    rtcp_twcc_write(&builder, &w, 1, 2, 7);
    assert_false(w.failed);
    struct rtcp_reader r = rtcp_reader_of(out, writer_len(&w));
    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_RTPFB);
    assert_int_equal(p.fb.fmt, RTCP_RTPFB_TWCC);
    assert_int_equal(rtcp_twcc_parse(&parsed, &p.fb), 0);
    return writer_len(&w);
}

static void feedback_is_written_byte_for_byte(void **state)
{
    static const uint8_t want[] = {
        0x8F, 0xCD, 0x00, 0x06, 0,    0,    0,    1,    0, 0, 0, 2, /* RTPFB, FMT 15 */
        0x00, 0x0A, 0x00, 0x05, 0x00, 0x00, 0x05, 0x07, /* from 10, five packets, 320 ms, the 7th */
        0xD4, 0xA0,                                     /* 1 1 . 2 2, in two bits each */
        0x00, 0x04, 0x01, 0x90, 0xFF, 0xF8,             /* 0, 1 ms; 100 ms, -2 ms */
    };
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof(out));

    (void)state;
    rtcp_twcc_start(&builder, 10, 320000);
    assert_true(rtcp_twcc_add(&builder, 10, 320000));
    assert_true(rtcp_twcc_add(&builder, 11, 321000));
    assert_true(rtcp_twcc_add(&builder, 13, 421000));
    assert_true(rtcp_twcc_add(&builder, 14, 419000));
    assert_int_equal(rtcp_twcc_next_seq(&builder), 15);
    rtcp_twcc_write(&builder, &w, 1, 2, 7);
    assert_false(w.failed);
    assert_int_equal(writer_len(&w), sizeof(want));
    assert_memory_equal(out, want, sizeof(want));
}

static void feedback_is_read(void **state)
{
    /* from 65535, 17 packets, reference -2; 14 symbols of 1 bit, then a run that says more than there are */
    static const uint8_t fci[] = {0xFF, 0xFF, 0x00, 0x11, 0xFF, 0xFF, 0xFE, 0x09, 0xA0, 0x01, 0x5F,
                                  0xFF, 5,    255,  0x7F, 0xFF, 0x80, 0,    0,    1,    0,    0};

    (void)state;
    assert_int_equal(parse(fci, sizeof(fci)), 0);
    assert_int_equal(parsed.n, 17);
    assert_int_equal(parsed.reference, -2);
    assert_int_equal(parsed.feedback_seq, 9);
    static const struct rtcp_twcc_status want[] = {
        {65535, 5, true}, {12, 255, true}, {13, 32767, true}, {14, -32768, true}, {15, 1, true}};
    for (size_t i = 0, k = 0; i < parsed.n; i++) {
        const struct rtcp_twcc_status *s = &parsed.at[i];

        assert_int_equal(s->seq, (uint16_t)(65535 + i));
        if (!s->received) {
            assert_int_equal(s->delta, 0);
            continue;
        }
        assert_int_equal(s->seq, want[k].seq);
        assert_int_equal(s->delta, want[k].delta);
        k++;
    }
}

static void chunks_are_chosen(void **state)
{
    static const struct {
        const char *symbols; /* '.' lost, 's' small, 'L' large */
        uint16_t chunks[4];
        size_t n;
    } rows[] = {
        {"s", {0x2001}, 1},
        {"ssssssssssssssssssss", {0x2014}, 1},
        {"LLLLLLLL", {0x4008}, 1},
        {"s.s", {0xD100}, 1},
        {"ssssssL", {0xD556}, 1},
        {"s.ssssss", {0xAFC0}, 1},                /* eight small ones: one bit each */
        {"s.sssss.s.sss", {0xAFAE}, 1},           /* thirteen */
        {"s.sssss.s.sssss", {0xAFAF, 0x2001}, 2}, /* and a fifteenth */
        {"s.sssssssL", {0xD155, 0xD600}, 2},      /* a large one splits them */
        {"LsL.sLsL", {0xE619, 0x4001}, 2},        /* never more than seven with a large one */
        {"sssssssss.s", {0xBFE8 /* 111111111 0 1 */}, 1}, /* a run that goes on as a vector */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t t_us = 64000 * 3;
        uint8_t out[128];

        rtcp_twcc_start(&builder, 0, t_us);
        for (uint16_t k = 0; rows[i].symbols[k] != '\0'; k++) {
            t_us += rows[i].symbols[k] == 'L' ? 70000 : 0;
            if (rows[i].symbols[k] != '.')
                assert_true(rtcp_twcc_add(&builder, k, t_us));
        }
        read_back(out, sizeof(out));
        for (size_t k = 0; k < rows[i].n; k++) {
            uint16_t chunk = wire_get_u16(out + 20 + 2 * k);
            if (chunk != rows[i].chunks[k])
                fail_msg("%s: chunk %zu is %04x", rows[i].symbols, k, chunk);
        }
        assert_int_equal(parsed.n, strlen(rows[i].symbols));
        for (size_t k = 0; k < parsed.n; k++)
            assert_int_equal(parsed.at[k].received, rows[i].symbols[k] != '.');
    }
}

static void long_gaps_are_runs(void **state)
{
    static const uint8_t chunks[] = {0xA0, 0x00, 0x00,
                                     0x57, 0x20, 0x01}; /* 1 and 13 lost, 87 lost, 1 */
    uint8_t out[64];

    (void)state;
    rtcp_twcc_start(&builder, 1000, 0);
    assert_true(rtcp_twcc_add(&builder, 1000, 0));
    assert_true(rtcp_twcc_add(&builder, 1101, 250));
    assert_int_equal(read_back(out, sizeof(out)), 28);
    assert_memory_equal(out + 20, chunks, sizeof(chunks));
    assert_int_equal(parsed.n, 102);
    assert_false(parsed.at[100].received);
    assert_int_equal(parsed.at[101].delta, 1);
}

static void malformed_feedback_is_refused(void **state)
{
    static const struct {
        const char *what;
        uint8_t fci[16];
        size_t len;
        int want;
    } rows[] = {
        {"one packet", {0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 5}, 11, 0},
        {"one packet, padded", {0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 5, 0}, 12, 0},
        {"a head cut short", {0, 1, 0, 1, 0, 0, 0}, 7, E_MALFORMED},
        {"no packets", {0, 1, 0, 0, 0, 0, 0, 0, 0x20, 1, 5}, 11, E_MALFORMED},
        {"no chunk", {0, 1, 0, 1, 0, 0, 0, 0}, 8, E_MALFORMED},
        {"half a chunk", {0, 1, 0, 1, 0, 0, 0, 0, 0x20}, 9, E_MALFORMED},
        {"chunks for half of them", {0, 1, 0, 2, 0, 0, 0, 0, 0x20, 1}, 10, E_MALFORMED},
        {"runs of nothing", {0, 1, 0, 1, 0, 0, 0, 0, 0x20, 0, 0x20, 0}, 12, E_MALFORMED},
        {"no delta", {0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1}, 10, E_MALFORMED},
        {"half a large delta", {0, 1, 0, 1, 0, 0, 0, 0, 0x40, 1, 5}, 11, E_MALFORMED},
        {"the reserved symbol", {0, 1, 0, 1, 0, 0, 0, 0, 0x60, 1, 5, 5}, 12, E_MALFORMED},
        {"all lost", {0, 1, 0, 1, 0, 0, 0, 0, 0x00, 1}, 10, 0},
        {"more than we take", {0, 1, 0xFF, 0xFF, 0, 0, 0, 0, 0x1F, 0xFF}, 10, E_LIMIT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int err = parse(rows[i].fci, rows[i].len);
        if (err != rows[i].want)
            fail_msg("%s: %d", rows[i].what, err);
    }
}

static void a_packet_refuses_what_it_cannot_hold(void **state)
{
    uint8_t out[MAX_TWCC_FEEDBACK_BYTES];

    (void)state;
    rtcp_twcc_start(&builder, 0, 0);
    assert_true(rtcp_twcc_add(&builder, 0, 0));
    assert_false(rtcp_twcc_add(&builder, 1, 8200000));              /* past 32767 ticks */
    assert_false(rtcp_twcc_add(&builder, MAX_TWCC_STATUSES, 1000)); /* one status too many */
    assert_true(rtcp_twcc_add(&builder, MAX_TWCC_STATUSES - 1, 1000));
    assert_false(rtcp_twcc_add(&builder, MAX_TWCC_STATUSES, 1000));
    read_back(out, sizeof(out));
    assert_int_equal(parsed.n, MAX_TWCC_STATUSES);
    assert_true(parsed.at[MAX_TWCC_STATUSES - 1].received);
}

static void arrivals_come_back_through_many_packets(void **state)
{
    uint32_t rng = 12345;
    uint16_t seq = 65000; /* across the wrap */
    uint64_t t_us = 1000000;
    struct arrival {
        uint16_t seq;
        int64_t tick;
    } sent[3000];
    uint8_t out[MAX_TWCC_FEEDBACK_BYTES];
    size_t n = 0, packets = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        rng = rng * 1664525u + 1013904223u;
        seq = (uint16_t)(seq + 1 + ((rng >> 24) < 40 ? (rng >> 8) % 30 : 0));
        t_us += (rng >> 28) == 0 ? 90000 : (rng >> 12) % 2000;
        sent[i] =
            (struct arrival){seq, (int64_t)((t_us - (rng >> 27 == 7 ? 5000 : 0) + 125) / 250)};
    }
    while (n < ARRAY_LEN(sent)) {
        size_t first = n;

        rtcp_twcc_start(&builder, sent[n].seq, (uint64_t)sent[n].tick * 250);
        while (n < ARRAY_LEN(sent) &&
               rtcp_twcc_add(&builder, sent[n].seq, (uint64_t)sent[n].tick * 250))
            n++;
        assert_true(n > first);
        assert_true(read_back(out, sizeof(out)) <= MAX_TWCC_FEEDBACK_BYTES);
        packets++;

        int64_t tick = (int64_t)parsed.reference * 256;
        size_t k = first;
        for (size_t i = 0; i < parsed.n; i++) {
            if (!parsed.at[i].received)
                continue;
            tick += parsed.at[i].delta;
            assert_int_equal(parsed.at[i].seq, sent[k].seq);
            assert_true(tick == sent[k].tick);
            k++;
        }
        assert_int_equal(k, n);
    }
    assert_true(packets > 2 && packets < 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feedback_is_written_byte_for_byte),
        cmocka_unit_test(feedback_is_read),
        cmocka_unit_test(chunks_are_chosen),
        cmocka_unit_test(long_gaps_are_runs),
        cmocka_unit_test(malformed_feedback_is_refused),
        cmocka_unit_test(a_packet_refuses_what_it_cannot_hold),
        cmocka_unit_test(arrivals_come_back_through_many_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
