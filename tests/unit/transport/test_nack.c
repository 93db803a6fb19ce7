/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/seq.h"
#include "transport/nack.h"
#include "transport/rtp_recv.h"

#define MS 1000ull
#define START_US 5000000ull
#define RTT_US 80000ull

static struct nack n;
static uint64_t now_us;
static bool wants_keyframe;

static int set_up(void **state)
{
    (void)state;
    now_us = START_US;
    wants_keyframe = false;
    nack_init(&n, NACK_VIDEO);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nack_reset(&n);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void receive(uint16_t seq)
{
    assert_false(nack_received(&n, seq, 0, now_us));
}

static void receive_range(uint16_t first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        receive((uint16_t)(first + i));
}

/* What is asked for at @at_us. */
static size_t asked_at(uint64_t at_us, uint64_t rtt_us, uint16_t seqs[MAX_NACKED_SEQS])
{
    now_us = at_us;
    return nack_due(&n, rtt_us, now_us, seqs, MAX_NACKED_SEQS, &wants_keyframe);
}

static void expect_asked(uint64_t rtt_us, const uint16_t *want, size_t count)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    assert_int_equal(asked_at(nack_next_us(&n), rtt_us, seqs), count);
    assert_memory_equal(seqs, want, count * sizeof(*want));
}

#define EXPECT_ASKED(rtt_us, ...)                           \
    expect_asked((rtt_us), (const uint16_t[]){__VA_ARGS__}, \
                 sizeof((const uint16_t[]){__VA_ARGS__}) / sizeof(uint16_t))

/* ---- gaps ---- */

static void without_a_gap_there_is_nothing_to_do(void **state)
{
    int64_t blocks = mem_live_blocks();

    (void)state;
    receive_range(65000, 2000); /* over the wrap */
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
    assert_int_equal(mem_live_blocks(), blocks);
}

static void a_gap_is_asked_for_after_a_short_wait(void **state)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    (void)state;
    receive_range(65533, 2);
    receive(3); /* 65535, 0, 1, 2 are missing */
    assert_int_equal(asked_at(START_US, RTT_US, seqs), 0);
    assert_in_range(nack_next_us(&n), START_US + NACK_MIN_WAIT_US, START_US + NACK_FIRST_WAIT_US);
    EXPECT_ASKED(RTT_US, 65535, 0, 1, 2);
    assert_int_equal(n.asked, 4);
    assert_false(wants_keyframe);
}

static void what_comes_by_itself_is_not_asked_for(void **state)
{
    (void)state;
    receive_range(10, 2);
    receive(13);
    now_us += 3 * MS;
    receive(12);
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
    assert_int_equal(n.reordered, 1);
    assert_int_equal(n.asked, 0);
}

static void duplicates_and_numbers_never_missed_change_nothing(void **state)
{
    (void)state;
    receive_range(10, 3);
    receive(14);
    receive(14);
    receive(11);
    receive(5); /* from before the first one */
    EXPECT_ASKED(RTT_US, 13);
    receive(14);
    assert_int_equal(n.count, 1);
}

static void the_wait_follows_the_reordering_of_the_path(void **state)
{
    uint16_t seq = 100;
    uint64_t first_us, later_us;

    (void)state;
    receive(seq);
    receive(seq += 2);
    first_us = nack_next_us(&n) - now_us;
    for (unsigned i = 0; i < 20; i++) { /* each second packet comes 16 ms late */
        now_us += 16 * MS;
        receive((uint16_t)(seq - 1));
        receive(seq += 2);
    }
    later_us = nack_next_us(&n) - now_us;
    assert_true(later_us > first_us);
    assert_true(later_us >= 16 * MS || later_us >= RTT_US / 4);
    assert_true(later_us <= NACK_MAX_WAIT_US);
    now_us += 16 * MS;
    receive((uint16_t)(seq - 1));
    for (unsigned i = 0; i < 100; i++) { /* then nothing but losses */
        receive(seq += 2);
        now_us += NACK_MAX_AGE_US;
        (void)nack_due(&n, RTT_US, now_us, &(uint16_t){0}, 1, &wants_keyframe);
    }
    receive((uint16_t)(seq + 2));
    assert_int_equal(nack_next_us(&n) - now_us, NACK_MIN_WAIT_US);
}

