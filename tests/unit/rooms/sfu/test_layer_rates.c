/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"
#include <string.h>

#include "core/attr.h"
#include "rooms/sfu/layer_rates.h"

static struct layer_rates r;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    memset(&r, 0, sizeof(r));
    now_us = 5000000;
    return 0;
}

static void add(int spatial, int temporal, size_t bytes, bool ends)
{
    struct media_info m = {
        .spatial = (int8_t)spatial, .temporal = (int8_t)temporal, .ends_layer = ends};

    layer_rates_add(&r, &m, bytes, now_us);
}

/* L2T3 at 32 pictures a second: frames of two packets. */
static void send_pictures(unsigned n, bool has_upper)
{
    static const int temporal[] = {0, 2, 1, 2};

    for (unsigned i = 0; i < n; i++, now_us += 31250) {
        add(0, temporal[i % 4], 300, false);
        add(0, temporal[i % 4], 200, true);
        if (has_upper) {
            add(1, temporal[i % 4], 1200, false);
            add(1, temporal[i % 4], 300, true);
        }
    }
}

static void expect_about(uint64_t value, uint64_t want)
{
    if (value < want * 9 / 10 || value > want * 11 / 10)
        fail_msg("%u, not about %u", (unsigned)value, (unsigned)want);
}

static void each_layer_has_its_rate_with_all_below(void **state)
{
    (void)state;
    send_pictures(64, true);
    layer_rates_advance(&r, now_us);
    expect_about(layer_rates_bps(&r, 0, 0), 32000); /* 8 of 500 bytes */
    expect_about(layer_rates_bps(&r, 0, 1), 64000);
    expect_about(layer_rates_bps(&r, 0, 2), 128000);
    expect_about(layer_rates_bps(&r, 1, 0), 128000);
    expect_about(layer_rates_bps(&r, 1, 2), 512000);
    expect_about(layer_rates_bps(&r, 3, 3), 512000);
    assert_int_equal(layer_rates_fps(&r, 0, 0), 8);
    assert_int_equal(layer_rates_fps(&r, 1, 1), 16);
    assert_int_equal(layer_rates_fps(&r, 1, 2), 32);
    assert_true(layer_rates_is_live(&r, 1, 2));
    assert_false(layer_rates_is_live(&r, 2, 0));
    assert_false(layer_rates_is_live(&r, 0, 3));
    assert_false(layer_rates_is_live(&r, MEDIA_MAX_SPATIAL, 0));
}

static void there_is_a_rate_after_the_first_bin(void **state)
{
    (void)state;
    send_pictures(8, false);
    assert_int_equal(layer_rates_bps(&r, 0, 2), 0);
    layer_rates_advance(&r, now_us);
    expect_about(layer_rates_bps(&r, 0, 2), 128000);
    assert_int_equal(layer_rates_fps(&r, 0, 2), 32);
}

static void what_tells_no_layer_is_the_lowest(void **state)
{
    (void)state;
    add(-1, -1, 1000, true);
    add(9, 9, 1000, true);
    layer_rates_advance(&r, now_us + LAYER_RATES_BIN_US);
    assert_int_equal(layer_rates_bps(&r, 0, 0), 32000);
    assert_true(layer_rates_is_live(&r, MEDIA_MAX_SPATIAL - 1, LAYER_RATES_TEMPORAL - 1));
    assert_int_equal(layer_rates_bps(&r, 3, 3), 64000);
}

static void a_layer_that_ends_is_gone_after_a_while(void **state)
{
    (void)state;
    send_pictures(64, true);
    send_pictures(32, false);
    layer_rates_advance(&r, now_us);
    assert_true(layer_rates_is_live(&r, 1, 0));
    send_pictures(32, false);
    layer_rates_advance(&r, now_us);
    assert_false(layer_rates_is_live(&r, 1, 0));
    assert_true(layer_rates_is_live(&r, 0, 2));
    expect_about(layer_rates_bps(&r, 1, 2), 128000);
}

static void a_long_silence_costs_nothing_and_forgets_all(void **state)
{
    (void)state;
    send_pictures(64, true);
    now_us += 3600000000ull;
    layer_rates_advance(&r, now_us);
    assert_int_equal(layer_rates_bps(&r, 3, 3), 0);
    assert_false(layer_rates_is_live(&r, 0, 0));
    send_pictures(8, true);
    layer_rates_advance(&r, now_us + LAYER_RATES_BIN_US);
    assert_true(layer_rates_is_live(&r, 0, 0));
}

static void what_begins_late_in_a_bin_has_its_rate_after_the_next(void **state)
{
    (void)state;
    add(0, 0, 1000, true); /* the bin begins */
    layer_rates_advance(&r, now_us + 20 * LAYER_RATES_BIN_US);
    now_us += 20 * LAYER_RATES_BIN_US + LAYER_RATES_BIN_US * 9 / 10;
    assert_false(layer_rates_is_live(&r, 0, 0));
    for (unsigned i = 0; i < 22; i++, now_us += LAYER_RATES_BIN_US / 20)
        add(0, 0, 1000, true);
    layer_rates_advance(&r, now_us);
    expect_about(layer_rates_bps(&r, 0, 0), 640000); /* 20 in a bin, not two or three */
}

static void a_keyframe_is_smoothed(void **state)
{
    (void)state;
    send_pictures(64, false);
    add(0, 0, 20000, true); /* over a second as much as all the rest */
    send_pictures(8, false);
    layer_rates_advance(&r, now_us);
    assert_true(layer_rates_bps(&r, 0, 2) < 330000); /* not 768000 */
    send_pictures(128, false);
    layer_rates_advance(&r, now_us);
    expect_about(layer_rates_bps(&r, 0, 2), 128000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_layer_has_its_rate_with_all_below, set_up),
        cmocka_unit_test_setup(there_is_a_rate_after_the_first_bin, set_up),
        cmocka_unit_test_setup(what_tells_no_layer_is_the_lowest, set_up),
        cmocka_unit_test_setup(a_layer_that_ends_is_gone_after_a_while, set_up),
        cmocka_unit_test_setup(a_long_silence_costs_nothing_and_forgets_all, set_up),
        cmocka_unit_test_setup(what_begins_late_in_a_bin_has_its_rate_after_the_next, set_up),
        cmocka_unit_test_setup(a_keyframe_is_smoothed, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
