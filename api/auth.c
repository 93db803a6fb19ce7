/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c - signs and verifies; what the claims mean is in grants.c. */
#include "api/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "api/base64.h"
#include "api/grants.h"
#include "api/json_text.h"
#include "core/err.h"
#include "core/mem.h"

#define SIGNATURE_BYTES 32
#define CLOCK_SKEW_S 30 /* between the token's maker and us */

static void sign(struct str secret, struct str text, uint8_t out[SIGNATURE_BYTES])
{
    unsigned len = SIGNATURE_BYTES;

    (void)HMAC(EVP_sha256(), secret.p, (int)secret.len, (const uint8_t *)text.p, text.len, out,
               &len);
}

/* The secret that belongs to a key; empty when there is none. */
static struct str find_secret(const struct config_list *keys, const char *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct str secret = str_of(keys->item[i]), name = str_cut(&secret, ':');

        if (str_eq_c(name, key))
            return secret;
    }
    return (struct str){NULL, 0};
}

static json_t *decode_part(struct str part)
{
    uint8_t bytes[MAX_TOKEN_BYTES];
    struct refusal unused;
    json_t *value = NULL;
    size_t len;

    if (!base64url_decode(part, bytes, sizeof(bytes), &len) ||
        json_text_read(&value, (struct str){(const char *)bytes, len}, &unused) != 0)
        return NULL;
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

static bool says(const json_t *object, const char *name, const char *value)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && strcmp(text, value) == 0;
}

static bool is_signed(const struct config_list *keys, const json_t *claims, struct str signed_text,
                      struct str signature)
{
    const char *key = json_string_value(json_object_get(claims, "iss"));
    struct str secret = key ? find_secret(keys, key) : (struct str){NULL, 0};
    uint8_t given[SIGNATURE_BYTES], ours[SIGNATURE_BYTES];
    size_t len = 0;

    if (secret.len == 0 || !base64url_decode(signature, given, sizeof(given), &len) ||
        len != SIGNATURE_BYTES)
        return false;
    sign(secret, signed_text, ours);
    return CRYPTO_memcmp(given, ours, SIGNATURE_BYTES) == 0;
}

static int check_times(const json_t *claims, uint64_t now_s, struct refusal *why)
{
    const json_t *exp = json_object_get(claims, "exp"), *nbf = json_object_get(claims, "nbf");
    double now = (double)now_s;

    if (!json_is_number(exp))
        return refuse(why, E_AUTH, "token", "the token has no expiry (exp)");
    if (json_number_value(exp) + CLOCK_SKEW_S <= now)
        return refuse(why, E_AUTH, "token", "the token has expired");
    if (nbf != NULL && (!json_is_number(nbf) || json_number_value(nbf) > now + CLOCK_SKEW_S))
        return refuse(why, E_AUTH, "token", "the token is not valid yet (nbf)");
    return 0;
}

int auth_check_token(const struct config_list *keys, struct str token, uint64_t now_s,
                     struct grants *out, struct refusal *why)
{
    struct str rest = token, header_part, claims_part, signed_text;
    json_t *header = NULL, *claims = NULL;
    int err = refuse(why, E_AUTH, "token", "the token is not one of this server's");

    if (token.len == 0 || token.len > MAX_TOKEN_BYTES)
        return err;
    header_part = str_cut(&rest, '.');
    claims_part = str_cut(&rest, '.');
    if (header_part.len + claims_part.len + 2 > token.len)
        return err;
    signed_text = (struct str){token.p, header_part.len + 1 + claims_part.len};
    header = decode_part(header_part);
    claims = decode_part(claims_part);
    /* RFC 8725 s3.1: the algorithm is ours to choose, not the token's. */
    if (header == NULL || claims == NULL || !says(header, "alg", "HS256") ||
        json_object_get(header, "crit") != NULL || !is_signed(keys, claims, signed_text, rest))
        goto out;
    err = check_times(claims, now_s, why);
    if (err == 0)
        err = grants_from_claims(claims, out, why);

out:
    json_decref(claims);
    json_decref(header);
    return err;
}

/* Append one part of a token. */
static bool add_part(struct strbuf *b, const void *bytes, size_t len)
{
    char *text = mem_try_alloc(BASE64_LEN(len) + 1);

    if (text == NULL)
        return false;
    base64url_encode(bytes, len, text);
    strbuf_add(b, text);
    mem_free(text);
    return !b->failed;
}

int auth_make_token(char **out, const struct grants *g, const char *key_and_secret, uint64_t now_s,
                    uint64_t ttl_s, struct refusal *why)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    struct str secret = str_of(key_and_secret), key = str_cut(&secret, ':');
    uint8_t signature[SIGNATURE_BYTES];
    struct strbuf b;
    char *claims;
    size_t len;
    int err = 0;

    if (key.len == 0 || secret.len == 0)
        return refuse(why, E_INVALID, NULL, "there is no key:secret pair to sign with (auth.keys)");
    if (g->room_join && (g->room[0] == 0 || g->identity[0] == 0))
        return refuse(why, E_INVALID, NULL, "a token to join needs a room and an identity");
    if (!g->room_join && !g->room_admin && !g->room_create && !g->room_list)
        return refuse(why, E_INVALID, NULL,
                      "the token would grant nothing: give a room and an identity, or a grant");
    claims = json_text_take(grants_to_claims(g, key, now_s, ttl_s), &len);
    strbuf_init(&b, MAX_TOKEN_BYTES);
    if (claims == NULL || !add_part(&b, header, sizeof(header) - 1))
        err = E_NO_MEMORY;
    if (err == 0) {
        strbuf_add_char(&b, '.');
        if (!add_part(&b, claims, len))
            err = E_LIMIT;
        sign(secret, (struct str){b.p, b.len}, signature);
        strbuf_add_char(&b, '.');
        if (err == 0 && !add_part(&b, signature, sizeof(signature)))
            err = E_LIMIT;
    }
    mem_free(claims);
    if (err == 0)
        *out = strbuf_take(&b);
    else
        (void)refuse(why, err, NULL, "the token would be longer than %d bytes", MAX_TOKEN_BYTES);
    strbuf_fini(&b);
    return err;
}
