/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/options.h"
#include "core/err.h"
#include "core/str.h"
#include "tests/unit/core/cmocka_all.h"

#define MAX_WORDS 32

static struct bench_options o;
static char text[400];

static int read_words(const char *words)
{
    char *argv[MAX_WORDS], *save = NULL;
    int argc = 0;

    assert_true(str_copy(text, sizeof(text), str_of(words)));
    for (char *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    return options_read(&o, argc, argv);
}

static void names_and_options_mix(void **state)
{
    (void)state;
    assert_int_equal(
        read_words("broadcast --viewers 20,100 latency --gro --pacing spread --seconds 3 "
                   "--peer janus --peer mediasoup --max-loss 0.01 --pid 7 --server /x/y"),
        0);
    assert_int_equal(o.name_count, 2);
    assert_string_equal(o.name[1], "latency");
    assert_int_equal(o.viewers.count, 2);
    assert_int_equal(o.viewers.value[1], 100);
    assert_true(o.gro && !o.ramp);
    assert_int_equal(o.pacing, PACING_SPREAD);
    assert_int_equal(o.seconds, 3);
    assert_int_equal(o.rounds, 3); /* as README.md says */
    assert_int_equal(o.peer_count, 2);
    assert_string_equal(o.peer[0], "janus");
    assert_true(o.max_loss == 0.01);
    assert_int_equal(o.pid[0], 7);
    assert_string_equal(o.server, "/x/y");
    assert_true(o.log[0] != 0 && o.clips[0] != 0); /* beside the program */
}

static void what_is_not_understood_is_refused(void **state)
{
    static const char *const rows[] = {
        "--nonsense",      "--seconds",
        "--seconds 0",     "--seconds x",
        "--viewers",       "--viewers 1,,2",
        "--viewers 0",     "--pacing fast",
        "--max-loss 2",    "--max-loss nan",
        "--max-loss 0.1x", "--workers 1000",
        "--pid 0",         "--viewers 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (read_words(rows[i]) != E_INVALID)
            fail_msg("%s was taken", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_options_mix),
        cmocka_unit_test(what_is_not_understood_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
