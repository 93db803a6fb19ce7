/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "transport/pacer.h"

#define MS 1000ull
#define S 1000000ull
#define PACKET 1200
#define TARGET_BPS 1000000

static struct pacer pacer;
static uint64_t now_us;
static unsigned dropped;
static uint64_t last_dropped;
static int owner_a, owner_b;

static void on_dropped(const struct pacer_item *item, void *arg)
{
    assert_ptr_equal(arg, &pacer);
    dropped++;
    last_dropped = item->arg;
}

static int set_up(void **state)
{
    (void)state;
    now_us = 10 * S;
    dropped = 0;
    pacer_init(&pacer, on_dropped, &pacer);
    pacer_set_target(&pacer, TARGET_BPS);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pacer_fini(&pacer);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static bool push(enum pacer_priority priority, uint64_t arg, void *owner)
{
    struct pacer_item item = {
        .owner = owner, .arg = arg, .bytes = PACKET, .priority = (uint8_t)priority};

    return pacer_push(&pacer, &item, now_us);
}

/* A frame; returns how many packets passed, the others wait. */
static unsigned frame(unsigned packets)
{
    unsigned passed = 0;

    for (unsigned i = 0; i < packets; i++) {
        if (pacer_passes(&pacer, PACER_VIDEO, PACKET, now_us))
            passed++;
        else
            assert_true(push(PACER_VIDEO, i, &owner_a));
    }
    return passed;
}

/* Let time pass as an event loop does; returns what was pulled. */
static unsigned pull_until(uint64_t until_us)
{
    struct pacer_item item;
    unsigned n = 0;

    for (;;) {
        while (pacer_pull(&pacer, &item, now_us))
            n++;
        uint64_t next_us =
            (MAX(pacer_next_us(&pacer), now_us + 1) + MS - 1) / MS * MS; /* a wheel */
        if (pacer_next_us(&pacer) == UINT64_MAX || next_us > until_us)
            break;
        now_us = next_us;
    }
    now_us = until_us;
    return n;
}

static void without_a_rate_everything_passes(void **state)
{
    (void)state;
    pacer_set_target(&pacer, 0);
    assert_int_equal(frame(1000), 1000);
}

static void frames_at_the_target_rate_pass(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++, now_us += 33333)
        assert_int_equal(frame(i % 7 == 0 ? 5 : 3), i % 7 == 0 ? 5 : 3);
    assert_int_equal(pacer_next_us(&pacer), UINT64_MAX);
}

static void a_keyframe_is_spread(void **state)
{
    struct pacer_stats stats;

    (void)state;
    unsigned passed = frame(30); /* 36 kB: 115 ms at the pacing rate */
    assert_in_range(passed, 8, 14);
    uint64_t start_us = now_us;
    unsigned pulled = 0;
    while (passed + pulled < 30) {
        pulled += pull_until(now_us + 5 * MS);
        /* Never more than the burst, the pacing rate, and a batch. */
        assert_true((passed + pulled) * PACKET * 8 <=
                    (now_us - start_us + 50 * MS) * TARGET_BPS / S * 5 / 2 + PACKET * 16);
    }
    assert_in_range(now_us - start_us, 90 * MS, 120 * MS);
    pacer_read_stats(&pacer, &stats);
    assert_int_equal(stats.queued, pulled);
    assert_int_equal(stats.waiting_packets, 0);
    assert_int_equal(stats.waiting_bytes, 0);
    assert_true(stats.longest_wait_us <= 120 * MS);
    assert_int_equal(mem_live_blocks(), 0);
}

static void nothing_waits_longer_than_the_maximum(void **state)
{
    struct pacer_stats stats;

    (void)state;
    frame(200); /* 240 kB: a second at the pacing rate */
    pull_until(now_us + PACER_MAX_DELAY_US + 2 * MS);
    pacer_read_stats(&pacer, &stats);
    assert_int_equal(stats.waiting_packets, 0);
    assert_true(stats.longest_wait_us <= PACER_MAX_DELAY_US + 2 * MS);
    now_us += 200 * MS;
    assert_true(frame(5) == 5); /* and the haste is forgotten */
}

static void a_long_queue_drains_evenly(void **state)
{
    (void)state;
    frame(200);
    unsigned half = pull_until(now_us + PACER_MAX_DELAY_US / 2);
    assert_in_range(half, 70, 130);
}

