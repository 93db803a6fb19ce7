/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/base64.h"
#include "core/attr.h"

static void vectors_of_rfc_4648(void **state)
{
    static const struct {
        const char *plain, *padded;
    } rows[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[16];
        uint8_t back[16];
        size_t len;

        base64_encode((const uint8_t *)rows[i].plain, strlen(rows[i].plain), text);
        assert_string_equal(text, rows[i].padded);
        base64url_encode((const uint8_t *)rows[i].plain, strlen(rows[i].plain), text);
        assert_true(base64url_decode(str_of(text), back, sizeof(back), &len));
        assert_int_equal(len, strlen(rows[i].plain));
        assert_memory_equal(back, rows[i].plain, len);
    }
}

static void the_url_alphabet_has_no_slash(void **state)
{
    static const uint8_t bytes[] = {0xFB, 0xFF, 0xBF};
    char text[8];

    (void)state;
    base64_encode(bytes, 3, text);
    assert_string_equal(text, "+/+/");
    base64url_encode(bytes, 3, text);
    assert_string_equal(text, "-_-_");
}

static void decoding_is_strict(void **state)
{
    static const char *const rows[] = {"Zg==", "Zg=",     "Z",  "Zm9v Zm9v", "Zm9v\n",
                                       "Z+8_", "Zm9vYg.", "Zh", "Zm9"};
    uint8_t out[16];
    size_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (base64url_decode(str_of(rows[i]), out, sizeof(out), &len))
            fail_msg("row %zu: %s", i, rows[i]);
    assert_false(base64url_decode(STR("Zm9vYmFy"), out, 5, &len));
    assert_true(base64url_decode(STR("Zm9vYmFy"), out, 6, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_rfc_4648),
        cmocka_unit_test(the_url_alphabet_has_no_slash),
        cmocka_unit_test(decoding_is_strict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
