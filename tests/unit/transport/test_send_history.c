/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/limits.h"
#include "core/mem.h"
#include "transport/rtcp_twcc.h"
#include "transport/send_history.h"

#define START_US 5000000ull

static struct send_history history;
static struct rtcp_twcc feedback;

static int set_up(void **state)
{
    (void)state;
    send_history_init(&history);
    feedback = (struct rtcp_twcc){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    send_history_fini(&history);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void tell(uint16_t seq, bool received, int16_t delta)
{
    feedback.at[feedback.n++] = (struct rtcp_twcc_status){seq, delta, received};
}

/* Read all of the feedback; the news are counted and the last one is kept. */
static unsigned news(struct sent_fate *last, uint64_t now_us)
{
    struct feedback_walk w;
    unsigned n = 0;

    feedback_walk_start(&w, &history, &feedback, now_us);
    while (feedback_walk_next(&w, last))
        n++;
    feedback.n = 0;
    return n;
}

static void numbers_are_consecutive_and_wrap(void **state)
{
    (void)state;
    uint16_t seq = send_history_next_seq(&history);

    for (unsigned i = 0; i < 140000; i++)
        assert_int_equal(send_history_add(&history, 100, 0, START_US + i * 1000), seq++);
}

static void feedback_finds_what_was_sent(void **state)
{
    struct sent_fate f;

    (void)state;
    uint16_t seq = send_history_add(&history, 1200, 7, START_US);
    feedback.reference = 100;
    tell(seq, true, 9);
    assert_int_equal(news(&f, START_US + 80000), 1);
    assert_true(f.received && !f.was_called_lost);
    assert_int_equal(f.seq, seq);
    assert_int_equal(f.bytes, 1200);
    assert_int_equal(f.cluster, 7);
    assert_int_equal(f.sent_us, START_US);
    assert_int_equal(f.arrival_us, 100 * TWCC_REFERENCE_US + 9 * TWCC_TICK_US);
}

static void what_is_told_twice_is_no_news(void **state)
{
    struct sent_fate f;
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);

    (void)state;
    tell(seq, true, 0);
    assert_int_equal(news(&f, START_US), 1);
    tell(seq, true, 0);
    tell(seq, false, 0);
    assert_int_equal(news(&f, START_US), 0);
    assert_int_equal(history.stats.duplicates, 2);
}

static void what_was_called_lost_may_arrive_after_all(void **state)
{
    struct sent_fate f;
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);

    (void)state;
    tell(seq, false, 0);
    assert_int_equal(news(&f, START_US), 1);
    assert_false(f.received);
    tell(seq, false, 0);
    assert_int_equal(news(&f, START_US), 0);
    tell(seq, true, 0);
    assert_int_equal(news(&f, START_US), 1);
    assert_true(f.received && f.was_called_lost);
}

static void numbers_never_sent_are_counted(void **state)
{
    struct sent_fate f;
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);

    (void)state;
    tell((uint16_t)(seq + 1), true, 0);
    tell((uint16_t)(seq - 1), true, 0);
    tell((uint16_t)(seq + 30000), false, 0);
    assert_int_equal(news(&f, START_US), 0);
    assert_int_equal(history.stats.unknown, 3);
}

static void old_packets_are_not_known_any_more(void **state)
{
    struct sent_fate f;
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);

    (void)state;
    tell(seq, true, 0);
    assert_int_equal(news(&f, START_US + SEND_HISTORY_US + 1), 0);
    assert_int_equal(history.stats.unknown, 1);
}

static void the_reference_time_wraps(void **state)
{
    struct sent_fate before, after;
    uint16_t a = send_history_add(&history, 1, 0, START_US);
    uint16_t b = send_history_add(&history, 1, 0, START_US);
    uint16_t c = send_history_add(&history, 1, 0, START_US);

    (void)state;
    feedback.reference = 0x7FFFFF;
    tell(a, true, 0);
    assert_int_equal(news(&before, START_US), 1);
    feedback.reference = -0x800000;
    tell(b, true, 0);
    assert_int_equal(news(&after, START_US), 1);
    assert_int_equal(after.arrival_us - before.arrival_us, TWCC_REFERENCE_US);
    feedback.reference = 0x7FFFFE; /* an older feedback, which was overtaken */
    tell(c, true, 0);
    assert_int_equal(news(&after, START_US), 1);
    assert_int_equal(after.arrival_us - before.arrival_us, -TWCC_REFERENCE_US);
}

static void memory_follows_what_is_not_told_of(void **state)
{
    struct sent_fate f;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) { /* ten packets, and feedback about them */
        tell(send_history_add(&history, 1200, 0, START_US + i * 10000), true, 0);
        if (i % 10 == 9)
            assert_int_equal(news(&f, START_US + i * 10000), 10);
    }
    assert_int_equal(history.capacity, 64);
    for (unsigned i = 0; i < 1000; i++)
        send_history_add(&history, 1200, 0, START_US + 30000000 + i * 1000);
    assert_int_equal(history.capacity, 1024);
    assert_int_equal(history.stats.forgotten, 0);
}

static void memory_is_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3 * MAX_SEND_HISTORY; i++)
        send_history_add(&history, 1200, 0, START_US + i);
    assert_int_equal(history.capacity, MAX_SEND_HISTORY);
    assert_true(history.stats.forgotten > 0);
}

static void growing_keeps_what_is_there(void **state)
{
    struct sent_fate f;

    (void)state;
    for (unsigned i = 0; i < 500; i++)
        tell(send_history_add(&history, 100 + i, 0, START_US + i), true, 0);
    assert_int_equal(news(&f, START_US + 1000), 500);
    assert_int_equal(f.bytes, 599);
    assert_int_equal(f.sent_us, START_US + 499);
}

static void without_memory_numbers_go_on(void **state)
{
    struct sent_fate f;

    (void)state;
    mem_fail_nth(1);
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);
    assert_int_equal(send_history_add(&history, 1200, 0, START_US), (uint16_t)(seq + 1));
    tell(seq, true, 0);
    tell((uint16_t)(seq + 1), true, 0);
    assert_int_equal(news(&f, START_US), 1);
}

static void what_was_sent_before_a_clear_is_unknown(void **state)
{
    struct sent_fate f;
    uint16_t seq = send_history_add(&history, 1200, 0, START_US);

    (void)state;
    send_history_clear(&history);
    assert_int_equal(send_history_add(&history, 1200, 0, START_US), (uint16_t)(seq + 1));
    tell(seq, true, 0);
    tell((uint16_t)(seq + 1), true, 0);
    assert_int_equal(news(&f, START_US), 1);
    assert_int_equal(f.seq, (uint16_t)(seq + 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(numbers_are_consecutive_and_wrap),
        TEST(feedback_finds_what_was_sent),
        TEST(what_is_told_twice_is_no_news),
        TEST(what_was_called_lost_may_arrive_after_all),
        TEST(numbers_never_sent_are_counted),
        TEST(old_packets_are_not_known_any_more),
        TEST(the_reference_time_wraps),
        TEST(memory_follows_what_is_not_told_of),
        TEST(memory_is_bounded),
        TEST(growing_keeps_what_is_there),
        TEST(without_memory_numbers_go_on),
        TEST(what_was_sent_before_a_clear_is_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
