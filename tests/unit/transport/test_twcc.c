/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/seq.h"
#include "transport/rtcp_twcc.h"
#include "transport/twcc.h"

#define NUMBERS 65536 /* one cycle: tests look arrivals up by their number on the wire */
#define US_PER_S 1000000ull

static struct twcc *twcc;
static uint64_t now_us;

/* What was said of each number since clear_said(). */
static struct said {
    bool received;
    unsigned lost, times; /* statuses of either kind, of receptions */
    int64_t at_us;        /* in whole ticks */
} said[NUMBERS];
static unsigned packets_written;
static size_t bytes_written;
static int feedback_seq;

static int set_up(void **state)
{
    (void)state;
    now_us = 7 * US_PER_S;
    feedback_seq = -1;
    memset(said, 0, sizeof(said));
    packets_written = 0;
    bytes_written = 0;
    twcc = twcc_new();
    return twcc == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    twcc_free(&twcc);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void start_anew(void)
{
    assert_int_equal(tear_down(NULL), 0);
    assert_int_equal(set_up(NULL), 0);
}

/* The reference has 24 bits; it is not far from now. */
static int64_t reference_us(int32_t reference)
{
    int64_t near = (int64_t)(now_us / TWCC_REFERENCE_US) + 1; /* ticks are rounded up too */
    int64_t behind = (near - reference) & 0xFFFFFF;

    return (near - behind) * TWCC_REFERENCE_US;
}

static void note(const struct rtcp_twcc *f)
{
    int64_t at_us = reference_us(f->reference);

    for (size_t i = 0; i < f->n; i++) {
        struct said *s = &said[f->at[i].seq];
        if (!f->at[i].received) {
            s->lost++;
            continue;
        }
        at_us += f->at[i].delta * TWCC_TICK_US;
        if (s->received)
            assert_int_equal(s->at_us, at_us);
        s->received = true;
        s->times++;
        s->at_us = at_us;
    }
}

static void read_feedback(const uint8_t *buf, size_t len)
{
    static struct rtcp_twcc f;
    struct rtcp_reader r = rtcp_reader_of(buf, len);
    struct rtcp_packet p;

    assert_true(len <= MAX_TWCC_FEEDBACK_BYTES);
    assert_true(rtcp_next(&r, &p));
    assert_int_equal(p.type, RTCP_RTPFB);
    assert_int_equal(p.fb.fmt, RTCP_RTPFB_TWCC);
    assert_int_equal(p.fb.sender_ssrc, 11);
    assert_int_equal(p.fb.media_ssrc, 22);
    assert_int_equal(rtcp_twcc_parse(&f, &p.fb), 0);
    feedback_seq = (feedback_seq + 1) & 0xFF;
    assert_int_equal(f.feedback_seq, feedback_seq);
    note(&f);
}

static void write_all(void)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];

    for (;;) {
        struct writer w = writer_of(buf, sizeof(buf));
        if (!twcc_write(twcc, &w, 11, 22, now_us))
            break;
        assert_false(w.failed);
        read_feedback(buf, writer_len(&w));
        packets_written++;
        bytes_written += writer_len(&w);
    }
    assert_int_equal(twcc_due_us(twcc), UINT64_MAX);
}

static void write_if_due(void)
{
    if (twcc_due_us(twcc) <= now_us)
        write_all();
}

static void add(uint16_t seq)
{
    twcc_add(twcc, seq, 1200, now_us, now_us);
}

static void add_many(const uint16_t *seq, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add(seq[i]);
}

