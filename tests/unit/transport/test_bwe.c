/* SPDX-License-Identifier: Apache-2.0 */
/* The parts together; how well they estimate is in tests/sim/test_bwe.c. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/str.h"
#include "transport/bwe.h"
#include "transport/bwe_internal.h"
#include "transport/rtcp_twcc.h"

#define MS 1000ull
#define S 1000000ull
#define KBPS 1000ull
#define PACKET 1200
#define DELAY_US (30 * MS) /* each way */

static struct bwe *bwe;
static uint64_t now_us;
static struct rtcp_twcc feedback; /* about what was sent since the last one */
static uint64_t last_arrival_tick;
static bool is_cut_off; /* nothing arrives, and so no feedback does */

static int start_with(const struct bwe_config *config)
{
    now_us = 100 * S;
    feedback.n = 0;
    is_cut_off = false;
    bwe = bwe_new(config);
    return bwe == NULL ? -1 : 0;
}

static int set_up(void **state)
{
    static const struct bwe_config config = {.max_bps = 8000 * KBPS};

    (void)state;
    return start_with(&config);
}

static int tear_down(void **state)
{
    (void)state;
    bwe_free(&bwe);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static uint16_t send_packet(size_t bytes, enum bwe_kind kind)
{
    uint16_t seq = bwe_on_sent(bwe, bytes, kind, now_us);
    uint64_t tick = (now_us + DELAY_US) / TWCC_TICK_US;

    if (feedback.n == 0) {
        feedback.reference = (int32_t)(tick / (TWCC_REFERENCE_US / TWCC_TICK_US));
        last_arrival_tick = (uint64_t)feedback.reference * (TWCC_REFERENCE_US / TWCC_TICK_US);
    }
    feedback.at[feedback.n++] = (struct rtcp_twcc_status){
        .seq = seq, .delta = (int16_t)(tick - last_arrival_tick), .received = true};
    last_arrival_tick = tick;
    return seq;
}

static void give_feedback(void)
{
    if (feedback.n > 0 && !is_cut_off)
        bwe_on_feedback(bwe, &feedback, now_us);
    feedback.n = 0;
}

static void wake_up(bool has_padding)
{
    struct bwe_probe probe;

    if (bwe_deadline_us(bwe) > now_us)
        return;
    bwe_on_deadline(bwe, now_us);
    while (has_padding && bwe_probe_due(bwe, now_us, &probe))
        send_packet(PACKET, BWE_PADDING);
}

/* Media at a rate over a perfect path, with feedback each 50 ms. */
static void run_with(uint64_t bps, uint64_t for_us, bool has_padding)
{
    uint64_t end_us = now_us + for_us, next_us = now_us;

    for (; now_us < end_us; now_us += MS) {
        if (bps > 0 && now_us >= next_us) {
            send_packet(PACKET, BWE_MEDIA);
            next_us += PACKET * 8 * S / bps;
        }
        wake_up(has_padding);
        if (now_us % (50 * MS) == 0)
            give_feedback();
    }
}

static void run(uint64_t bps, uint64_t for_us)
{
    run_with(bps, for_us, true);
}

static struct bwe_stats stats(void)
{
    struct bwe_stats s;

    bwe_read_stats(bwe, &s);
    return s;
}

/* ---- limits and life ---- */

static void defaults_are_sane(void **state)
{
    (void)state;
    assert_int_equal(start_with(&(struct bwe_config){0}), 0);
    assert_int_equal(bwe_target_bps(bwe), BWE_DEFAULT_START_BPS);
    bwe_free(&bwe);
    assert_int_equal(start_with(&(struct bwe_config){.max_bps = 300 * KBPS}), 0);
    assert_int_equal(bwe_target_bps(bwe), 300 * KBPS);
    bwe_free(&bwe);
    assert_int_equal(start_with(&(struct bwe_config){.min_bps = 5000 * KBPS, .max_bps = 1}), 0);
    assert_int_equal(bwe_target_bps(bwe), 5000 * KBPS);
    bwe_free(&bwe);
    bwe_free(&bwe);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_null(bwe_new(&(struct bwe_config){0}));
}

static void who_gets_nothing_costs_nothing(void **state)
{
    (void)state;
    assert_int_equal(bwe_deadline_us(bwe), UINT64_MAX);
    bwe_set_want(bwe, 500 * KBPS, now_us);
    assert_int_equal(bwe_deadline_us(bwe), UINT64_MAX);
    run(400 * KBPS, 5 * S);
    run(0, 10 * S); /* muted */
    assert_int_equal(bwe_deadline_us(bwe), UINT64_MAX);
}

static void nor_does_who_never_answers(void **state)
{
    (void)state;
    is_cut_off = true;
    run(400 * KBPS, 5 * S);
    assert_int_equal(bwe_target_bps(bwe), BWE_DEFAULT_START_BPS);
    assert_int_equal(stats().probes, 1);
    run(0, 10 * S);
    assert_int_equal(bwe_deadline_us(bwe), UINT64_MAX);
}

static void numbers_have_no_gaps(void **state)
{
    (void)state;
    uint16_t seq = send_packet(100, BWE_MEDIA);

    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(send_packet(PACKET, (enum bwe_kind)(i % BWE_KINDS)), (uint16_t)++seq);
    feedback.n = 0;
    assert_int_equal(stats().bytes_sent[BWE_PADDING], 333 * PACKET);
}

static void a_viewer_takes_little_memory(void **state)
{
    (void)state;
    run(1500 * KBPS, 20 * S);
    assert_true(stats().memory_bytes < 4096);
}

/* ---- probes ---- */

static void it_probes_at_the_start(void **state)
{
    (void)state;
    send_packet(PACKET, BWE_MEDIA);
    assert_true(bwe_deadline_us(bwe) <= now_us);
    run(800 * KBPS, S);
    assert_true(bwe_target_bps(bwe) > 6000 * KBPS);
    assert_true(stats().probes_through >= 2);
    assert_true(stats().bytes_sent[BWE_PADDING] > 0);
}

static void at_the_maximum_there_is_nothing_to_probe_for(void **state)
{
    (void)state;
    run(800 * KBPS, 2 * S);
    uint64_t probes = stats().probes;
    bwe_set_want(bwe, 100000 * KBPS, now_us);
    run(800 * KBPS, 30 * S);
    assert_int_equal(stats().probes, probes);
}

static void it_probes_for_what_is_wanted_only(void **state)
{
    (void)state;
    bwe_set_want(bwe, 700 * KBPS, now_us);
    run(800 * KBPS, 10 * S);
    assert_int_equal(stats().probes, 0);
    bwe_set_want(bwe, 3000 * KBPS, now_us);
    run(800 * KBPS, S);
    assert_in_range(bwe_target_bps(bwe), 3000 * KBPS, 4500 * KBPS);
    uint64_t probes = stats().probes;
    run(800 * KBPS, 20 * S);
    assert_int_equal(stats().probes, probes);
}

static void it_probes_while_nothing_is_sent_if_more_is_wanted(void **state)
{
    (void)state;
    bwe_set_want(bwe, 700 * KBPS, now_us);
    run(500 * KBPS, 2 * S);
    bwe_set_want(bwe, 4000 * KBPS, now_us); /* all video is paused: nothing fits */
    run(0, 3 * S);
    assert_true(bwe_target_bps(bwe) >= 4000 * KBPS);
}

static void who_has_no_padding_keeps_the_estimate(void **state)
{
    (void)state;
    run_with(800 * KBPS, 20 * S, false);
    assert_in_range(bwe_target_bps(bwe), 1000 * KBPS, 1300 * KBPS); /* half more than arrives */
}

static void what_was_not_tried_is_not_known(void **state)
{
    (void)state;
    bwe_set_want(bwe, 0, now_us);
    run(300 * KBPS, 60 * S);
    assert_int_equal(bwe_target_bps(bwe), 1000 * KBPS); /* neither up nor down */
}

/* ---- feedback ---- */

static void feedback_about_nothing_changes_nothing(void **state)
{
    (void)state;
    run(800 * KBPS, S);
    struct bwe_stats before = stats();
    feedback.n = 0;
    for (unsigned i = 0; i < MAX_TWCC_STATUSES; i++)
        feedback.at[feedback.n++] =
            (struct rtcp_twcc_status){.seq = (uint16_t)(30000 + i), .received = i % 2 == 0};
    give_feedback();
    assert_int_equal(bwe_target_bps(bwe), before.target_bps);
    assert_int_equal(stats().feedback_unknown, before.feedback_unknown + MAX_TWCC_STATUSES);
    assert_int_equal(stats().packets_lost, 0);
}

static void feedback_that_comes_twice_counts_once(void **state)
{
    static struct rtcp_twcc copy;

    (void)state;
    run(800 * KBPS, S);
    for (unsigned i = 0; i < 10; i++)
        send_packet(PACKET, BWE_MEDIA);
    copy = feedback;
    give_feedback();
    bwe_on_feedback(bwe, &copy, now_us);
    assert_int_equal(stats().feedback_duplicates, copy.n);
}

static void lost_packets_are_counted_until_they_arrive(void **state)
{
    (void)state;
    run(800 * KBPS, S);
    for (unsigned i = 0; i < 10; i++)
        send_packet(PACKET, BWE_MEDIA);
    size_t n = feedback.n;
    for (size_t i = 0; i < n; i++)
        feedback.at[i].received = false;
    give_feedback();
    assert_int_equal(stats().packets_lost, n);
    for (size_t i = 0; i < n; i++)
        feedback.at[i].received = true;
    feedback.n = n;
    give_feedback();
    assert_int_equal(stats().packets_lost, 0);
}

/* ---- silence, another path, REMB ---- */

static void silence_halves_the_target_and_its_end_restores_it(void **state)
{
    (void)state;
    run(800 * KBPS, 2 * S);
    uint64_t before = bwe_target_bps(bwe);
    is_cut_off = true;
    run(800 * KBPS, S);
    assert_int_equal(bwe_target_bps(bwe), before);
    run(800 * KBPS, 400 * MS);
    assert_int_equal(bwe_target_bps(bwe), before / 2);
    assert_true(stats().is_silent);
    run(800 * KBPS, 60 * S);
    assert_in_range(bwe_target_bps(bwe), before / 40, before / 30);
    is_cut_off = false;
    run(800 * KBPS, S);
    assert_false(stats().is_silent);
    assert_true(bwe_target_bps(bwe) > before * 8 / 10);
    assert_int_equal(stats().silences, 1);
}

static void another_path_is_learnt_anew(void **state)
{
    (void)state;
    run(800 * KBPS, 2 * S);
    uint64_t before = bwe_target_bps(bwe), probes = stats().probes;
    bwe_on_path_change(bwe, now_us);
    assert_int_equal(bwe_target_bps(bwe), before);
    run(800 * KBPS, S);
    assert_true(stats().probes > probes);
    assert_true(bwe_target_bps(bwe) > before * 9 / 10);
}

static void remb_alone_is_the_estimate(void **state)
{
    (void)state;
    is_cut_off = true;
    bwe_on_remb(bwe, 2500 * KBPS, now_us);
    assert_int_equal(bwe_target_bps(bwe), 2500 * KBPS);
    bwe_on_remb(bwe, 1, now_us);
    assert_int_equal(bwe_target_bps(bwe), BWE_DEFAULT_MIN_BPS);
    bwe_on_remb(bwe, UINT64_MAX, now_us);
    assert_int_equal(bwe_target_bps(bwe), 8000 * KBPS);
}

static void remb_is_a_bound_for_some_seconds(void **state)
{
    (void)state;
    run(800 * KBPS, 2 * S);
    uint64_t before = bwe_target_bps(bwe);
    bwe_on_remb(bwe, 900 * KBPS, now_us);
    assert_int_equal(bwe_target_bps(bwe), 900 * KBPS);
    bwe_on_remb(bwe, 2 * before, now_us);
    assert_int_equal(bwe_target_bps(bwe), before);
    bwe_on_remb(bwe, 900 * KBPS, now_us);
    run(800 * KBPS, 11 * S);
    assert_true(bwe_target_bps(bwe) > 900 * KBPS);
}

/* Nobody knows before there is feedback; then it is a share, that grows with what is lost always, within a bound. */
static void repair_has_a_share_of_the_target(void **state)
{
    (void)state;
    assert_int_equal(bwe_repair_bps(bwe, now_us), UINT64_MAX);
    run(800 * KBPS, 2 * S);
    uint64_t target_bps = bwe_target_bps(bwe);
    assert_in_range(bwe_repair_bps(bwe, now_us), target_bps * 29 / 100, target_bps * 31 / 100);
    bwe->loss.inherent = 0.1;
    assert_in_range(bwe_repair_bps(bwe, now_us), target_bps * 49 / 100, target_bps * 51 / 100);
    bwe->surge_us = now_us; /* a queue has just come to be */
    assert_in_range(bwe_repair_bps(bwe, now_us), target_bps * 29 / 100, target_bps * 31 / 100);
    bwe->loss.inherent = 0.25;
    bwe->surge_us = 0;
    assert_in_range(bwe_repair_bps(bwe, now_us), target_bps * 59 / 100, target_bps * 61 / 100);
}

static void it_describes_itself(void **state)
{
    struct strbuf text;

    (void)state;
    run(800 * KBPS, 2 * S);
    bwe_on_rtt(bwe, 60 * MS);
    strbuf_init(&text, 500);
    bwe_describe(bwe, &text);
    assert_non_null(strstr(text.p, "usage=normal queue_ms=0 rtt_ms=60"));
    assert_non_null(strstr(text.p, "loss_bound=none"));
    strbuf_fini(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_sane),
        cmocka_unit_test(without_memory_there_is_none),
        TEST(who_gets_nothing_costs_nothing),
        TEST(nor_does_who_never_answers),
        TEST(numbers_have_no_gaps),
        TEST(a_viewer_takes_little_memory),
        TEST(it_probes_at_the_start),
        TEST(at_the_maximum_there_is_nothing_to_probe_for),
        TEST(it_probes_for_what_is_wanted_only),
        TEST(it_probes_while_nothing_is_sent_if_more_is_wanted),
        TEST(who_has_no_padding_keeps_the_estimate),
        TEST(what_was_not_tried_is_not_known),
        TEST(feedback_about_nothing_changes_nothing),
        TEST(feedback_that_comes_twice_counts_once),
        TEST(lost_packets_are_counted_until_they_arrive),
        TEST(silence_halves_the_target_and_its_end_restores_it),
        TEST(another_path_is_learnt_anew),
        TEST(remb_alone_is_the_estimate),
        TEST(remb_is_a_bound_for_some_seconds),
        TEST(repair_has_a_share_of_the_target),
        TEST(it_describes_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
