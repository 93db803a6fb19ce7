/* SPDX-License-Identifier: Apache-2.0 */
/* turn_credentials.h - the STUN and TURN servers that clients are handed, with passwords that run out (coturn's use-auth-secret). */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/config.h"

#define TURN_USERNAME_LEN 192
#define TURN_PASSWORD_LEN 32

struct turn_credentials {
    char username[TURN_USERNAME_LEN]; /* "expiry:identity" */
    char password[TURN_PASSWORD_LEN]; /* base64 of HMAC-SHA1 of it */
};

/** Make credentials that end @ttl_s from now. */
void turn_credentials_make(struct turn_credentials *out, const char *secret, const char *identity,
                           uint64_t now_s, uint64_t ttl_s);
/** The list for RTCPeerConnection: ice.servers, those for TURN with credentials (left out when there is no ice.turn_secret: a
 * browser refuses them without). The caller's, json_decref(). */
MUST_CHECK json_t *ice_servers_json(const struct config *config, const char *identity,
                                    uint64_t now_s);