#define ADD(...)                              \
    add_many((const uint16_t[]){__VA_ARGS__}, \
             sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

/* 'r' received, 'l' lost, 'b' first lost and then received, '-' nothing said. */
static void expect_said(uint16_t from, const char *what)
{
    for (uint16_t seq = from; *what != '\0'; seq++, what++) {
        const struct said *s = &said[seq];
        char is = s->received && s->lost ? 'b' : s->received ? 'r' : s->lost ? 'l' : '-';
        if (is != *what)
            fail_msg("number %u: '%c', not '%c'", seq, is, *what);
    }
}

/* --- what is told ------------------------------------------------------------------------------------ */

static void gaps_are_lost_and_order_does_not_matter(void **state)
{
    (void)state;
    ADD(10, 11, 14, 13, 17);
    write_all();
    expect_said(8, "--rrlrrllr-");
    assert_int_equal(packets_written, 1);
}

static void the_next_feedback_goes_on_where_the_last_one_ended(void **state)
{
    (void)state;
    ADD(65533, 65534);
    write_all();
    ADD(1, 2); /* 65535 and 0 are lost */
    write_all();
    expect_said(65532, "-rrllrr-");
    assert_int_equal(said[65534].times, 1);
    assert_int_equal(packets_written, 2);
    write_all();
    assert_int_equal(packets_written, 2);
}

static void a_late_packet_is_told_of_though_it_was_called_lost(void **state)
{
    (void)state;
    ADD(20, 21, 24, 25);
    write_all();
    now_us += 100000;
    ADD(22, 26);
    write_all();
    expect_said(19, "-rrblrrr-");
    assert_int_equal(said[22].at_us, now_us);
    assert_int_equal(said[21].times, 1);
    assert_int_equal(said[24].times, 2); /* behind it, so again */
}

static void packets_before_the_first_one_count(void **state)
{
    (void)state;
    ADD(5, 3);
    write_all();
    expect_said(2, "-rlr-");
    ADD(1); /* even after the first feedback */
    write_all();
    expect_said(0, "-rlrlr-");
}

static void duplicates_are_ignored(void **state)
{
    (void)state;
    ADD(1, 2);
    now_us += 30000;
    ADD(2, 1);
    write_all();
    expect_said(0, "-rr-");
    assert_int_equal(said[2].at_us, now_us - 30000);
    ADD(1, 2);
    assert_int_equal(twcc_due_us(twcc), UINT64_MAX);
}

static void what_is_forgotten_stays_told(void **state)
{
    (void)state;
    ADD(1, 4);
    write_all();
    now_us += 600000;
    ADD(5, 2, 1);
    write_all();
    expect_said(0, "-rllrr-");
    assert_int_equal(said[1].times, 1);
}

/* --- jumps ------------------------------------------------------------------------------------------- */

static void a_long_gap_is_told_as_far_as_one_feedback_goes(void **state)
{
    unsigned lost = 0;

    (void)state;
    ADD(100, 8100, 8101);
    write_all();
    assert_int_equal(packets_written, 3);
    expect_said(100, "r-");
    expect_said(8099, "lrr-");
    for (size_t i = 0; i < NUMBERS; i++)
        lost += said[i].lost;
    assert_int_equal(lost, MAX_TWCC_STATUSES - 1);
}

static void half_a_cycle_ahead_is_ahead(void **state)
{
    (void)state;
    ADD(0, 32767, 65534);
    write_all();
    assert_int_equal(packets_written, 3);
    assert_true(said[0].received && said[32767].received && said[65534].received);
}

static void numbers_that_start_anew_are_believed_after_a_while(void **state)
{
    (void)state;
    ADD(30000);
    write_all();
    for (uint16_t seq = 10000; seq < 10063; seq++)
        add(seq);
    assert_int_equal(twcc_due_us(twcc), UINT64_MAX);
    add(10063);
    add(10064);
    write_all();
    expect_said(10062, "-rr-");
    for (size_t i = 10065; i < 30000; i++)
        assert_int_equal(said[i].lost, 0);
}

static void single_old_packets_do_not_start_anew(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 1000; i++) {
        add((uint16_t)(30000 + i));
        add(10000);
        write_if_due();
        now_us += 1000;
    }
    write_all();
    assert_false(said[10000].received);
    for (size_t i = 30000; i < 31000; i++)
        assert_true(said[i].received && said[i].lost == 0);
}

/* --- bounds ------------------------------------------------------------------------------------------ */

static void a_full_log_is_due_at_once(void **state)
{
    (void)state;
    for (uint16_t seq = 0; seq < MAX_TWCC_ARRIVALS; seq++) {
        assert_true(twcc_due_us(twcc) > now_us);
        add(seq);
    }
    assert_int_equal(twcc_due_us(twcc), now_us);
    write_all();
    for (uint16_t seq = 0; seq < MAX_TWCC_ARRIVALS; seq++)
        assert_true(said[seq].received);
}

