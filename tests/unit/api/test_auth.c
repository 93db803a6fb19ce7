/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "api/auth.h"
#include "core/attr.h"
#include "core/err.h"
#include "core/mem.h"
#include "tests/unit/core/leaks.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW 1700000000u

static struct config_list keys = {
    .item = {(char *)"other:ffffffffffffffffffffffffffffffff", (char *)"key:" SECRET}, .count = 2};

static void grants_of_ann(struct grants *g)
{
    auth_grants_init(g);
    g->room_join = true;
    memcpy(g->identity, "ann", 4);
    memcpy(g->name, "Ann \xC3\x84", 7);
    memcpy(g->room, "demo", 5);
    memcpy(g->metadata, "{\"a\":[1,2]}", 12);
}

static char *make(const struct grants *g)
{
    struct refusal why;
    char *token = NULL;

    assert_int_equal(auth_make_token(&token, g, "key:" SECRET, NOW, 3600, &why), 0);
    return token;
}

static int check(const char *token, uint64_t now_s, struct grants *out)
{
    struct refusal why;

    return auth_check_token(&keys, str_of(token), now_s, out, &why);
}

static void a_token_says_what_was_put_in(void **state)
{
    struct grants g, back;
    struct refusal why;
    char *token;

    (void)state;
    grants_of_ann(&g);
    assert_int_equal(auth_set_grant(&g, "roomAdmin", &why), 0);
    assert_int_equal(auth_set_grant(&g, "canPublish=false", &why), 0);
    assert_int_equal(auth_set_grant(&g, "canPublishSources=camera,screen", &why), 0);
    token = make(&g);
    assert_int_equal(check(token, NOW, &back), 0);
    assert_string_equal(back.identity, "ann");
    assert_string_equal(back.name, g.name);
    assert_string_equal(back.room, "demo");
    assert_string_equal(back.metadata, g.metadata);
    assert_true(back.room_join && back.room_admin && back.permissions.admin &&
                back.permissions.subscribe);
    assert_false(back.permissions.publish || back.room_create || back.room_list ||
                 back.permissions.hidden);
    assert_int_equal(back.permissions.publish_sources,
                     1u << TRACK_SOURCE_CAMERA | 1u << TRACK_SOURCE_SCREEN);
    mem_free(token);
}

static void absent_claims_have_livekits_defaults(void **state)
{
    /* {"iss":"key","exp":4102444800,"sub":"i","video":{"room":"r","roomJoin":true}} */
    static const char claims[] =
        "eyJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJrZXkiLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6ImkiLCJ2aWRlbyI6eyJyb29tIjoiciIsInJvb21K"
        "b2luIjp0cnVlfX0.FFhdMl_hXmtgLpEy2Gp3CUvmR4LK5zBvszqBxmBvaBU";
    struct grants g;

    (void)state;
    assert_int_equal(check(claims, NOW, &g), 0);
    assert_true(g.room_join && g.permissions.publish && g.permissions.subscribe);
    assert_false(g.room_admin || g.permissions.hidden || g.permissions.update_metadata ||
                 g.room_create || g.room_list);
    assert_int_equal(g.permissions.publish_sources, UINT32_MAX);
    assert_string_equal(g.identity, "i");
}

static void in_development_mode_everybody_administrates(void **state)
{
    struct grants g;

    (void)state;
    auth_grants_init_dev(&g);
    assert_true(g.room_join && g.room_create && g.room_list && g.room_admin);
    assert_true(g.permissions.publish && g.permissions.subscribe && g.permissions.admin &&
                g.permissions.update_metadata);
    assert_false(g.permissions.hidden);
}

static void time_counts(void **state)
{
    struct grants g, back;
    char *token;

    (void)state;
    grants_of_ann(&g);
    token = make(&g);
    assert_int_equal(check(token, NOW + 3600, &back), 0); /* clocks differ a little */
    assert_int_equal(check(token, NOW + 3600 + 31, &back), E_AUTH);
    assert_int_equal(check(token, NOW - 31, &back), E_AUTH);
    assert_int_equal(check(token, NOW - 29, &back), 0);
    mem_free(token);
}

