/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "rooms/sfu/encoding.h"
#include "rooms/sfu/layer_selector.h"

#define SETTLED LAYER_SETTLE_US
#define DEAD .is_live = false, .silent_us = ENCODING_SILENT_US + 1
#define QUIET .is_live = false, .silent_us = ENCODING_SILENT_US /* a sparse screen */
#define LIVE .is_live = true, .live_for_us = SETTLED
#define YOUNG .is_live = true, .live_for_us = SETTLED - 1
#define NEVER .is_live = false, .silent_us = UINT64_MAX

struct row {
    const char *what;
    struct layer_candidate c[3];
    int current, want;
};

static const struct row rows[] = {
    {"nothing was ever live", {{NEVER}, {NEVER}, {NEVER}}, -1, -1},
    {"anything is better than nothing", {{NEVER}, {YOUNG}, {NEVER}}, -1, 1},
    {"a settled one before a young one",
     {{YOUNG, .pixels = 900}, {LIVE, .pixels = 100}, {NEVER}},
     -1,
     1},
    {"most pixels win, wherever they stand",
     {{LIVE, .pixels = 400}, {LIVE, .pixels = 900}, {LIVE, .pixels = 100}},
     -1,
     1},
    {"a better one is taken when it settled",
     {{LIVE, .pixels = 100}, {LIVE, .pixels = 400}, {NEVER}},
     0,
     1},
    {"but not before", {{LIVE, .pixels = 100}, {YOUNG, .pixels = 400}, {NEVER}}, 0, 0},
    {"the current one is kept among equals",
     {{LIVE, .pixels = 400}, {LIVE, .pixels = 400}, {NEVER}},
     1,
     1},
    {"unknown sizes: a clearly higher bitrate",
     {{LIVE, .bitrate_bps = 100000}, {LIVE, .bitrate_bps = 125001}, {NEVER}},
     0,
     1},
    {"unknown sizes: not a slightly higher one",
     {{LIVE, .bitrate_bps = 100000}, {LIVE, .bitrate_bps = 125000}, {NEVER}},
     0,
     0},
    {"one known size says nothing against an unknown one",
     {{LIVE, .pixels = 900, .bitrate_bps = 100000}, {LIVE, .bitrate_bps = 900000}, {NEVER}},
     0,
     1},
    {"a dead one is left",
     {{LIVE, .pixels = 100}, {LIVE, .pixels = 400}, {DEAD, .pixels = 900}},
     2,
     1},
    {"for a young one if need be", {{YOUNG, .pixels = 100}, {NEVER}, {DEAD, .pixels = 900}}, 2, 0},
    {"a quiet one is kept", {{LIVE, .pixels = 100}, {NEVER}, {QUIET, .pixels = 900}}, 2, 2},
    {"a dead one is kept when all are",
     {{DEAD, .pixels = 100}, {DEAD}, {DEAD, .pixels = 900}},
     2,
     2},
};

static void the_best_live_encoding_is_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (layer_selector_choose(rows[i].c, 3, rows[i].current) != rows[i].want)
            fail_msg("%s: chose %d, not %d", rows[i].what,
                     layer_selector_choose(rows[i].c, 3, rows[i].current), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_live_encoding_is_chosen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
