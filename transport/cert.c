/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.c - certificates and fingerprints on OpenSSL.
 *
 * The endpoint knows our certificate by its fingerprint only, so nobody signs it and its names do not matter; P-256 keeps the
 * handshake's flight inside one datagram and signs fast. The same kind serves HTTPS for trying things out, with names.
 */
#include "transport/cert.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"

#define DAY_S 86400L
#define MAX_CERT_DAYS 3650u
#define MAX_ALT_NAME_LEN 253 /* RFC 1035 s2.3.4 */

struct cert {
    X509 *x509;
    EVP_PKEY *key;
    struct fingerprint fingerprint;
};

/* Hash functions of RFC 8122 s5 that still resist; no browser uses another than the first. */
static const struct {
    const char *name;
    const EVP_MD *(*digest)(void);
    uint8_t len;
} hashes[] = {
    {"sha-256", EVP_sha256, 32},
    {"sha-384", EVP_sha384, 48},
    {"sha-512", EVP_sha512, 64},
};

/* --- making ------------------------------------------------------------------------------------------ */

static bool set_serial(X509 *x)
{
    uint8_t bytes[16];
    BIGNUM *n = NULL;
    bool ok;

    rng_secret_bytes(bytes, sizeof(bytes));
    bytes[0] &= 0x7f; /* RFC 5280 s4.1.2.2: positive */
    bytes[0] |= 0x40; /* and not zero */
    n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = n != NULL && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;
    BN_free(n);
    return ok;
}

static bool set_names(X509 *x, const char *common_name)
{
    X509_NAME *name = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name,
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, name) == 1;
}

static GENERAL_NAME *general_name_new(const char *text)
{
    GENERAL_NAME *g = GENERAL_NAME_new();
    ASN1_STRING *value = NULL;
    uint8_t ip[16];
    int ip_bytes = inet_pton(AF_INET, text, ip) == 1    ? 4
                   : inet_pton(AF_INET6, text, ip) == 1 ? 16
                                                        : 0;
    int type = ip_bytes > 0 ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;

    value = ASN1_STRING_type_new(type);
    if (g == NULL || value == NULL ||
        ASN1_STRING_set(value, ip_bytes > 0 ? (const void *)ip : (const void *)text,
                        ip_bytes > 0 ? ip_bytes : -1) != 1) {
        GENERAL_NAME_free(g);
        ASN1_STRING_free(value);
        return NULL;
    }
    GENERAL_NAME_set0_value(g, ip_bytes > 0 ? GEN_IPADD : GEN_DNS, value);
    return g;
}

static bool add_alt_names(X509 *x, const char *const *names, size_t n)
{
    GENERAL_NAMES *all = NULL;
    bool ok = false;

    if (n == 0)
        return true;
    all = GENERAL_NAMES_new();
    if (all == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        GENERAL_NAME *g = general_name_new(names[i]);
        if (g == NULL)
            goto out;
        if (sk_GENERAL_NAME_push(all, g) == 0) {
            GENERAL_NAME_free(g);
            goto out;
        }
    }
    ok = X509_add1_ext_i2d(x, NID_subject_alt_name, all, 0, X509V3_ADD_DEFAULT) == 1;
out:
    GENERAL_NAMES_free(all);
    return ok;
}

static bool names_are_fit(const char *common_name, const char *const *alt_names, size_t n)
{
    if (strlen(common_name) == 0 ||
        strlen(common_name) > 64) /* RFC 5280 appendix A.1, ub-common-name */
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strlen(alt_names[i]) == 0 || strlen(alt_names[i]) > MAX_ALT_NAME_LEN)
            return false;
        for (const char *p = alt_names[i]; *p != '\0'; p++)
            if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
                return false;
    }
    return true;
}

static bool fill_and_sign(struct cert *c, const char *common_name, const char *const *alt_names,
                          size_t n, unsigned days)
{
    return X509_set_version(c->x509, X509_VERSION_3) == 1 && set_serial(c->x509) &&
           X509_gmtime_adj(X509_getm_notBefore(c->x509), -DAY_S) != NULL && /* clocks differ */
           X509_gmtime_adj(X509_getm_notAfter(c->x509), (long)days * DAY_S) != NULL &&
           set_names(c->x509, common_name) && add_alt_names(c->x509, alt_names, n) &&
           X509_set_pubkey(c->x509, c->key) == 1 && X509_sign(c->x509, c->key, EVP_sha256()) > 0;
}

