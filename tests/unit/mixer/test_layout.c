/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "mixer/layout.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static const int canvases[][2] = {{1280, 720}, {1920, 1080}, {640, 360},  {720, 1280},
                                  {360, 640},  {720, 720},   {1920, 540}, {854, 480}};
static uint32_t people[200];
static struct layout layout;

static int set_up(void **state)
{
    for (uint32_t i = 0; i < ARRAY_LEN(people); i++)
        people[i] = 1000 + i;
    return leaks_begin(state);
}

static struct layout_request request_of(enum layout_kind kind, int width, int height, size_t count)
{
    return (struct layout_request){.kind = kind,
                                   .width = width,
                                   .height = height,
                                   .gap = 4,
                                   .participants = people,
                                   .count = count};
}

static bool overlap(const struct layout_tile *a, const struct layout_tile *b)
{
    return a->x < b->x + b->width && b->x < a->x + a->width && a->y < b->y + b->height &&
           b->y < a->y + a->height;
}

/* What holds of every layout. */
static void check_layout(const struct layout *l, int width, int height)
{
    assert_true(l->count <= MAX_LAYOUT_TILES);
    for (unsigned i = 0; i < l->count; i++) {
        const struct layout_tile *t = &l->tile[i];

        assert_true((t->x | t->y | t->width | t->height) % 2 == 0);
        assert_true(t->x >= 0 && t->y >= 0 && t->width >= LAYOUT_MIN_TILE &&
                    t->height >= LAYOUT_MIN_TILE);
        assert_true(t->x + t->width <= width && t->y + t->height <= height);
        assert_true(i == 0 || l->tile[i - 1].z <= t->z);
        for (unsigned k = 0; k < i; k++)
            assert_true(l->tile[k].z != t->z || !overlap(&l->tile[k], t));
    }
}

static void every_kind_places_any_number_on_any_canvas(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(canvases); c++)
        for (unsigned kind = LAYOUT_GRID; kind <= LAYOUT_SCREEN; kind++)
            for (size_t n = 0; n <= 100; n++) {
                struct layout_request r =
                    request_of((enum layout_kind)kind, canvases[c][0], canvases[c][1], n);

                assert_int_equal(layout_make(&layout, &r, NULL), 0);
                check_layout(&layout, r.width, r.height);
                assert_true(n == 0 ? layout.count == 0 : layout.count >= 1);
                if (n > 0)
                    assert_int_equal(layout.tile[0].participant, 1000);
                if (kind == LAYOUT_GRID && n <= 49)
                    assert_int_equal(layout.count, n);
            }
}

static void grids_have_the_columns_that_one_expects(void **state)
{
    static const struct {
        int width, height;
        size_t n;
        int columns, rows, tile_width, tile_height;
    } rows[] = {
        {1280, 720, 1, 1, 1, 1280, 720}, {1280, 720, 2, 2, 1, 638, 720},
        {1280, 720, 3, 2, 2, 638, 358},  {1280, 720, 4, 2, 2, 638, 358},
        {1280, 720, 5, 3, 2, 424, 358},  {1280, 720, 9, 3, 3, 424, 236},
        {1280, 720, 10, 4, 3, 316, 236}, {1280, 720, 16, 4, 4, 316, 176},
        {1280, 720, 25, 5, 5, 252, 140}, {1280, 720, 49, 7, 7, 178, 98},
        {720, 1280, 2, 1, 2, 720, 638},  {720, 1280, 3, 1, 3, 720, 424},
        {720, 1280, 4, 1, 4, 720, 316},  {720, 1280, 9, 2, 5, 358, 252},
        {720, 720, 4, 2, 2, 358, 358},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct layout_request r = request_of(LAYOUT_GRID, rows[i].width, rows[i].height, rows[i].n);
        int columns = 0, lines = 1;

        assert_int_equal(layout_make(&layout, &r, NULL), 0);
        for (unsigned k = 0; k < layout.count; k++) {
            columns += layout.tile[k].y == layout.tile[0].y;
            lines += k > 0 && layout.tile[k].y != layout.tile[k - 1].y;
        }
        if (columns != rows[i].columns || lines != rows[i].rows ||
            layout.tile[0].width != rows[i].tile_width ||
            layout.tile[0].height != rows[i].tile_height)
            fail_msg("%dx%d, %zu: %d columns, %d rows of %dx%d", rows[i].width, rows[i].height,
                     rows[i].n, columns, lines, layout.tile[0].width, layout.tile[0].height);
    }
}

