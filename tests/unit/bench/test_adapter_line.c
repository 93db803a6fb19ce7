/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/loadgen/adapter_line.h"
#include "core/err.h"
#include "core/mem.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static char why[200];

static int parse(struct adapter_line *a, const char *text)
{
    why[0] = 0;
    return adapter_line_parse(a, str_of(text), why, sizeof(why));
}

static void a_ready_server_is_described(void **state)
{
    struct adapter_line a;

    (void)state;
    assert_int_equal(
        parse(&a, "{\"name\": \"Janus\", \"version\": \"1.1.2\", \"whip\": \"http://h/ROOM\","
                  "\"whep\": \"http://h/w/ROOM\", \"pids\": [12, 13], \"notes\": [\"one\"]}"),
        0);
    assert_string_equal(a.name, "Janus");
    assert_string_equal(a.version, "1.1.2");
    assert_string_equal(a.whep, "http://h/w/ROOM");
    assert_int_equal(a.pid_count, 2);
    assert_int_equal(a.pid[1], 13);
    assert_int_equal(a.note_count, 1);
    assert_string_equal(a.note[0], "one");
    adapter_line_fini(&a);
}

static void a_skip_gives_its_reason(void **state)
{
    struct adapter_line a;

    (void)state;
    assert_int_equal(parse(&a, "{\"skip\": \"not installed\"}"), E_UNSUPPORTED);
    assert_string_equal(why, "not installed");
}

static void anything_else_is_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"name\": 1}",
        "{\"name\":\"a\",\"version\":\"\",\"whip\":\"w\",\"whep\":\"w\",\"pids\":[]}",
        "{\"name\":\"a\",\"version\":\"\",\"whip\":\"w\",\"whep\":\"w\",\"pids\":[0]}",
        "{\"name\":\"a\",\"version\":\"\",\"whip\":\"w\",\"whep\":\"w\",\"pids\":[99999999999]}",
        "{\"name\":\"a\",\"version\":\"\",\"whip\":\"w\",\"pids\":[1]}",
    };
    struct adapter_line a;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (parse(&a, rows[i]) != E_MALFORMED || why[0] == 0)
            fail_msg("row %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(a_ready_server_is_described),
        LEAK_FREE(a_skip_gives_its_reason),
        LEAK_FREE(anything_else_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
