/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "core/attr.h"
#include "core/mem.h"
#include "tests/net/lane.h"
#include "tests/unit/core/seed.h"

#define MS LANE_NS_PER_MS
#define S LANE_NS_PER_S
#define BYTES 1250u /* 10000 bits: 10 ms at 1 Mb/s */

struct stage {
    struct lane *lane;
    struct lane_settings s;
    uint64_t seed;
    int64_t blocks_before;
};

static int setup(void **state)
{
    static struct stage st;

    st.seed = seed_of_test();
    st.blocks_before = mem_live_blocks();
    st.lane = lane_new(st.seed);
    st.s = (struct lane_settings){0};
    *state = &st;
    return 0;
}

static int teardown(void **state)
{
    struct stage *st = *state;

    lane_free(&st->lane);
    assert_null(st->lane);
    seed_print(st->seed);
    return mem_live_blocks() == st->blocks_before ? 0 : -1;
}

static void set(struct stage *st, uint64_t now_ns)
{
    lane_set(st->lane, &st->s, now_ns);
}

static void push(struct stage *st, uint32_t number, uint64_t now_ns)
{
    uint8_t packet[BYTES] = {0};

    memcpy(packet, &number, sizeof number);
    lane_push(st->lane, packet, sizeof packet, now_ns);
}

/* The number of the packet that comes out at @now_ns; -1 when none does. */
static int64_t pop(struct stage *st, uint64_t now_ns)
{
    uint8_t packet[BYTES + 1];
    uint32_t number;
    size_t len = lane_pop(st->lane, packet, sizeof packet, now_ns);

    if (len == 0)
        return -1;
    assert_int_equal(len, BYTES);
    memcpy(&number, packet, sizeof number);
    return number;
}

/* Push @count packets, one each @every_ns, and let all of them come out. */
static struct lane_counters pass(struct stage *st, uint32_t count, uint64_t every_ns)
{
    for (uint32_t i = 0; i < count; i++) {
        push(st, i, i * every_ns);
        while (pop(st, i * every_ns) >= 0) {
        }
    }
    while (lane_next_ns(st->lane) != UINT64_MAX)
        (void)pop(st, lane_next_ns(st->lane));
    return lane_counters(st->lane, count * every_ns);
}

static void a_fresh_lane_passes_everything_at_once(void **state)
{
    struct stage *st = *state;

    assert_true(lane_next_ns(st->lane) == UINT64_MAX);
    push(st, 1, 5);
    push(st, 2, 5);
    assert_int_equal(lane_next_ns(st->lane), 5);
    assert_int_equal(pop(st, 5), 1);
    assert_int_equal(pop(st, 5), 2);
    assert_int_equal(pop(st, 5), -1);
}

static void a_packet_that_does_not_fit_is_cut(void **state)
{
    struct stage *st = *state;
    uint8_t small[4];

    push(st, 7, 0);
    assert_int_equal(lane_pop(st->lane, small, sizeof small, 0), sizeof small);
    assert_int_equal(lane_counters(st->lane, 0).bytes_out, BYTES);
}

static void the_rate_spaces_packets(void **state)
{
    struct stage *st = *state;

    st->s.rate_bps = 1000000;
    set(st, 0);
    for (uint32_t i = 0; i < 3; i++)
        push(st, i, 0);
    assert_int_equal(lane_counters(st->lane, 0).queue_ns, 30 * MS);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(lane_next_ns(st->lane), (i + 1) * 10 * MS);
        assert_int_equal(pop(st, (i + 1) * 10 * MS - 1), -1);
        assert_int_equal(pop(st, (i + 1) * 10 * MS), i);
    }
}

static void delay_comes_after_the_bottleneck(void **state)
{
    struct stage *st = *state;

    st->s.rate_bps = 1000000;
    st->s.delay_ns = 50 * MS;
    set(st, 0);
    push(st, 1, 0);
    push(st, 2, 0);
    assert_int_equal(pop(st, 60 * MS - 1), -1);
    assert_int_equal(pop(st, 60 * MS), 1);
    assert_int_equal(pop(st, 70 * MS - 1), -1);
    assert_int_equal(pop(st, 70 * MS), 2);
}

static void another_rate_holds_for_what_is_left(void **state)
{
    struct stage *st = *state;

    st->s.rate_bps = 1000000;
    set(st, 0);
    push(st, 1, 0);
    push(st, 2, 0);
    st->s.rate_bps = 500000;
    set(st,
        5 * MS); /* half of the first is sent: the other half takes 10 ms, the second packet 20 */
    assert_int_equal(pop(st, 15 * MS - 1), -1);
    assert_int_equal(pop(st, 15 * MS), 1);
    assert_int_equal(pop(st, 35 * MS - 1), -1);
    st->s.rate_bps = 0;
    set(st, 35 * MS - 1); /* no bottleneck: out it goes */
    assert_int_equal(pop(st, 35 * MS - 1), 2);
}

