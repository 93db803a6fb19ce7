/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/rng.h"
#include "mixer/scaler.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/moving.h"

static const struct picture_colour grey = {100, 110, 120};
static struct picture_pool *pool;
static struct rng rng;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    pool = picture_pool_new(64u * 1024 * 1024);
    rng_seed(&rng, 42);
    return 0;
}

static int tear_down(void **state)
{
    picture_pool_free(&pool);
    return leaks_end(state);
}

static struct picture *noise(int width, int height)
{
    struct picture *p = picture_new(pool, width, height);

    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? height : picture_chroma(height)); y++)
            for (int x = 0; x < p->view.stride[i]; x++)
                p->view.plane[i][y * p->view.stride[i] + x] = (uint8_t)rng_u32(&rng);
    return p;
}

static void plans_keep_the_shape(void **state)
{
    static const struct {
        int source_width, source_height, rotation, width, height;
        enum scaler_fit fit;
        int from[4], to[4];
    } rows[] = {
        {640, 360, 0, 426, 240, SCALER_CROP, {0, 0, 640, 360}, {0, 0, 426, 240}},
        {640, 360, 0, 320, 320, SCALER_CROP, {140, 0, 360, 360}, {0, 0, 320, 320}},
        {640, 360, 0, 638, 358, SCALER_CROP, {0, 0, 638, 358}, {0, 0, 638, 358}},
        {640, 360, 0, 620, 350, SCALER_CROP, {10, 4, 620, 350}, {0, 0, 620, 350}},
        {640, 360, 0, 618, 350, SCALER_CROP, {2, 0, 636, 360}, {0, 0, 618, 350}},
        {640, 360, 270, 356, 632, SCALER_CROP, {4, 2, 632, 356}, {0, 0, 356, 632}},
        {640, 480, 0, 320, 180, SCALER_CROP, {0, 60, 640, 360}, {0, 0, 320, 180}},
        {640, 480, 0, 320, 180, SCALER_LETTERBOX, {0, 0, 640, 480}, {40, 0, 240, 180}},
        {1920, 1080, 0, 320, 320, SCALER_LETTERBOX, {0, 0, 1920, 1080}, {0, 70, 320, 180}},
        {640, 360, 90, 360, 640, SCALER_CROP, {0, 0, 640, 360}, {0, 0, 360, 640}},
        {640, 360, 90, 320, 180, SCALER_CROP, {218, 0, 204, 360}, {0, 0, 320, 180}},
        {640, 360, 270, 320, 180, SCALER_LETTERBOX, {0, 0, 640, 360}, {108, 0, 102, 180}},
        {640, 360, 180, 320, 320, SCALER_LETTERBOX, {0, 0, 640, 360}, {0, 70, 320, 180}},
        {8192, 2, 0, 16, 16, SCALER_LETTERBOX, {0, 0, 8192, 2}, {0, 6, 16, 2}},
        {2, 1000, 0, 1280, 720, SCALER_CROP, {0, 498, 2, 2}, {0, 0, 1280, 720}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scaler_plan p =
            scaler_fit(rows[i].source_width, rows[i].source_height, (uint16_t)rows[i].rotation,
                       rows[i].width, rows[i].height, rows[i].fit);
        int from[] = {p.from.x, p.from.y, p.from.width, p.from.height};
        int to[] = {p.to.x, p.to.y, p.to.width, p.to.height};

        if (memcmp(from, rows[i].from, sizeof(from)) != 0 ||
            memcmp(to, rows[i].to, sizeof(to)) != 0)
            fail_msg("row %zu: %d,%d %dx%d to %d,%d %dx%d", i, from[0], from[1], from[2], from[3],
                     to[0], to[1], to[2], to[3]);
    }
}

static void any_sizes_fit(void **state)
{
    (void)state;
    for (int i = 0; i < 3000; i++) {
        int sw = 2 + (int)rng_below(&rng, 300), sh = 2 + (int)rng_below(&rng, 300);
        int w = 2 * (1 + (int)rng_below(&rng, 100)), h = 2 * (1 + (int)rng_below(&rng, 100));
        uint16_t rotation = (uint16_t)(90 * rng_below(&rng, 4));
        enum scaler_fit fit = rng_below(&rng, 2) ? SCALER_CROP : SCALER_LETTERBOX;
        struct scaler_plan p = scaler_fit(sw, sh, rotation, w, h, fit);

        assert_true(p.from.x >= 0 && p.from.y >= 0 && p.from.width >= 2 && p.from.height >= 2);
        assert_true(p.from.x + p.from.width <= sw && p.from.y + p.from.height <= sh);
        assert_true(p.to.x >= 0 && p.to.y >= 0 && p.to.width >= 2 && p.to.height >= 2);
        assert_true(p.to.x + p.to.width <= w && p.to.y + p.to.height <= h);
        assert_true((p.from.x | p.from.y | p.to.x | p.to.y | p.to.width | p.to.height) % 2 == 0);
    }
}

/* --- samples, against slow loops ---------------------------------------------------------------------- */

/* The sample of @v that is at @x, @y once it is turned. */
static uint8_t turned(const struct picture_view *v, int plane, uint16_t rotation, int x, int y)
{
    int width = plane == 0 ? v->width : picture_chroma(v->width);
    int height = plane == 0 ? v->height : picture_chroma(v->height);
    int from_x = x, from_y = y;

    if (rotation == 90) {
        from_x = y;
        from_y = height - 1 - x;
    } else if (rotation == 180) {
        from_x = width - 1 - x;
        from_y = height - 1 - y;
    } else if (rotation == 270) {
        from_x = width - 1 - y;
        from_y = x;
    }
    return v->plane[plane][from_y * v->stride[plane] + from_x];
}

static void expect_turned(const struct picture_view *got, const struct picture_view *want,
                          uint16_t rotation)
{
    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? got->height : picture_chroma(got->height)); y++)
            for (int x = 0; x < (i == 0 ? got->width : picture_chroma(got->width)); x++)
                assert_int_equal(got->plane[i][y * got->stride[i] + x],
                                 turned(want, i, rotation, x, y));
}

