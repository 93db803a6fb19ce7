/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/dtls_rest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <string.h>

#include "core/mem.h"
#include "core/wire.h"

#define RANDOM_BYTES 32
#define MAX_SECRET_BYTES 48
#define TAG_BYTES 16
#define MAX_PLAIN_BYTES 64 /* of a record that is looked into: an alert has 2, a Finished 24 */
#define EPOCH 1            /* of everything after the one handshake */

enum content { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22 };
enum { ALERT_FATAL = 2, ALERT_CLOSE_NOTIFY = 0, MESSAGE_FINISHED = 20 };

/* RFC 5288 s3, RFC 5289, RFC 7905 s2. */
static const struct aead {
    int nid;
    uint8_t key_bytes, iv_bytes, explicit_bytes;
    const EVP_CIPHER *(*cipher)(void);
} aeads[] = {
    {NID_aes_128_gcm, 16, 4, 8, EVP_aes_128_gcm},
    {NID_aes_256_gcm, 32, 4, 8, EVP_aes_256_gcm},
    {NID_chacha20_poly1305, 32, 12, 0, EVP_chacha20_poly1305},
};

static const struct aead *aead_of(int nid)
{
    for (size_t i = 0; i < ARRAY_LEN(aeads); i++)
        if (aeads[i].nid == nid)
            return &aeads[i];
    return NULL;
}

/* --- the key ------------------------------------------------------------------------------------------- */

/* RFC 5246 s6.3: PRF(master secret, "key expansion", server random + client random). */
static bool expand(SSL *ssl, const EVP_MD *hash, uint8_t *out, size_t len)
{
    uint8_t secret[MAX_SECRET_BYTES], random[2 * RANDOM_BYTES];
    size_t secret_len = SSL_SESSION_get_master_key(SSL_get0_session(ssl), secret, sizeof(secret));
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    char label[] = "key expansion";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(hash), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret, secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof(label) - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, random, sizeof(random)),
        OSSL_PARAM_construct_end()};
    bool is_ok = SSL_get_server_random(ssl, random, RANDOM_BYTES) == RANDOM_BYTES &&
                 SSL_get_client_random(ssl, random + RANDOM_BYTES, RANDOM_BYTES) == RANDOM_BYTES &&
                 ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    mem_wipe(secret, sizeof(secret));
    return is_ok;
}

/* The block is: client's key, server's key, client's IV, server's IV (AEAD ciphers have no MAC keys). */
bool dtls_rest_take_key(struct dtls_rest *r, struct ssl_st *ssl)
{
    const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
    const struct aead *a = suite != NULL ? aead_of(SSL_CIPHER_get_cipher_nid(suite)) : NULL;
    size_t theirs = SSL_is_server(ssl) ? 0 : 1;
    uint8_t block[2 * (sizeof(r->key) + sizeof(r->iv))];
    bool is_ok = a != NULL && expand(ssl, SSL_CIPHER_get_handshake_digest(suite), block,
                                     2u * a->key_bytes + 2u * a->iv_bytes);
    if (is_ok) {
        r->cipher = a->nid;
        r->iv_bytes = a->iv_bytes;
        memcpy(r->key, block + theirs * a->key_bytes, a->key_bytes);
        memcpy(r->iv, block + 2u * a->key_bytes + theirs * a->iv_bytes, a->iv_bytes);
    }
    mem_wipe(block, sizeof(block));
    return is_ok;
}

/* --- records ------------------------------------------------------------------------------------------- */

struct record {
    uint8_t type;
    uint16_t version;
    const uint8_t *number; /* epoch and sequence number, eight bytes */
    const uint8_t *body;
    size_t body_bytes;
};

static bool next_record(struct reader *in, struct record *out)
{
    out->type = reader_u8(in);
    out->version = reader_u16(in);
    out->number = reader_bytes(in, 8);
    out->body_bytes = reader_u16(in);
    out->body = reader_bytes(in, out->body_bytes);
    return !in->failed;
}

