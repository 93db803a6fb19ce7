/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/schema.h"
#include "core/attr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"
#include "tests/unit/core/leaks.h"

static const struct param inner[] = {
    {"word", PARAM_NAME, true, 1, 4, NULL, ""},
    {"on", PARAM_BOOL, false, 0, 0, NULL, ""},
    PARAM_END,
};

static const struct param table[] = {
    {"text", PARAM_TEXT, true, 2, 5, NULL, ""},
    {"number", PARAM_NUMBER, false, 3, 9, NULL, ""},
    {"signed", PARAM_SIGNED, false, (uint64_t)-4, 2, NULL, ""},
    {"any", PARAM_ANY, false, 0, 8, NULL, ""},
    {"list", PARAM_LIST, false, 0, 2, inner, ""},
    {"map", PARAM_MAP, false, 0, 2, inner, ""},
    PARAM_END,
};

static int check(const char *text, struct refusal *why)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    int err;

    assert_non_null(value);
    err = schema_check(table, value, why);
    json_decref(value);
    return err;
}

static void what_fits_is_taken(void **state)
{
    static const char *const rows[] = {
        "{\"text\":\"ab\"}",
        "{\"text\":\"abcde\",\"number\":3,\"any\":null,\"list\":[],\"map\":{}}",
        "{\"text\":\"a\\nb\",\"number\":null,\"list\":null}", /* null is as good as absent */
        "{\"text\":\"ab\",\"any\":[1,\"a\"]}",
        "{\"text\":\"ab\",\"signed\":-4}",
        "{\"text\":\"ab\",\"signed\":2}",
        "{\"text\":\"ab\",\"list\":[{\"word\":\"x\"},{\"word\":\"xxxx\",\"on\":true}]}",
        "{\"text\":\"ab\",\"map\":{\"0\":{\"word\":\"x\"},\"\":{\"word\":\"y\"}}}",
    };
    struct refusal why;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (check(rows[i], &why) != 0)
            fail_msg("row %zu: %s", i, why.text);
}

static void what_does_not_is_named(void **state)
{
    static const struct {
        const char *text, *field, *says;
    } rows[] = {
        {"{}", "text", "text is missing"},
        {"{\"text\":null}", "text", "text is missing"},
        {"{\"text\":\"a\"}", "text", "text must be a text of 2 to 5 bytes"},
        {"{\"text\":\"abcdef\"}", "text", "text must be a text of 2 to 5 bytes"},
        {"{\"text\":7}", "text", "text must be a text of 2 to 5 bytes"},
        {"{\"text\":\"ab\",\"number\":2}", "number", "number must be a whole number from 3 to 9"},
        {"{\"text\":\"ab\",\"number\":10}", "number", "number must be a whole number from 3 to 9"},
        {"{\"text\":\"ab\",\"number\":-5}", "number", "number must be a whole number from 3 to 9"},
        {"{\"text\":\"ab\",\"number\":4.5}", "number", "number must be a whole number from 3 to 9"},
        {"{\"text\":\"ab\",\"signed\":-5}", "signed", "signed must be a whole number from -4 to 2"},
        {"{\"text\":\"ab\",\"signed\":3}", "signed", "signed must be a whole number from -4 to 2"},
        {"{\"text\":\"ab\",\"signed\":0.5}", "signed",
         "signed must be a whole number from -4 to 2"},
        {"{\"text\":\"ab\",\"any\":\"1234567\"}", "any",
         "any must be any JSON value of at most 8 bytes"},
        {"{\"text\":\"ab\",\"other\":1}", "other", "other is not a parameter of this request"},
        {"{\"text\":\"ab\",\"list\":{}}", "list", "list must be a list of 0 to 2 objects"},
        {"{\"text\":\"ab\",\"list\":[{\"word\":\"x\"},{}]}", "list.1.word",
         "list.1.word is missing"},
        {"{\"text\":\"ab\",\"list\":[3]}", "list.0", "list.0 must be an object"},
        {"{\"text\":\"ab\",\"list\":[{\"word\":\"x\\u0007\"}]}", "list.0.word",
         "list.0.word must be a text of 1 to 4 bytes without control characters"},
        {"{\"text\":\"ab\",\"map\":{\"a\":{\"word\":\"x\",\"on\":1}}}", "map.a.on",
         "map.a.on must be true or false"},
        {"{\"text\":\"ab\",\"map\":{\"a\":{\"word\":\"x\"},\"b\":{\"word\":\"x\"},\"c\":{}}}",
         "map", "map must be an object of at most 2 objects"},
        {"[]", "", "the parameters must be an object"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct refusal why;

        assert_int_equal(check(rows[i].text, &why), E_INVALID);
        assert_string_equal(why.field, rows[i].field);
        assert_string_equal(why.text, rows[i].says);
    }
}

static void a_long_field_name_is_cut_and_stays_clean(void **state)
{
    char text[512] = "{\"text\":\"ab\",\"x";
    struct refusal why;

    (void)state;
    for (size_t i = 0; i < 100; i++)
        strncat(text, "\xC3\xA4", sizeof(text) - strlen(text) - 1);
    strncat(text, "\":1}", sizeof(text) - strlen(text) - 1);
    assert_int_equal(check(text, &why), E_INVALID);
    assert_true(str_is_clean_utf8(str_of(why.field)));
    assert_true(str_is_clean_utf8(str_of(why.text)));
}

static void checked_values_are_read(void **state)
{
    json_t *value = json_loads("{\"t\":\"x\",\"b\":false,\"j\":{\"a\":1}}", 0, NULL);
    char *text;

    (void)state;
    assert_string_equal(schema_text(value, "t"), "x");
    assert_null(schema_text(value, "u"));
    assert_false(schema_bool(value, "b", true));
    assert_true(schema_bool(value, "c", true));
    text = schema_json(value, "j");
    assert_string_equal(text, "{\"a\":1}");
    mem_free(text);
    assert_null(schema_json(value, "k"));
    json_decref(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(what_fits_is_taken),
        LEAK_FREE(what_does_not_is_named),
        LEAK_FREE(a_long_field_name_is_cut_and_stays_clean),
        LEAK_FREE(checked_values_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
