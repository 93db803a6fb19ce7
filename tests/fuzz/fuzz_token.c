/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_token.c - any text as an access token, and any JSON as the claims of a verified one. What is accepted is made into a token
 * again that says the same. */
#include <stdint.h>
#include <string.h>

#include "api/auth.h"
#include "api/grants.h"
#include "api/json_text.h"
#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"

#define KEY "key:0123456789abcdef0123456789abcdef"
#define NOW 1700000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct config_list keys = {.item = {(char *)(uintptr_t)KEY}, .count = 1};

static void check_round_trip(const struct grants *g)
{
    struct grants back;
    struct refusal why;
    char *token = NULL;

    if (auth_make_token(&token, g, KEY, NOW, 60, &why) != 0)
        return;
    CHECK(auth_check_token(&keys, str_of(token), NOW, &back, &why) == 0);
    CHECK(strcmp(back.identity, g->identity) == 0 && strcmp(back.room, g->room) == 0);
    CHECK(back.room_admin == g->room_admin && back.permissions.publish == g->permissions.publish);
    mem_free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct grants g;
    struct refusal why;
    json_t *claims = NULL;

    CHECK(auth_check_token(&keys, text, NOW, &g, &why) == E_AUTH || size > 0);
    if (json_text_read(&claims, text, &why) == 0 && json_is_object(claims) &&
        grants_from_claims(claims, &g, &why) == 0)
        check_round_trip(&g);
    json_decref(claims);
    return 0;
}
