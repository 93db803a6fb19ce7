/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/attr.h"
#include "core/rng.h"
#include "transport/bwe_loss.h"
#include "transport/probe.h"

#define MS 1000ull
#define S 1000000ull
#define PACKET 1250 /* 10 kbit */
#define RATE_BPS 4000000

static struct bwe_loss loss;
static uint64_t now_us, hold_min_bps;
static struct rng rng;
static double tokens, random_loss;
static uint64_t policed_bps;

static int set_up(void **state)
{
    (void)state;
    bwe_loss_init(&loss);
    now_us = 10 * S;
    tokens = 20000;
    random_loss = 0;
    policed_bps = 0;
    return 0;
}

static bool arrives(uint64_t after_us)
{
    if (policed_bps > 0) {
        tokens = MIN(tokens + (double)policed_bps / 8 * (double)after_us / 1e6, 20000);
        if (tokens < PACKET)
            return false;
        tokens -= PACKET;
    }
    return rng_unit(&rng) >= random_loss;
}

/* Send for a time, with feedback each 50 ms: at @bps, or less when the bound is lower. Counts what was sent. */
static uint64_t send(uint64_t bps, uint64_t for_us, uint64_t queue_us)
{
    uint64_t end_us = now_us + for_us, feedback_us = now_us + 50 * MS, bytes = 0;

    hold_min_bps = UINT64_MAX;
    while (now_us < end_us) {
        uint64_t each_us = PACKET * 8 * S / MIN(bps, bwe_loss_bound_bps(&loss));
        now_us += each_us;
        bwe_loss_add(&loss, now_us, PACKET, arrives(each_us));
        bytes += PACKET;
        if (now_us < feedback_us)
            continue;
        bwe_loss_update(&loss, RATE_BPS, queue_us, now_us);
        hold_min_bps = MIN(hold_min_bps, bwe_loss_bound_bps(&loss));
        feedback_us = now_us + 50 * MS;
    }
    return bytes * 8 * S / for_us;
}

/* A probe of the sender's own went through. */
static void probed(uint64_t bps, uint64_t at_us)
{
    const struct probe_result r = {.rate_bps = bps, .bps = bps, .sent_bps = bps};

    bwe_loss_probed(&loss, &r, at_us);
}

static void without_loss_there_is_no_bound(void **state)
{
    (void)state;
    send(RATE_BPS, 10 * S, 0);
    assert_int_equal(hold_min_bps, UINT64_MAX);
    assert_int_equal(bwe_loss_bound_bps(&loss), UINT64_MAX);
    assert_true(bwe_loss_may_probe(&loss, now_us));
}

static void loss_at_any_rate_is_inherent(void **state)
{
    (void)state;
    random_loss = 0.1;
    send(RATE_BPS, 10 * S, 0); /* learns */
    assert_true(send(RATE_BPS, 30 * S, 0) > RATE_BPS * 85 / 100);
    assert_true(loss.inherent > 0.05 && loss.inherent < 0.15);
}

static void a_policer_is_found(void **state)
{
    (void)state;
    policed_bps = 1500000;
    send(RATE_BPS, 3 * S, 0);
    assert_in_range(bwe_loss_bound_bps(&loss), 1200000, 1500000);
    assert_true(loss.inherent < 0.03);
    uint64_t bps = send(RATE_BPS, 60 * S, 0);
    assert_in_range(bps, 1300000, 1800000);
}

static void a_bound_is_lifted_when_the_policer_has_gone(void **state)
{
    (void)state;
    policed_bps = 1500000;
    send(RATE_BPS, 3 * S, 0);
    policed_bps = 0;
    send(RATE_BPS, 30 * S, 0);
    assert_int_equal(bwe_loss_bound_bps(&loss), UINT64_MAX);
}