/* ---- repeats ---- */

static void repeats_keep_a_round_trip_and_a_quarter_between_them(void **state)
{
    static const struct {
        uint64_t rtt_us, least_us;
    } rows[] = {
        {1 * MS, NACK_MIN_REPEAT_US},
        {80 * MS, 100 * MS},
        {300 * MS, 375 * MS},
        {24 * MS, 34 * MS},
        {0, NACK_UNKNOWN_RTT_US * 3 / 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(set_up(state), 0);
        receive(10);
        receive(12);
        EXPECT_ASKED(rows[i].rtt_us, 11);
        uint64_t first_us = now_us;
        EXPECT_ASKED(rows[i].rtt_us, 11);
        assert_int_equal(now_us - first_us, rows[i].least_us);
        assert_int_equal(n.repeated, 1);
        nack_reset(&n);
    }
}

/* 5 % of loss both ways: one repair in a thousand takes four tries. */
static void four_tries_take_less_than_half_a_second(void **state)
{
    (void)state;
    receive(10);
    receive(12);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_ASKED(100 * MS, 11);
    assert_in_range(now_us + 100 * MS, START_US + 400 * MS, START_US + 500 * MS);
    EXPECT_ASKED(100 * MS, 11);
    uint64_t fifth_us = now_us;
    EXPECT_ASKED(100 * MS, 11);
    assert_in_range(now_us - fifth_us, 150 * MS, 160 * MS); /* not so close any more */
}

static void it_gives_up_after_so_many_tries(void **state)
{
    unsigned asked = 0;

    (void)state;
    receive(10);
    receive(12);
    while (nack_next_us(&n) != UINT64_MAX) {
        uint16_t seqs[MAX_NACKED_SEQS];
        asked += (unsigned)asked_at(nack_next_us(&n), 1 * MS, seqs);
    }
    assert_int_equal(asked, NACK_TRIES);
    assert_int_equal(n.asked, 1);
    assert_int_equal(n.repeated, NACK_TRIES - 1);
    assert_int_equal(n.given_up, 1);
    assert_true(wants_keyframe);
}

static void it_gives_up_what_is_too_old(void **state)
{
    static const struct {
        enum nack_kind kind;
        uint64_t rtt_us, age_us;
    } rows[] = {
        {NACK_VIDEO, 200 * MS, NACK_VIDEO_AGE_US}, {NACK_VIDEO, 500 * MS, 1500 * MS},
        {NACK_VIDEO, 3000 * MS, NACK_MAX_AGE_US},  {NACK_AUDIO, 60 * MS, NACK_AUDIO_AGE_US},
        {NACK_AUDIO, 200 * MS, 600 * MS},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(set_up(state), 0);
        nack_init(&n, rows[i].kind);
        receive(10);
        receive(12);
        uint64_t last_us = now_us;
        while (nack_next_us(&n) != UINT64_MAX) {
            uint16_t seqs[MAX_NACKED_SEQS];
            assert_true(nack_next_us(&n) > last_us);
            if (asked_at(nack_next_us(&n), rows[i].rtt_us, seqs) > 0)
                assert_true(now_us < START_US + rows[i].age_us);
            last_us = now_us;
        }
        assert_in_range(now_us - START_US, rows[i].age_us - 3 * MS, rows[i].age_us);
        assert_int_equal(wants_keyframe, rows[i].kind == NACK_VIDEO);
        assert_int_equal(n.given_up, 1);
        nack_reset(&n);
    }
}

static void answers_are_told_from_late_packets(void **state)
{
    (void)state;
    receive(10);
    receive(14); /* 11, 12, 13 */
    EXPECT_ASKED(RTT_US, 11, 12, 13);
    now_us += 5 * MS;
    receive(11); /* sooner than any answer */
    assert_int_equal(n.reordered, 1);
    assert_false(nack_received(&n, 12, NACK_RECOVERED, now_us));
    now_us += RTT_US;
    receive(13); /* without RTX an answer looks like any packet */
    assert_int_equal(n.recovered, 2);
    assert_int_equal(n.reordered, 1);
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
}

static void answers_tell_the_round_trip_when_nobody_else_does(void **state)
{
    uint16_t seq = 10;

    (void)state;
    receive(seq);
    for (unsigned i = 0; i < 40; i++) {
        receive(seq = (uint16_t)(seq + 2));
        EXPECT_ASKED(0, (uint16_t)(seq - 1));
        now_us += 30 * MS;
        assert_false(nack_received(&n, (uint16_t)(seq - 1), NACK_RECOVERED, now_us));
    }
    receive((uint16_t)(seq + 2));
    EXPECT_ASKED(0, (uint16_t)(seq + 1));
    uint64_t first_us = now_us;
    EXPECT_ASKED(0, (uint16_t)(seq + 1));
    assert_in_range(now_us - first_us, 39 * MS, 41 * MS); /* 30 ms and the margin */
    now_us += 30 * MS;
    assert_false(nack_received(&n, (uint16_t)(seq + 1), NACK_RECOVERED, now_us));
    assert_in_range(n.answer_us, 29 * MS, 31 * MS); /* of which request it was is not known */
}

static void numbers_of_about_the_same_time_go_into_one_request(void **state)
{
    (void)state;
    receive(10);
    receive(12);
    now_us += 1 * MS;
    receive(14);
    EXPECT_ASKED(RTT_US, 11, 13);
}

static void what_does_not_fit_stays_due(void **state)
{
    uint16_t seqs[4];

    (void)state;
    receive(10);
    receive(21);
    now_us += NACK_FIRST_WAIT_US;
    assert_int_equal(nack_due(&n, RTT_US, now_us, seqs, 4, &wants_keyframe), 4);
    assert_int_equal(nack_next_us(&n), now_us);
    assert_int_equal(seqs[3], 14);
    assert_int_equal(nack_due(&n, RTT_US, now_us, seqs, 4, &wants_keyframe), 4);
    assert_int_equal(seqs[0], 15);
    assert_int_equal(nack_due(&n, RTT_US, now_us, seqs, 4, &wants_keyframe), 2);
    assert_true(nack_next_us(&n) > now_us);
}

/* ---- keyframes ---- */

static void a_keyframe_clears_what_is_older(void **state)
{
    (void)state;
    receive(65530);
    receive(65533);
    receive(2); /* 65531, 65532 | 65534 .. 1 */
    assert_false(nack_received(&n, 65534, NACK_KEYFRAME | NACK_RECOVERED, now_us));
    EXPECT_ASKED(RTT_US, 65535, 0, 1);
    assert_false(nack_received(&n, 3, NACK_KEYFRAME, now_us));
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
}

static void a_long_gap_wants_a_keyframe_at_once(void **state)
{
    (void)state;
    receive(10);
    receive(12);
    assert_true(nack_received(&n, (uint16_t)(12 + MAX_NACK_GAP + 2), 0, now_us));
    assert_int_equal(n.jumps, 1);
    assert_int_equal(n.given_up, 1); /* what was missing before it is of no use any more */
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
}

static void the_longest_gap_that_is_asked_for(void **state)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    (void)state;
    receive(10);
    receive((uint16_t)(10 + MAX_NACK_GAP + 1));
    assert_int_equal(asked_at(nack_next_us(&n), RTT_US, seqs), MAX_NACK_GAP);
}

