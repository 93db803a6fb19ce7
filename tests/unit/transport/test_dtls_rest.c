/* SPDX-License-Identifier: Apache-2.0 */
/* Records made here with a key that is known; test_dtls.c has those of whole handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>

#include "core/attr.h"
#include "core/mem.h"
#include "core/wire.h"
#include "transport/dtls_rest.h"

#define ALERT 21
#define HANDSHAKE 22
#define APPLICATION_DATA 23

static const struct {
    int nid;
    uint8_t iv_bytes;
} ciphers[] = {{NID_aes_128_gcm, 4}, {NID_aes_256_gcm, 4}, {NID_chacha20_poly1305, 12}};

static struct dtls_rest make_rest(size_t cipher)
{
    struct dtls_rest r = {.cipher = ciphers[cipher].nid, .iv_bytes = ciphers[cipher].iv_bytes};

    memset(r.key, 7, sizeof(r.key));
    memset(r.iv, 9, r.iv_bytes);
    return r;
}

/* Append one record; RFC 6347 s4.1, RFC 5288, RFC 7905. */
static size_t put_record(const struct dtls_rest *r, uint8_t *out, uint8_t type, uint16_t epoch,
                         const void *plain, size_t n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = EVP_get_cipherbynid(r->cipher);
    bool is_gcm = r->iv_bytes == 4;
    uint8_t nonce[12] = {0}, associated[13] = {0}, *body = out + 13;
    int len = 0;

    out[0] = associated[8] = type;
    wire_put_u16(out + 1, 0xfefd);
    wire_put_u16(associated + 9, 0xfefd);
    wire_put_u16(associated + 11, (uint16_t)n);
    memset(out + 3, 0, 8);
    wire_put_u16(out + 3, epoch);
    out[10] = 5;
    memcpy(associated, out + 3, 8);
    memcpy(nonce, r->iv, r->iv_bytes);
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] = is_gcm ? (uint8_t)(0x50 + i) : nonce[4 + i] ^ out[3 + i];
    if (is_gcm) {
        memcpy(body, nonce + 4, 8);
        body += 8;
    }
    assert_int_equal(EVP_EncryptInit_ex(ctx, cipher, NULL, r->key, nonce), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, NULL, &len, associated, sizeof(associated)), 1);
    assert_int_equal(EVP_EncryptUpdate(ctx, body, &len, plain, (int)n), 1);
    assert_int_equal(EVP_EncryptFinal_ex(ctx, body + n, &len), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, body + n), 1);
    EVP_CIPHER_CTX_free(ctx);
    wire_put_u16(out + 11, (uint16_t)((is_gcm ? 8 : 0) + n + 16));
    return 13 + (is_gcm ? 8u : 0u) + n + 16;
}

/* In a block that ends where the datagram ends. */
static enum dtls_rest_news read_exact(const struct dtls_rest *r, const uint8_t *buf, size_t len)
{
    uint8_t *exact = mem_alloc(len + 1);

    memcpy(exact + 1, buf, len);
    enum dtls_rest_news news = dtls_rest_read(r, exact + 1, len);
    mem_free(exact);
    return news;
}

static void records_are_told_apart_with_every_cipher(void **state)
{
    static const uint8_t finished[24] = {20, 0, 0, 12}, hello_request[12] = {0};
    static const uint8_t long_one[65] = {20};
    static const struct {
        uint8_t type;
        uint16_t epoch;
        const void *plain;
        size_t n;
        enum dtls_rest_news news;
    } rows[] = {
        {ALERT, 1, "\1\0", 2, DTLS_REST_CLOSE_NOTIFY},
        {ALERT, 1, "\2\0", 2, DTLS_REST_CLOSE_NOTIFY}, /* some say it so */
        {ALERT, 1, "\2\50", 2, DTLS_REST_FATAL_ALERT},
        {ALERT, 1, "\1\144", 2, DTLS_REST_NOTHING}, /* a warning */
        {ALERT, 1, "\2", 1, DTLS_REST_NOTHING},
        {ALERT, 1, "\2\50\0", 3, DTLS_REST_NOTHING},
        {ALERT, 0, "\1\0", 2, DTLS_REST_NOTHING},
        {ALERT, 2, "\1\0", 2, DTLS_REST_NOTHING},
        {HANDSHAKE, 1, finished, sizeof(finished), DTLS_REST_FINISHED_AGAIN},
        {HANDSHAKE, 1, hello_request, sizeof(hello_request), DTLS_REST_NOTHING},
        {HANDSHAKE, 1, long_one, 65, DTLS_REST_NOTHING},
        {APPLICATION_DATA, 1, "\1\0", 2, DTLS_REST_NOTHING},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(ciphers); i++) {
        struct dtls_rest r = make_rest(i % ARRAY_LEN(ciphers));
        size_t row = i / ARRAY_LEN(ciphers);
        uint8_t buf[256];
        size_t len =
            put_record(&r, buf, rows[row].type, rows[row].epoch, rows[row].plain, rows[row].n);
        if (read_exact(&r, buf, len) != rows[row].news)
            fail_msg("row %zu, cipher %zu", row, i % ARRAY_LEN(ciphers));
        r.key[0] ^= 1;
        assert_int_equal(read_exact(&r, buf, len), DTLS_REST_NOTHING);
    }
}

static void records_of_one_datagram_are_all_read(void **state)
{
    static const uint8_t finished[24] = {20};
    struct dtls_rest r = make_rest(0);
    uint8_t buf[512] = {20, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 1}; /* ChangeCipherSpec */
    size_t len = 14;

    (void)state;
    len += put_record(&r, buf + len, HANDSHAKE, 1, finished, sizeof(finished));
    assert_int_equal(read_exact(&r, buf, len), DTLS_REST_FINISHED_AGAIN);
    len += put_record(&r, buf + len, ALERT, 1, "\1\0", 2);
    len += put_record(&r, buf + len, HANDSHAKE, 1, finished, sizeof(finished));
    assert_int_equal(read_exact(&r, buf, len), DTLS_REST_CLOSE_NOTIFY);
    assert_int_equal(read_exact(&r, buf, len - 1), DTLS_REST_CLOSE_NOTIFY);
}

static void lengths_that_lie_are_nothing(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(ciphers); c++) {
        struct dtls_rest r = make_rest(c);
        uint8_t buf[256] = {0}, changed[256];
        size_t len = put_record(&r, buf, ALERT, 1, "\1\0", 2);
        for (unsigned claim = 0; claim < 300; claim++) {
            memcpy(changed, buf, sizeof(buf));
            wire_put_u16(changed + 11, (uint16_t)claim);
            assert_int_equal(read_exact(&r, changed, len) != DTLS_REST_NOTHING, claim == len - 13);
        }
        for (size_t n = 0; n < len; n++)
            assert_int_equal(read_exact(&r, buf, n), DTLS_REST_NOTHING);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_told_apart_with_every_cipher),
        cmocka_unit_test(records_of_one_datagram_are_all_read),
        cmocka_unit_test(lengths_that_lie_are_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
