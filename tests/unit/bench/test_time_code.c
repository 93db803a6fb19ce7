/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "bench/loadgen/time_code.h"
#include "core/rng.h"
#include "mixer/scaler.h"

static struct picture_pool *pool;

static int set_up(void **state)
{
    (void)state;
    pool = picture_pool_new(64u * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    picture_pool_free(&pool);
    return 0;
}

static struct picture *noise(int width, int height)
{
    struct picture *p = picture_new(pool, width, height);
    struct rng rng;

    rng_seed(&rng, 5);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            p->view.plane[0][y * p->view.stride[0] + x] = (uint8_t)(80 + rng_below(&rng, 60));
    return p;
}

static void a_code_is_read_back_at_any_size(void **state)
{
    static const struct {
        int from, to_width, to_height;
    } rows[] = {{1280, 1280, 720}, {640, 638, 358}, {640, 424, 238},
                {320, 318, 178},   {320, 252, 142}, {320, 640, 360}};
    const struct picture_colour black = {16, 128, 128};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned code = 0; code < TIME_CODES; code += 5) {
            struct picture *from = noise(rows[i].from, rows[i].from * 9 / 16);
            struct picture *to = picture_new(pool, rows[i].to_width, rows[i].to_height);
            unsigned seen = TIME_CODES;
            time_code_draw(&from->view, code);
            assert_int_equal(scaler_draw(&to->view, &from->view, 0, SCALER_CROP, black, pool), 0);
            assert_true(time_code_read(&to->view, &seen));
            assert_int_equal(seen, code);
            picture_unref(&from);
            picture_unref(&to);
        }
}

static void without_one_nothing_is_read(void **state)
{
    struct picture *p = noise(640, 360), *tiny = noise(32, 18);
    unsigned code;

    (void)state;
    assert_false(time_code_read(&p->view, &code));
    assert_false(time_code_read(&tiny->view, &code));
    time_code_draw(&p->view, 77);
    struct picture_view half = picture_crop(&p->view, 0, 0, 320, 180); /* another picture's tile */
    assert_false(time_code_read(&half, &code));
    picture_unref(&p);
    picture_unref(&tiny);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_code_is_read_back_at_any_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_one_nothing_is_read, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
