/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "mixer/simulcast.h"
#include "mixer/video_decoder.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/moving.h"

static struct picture_pool *pool;
static struct picture *canvas;
static struct simulcast *simulcast;
static struct video_encoder_output out[MAX_ENCODINGS];
static uint64_t pts_us;

static const struct simulcast_config config = {
    .codec = CODEC_VP8,
    .framerate = 30,
    .count = 3,
    .encoding = {{640, 360, 600000}, {320, 180, 200000}, {160, 90, 80000}}};

static int set_up(void **state)
{
    (void)leaks_begin(state);
    pool = picture_pool_new(64u * 1024 * 1024);
    canvas = picture_new(pool, 640, 360);
    pts_us = 0;
    return simulcast_new(&simulcast, &config, pool);
}

static int tear_down(void **state)
{
    simulcast_free(&simulcast);
    picture_unref(&canvas);
    picture_pool_free(&pool);
    return leaks_end(state);
}

static void encode(int t, bool is_unchanged)
{
    struct video_encoder_input in = {
        .picture = canvas->view, .pts_us = pts_us += 33333, .is_unchanged = is_unchanged};

    if (!is_unchanged)
        draw_moving(&canvas->view, t);
    assert_int_equal(simulcast_encode(simulcast, &in, out), 0);
}

static void each_encoding_shows_the_canvas_in_its_size(void **state)
{
    struct video_decoder *decoder[3];
    struct picture *p[3] = {NULL};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(video_decoder_new(&decoder[i], CODEC_VP8, pool), 0);
    for (int t = 0; t < 20; t++) {
        encode(t, false);
        for (size_t i = 0; i < 3; i++) {
            picture_unref(&p[i]);
            assert_true(out[i].len > 0 && out[i].is_keyframe == (t == 0));
            assert_int_equal(video_decoder_decode(decoder[i], out[i].data, out[i].len, &p[i]), 0);
            assert_int_equal(p[i]->view.width, 640 >> i);
            assert_int_equal(p[i]->view.height, 360 >> i);
        }
    }
    for (int y = 20; y < 70; y++) /* a sample of the smallest is the mean of 4x4 of the canvas */
        for (int x = 20; x < 140; x++) {
            int sum = 0;

            for (int k = 0; k < 16; k++)
                sum +=
                    canvas->view.plane[0][(4 * y + k / 4) * canvas->view.stride[0] + 4 * x + k % 4];
            assert_true(abs(sum / 16 - p[2]->view.plane[0][y * p[2]->view.stride[0] + x]) < 60);
        }
    for (size_t i = 0; i < 3; i++) {
        picture_unref(&p[i]);
        video_decoder_free(&decoder[i]);
    }
}

static void keyframes_are_for_the_encoding_that_wants_one(void **state)
{
    (void)state;
    encode(0, false);
    encode(1, false);
    simulcast_want_keyframe(simulcast, 1);
    encode(2, false);
    assert_true(!out[0].is_keyframe && out[1].is_keyframe && !out[2].is_keyframe);
    encode(3, false);
    assert_true(!out[0].is_keyframe && !out[1].is_keyframe && !out[2].is_keyframe);
}

static void what_nobody_watches_is_off(void **state)
{
    (void)state;
    encode(0, false);
    assert_int_equal(simulcast_set_bitrate(simulcast, 0, 0), 0);
    assert_int_equal(simulcast_set_bitrate(simulcast, 1, 0), 0);
    assert_null(simulcast_read_stats(simulcast, 1));
    encode(1, false);
    assert_true(out[0].len == 0 && out[1].len == 0 && out[2].len > 0);
    assert_int_equal(simulcast_set_bitrate(simulcast, 1, 300000), 0);
    encode(1, true); /* unchanged, and yet new to the one that is back */
    assert_true(out[0].len == 0 && out[1].len > 0 && out[1].is_keyframe);
    assert_true(out[2].len > 0 && !out[2].is_keyframe);
    assert_int_equal(simulcast_read_stats(simulcast, 1)->frames, 1);
}

static void what_stays_costs_nothing(void **state)
{
    (void)state;
    encode(0, false);
    for (int t = 0; t < 60; t++)
        encode(0, true);
    for (size_t i = 0; i < 3; i++)
        assert_true(simulcast_read_stats(simulcast, i)->skipped > 20);
    assert_true(out[0].len == 0 && out[1].len == 0 && out[2].len == 0);
}

static void nonsense_is_refused(void **state)
{
    struct simulcast_config c = config;
    struct video_encoder_input in = {.picture = canvas->view, .pts_us = 1};
    struct simulcast *s;

    (void)state;
    c.count = 0;
    assert_int_equal(simulcast_new(&s, &c, pool), E_INVALID);
    c.count = 4;
    assert_int_equal(simulcast_new(&s, &c, pool), E_INVALID);
    c = config;
    c.encoding[2].width = 1280;
    assert_int_equal(simulcast_new(&s, &c, pool), E_INVALID);
    c = config;
    c.encoding[1].height = 181;
    assert_int_equal(simulcast_new(&s, &c, pool), E_INVALID);
    in.picture.width = 320;
    assert_int_equal(simulcast_encode(simulcast, &in, out), E_INVALID);
    for (uint64_t nth = 1; nth <= 3; nth++) {
        mem_fail_nth(nth);
        assert_int_equal(simulcast_new(&s, &config, pool), E_NO_MEMORY);
        mem_fail_nth(0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_encoding_shows_the_canvas_in_its_size),
        TEST(keyframes_are_for_the_encoding_that_wants_one),
        TEST(what_nobody_watches_is_off),
        TEST(what_stays_costs_nothing),
        TEST(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
