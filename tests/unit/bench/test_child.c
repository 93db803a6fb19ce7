/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "bench/loadgen/child.h"
#include "bench/loadgen/usage.h"
#include "core/err.h"
#include "core/timebase.h"
#include "tests/unit/core/cmocka_all.h"

#define TIMEOUT_US (8 * US_PER_S)

static int start(struct child *c, const char *script, bool is_piped)
{
    char *argv[] = {"sh", "-c", (char *)script, NULL};

    return child_start(c, argv, 0, 1, "/dev/null", is_piped);
}

static void it_tells_a_line_and_ends_with_its_stdin(void **state)
{
    struct child c;
    char line[16];

    (void)state;
    assert_int_equal(start(&c, "echo ready; read x; exit 0", true), 0);
    assert_int_equal(child_read_line(&c, line, sizeof(line), TIMEOUT_US), 0);
    assert_string_equal(line, "ready");
    assert_true(child_is_alive(&c));
    child_end(&c, TIMEOUT_US);
    assert_int_equal(c.pid, 0);
    child_end(&c, 0); /* once more does no harm */
}

static void lines_that_do_not_come_are_errors(void **state)
{
    struct child c;
    char line[16];

    (void)state;
    assert_int_equal(start(&c, "exit 3", true), 0);
    assert_int_equal(child_read_line(&c, line, sizeof(line), TIMEOUT_US), E_STATE);
    child_end(&c, TIMEOUT_US);
    assert_int_equal(start(&c, "echo 0123456789012345; read x", true), 0);
    assert_int_equal(child_read_line(&c, line, sizeof(line), TIMEOUT_US), E_LIMIT);
    child_end(&c, TIMEOUT_US);
    assert_int_equal(start(&c, "read x", true), 0);
    assert_int_equal(child_read_line(&c, line, sizeof(line), 0), E_TIMEOUT);
    child_end(&c, TIMEOUT_US);
}

static void a_stubborn_one_is_killed(void **state)
{
    struct child c;
    char line[16];

    (void)state;
    assert_int_equal(
        start(&c, "trap '' TERM; echo up; while :; do read x || exec tail -f /dev/null; done",
              true),
        0);
    assert_int_equal(child_read_line(&c, line, sizeof(line), TIMEOUT_US), 0);
    child_end(&c, 0);
    assert_int_equal(c.pid, 0);
}

static void a_program_that_is_not_there_is_an_error(void **state)
{
    char *argv[] = {"/nonexistent/program", NULL};
    struct child c;

    (void)state;
    assert_int_equal(child_start(&c, argv, -1, 0, "/dev/null", false), -ENOENT);
    assert_false(child_is_alive(&c));
}

static void usage_is_that_of_the_processes_named(void **state)
{
    const pid_t self = getpid(), nobody = 0x3fffffff; /* past the largest process id of Linux */
    struct usage u;

    (void)state;
    assert_int_equal(usage_read(&u, &self, 1), 0);
    assert_true(u.rss_bytes > 0 && u.thread_count >= 1 && u.cpu_ns >= u.thread[0].cpu_ns);
    assert_int_equal(usage_read(&u, &nobody, 1), E_NOT_FOUND);
    assert_true(usage_read_cores(0, 1).busy > 0);
    assert_true(usage_read_cores(60000, 1).busy == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_a_line_and_ends_with_its_stdin),
        cmocka_unit_test(lines_that_do_not_come_are_errors),
        cmocka_unit_test(a_stubborn_one_is_killed),
        cmocka_unit_test(a_program_that_is_not_there_is_an_error),
        cmocka_unit_test(usage_is_that_of_the_processes_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
