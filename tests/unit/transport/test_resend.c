/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/seq.h"
#include "tests/unit/core/seed.h"
#include "transport/resend.h"

#define MS 1000ull
#define START_US 5000000ull
#define RTT_US 80000ull

static struct resend r;
static struct resend_budget budget;

static int set_up(void **state)
{
    (void)state;
    resend_init(&r);
    budget = (struct resend_budget){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    resend_reset(&r);
    return mem_live_blocks() == 0 ? 0 : -1;
}

/* Distances of the other numbers follow those of sequence numbers here, so that they are checked too. */
static struct resend_rewrite rewrite_of(uint16_t out, uint16_t in, uint16_t source)
{
    uint16_t seq = (uint16_t)(out - in);

    return (struct resend_rewrite){
        .ts = source * 100000u,
        .source = source,
        .seq = seq,
        .picture_id = (uint16_t)(seq * 3),
        .frame_number = (uint16_t)(seq * 5),
        .tl0picidx = (uint8_t)(source * 7),
        .keyidx = (uint8_t)(source & 31),
    };
}

static void send_one_at(uint16_t out, uint16_t in, uint16_t source, uint64_t now_us)
{
    struct resend_rewrite how = rewrite_of(out, in, source);

    resend_sent(&r, out, &how, now_us);
}

static void send_one(uint16_t out, uint16_t in, uint16_t source)
{
    send_one_at(out, in, source, START_US - 10000 * MS);
}

static void send_range(uint16_t out, uint16_t in, uint16_t source, size_t count)
{
    for (size_t i = 0; i < count; i++)
        send_one((uint16_t)(out + i), (uint16_t)(in + i), source);
}

static void expect_is(const struct resend_origin *o, uint16_t out, uint16_t source, uint16_t seq)
{
    struct resend_rewrite how = rewrite_of(out, seq, source);

    assert_int_equal(o->seq, seq);
    assert_int_equal(o->how.source, source);
    assert_int_equal(o->how.seq, how.seq);
    assert_int_equal(o->how.ts, how.ts);
    assert_int_equal(o->how.picture_id, how.picture_id);
    assert_int_equal(o->how.frame_number, how.frame_number);
    assert_int_equal(o->how.tl0picidx, how.tl0picidx);
    assert_int_equal(o->how.keyidx, how.keyidx);
}

static void expect_origin_at(uint16_t out, uint64_t now_us, uint16_t source, uint16_t seq)
{
    struct resend_origin o = {0};

    assert_int_equal(resend_look_up(&r, out, RTT_US, now_us, &o), RESEND_YES);
    expect_is(&o, out, source, seq);
}

static void expect_origin(uint16_t out, uint16_t source, uint16_t seq)
{
    expect_origin_at(out, START_US, source, seq);
}

static enum resend_verdict verdict(uint16_t out)
{
    struct resend_origin o;

    return resend_look_up(&r, out, RTT_US, START_US, &o);
}

/* ---- origins ---- */

static void numbers_are_mapped_back_over_gaps_and_switches(void **state)
{
    (void)state;
    send_range(65534, 100, 7, 2); /* 102 is left out */
    send_range(0, 103, 7, 1);     /* 104 is lost */
    send_range(2, 105, 7, 1);
    send_range(3, 7001, 8, 2);
    expect_origin(65534, 7, 100);
    expect_origin(65535, 7, 101);
    expect_origin(0, 7, 103);
    assert_int_equal(verdict(1), RESEND_NEVER_SENT);
    expect_origin(2, 7, 105);
    expect_origin(3, 8, 7001);
    expect_origin(4, 8, 7002);
    assert_int_equal(verdict(5), RESEND_NEVER_SENT);
    assert_int_equal(verdict(65533), RESEND_NEVER_SENT);
    assert_int_equal(r.asked, 9);
    assert_int_equal(r.never_sent, 3);
    assert_int_equal(r.spans, 3);
}

static void nothing_was_sent_nothing_is_found(void **state)
{
    (void)state;
    assert_int_equal(verdict(0), RESEND_NEVER_SENT);
}

static void late_packets_find_their_place(void **state)
{
    (void)state;
    send_range(50, 100, 1, 2); /* 102 lost, 103 left out */
    send_range(53, 104, 1, 1);
    send_one(52, 102, 1); /* with the offset from before */
    expect_origin(52, 1, 102);
    expect_origin(53, 1, 104);
    assert_int_equal(r.spans, 2);
}

static void the_border_of_spans_moves_for_a_late_packet(void **state)
{
    (void)state;
    send_range(50, 100, 1, 2); /* 102 left out, 103 and 104 lost */
    send_range(54, 105, 1, 1);
    assert_int_equal(verdict(52), RESEND_NEVER_SENT);
    send_one(52, 103, 1); /* with the offset from behind */
    expect_origin(51, 1, 101);
    expect_origin(52, 1, 103);
    assert_int_equal(verdict(53), RESEND_NEVER_SENT);
    send_one(53, 104, 1);
    expect_origin(53, 1, 104);
    expect_origin(54, 1, 105);
    assert_int_equal(r.spans, 2);
}

static void a_late_packet_between_two_left_out_is_a_span_of_its_own(void **state)
{
    (void)state;
    send_range(50, 100, 1, 2); /* 102 left out, 103 lost, 104 left out */
    send_range(53, 105, 1, 1);
    send_one(52, 103, 1);
    expect_origin(51, 1, 101);
    expect_origin(52, 1, 103);
    expect_origin(53, 1, 105);
}

static void what_left_the_window_is_too_old(void **state)
{
    (void)state;
    send_range(50, 100, 1, RESEND_WINDOW);
    expect_origin(50, 1, 100);
    send_range((uint16_t)(50 + RESEND_WINDOW), (uint16_t)(100 + RESEND_WINDOW), 1, 1);
    assert_int_equal(verdict(50), RESEND_TOO_OLD);
    expect_origin(51, 1, 101);
    assert_int_equal(r.too_old, 1);
    send_one(50, 100, 1); /* does not make 50 + RESEND_WINDOW mean something else */
    expect_origin((uint16_t)(50 + RESEND_WINDOW), 1, (uint16_t)(100 + RESEND_WINDOW));
}

static void a_long_jump_leaves_nothing_behind(void **state)
{
    (void)state;
    send_range(50, 100, 1, 500);
    send_range(9000, 9050, 1, 1);
    for (unsigned out = 9000 - RESEND_WINDOW + 1; out < 9000; out++)
        assert_int_equal(verdict((uint16_t)out), RESEND_NEVER_SENT);
    expect_origin(9000, 1, 9050);
}

static void one_span_serves_a_stream_for_hours(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300000; i++)
        send_one((uint16_t)(60000 + i), (uint16_t)(100 + i), 3);
    assert_int_equal(r.spans, 1);
    expect_origin((uint16_t)(60000 + 299999), 3, (uint16_t)(100 + 299999));
    expect_origin((uint16_t)(60000 + 299000), 3, (uint16_t)(100 + 299000));
}

