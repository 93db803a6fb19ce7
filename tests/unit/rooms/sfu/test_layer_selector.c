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

/* ---- the ladder ---- */

#define MAX_OPTIONS 9

/* Steps are named by encoding, spatial and temporal layer: 12 is S1T2 of encoding 0. */
#define STEP(enc, s, t) (enc), (s), (t), true
#define GONE(enc, s, t) (enc), (s), (t), false

static const struct ladder_row {
    const char *what;
    struct layer_option o[MAX_OPTIONS];
    size_t n;
    int want[MAX_OPTIONS]; /* encoding * 100 + spatial * 10 + temporal; -1 ends them */
} ladders[] = {
    {"nothing", {{0}}, 0, {-1}},
    {"nothing is measured", {{STEP(0, 0, 0), 30, 900, 0}}, 1, {-1}},
    {"SVC: by size, then by frame rate",
     {{STEP(0, 1, 1), 30, 400, 700},
      {STEP(0, 0, 1), 30, 100, 200},
      {STEP(0, 1, 0), 20, 400, 500},
      {STEP(0, 0, 0), 15, 100, 120}},
     4,
     {0, 1, 10, 11, -1}},
    {"simulcast: wherever they stand",
     {{STEP(0, 0, 0), 30, 900, 1500}, {STEP(1, 0, 0), 30, 100, 150}, {STEP(2, 0, 0), 30, 400, 500}},
     3,
     {100, 200, 0, -1}},
    {"without sizes: by bitrate",
     {{STEP(0, 0, 0), 30, 0, 1500}, {STEP(1, 0, 0), 30, 400, 500}, {STEP(2, 0, 0), 30, 0, 150}},
     3,
     {200, 100, 0, -1}},
    {"without sizes: by temporal layer inside an encoding",
     {{STEP(0, 0, 2), 30, 0, 1500}, {STEP(0, 0, 0), 30, 0, 500}, {STEP(0, 0, 1), 30, 0, 900}},
     3,
     {0, 1, 2, -1}},
    {"larger and jerky is no step up",
     {{STEP(0, 0, 0), 8, 900, 800}, {STEP(0, 0, 1), 30, 900, 1500}, {STEP(1, 0, 0), 30, 100, 150}},
     3,
     {100, 1, -1}},
    {"unless all are",
     {{STEP(0, 0, 0), 5, 900, 800}, {STEP(1, 0, 0), 5, 100, 150}},
     2,
     {100, 0, -1}},
    {"what costs as much as something better is no step",
     {{STEP(0, 0, 0), 30, 900, 600}, {STEP(1, 0, 0), 30, 400, 700}, {STEP(2, 0, 0), 30, 100, 600}},
     3,
     {0, -1}},
    {"what was sent once may be had",
     {{GONE(0, 0, 0), 30, 900, 1500}, {GONE(1, 0, 0), 30, 400, 0}, {STEP(2, 0, 0), 30, 100, 150}},
     3,
     {200, 0, -1}},
};

static void the_ladder_rises(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ladders); i++) {
        const struct ladder_row *row = &ladders[i];
        struct layer_option out[MAX_OPTIONS];
        size_t n = layer_selector_ladder(row->o, row->n, out), k = 0;
        for (; k < n && row->want[k] >= 0; k++) {
            int step = out[k].encoding * 100 + out[k].spatial * 10 + out[k].temporal;
            if (step != row->want[k])
                fail_msg("%s: step %zu is %d, not %d", row->what, k, step, row->want[k]);
            assert_true(k == 0 || out[k].bitrate_bps > out[k - 1].bitrate_bps);
        }
        if (k != n || row->want[k] != -1)
            fail_msg("%s: %zu steps", row->what, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_live_encoding_is_chosen),
        cmocka_unit_test(the_ladder_rises),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
