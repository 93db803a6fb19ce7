/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "mixer/picture.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define POOL_BYTES (8u * 1024 * 1024)

static void sizes_are_refused_before_anything_is_allocated(void **state)
{
    static const struct {
        int width, height;
        bool allowed;
    } rows[] = {
        {640, 360, true},      {2, 2, true},        {3, 5, true},          {4096, 2304, true},
        {8192, 1152, true},    {1, 2, false},       {2, 1, false},         {0, 0, false},
        {-640, -360, false},   {8194, 2, false},    {2, 8194, false},      {4096, 2305, false},
        {16383, 16383, false}, {8192, 8192, false}, {65536, 65536, false},
    };
    struct picture_pool *pool = picture_pool_new(SIZE_MAX / 4);
    struct picture_pool_stats stats;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t before = mem_live_bytes();

        assert_int_equal(picture_size_is_allowed(rows[i].width, rows[i].height), rows[i].allowed);
        if (rows[i].allowed)
            continue;
        assert_null(picture_new(pool, rows[i].width, rows[i].height));
        assert_int_equal(mem_live_bytes(), before);
    }
    picture_pool_read_stats(pool, &stats);
    assert_int_equal(stats.refused, 10);
    picture_pool_free(&pool);
}

static void planes_are_aligned_and_apart(void **state)
{
    static const int sizes[][2] = {{640, 360}, {426, 240}, {3, 5}, {2, 2}, {1279, 719}};
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct picture *p = picture_new(pool, sizes[i][0], sizes[i][1]);
        const struct picture_view *v = &p->view;
        int chroma_height = (sizes[i][1] + 1) / 2;

        assert_int_equal(v->width, sizes[i][0]);
        assert_int_equal(v->height, sizes[i][1]);
        for (int k = 0; k < PICTURE_PLANES; k++) {
            assert_int_equal((uintptr_t)v->plane[k] % 64, 0);
            assert_int_equal(v->stride[k] % 64, 0);
        }
        assert_true(v->stride[0] >= v->width && v->stride[1] >= (v->width + 1) / 2);
        assert_true(v->plane[1] >= v->plane[0] + v->stride[0] * v->height + 16);
        assert_true(v->plane[2] >= v->plane[1] + v->stride[1] * chroma_height + 16);
        picture_fill(v, (struct picture_colour){1, 2, 3});
        assert_int_equal(v->plane[0][(v->height - 1) * v->stride[0] + v->width - 1], 1);
        assert_int_equal(v->plane[1][(chroma_height - 1) * v->stride[1] + (v->width - 1) / 2], 2);
        assert_int_equal(v->plane[2][0], 3);
        picture_unref(&p);
        assert_null(p);
    }
    picture_pool_free(&pool);
}

static void a_full_pool_refuses_and_unused_pictures_make_room(void **state)
{
    struct picture_pool *pool = picture_pool_new(1500 * 1000);
    struct picture *large = picture_new(pool, 1024, 576), *more = picture_new(pool, 1024, 576);
    struct picture_pool_stats stats;

    (void)state;
    assert_non_null(large);
    assert_null(more);
    picture_unref(&large);
    more = picture_new(pool, 320, 180); /* the large one would be wasted on it */
    assert_non_null(more);
    large = picture_new(pool, 1024, 576);
    assert_non_null(large); /* the same memory again */
    picture_unref(&large);
    picture_unref(&more);
    large = picture_new(pool, 576, 1024);
    more = picture_new(pool, 1024, 576);
    assert_non_null(large);
    assert_null(more);
    picture_pool_read_stats(pool, &stats);
    assert_int_equal(stats.refused, 2);
    assert_int_equal(stats.live, 1);
    assert_true(stats.live_bytes + stats.idle_bytes <= 1500 * 1000);
    picture_unref(&large);
    picture_pool_free(&pool);
}

/* What one pool holds, unused blocks too, is missing to the other; what it frees is there again. */
static void pools_share_a_budget(void **state)
{
    struct picture_pool *alone = picture_pool_new(POOL_BYTES);
    struct picture *p = picture_new(alone, 640, 360), *q, *r;
    struct picture_pool_stats s;

    (void)state;
    picture_pool_read_stats(alone, &s);
    size_t bytes = s.live_bytes;
    picture_unref(&p);
    picture_pool_free(&alone);
    struct picture_budget budget = {.max_bytes = 3 * bytes};
    struct picture_pool *one = picture_pool_new_within(&budget, 2 * bytes);
    struct picture_pool *two = picture_pool_new_within(&budget, 2 * bytes);
    p = picture_new(one, 640, 360);
    q = picture_new(one, 640, 360);
    assert_true(p != NULL && q != NULL);
    assert_null(picture_new(one, 640, 360)); /* its own bound */
    r = picture_new(two, 640, 360);
    assert_non_null(r);
    assert_null(picture_new(two, 640, 360)); /* the budget's */
    assert_int_equal(budget.bytes, 3 * bytes);
    picture_unref(&p); /* it stays with its pool, unused */
    assert_null(picture_new(two, 640, 360));
    picture_unref(&q);
    picture_pool_free(&one);
    assert_int_equal(budget.bytes, bytes);
    p = picture_new(two, 640, 360);
    assert_non_null(p);
    picture_unref(&p);
    picture_unref(&r);
    picture_pool_free(&two);
    assert_int_equal(budget.bytes, 0);
}

