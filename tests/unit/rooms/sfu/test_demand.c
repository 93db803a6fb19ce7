/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/rng.h"
#include "rooms/sfu/demand.h"
#include "tests/unit/core/seed.h"

#define MS 1000ull
#define START_US 3000000ull

static struct demand d;
static struct demand_event events[MAX_ENCODINGS];

static int set_up(void **state)
{
    (void)state;
    demand_init(&d, 3, START_US);
    return 0;
}

static void expect_events(uint64_t now_us, const char *want)
{
    char text[4 * MAX_ENCODINGS + 1] = "";
    size_t n = demand_collect(&d, now_us, events), len = 0;

    for (size_t i = 0; i < n; i++) {
        text[len++] = events[i].is_wanted ? '+' : '-';
        text[len++] = (char)('0' + events[i].encoding);
    }
    assert_string_equal(text, want);
}

static void without_viewers_everything_is_off_after_a_while(void **state)
{
    (void)state;
    assert_int_equal(demand_next_us(&d), START_US + DEMAND_OFF_DELAY_US);
    expect_events(START_US + DEMAND_OFF_DELAY_US - 1, "");
    expect_events(START_US + DEMAND_OFF_DELAY_US, "-0-1-2");
    assert_int_equal(demand_next_us(&d), UINT64_MAX);
    assert_true(demand_is_off(&d, 1));
}

static void what_is_wanted_is_told_at_once(void **state)
{
    uint64_t now_us = START_US + DEMAND_OFF_DELAY_US;

    (void)state;
    expect_events(now_us, "-0-1-2");
    assert_true(demand_move(&d, 0, 1u << 1, now_us));
    expect_events(now_us, "+1");
    assert_false(demand_is_off(&d, 1));
    assert_false(demand_move(&d, 0, 1u << 1, now_us)); /* another viewer of the same */
    expect_events(now_us, "");
}

static void the_last_vote_counts(void **state)
{
    uint64_t now_us = START_US;

    (void)state;
    assert_true(demand_move(&d, 0, 1u << 2, now_us));
    assert_false(demand_move(&d, 0, 1u << 2, now_us));
    now_us += DEMAND_OFF_DELAY_US;
    expect_events(now_us, "-0-1");
    assert_true(demand_move(&d, 1u << 2, 1u << 0, now_us)); /* one goes down a layer */
    expect_events(now_us, "+0");
    assert_int_equal(demand_next_us(&d), UINT64_MAX);
    assert_true(demand_move(&d, 1u << 2, 0, now_us)); /* and one leaves */
    assert_int_equal(demand_set(&d), 1u << 0);
    assert_int_equal(demand_next_us(&d), now_us + DEMAND_OFF_DELAY_US);
    expect_events(demand_next_us(&d), "-2");
}

static void who_comes_back_in_time_costs_nothing(void **state)
{
    uint64_t now_us = START_US;

    (void)state;
    assert_true(demand_move(&d, 0, 7, now_us));
    for (unsigned i = 0; i < 100; i++) {
        assert_true(demand_move(&d, 7, 3, now_us));
        now_us += DEMAND_OFF_DELAY_US - 1;
        expect_events(now_us, "");
        assert_true(demand_move(&d, 3, 7, now_us));
        expect_events(now_us, "");
    }
}

static void workers_vote_with_what_their_votes_come_to(void **state)
{
    struct demand worker[2];
    uint64_t now_us = START_US;

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        demand_init(&worker[i], 3, now_us);
    assert_true(demand_move(&worker[0], 0, 1u << 0, now_us));
    assert_true(demand_move(&worker[0], 0, 1u << 2, now_us));
    assert_true(demand_move(&worker[1], 0, 1u << 0, now_us));
    assert_true(demand_move(&d, 0, demand_set(&worker[0]), now_us));
    assert_false(demand_move(&d, 0, demand_set(&worker[1]), now_us));
    now_us += DEMAND_OFF_DELAY_US;
    expect_events(now_us, "-1");
    unsigned before = demand_set(&worker[0]);
    assert_true(demand_move(&worker[0], 1u << 0, 0, now_us));
    assert_false(demand_move(&d, before, demand_set(&worker[0]), now_us)); /* the other wants it */
    assert_int_equal(demand_set(&d), 5);
}

static void bits_past_the_encodings_count_for_nothing(void **state)
{
    (void)state;
    demand_init(&d, 1, START_US);
    assert_false(demand_move(&d, 0, 0xFE, START_US));
    assert_int_equal(demand_set(&d), 0);
    expect_events(START_US + DEMAND_OFF_DELAY_US, "-0");
    assert_false(demand_is_off(&d, 2));
    demand_init(&d, 0, START_US);
    assert_int_equal(demand_next_us(&d), UINT64_MAX);
}

static void the_publisher_is_right_in_the_end_whatever_happened(void **state)
{
    enum { VOTERS = 20 };
    struct rng rng;
    uint64_t seed = seed_of_test(), now_us = START_US, last_us[3] = {0};
    unsigned vote[VOTERS] = {0}, believed = 7;

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    for (unsigned i = 0; i < 5000; i++) {
        unsigned v = rng_below(&rng, VOTERS),
                 to = i < 4900 && rng_below(&rng, 4) == 0 ? rng_below(&rng, 8) : 0;
        unsigned want = 0;
        (void)demand_move(&d, vote[v], to, now_us);
        vote[v] = to;
        for (unsigned k = 0; k < VOTERS; k++)
            want |= vote[k];
        assert_int_equal(demand_set(&d), want);
        size_t n = demand_collect(&d, now_us, events);
        for (size_t k = 0; k < n; k++) {
            unsigned e = events[k].encoding;
            assert_int_equal(events[k].is_wanted, want >> e & 1);
            assert_int_not_equal(events[k].is_wanted, believed >> e & 1);
            if (!events[k].is_wanted)
                assert_true(now_us - last_us[e] >= DEMAND_OFF_DELAY_US);
            believed ^= 1u << e;
        }
        for (unsigned e = 0; e < 3; e++)
            if (want >> e & 1)
                last_us[e] = now_us;
        assert_int_equal(believed & want, want); /* never without what is wanted */
        now_us += rng_below(&rng, 2000) * MS;
    }
    now_us += DEMAND_OFF_DELAY_US;
    (void)demand_collect(&d, now_us, events);
    assert_int_equal(d.told, demand_set(&d));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(without_viewers_everything_is_off_after_a_while),
        T(what_is_wanted_is_told_at_once),
        T(the_last_vote_counts),
        T(who_comes_back_in_time_costs_nothing),
        T(workers_vote_with_what_their_votes_come_to),
        T(bits_past_the_encodings_count_for_nothing),
        T(the_publisher_is_right_in_the_end_whatever_happened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