/* The rate that is tried is too low for whoever sends. */
static void an_experiment_in_which_nothing_is_sent_ends_with_a_probe(void **state)
{
    (void)state;
    policed_bps = 1500000;
    while (loss.state != BWE_LOSS_TRYING)
        send(RATE_BPS, 50 * MS, 0);
    assert_false(bwe_loss_may_probe(&loss, now_us + 2 * S));
    assert_true(bwe_loss_may_probe(&loss, now_us + 5 * S));
    probed(RATE_BPS, now_us + 5 * S);
    assert_int_equal(bwe_loss_bound_bps(&loss), RATE_BPS);
}

static void a_probe_lifts_it_once_it_is_not_held(void **state)
{
    (void)state;
    policed_bps = 1500000;
    send(RATE_BPS, 3 * S, 0);
    assert_int_equal(loss.state, BWE_LOSS_BOUND);
    assert_false(bwe_loss_may_probe(&loss, now_us));
    probed(3000000, now_us);
    assert_true(bwe_loss_bound_bps(&loss) < 2000000);
    now_us += 10 * S;
    assert_true(bwe_loss_may_probe(&loss, now_us));
    probed(3000000, now_us);
    assert_int_equal(bwe_loss_bound_bps(&loss), 3000000);
}

static void one_long_run_is_an_accident(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        send(RATE_BPS, S, 0);
        random_loss = 1;
        send(RATE_BPS, 100 * MS, 0);
        random_loss = 0;
    }
    assert_int_equal(hold_min_bps, UINT64_MAX);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
}

/* The rate comes down at once; whether it was the queue shows then. */
static void loss_in_front_of_a_long_queue_is_believed(void **state)
{
    (void)state;
    policed_bps = 3000000;
    tokens = 0; /* the queue is full */
    send(RATE_BPS, 400 * MS, 200 * MS);
    assert_int_equal(loss.state, BWE_LOSS_TRYING);
    assert_in_range(bwe_loss_bound_bps(&loss), RATE_BPS * 65 / 100, RATE_BPS * 90 / 100);
    send(RATE_BPS, S, 200 * MS);
    assert_int_equal(loss.state, BWE_LOSS_BOUND);
    assert_true(loss.inherent < 0.01);
}

static void not_when_it_stays_without_the_rate(void **state)
{
    (void)state;
    random_loss = 0.2;
    send(RATE_BPS, 400 * MS, 200 * MS);
    assert_int_equal(loss.state, BWE_LOSS_TRYING);
    send(RATE_BPS, 2 * S, 200 * MS);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
    assert_true(loss.inherent > 0.1);
}

/* Sends until there is a question, and sends the probe: of @packets at @bps so many are lost. */
static void ask_and_answer(uint32_t packets, uint32_t lost, double times)
{
    uint64_t bps = 0;

    while (!bwe_loss_asks(&loss, &bps))
        send(RATE_BPS, 50 * MS, 0);
    assert_in_range(bps, RATE_BPS * 18 / 10, RATE_BPS * 22 / 10);
    assert_int_equal(bwe_loss_bound_bps(&loss), UINT64_MAX); /* it costs nothing */
    bwe_loss_asked(&loss);
    assert_false(bwe_loss_asks(&loss, &bps));
    const struct probe_result r = {.rate_bps = bps,
                                   .sent_bps = (uint64_t)(times * RATE_BPS),
                                   .packets_received = packets - lost,
                                   .packets_lost = lost};
    bwe_loss_probed(&loss, &r, now_us);
}

static void a_probe_that_loses_no_more_answers_that_loss_is_inherent(void **state)
{
    (void)state;
    random_loss = 0.1;
    ask_and_answer(30, 4, 2);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
    assert_true(loss.inherent > 0.03);
    send(RATE_BPS, 20 * S, 0);
    assert_int_equal(hold_min_bps, UINT64_MAX);
}

static void a_probe_that_loses_half_answers_that_it_is_the_rate(void **state)
{
    (void)state;
    policed_bps = 3500000;
    ask_and_answer(30, 16, 2);
    assert_int_equal(loss.state, BWE_LOSS_TRYING);
    assert_true(loss.inherent < 0.03);
    assert_in_range(bwe_loss_bound_bps(&loss), 2800000, 3600000);
}