static void memory_is_used_again_and_idle_memory_is_bounded(void **state)
{
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    struct picture *p[MAX_IDLE_PICTURES + 8];
    struct picture_pool_stats stats;
    uint8_t *memory;

    (void)state;
    p[0] = picture_new(pool, 320, 180);
    memory = p[0]->view.plane[0];
    picture_unref(&p[0]);
    p[0] = picture_new(pool, 320, 180);
    assert_ptr_equal(p[0]->view.plane[0], memory);
    for (size_t i = 1; i < ARRAY_LEN(p); i++)
        assert_non_null(p[i] = picture_new(pool, 64, 64));
    for (size_t i = 0; i < ARRAY_LEN(p); i++)
        picture_unref(&p[i]);
    picture_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 0);
    assert_int_equal(stats.live_bytes, 0);
    assert_int_equal(stats.idle, MAX_IDLE_PICTURES);
    picture_pool_free(&pool);
}

static void the_last_reference_sends_a_picture_home(void **state)
{
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    struct picture *a = picture_new(pool, 16, 16), *b = picture_ref(a);
    struct picture_pool_stats stats;

    (void)state;
    assert_ptr_equal(a, b);
    picture_unref(&a);
    picture_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 1);
    picture_unref(&b);
    picture_unref(&b);
    picture_pool_read_stats(pool, &stats);
    assert_int_equal(stats.live, 0);
    picture_pool_free(&pool);
}

static void count_returned(void *arg)
{
    ++*(int *)arg;
}

static void a_lent_picture_can_be_detached(void **state)
{
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    uint8_t samples[24 + 6 + 6];
    int returned = 0;
    struct picture_view view = {.plane = {samples, samples + 24, samples + 30},
                                .stride = {6, 3, 3},
                                .width = 6,
                                .height = 4};
    struct picture *p = picture_lend(pool, &view, count_returned, &returned);

    (void)state;
    for (size_t i = 0; i < sizeof(samples); i++)
        samples[i] = (uint8_t)i;
    assert_true(picture_is_lent(p));
    assert_int_equal(picture_detach(p), 0);
    assert_int_equal(returned, 1);
    assert_false(picture_is_lent(p));
    memset(samples, 0xFF, sizeof(samples));
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 6; x++)
            assert_int_equal(p->view.plane[0][y * p->view.stride[0] + x], y * 6 + x);
    assert_int_equal(p->view.plane[2][p->view.stride[2] + 2], 35);
    picture_unref(&p);
    assert_int_equal(returned, 1);
    p = picture_lend(pool, &view, count_returned, &returned);
    picture_unref(&p);
    assert_int_equal(returned, 2);
    picture_pool_free(&pool);
}

static void a_lent_picture_stays_lent_without_room(void **state)
{
    struct picture_pool *pool = picture_pool_new(100);
    uint8_t samples[6] = {9};
    int returned = 0;
    struct picture_view view = {
        .plane = {samples, samples + 4, samples + 5}, .stride = {2, 1, 1}, .width = 2, .height = 2};
    struct picture *p = picture_lend(pool, &view, count_returned, &returned);

    (void)state;
    assert_int_equal(picture_detach(p), E_NO_MEMORY);
    assert_true(picture_is_lent(p));
    assert_ptr_equal(p->view.plane[0], samples);
    assert_int_equal(returned, 0);
    picture_unref(&p);
    assert_int_equal(returned, 1);
    picture_pool_free(&pool);
}

static void without_memory_there_is_no_picture(void **state)
{
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    struct picture *p;

    (void)state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        mem_fail_nth(nth);
        p = picture_new(pool, 64, 64);
        assert_null(p);
        mem_fail_nth(0);
        p = picture_new(pool, 64, 64);
        assert_non_null(p);
        picture_unref(&p);
        picture_pool_free(&pool);
        pool = picture_pool_new(POOL_BYTES);
    }
    picture_pool_free(&pool);
}

static void a_crop_is_a_window_onto_the_same_samples(void **state)
{
    struct picture_pool *pool = picture_pool_new(POOL_BYTES);
    struct picture *p = picture_new(pool, 16, 12), *copy = picture_new(pool, 5, 3);
    struct picture_view part = picture_crop(&p->view, 4, 6, 5, 3);

    (void)state;
    picture_fill(&p->view, (struct picture_colour){10, 20, 30});
    picture_fill(&part, (struct picture_colour){40, 50, 60});
    for (int y = 0; y < 12; y++)
        for (int x = 0; x < 16; x++)
            assert_int_equal(p->view.plane[0][y * p->view.stride[0] + x],
                             x >= 4 && x < 9 && y >= 6 && y < 9 ? 40 : 10);
    for (int y = 0; y < 6; y++)
        for (int x = 0; x < 8; x++)
            assert_int_equal(p->view.plane[1][y * p->view.stride[1] + x],
                             x >= 2 && x < 5 && y >= 3 && y < 5 ? 50 : 20);
    picture_copy(&copy->view, &part);
    assert_int_equal(copy->view.plane[0][2 * copy->view.stride[0] + 4], 40);
    assert_int_equal(copy->view.plane[2][copy->view.stride[2] + 2], 60);
    picture_unref(&copy);
    picture_unref(&p);
    picture_pool_free(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(sizes_are_refused_before_anything_is_allocated),
        LEAK_FREE(planes_are_aligned_and_apart),
        LEAK_FREE(a_full_pool_refuses_and_unused_pictures_make_room),
        LEAK_FREE(pools_share_a_budget),
        LEAK_FREE(memory_is_used_again_and_idle_memory_is_bounded),
        LEAK_FREE(the_last_reference_sends_a_picture_home),
        LEAK_FREE(a_lent_picture_can_be_detached),
        LEAK_FREE(a_lent_picture_stays_lent_without_room),
        LEAK_FREE(without_memory_there_is_no_picture),
        LEAK_FREE(a_crop_is_a_window_onto_the_same_samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
