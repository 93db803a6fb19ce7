/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "mixer/overlay.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define SIDE 40

static struct picture_pool *pool;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    pool = picture_pool_new(1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    picture_pool_free(&pool);
    return leaks_end(state);
}

static void colours_are_bt601(void **state)
{
    static const struct {
        uint32_t rgb;
        struct picture_colour want;
    } rows[] = {
        {0x000000, {16, 128, 128}}, {0xFFFFFF, {235, 128, 128}}, {0xFF0000, {82, 90, 240}},
        {0x00FF00, {145, 54, 34}},  {0x0000FF, {41, 240, 110}},  {0x808080, {126, 128, 128}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct picture_colour c = overlay_colour(rows[i].rgb);

        if (abs(c.y - rows[i].want.y) > 1 || abs(c.u - rows[i].want.u) > 1 ||
            abs(c.v - rows[i].want.v) > 1)
            fail_msg("%06x: %d %d %d", (unsigned)rows[i].rgb, c.y, c.u, c.v);
    }
}

/* The same in doubles. */
static void colour_of(const uint32_t *argb, int at, int stride, int side, double *yuv,
                      double *alpha)
{
    double a = 0, r = 0, g = 0, b = 0;

    for (int j = 0; j < side; j++)
        for (int i = 0; i < side; i++) {
            uint32_t c = argb[at + j * stride + i];
            a += c >> 24;
            r += c >> 16 & 255;
            g += c >> 8 & 255;
            b += c & 255;
        }
    *alpha = a / (side * side);
    r = a > 0 ? r * 255 / a : 0;
    g = a > 0 ? g * 255 / a : 0;
    b = a > 0 ? b * 255 / a : 0;
    yuv[0] = 16 + 0.2568 * r + 0.5041 * g + 0.0979 * b;
    yuv[1] = 128 - 0.1482 * r - 0.2910 * g + 0.4392 * b;
    yuv[2] = 128 + 0.4392 * r - 0.3678 * g - 0.0714 * b;
}

static void random_argb(struct rng *rng, uint32_t *argb, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t a = rng_below(rng, 4) == 0 ? 255 * rng_below(rng, 2) : rng_below(rng, 256);

        argb[i] = a << 24;
        for (unsigned shift = 0; shift < 24; shift += 8)
            argb[i] |= rng_below(rng, a + 1) << shift;
    }
}

static void planes_have_the_colours_of_the_drawing(void **state)
{
    static uint32_t argb[SIDE * SIDE];
    struct overlay *o;
    struct rng rng;
    double yuv[3], alpha;

    (void)state;
    rng_seed(&rng, 7);
    random_argb(&rng, argb, SIDE * SIDE);
    o = overlay_new((const uint8_t *)argb, SIDE * 4, SIDE, SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            colour_of(argb, y * SIDE + x, SIDE, 1, yuv, &alpha);
            assert_int_equal(o->alpha[y * o->stride + x], (int)alpha);
            if (alpha > 16)
                assert_true(fabs(o->y[y * o->stride + x] - yuv[0]) < 1.6);
        }
    for (int y = 0; y < SIDE / 2; y++)
        for (int x = 0; x < SIDE / 2; x++) {
            colour_of(argb, 2 * y * SIDE + 2 * x, SIDE, 2, yuv, &alpha);
            assert_true(fabs(o->chroma_alpha[y * o->chroma_stride + x] - alpha) <= 0.51);
            if (alpha > 16) {
                assert_true(fabs(o->u[y * o->chroma_stride + x] - yuv[1]) < 1.6);
                assert_true(fabs(o->v[y * o->chroma_stride + x] - yuv[2]) < 1.6);
            }
        }
    overlay_free(&o);
}

/* What is laid over: (over * alpha + under * (255 - alpha) + 255) / 256. */
static uint8_t blended(uint8_t over, uint8_t under, uint8_t alpha)
{
    return (uint8_t)((over * alpha + under * (255 - alpha) + 255) >> 8);
}

static void blending_is_exact_wherever_it_is(void **state)
{
    static const int places[][2] = {{0, 0},  {10, 6},  {-4, -8}, {50, 20}, {-40, 0},
                                    {64, 0}, {0, -42}, {30, 40}, {200, 4}, {-38, -38}};
    static uint32_t argb[SIDE * SIDE];
    struct picture *p = picture_new(pool, 64, 48), *before = picture_new(pool, 64, 48);
    struct overlay *o;
    struct rng rng;

    (void)state;
    rng_seed(&rng, 8);
    random_argb(&rng, argb, SIDE * SIDE);
    o = overlay_new((const uint8_t *)argb, SIDE * 4, SIDE, SIDE);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        int ox = places[i][0], oy = places[i][1];

        for (int k = 0; k < PICTURE_PLANES; k++)
            for (int y = 0; y < (k == 0 ? 48 : 24); y++)
                for (int x = 0; x < (k == 0 ? 64 : 32); x++)
                    p->view.plane[k][y * p->view.stride[k] + x] = (uint8_t)rng_u32(&rng);
        picture_copy(&before->view, &p->view);
        overlay_blend(&p->view, o, ox, oy);
        for (int k = 0; k < PICTURE_PLANES; k++) {
            int half = k == 0 ? 1 : 2, side = SIDE / half;
            const uint8_t *plane = k == 0 ? o->y : k == 1 ? o->u : o->v;
            const uint8_t *alpha = k == 0 ? o->alpha : o->chroma_alpha;
            int stride = k == 0 ? o->stride : o->chroma_stride;

            for (int y = 0; y < 48 / half; y++)
                for (int x = 0; x < 64 / half; x++) {
                    int ix = x - ox / half, iy = y - oy / half;
                    uint8_t under = before->view.plane[k][y * before->view.stride[k] + x];
                    uint8_t want = under;

                    if (ix >= 0 && iy >= 0 && ix < side && iy < side)
                        want = blended(plane[iy * stride + ix], under, alpha[iy * stride + ix]);
                    assert_int_equal(p->view.plane[k][y * p->view.stride[k] + x], want);
                }
        }
    }
    overlay_free(&o);
    picture_unref(&p);
    picture_unref(&before);
}

static void what_cannot_be_one_is_none(void **state)
{
    static uint32_t argb[SIDE * SIDE];
    struct overlay *o;

    (void)state;
    assert_null(overlay_new((const uint8_t *)argb, SIDE * 4, 39, 40));
    assert_null(overlay_new((const uint8_t *)argb, SIDE * 4, 40, 0));
    mem_fail_nth(1);
    o = overlay_new((const uint8_t *)argb, SIDE * 4, SIDE, SIDE);
    mem_fail_nth(0);
    assert_null(o);
    overlay_free(&o);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(colours_are_bt601),
        TEST(planes_have_the_colours_of_the_drawing),
        TEST(blending_is_exact_wherever_it_is),
        TEST(what_cannot_be_one_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
