/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/mem.h"
#include "core/rng.h"
#include "tests/unit/core/seed.h"
#include "transport/remb.h"

#define SECONDS 1000000ull
#define PACKET_BYTES 1000

/* A sender of packets of one size at a rate, its clock, and a bottleneck with a queue that has no end. */
static struct {
    struct remb *remb;
    uint64_t now_us, next_us, busy_until_us; /* ours; when it sends next; the bottleneck's */
    uint64_t rate_bps, capacity_bps;
    uint64_t clock_us; /* of the sender, when ours shows 0 */
    unsigned told;
    uint64_t told_bps, told_us, shortest_us;
} w;

static int set_up(void **state)
{
    (void)state;
    w = (typeof(w)){.now_us = 5 * SECONDS, .capacity_bps = 100000000, .shortest_us = UINT64_MAX};
    w.next_us = w.now_us;
    w.remb = remb_new();
    return w.remb == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    remb_free(&w.remb);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void tell(void)
{
    uint64_t bps;

    while (remb_due_us(w.remb) <= w.now_us && remb_take(w.remb, w.now_us, &bps)) {
        if (w.told++ > 0)
            w.shortest_us = MIN(w.shortest_us, w.now_us - w.told_us);
        w.told_bps = bps;
        w.told_us = w.now_us;
    }
}

static uint32_t sent_of(uint64_t sender_us)
{
    return (uint32_t)((sender_us * (1u << 18) / SECONDS) & 0xffffff);
}

/* Calls come at arrivals: nothing else happens in between but that a REMB is due. */
static void run(uint64_t us, uint64_t rate_bps)
{
    uint64_t end_us = w.next_us + us, step_us = PACKET_BYTES * 8 * SECONDS / rate_bps;

    for (; w.next_us < end_us; w.next_us += step_us) {
        uint64_t sent_us = w.next_us;
        w.busy_until_us =
            MAX(w.busy_until_us, sent_us) + PACKET_BYTES * 8 * SECONDS / w.capacity_bps;
        while (remb_due_us(w.remb) < w.busy_until_us) {
            w.now_us = MAX(w.now_us, remb_due_us(w.remb));
            tell();
        }
        w.now_us = w.busy_until_us;
        remb_add(w.remb, sent_of(w.clock_us + sent_us), PACKET_BYTES, w.now_us, w.now_us);
        tell();
    }
}

static void nobody_is_told_before_packets_come(void **state)
{
    uint64_t bps;

    (void)state;
    assert_int_equal(remb_due_us(w.remb), UINT64_MAX);
    assert_false(remb_take(w.remb, w.now_us, &bps));
    assert_int_equal(remb_bps(w.remb), REMB_START_BPS);
}

static void what_arrives_may_grow_by_half(void **state)
{
    (void)state;
    run(30 * SECONDS, 2000000);
    assert_in_range(remb_bps(w.remb), 2700000, 3100000);
    assert_in_range(w.told_bps, 2700000, 3100000);
    assert_in_range(w.told, 28, 32);
    assert_true(w.shortest_us >= REMB_INTERVAL_US);
}

static void a_queue_that_grows_is_told_at_once(void **state)
{
    (void)state;
    run(20 * SECONDS, 2000000);
    w.capacity_bps = 1500000;
    uint64_t before = w.told_bps, since_us = w.now_us;
    while (w.told_bps >= before && w.now_us < since_us + 2 * SECONDS)
        run(SECONDS / 50, 2000000);
    assert_true(w.told_us - since_us < SECONDS);
    assert_in_range(w.told_bps, 1000000, 1500000);
}

/* It obeys: the queue goes, and the rate stays near the capacity. */
static void a_sender_that_obeys_stays_near_the_capacity(void **state)
{
    uint64_t sum = 0;

    (void)state;
    w.capacity_bps = 1500000;
    for (unsigned i = 0; i < 600; i++) {
        run(SECONDS / 10, MIN(MAX(w.told_bps, 100000), 3000000));
        if (i >= 200) {
            sum += w.told_bps;
            assert_true(w.busy_until_us < w.next_us + 800000); /* of queue */
        }
    }
    assert_in_range(sum / 400, 1000000, 1600000);
}

static void the_extension_goes_round_each_minute(void **state)
{
    (void)state;
    w.clock_us = 63 * SECONDS;
    run(200 * SECONDS, 1000000);
    assert_in_range(remb_bps(w.remb), 1350000, 1550000);
}

static void a_pause_ends_it_and_changes_nothing(void **state)
{
    (void)state;
    run(20 * SECONDS, 2000000);
    uint64_t before = remb_bps(w.remb), told;
    for (w.now_us += SECONDS; remb_due_us(w.remb) != UINT64_MAX; w.now_us += SECONDS)
        tell();
    told = w.told;
    w.next_us = w.now_us + 100 * SECONDS; /* longer than the extension counts */
    run(SECONDS / 2, 2000000);
    assert_true(w.told > told);
    assert_in_range(remb_bps(w.remb), before * 9 / 10, before * 11 / 10);
}

static void made_up_times_stay_within_bounds(void **state)
{
    struct rng rng;

    (void)state;
    uint64_t seed = seed_of_test();
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 50000; i++) {
        w.now_us += rng_below(&rng, i % 1000 == 0 ? 5000000 : 3000);
        remb_add(w.remb, rng_u32(&rng) & 0xffffff, rng_below(&rng, 1500), w.now_us, w.now_us);
        tell();
        assert_in_range(remb_bps(w.remb), REMB_MIN_BPS, REMB_MAX_BPS);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nobody_is_told_before_packets_come),   T(what_arrives_may_grow_by_half),
        T(a_queue_that_grows_is_told_at_once),   T(a_sender_that_obeys_stays_near_the_capacity),
        T(the_extension_goes_round_each_minute), T(a_pause_ends_it_and_changes_nothing),
        T(made_up_times_stay_within_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
