/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/str.h"

static int has_no_live_block(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void views_compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR("abc"), str_of("abc")));
    assert_true(str_eq(str_of(NULL), STR("")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq_nocase(STR("VP8/rtx"), STR("vp8/RTX")));
    assert_false(str_eq_nocase(STR("["), STR("{"))); /* 0x20 apart, but no letters */
    assert_true(str_eq_c(STR("x"), "x"));
    assert_true(str_starts(STR("a=mid:0"), STR("a=mid:")));
    assert_true(str_starts(STR("a"), str_of(NULL)));
    assert_false(str_starts(STR("a="), STR("a=mid:")));
}

static void cut_takes_pieces_until_nothing_is_left(void **state)
{
    struct str rest = STR("a,,bc,");

    (void)state;
    assert_true(str_eq_c(str_cut(&rest, ','), "a"));
    assert_true(str_eq_c(str_cut(&rest, ','), ""));
    assert_true(str_eq_c(str_cut(&rest, ','), "bc"));
    assert_int_equal(rest.len, 0);
    assert_true(str_eq_c(str_cut(&rest, ','), ""));
    rest = STR("whole");
    assert_true(str_eq_c(str_cut(&rest, ','), "whole"));
    assert_int_equal(rest.len, 0);
    rest = str_of(NULL);
    assert_int_equal(str_cut(&rest, ',').len, 0);
}

static void trim_takes_spaces_and_tabs_of_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq_c(str_trim(STR(" \t a b \t")), "a b"));
    assert_true(str_eq_c(str_trim(STR(" \t ")), ""));
    assert_true(str_eq_c(str_trim(STR("\na\n")), "\na\n"));
}

static void numbers_are_whole_and_bounded(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t want;
    } rows[] = {
        {"0", 0, true, 0},
        {"65535", 65535, true, 65535},
        {"00012", 65535, true, 12},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"65536", 65535, false, 0},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 9, false, 0},
        {"1.0", 9, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t value = 77;
        assert_int_equal(str_to_u64(str_of(rows[i].text), rows[i].max, &value), rows[i].ok);
        assert_int_equal(value, rows[i].ok ? rows[i].want : 77);
    }
}

static void copy_needs_room_for_the_nul(void **state)
{
    char dst[4] = "zzz";

    (void)state;
    assert_true(str_copy(dst, sizeof dst, STR("abc")));
    assert_string_equal(dst, "abc");
    assert_false(str_copy(dst, sizeof dst, STR("abcd")));
    assert_string_equal(dst, "");
    assert_true(str_copy(dst, sizeof dst, str_of(NULL)));
    assert_string_equal(dst, "");
}

static void clean_utf8_is_well_formed_and_without_controls(void **state)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {"", true},
        {"Zoë, 日本, 😀", true},
        {"\xF4\x8F\xBF\xBF", true}, /* U+10FFFF */
        {"\xED\x9F\xBF", true},     /* the last before the surrogates */
        {"a\nb", false},
        {"a\x7F", false},
        {"\xC0\x80", false}, /* overlong */
        {"\xC1\xBF", false},
        {"\xE0\x9F\xBF", false},
        {"\xF0\x8F\xBF\xBF", false},
        {"\xED\xA0\x80", false},     /* a surrogate */
        {"\xF4\x90\x80\x80", false}, /* past U+10FFFF */
        {"\xF5\x80\x80\x80", false},
        {"\x80", false}, /* a lone continuation */
        {"\xC3", false}, /* cut */
        {"\xE2\x82", false},
        {"\xF0\x9F\x98", false},
        {"\xE2\x28\xA1", false},
        {"\xE2\x82\x28", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len = strlen(rows[i].text);
        char *exact = mem_alloc(len); /* so that a read past the end is found */
        memcpy(exact, rows[i].text, len);
        assert_int_equal(str_is_clean_utf8((struct str){exact, len}), rows[i].ok);
        mem_free(exact);
    }
    assert_false(str_is_clean_utf8((struct str){"a\0b", 3}));
}

static void builder_grows_to_its_maximum_and_no_further(void **state)
{
    struct strbuf b;

    (void)state;
    strbuf_init(&b, 200);
    for (int i = 0; i < 20; i++)
        strbuf_add(&b, "0123456789");
    assert_false(b.failed);
    assert_int_equal(b.len, 200);
    strbuf_add_char(&b, 'x');
    assert_true(b.failed);
    strbuf_add(&b, "");
    assert_int_equal(strlen(b.p), 200);
    strbuf_clear(&b);
    assert_false(b.failed);
    strbuf_add_str(&b, STR("again"));
    assert_string_equal(b.p, "again");
    strbuf_fini(&b);
    assert_null(b.p);
}

static void a_format_that_does_not_fit_writes_nothing(void **state)
{
    struct strbuf b;

    (void)state;
    strbuf_init(&b, 100);
    strbuf_addf(&b, "%s=%d", "a", 1);
    strbuf_addf(&b, "%090d", 7); /* longer than the first block */
    assert_int_equal(b.len, 93);
    assert_int_equal(strlen(b.p), 93);
    strbuf_addf(&b, "%08d", 7);
    assert_true(b.failed);
    assert_int_equal(strlen(b.p), 93);
    strbuf_addf(&b, "x");
    assert_int_equal(b.len, 93);
    strbuf_fini(&b);
}

static void taken_text_belongs_to_the_taker(void **state)
{
    struct strbuf b;

    (void)state;
    strbuf_init(&b, 10);
    char *text = strbuf_take(&b);
    assert_string_equal(text, "");
    mem_free(text);
    strbuf_add(&b, "ten chars!");
    text = strbuf_take(&b);
    assert_string_equal(text, "ten chars!");
    assert_null(b.p);
    mem_free(text);
    strbuf_add(&b, "eleven chars");
    assert_null(strbuf_take(&b));
    assert_false(b.failed); /* empty and usable again */
    strbuf_fini(&b);
}

static void exhaustion_fails_the_builder_not_the_program(void **state)
{
    struct strbuf b;

    (void)state;
    strbuf_init(&b, 1000);
    strbuf_add(&b, "first");
    mem_fail_nth(1);
    strbuf_addf(&b, "%0500d", 1);
    assert_true(b.failed);
    assert_string_equal(b.p, "first");
    strbuf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(views_compare),
        cmocka_unit_test(cut_takes_pieces_until_nothing_is_left),
        cmocka_unit_test(trim_takes_spaces_and_tabs_of_both_ends),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(copy_needs_room_for_the_nul),
        cmocka_unit_test_teardown(clean_utf8_is_well_formed_and_without_controls,
                                  has_no_live_block),
        cmocka_unit_test_teardown(builder_grows_to_its_maximum_and_no_further, has_no_live_block),
        cmocka_unit_test_teardown(a_format_that_does_not_fit_writes_nothing, has_no_live_block),
        cmocka_unit_test_teardown(taken_text_belongs_to_the_taker, has_no_live_block),
        cmocka_unit_test_teardown(exhaustion_fails_the_builder_not_the_program, has_no_live_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
