/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/limits.h"
#include "mixer/label.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static struct labels *labels;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    labels = labels_new();
    return labels != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    labels_free(&labels);
    return leaks_end(state);
}

static struct labels_stats stats(void)
{
    struct labels_stats s;

    labels_read_stats(labels, &s);
    return s;
}

/* How many samples are nearly white and opaque: letters. */
static int letters(const struct overlay *o)
{
    int n = 0;

    for (int y = 0; y < o->height; y++)
        for (int x = 0; x < o->width; x++)
            n += o->alpha[y * o->stride + x] > 200 && o->y[y * o->stride + x] > 200;
    return n;
}

static void names_are_as_wide_as_they_need(void **state)
{
    const struct overlay *o = labels_name(labels, STR("Ada"), false, 400, 28);
    int width;

    (void)state;
    assert_non_null(o);
    assert_int_equal(o->height, 28);
    assert_true(o->width % 2 == 0 && o->width > 28 && o->width < 120);
    assert_true(letters(o) > 30);
    assert_int_equal(o->alpha[0], 0); /* round corners */
    assert_true(o->alpha[14 * o->stride + 2] > 100 && o->alpha[14 * o->stride + 2] < 180);
    width = o->width;
    o = labels_name(labels, STR("Ada Lovelace"), false, 400, 28);
    assert_true(o->width > width);
}

static void long_names_are_shortened(void **state)
{
    char name[MAX_NAME_LEN + 60];
    const struct overlay *o;

    (void)state;
    memset(name, 'W', sizeof(name));
    o = labels_name(labels, (struct str){name, sizeof(name)}, false, 200, 28);
    assert_non_null(o);
    assert_true(o->width <= 200 && o->width >= 160);
    assert_true(letters(o) > 100);
    assert_null(labels_name(labels, STR("Ada"), false, 20, 28)); /* not even a letter fits */
}

static void any_script_is_drawn(void **state)
{
    static const char *const names[] = {
        "Жанна д'Арк",
        "Ελένη",
        "שלום עליכם",
        "مرحبا بالعالم",
        "नमस्ते",
        "田中さん",
        "👩‍👩‍👧‍👦 Family",
        "e\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81\xCC\x81",
        "\xE2\x80\xAE"
        "reversed",
        "line\xE2\x80\xA8"
        "separator",
        "   ",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct overlay *o = labels_name(labels, str_of(names[i]), false, 300, 24);

        assert_non_null(o);
        assert_int_equal(o->height, 24);
        if (letters(o) < 8 && strcmp(names[i], "   ") != 0)
            fail_msg("%s: %d samples of letters", names[i], letters(o));
        assert_non_null(labels_placeholder(labels, str_of(names[i]), STR("id"), 80));
    }
    assert_non_null(labels_name(labels, STR("not \xFF\xFE utf-8"), false, 300, 24));
    assert_non_null(labels_name(labels, STR("two\nlines"), false, 300, 24));
}

static void muted_ones_have_a_sign(void **state)
{
    const struct overlay *o = labels_name(labels, STR("Ada"), false, 400, 28);
    int width = o->width, red = 0;

    (void)state;
    o = labels_name(labels, STR("Ada"), true, 400, 28);
    assert_true(o->width > width + 10);
    for (int y = 0; y < o->height / 2; y++)
        for (int x = 0; x < o->width / 2; x++)
            red += o->v[y * o->chroma_stride + x] > 180 &&
                   o->chroma_alpha[y * o->chroma_stride + x] > 200;
    assert_true(red > 5);
    o = labels_name(labels, STR(""), true, 400, 28);
    assert_non_null(o);
    assert_true(o->width < 60);
    assert_null(labels_name(labels, STR(""), false, 400, 28));
}

static void placeholders_have_initials_and_a_colour_of_their_own(void **state)
{
    static const char *const identities[] = {"alice", "bob", "carol", "dave", "erin", "frank"};
    uint8_t u[ARRAY_LEN(identities)], v[ARRAY_LEN(identities)];
    size_t distinct = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(identities); i++) {
        const struct overlay *o =
            labels_placeholder(labels, STR("Ada Lovelace"), str_of(identities[i]), 100);
        int at = 25 * o->chroma_stride + 4;

        assert_true(o->width == 100 && o->height == 100);
        assert_int_equal(o->alpha[0], 0);
        assert_int_equal(o->alpha[50 * o->stride + 4], 255);
        assert_true(letters(o) > 200);
        u[i] = o->u[at];
        v[i] = o->v[at];
    }
    for (size_t i = 1; i < ARRAY_LEN(identities); i++)
        distinct += u[i] != u[i - 1] || v[i] != v[i - 1];
    assert_true(distinct >= ARRAY_LEN(identities) - 2);
}

static void the_same_again_is_found(void **state)
{
    const struct overlay *o = labels_name(labels, STR("Ada"), false, 400, 28);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_ptr_equal(labels_name(labels, STR("Ada"), false, 400, 28), o);
    assert_int_equal(stats().drawn, 1);
    assert_int_equal(stats().found, 10);
    assert_ptr_not_equal(labels_name(labels, STR("Ada"), true, 400, 28), o);
    assert_ptr_not_equal(labels_name(labels, STR("Ada"), false, 400, 30), o);
    assert_int_equal(stats().drawn, 3);
}

static void what_is_kept_is_bounded_and_the_oldest_goes(void **state)
{
    char name[16];
    uint64_t drawn;

    (void)state;
    for (int i = 0; i < MAX_LABELS + 40; i++) {
        int len = snprintf(name, sizeof(name), "n%d", i);

        assert_non_null(labels_name(labels, (struct str){name, (size_t)len}, false, 200, 16));
        assert_non_null(labels_name(labels, STR("n0"), false, 200, 16)); /* stays in use */
    }
    assert_true(stats().count <= MAX_LABELS);
    drawn = stats().drawn;
    assert_non_null(labels_name(labels, STR("n0"), false, 200, 16));
    assert_int_equal(stats().drawn, drawn);
    assert_non_null(labels_name(labels, STR("n1"), false, 200, 16));
    assert_int_equal(stats().drawn, drawn + 1);
    for (int i = 0; i < 12; i++) {
        int len = snprintf(name, sizeof(name), "p%d", i);

        assert_non_null(
            labels_placeholder(labels, (struct str){name, (size_t)len}, STR("x"), 1000));
        assert_true(stats().bytes <= MAX_LABEL_BYTES);
    }
}

static void nonsense_and_want_of_memory_give_none(void **state)
{
    (void)state;
    assert_null(labels_name(labels, STR("Ada"), false, 401, 28));
    assert_null(labels_name(labels, STR("Ada"), false, 400, 27));
    assert_null(labels_name(labels, STR("Ada"), false, 400, 0));
    assert_null(labels_placeholder(labels, STR("Ada"), STR("x"), 20000));
    for (uint64_t nth = 1; nth <= 2; nth++) {
        const struct overlay *o;

        mem_fail_nth(nth);
        o = labels_name(labels, STR("Ada"), false, 400, 28);
        mem_fail_nth(0);
        assert_null(o);
    }
    assert_non_null(labels_name(labels, STR("Ada"), false, 400, 28));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_are_as_wide_as_they_need),
        TEST(long_names_are_shortened),
        TEST(any_script_is_drawn),
        TEST(muted_ones_have_a_sign),
        TEST(placeholders_have_initials_and_a_colour_of_their_own),
        TEST(the_same_again_is_found),
        TEST(what_is_kept_is_bounded_and_the_oldest_goes),
        TEST(nonsense_and_want_of_memory_give_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
