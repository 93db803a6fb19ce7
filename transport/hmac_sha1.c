/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/hmac_sha1.h"

#include <openssl/evp.h>
#include <string.h>

#include "core/mem.h"

#define BLOCK_BYTES 64

struct hmac_sha1 {
    EVP_MD *sha1;
    EVP_MD_CTX *digest;
};

struct hmac_sha1 *hmac_sha1_new(void)
{
    struct hmac_sha1 *h = mem_try_alloc(sizeof(*h));

    if (h == NULL)
        return NULL;
    h->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    h->digest = EVP_MD_CTX_new();
    if (h->sha1 == NULL || h->digest == NULL)
        hmac_sha1_free(&h);
    return h;
}

void hmac_sha1_free(struct hmac_sha1 **hp)
{
    struct hmac_sha1 *h = *hp;

    if (h == NULL)
        return;
    *hp = NULL;
    EVP_MD_free(h->sha1);
    EVP_MD_CTX_free(h->digest);
    mem_free(h);
}

/* The hash of (key XOR pad), @data and @more. */
static bool half(struct hmac_sha1 *h, const uint8_t *key, uint8_t pad, const uint8_t *data,
                 size_t len, const uint8_t *more, size_t more_len, uint8_t *out)
{
    uint8_t block[BLOCK_BYTES];
    bool is_ok = false;

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < SESSION_KEY_AUTH_BYTES; i++)
        block[i] ^= key[i];
    is_ok = EVP_DigestInit_ex2(h->digest, h->sha1, NULL) == 1 &&
            EVP_DigestUpdate(h->digest, block, sizeof(block)) == 1 &&
            EVP_DigestUpdate(h->digest, data, len) == 1 &&
            EVP_DigestUpdate(h->digest, more, more_len) == 1 &&
            EVP_DigestFinal_ex(h->digest, out, NULL) == 1;
    mem_wipe(block, sizeof(block));
    return is_ok;
}

bool hmac_sha1(struct hmac_sha1 *h, const uint8_t key[SESSION_KEY_AUTH_BYTES], const uint8_t *data,
               size_t len, const uint8_t *more, size_t more_len, uint8_t out[HMAC_SHA1_BYTES])
{
    return half(h, key, 0x36, data, len, more, more_len, out) &&
           half(h, key, 0x5c, out, HMAC_SHA1_BYTES, NULL, 0, out);
}