static void an_overflowing_log_forgets_the_oldest(void **state)
{
    (void)state;
    for (uint16_t seq = 0; seq < 2 * MAX_TWCC_ARRIVALS; seq++)
        add((uint16_t)(2 * seq));
    ADD(0); /* older than all that is there */
    write_all();
    for (uint16_t seq = 0; seq < 2 * MAX_TWCC_ARRIVALS; seq++)
        assert_int_equal(said[2 * seq].received, seq >= MAX_TWCC_ARRIVALS);
    assert_int_equal(said[2 * MAX_TWCC_ARRIVALS - 3].lost, 0);
}

static void packets_in_reverse_are_taken(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 180; i++) {
        add((uint16_t)(5000 - i));
        write_if_due();
    }
    write_all();
    for (uint16_t seq = 5000 - 100; seq <= 5000; seq++)
        assert_true(said[seq].received);
}

static void arrivals_far_apart_are_split(void **state)
{
    (void)state;
    ADD(1);
    now_us += 9 * US_PER_S; /* more than a delta can say */
    ADD(2);
    write_all();
    assert_int_equal(packets_written, 2);
    expect_said(0, "-rr-");
    assert_int_equal(said[2].at_us - said[1].at_us, 9 * US_PER_S);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    mem_fail_nth(1);
    struct twcc *none = twcc_new();
    mem_fail_nth(0);
    assert_null(none);
    twcc_free(&none);
}

/* --- when -------------------------------------------------------------------------------------------- */

static void feedback_takes_a_twentieth_of_the_rate(void **state)
{
    static const struct {
        uint64_t packet_us;
        size_t bytes;
        uint64_t min_interval_us, max_interval_us;
    } rows[] = {
        {20000, 100, 250000, 290000}, /* 40 kbit/s */
        {20000, 220, 210000, 252000}, /* 88 kbit/s */
        {10000, 300, 60000, 100000},  /* 240 kbit/s */
        {4000, 1200, 50000, 56100},   /* 2.4 Mbit/s */
        {400, 1200, 50000, 50500},    /* 24 Mbit/s */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t start_us = 0;
        uint16_t seq = 0;
        start_anew();
        for (start_us = now_us; now_us < start_us + 10 * US_PER_S; now_us += rows[i].packet_us) {
            twcc_add(twcc, seq++, rows[i].bytes, now_us, now_us);
            if (now_us == start_us)
                assert_int_equal(twcc_due_us(twcc), now_us + TWCC_FIRST_INTERVAL_US);
            if (now_us < start_us + 2 * US_PER_S) /* the rate is of the last second */
                packets_written = 0;
            write_if_due();
        }
        uint64_t interval_us = 8 * US_PER_S / packets_written;
        if (interval_us < rows[i].min_interval_us || interval_us > rows[i].max_interval_us)
            fail_msg("row %zu: one in %llu us", i, (unsigned long long)interval_us);
    }
}

static void nothing_is_due_without_packets(void **state)
{
    (void)state;
    assert_int_equal(twcc_due_us(twcc), UINT64_MAX);
    ADD(1);
    assert_int_equal(twcc_due_us(twcc), now_us + TWCC_FIRST_INTERVAL_US);
    write_all();
    write_all();
    assert_int_equal(packets_written, 1);
}

/* --- everything at once ------------------------------------------------------------------------------ */

/* A network in which packets are lost, doubled, and late by up to 200 ms, over several cycles of numbers. */
struct sent {
    uint64_t due_us; /* 0: on no way */
    uint16_t seq;
};

static uint64_t truth_us[NUMBERS]; /* of the first copy; 0: none yet */

static void arrive(uint16_t seq)
{
    if (truth_us[seq] == 0)
        truth_us[seq] = now_us;
    twcc_add(twcc, seq, 1000, now_us, now_us);
}

static void deliver(struct sent *way, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (way[i].due_us == 0 || way[i].due_us > now_us)
            continue;
        arrive(way[i].seq);
        way[i].due_us = 0;
    }
}

