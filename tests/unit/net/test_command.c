/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/attr.h"
#include "tests/net/command.h"
#include "tests/net/lane.h"
#include "tests/net/lane_text.h"

#define MS LANE_NS_PER_MS

static void settings_are_read(void **state)
{
    struct lane_settings s = {0};
    char problem[100];

    (void)state;
    assert_true(lane_text_read(&s,
                               " rate=1.5M  queue=300ms delay=200us jitter=1.5s order=free loss=5% "
                               "burst=4 duplicate=0.01 reorder=2%/30ms ",
                               problem, sizeof problem));
    assert_int_equal(s.rate_bps, 1500000);
    assert_int_equal(s.queue_ns, 300 * MS);
    assert_int_equal(s.queue_bytes, 0);
    assert_int_equal(s.delay_ns, 200000);
    assert_int_equal(s.jitter_ns, 1500 * MS);
    assert_true(s.jitter_reorders);
    assert_true(s.loss > 0.0499 && s.loss < 0.0501);
    assert_true(s.burst > 3.99 && s.burst < 4.01);
    assert_true(s.duplicate > 0.0099 && s.duplicate < 0.0101);
    assert_true(s.reorder > 0.0199 && s.reorder < 0.0201);
    assert_int_equal(s.reorder_ns, 30 * MS);
    /* What is not named stays; the two kinds of queue replace one another. */
    assert_true(lane_text_read(&s, "queue=64kB order=keep reorder=0 loss=0", problem, 100));
    assert_int_equal(s.queue_ns, 0);
    assert_int_equal(s.queue_bytes, 64000);
    assert_false(s.jitter_reorders);
    assert_true(s.loss <= 0 && s.reorder <= 0);
    assert_int_equal(s.rate_bps, 1500000);
    assert_true(lane_text_read(&s, "rate=none queue=none", problem, sizeof problem));
    assert_int_equal(s.rate_bps | s.queue_ns | s.queue_bytes, 0);
}

static void bad_settings_change_nothing(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        {"delay=10ms loss", "\"loss\" is no setting: write name=value"},
        {"delay=10ms lost=5%", "there is no setting \"lost\""},
        {"delay=10ms =5", "there is no setting \"\""},
        {"delay=10ms loss=5%%", "loss wants a fraction, as 5% or 0.05"},
        {"delay=10ms loss=101%", "loss wants a fraction, as 5% or 0.05"},
        {"delay=10ms loss=-1%", "loss wants a fraction, as 5% or 0.05"},
        {"delay=10ms loss=", "loss wants a fraction, as 5% or 0.05"},
        {"delay=10ms loss=nan", "loss wants a fraction, as 5% or 0.05"},
        {"delay=10", "delay wants a time of at most an hour, as 50ms"},
        {"delay=10ms delay=2h", "delay wants a time of at most an hour, as 50ms"},
        {"delay=10ms jitter=3601s", "jitter wants a time of at most an hour, as 50ms"},
        {"delay=10ms rate=0", "rate wants bits a second from 1k to 10G, as 500k or 4M, or none"},
        {"delay=10ms rate=1e3000",
         "rate wants bits a second from 1k to 10G, as 500k or 4M, or none"},
        {"delay=10ms queue=100B",
         "queue wants a time (200ms) or a size of at least 1600 bytes (64kB), or none"},
        {"delay=10ms order=any", "order wants keep or free"},
        {"delay=10ms burst=0.5", "burst wants a number of packets, at least 1"},
        {"delay=10ms reorder=1%", "reorder wants a fraction and a time, as 2%/30ms, or 0"},
        {"delay=10ms reorder=1%/x", "reorder wants a fraction and a time, as 2%/30ms, or 0"},
    };
    char problem[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct lane_settings s = {.delay_ns = 7};
        assert_false(lane_text_read(&s, rows[i].text, problem, sizeof problem));
        assert_string_equal(problem, rows[i].problem);
        assert_int_equal(s.delay_ns, 7);
    }
}

static struct link link[2] = {{.name = "one"}, {.name = "two"}};
static struct links all = {.link = link, .count = 2};
static char answer[2000];

static int open_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(link); i++)
        for (size_t d = 0; d < LANES_OF_LINK; d++)
            link[i].lane[d] = lane_new(1);
    return 0;
}

static int close_links(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(link); i++)
        for (size_t d = 0; d < LANES_OF_LINK; d++)
            lane_free(&link[i].lane[d]);
    return 0;
}

static enum command_result say(const char *line, uint64_t now_ns)
{
    FILE *out = fmemopen(answer, sizeof answer, "w");
    enum command_result result = command_run(&all, line, out, now_ns);

    (void)fclose(out);
    return result;
}