static void a_full_queue_drops_what_comes_last(void **state)
{
    static const struct {
        uint64_t queue_bytes, queue_ns;
        uint64_t want_passed;
    } rows[] = {
        {4 * BYTES, 0, 4},   {4 * BYTES - 1, 0, 3},
        {0, 40 * MS, 5}, /* who finds 40 ms before him comes in */
        {0, 40 * MS - 1, 4}, {3 * BYTES, 40 * MS, 3},
        {0, 0, 20},
    };
    struct stage *st = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lane *lane = lane_new(1);
        uint8_t packet[BYTES] = {0};
        st->s = (struct lane_settings){
            .rate_bps = 1000000, .queue_bytes = rows[i].queue_bytes, .queue_ns = rows[i].queue_ns};
        lane_set(lane, &st->s, 0);
        for (int n = 0; n < 20; n++)
            lane_push(lane, packet, sizeof packet, 0);
        struct lane_counters c = lane_counters(lane, 0);
        assert_int_equal(c.dropped_queue, 20 - rows[i].want_passed);
        assert_int_equal(c.queue_bytes, rows[i].want_passed * BYTES);
        assert_int_equal(c.packets_in, 20);
        lane_free(&lane);
    }
}

static void two_hundred_megabits_are_exact(void **state)
{
    struct stage *st = *state;
    const uint32_t count = 20000; /* 1 s of them */

    st->s.rate_bps = 200000000;
    set(st, 0);
    for (uint32_t i = 0; i < count; i++)
        push(st, i, 0);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(lane_next_ns(st->lane), (i + 1) * (S / count));
        assert_int_equal(pop(st, lane_next_ns(st->lane)), i);
    }
}

static void losses_come_as_often_as_said(void **state)
{
    static const double rows[] = {0, 0.01, 0.05, 0.3, 1};
    struct stage *st = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        st->s = (struct lane_settings){.loss = rows[i]};
        lane_free(&st->lane);
        st->lane = lane_new(st->seed + i);
        set(st, 0);
        struct lane_counters c = pass(st, 40000, MS);
        double lost = (double)c.dropped_loss / 40000;
        assert_true(lost >= rows[i] - 0.012 && lost <= rows[i] + 0.012);
        assert_int_equal(c.packets_out + c.dropped_loss, 40000);
    }
}

static void bursts_are_as_long_as_said_and_no_more_is_lost(void **state)
{
    struct stage *st = *state;
    uint32_t lost = 0, runs = 0, expected = 0;

    st->s.loss = 0.05;
    st->s.burst = 8;
    set(st, 0);
    for (uint32_t i = 0; i < 200000; i++) {
        push(st, i, i * MS);
        int64_t number = pop(st, i * MS);
        if (number < 0) {
            lost++;
            continue;
        }
        runs += number != expected; /* a run of losses has ended */
        expected = (uint32_t)number + 1;
    }
    double share = lost / 200000.0, length = (double)lost / runs;
    assert_true(share > 0.04 && share < 0.06);
    assert_true(length > 6.8 && length < 9.2);
}

static void jitter_keeps_the_order(void **state)
{
    struct stage *st = *state;
    int64_t last = -1, number;
    uint64_t latest_ns = 0, earliest_ns = UINT64_MAX;

    st->s.delay_ns = 20 * MS;
    st->s.jitter_ns = 30 * MS;
    set(st, 0);
    for (uint32_t i = 0; i < 5000; i++)
        push(st, i, i * MS);
    while (lane_next_ns(st->lane) != UINT64_MAX) {
        uint64_t now = lane_next_ns(st->lane);
        if ((number = pop(st, now)) < 0)
            continue;
        assert_int_equal(number, last + 1);
        last = number;
        latest_ns = MAX(latest_ns, now - (uint64_t)number * MS);
        earliest_ns = MIN(earliest_ns, now - (uint64_t)number * MS);
    }
    assert_int_equal(last, 4999);
    assert_true(earliest_ns >= 20 * MS && earliest_ns < 24 * MS);
    assert_true(latest_ns <= 50 * MS && latest_ns > 46 * MS);
}

static void free_jitter_overtakes(void **state)
{
    struct stage *st = *state;
    int64_t last = -1, number;
    uint32_t overtaken = 0, count = 0;

    st->s.jitter_ns = 10 * MS;
    st->s.jitter_reorders = true;
    set(st, 0);
    for (uint32_t i = 0; i < 1000; i++)
        push(st, i, i * MS);
    while (lane_next_ns(st->lane) != UINT64_MAX)
        if ((number = pop(st, lane_next_ns(st->lane))) >= 0) {
            overtaken += number < last;
            last = number;
            count++;
        }
    assert_int_equal(count, 1000);
    assert_true(overtaken > 100);
}

