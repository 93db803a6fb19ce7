/* SPDX-License-Identifier: Apache-2.0 */
/* turn_credentials.c - the scheme of draft-uberti-behave-turn-rest: the server knows the secret, the client only what it yields. */
#include "api/turn_credentials.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "api/base64.h"

#define SHA1_BYTES 20

void turn_credentials_make(struct turn_credentials *out, const char *secret, const char *identity,
                           uint64_t now_s, uint64_t ttl_s)
{
    uint8_t digest[SHA1_BYTES];
    unsigned len = sizeof(digest);

    (void)snprintf(out->username, sizeof(out->username), "%" PRIu64 ":%s", now_s + ttl_s, identity);
    (void)HMAC(EVP_sha1(), secret, (int)strlen(secret), (const uint8_t *)out->username,
               strlen(out->username), digest, &len);
    base64_encode(digest, sizeof(digest), out->password);
}

static bool is_turn(const char *server_url)
{
    return strncmp(server_url, "turn", 4) == 0;
}

json_t *ice_servers_json(const struct config *config, const char *identity, uint64_t now_s)
{
    json_t *list = json_array(), *stun = json_array(), *turn = json_array();
    bool has_secret = config->ice_turn_secret != NULL && config->ice_turn_secret[0] != 0;
    struct turn_credentials credentials;

    for (size_t i = 0; i < config->ice_servers.count; i++) {
        const char *item = config->ice_servers.item[i];

        if (!is_turn(item) || has_secret)
            json_array_append_new(is_turn(item) ? turn : stun, json_string(item));
    }
    if (json_array_size(stun) > 0)
        json_array_append_new(list, json_pack("{s:O}", "urls", stun));
    if (json_array_size(turn) > 0) {
        turn_credentials_make(&credentials, config->ice_turn_secret, identity, now_s,
                              config->ice_turn_ttl_s);
        json_array_append_new(list,
                              json_pack("{s:O, s:s, s:s}", "urls", turn, "username",
                                        credentials.username, "credential", credentials.password));
    }
    json_decref(stun);
    json_decref(turn);
    return list;
}
