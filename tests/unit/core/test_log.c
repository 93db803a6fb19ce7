/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/err.h"
#include "core/log.h"

static char last[4096];
static enum log_level last_level;
static atomic_uint lines;

static void keep_line(enum log_level level, const char *line, void *arg)
{
    assert_ptr_equal(arg, &lines);
    last_level = level;
    (void)snprintf(last, sizeof last, "%s", line);
    atomic_fetch_add(&lines, 1);
}

static int start(void **state)
{
    (void)state;
    atomic_store(&lines, 0);
    last[0] = 0;
    log_set_level(LOG_TAG_COUNT, LOG_LEVEL_INFO);
    log_set_sink(keep_line, &lines);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    return 0;
}

/* The line behind its time. */
static const char *rest(void)
{
    return last + strlen("2026-01-02T03:04:05.678Z ");
}

static void a_line_has_time_level_tag_ids_and_message(void **state)
{
    struct log_ids ids;
    unsigned n[7];

    (void)state;
    log_ids_set(&ids, "room=%s part=%s", "x", "y");
    log_info(LOG_ICE, &ids, "%d pairs", 3);
    assert_int_equal(sscanf(last, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ ", &n[0], &n[1], &n[2], &n[3],
                            &n[4], &n[5], &n[6]),
                     7);
    assert_true(n[0] >= 2024);
    assert_string_equal(rest(), "info  ice room=x part=y: 3 pairs");
    assert_int_equal(last_level, LOG_LEVEL_INFO);
    log_error(LOG_CORE, NULL, "no ids");
    assert_string_equal(rest(), "error core: no ids");
}

static void control_characters_are_escaped(void **state)
{
    struct log_ids ids;

    (void)state;
    log_ids_set(&ids, "room=%s", "a\nb");
    log_warn(LOG_ROOM, &ids, "%s", "x\r\n\x1b[31m\x7f\tZo\xc3\xab\xc2\x9b");
    assert_string_equal(rest(), "warn  room room=a\\nb: x\\r\\n\\x1b[31m\\x7f\\tZo\xc3\xab\\x9b");
}

static void what_is_too_long_is_cut(void **state)
{
    char text[3000];

    (void)state;
    memset(text, 1, sizeof text - 1); /* four characters each when escaped */
    text[sizeof text - 1] = 0;
    log_info(LOG_CORE, NULL, "%s", text);
    assert_in_range(strlen(last), 2000, 2048);
}

static void thresholds_are_per_tag(void **state)
{
    (void)state;
    assert_int_equal(log_set_levels("warn,ice=debug, dtls=error"), 0);
    assert_true(log_is_on(LOG_ICE, LOG_LEVEL_DEBUG));
    assert_true(log_is_on(LOG_DTLS, LOG_LEVEL_ERROR));
    assert_false(log_is_on(LOG_DTLS, LOG_LEVEL_WARN));
    assert_true(log_is_on(LOG_CORE, LOG_LEVEL_WARN));
    assert_false(log_is_on(LOG_CORE, LOG_LEVEL_INFO));
    log_info(LOG_CORE, NULL, "below");
    assert_int_equal(atomic_load(&lines), 0);
    assert_int_equal(log_set_levels("core=debug"), 0);
    assert_true(log_is_on(LOG_CORE, LOG_LEVEL_DEBUG));
    assert_false(log_is_on(LOG_DTLS, LOG_LEVEL_WARN));
}

static void bad_levels_change_nothing(void **state)
{
    static const char *const rows[] = {"",     "loud",     "info,",       ",info",     "ice",
                                       "ice=", "ice=loud", "nosuch=info", "debug,x=y", "=debug"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_false(log_levels_are_valid(rows[i]));
        assert_int_equal(log_set_levels(rows[i]), E_INVALID);
        assert_false(log_is_on(LOG_CORE, LOG_LEVEL_DEBUG));
    }
}

/* Real seconds may pass in between: then there is a second burst, which tells of the first. */
static void a_site_is_limited_and_tells_what_it_left_out(void **state)
{
    struct log_site site = {0};

    (void)state;
    for (int i = 0; i < 25; i++)
        log_write(LOG_LEVEL_INFO, LOG_CORE, NULL, &site, "line %d", i);
    assert_in_range(atomic_load(&lines), LOG_SITE_PER_SECOND, 24);
    site.window_s = 0; /* as if the second were over */
    site.suppressed = 15;
    log_write(LOG_LEVEL_INFO, LOG_CORE, NULL, &site, "next");
    assert_string_equal(rest(), "info  core: next (15 more like it left out)");
    log_write(LOG_LEVEL_INFO, LOG_CORE, NULL, &site, "next");
    assert_string_equal(rest(), "info  core: next");
}

static void without_a_site_there_is_no_limit(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        log_write(LOG_LEVEL_INFO, LOG_CORE, NULL, NULL, "line %d", i);
    assert_int_equal(atomic_load(&lines), 50);
}

static void each_line_is_one_write_to_standard_error(void **state)
{
    int fds[2], saved = dup(STDERR_FILENO);
    char text[256];

    (void)state;
    log_set_sink(NULL, NULL);
    assert_int_equal(pipe(fds), 0);
    assert_true(dup2(fds[1], STDERR_FILENO) >= 0);
    log_info(LOG_MAIN, NULL, "hello");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = 0;
    assert_string_equal(text + strlen("2026-01-02T03:04:05.678Z "), "info  main: hello\n");
    close(fds[0]);
    close(fds[1]);
    close(saved);
}

static void count_line(enum log_level level, const char *line, void *arg)
{
    (void)level;
    (void)line;
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void *log_much(void *arg)
{
    struct log_site *site = arg;

    for (int i = 0; i < 1000; i++)
        log_write(LOG_LEVEL_INFO, LOG_CORE, NULL, site, "line %d", i);
    return NULL;
}

static void threads_share_a_site(void **state)
{
    struct log_site site = {0};
    pthread_t threads[2];

    (void)state;
    log_set_sink(count_line, &lines);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_much, &site), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(atomic_load(&lines), LOG_SITE_PER_SECOND, 1999);
    assert_true(site.suppressed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_tag_ids_and_message, start, stop),
        cmocka_unit_test_setup_teardown(control_characters_are_escaped, start, stop),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_cut, start, stop),
        cmocka_unit_test_setup_teardown(thresholds_are_per_tag, start, stop),
        cmocka_unit_test_setup_teardown(bad_levels_change_nothing, start, stop),
        cmocka_unit_test_setup_teardown(a_site_is_limited_and_tells_what_it_left_out, start, stop),
        cmocka_unit_test_setup_teardown(without_a_site_there_is_no_limit, start, stop),
        cmocka_unit_test_setup_teardown(each_line_is_one_write_to_standard_error, start, stop),
        cmocka_unit_test_setup_teardown(threads_share_a_site, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