static void of_many_spans_the_newest_are_kept(void **state)
{
    uint16_t out = 10, in = 10;

    (void)state;
    for (unsigned i = 0; i < 2 * RESEND_MAX_SPANS;
         i++, out = (uint16_t)(out + 3), in = (uint16_t)(in + 5))
        send_range(out, in, 1, 3); /* two of five left out */
    for (unsigned i = 1; i <= RESEND_MAX_SPANS; i++)
        expect_origin((uint16_t)(out - 3 * i), 1, (uint16_t)(in - 5 * i));
    assert_int_equal(verdict((uint16_t)(out - 3 * RESEND_MAX_SPANS - 1)), RESEND_TOO_OLD);
}

/* ---- answers ---- */

/* Lost upstream, asked for by the viewer meanwhile: it is under way when the viewer asks again. */
static void what_came_late_needs_no_answer_for_a_round_trip(void **state)
{
    struct resend_origin o;

    (void)state;
    send_one_at(10, 110, 1, START_US);
    send_one_at(12, 112, 1, START_US);
    assert_int_equal(resend_look_up(&r, 11, RTT_US, START_US + 60 * MS, &o), RESEND_NEVER_SENT);
    send_one_at(11, 111, 1, START_US + 100 * MS);
    assert_int_equal(resend_look_up(&r, 11, RTT_US, START_US + 130 * MS, &o), RESEND_TOO_SOON);
    assert_int_equal(resend_look_up(&r, 11, RTT_US, START_US + 161 * MS, &o), RESEND_YES);
}

static void nothing_goes_out_twice_within_a_round_trip(void **state)
{
    static const struct {
        uint64_t rtt_us, least_us;
    } rows[] = {
        {80 * MS, 60 * MS},
        {1 * MS, RESEND_MIN_REPEAT_US},
        {0, RESEND_UNKNOWN_RTT_US * 3 / 4},
        {5000 * MS, RESEND_MAX_REPEAT_US * 3 / 4},
    };
    struct resend_origin o;
    uint64_t now_us = START_US;

    (void)state;
    send_range(50, 100, 1, 10);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++, now_us += 10000 * MS) {
        assert_int_equal(resend_look_up(&r, 55, rows[i].rtt_us, now_us, &o), RESEND_YES);
        assert_true(resend_pay(&r, &budget, 55, 1000, now_us));
        assert_int_equal(
            resend_look_up(&r, 55, rows[i].rtt_us, now_us + rows[i].least_us - 1 * MS, &o),
            RESEND_TOO_SOON);
        assert_int_equal(resend_look_up(&r, 56, rows[i].rtt_us, now_us, &o), RESEND_YES);
        assert_int_equal(resend_look_up(&r, 55, rows[i].rtt_us, now_us + rows[i].least_us, &o),
                         RESEND_YES);
    }
    assert_int_equal(r.too_soon, ARRAY_LEN(rows));
    assert_int_equal(r.resent, ARRAY_LEN(rows));
}

