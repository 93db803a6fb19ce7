/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/rng.h"
#include "mixer/compositor.h"
#include "mixer/label.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

#define WIDTH 320
#define HEIGHT 180
#define MS 1000ull

static const struct compositor_config config = {.width = WIDTH,
                                                .height = HEIGHT,
                                                .background_rgb = 0x102030,
                                                .active_rgb = 0x30C060,
                                                .has_names = true};
static struct picture_pool *pool;
static struct compositor *compositor;
static struct layout layout;
static uint64_t now_us;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    now_us = 1000 * MS;
    layout.count = 0;
    pool = picture_pool_new(64u * 1024 * 1024);
    return compositor_new(&compositor, &config, pool);
}

static int tear_down(void **state)
{
    compositor_free(&compositor);
    picture_pool_free(&pool);
    return leaks_end(state);
}

static void set_look(uint32_t who, const char *name, bool is_muted, bool is_active)
{
    assert_int_equal(compositor_set_look(compositor, who,
                                         &(struct compositor_look){.name = str_of(name),
                                                                   .identity = str_of(name),
                                                                   .is_muted = is_muted,
                                                                   .is_active = is_active}),
                     0);
}

/* A picture all of whose samples tell which one it is, and where. */
static struct picture *picture_of(int width, int height, unsigned which)
{
    struct picture *p = picture_new(pool, width, height);

    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? height : picture_chroma(height)); y++)
            for (int x = 0; x < (i == 0 ? width : picture_chroma(width)); x++)
                p->view.plane[i][y * p->view.stride[i] + x] =
                    (uint8_t)(which * 37 + (unsigned)(x * 3 + y * 5 + i));
    return p;
}

static void set_picture(uint32_t who, int width, int height, unsigned which, uint16_t rotation)
{
    struct picture *p = picture_of(width, height, which);

    p->rotation = rotation;
    compositor_set_picture(compositor, who, p);
    picture_unref(&p);
}

static void set_tiles(const struct layout_tile *tiles, unsigned n, uint64_t change_us)
{
    layout.count = n;
    memcpy(layout.tile, tiles, n * sizeof(*tiles));
    compositor_set_layout(compositor, &layout, change_us, now_us);
}

static bool compose(void)
{
    return compositor_compose(compositor, now_us);
}

static uint8_t canvas_at(int plane, int x, int y)
{
    const struct picture_view *v = compositor_canvas(compositor);

    return v->plane[plane][y * v->stride[plane] + x];
}

static void expect_equal(const struct picture_view *a, const struct picture_view *b)
{
    for (int i = 0; i < PICTURE_PLANES; i++)
        for (int y = 0; y < (i == 0 ? a->height : a->height / 2); y++)
            for (int x = 0; x < (i == 0 ? a->width : a->width / 2); x++)
                if (a->plane[i][y * a->stride[i] + x] != b->plane[i][y * b->stride[i] + x])
                    fail_msg("plane %d, %d,%d: %d and %d", i, x, y,
                             a->plane[i][y * a->stride[i] + x], b->plane[i][y * b->stride[i] + x]);
}

/* --- what is seen ------------------------------------------------------------------------------------ */

/* Sample by sample, with tiles of the size of their pictures, so that nothing is scaled. */
static void pictures_names_and_frames_are_where_they_belong(void **state)
{
    static const struct layout_tile tiles[] = {
        {10, 20, 96, 64, 0, 1, SCALER_CROP},
        {120, 20, 64, 96, 0, 2, SCALER_CROP},
        {60, 60, 96, 64, 1, 3, SCALER_CROP},
    };
    struct picture_colour ground = overlay_colour(config.background_rgb);
    struct picture_colour active = overlay_colour(config.active_rgb);
    struct labels *labels = labels_new();
    const struct overlay *label = labels_name(labels, STR("c"), true, 96 - 12, 14);
    struct picture *p;

    (void)state;
    set_look(1, "", false, false);
    set_look(2, "", false, false);
    set_look(3, "c", true, true);
    set_picture(1, 96, 64, 1, 0);
    set_picture(2, 96, 64, 2, 90);
    set_picture(3, 96, 64, 3, 0);
    set_tiles(tiles, 3, 0);
    assert_true(compose());
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t want = ground.y;

            if (x >= 60 && x < 156 && y >= 60 && y < 124) {
                int tx = x - 60, ty = y - 60, lx = tx - 6, ly = ty - (64 - 6 - label->height);

                want = (uint8_t)(3 * 37 + tx * 3 + ty * 5);
                if (tx < 2 || tx >= 94 || ty < 2 || ty >= 62)
                    want = active.y;
                if (lx >= 0 && lx < label->width && ly >= 0 && ly < label->height) {
                    int alpha = label->alpha[ly * label->stride + lx];
                    want = (uint8_t)((label->y[ly * label->stride + lx] * alpha +
                                      want * (255 - alpha) + 255) >>
                                     8);
                }
            } else if (x >= 10 && x < 106 && y >= 20 && y < 84) {
                want = (uint8_t)(1 * 37 + (x - 10) * 3 + (y - 20) * 5);
            } else if (x >= 120 && x < 184 && y >= 20 && y < 116) {
                want = (uint8_t)(2 * 37 + (y - 20) * 3 + (63 - (x - 120)) * 5); /* turned right */
            }
            if (canvas_at(0, x, y) != want)
                fail_msg("%d,%d: %d, not %d", x, y, canvas_at(0, x, y), want);
        }
    assert_int_equal(canvas_at(1, 0, 0), ground.u);
    assert_int_equal(canvas_at(2, 159, 89), ground.v);
    assert_int_equal(canvas_at(1, 5 + 8, 10 + 4), (uint8_t)(37 + 8 * 3 + 4 * 5 + 1));
    p = picture_of(2, 2, 0);
    compositor_set_picture(compositor, 99, p); /* nobody knows that one */
    picture_unref(&p);
    assert_false(compose());
    labels_free(&labels);
}