static void audio_never_waits(void **state)
{
    (void)state;
    frame(200);
    for (unsigned i = 0; i < 1000; i++)
        assert_true(pacer_passes(&pacer, PACER_AUDIO, 100, now_us));
}

static void much_audio_does_not_lock_out_video(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_true(pacer_passes(&pacer, PACER_AUDIO, 1000, now_us));
    assert_int_equal(frame(1), 0);
    assert_int_equal(pull_until(now_us + PACER_MAX_DELAY_US + MS), 1);
}

static void retransmissions_leave_first_each_in_order(void **state)
{
    struct pacer_item item;
    static const uint64_t expected[] = {100, 101, 1, 2};

    (void)state;
    while (pacer_passes(&pacer, PACER_VIDEO, PACKET, now_us))
        continue;
    assert_true(push(PACER_VIDEO, 1, NULL));
    assert_true(push(PACER_VIDEO, 2, NULL));
    assert_true(push(PACER_RETRANSMISSION, 100, NULL));
    assert_true(push(PACER_RETRANSMISSION, 101, NULL));
    now_us += PACER_MAX_DELAY_US;
    for (unsigned i = 0; i < ARRAY_LEN(expected); i++) {
        assert_true(pacer_pull(&pacer, &item, now_us));
        assert_int_equal(item.arg, expected[i]);
    }
    assert_false(pacer_pull(&pacer, &item, now_us));
}

static void padding_does_not_wait(void **state)
{
    (void)state;
    assert_true(pacer_passes(&pacer, PACER_PADDING, PACKET, now_us));
    frame(30);
    assert_false(pacer_passes(&pacer, PACER_PADDING, PACKET, now_us));
    assert_false(push(PACER_PADDING, 1, NULL));
    assert_int_equal(dropped, 0); /* it was not taken */
}

static void without_room_old_retransmissions_go_first(void **state)
{
    (void)state;
    assert_true(push(PACER_RETRANSMISSION, 7, NULL));
    assert_true(push(PACER_RETRANSMISSION, 8, NULL));
    for (unsigned i = 0; i < MAX_PACED_BYTES / PACKET - 2; i++)
        assert_true(push(PACER_VIDEO, 1000 + i, NULL));
    assert_int_equal(dropped, 0);
    assert_true(push(PACER_VIDEO, 1, NULL));
    assert_int_equal(last_dropped, 7);
    assert_true(push(PACER_VIDEO, 1, NULL));
    assert_int_equal(last_dropped, 8);
    assert_true(push(PACER_VIDEO, 1, NULL));
    assert_int_equal(last_dropped, 1000);
    assert_false(push(PACER_RETRANSMISSION, 9, NULL)); /* video does not go for it */
    assert_int_equal(dropped, 3);
}

static void without_memory_it_is_not_taken(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_false(push(PACER_VIDEO, 1, NULL));
    assert_true(push(PACER_VIDEO, 1, NULL));
}

static void an_owner_takes_what_is_his(void **state)
{
    struct pacer_item item;

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        assert_true(push(i % 3 == 0 ? PACER_RETRANSMISSION : PACER_VIDEO, i,
                         i % 2 == 0 ? &owner_a : &owner_b));
    pacer_remove_owner(&pacer, &owner_a);
    assert_int_equal(dropped, 20);
    now_us += PACER_MAX_DELAY_US;
    for (unsigned i = 0; i < 20; i++) {
        assert_true(pacer_pull(&pacer, &item, now_us));
        assert_ptr_equal(item.owner, &owner_b);
    }
    assert_false(pacer_pull(&pacer, &item, now_us));
    assert_true(push(PACER_VIDEO, 1, &owner_a));
    pacer_remove_owner(&pacer, &owner_a);
    assert_int_equal(mem_live_blocks(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(without_a_rate_everything_passes),
        TEST(frames_at_the_target_rate_pass),
        TEST(a_keyframe_is_spread),
        TEST(nothing_waits_longer_than_the_maximum),
        TEST(a_long_queue_drains_evenly),
        TEST(audio_never_waits),
        TEST(much_audio_does_not_lock_out_video),
        TEST(retransmissions_leave_first_each_in_order),
        TEST(padding_does_not_wait),
        TEST(without_room_old_retransmissions_go_first),
        TEST(without_memory_it_is_not_taken),
        TEST(an_owner_takes_what_is_his),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