static void a_burst_is_answered_as_a_whole_and_once(void **state)
{
    unsigned too_soon = 0;

    (void)state;
    resend_budget_set_rate(&budget, 20000000, UINT64_MAX, START_US);
    resend_budget_set_rate(&budget, 20000000, UINT64_MAX, START_US + 1000 * MS);
    send_range(50, 100, 1, RESEND_RECENT);
    for (uint16_t i = 0; i < RESEND_RECENT; i++) {
        expect_origin_at((uint16_t)(50 + i), START_US + 1000 * MS, 1, (uint16_t)(100 + i));
        assert_true(resend_pay(&r, &budget, (uint16_t)(50 + i), 1200, START_US + 1000 * MS));
    }
    for (uint16_t i = 0; i < RESEND_RECENT; i++) {
        struct resend_origin o;
        too_soon += resend_look_up(&r, (uint16_t)(50 + i), RTT_US, START_US + 1020 * MS, &o) ==
                    RESEND_TOO_SOON;
    }
    assert_int_equal(too_soon, RESEND_RECENT);
}

/* Somebody asks for all he was sent, over and over. */
static void a_storm_gets_no_more_than_the_budget(void **state)
{
    const uint64_t media_bps = 2000000, seconds = 10;
    uint64_t end_us = START_US + seconds * 1000 * MS;
    unsigned paid = 0;
    uint64_t limit = media_bps / 8 * RESEND_SHARE_PERCENT / 100 * (seconds + 1) + 65536;

    (void)state;
    send_range(0, 0, 1, RESEND_WINDOW);
    resend_budget_set_rate(&budget, media_bps, UINT64_MAX, START_US);
    for (uint64_t now_us = START_US; now_us < end_us; now_us += 1 * MS)
        for (uint16_t out = 0; out < 64; out++) {
            struct resend_origin o;
            uint16_t seq = (uint16_t)((now_us / MS * 64 + out) % RESEND_WINDOW);
            if (resend_look_up(&r, seq, RTT_US, now_us, &o) == RESEND_YES)
                paid += resend_pay(&r, &budget, seq, 1200, now_us);
        }
    assert_true(r.bytes_resent <= limit);
    assert_true(r.bytes_resent >= limit * 3 / 4); /* and no less, either */
    assert_int_equal(r.resent, paid);
    assert_true(r.over_budget > r.resent);
    assert_int_equal(r.asked, r.resent + r.over_budget + r.too_soon);
}

static void an_idle_viewer_has_a_small_budget(void **state)
{
    uint64_t bytes = 0;

    (void)state;
    send_range(50, 100, 1, 1);
    resend_budget_set_rate(&budget, 0, UINT64_MAX, START_US);
    for (uint64_t now_us = START_US; now_us < START_US + 4000 * MS; now_us += MS / 10)
        if (resend_pay(&r, &budget, 50, 100, now_us))
            bytes += 100;
    assert_in_range(bytes, 4 * RESEND_MIN_BPS / 8, 4 * RESEND_MIN_BPS / 8 + 40000);
}

/* What it costs is no more than the path has for it, whatever the media; and at once no more than half a second of that. */
static void a_narrow_path_has_a_small_budget(void **state)
{
    static const struct {
        uint64_t most_bps, at_once_bytes;
    } rows[] = {{400000, 25000}, {120000, 7500}, {20000, 3600}, {0, 3600}};

    (void)state;
    send_range(50, 100, 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t bytes = 0;
        budget = (struct resend_budget){0};
        resend_budget_set_rate(&budget, 2000000, rows[i].most_bps, START_US);
        while (resend_pay(&r, &budget, 50, 100, START_US))
            bytes += 100;
        assert_int_equal(bytes, rows[i].at_once_bytes);
        for (uint64_t us = 0; us < 4000 * MS; us += 1 * MS)
            bytes += resend_pay(&r, &budget, 50, 100, START_US + us) ? 100 : 0;
        assert_in_range(bytes, rows[i].at_once_bytes + 4 * rows[i].most_bps / 8 * 95 / 100,
                        rows[i].at_once_bytes + 4 * rows[i].most_bps / 8);
    }
}