static void who_has_no_picture_has_a_placeholder(void **state)
{
    static const struct layout_tile tiles[] = {{0, 0, 160, 180, 0, 1, SCALER_CROP},
                                               {160, 0, 160, 180, 0, 2, SCALER_CROP}};
    struct picture_colour empty;
    unsigned white = 0;

    (void)state;
    set_look(1, "Ada Lovelace", false, false);
    set_tiles(tiles, 2, 0);
    assert_true(compose());
    empty = (struct picture_colour){canvas_at(0, 2, 2), canvas_at(1, 1, 1), canvas_at(2, 1, 1)};
    for (int y = 50; y < 130; y++)
        for (int x = 40; x < 120; x++)
            white += canvas_at(0, x, y) > 220;
    assert_true(white > 100);
    for (int y = 0; y < 180; y++) /* the layout names 2, of whom nobody told */
        for (int x = 160; x < 320; x++)
            assert_int_equal(canvas_at(0, x, y), empty.y);
    set_picture(1, 160, 180, 7, 0);
    assert_true(compose());
    assert_int_equal(canvas_at(0, 80, 90), (uint8_t)(7 * 37 + 80 * 3 + 90 * 5));
    compositor_set_picture(compositor, 1, NULL);
    assert_true(compose());
    assert_int_equal(canvas_at(0, 2, 2), empty.y);
    compositor_set_picture(compositor, 1, NULL);
    assert_false(compose());
    compositor_remove(compositor, 1);
    assert_true(compose());
    assert_int_equal(canvas_at(0, 80, 90), empty.y);
    assert_false(compose());
}

/* --- what is drawn ----------------------------------------------------------------------------------- */

static const struct layout_tile two[] = {{0, 0, 160, 90, 0, 1, SCALER_CROP},
                                         {160, 0, 160, 90, 0, 2, SCALER_CROP}};

static void only_what_changed_is_drawn(void **state)
{
    const struct compositor_stats *stats = compositor_read_stats(compositor);

    (void)state;
    set_look(1, "a", false, false);
    set_look(2, "b", false, false);
    set_tiles(two, 2, 0);
    assert_true(compose());
    assert_int_equal(stats->tiles, 2);
    assert_false(compose());
    set_picture(1, 64, 36, 1, 0);
    assert_true(compose());
    assert_int_equal(stats->tiles, 3);
    assert_int_equal(stats->scaled, 1);
    set_look(2, "b", false, false); /* as before */
    set_tiles(two, 2, 300 * MS);
    assert_false(compose());
    set_look(2, "b", false, true);
    assert_true(compose());
    assert_int_equal(stats->tiles, 4);
    for (int i = 0; i < 10; i++)
        assert_false(compose());
    assert_int_equal(stats->tiles, 4);
    assert_int_equal(stats->composed, 3);
    assert_int_equal(stats->unchanged, 12);
}

