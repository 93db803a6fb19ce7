/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "api/origin.h"
#include "core/attr.h"

static void development_mode_keeps_foreign_pages_out(void **state)
{
    static const struct {
        const char *origin, *host;
        bool is_served;
    } rows[] = {
        {"", "127.0.0.1:8080", true}, /* not a browser */
        {"http://127.0.0.1:8080", "127.0.0.1:8080", true},
        {"http://LOCALHOST:8080", "localhost:8080", true},
        {"https://192.168.1.7:8443", "192.168.1.7:8443", true},
        {"http://localhost:3000", "localhost:8080", true}, /* a page under development */
        {"http://[::1]:3000", "127.0.0.1:8080", true},
        {"http://app.localhost:3000", "127.0.0.1:8080", true},
        {"http://127.0.0.2", "127.0.0.1:8080", true},
        {"http://printer.local", "printer.local", true},
        {"https://evil.example", "127.0.0.1:8080", false},
        {"https://localhost.evil.example", "127.0.0.1:8080", false},
        {"https://evil.example/localhost", "127.0.0.1:8080", false},
        {"null", "127.0.0.1:8080", false}, /* a sandboxed frame, a file */
        {"http://192.168.1.9", "192.168.1.7:8080", false},
        {"http://evil.example:8080", "evil.example:8080", false}, /* a name made to point here */
        {"", "evil.example:8080", false},
    };
    const struct config config = {.dev = true};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (origin_is_served(&config, rows[i].origin, rows[i].host) != rows[i].is_served)
            fail_msg("row %zu: %s at %s", i, rows[i].origin, rows[i].host);
}

static void with_tokens_all_are_served_and_friends_may_read(void **state)
{
    const struct config config = {
        .http_allow_origins = {.item = {(char *)"https://meet.example.org"}, .count = 1}};
    const struct config all = {.http_allow_origins = {.item = {(char *)"*"}, .count = 1}};

    (void)state;
    assert_true(origin_is_served(&config, "https://evil.example", "sfu.example.org"));
    assert_false(origin_is_friend(&config, "https://evil.example", "sfu.example.org"));
    assert_true(origin_is_friend(&config, "https://meet.example.org", "sfu.example.org"));
    assert_true(origin_is_friend(&config, "https://sfu.example.org", "sfu.example.org"));
    assert_false(origin_is_friend(&config, "https://sfu.example.org:444", "sfu.example.org"));
    assert_true(origin_is_friend(&all, "https://evil.example", "sfu.example.org"));
}

static void listed_origins_are_served_in_development(void **state)
{
    const struct config config = {
        .dev = true,
        .http_allow_origins = {.item = {(char *)"https://dev.example.org"}, .count = 1}};

    (void)state;
    assert_true(origin_is_served(&config, "https://dev.example.org", "127.0.0.1:8080"));
    assert_true(origin_is_served(&config, "https://dev.example.org", "dev.example.org"));
    assert_false(origin_is_served(&config, "https://other.example.org", "127.0.0.1:8080"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(development_mode_keeps_foreign_pages_out),
        cmocka_unit_test(with_tokens_all_are_served_and_friends_may_read),
        cmocka_unit_test(listed_origins_are_served_in_development),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