/* Three packets more or less: could be the one or the other. */
static void a_short_probe_answers_nothing(void **state)
{
    (void)state;
    random_loss = 0.1;
    ask_and_answer(5, 2, 2);
    assert_int_equal(loss.state, BWE_LOSS_TRYING);
}

static void a_probe_that_was_no_faster_leaves_the_question(void **state)
{
    (void)state;
    random_loss = 0.1;
    ask_and_answer(30, 16, 1.2);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
    assert_true(loss.question.is_open);
    send(RATE_BPS, 1100 * MS, 0); /* nobody answers: it is tried */
    assert_int_not_equal(hold_min_bps, UINT64_MAX);
}

/* Found a moment ago: each probe would lose half of itself. */
static void a_policer_that_is_known_is_not_asked_again(void **state)
{
    uint64_t bps;

    (void)state;
    policed_bps = 1500000;
    send(RATE_BPS, 4 * S, 0);
    assert_int_equal(loss.state, BWE_LOSS_BOUND);
    for (unsigned i = 0; i < 400; i++) {
        send(RATE_BPS, 50 * MS, 0);
        assert_false(bwe_loss_asks(&loss, &bps));
    }
    assert_in_range(bwe_loss_bound_bps(&loss), 1200000, 1900000);
}

static void who_sends_little_is_not_the_cause_of_some_loss(void **state)
{
    (void)state;
    random_loss = 0.05;
    send(RATE_BPS / 2, 30 * S, 0);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
    assert_true(loss.inherent > 0.02);
}

static void an_outage_is_no_loss(void **state)
{
    (void)state;
    send(RATE_BPS, S, 0);
    for (unsigned i = 0; i < 400; i++, now_us += 2500)
        bwe_loss_add(&loss, now_us, PACKET, i % 7 == 0);
    bwe_loss_skip(&loss, now_us);
    send(RATE_BPS, 2 * S, 0);
    assert_int_equal(loss.state, BWE_LOSS_OPEN);
    assert_true(loss.inherent < 0.01);
}

static void what_arrives_after_all_is_taken_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++, now_us += 2500) {
        bwe_loss_add(&loss, now_us, PACKET, i % 5 != 0);
        if (i % 5 == 0)
            bwe_loss_take_back(&loss, now_us, PACKET);
    }
    bwe_loss_update(&loss, RATE_BPS, 0, now_us);
    bwe_loss_take_back(&loss, now_us - 10 * S, PACKET); /* of a window that is over */
    assert_true(loss.latest <= 0);
    assert_int_equal(loss.window.lost, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(without_loss_there_is_no_bound),
        TEST(loss_at_any_rate_is_inherent),
        TEST(a_policer_is_found),
        TEST(a_bound_is_lifted_when_the_policer_has_gone),
        TEST(a_probe_lifts_it_once_it_is_not_held),
        TEST(an_experiment_in_which_nothing_is_sent_ends_with_a_probe),
        TEST(one_long_run_is_an_accident),
        TEST(loss_in_front_of_a_long_queue_is_believed),
        TEST(not_when_it_stays_without_the_rate),
        TEST(a_probe_that_loses_no_more_answers_that_loss_is_inherent),
        TEST(a_probe_that_loses_half_answers_that_it_is_the_rate),
        TEST(a_short_probe_answers_nothing),
        TEST(a_probe_that_was_no_faster_leaves_the_question),
        TEST(a_policer_that_is_known_is_not_asked_again),
        TEST(who_sends_little_is_not_the_cause_of_some_loss),
        TEST(an_outage_is_no_loss),
        TEST(what_arrives_after_all_is_taken_back),
    };
    uint64_t seed = getenv("TEST_SEED") == NULL ? 1 : strtoull(getenv("TEST_SEED"), NULL, 10);

    printf("seed %" PRIu64 "\n", seed);
    rng_seed(&rng, seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