/* A source is drawn before the others where it is alone; elsewhere it waits for its turn. */
static void what_is_apart_is_drawn_at_once(void **state)
{
    static const struct layout_tile tiles[] = {{0, 0, 160, 90, 0, 1, SCALER_CROP},
                                               {160, 0, 160, 90, 0, 2, SCALER_CROP},
                                               {200, 20, 64, 36, 1, 3, SCALER_CROP}};
    const struct compositor_stats *stats = compositor_read_stats(compositor);

    (void)state;
    for (uint32_t who = 1; who <= 3; who++)
        set_look(who, "", false, false);
    set_tiles(tiles, 3, 0);
    set_picture(1, 160, 90, 1, 0);
    compositor_draw_source(compositor, 1); /* the canvas of this layout is still to be made */
    assert_int_equal(stats->tiles, 0);
    assert_true(compose());
    for (uint32_t who = 1; who <= 3; who++) {
        set_picture(who, 160, 90, 10 + who, 0);
        compositor_draw_source(compositor, who);
    }
    compositor_draw_source(compositor, 9); /* nobody */
    assert_int_equal(stats->tiles, 3 + 1);
    assert_int_equal(canvas_at(0, 80, 45), (uint8_t)(11 * 37 + 80 * 3 + 45 * 5));
    compositor_release_drawn(compositor, 1);
    assert_true(compose());
    assert_int_equal(stats->tiles, 3 + 3);
    assert_int_equal(canvas_at(0, 160 + 8, 80), (uint8_t)(12 * 37 + 8 * 3 + 80 * 5));
    assert_false(compose());
    set_picture(1, 160, 90, 4, 0);
    compositor_draw_source(compositor, 1);
    compositor_draw_source(compositor, 1); /* it is there already */
    assert_int_equal(stats->tiles, 6 + 1);
    assert_true(compose()); /* with nothing left to draw, it has changed all the same */
    assert_int_equal(stats->tiles, 6 + 1);
    set_tiles(two, 2, 300 * MS);
    now_us += 100 * MS;
    assert_true(compose());
    set_picture(1, 160, 90, 5, 0);
    uint64_t drawn = stats->tiles;
    compositor_draw_source(compositor, 1); /* where it is drawn now, nobody knows before */
    assert_int_equal(stats->tiles, drawn);
}

static void what_lies_over_others_is_scaled_once(void **state)
{
    static const struct layout_tile pip[] = {{0, 0, 320, 180, 0, 1, SCALER_CROP},
                                             {200, 100, 80, 46, 1, 2, SCALER_CROP}};
    const struct compositor_stats *stats = compositor_read_stats(compositor);

    (void)state;
    set_look(1, "", false, false);
    set_look(2, "", false, false);
    set_picture(1, 320, 180, 1, 0);
    set_picture(2, 160, 92, 2, 0);
    set_tiles(pip, 2, 0);
    assert_true(compose());
    assert_int_equal(stats->scaled, 2);
    for (unsigned i = 0; i < 10; i++) {
        compositor_release_drawn(compositor, 1);
        compositor_release_drawn(compositor, 2);
        set_picture(1, 320, 180, i, 0);
        assert_true(compose());
        assert_int_equal(canvas_at(0, 10, 10), (uint8_t)(i * 37 + 80));
        assert_true(abs(canvas_at(0, 220, 110) - (uint8_t)(2 * 37 + 40 * 3 + 20 * 5 + 4)) < 3);
    }
    assert_int_equal(stats->scaled, 12);
    assert_int_equal(stats->reused, 10);
    set_picture(2, 160, 92, 5, 0); /* the inset alone does not touch what is below */
    assert_true(compose());
    assert_int_equal(stats->scaled, 13);
    assert_int_equal(stats->tiles, 2 + 20 + 1);
}

static void one_source_in_two_tiles_is_scaled_once(void **state)
{
    static const struct layout_tile twice[] = {{0, 0, 160, 90, 0, 1, SCALER_CROP},
                                               {160, 90, 160, 90, 0, 1, SCALER_CROP}};

    (void)state;
    set_look(1, "", false, false);
    set_picture(1, 64, 36, 1, 0);
    set_tiles(twice, 2, 0);
    assert_true(compose());
    assert_int_equal(compositor_read_stats(compositor)->scaled, 1);
    assert_int_equal(canvas_at(0, 30, 30), canvas_at(0, 190, 120));
}