static void reordered_packets_come_later_and_all_come(void **state)
{
    struct stage *st = *state;

    st->s.reorder = 0.1;
    st->s.reorder_ns = 30 * MS;
    set(st, 0);
    for (uint32_t i = 0; i < 10000; i++)
        push(st, i, i * MS);
    uint32_t late = 0, count = 0;
    while (lane_next_ns(st->lane) != UINT64_MAX) {
        uint64_t now = lane_next_ns(st->lane);
        int64_t number = pop(st, now);
        uint64_t after_ns = now - (uint64_t)number * MS;
        assert_true(after_ns == 0 || after_ns == 30 * MS);
        late += after_ns > 0;
        count++;
    }
    assert_int_equal(count, 10000);
    assert_int_equal(late, lane_counters(st->lane, 20 * S).reordered);
    assert_true(late > 800 && late < 1200);
}

static void doubles_come_twice(void **state)
{
    struct stage *st = *state;

    st->s.duplicate = 1;
    set(st, 0);
    push(st, 1, 0);
    push(st, 2, 0);
    assert_int_equal(pop(st, 0), 1);
    assert_int_equal(pop(st, 0), 1);
    assert_int_equal(pop(st, 0), 2);
    assert_int_equal(pop(st, 0), 2);
    assert_int_equal(pop(st, 0), -1);
    assert_int_equal(lane_counters(st->lane, 0).duplicated, 2);
}

static void a_dark_lane_loses_what_would_come_in_or_out(void **state)
{
    struct stage *st = *state;

    st->s.delay_ns = 10 * MS;
    set(st, 0);
    push(st, 1, 0);       /* out at 10 ms */
    push(st, 2, 95 * MS); /* under way when it gets dark */
    lane_darken(st->lane, 100 * MS, 200 * MS);
    push(st, 3, 100 * MS); /* comes in the dark */
    push(st, 4, 199 * MS);
    push(st, 5, 200 * MS);                  /* light again */
    assert_int_equal(pop(st, 300 * MS), 1); /* asked late, but it came out in time */
    assert_int_equal(pop(st, 300 * MS), 5);
    assert_int_equal(pop(st, 300 * MS), -1);
    assert_int_equal(lane_counters(st->lane, 300 * MS).dropped_dark, 3);
}

static void darkness_without_an_end_ends_when_told(void **state)
{
    struct stage *st = *state;

    lane_darken(st->lane, 0, UINT64_MAX);
    push(st, 1, S);
    lane_darken(st->lane, 2 * S, 2 * S);
    push(st, 2, 2 * S);
    assert_int_equal(pop(st, 2 * S), 2);
}

static void the_same_seed_gives_the_same_network(void **state)
{
    struct stage *st = *state;
    struct lane *twin = lane_new(st->seed + 1);
    uint8_t a[BYTES], b[BYTES];

    st->s = (struct lane_settings){.loss = 0.2,
                                   .burst = 3,
                                   .jitter_ns = 20 * MS,
                                   .jitter_reorders = true,
                                   .duplicate = 0.1,
                                   .reorder = 0.1,
                                   .reorder_ns = 5 * MS};
    set(st, 0);
    lane_set(twin, &st->s, 0);
    lane_seed(twin, st->seed);
    lane_seed(st->lane, st->seed);
    for (uint32_t i = 0; i < 2000; i++) {
        memset(b, 0, sizeof b);
        memcpy(b, &i, sizeof i);
        push(st, i, i * MS);
        lane_push(twin, b, sizeof b, i * MS);
    }
    while (lane_next_ns(st->lane) != UINT64_MAX) {
        uint64_t now = lane_next_ns(st->lane);
        assert_int_equal(lane_next_ns(twin), now);
        assert_int_equal(lane_pop(st->lane, a, sizeof a, now), lane_pop(twin, b, sizeof b, now));
        assert_memory_equal(a, b, sizeof a);
    }
    assert_true(lane_next_ns(twin) == UINT64_MAX);
    lane_free(&twin);
}

static void what_it_holds_is_bounded(void **state)
{
    struct stage *st = *state;
    const uint8_t byte = 0;

    st->s.delay_ns = S;
    set(st, 0);
    for (uint32_t i = 0; i < LANE_MAX_PACKETS + 10; i++)
        lane_push(st->lane, &byte, 1, 0);
    struct lane_counters c = lane_counters(st->lane, 0);
    assert_int_equal(c.packets_held, LANE_MAX_PACKETS);
    assert_int_equal(c.dropped_queue, 10);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(a_fresh_lane_passes_everything_at_once),
        ROW(a_packet_that_does_not_fit_is_cut),
        ROW(the_rate_spaces_packets),
        ROW(delay_comes_after_the_bottleneck),
        ROW(another_rate_holds_for_what_is_left),
        ROW(a_full_queue_drops_what_comes_last),
        ROW(two_hundred_megabits_are_exact),
        ROW(losses_come_as_often_as_said),
        ROW(bursts_are_as_long_as_said_and_no_more_is_lost),
        ROW(jitter_keeps_the_order),
        ROW(free_jitter_overtakes),
        ROW(reordered_packets_come_later_and_all_come),
        ROW(doubles_come_twice),
        ROW(a_dark_lane_loses_what_would_come_in_or_out),
        ROW(darkness_without_an_end_ends_when_told),
        ROW(the_same_seed_gives_the_same_network),
        ROW(what_it_holds_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