static void expect_colour(const struct picture_view *v, struct picture_colour c)
{
    const uint8_t want[] = {c.y, c.u, c.v};

    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? v->height : picture_chroma(v->height)); y++)
            for (int x = 0; x < (i == 0 ? v->width : picture_chroma(v->width)); x++)
                assert_int_equal(v->plane[i][y * v->stride[i] + x], want[i]);
}

static void without_scaling_samples_are_placed_exactly(void **state)
{
    (void)state;
    for (uint16_t rotation = 0; rotation < 360; rotation = (uint16_t)(rotation + 90)) {
        bool lying = rotation % 180 != 0;
        struct picture *source = noise(96, 64);
        struct picture *tile = picture_new(pool, lying ? 64 : 96, lying ? 96 : 64);

        assert_int_equal(scaler_draw(&tile->view, &source->view, rotation, SCALER_CROP, grey, pool),
                         0);
        expect_turned(&tile->view, &source->view, rotation);
        picture_unref(&source);
        picture_unref(&tile);
    }
}

static void what_is_cropped_is_the_middle(void **state)
{
    struct picture *source = noise(96, 64), *tile = picture_new(pool, 64, 64);
    struct picture_view middle = picture_crop(&source->view, 16, 0, 64, 64);

    (void)state;
    for (uint16_t rotation = 0; rotation < 360; rotation = (uint16_t)(rotation + 90)) {
        assert_int_equal(scaler_draw(&tile->view, &source->view, rotation, SCALER_CROP, grey, pool),
                         0);
        expect_turned(&tile->view, &middle, rotation);
    }
    picture_unref(&source);
    picture_unref(&tile);
}

