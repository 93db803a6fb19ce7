/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/jsonrpc.h"
#include "core/attr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "tests/unit/core/leaks.h"

static void requests_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        bool has_id, has_params;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{}}", true, true},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"m\"}", true, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"m\"}", true, false},
        {" {\"method\":\"m\",\"jsonrpc\":\"2.0\",\"more\":1}\n", false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jsonrpc_request r;
        struct refusal why;
        int code;

        assert_int_equal(jsonrpc_read(&r, str_of(rows[i].text), &code, &why), 0);
        assert_string_equal(r.method, "m");
        assert_int_equal(r.id != NULL, rows[i].has_id);
        assert_int_equal(r.params != NULL, rows[i].has_params);
        jsonrpc_request_fini(&r);
    }
}

static void what_is_no_request_gets_its_code(void **state)
{
    static const struct {
        const char *text;
        int code;
        const char *field;
    } rows[] = {
        {"", JSONRPC_PARSE_ERROR, ""},
        {"{", JSONRPC_PARSE_ERROR, ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"m\"}", JSONRPC_PARSE_ERROR, ""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"\xFF\"}", JSONRPC_PARSE_ERROR, ""},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\\u0000b\"}", JSONRPC_PARSE_ERROR, ""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"} x", JSONRPC_PARSE_ERROR, ""},
        {"[]", JSONRPC_INVALID_REQUEST, ""},
        {"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]", JSONRPC_INVALID_REQUEST, ""},
        {"7", JSONRPC_INVALID_REQUEST, ""},
        {"{}", JSONRPC_INVALID_REQUEST, "jsonrpc"},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}", JSONRPC_INVALID_REQUEST, "jsonrpc"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", JSONRPC_INVALID_REQUEST, "method"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", JSONRPC_INVALID_REQUEST, "method"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}", JSONRPC_INVALID_REQUEST, "id"},
        {"{\"jsonrpc\":\"2.0\",\"id\":[],\"method\":\"m\"}", JSONRPC_INVALID_REQUEST, "id"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":[1]}", JSONRPC_INVALID_REQUEST,
         "params"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct jsonrpc_request r;
        struct refusal why;
        int code;

        assert_true(jsonrpc_read(&r, str_of(rows[i].text), &code, &why) < 0);
        if (code != rows[i].code || strcmp(why.field, rows[i].field) != 0)
            fail_msg("row %zu: %d %s %s", i, code, why.field, why.text);
        jsonrpc_request_fini(&r);
    }
}

static void depth_is_bounded_and_brackets_in_strings_are_not_depth(void **state)
{
    char text[4 * MAX_JSON_DEPTH];
    struct jsonrpc_request r;
    struct refusal why;
    int code;

    (void)state;
    for (size_t depth = MAX_JSON_DEPTH; depth <= MAX_JSON_DEPTH + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        assert_true(jsonrpc_read(&r, (struct str){text, 2 * depth}, &code, &why) < 0);
        assert_int_equal(code,
                         depth > MAX_JSON_DEPTH ? JSONRPC_PARSE_ERROR : JSONRPC_INVALID_REQUEST);
        jsonrpc_request_fini(&r);
    }
    const char *brackets =
        "{\"jsonrpc\":\"2.0\",\"method\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\\\"}";
    assert_int_equal(jsonrpc_read(&r, str_of(brackets), &code, &why), 0);
    jsonrpc_request_fini(&r);
}

static void check_text(char *text, size_t len, const char *expected)
{
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), len);
    mem_free(text);
}

static void messages_are_written(void **state)
{
    json_t *id = json_string("x");
    struct refusal why;
    size_t len;
    char *text;

    (void)state;
    text = jsonrpc_write_result(id, json_object(), &len);
    check_text(text, len, "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}");
    (void)refuse(&why, E_DENIED, "sdp", "no");
    why.line = 17;
    text = jsonrpc_write_error(NULL, jsonrpc_code(&why), &why, &len);
    check_text(text, len,
               "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-5004,\"message\":\"no\","
               "\"data\":{\"reason\":\"E_DENIED\","
               "\"field\":\"sdp\",\"line\":17}}}");
    text = jsonrpc_write_notification("closed", json_pack("{s:s}", "reason", "shutdown"), &len);
    check_text(text, len,
               "{\"jsonrpc\":\"2.0\",\"method\":\"closed\",\"params\":{\"reason\":\"shutdown\"}}");
    json_decref(id);
}

static void codes_are_ours_or_json_rpcs(void **state)
{
    static const struct {
        int err, code;
    } rows[] = {{E_MALFORMED, -5000},
                {E_TIMEOUT, -5012},
                {E_INVALID, JSONRPC_INVALID_PARAMS},
                {E_NO_MEMORY, JSONRPC_INTERNAL_ERROR},
                {E_CRYPTO, JSONRPC_INTERNAL_ERROR},
                {-12, JSONRPC_INTERNAL_ERROR}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct refusal r = {.err = rows[i].err};

        assert_int_equal(jsonrpc_code(&r), rows[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(requests_are_taken_apart),
        LEAK_FREE(what_is_no_request_gets_its_code),
        LEAK_FREE(depth_is_bounded_and_brackets_in_strings_are_not_depth),
        LEAK_FREE(messages_are_written),
        LEAK_FREE(codes_are_ours_or_json_rpcs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
