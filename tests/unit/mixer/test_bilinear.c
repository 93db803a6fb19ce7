/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/mem.h"
#include "core/rng.h"
#include "mixer/bilinear.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static struct rng rng;

/* Between two neighbours, in doubles. */
static double between(const uint8_t *plane, int stride, int width, int height, double x, double y)
{
    int x0, y0;
    double a, b;

    x = MAX(0, MIN(x, width - 1));
    y = MAX(0, MIN(y, height - 1));
    x0 = MIN((int)x, width - 2);
    y0 = MIN((int)y, height - 2);
    plane += y0 * stride + x0;
    x -= x0;
    y -= y0;
    a = plane[0] * (1 - y) + plane[stride] * y;
    b = plane[1] * (1 - y) + plane[stride + 1] * y;
    return a * (1 - x) + b * x;
}

/* Exact blocks, so that a sanitizer sees what is read or written past them. */
static void check_size(int from_width, int from_height, int to_width, int to_height)
{
    uint8_t *from = mem_alloc((size_t)(from_width * from_height));
    uint8_t *to = mem_alloc((size_t)(to_width * to_height));

    for (int i = 0; i < from_width * from_height; i++)
        from[i] = (uint8_t)rng_u32(&rng);
    assert_true(bilinear_scale(to, to_width, to_width, to_height, from, from_width, from_width,
                               from_height));
    for (int y = 0; y < to_height; y++)
        for (int x = 0; x < to_width; x++) {
            double want = between(from, from_width, from_width, from_height,
                                  (x + 0.5) * from_width / to_width - 0.5,
                                  (y + 0.5) * from_height / to_height - 0.5);

            /* weights are rounded to 1/128 and 1/256, and what is blended is rounded twice */
            if (to[y * to_width + x] < want - 2.6 || to[y * to_width + x] > want + 2.6)
                fail_msg("%dx%d to %dx%d at %d,%d: %d, not %.2f", from_width, from_height, to_width,
                         to_height, x, y, to[y * to_width + x], want);
        }
    mem_free(from);
    mem_free(to);
}

static bool is_there(void)
{
    uint8_t bytes[32 * 32] = {0}, to[32 * 32];

    return bilinear_scale(to, 32, 24, 24, bytes, 32, 32, 32);
}

static void samples_are_those_of_slow_loops(void **state)
{
    static const int sizes[][4] = {
        {640, 360, 424, 236}, {320, 180, 212, 118}, {320, 180, 254, 142}, {64, 64, 32, 32},
        {64, 64, 33, 63},     {16, 2, 8, 2},        {16, 16, 300, 200},   {17, 9, 16, 8},
        {99, 99, 98, 98},     {16, 50, 9, 200},     {1279, 3, 640, 2},    {250, 180, 250, 180},
    };

    (void)state;
    if (!is_there())
        skip();
    rng_seed(&rng, 3);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        check_size(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3]);
    for (int i = 0; i < 150; i++) {
        int from_width = 16 + (int)rng_below(&rng, 200), from_height = 2 + (int)rng_below(&rng, 60);

        check_size(from_width, from_height, (from_width + 1) / 2 + (int)rng_below(&rng, 300),
                   1 + (int)rng_below(&rng, 90));
    }
}

static void flat_planes_stay_flat(void **state)
{
    static uint8_t from[100 * 50], to[77 * 41];

    (void)state;
    if (!is_there())
        skip();
    for (int value = 0; value < 256; value++) {
        memset(from, value, sizeof(from));
        assert_true(bilinear_scale(to, 77, 77, 41, from, 100, 100, 50));
        for (size_t i = 0; i < sizeof(to); i++)
            assert_int_equal(to[i], value);
    }
}

static void what_is_not_for_it_is_left_alone(void **state)
{
    static uint8_t from[64 * 64], to[64 * 64];

    (void)state;
    memset(to, 77, sizeof(to));
    assert_false(bilinear_scale(to, 64, 31, 64, from, 64, 64, 64));
    assert_false(bilinear_scale(to, 64, 15, 64, from, 64, 15, 64));
    assert_false(bilinear_scale(to, 64, 64, 1, from, 64, 64, 1));
    for (size_t i = 0; i < sizeof(to); i++)
        assert_int_equal(to[i], 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(samples_are_those_of_slow_loops),
        LEAK_FREE(flat_planes_stay_flat),
        LEAK_FREE(what_is_not_for_it_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