static void the_last_row_is_in_the_middle(void **state)
{
    struct layout_request r = request_of(LAYOUT_GRID, 1280, 720, 5);
    const struct layout_tile *a, *b;

    (void)state;
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    a = &layout.tile[3];
    b = &layout.tile[4];
    assert_int_equal(a->x, 1280 - (b->x + b->width));
    assert_int_equal(b->x - (a->x + a->width), 4);
}

static void large_ones_are_large_and_screens_are_seen_whole(void **state)
{
    struct layout_request r = request_of(LAYOUT_SPEAKER, 1280, 720, 6);

    (void)state;
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    assert_int_equal(layout.count, 6);
    assert_true(layout.tile[0].width == 1280 && layout.tile[0].height == 572);
    assert_true(layout.tile[1].y == 576 && layout.tile[1].height == 144 &&
                layout.tile[1].width == 252);
    assert_int_equal(layout.tile[0].fit, SCALER_CROP);
    r.count = 1;
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    assert_true(layout.tile[0].width == 1280 && layout.tile[0].height == 720);
    r.kind = LAYOUT_SCREEN;
    r.count = 4;
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    assert_int_equal(layout.tile[0].fit, SCALER_LETTERBOX);
    assert_true(layout.tile[0].width == 1020 && layout.tile[0].height == 720);
    assert_true(layout.tile[1].x == 1024 && layout.tile[1].width == 256 &&
                layout.tile[1].height == 144);
    r = request_of(LAYOUT_SCREEN, 720, 1280, 4);
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    assert_true(layout.tile[0].width == 720 && layout.tile[0].height == 1020);
    r = request_of(LAYOUT_PIP, 1280, 720, 9);
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    assert_int_equal(layout.count, 1 + LAYOUT_MAX_INSETS);
    assert_true(layout.tile[1].z > layout.tile[0].z && layout.tile[1].width == 320);
    assert_int_equal(layout.tile[1].x + layout.tile[1].width, 1280 - 18);
}

static void custom_rectangles_are_taken(void **state)
{
    static const struct layout_custom custom[] = {
        {0, 0, 1, 1, true, 0, 0, SCALER_LETTERBOX},
        {0.75, 0.75, 0.25, 0.25, true, 5, 2, SCALER_CROP},
        {10, 21, 101, 99, false, 1, 1, SCALER_CROP},
        {1.0 / 3, 0, 1.0 / 3, 1.0 / 3, true, 2, 3, SCALER_CROP},
        {2.0 / 3, 0, 1.0 / 3, 1.0 / 3, true, 2, 0, SCALER_CROP},
        {0, 0, 1, 1, true, 0, 77, SCALER_CROP}, /* nobody */
    };
    struct layout_request r = request_of(LAYOUT_CUSTOM, 1280, 720, 4);

    (void)state;
    r.custom = custom;
    r.customs = ARRAY_LEN(custom);
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    check_layout(&layout, 1280, 720);
    assert_int_equal(layout.count, 5);
    assert_int_equal(layout.tile[0].participant, 1000);
    assert_int_equal(layout.tile[0].fit, SCALER_LETTERBOX);
    assert_true(layout.tile[1].participant == 1001 && layout.tile[1].x == 10 &&
                layout.tile[1].y == 20 && layout.tile[1].width == 100 &&
                layout.tile[1].height == 100);
    assert_true(layout.tile[4].participant == 1002 && layout.tile[4].x == 960 &&
                layout.tile[4].height == 180);
    /* neighbours by fraction touch */
    assert_int_equal(layout.tile[2].x + layout.tile[2].width, layout.tile[3].x);
    assert_int_equal(layout.tile[3].x + layout.tile[3].width, 1280);
}