static void put_on_way(struct sent *way, size_t n, uint16_t seq, uint64_t delay_us)
{
    for (size_t i = 0; i < n; i++) {
        if (way[i].due_us != 0)
            continue;
        way[i] = (struct sent){now_us + delay_us, seq};
        return;
    }
    fail_msg("too much on the way");
}

/* One that is settled: no copy is on the way, its feedback was written. */
static void check_and_clear(uint16_t seq)
{
    const struct said *s = &said[seq];
    int64_t tick_us = (int64_t)((truth_us[seq] + TWCC_TICK_US / 2) / TWCC_TICK_US * TWCC_TICK_US);

    if (s->received != (truth_us[seq] != 0))
        fail_msg("number %u: %s, but told as %s", seq, truth_us[seq] ? "arrived" : "lost",
                 s->received ? "arrived" : "lost");
    if (s->received)
        assert_int_equal(s->at_us, tick_us);
    else
        assert_true(s->lost > 0);
    said[seq] = (struct said){0};
    truth_us[seq] = 0;
}

static void run_network(struct rng *rng, unsigned packets)
{
    static struct sent way[1024];
    unsigned loss_percent = rng_below(rng, 30), late_percent = rng_below(rng, 30);
    uint64_t spacing_us = 500 + rng_below(rng, 15000);
    uint16_t first = (uint16_t)rng_u32(rng);

    memset(way, 0, sizeof(way));
    arrive(first); /* what is lost before the first one nobody knows of */
    for (unsigned i = 1; i < packets; i++) {
        uint16_t seq = (uint16_t)(first + i);
        bool is_last = i == packets - 1; /* and behind the last one */
        if (rng_below(rng, 100) >= loss_percent || is_last)
            put_on_way(way, ARRAY_LEN(way), seq,
                       rng_below(rng, 100) < late_percent && !is_last ? rng_below(rng, 200000) : 0);
        if (rng_below(rng, 100) < 5 && truth_us[seq] != 0)
            put_on_way(way, ARRAY_LEN(way), seq, rng_below(rng, 200000));
        deliver(way, ARRAY_LEN(way));
        write_if_due();
        now_us +=
            rng_below(rng, 20) == 0 ? 0 : spacing_us / 2 + rng_below(rng, (uint32_t)spacing_us);
        if (i >= 20000)
            check_and_clear((uint16_t)(seq - 20000));
    }
    for (int i = 0; i < 100; i++, now_us += 10000) {
        deliver(way, ARRAY_LEN(way));
        write_if_due();
    }
    for (unsigned i = packets > 20000 ? packets - 20000 : 0; i < packets; i++)
        check_and_clear((uint16_t)(first + i));
}

static void feedback_tells_exactly_what_arrived(void **state)
{
    const char *text = getenv("SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 1;
    struct rng rng;

    (void)state;
    print_message("SEED=%llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (int i = 0; i < 20; i++) {
        start_anew();
        run_network(&rng, i == 0 ? 150000 : 2 + rng_below(&rng, 5000));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gaps_are_lost_and_order_does_not_matter),
        TEST(the_next_feedback_goes_on_where_the_last_one_ended),
        TEST(a_late_packet_is_told_of_though_it_was_called_lost),
        TEST(packets_before_the_first_one_count),
        TEST(duplicates_are_ignored),
        TEST(what_is_forgotten_stays_told),
        TEST(a_long_gap_is_told_as_far_as_one_feedback_goes),
        TEST(half_a_cycle_ahead_is_ahead),
        TEST(numbers_that_start_anew_are_believed_after_a_while),
        TEST(single_old_packets_do_not_start_anew),
        TEST(a_full_log_is_due_at_once),
        TEST(an_overflowing_log_forgets_the_oldest),
        TEST(packets_in_reverse_are_taken),
        TEST(arrivals_far_apart_are_split),
        TEST(without_memory_there_is_none),
        TEST(feedback_takes_a_twentieth_of_the_rate),
        TEST(nothing_is_due_without_packets),
        TEST(feedback_tells_exactly_what_arrived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