static void a_long_gap_before_a_keyframe_wants_nothing(void **state)
{
    (void)state;
    receive(10);
    assert_false(nack_received(&n, 1000, NACK_KEYFRAME, now_us));
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
}

static void too_many_missing_want_a_keyframe(void **state)
{
    uint16_t seq = 0;

    (void)state;
    receive(seq);
    for (unsigned i = 0; i < MAX_NACK_OUTSTANDING / 250; i++)
        receive(seq = (uint16_t)(seq + 251));
    assert_int_equal(n.count, MAX_NACK_OUTSTANDING);
    assert_true(nack_received(&n, (uint16_t)(seq + 2), 0, now_us));
    assert_int_equal(n.count, 0);
    assert_int_equal(n.given_up, MAX_NACK_OUTSTANDING + 1);
    assert_int_equal(mem_live_blocks(), 0); /* the long list is gone with them */
}

static void what_rtp_recv_would_not_take_is_not_asked_for(void **state)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    (void)state;
    receive(10);
    receive(12);
    receive_range(13, RTP_RECV_WINDOW);
    assert_int_equal(asked_at(nack_next_us(&n), RTT_US, seqs), 0);
    assert_int_equal(n.given_up, 1);
    assert_true(wants_keyframe);
}

static void a_sender_that_begins_anew_is_followed(void **state)
{
    (void)state;
    receive(20000);
    receive(20002);
    assert_true(nack_received(&n, 500, 0, now_us));
    assert_int_equal(n.count, 0);
    receive(502);
    EXPECT_ASKED(RTT_US, 501);
    assert_false(nack_received(&n, 60000, NACK_KEYFRAME, now_us));
}