static void drawn_pictures_are_let_go_of(void **state)
{
    struct picture_pool_stats before, after;
    const struct layout_tile one[] = {{20, 20, 160, 90, 0, 1, SCALER_CROP}};
    uint8_t sample;

    (void)state;
    set_look(1, "", false, false);
    set_look(2, "", false, false);
    set_tiles(two, 2, 0);
    assert_true(compose());
    picture_pool_read_stats(pool, &before);
    set_picture(1, 160, 90, 1, 0);
    compositor_release_drawn(compositor, 1); /* not drawn yet */
    assert_true(compose());
    sample = canvas_at(0, 80, 45);
    compositor_release_drawn(compositor, 1);
    picture_pool_read_stats(pool, &after);
    assert_int_equal(after.live, before.live);
    set_look(1, "", false, true); /* its frame comes with its next picture */
    assert_false(compose());
    assert_int_equal(canvas_at(0, 80, 45), sample);
    set_tiles(one, 1, 0); /* decoding failed, and it is moved: what was seen is still seen */
    assert_true(compose());
    assert_int_equal(canvas_at(0, 100, 65), sample);
    assert_int_equal(canvas_at(0, 20, 20), overlay_colour(config.active_rgb).y);
}

/* The next one, of another size, shows at once what this one showed: pictures that it has, and those that only its canvas had left. */
static void another_canvas_takes_the_pictures_over(void **state)
{
    static const struct layout_tile small[] = {{0, 0, 96, 54, 0, 1, SCALER_CROP},
                                               {96, 0, 96, 54, 0, 2, SCALER_CROP},
                                               {0, 54, 96, 54, 0, 3, SCALER_CROP}};
    struct compositor_config other = config;
    struct compositor *before = compositor;

    (void)state;
    for (uint32_t who = 1; who <= 3; who++)
        set_look(who, "", false, false);
    set_picture(1, 160, 90, 0, 0);
    set_picture(2, 160, 90, 0, 0);
    set_tiles(two, 2, 0);
    assert_true(compose());
    uint8_t middle = canvas_at(0, 80, 45);
    compositor_release_drawn(compositor, 1);
    other.width = 192;
    other.height = 108;
    assert_int_equal(compositor_new(&compositor, &other, pool), 0);
    for (uint32_t who = 1; who <= 3; who++)
        set_look(who, "", false, false);
    compositor_adopt(compositor, before);
    assert_true(compositor_has_picture(compositor, 1) && compositor_has_picture(compositor, 2));
    assert_false(compositor_has_picture(compositor, 3) || compositor_has_picture(compositor, 9));
    compositor_free(&before);
    set_tiles(small, 3, 0);
    assert_true(compose());
    assert_true(abs(canvas_at(0, 48, 27) - middle) < 8);
    assert_true(abs(canvas_at(0, 96 + 48, 27) - middle) < 8);
}

static void layouts_change_smoothly(void **state)
{
    static const struct layout_tile other[] = {{0, 0, 320, 180, 0, 1, SCALER_CROP}};
    int width, height, steps = 0;

    (void)state;
    set_look(1, "a", false, false);
    set_look(2, "b", false, false);
    set_picture(1, 160, 90, 1, 0);
    set_tiles(two, 2, LAYOUT_CHANGE_US); /* the first one comes at once */
    assert_true(compose());
    assert_false(compose());
    set_tiles(other, 1, LAYOUT_CHANGE_US);
    assert_true(compositor_size_of(compositor, 1, &width, &height));
    assert_true(width == 320 && height == 180);
    assert_false(compositor_size_of(compositor, 2, &width, &height));
    for (int i = 0; i < 12; i++, now_us += 33 * MS)
        steps += compose();
    assert_true(steps >= 8 && steps <= 11);
    assert_int_equal(compositor_read_stats(compositor)->failed, 0);
    assert_true(abs(canvas_at(0, 1, 1) - (37 + 4)) < 8); /* all of the canvas */
    assert_true(abs(canvas_at(0, 100, 100) - (uint8_t)(37 + 50 * 3 + 50 * 5)) < 8);
}

/* --- drawing parts gives what drawing all would have given -------------------------------------------- */

#define PEOPLE 7

static struct person {
    char name[20];
    struct compositor_look look;
    struct picture *picture;
    bool is_there;
} person[PEOPLE];

static void expect_as_drawn_anew(void)
{
    struct compositor *fresh;

    assert_int_equal(compositor_new(&fresh, &config, pool), 0);
    for (uint32_t i = 0; i < PEOPLE; i++) {
        if (!person[i].is_there)
            continue;
        assert_int_equal(compositor_set_look(fresh, i, &person[i].look), 0);
        compositor_set_picture(fresh, i, person[i].picture);
    }
    compositor_set_layout(fresh, &layout, 0, now_us);
    assert_true(compositor_compose(fresh, now_us));
    expect_equal(compositor_canvas(compositor), compositor_canvas(fresh));
    compositor_free(&fresh);
}