static void without_memory_there_is_no_answer(void **state)
{
    (void)state;
    send_range(50, 100, 1, 1);
    expect_origin(50, 1, 100);
    mem_fail_nth(1);
    assert_false(resend_pay(&r, &budget, 50, 100, START_US));
    mem_fail_nth(0);
    assert_int_equal(r.over_budget, 1);
    assert_true(resend_pay(&r, &budget, 50, 100, START_US));
}

static void a_reset_forgets_what_was_sent(void **state)
{
    (void)state;
    send_range(50, 100, 1, 10);
    assert_true(resend_pay(&r, &budget, 55, 100, START_US));
    resend_reset(&r);
    assert_int_equal(verdict(55), RESEND_NEVER_SENT);
    send_range(59, 400, 2, 1);
    expect_origin(59, 2, 400);
    assert_int_equal(verdict(58), RESEND_NEVER_SENT);
}

/* ---- any stream ---- */

static struct truth {
    bool is_sent;
    uint16_t source, seq;
} truth[65536];

static void check_all(uint16_t newest, unsigned *found)
{
    for (unsigned back = 0; back < 2 * RESEND_WINDOW; back++) {
        uint16_t out = (uint16_t)(newest - back);
        struct resend_origin o;
        enum resend_verdict v = resend_look_up(&r, out, RTT_US, START_US, &o);
        const struct truth *t = &truth[out];
        if (v == RESEND_YES) {
            assert_true(t->is_sent);
            expect_is(&o, out, t->source, t->seq);
            (*found)++;
        } else if (back < RESEND_WINDOW) {
            assert_true(!t->is_sent || v == RESEND_TOO_OLD);
        } else {
            assert_int_equal(v, RESEND_TOO_OLD);
        }
    }
}

static void send_noted(uint16_t out, uint16_t in, uint16_t source)
{
    send_one(out, in, source);
    truth[out] = (struct truth){true, source, in};
    truth[(uint16_t)(out + 30000)].is_sent = false;
}

/* A stream of losses, late packets, packets left out and switches, numbered as a forwarder does: no wrong origin, ever. */
static void stream_at_random(struct rng *rng, unsigned skip_percent, unsigned *found)
{
    struct {
        uint16_t out, in;
    } late[8];
    unsigned lates = 0;
    uint16_t out = (uint16_t)rng_u32(rng), in = 0, newest = 0, source = 0;

    resend_reset(&r);
    memset(truth, 0, sizeof(truth));
    for (unsigned i = 0; i < 6000; i++) {
        if (i == 0 || rng_below(rng, 1500) == 0) {
            in = (uint16_t)rng_u32(rng);
            source++;
            lates = 0; /* what came before a switch is dropped */
        } else if (lates > 0 && rng_below(rng, 10) == 0) {
            lates--;
            send_noted(late[lates].out, late[lates].in, source);
            continue;
        } else if (rng_below(rng, 100) < skip_percent) {
            in++;
            continue;
        } else if (rng_below(rng, 100) < 5) { /* lost, or late */
            if (lates < ARRAY_LEN(late)) {
                late[lates].out = out;
                late[lates++].in = in;
            }
            out++;
            in++;
            continue;
        }
        newest = out;
        send_noted(out++, in++, source);
        if (i % 100 == 0)
            check_all(newest, found);
    }
}

static void origins_are_right_whatever_is_left_out_or_late(void **state)
{
    struct rng rng;
    uint64_t seed = seed_of_test();
    unsigned few = 0, many = 0;

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 5; i++) {
        stream_at_random(&rng, 1, &few);
        stream_at_random(&rng, 20, &many);
    }
    assert_true(few > many);
    assert_true(few > 5 * 50 * RESEND_WINDOW * 3 / 5); /* nearly all that was sent is found */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(numbers_are_mapped_back_over_gaps_and_switches),
        T(nothing_was_sent_nothing_is_found),
        T(late_packets_find_their_place),
        T(the_border_of_spans_moves_for_a_late_packet),
        T(a_late_packet_between_two_left_out_is_a_span_of_its_own),
        T(what_left_the_window_is_too_old),
        T(a_long_jump_leaves_nothing_behind),
        T(one_span_serves_a_stream_for_hours),
        T(of_many_spans_the_newest_are_kept),
        T(what_came_late_needs_no_answer_for_a_round_trip),
        T(nothing_goes_out_twice_within_a_round_trip),
        T(a_burst_is_answered_as_a_whole_and_once),
        T(a_storm_gets_no_more_than_the_budget),
        T(an_idle_viewer_has_a_small_budget),
        T(a_narrow_path_has_a_small_budget),
        T(without_memory_there_is_no_answer),
        T(a_reset_forgets_what_was_sent),
        T(origins_are_right_whatever_is_left_out_or_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