static void audio_never_wants_a_keyframe(void **state)
{
    uint16_t seqs[MAX_NACKED_SEQS];

    (void)state;
    nack_init(&n, NACK_AUDIO);
    receive(10);
    assert_false(nack_received(&n, 1000, 0, now_us));
    receive(1002);
    while (nack_next_us(&n) != UINT64_MAX)
        (void)asked_at(nack_next_us(&n), 0, seqs);
    assert_int_equal(n.given_up, 1);
    assert_false(wants_keyframe);
}

static void without_memory_it_wants_a_keyframe(void **state)
{
    (void)state;
    receive(10);
    mem_fail_nth(1);
    assert_true(nack_received(&n, 12, 0, now_us));
    mem_fail_nth(0);
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
    receive(14);
    EXPECT_ASKED(RTT_US, 13);
}

/* ---- a lossy, reordering path ---- */

#define PACKETS 20000
#define SPACING_US 2000ull
#define IN_FLIGHT 4096

static struct flight {
    uint64_t at_us;
    uint16_t seq;
    bool is_answer, is_used;
} flights[IN_FLIGHT];
static struct rng rng;
static unsigned times_asked[65536];

static void fly(uint16_t seq, uint64_t delay_us, bool is_answer)
{
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        if (flights[i].is_used)
            continue;
        flights[i] = (struct flight){now_us + delay_us, seq, is_answer, true};
        return;
    }
    fail_msg("the path is full");
}

static void land(void)
{
    for (;;) {
        struct flight *first = NULL;
        for (size_t i = 0; i < IN_FLIGHT; i++)
            if (flights[i].is_used && flights[i].at_us <= now_us &&
                (first == NULL || flights[i].at_us < first->at_us))
                first = &flights[i];
        if (first == NULL)
            return;
        first->is_used = false;
        assert_false(
            nack_received(&n, first->seq, first->is_answer ? NACK_RECOVERED : 0, first->at_us));
    }
}

static void answer(uint64_t rtt_us, unsigned loss_percent)
{
    uint16_t seqs[16];
    size_t count;

    while (nack_next_us(&n) <= now_us) {
        count = nack_due(&n, rtt_us, now_us, seqs, ARRAY_LEN(seqs), &wants_keyframe);
        for (size_t i = 0; i < count; i++) {
            assert_true(i == 0 || seq16_newer(seqs[i], seqs[i - 1]));
            assert_true(++times_asked[seqs[i]] <= NACK_TRIES);
            if (rng_below(&rng, 100) >= loss_percent)
                fly(seqs[i], rtt_us, true);
        }
    }
}