static void change_layout(struct rng *rng)
{
    uint32_t who[PEOPLE], n = rng_below(rng, PEOPLE + 1);
    struct layout_request r = {.kind = (enum layout_kind)rng_below(rng, 4),
                               .width = WIDTH,
                               .height = HEIGHT,
                               .gap = 2 * (int)rng_below(rng, 3),
                               .fit = rng_below(rng, 2) ? SCALER_CROP : SCALER_LETTERBOX,
                               .participants = who,
                               .count = n};

    for (uint32_t i = 0; i < n; i++)
        who[i] = (i + rng_below(rng, 2) * 3) % PEOPLE;
    assert_int_equal(layout_make(&layout, &r, NULL), 0);
    compositor_set_layout(compositor, &layout, rng_below(rng, 2) ? 0 : 100 * MS, now_us);
}

static void change_person(struct rng *rng, uint32_t i)
{
    struct person *p = &person[i];

    if (!p->is_there || rng_below(rng, 6) == 0) {
        p->is_there = true;
        (void)snprintf(p->name, sizeof(p->name), "P%u %u", i, rng_below(rng, 3));
        p->look = (struct compositor_look){.name = str_of(p->name),
                                           .identity = str_of(p->name),
                                           .is_muted = rng_below(rng, 2),
                                           .is_active = rng_below(rng, 3) == 0};
        assert_int_equal(compositor_set_look(compositor, i, &p->look), 0);
    } else if (rng_below(rng, 12) == 0) {
        compositor_remove(compositor, i);
        picture_unref(&p->picture);
        p->is_there = false;
    } else if (rng_below(rng, 8) == 0) {
        compositor_set_picture(compositor, i, NULL);
        picture_unref(&p->picture);
    } else {
        compositor_release_drawn(compositor, i);
        picture_unref(&p->picture);
        p->picture = picture_of(32 + (int)rng_below(rng, 300), 32 + (int)rng_below(rng, 200),
                                rng_u32(rng) % 100);
        p->picture->rotation = (uint16_t)(90 * rng_below(rng, 4));
        compositor_set_picture(compositor, i, p->picture);
        if (rng_below(rng, 2))
            compositor_draw_source(compositor, i);
    }
}

static void drawing_parts_is_as_good_as_drawing_all(void **state)
{
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240610;
    struct rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (int round = 0; round < 250; round++) {
        for (uint32_t k = rng_below(&rng, 4); k > 0; k--)
            change_person(&rng, rng_below(&rng, PEOPLE));
        if (rng_below(&rng, 12) == 0)
            change_layout(&rng);
        (void)compose();
        now_us += 33 * MS;
        if (rng_below(&rng, 8) != 0)
            continue;
        now_us += 200 * MS; /* a change of layout is over */
        (void)compose();
        expect_as_drawn_anew();
    }
    for (uint32_t i = 0; i < PEOPLE; i++)
        picture_unref(&person[i].picture);
}

static void bounds_and_want_of_memory(void **state)
{
    struct compositor_config odd = config;
    struct compositor *c;

    (void)state;
    odd.width = 321;
    assert_int_equal(compositor_new(&c, &odd, pool), E_INVALID);
    odd.width = 16384;
    assert_int_equal(compositor_new(&c, &odd, pool), E_INVALID);
    for (uint64_t nth = 1; nth <= 4; nth++) {
        mem_fail_nth(nth);
        int err = compositor_new(&c, &config, pool);
        mem_fail_nth(0);
        if (err == 0)
            compositor_free(&c);
        else
            assert_int_equal(err, E_NO_MEMORY);
        assert_true(nth > 2 || err != 0); /* pictures come from memory that the pool has */
    }
    for (uint32_t i = 0; i < MAX_MIX_SOURCES; i++)
        set_look(i, "x", false, false);
    assert_int_equal(compositor_set_look(compositor, 1000, &(struct compositor_look){0}), E_LIMIT);
    compositor_remove(compositor, 5);
    assert_int_equal(compositor_set_look(compositor, 1000, &(struct compositor_look){0}), 0);
    compositor_remove(compositor, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pictures_names_and_frames_are_where_they_belong),
        TEST(who_has_no_picture_has_a_placeholder),
        TEST(only_what_changed_is_drawn),
        TEST(what_is_apart_is_drawn_at_once),
        TEST(what_lies_over_others_is_scaled_once),
        TEST(one_source_in_two_tiles_is_scaled_once),
        TEST(drawn_pictures_are_let_go_of),
        TEST(another_canvas_takes_the_pictures_over),
        TEST(layouts_change_smoothly),
        TEST(drawing_parts_is_as_good_as_drawing_all),
        TEST(bounds_and_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
