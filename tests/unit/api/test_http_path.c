/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/http_path.h"
#include "core/attr.h"
#include "core/err.h"

static void paths_name_files_below_the_root(void **state)
{
    static const struct {
        const char *path, *file;
    } rows[] = {
        {"/", "conference/index.html"},  {"/client/index.js", "client/index.js"},
        {"/watch/", "watch/index.html"}, {"/watch", "watch"},
        {"/a/b/c.css", "a/b/c.css"},     {"/a b/\xC3\xA4.png", "a b/\xC3\xA4.png"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char file[HTTP_FILE_PATH_SIZE];

        assert_int_equal(http_path_to_file(str_of(rows[i].path), file), 0);
        assert_string_equal(file, rows[i].file);
    }
}

static void everything_else_is_not_found(void **state)
{
    static const char *const rows[] = {
        "",           "x",       "//",        "/..",
        "/../x",      "/a/../b", "/a/./b",    "/.git/config",
        "/a/.hidden", "/a//b",   "/a\\..\\b", "/a\nb",
        "/a/b\x7F",   "/.",      "/...",      "/..%2f",
    };
    char file[HTTP_FILE_PATH_SIZE], too_long[HTTP_FILE_PATH_SIZE + 8];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (http_path_to_file(str_of(rows[i]), file) != E_NOT_FOUND)
            fail_msg("row %zu: %s", i, rows[i]);
    assert_int_equal(http_path_to_file((struct str){"/a\0b", 4}, file), E_NOT_FOUND);
    memset(too_long, 'a', sizeof(too_long));
    too_long[0] = '/';
    assert_int_equal(http_path_to_file((struct str){too_long, sizeof(too_long)}, file),
                     E_NOT_FOUND);
    too_long[HTTP_FILE_PATH_SIZE - 12] = '/';
    assert_int_equal(http_path_to_file((struct str){too_long, HTTP_FILE_PATH_SIZE - 11}, file), 0);
    assert_int_equal(strlen(file), HTTP_FILE_PATH_SIZE - 2);
}

static void media_types_go_by_the_ending(void **state)
{
    (void)state;
    assert_string_equal(http_path_media_type("a/b.mjs"), "text/javascript; charset=utf-8");
    assert_string_equal(http_path_media_type("a.JS"), "text/javascript; charset=utf-8");
    assert_string_equal(http_path_media_type("i.svg"), "image/svg+xml");
    assert_string_equal(http_path_media_type("Makefile"), "application/octet-stream");
    assert_string_equal(http_path_media_type("a.exe"), "application/octet-stream");
}

static void segments_are_cut_one_by_one(void **state)
{
    struct str rest = STR("/v1/a%2Fb%2f/100%/x");
    char out[8];

    (void)state;
    assert_true(http_path_next_segment(&rest, out, sizeof(out)));
    assert_string_equal(out, "v1");
    assert_true(http_path_next_segment(&rest, out, sizeof(out)));
    assert_string_equal(out, "a/b/");
    assert_true(http_path_next_segment(&rest, out, sizeof(out)));
    assert_string_equal(out, "100%");
    assert_true(http_path_next_segment(&rest, out, sizeof(out)));
    assert_string_equal(out, "x");
    assert_false(http_path_next_segment(&rest, out, sizeof(out)));
    rest = STR("/12345678");
    assert_false(http_path_next_segment(&rest, out, sizeof(out)));
    rest = STR("/");
    assert_false(http_path_next_segment(&rest, out, sizeof(out)));
    rest = STR("x");
    assert_false(http_path_next_segment(&rest, out, sizeof(out)));
    rest = STR("//a");
    assert_false(http_path_next_segment(&rest, out, sizeof(out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_files_below_the_root),
        cmocka_unit_test(everything_else_is_not_found),
        cmocka_unit_test(media_types_go_by_the_ending),
        cmocka_unit_test(segments_are_cut_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
