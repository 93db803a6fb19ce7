/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/rng.h"
#include "transport/bwe_surge.h"

#define MS 1000ull
#define CLOCK_US 123456789000 /* the endpoint's is so far ahead */
#define BYTES 1000

static struct bwe_surge surge;
static uint64_t sent_us, bps, rise_us;

static int set_up(void **state)
{
    (void)state;
    surge = (struct bwe_surge){0};
    sent_us = 1000 * MS;
    return 0;
}

static void packet(uint64_t at_us, uint64_t delay_us, uint64_t jitter_us)
{
    bwe_surge_add(&surge, at_us, (int64_t)(at_us + delay_us) + CLOCK_US, BYTES, jitter_us);
}

/* Frames of @packets, each of which is sent at one moment over a line that takes @packet_us for a packet; returns the first surge. */
static unsigned first_surge(unsigned frames, unsigned packets, uint64_t packet_us)
{
    uint64_t free_us = sent_us;

    for (unsigned n = 1; n <= frames; n++, sent_us += 33 * MS) {
        free_us = MAX(free_us, sent_us);
        for (unsigned i = 0; i < packets; i++) {
            free_us += packet_us;
            packet(sent_us, free_us - sent_us, MS);
            if (bwe_surge_take(&surge, &bps, &rise_us))
                return n;
        }
    }
    return 0;
}

static void a_line_cut_to_a_fraction_shows_within_three_frames(void **state)
{
    (void)state;
    assert_int_equal(first_surge(60, 7, 2 * MS), 0);    /* 1.7 Mb/s of 4 */
    assert_in_range(first_surge(60, 7, 16 * MS), 2, 3); /* of 500 kb/s */
    assert_in_range(bps, 400000, 510000);
    assert_in_range(rise_us, 80 * MS, 200 * MS);
    assert_false(bwe_surge_take(&surge, &bps, &rise_us)); /* it is told once */
}

static void a_line_that_is_a_little_too_small_is_left_to_the_trend_for_some_time(void **state)
{
    (void)state;
    assert_int_equal(first_surge(60, 7, 2 * MS), 0);
    assert_in_range(first_surge(60, 7, 6 * MS), 8, 12);
}

/* Audio between the frames waits for what the frame before left, and a video packet right behind it for less. */
static void audio_in_between_does_not_hide_it(void **state)
{
    uint64_t free_us = sent_us;
    unsigned frames = 0;

    (void)state;
    for (uint64_t at_us = sent_us; frames < 8; at_us += 1 * MS) {
        unsigned packets = at_us % 33000 == 0 ? 7 : at_us % 20000 == 0 ? 1 : 0;
        frames += packets == 7;
        for (; packets > 0; packets--) {
            free_us = MAX(free_us, at_us) + 16 * MS;
            packet(at_us, free_us - at_us, MS);
        }
        if (bwe_surge_take(&surge, &bps, &rise_us))
            break;
    }
    assert_in_range(frames, 2, 3);
}

static void jitter_makes_none(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 1);
    for (uint32_t most_us = 10000; most_us <= 400000; most_us *= 2) {
        bwe_surge_break(&surge);
        for (unsigned i = 0; i < 2000; i++, sent_us += 33 * MS)
            packet(sent_us, rng_below(&rng, most_us), most_us / 3);
        assert_false(bwe_surge_take(&surge, &bps, &rise_us));
    }
}

static void a_stall_makes_none(void **state)
{
    (void)state;
    for (unsigned stall_ms = 50; stall_ms < 2000; stall_ms += 50) {
        uint64_t until_us = sent_us + stall_ms * MS;
        for (unsigned i = 0; i < 100; i++, sent_us += 33 * MS)
            packet(sent_us, sent_us < until_us ? until_us - sent_us : 20 * MS, MS);
        assert_false(bwe_surge_take(&surge, &bps, &rise_us));
    }
}

static void a_longer_path_makes_none(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++, sent_us += 33 * MS)
        packet(sent_us, i < 50 ? 20 * MS : 220 * MS, MS);
    assert_false(bwe_surge_take(&surge, &bps, &rise_us));
}

/* What was not told of is not in the rate, so the run begins anew. */
static void what_was_not_told_of_breaks_it(void **state)
{
    uint64_t free_us = sent_us;

    (void)state;
    for (unsigned n = 0; n < 30; n++, sent_us += 33 * MS) {
        if (n % 2 == 0)
            bwe_surge_break(&surge);
        for (unsigned i = 0; i < 7; i++) {
            free_us += 16 * MS;
            packet(sent_us, free_us - sent_us, MS);
        }
    }
    assert_false(bwe_surge_take(&surge, &bps, &rise_us));
}

static void nonsense_does_no_harm(void **state)
{
    struct rng rng;

    (void)state;
    rng_seed(&rng, 2);
    for (unsigned i = 0; i < 200000; i++) {
        bwe_surge_add(&surge, rng_u64(&rng) >> (1 + rng_below(&rng, 62)),
                      (int64_t)(rng_u64(&rng) >> (1 + rng_below(&rng, 62))), rng_below(&rng, 1500),
                      rng_below(&rng, 5000000));
        (void)bwe_surge_take(&surge, &bps, &rise_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_cut_to_a_fraction_shows_within_three_frames, set_up),
        cmocka_unit_test_setup(a_line_that_is_a_little_too_small_is_left_to_the_trend_for_some_time,
                               set_up),
        cmocka_unit_test_setup(audio_in_between_does_not_hide_it, set_up),
        cmocka_unit_test_setup(jitter_makes_none, set_up),
        cmocka_unit_test_setup(a_stall_makes_none, set_up),
        cmocka_unit_test_setup(a_longer_path_makes_none, set_up),
        cmocka_unit_test_setup(what_was_not_told_of_breaks_it, set_up),
        cmocka_unit_test_setup(nonsense_does_no_harm, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