static void losses_are_repaired_and_reordering_is_not_asked_for(void **state)
{
    static const struct {
        unsigned loss_percent, reorder_percent;
        uint64_t rtt_us;
        unsigned max_asked; /* first requests a thousand packets */
    } rows[] = {
        {0, 0, 50 * MS, 0},  {1, 0, 50 * MS, 14},  {10, 0, 30 * MS, 115},
        {0, 5, 100 * MS, 1}, {2, 5, 100 * MS, 26}, {20, 0, 20 * MS, 220},
    };
    const uint64_t seed = 4711;

    print_message("seed %llu\n", (unsigned long long)seed);
    for (size_t row = 0; row < ARRAY_LEN(rows); row++) {
        assert_int_equal(set_up(state), 0);
        rng_seed(&rng, seed);
        memset(flights, 0, sizeof(flights));
        memset(times_asked, 0, sizeof(times_asked));
        for (unsigned i = 0; i < PACKETS; i++, now_us += SPACING_US) {
            uint64_t extra_us = rng_below(&rng, 100) < rows[row].reorder_percent ? 7 * MS : 0;
            if (i == 0 || rng_below(&rng, 100) >= rows[row].loss_percent)
                fly((uint16_t)i, 20 * MS + extra_us, false);
            land();
            answer(rows[row].rtt_us, rows[row].loss_percent);
        }
        assert_true(n.asked <= (uint64_t)rows[row].max_asked * PACKETS / 1000);
        assert_true(n.given_up * 10000 <= PACKETS); /* one in ten thousand */
        assert_true(n.recovered + n.given_up + n.count + n.reordered >= n.asked);
        nack_reset(&n);
    }
}

static void repeats_wait_for_the_queue_that_answers_come_through(void **state)
{
    const uint16_t missing[] = {1};

    (void)state;
    receive(0);
    receive(2);
    expect_asked(RTT_US, missing, 1);
    nack_set_late(&n, 300 * MS);
    assert_in_range(nack_next_us(&n), now_us + RTT_US, now_us + 2 * RTT_US); /* told too late */
    uint64_t asked_us = now_us;
    uint16_t seqs[MAX_NACKED_SEQS];
    assert_int_equal(asked_at(nack_next_us(&n), RTT_US, seqs), 0);
    assert_in_range(nack_next_us(&n), asked_us + RTT_US * 5 / 4 + 299 * MS,
                    asked_us + RTT_US * 5 / 4 + 301 * MS);
    expect_asked(RTT_US, missing, 1);
    nack_set_late(&n, 0);
}

static void what_is_given_up_is_not_asked_for(void **state)
{
    (void)state;
    receive(0);
    receive(5);
    nack_give_up(&n);
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
    assert_int_equal(n.given_up, 4);
    assert_false(nack_is_awaited(&n, 3));
    assert_false(wants_keyframe);
    receive(3); /* it may still come */
    receive(6);
    assert_int_equal(nack_next_us(&n), UINT64_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(without_a_gap_there_is_nothing_to_do),
        T(a_gap_is_asked_for_after_a_short_wait),
        T(what_comes_by_itself_is_not_asked_for),
        T(duplicates_and_numbers_never_missed_change_nothing),
        T(the_wait_follows_the_reordering_of_the_path),
        T(repeats_keep_a_round_trip_and_a_quarter_between_them),
        T(four_tries_take_less_than_half_a_second),
        T(it_gives_up_after_so_many_tries),
        T(it_gives_up_what_is_too_old),
        T(answers_are_told_from_late_packets),
        T(answers_tell_the_round_trip_when_nobody_else_does),
        T(numbers_of_about_the_same_time_go_into_one_request),
        T(what_does_not_fit_stays_due),
        T(a_keyframe_clears_what_is_older),
        T(repeats_wait_for_the_queue_that_answers_come_through),
        T(what_is_given_up_is_not_asked_for),
        T(a_long_gap_wants_a_keyframe_at_once),
        T(the_longest_gap_that_is_asked_for),
        T(a_long_gap_before_a_keyframe_wants_nothing),
        T(too_many_missing_want_a_keyframe),
        T(what_rtp_recv_would_not_take_is_not_asked_for),
        T(a_sender_that_begins_anew_is_followed),
        T(audio_never_wants_a_keyframe),
        T(without_memory_it_wants_a_keyframe),
        T(losses_are_repaired_and_reordering_is_not_asked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