static void letterboxes_have_bars_on_both_sides(void **state)
{
    struct picture *source = noise(96, 64), *tile = picture_new(pool, 96, 96);
    struct picture_view part;

    (void)state;
    picture_fill(&tile->view, (struct picture_colour){1, 2, 3});
    assert_int_equal(scaler_draw(&tile->view, &source->view, 0, SCALER_LETTERBOX, grey, pool), 0);
    part = picture_crop(&tile->view, 0, 16, 96, 64);
    expect_turned(&part, &source->view, 0);
    part = picture_crop(&tile->view, 0, 0, 96, 16);
    expect_colour(&part, grey);
    part = picture_crop(&tile->view, 0, 80, 96, 16);
    expect_colour(&part, grey);
    assert_int_equal(scaler_draw(&tile->view, &source->view, 90, SCALER_LETTERBOX, grey, pool), 0);
    part = picture_crop(&tile->view, 16, 0, 64, 96);
    expect_turned(&part, &source->view, 90);
    part = picture_crop(&tile->view, 80, 0, 16, 96);
    expect_colour(&part, grey);
    picture_unref(&source);
    picture_unref(&tile);
}

static void half_the_size_is_the_mean_of_four(void **state)
{
    struct picture *source = noise(96, 64), *tile = picture_new(pool, 48, 32);

    (void)state;
    assert_int_equal(scaler_draw(&tile->view, &source->view, 0, SCALER_CROP, grey, pool), 0);
    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? 32 : 16); y++)
            for (int x = 0; x < (i == 0 ? 48 : 24); x++) {
                const uint8_t *s = source->view.plane[i] + 2 * y * source->view.stride[i] + 2 * x;
                int stride = source->view.stride[i];

                assert_int_equal(tile->view.plane[i][y * tile->view.stride[i] + x],
                                 (s[0] + s[1] + s[stride] + s[stride + 1] + 2) / 4);
            }
    picture_unref(&source);
    picture_unref(&tile);
}

/* Bilinear by hand, in doubles: no sample may be off by more than rounding. */
static void other_sizes_are_close_to_bilinear(void **state)
{
    struct picture *source = picture_new(pool, 160, 90), *tile = picture_new(pool, 106, 60);
    int worst = 0;

    (void)state;
    for (int y = 0; y < 90; y++) /* smooth, so that the exact kernel matters little */
        for (int x = 0; x < 160; x++)
            source->view.plane[0][y * source->view.stride[0] + x] = (uint8_t)(x + y / 2);
    memset(source->view.plane[1], 128, (size_t)source->view.stride[1] * 45);
    memset(source->view.plane[2], 128, (size_t)source->view.stride[2] * 45);
    assert_int_equal(scaler_draw(&tile->view, &source->view, 0, SCALER_CROP, grey, pool), 0);
    for (int y = 0; y < 60; y++)
        for (int x = 0; x < 106; x++) {
            double want = (x + 0.5) * 160 / 106 - 0.5 + ((y + 0.5) * 90 / 60 - 0.5) / 2;

            worst = MAX(worst, abs(tile->view.plane[0][y * tile->view.stride[0] + x] - (int)want));
        }
    assert_true(worst <= 2);
    picture_unref(&source);
    picture_unref(&tile);
}

static void without_room_for_turning_there_are_bars(void **state)
{
    struct picture_pool *small = picture_pool_new(1000);
    struct picture *source = noise(96, 64), *tile = picture_new(pool, 64, 96);

    (void)state;
    assert_int_equal(scaler_draw(&tile->view, &source->view, 90, SCALER_CROP, grey, small),
                     E_NO_MEMORY);
    expect_colour(&tile->view, grey);
    picture_unref(&source);
    picture_unref(&tile);
    picture_pool_free(&small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plans_keep_the_shape),
        TEST(any_sizes_fit),
        TEST(without_scaling_samples_are_placed_exactly),
        TEST(what_is_cropped_is_the_middle),
        TEST(letterboxes_have_bars_on_both_sides),
        TEST(half_the_size_is_the_mean_of_four),
        TEST(other_sizes_are_close_to_bilinear),
        TEST(without_room_for_turning_there_are_bars),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