static void make_nonce(uint8_t nonce[12], const struct dtls_rest *r, const struct record *rec)
{
    memcpy(nonce, r->iv, r->iv_bytes);
    if (r->iv_bytes == 4) { /* the rest stands in front of the record's body */
        memcpy(nonce + 4, rec->body, 8);
        return;
    }
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] ^= rec->number[i];
}

/* RFC 5246 s6.2.3.3: the number, type, version and clear length are authenticated, too. */
static bool open_with(EVP_CIPHER_CTX *ctx, const struct aead *a, const struct dtls_rest *r,
                      const struct record *rec, uint8_t *plain, size_t plain_bytes)
{
    const uint8_t *secret = rec->body + a->explicit_bytes;
    uint8_t nonce[12], associated[13], tag[TAG_BYTES];
    int n = 0;

    make_nonce(nonce, r, rec);
    memcpy(associated, rec->number, 8);
    associated[8] = rec->type;
    wire_put_u16(associated + 9, rec->version);
    wire_put_u16(associated + 11, (uint16_t)plain_bytes);
    memcpy(tag, secret + plain_bytes, sizeof(tag));
    return EVP_DecryptInit_ex2(ctx, a->cipher(), r->key, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, NULL, &n, associated, sizeof(associated)) == 1 &&
           EVP_DecryptUpdate(ctx, plain, &n, secret, (int)plain_bytes) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, sizeof(tag), tag) == 1 &&
           EVP_DecryptFinal_ex(ctx, tag, &n) == 1;
}

/* Returns the length of what is in @plain, 0 when the record is not the endpoint's or nothing for us. */
static size_t open_record(const struct dtls_rest *r, const struct record *rec,
                          uint8_t plain[MAX_PLAIN_BYTES])
{
    const struct aead *a = aead_of(r->cipher);
    size_t around = a->explicit_bytes + TAG_BYTES;
    EVP_CIPHER_CTX *ctx = NULL;
    bool is_ok = false;

    if (wire_get_u16(rec->number) != EPOCH || rec->body_bytes <= around ||
        rec->body_bytes - around > MAX_PLAIN_BYTES)
        return 0;
    ctx = EVP_CIPHER_CTX_new();
    is_ok = ctx != NULL && open_with(ctx, a, r, rec, plain, rec->body_bytes - around);
    EVP_CIPHER_CTX_free(ctx);
    return is_ok ? rec->body_bytes - around : 0;
}

static enum dtls_rest_news news_of(const struct dtls_rest *r, const struct record *rec)
{
    uint8_t plain[MAX_PLAIN_BYTES];
    size_t n = rec->type == CONTENT_ALERT || rec->type == CONTENT_HANDSHAKE
                   ? open_record(r, rec, plain)
                   : 0;

    if (n == 0)
        return DTLS_REST_NOTHING;
    if (rec->type == CONTENT_HANDSHAKE)
        return plain[0] == MESSAGE_FINISHED ? DTLS_REST_FINISHED_AGAIN : DTLS_REST_NOTHING;
    if (n != 2)
        return DTLS_REST_NOTHING;
    if (plain[1] == ALERT_CLOSE_NOTIFY)
        return DTLS_REST_CLOSE_NOTIFY;
    return plain[0] == ALERT_FATAL ? DTLS_REST_FATAL_ALERT : DTLS_REST_NOTHING;
}

enum dtls_rest_news dtls_rest_read(const struct dtls_rest *r, const uint8_t *buf, size_t len)
{
    struct reader in = reader_of(buf, len);
    struct record rec;
    enum dtls_rest_news news = DTLS_REST_NOTHING;

    while (reader_left(&in) > 0 && next_record(&in, &rec)) {
        enum dtls_rest_news more = news_of(r, &rec);
        news = MAX(news, more);
    }
    return news;
}