int cert_new_self_signed(struct cert **out, const char *common_name, const char *const *alt_names,
                         size_t n, unsigned days)
{
    struct cert *c = NULL;

    if (days == 0 || days > MAX_CERT_DAYS || !names_are_fit(common_name, alt_names, n))
        return E_INVALID;
    ERR_clear_error();
    c = MEM_NEW(struct cert);
    c->key = EVP_EC_gen("P-256");
    c->x509 = X509_new();
    if (c->key == NULL || c->x509 == NULL || !fill_and_sign(c, common_name, alt_names, n, days) ||
        fingerprint_of_x509(&c->fingerprint, c->x509, "sha-256") != 0) {
        ERR_clear_error();
        cert_free(&c);
        return E_CRYPTO;
    }
    *out = c;
    return 0;
}

void cert_free(struct cert **cp)
{
    struct cert *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    X509_free(c->x509);
    EVP_PKEY_free(c->key);
    mem_free(c);
}

struct x509_st *cert_x509(const struct cert *c)
{
    return c->x509;
}

struct evp_pkey_st *cert_key(const struct cert *c)
{
    return c->key;
}

void cert_fingerprint(const struct cert *c, struct fingerprint *out)
{
    *out = c->fingerprint;
}

/* --- PEM --------------------------------------------------------------------------------------------- */

static char *text_of_bio(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);

    return len > 0 ? mem_strndup(data, (size_t)len) : NULL;
}

int cert_to_pem(const struct cert *c, char **cert_pem, char **key_pem)
{
    BIO *cert_bio = BIO_new(BIO_s_mem());
    BIO *key_bio = BIO_new(BIO_s_secmem()); /* wipes what it leaves behind as it grows */
    int err = E_CRYPTO;

    ERR_clear_error();
    if (cert_bio == NULL || key_bio == NULL || PEM_write_bio_X509(cert_bio, c->x509) != 1 ||
        PEM_write_bio_PrivateKey(key_bio, c->key, NULL, NULL, 0, NULL, NULL) != 1)
        goto out;
    *cert_pem = text_of_bio(cert_bio);
    *key_pem = text_of_bio(key_bio);
    err = 0;
out:
    ERR_clear_error();
    BIO_free(cert_bio);
    BIO_free(key_bio);
    return err;
}

/* --- fingerprints ------------------------------------------------------------------------------------ */

int fingerprint_of_x509(struct fingerprint *out, const struct x509_st *x509, const char *hash)
{
    struct fingerprint f = {0};
    unsigned len = 0;

    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        if (strcmp(hashes[i].name, hash) != 0)
            continue;
        if (!str_copy(f.hash, sizeof(f.hash), str_of(hash)) ||
            X509_digest(x509, hashes[i].digest(), f.value, &len) != 1)
            return E_CRYPTO;
        f.len = (uint8_t)len;
        *out = f;
        return 0;
    }
    return E_UNSUPPORTED;
}

bool fingerprint_eq(const struct fingerprint *a, const struct fingerprint *b)
{
    return a->len == b->len && a->len > 0 && strcmp(a->hash, b->hash) == 0 &&
           CRYPTO_memcmp(a->value, b->value, a->len) == 0;
}

void fingerprint_text(const struct fingerprint *f, char out[FINGERPRINT_TEXT_LEN])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = strlen(f->hash);

    CHECK(n < sizeof(f->hash) && f->len <= sizeof(f->value));
    memcpy(out, f->hash, n);
    for (size_t i = 0; i < f->len; i++) {
        out[n++] = i == 0 ? ' ' : ':';
        out[n++] = digits[f->value[i] >> 4];
        out[n++] = digits[f->value[i] & 15];
    }
    out[n] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int fingerprint_parse(struct fingerprint *out, struct str hash, struct str value)
{
    struct fingerprint f = {0};

    for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
        if (str_eq_nocase(hash, str_of(hashes[i].name))) {
            memcpy(f.hash, hashes[i].name, strlen(hashes[i].name)); /* zeroed above: terminated */
            f.len = hashes[i].len;
        }
    }
    if (f.len == 0)
        return E_UNSUPPORTED;
    if (value.len != (size_t)f.len * 3 - 1)
        return E_MALFORMED;
    for (size_t i = 0; i < f.len; i++) {
        int hi = hex_digit(value.p[i * 3]), lo = hex_digit(value.p[i * 3 + 1]);
        if (hi < 0 || lo < 0 || (i + 1 < f.len && value.p[i * 3 + 2] != ':'))
            return E_MALFORMED;
        f.value[i] = (uint8_t)(hi << 4 | lo);
    }
    *out = f;
    return 0;
}
