/* SPDX-License-Identifier: Apache-2.0 */
/* test_ladder.c - the layers of a track as they come and go. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "rooms/sfu/encoding.h"
#include "rooms/sfu/ladder.h"

#define STEP_US 50000ull
#define START_US 10000000ull

/* Encodings of a track, of which some send. */
static struct encoding encoding[MAX_ENCODINGS];
static struct ladder l;
static uint64_t now_us;
static unsigned bytes[MAX_ENCODINGS]; /* of each frame; 0: it is silent */
static unsigned temporal_layers;

static int set_up(void **state)
{
    (void)state;
    memset(encoding, 0, sizeof(encoding));
    memset(&l, 0, sizeof(l));
    memset(bytes, 0, sizeof(bytes));
    now_us = START_US;
    temporal_layers = 1;
    for (unsigned i = 0; i < MAX_ENCODINGS; i++) {
        encoding[i].sizes = 1;
        encoding[i].size[0] = (struct media_size){(uint16_t)(320u << i), (uint16_t)(180u << i)};
    }
    return 0;
}

static void send_frame(struct encoding *e, unsigned size, unsigned temporal)
{
    const struct media_info m = {.spatial = -1,
                                 .temporal = (int8_t)(temporal_layers > 1 ? (int)temporal : -1),
                                 .ends_layer = true};

    if (e->live_since_us == 0)
        e->live_since_us = now_us;
    e->last_packet_us = now_us;
    layer_rates_add(&e->rates, &m, size, now_us);
}

static void run(unsigned ms)
{
    for (unsigned k = 0; k < ms / 50; k++, now_us += STEP_US) {
        for (unsigned i = 0; i < MAX_ENCODINGS; i++) {
            if (bytes[i] > 0)
                send_frame(&encoding[i], bytes[i], k % temporal_layers);
            else if (now_us - encoding[i].last_packet_us > ENCODING_SILENT_US)
                encoding[i].live_since_us = 0;
        }
        if (k % 5 == 4)
            ladder_measure(&l, encoding, MAX_ENCODINGS, now_us);
    }
}

static void simulcast(void)
{
    bytes[0] = 500;
    bytes[1] = 1000;
    bytes[2] = 3000;
    run(2000);
}

/* ---- */

static void it_is_empty_until_something_is_measured(void **state)
{
    (void)state;
    bytes[0] = 500;
    run(250);
    assert_int_equal(l.count, 0);
    assert_null(ladder_top(&l));
    run(1000);
    assert_int_equal(l.count, 1);
    assert_true(l.step[0].is_live && l.step[0].pixels == 320 * 180);
    assert_in_range(l.step[0].bitrate_bps, 75000, 85000);
}

static void encodings_are_steps_by_size(void **state)
{
    (void)state;
    encoding[0].size[0] = (struct media_size){1280, 720}; /* in no order */
    encoding[2].size[0] = (struct media_size){320, 180};
    bytes[0] = 3000;
    bytes[1] = 1000;
    bytes[2] = 500;
    run(2000);
    assert_int_equal(l.count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(l.step[i].encoding, 2 - i);
        assert_int_equal(l.rank[i], 2 - i);
    }
    assert_ptr_equal(ladder_top(&l), &l.step[2]);
}

static void what_fell_silent_keeps_its_step_and_its_price(void **state)
{
    uint32_t before;

    (void)state;
    simulcast();
    before = l.step[2].bitrate_bps;
    uint16_t shape = l.shape;
    bytes[2] = 0;
    run(5000);
    assert_int_equal(l.count, 3);
    assert_false(l.step[2].is_live);
    assert_in_range(l.step[2].bitrate_bps, before * 7 / 10, before * 11 / 10);
    assert_true(l.shape != shape);
    shape = l.shape;
    for (unsigned i = 0; i < 20; i++) { /* it comes back, and is never taken for cheap */
        bytes[2] = 3000;
        run(250);
        assert_int_equal(l.count, 3);
        assert_in_range(l.step[2].bitrate_bps, before * 7 / 10, before * 11 / 10);
    }
    assert_true(l.step[2].is_live && l.shape == (uint16_t)(shape + 1));
}

static void small_changes_are_not_told_large_and_slow_ones_are(void **state)
{
    (void)state;
    simulcast();
    uint16_t version = l.version, shape = l.shape;
    bytes[2] = 3150;
    run(3000);
    assert_int_equal(l.version, version);
    for (unsigned i = 0; i < 10; i++) { /* each by itself is small */
        bytes[2] += 150;
        run(1000);
    }
    assert_true(l.version != version);
    assert_in_range(l.step[2].bitrate_bps, 4300 * 160 * 9 / 10, 4700 * 160);
    assert_int_equal(l.shape, shape);
}

static void temporal_layers_are_steps_too(void **state)
{
    struct layer_option options[MAX_LADDER_LAYERS];

    (void)state;
    temporal_layers = 2;
    simulcast();
    assert_int_equal(ladder_options(&l, options), 6);
    assert_int_equal(l.count, 4); /* a larger picture at half the rate is worth nothing */
    assert_true(l.step[0].temporal == 0 && l.step[1].temporal == 1 && l.step[1].encoding == 0);
    assert_int_equal(l.step[3].encoding, 2);
    assert_true(l.step[0].bitrate_bps * 2 <= l.step[1].bitrate_bps + 1000);
}

static void another_size_is_another_shape(void **state)
{
    (void)state;
    simulcast();
    uint16_t shape = l.shape;
    encoding[2].size[0] = (struct media_size){1920, 1080};
    run(500);
    assert_int_equal(l.shape, (uint16_t)(shape + 1));
    assert_int_equal(l.step[2].pixels, 1920 * 1080);
}

static void a_cleared_one_has_another_version(void **state)
{
    (void)state;
    simulcast();
    uint16_t version = l.version, shape = l.shape;
    ladder_clear(&l);
    assert_int_equal(l.count, 0);
    assert_true(l.version != version && l.shape != shape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(it_is_empty_until_something_is_measured, set_up),
        cmocka_unit_test_setup(encodings_are_steps_by_size, set_up),
        cmocka_unit_test_setup(what_fell_silent_keeps_its_step_and_its_price, set_up),
        cmocka_unit_test_setup(small_changes_are_not_told_large_and_slow_ones_are, set_up),
        cmocka_unit_test_setup(temporal_layers_are_steps_too, set_up),
        cmocka_unit_test_setup(another_size_is_another_shape, set_up),
        cmocka_unit_test_setup(a_cleared_one_has_another_version, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
