/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/err.h"
#include "core/mem.h"
#include "transport/cert.h"

static void certificate_is_p256_self_signed_and_names_what_was_asked(void **state)
{
    static const char *const names[] = {"parley.example", "192.0.2.7", "2001:db8::7"};
    struct cert *c = NULL;
    X509 *x = NULL;

    (void)state;
    assert_int_equal(cert_new_self_signed(&c, "parley", names, 3, 30), 0);
    x = cert_x509(c);
    assert_int_equal(X509_verify(x, cert_key(c)), 1);
    assert_int_equal(EVP_PKEY_get_bits(cert_key(c)), 256);
    assert_int_equal(X509_check_host(x, "parley.example", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(x, "other.example", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(x, "192.0.2.7", 0), 1);
    assert_int_equal(X509_check_ip_asc(x, "2001:db8::7", 0), 1);
    assert_true(X509_cmp_current_time(X509_get0_notBefore(x)) < 0);
    assert_true(X509_cmp_current_time(X509_get0_notAfter(x)) > 0);
    assert_true(i2d_X509(x, NULL) < 700); /* the flight stays inside one datagram */
    cert_free(&c);
    assert_null(c);
    cert_free(&c);
}

static void bad_names_and_times_are_refused(void **state)
{
    static const struct {
        const char *common_name, *alt_name;
        unsigned days;
    } rows[] = {
        {"", NULL, 30},
        {"0123456789012345678901234567890123456789012345678901234567890123456789", NULL, 30},
        {"parley", "", 30},
        {"parley", "two words", 30},
        {"parley", "line\nbreak", 30},
        {"parley", NULL, 0},
        {"parley", NULL, 100000},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct cert *c = NULL;
        assert_int_equal(cert_new_self_signed(&c, rows[i].common_name, &rows[i].alt_name,
                                              rows[i].alt_name != NULL, rows[i].days),
                         E_INVALID);
        assert_null(c);
    }
}

static void two_certificates_differ(void **state)
{
    struct cert *a = NULL, *b = NULL;
    struct fingerprint fa, fb;

    (void)state;
    assert_int_equal(cert_new_self_signed(&a, "parley", NULL, 0, 30), 0);
    assert_int_equal(cert_new_self_signed(&b, "parley", NULL, 0, 30), 0);
    cert_fingerprint(a, &fa);
    cert_fingerprint(b, &fb);
    assert_true(fingerprint_eq(&fa, &fa));
    assert_false(fingerprint_eq(&fa, &fb));
    cert_free(&a);
    cert_free(&b);
}

static void pem_holds_the_same_certificate_and_its_key(void **state)
{
    struct cert *c = NULL;
    struct fingerprint ours, again;
    char *cert_pem = NULL, *key_pem = NULL;

    (void)state;
    assert_int_equal(cert_new_self_signed(&c, "parley", NULL, 0, 30), 0);
    assert_int_equal(cert_to_pem(c, &cert_pem, &key_pem), 0);
    BIO *cert_bio = BIO_new_mem_buf(cert_pem, -1), *key_bio = BIO_new_mem_buf(key_pem, -1);
    X509 *x = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL);
    assert_non_null(x);
    assert_int_equal(X509_check_private_key(x, key), 1);
    cert_fingerprint(c, &ours);
    assert_int_equal(fingerprint_of_x509(&again, x, "sha-256"), 0);
    assert_true(fingerprint_eq(&ours, &again));
    assert_int_equal(fingerprint_of_x509(&again, x, "md5"), E_UNSUPPORTED);
    X509_free(x);
    EVP_PKEY_free(key);
    BIO_free(cert_bio);
    BIO_free(key_bio);
    mem_wipe(key_pem, strlen(key_pem));
    mem_free(key_pem);
    mem_free(cert_pem);
    cert_free(&c);
}

static void fingerprint_survives_text(void **state)
{
    static const char *const rows[] = {"sha-256", "sha-384", "sha-512"};
    struct cert *c = NULL;

    (void)state;
    assert_int_equal(cert_new_self_signed(&c, "parley", NULL, 0, 30), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fingerprint f, back;
        char text[FINGERPRINT_TEXT_LEN];
        assert_int_equal(fingerprint_of_x509(&f, cert_x509(c), rows[i]), 0);
        fingerprint_text(&f, text);
        struct str value = str_of(text), hash = str_cut(&value, ' ');
        assert_int_equal(fingerprint_parse(&back, hash, value), 0);
        assert_true(fingerprint_eq(&f, &back));
        assert_int_equal(strlen(text), strlen(rows[i]) + (size_t)f.len * 3);
    }
    cert_free(&c);
}

#define TEN_BYTES "00:11:22:33:44:55:66:77:88:99:"
#define THIRTY_BYTES TEN_BYTES TEN_BYTES TEN_BYTES

static void fingerprint_texts_are_judged(void **state)
{
    static const struct {
        const char *hash, *value;
        int want;
    } rows[] = {
        {"sha-256", THIRTY_BYTES "AB:cd",
         0}, /* case does not matter (RFC 8122 s5 asks for upper case) */
        {"SHA-256", THIRTY_BYTES "AB:CD", 0},
        {"sha-256", THIRTY_BYTES "AB", E_MALFORMED},
        {"sha-256", THIRTY_BYTES "AB:CD:EF", E_MALFORMED},
        {"sha-256", THIRTY_BYTES "AB-CD", E_MALFORMED},
        {"sha-256", THIRTY_BYTES "AB:CG", E_MALFORMED},
        {"sha-256", "", E_MALFORMED},
        {"sha-512", THIRTY_BYTES "AB:CD", E_MALFORMED},
        {"md5", TEN_BYTES "00:11:22:33:44:55", E_UNSUPPORTED},
        {"sha-1", TEN_BYTES "00:11:22:33:44:55:66:77:88:99", E_UNSUPPORTED},
        {"", "", E_UNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fingerprint f;
        int got = fingerprint_parse(&f, str_of(rows[i].hash), str_of(rows[i].value));
        if (got != rows[i].want)
            fail_msg("row %zu: %s", i, err_name(got));
    }
}

static int expect_no_block_lives(void **state)
{
    (void)state;
    return mem_live_blocks() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificate_is_p256_self_signed_and_names_what_was_asked),
        cmocka_unit_test(bad_names_and_times_are_refused),
        cmocka_unit_test(two_certificates_differ),
        cmocka_unit_test(pem_holds_the_same_certificate_and_its_key),
        cmocka_unit_test(fingerprint_survives_text),
        cmocka_unit_test(fingerprint_texts_are_judged),
    };

    return cmocka_run_group_tests(tests, NULL, expect_no_block_lives);
}
