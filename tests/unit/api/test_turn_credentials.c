/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/turn_credentials.h"

static void coturn_accepts_what_the_secret_yields(void **state)
{
    struct turn_credentials c;

    (void)state;
    turn_credentials_make(&c, "north", "ann", 1700000000, 3600);
    assert_string_equal(c.username, "1700003600:ann");
    assert_string_equal(c.password,
                        "TwqKCcbzejRFa1sgGqGS7SEzCGg="); /* openssl dgst -sha1 -hmac north */
}

static void check_list(const struct config *config, const char *expected)
{
    json_t *list = ice_servers_json(config, "ann", 1700000000);
    char *text = json_dumps(list, JSON_COMPACT);

    assert_string_equal(text, expected);
    free(text);
    json_decref(list);
}

static void turn_servers_come_with_credentials_or_not_at_all(void **state)
{
    struct config config = {.ice_servers = {.item = {(char *)"stun:s:3478", (char *)"turn:t:3478",
                                                     (char *)"turns:t:5349"},
                                            .count = 3},
                            .ice_turn_ttl_s = 3600};

    (void)state;
    config.ice_turn_secret = (char *)"";
    check_list(&config, "[{\"urls\":[\"stun:s:3478\"]}]");
    config.ice_turn_secret = (char *)"north";
    check_list(&config,
               "[{\"urls\":[\"stun:s:3478\"]},{\"urls\":[\"turn:t:3478\",\"turns:t:5349\"],"
               "\"username\":\"1700003600:ann\",\"credential\":\"TwqKCcbzejRFa1sgGqGS7SEzCGg=\"}]");
    config.ice_servers.count = 0;
    check_list(&config, "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coturn_accepts_what_the_secret_yields),
        cmocka_unit_test(turn_servers_come_with_credentials_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