static void nonsense_is_refused_in_words(void **state)
{
    static const struct {
        struct layout_custom custom;
        const char *says;
    } rows[] = {
        {{0.5, 0, 0.6, 1, true, 0, 0, 0}, "rectangle 0: it is not inside the canvas of 1280x720"},
        {{-1, 0, 100, 100, false, 0, 0, 0}, "rectangle 0: it is not inside the canvas of 1280x720"},
        {{1200, 0, 100, 100, false, 0, 0, 0},
         "rectangle 0: it is not inside the canvas of 1280x720"},
        {{NAN, 0, 1, 1, true, 0, 0, 0}, "rectangle 0: it is not inside the canvas of 1280x720"},
        {{0, 0, INFINITY, 1, true, 0, 0, 0},
         "rectangle 0: it is not inside the canvas of 1280x720"},
        {{0, 0, 1e300, 1, false, 0, 0, 0}, "rectangle 0: it is not inside the canvas of 1280x720"},
        {{0, 0, NAN, 1, true, 0, 0, 0}, "rectangle 0: width and height must be above 0"},
        {{0, 0, 0, 1, true, 0, 0, 0}, "rectangle 0: width and height must be above 0"},
        {{0, 0, 1, -1, true, 0, 0, 0}, "rectangle 0: width and height must be above 0"},
        {{0, 0, 15, 20, false, 0, 0, 0}, "rectangle 0: 14x20 is smaller than 16x16"},
    };
    static struct layout_custom many[MAX_LAYOUT_TILES + 1];
    struct layout_request r = request_of(LAYOUT_CUSTOM, 1280, 720, 3);
    struct strbuf why;

    (void)state;
    strbuf_init(&why, 200);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        strbuf_clear(&why);
        r.custom = &rows[i].custom;
        r.customs = 1;
        layout.count = 77;
        assert_int_equal(layout_make(&layout, &r, &why), E_INVALID);
        assert_int_equal(layout.count, 77);
        assert_string_equal(why.p, rows[i].says);
    }
    r.custom = many;
    r.customs = ARRAY_LEN(many);
    assert_int_equal(layout_make(&layout, &r, NULL), E_LIMIT);
    r.customs = 0;
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    r = request_of(LAYOUT_GRID, 1281, 720, 1);
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    r = request_of(LAYOUT_GRID, 16384, 16384, 1);
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    r = request_of(LAYOUT_GRID, 1280, 720, 1);
    r.gap = 3;
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    r.gap = 92;
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    r.gap = 0;
    r.kind = (enum layout_kind)9;
    assert_int_equal(layout_make(&layout, &r, NULL), E_INVALID);
    strbuf_fini(&why);
}

static void kinds_have_names(void **state)
{
    enum layout_kind kind;

    (void)state;
    for (unsigned i = 0; i < LAYOUT_KINDS; i++) {
        assert_true(layout_kind_find(str_of(layout_kind_name((enum layout_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    assert_false(layout_kind_find(STR("mosaic"), &kind));
}

static void a_change_goes_smoothly_from_one_to_the_other(void **state)
{
    struct layout_request r = request_of(LAYOUT_GRID, 1280, 720, 9);
    struct layout from, to;
    int last_width = 0;

    (void)state;
    assert_int_equal(layout_make(&from, &r, NULL), 0);
    r = request_of(LAYOUT_SPEAKER, 1280, 720, 4);
    r.participants = people + 3; /* three of the nine stay... */
    assert_int_equal(layout_make(&to, &r, NULL), 0);
    to.tile[3].participant = 5555; /* ...and somebody comes in */
    layout_between(&layout, &from, &to, 0);
    assert_true(layout_is_equal(&layout, &from));
    layout_between(&layout, &from, &to, 1);
    assert_true(layout_is_equal(&layout, &to));
    for (int i = 1; i < 100; i++) {
        layout_between(&layout, &from, &to, i / 100.0);
        for (unsigned k = 0; k < layout.count; k++) {
            const struct layout_tile *t = &layout.tile[k];

            assert_true((t->x | t->y | t->width | t->height) % 2 == 0);
            assert_true(t->x >= 0 && t->y >= 0 && t->x + t->width <= 1280 &&
                        t->y + t->height <= 720);
        }
        assert_int_equal(layout.tile[0].participant, 1003);
        assert_true(layout.tile[0].width >= last_width);
        last_width = layout.tile[0].width;
        if (i == 50) { /* half way */
            assert_int_equal(layout.tile[0].width, (424 + 1280) / 2);
            assert_int_equal(layout.count, 3 + 1 + 6);
        }
    }
    layout_between(&layout, &from, &to, 0.1); /* at first it is slow */
    assert_true(layout.tile[0].width < 424 + (1280 - 424) / 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, leaks_end)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_places_any_number_on_any_canvas),
        TEST(grids_have_the_columns_that_one_expects),
        TEST(the_last_row_is_in_the_middle),
        TEST(large_ones_are_large_and_screens_are_seen_whole),
        TEST(custom_rectangles_are_taken),
        TEST(nonsense_is_refused_in_words),
        TEST(kinds_have_names),
        TEST(a_change_goes_smoothly_from_one_to_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