static uint64_t delay_ms(size_t i, size_t direction)
{
    return lane_settings(link[i].lane[direction])->delay_ns / MS;
}

static void set_reaches_one_lane_or_both(void **state)
{
    (void)state;
    assert_int_equal(say("set one delay=5ms", 0), COMMAND_OK);
    assert_string_equal(answer, "ok\n");
    assert_int_equal(delay_ms(0, LANE_DOWN), 5);
    assert_int_equal(delay_ms(0, LANE_UP), 5);
    assert_int_equal(delay_ms(1, LANE_DOWN), 0);
    assert_int_equal(say("set two.up delay=7ms", 0), COMMAND_OK);
    assert_int_equal(delay_ms(1, LANE_UP), 7);
    assert_int_equal(delay_ms(1, LANE_DOWN), 0);
    assert_int_equal(say("  set  two.down   delay=9ms ", 0), COMMAND_OK);
    assert_int_equal(delay_ms(1, LANE_DOWN), 9);
}

static void bad_commands_change_nothing(void **state)
{
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"", "error: no command: set, blackout, seed, stats, quit\n"},
        {"reset one", "error: no such command: set, blackout, seed, stats, quit\n"},
        {"set", "error: no such link: write NAME, NAME.down or NAME.up\n"},
        {"set three delay=5ms", "error: no such link: write NAME, NAME.down or NAME.up\n"},
        {"set one.left delay=5ms", "error: no such link: write NAME, NAME.down or NAME.up\n"},
        {"set one", "error: nothing to set: name=value\n"},
        {"set one delay=5ms loss=x", "error: loss wants a fraction, as 5% or 0.05\n"},
        {"blackout one", "error: blackout wants a time, as 1s, or on or off\n"},
        {"blackout one soon", "error: blackout wants a time, as 1s, or on or off\n"},
        {"blackout nobody 1s", "error: no such link: write NAME, NAME.down or NAME.up\n"},
        {"seed", "error: seed wants a number\n"},
        {"seed -1", "error: seed wants a number\n"},
        {"seed 1x", "error: seed wants a number\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(say(rows[i].line, 0), COMMAND_ERROR);
        assert_string_equal(answer, rows[i].answer);
        assert_int_equal(delay_ms(0, LANE_DOWN), 0);
    }
}

static bool passes(size_t i, size_t direction, uint64_t now_ns)
{
    uint8_t byte = 1;

    lane_push(link[i].lane[direction], &byte, 1, now_ns);
    return lane_pop(link[i].lane[direction], &byte, 1, now_ns) == 1;
}

static void blackouts_end_by_themselves_or_when_told(void **state)
{
    (void)state;
    assert_int_equal(say("blackout one 1s", 0), COMMAND_OK);
    assert_false(passes(0, LANE_DOWN, 999 * MS));
    assert_false(passes(0, LANE_UP, 999 * MS));
    assert_true(passes(1, LANE_UP, 999 * MS));
    assert_true(passes(0, LANE_UP, 1000 * MS));
    assert_int_equal(say("blackout one.up on", 1000 * MS), COMMAND_OK);
    assert_false(passes(0, LANE_UP, 10000 * MS));
    assert_true(passes(0, LANE_DOWN, 10000 * MS));
    assert_int_equal(say("blackout one.up off", 10000 * MS), COMMAND_OK);
    assert_true(passes(0, LANE_UP, 10000 * MS));
}

static void stats_are_json_with_every_lane(void **state)
{
    (void)state;
    assert_true(passes(1, LANE_DOWN, 0));
    all.late_max_ns = 1500000;
    assert_int_equal(say("stats", 2 * MS), COMMAND_OK);
    assert_non_null(
        strstr(answer, "{\"atMs\":2.000,\"lateMaxMs\":1.500,\"links\":{\"one\":{\"down\":{"));
    assert_non_null(
        strstr(answer, "\"two\":{\"down\":{\"packetsIn\":1,\"bytesIn\":1,\"packetsOut\":1,"));
    assert_non_null(strstr(answer, "\"queueBytes\":0,\"queueMs\":0.000}}}}\n"));
    assert_int_equal(say("stats", 3 * MS), COMMAND_OK);
    assert_non_null(strstr(answer, "\"lateMaxMs\":0.000"));
}

static void quit_is_answered(void **state)
{
    (void)state;
    assert_int_equal(say("quit", 0), COMMAND_QUIT);
    assert_string_equal(answer, "ok\n");
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, open_links, close_links)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(bad_settings_change_nothing),
        ROW(set_reaches_one_lane_or_both),
        ROW(bad_commands_change_nothing),
        ROW(blackouts_end_by_themselves_or_when_told),
        ROW(stats_are_json_with_every_lane),
        ROW(quit_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