static void every_changed_character_is_noticed(void **state)
{
    struct grants g, back;
    char *token;
    size_t len;

    (void)state;
    grants_of_ann(&g);
    token = make(&g);
    len = strlen(token);
    for (size_t i = 0; i < len; i++) {
        char was = token[i];

        token[i] = was == 'A' ? 'B' : 'A';
        if (check(token, NOW, &back) != E_AUTH)
            fail_msg("character %zu", i);
        token[i] = 0;
        assert_int_equal(check(token, NOW, &back), E_AUTH);
        token[i] = was;
    }
    mem_free(token);
}

static void forgeries_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        ".",
        "..",
        "a.b.c",
        /* alg none, empty signature */
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJrZXkiLCJleHAiOjQxMDI0NDQ4MDB9.",
        /* alg HS512 */
        "eyJhbGciOiJIUzUxMiJ9.eyJpc3MiOiJrZXkiLCJleHAiOjQxMDI0NDQ4MDB9.AAAA",
        /* the claims are not an object */
        "eyJhbGciOiJIUzI1NiJ9.W10.AAAA",
    };
    struct grants g, back;
    struct refusal why;
    char *token = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (check(rows[i], NOW, &back) != E_AUTH)
            fail_msg("row %zu", i);
    /* A key of somebody else, and one that does not exist. */
    grants_of_ann(&g);
    assert_int_equal(
        auth_make_token(&token, &g, "key:ffffffffffffffffffffffffffffffff", NOW, 60, &why), 0);
    assert_int_equal(check(token, NOW, &back), E_AUTH);
    MEM_FREE(token);
    assert_int_equal(auth_make_token(&token, &g, "nobody:" SECRET, NOW, 60, &why), 0);
    assert_int_equal(check(token, NOW, &back), E_AUTH);
    mem_free(token);
}

static void a_token_to_join_needs_room_and_identity(void **state)
{
    struct grants g;
    struct refusal why;
    char *token = NULL;

    (void)state;
    grants_of_ann(&g);
    g.identity[0] = 0;
    assert_int_equal(auth_make_token(&token, &g, "key:" SECRET, NOW, 60, &why), E_INVALID);
    grants_of_ann(&g);
    g.room[0] = 0;
    assert_int_equal(auth_make_token(&token, &g, "key:" SECRET, NOW, 60, &why), E_INVALID);
    assert_int_equal(auth_make_token(&token, &g, "key", NOW, 60, &why), E_INVALID);
    grants_of_ann(&g);
    g.room_join = false;
    assert_int_equal(auth_make_token(&token, &g, "key:" SECRET, NOW, 60, &why), E_INVALID);
    assert_null(token);
    g.room_list = true;
    assert_int_equal(auth_make_token(&token, &g, "key:" SECRET, NOW, 60, &why), 0);
    mem_free(token);
}

static void words_of_the_command_line_are_checked(void **state)
{
    static const char *const bad[] = {"", "roomadmin", "roomAdmin=yes",
                                      "canPublishSources=camera,window", "=true"};
    struct grants g;
    struct refusal why;

    (void)state;
    auth_grants_init(&g);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (auth_set_grant(&g, bad[i], &why) != E_INVALID)
            fail_msg("row %zu", i);
    assert_int_equal(auth_set_grant(&g, "hidden=true", &why), 0);
    assert_true(g.permissions.hidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(a_token_says_what_was_put_in),
        LEAK_FREE(absent_claims_have_livekits_defaults),
        LEAK_FREE(in_development_mode_everybody_administrates),
        LEAK_FREE(time_counts),
        LEAK_FREE(every_changed_character_is_noticed),
        LEAK_FREE(forgeries_are_refused),
        LEAK_FREE(a_token_to_join_needs_room_and_identity),
        LEAK_FREE(words_of_the_command_line_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
