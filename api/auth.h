/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth.h - access tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256, claims in LiveKit's grammar, to and from grants.
 *
 *   {"iss": key, "sub": identity, "name", "metadata", "nbf", "exp", "video": {"room", "roomJoin", "canPublish", …}}
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api/refusal.h"
#include "core/attr.h"
#include "core/config.h"
#include "core/limits.h"
#include "core/str.h"
#include "rooms/participant.h"

/* What a token says. Texts are "" when it does not. */
struct grants {
    char identity[MAX_IDENTITY_LEN + 1];
    char name[MAX_NAME_LEN + 1];
    char metadata[MAX_METADATA_BYTES + 1]; /* JSON text */
    char room[MAX_ROOM_NAME_LEN + 1];      /* the one that room_join and room_admin are about */
    bool room_join, room_admin, room_create, room_list;
    struct permissions permissions;
};

/** What a token without any claims grants: nothing, but to publish and subscribe where it lets in. */
void auth_grants_init(struct grants *g);
/** What everybody may in development mode: everything, also to administrate a room that he joins, as over REST. */
void auth_grants_init_dev(struct grants *g);
/** Set a grant from a word of the command line: "roomAdmin", "canPublish=false", "canPublishSources=camera,microphone". Errors:
 * E_INVALID with a sentence. */
MUST_CHECK int auth_set_grant(struct grants *g, const char *word, struct refusal *why);

/**
 * Verify a token against "key:secret" pairs.
 *
 * Errors: E_AUTH for what is not a token of ours, whatever the reason; the sentence is fit for the client (it tells when a
 *         token has run out, not which part of a forgery was wrong). *out untouched.
 */
MUST_CHECK int auth_check_token(const struct config_list *keys, struct str token, uint64_t now_s,
                                struct grants *out, struct refusal *why);
/**
 * Make a token, valid from now for @ttl_s, signed with a "key:secret" pair; heap, mem_free().
 *
 * Errors: E_INVALID with a sentence (no key, a join without identity or room, nothing granted).
 */
MUST_CHECK int auth_make_token(char **out, const struct grants *g, const char *key_and_secret,
                               uint64_t now_s, uint64_t ttl_s, struct refusal *why);
