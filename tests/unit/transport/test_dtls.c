/* SPDX-License-Identifier: Apache-2.0 */
/* Two associations over a wire of our own; OpenSSL is the endpoint where it must behave in ways that dtls.c never does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "transport/cert.h"
#include "transport/dtls.h"

/* OpenSSL asks this for its retransmission timer: the one clock that is not handed in. */
static uint64_t virtual_us = 1000000000000000;

int(gettimeofday)(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    tv->tv_sec = (time_t)(virtual_us / 1000000);
    tv->tv_usec = (suseconds_t)(virtual_us % 1000000);
    return 0;
}

/* --- a wire ------------------------------------------------------------------------------------------ */

#define MAX_QUEUED 64

struct datagram {
    uint8_t data[2048];
    size_t len;
};

struct end {
    struct dtls *dtls;
    struct datagram queue[MAX_QUEUED]; /* sent by this end, not delivered yet */
    size_t head, tail;
    size_t sent, largest;
    unsigned opened, closed, data_count;
    int closed_err;
    const char *closed_reason;
    struct srtp_keys keys;
    char data[64];
    bool shut_down_in_open, shut_down_in_data, rests;
};

static struct cert *cert_a, *cert_b;
static struct dtls_context *context_a, *context_b;
static struct end a, b;

static void on_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct end *e = arg;

    (void)d;
    assert_true(len <= sizeof(e->queue[0].data));
    assert_true(e->tail < MAX_QUEUED);
    memcpy(e->queue[e->tail].data, buf, len);
    e->queue[e->tail++].len = len;
    e->sent++;
    if (len > e->largest)
        e->largest = len;
}

static void on_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct end *e = arg;

    e->opened++;
    e->keys = *keys;
    if (e->rests)
        dtls_rest(d);
    if (e->shut_down_in_open)
        dtls_shutdown(d);
}

static void on_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct end *e = arg;

    e->data_count++;
    assert_true(len < sizeof(e->data));
    memcpy(e->data, buf, len);
    e->data[len] = '\0';
    if (e->shut_down_in_data)
        dtls_shutdown(d);
}

static void on_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    struct end *e = arg;

    (void)d;
    e->closed++;
    e->closed_err = err;
    e->closed_reason = reason;
}

static const struct dtls_handlers handlers = {
    .on_send = on_send, .on_open = on_open, .on_data = on_data, .on_closed = on_closed};

static bool next(struct end *e, struct datagram *out)
{
    if (e->head == e->tail) {
        e->head = e->tail = 0;
        return false;
    }
    *out = e->queue[e->head++];
    return true;
}

static void drop_all(struct end *e)
{
    e->head = e->tail = 0;
}

/* An input that ends where the datagram ends, so that a read past it shows. */
static void feed(struct end *e, const uint8_t *buf, size_t len)
{
    uint8_t *exact = mem_alloc(len + (len == 0));

    memcpy(exact, buf, len);
    dtls_input(e->dtls, exact, len);
    mem_free(exact);
}

static void exchange(void)
{
    struct datagram d;
    bool moved = true;

    while (moved) {
        moved = false;
        while (next(&a, &d)) {
            feed(&b, d.data, d.len);
            moved = true;
        }
        while (next(&b, &d)) {
            feed(&a, d.data, d.len);
            moved = true;
        }
    }
}

/* a is active, b passive. */
static void make_pair(void)
{
    struct fingerprint of_a, of_b;

    cert_fingerprint(cert_a, &of_a);
    cert_fingerprint(cert_b, &of_b);
    assert_int_equal(dtls_new(&a.dtls, context_a, true, &of_b, 1, &handlers, &a), 0);
    assert_int_equal(dtls_new(&b.dtls, context_b, false, &of_a, 1, &handlers, &b), 0);
}

static void open_pair(void)
{
    make_pair();
    dtls_start(a.dtls);
    exchange();
    assert_true(dtls_is_open(a.dtls));
    assert_true(dtls_is_open(b.dtls));
}

/* --- handshake --------------------------------------------------------------------------------------- */

static void both_roles_open_with_mirrored_keys(void **state)
{
    (void)state;
    make_pair();
    assert_int_equal(a.sent, 0);
    dtls_start(b.dtls);
    assert_int_equal(b.sent, 0);
    dtls_start(a.dtls);
    exchange();
    assert_int_equal(a.opened, 1);
    assert_int_equal(b.opened, 1);
    assert_int_equal(a.keys.profile, SRTP_PROFILE_AEAD_AES_128_GCM);
    assert_int_equal(b.keys.profile, SRTP_PROFILE_AEAD_AES_128_GCM);
    assert_int_equal(a.keys.key_bytes, 16);
    assert_int_equal(a.keys.salt_bytes, 12);
    assert_memory_equal(a.keys.local, b.keys.remote, 28);
    assert_memory_equal(a.keys.remote, b.keys.local, 28);
    assert_memory_not_equal(a.keys.local, a.keys.remote, 16);
    assert_string_equal(dtls_cipher_name(a.dtls), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(dtls_cipher_name(b.dtls), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    assert_true(a.largest <= DTLS_MTU_BYTES && b.largest <= DTLS_MTU_BYTES);
    assert_true(b.sent <= 3); /* flights 4 and 6, one datagram or two each */
}

static void nothing_but_the_handshake_makes_an_end_wait(void **state)
{
    (void)state;
    make_pair();
    assert_true(dtls_wait_us(a.dtls) == UINT64_MAX);
    assert_true(dtls_wait_us(b.dtls) == UINT64_MAX);
    dtls_start(a.dtls);
    assert_true(dtls_wait_us(a.dtls) <= 100000);
    assert_true(dtls_wait_us(b.dtls) == UINT64_MAX);
    exchange();
    assert_true(dtls_wait_us(a.dtls) == UINT64_MAX);
    assert_true(dtls_wait_us(b.dtls) == UINT64_MAX);
}

/* Lose each datagram of the handshake in turn; the timers mend it, whoever rests when it is done. */
static void any_lost_datagram_is_sent_again(void **state)
{
    (void)state;
    for (size_t row = 0; row < 4 * 6; row++) {
        struct datagram d;
        size_t n = 0, lost = row / 4;
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        a.rests = (row & 1) != 0;
        b.rests = (row & 2) != 0;
        make_pair();
        dtls_start(a.dtls);
        for (int round = 0; round < 20 && !(dtls_is_open(a.dtls) && dtls_is_open(b.dtls));
             round++) {
            bool moved = true;
            while (moved) {
                moved = false;
                while (next(&a, &d)) {
                    moved = true;
                    if (n++ != lost)
                        feed(&b, d.data, d.len);
                }
                while (next(&b, &d)) {
                    moved = true;
                    if (n++ != lost)
                        feed(&a, d.data, d.len);
                }
            }
            virtual_us += 400000;
            dtls_tick(a.dtls);
            dtls_tick(b.dtls);
        }
        assert_true(dtls_is_open(a.dtls));
        assert_true(dtls_is_open(b.dtls));
        assert_memory_equal(a.keys.local, b.keys.remote, 28);
        dtls_free(&a.dtls);
        dtls_free(&b.dtls);
    }
}

static void ticks_before_the_time_send_nothing(void **state)
{
    (void)state;
    make_pair();
    dtls_start(a.dtls);
    assert_int_equal(a.sent, 1);
    virtual_us += 50000;
    dtls_tick(a.dtls);
    assert_int_equal(a.sent, 1);
    assert_true(dtls_wait_us(a.dtls) <= 50000);
    virtual_us += 60000;
    dtls_tick(a.dtls);
    assert_int_equal(a.sent, 2);
    assert_in_range(dtls_wait_us(a.dtls), 150000, 200000);
}

static void a_silent_endpoint_ends_the_handshake(void **state)
{
    (void)state;
    make_pair();
    dtls_start(a.dtls);
    for (int i = 0; i < 100 && a.closed == 0; i++) {
        drop_all(&a);
        virtual_us += dtls_wait_us(a.dtls) + 1000;
        dtls_tick(a.dtls);
    }
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.closed_err, E_TIMEOUT);
    assert_true(dtls_wait_us(a.dtls) == UINT64_MAX);
}

static void duplicated_and_swapped_datagrams_do_no_harm(void **state)
{
    struct datagram d, held;
    bool moved = true;

    (void)state;
    make_pair();
    dtls_start(a.dtls);
    while (moved) {
        moved = false;
        while (next(&a, &d)) {
            feed(&b, d.data, d.len);
            feed(&b, d.data, d.len);
            moved = true;
        }
        if (next(&b, &held)) { /* the first comes after the second */
            if (next(&b, &d))
                feed(&a, d.data, d.len);
            feed(&a, held.data, held.len);
            moved = true;
        }
    }
    assert_true(dtls_is_open(a.dtls));
    assert_true(dtls_is_open(b.dtls));
}

static void foreign_fingerprint_is_refused(void **state)
{
    static const bool rows[] = {true, false}; /* which end is told another one */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fingerprint of_a, of_b;
        struct end *judge = rows[i] ? &a : &b, *stranger = rows[i] ? &b : &a;
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        cert_fingerprint(cert_a, &of_a);
        cert_fingerprint(cert_b, &of_b);
        if (rows[i])
            of_b.value[31] ^= 1;
        else
            of_a.value[31] ^= 1;
        assert_int_equal(dtls_new(&a.dtls, context_a, true, &of_b, 1, &handlers, &a), 0);
        assert_int_equal(dtls_new(&b.dtls, context_b, false, &of_a, 1, &handlers, &b), 0);
        dtls_start(a.dtls);
        exchange();
        assert_int_equal(a.opened + b.opened, 0);
        assert_int_equal(judge->closed, 1);
        assert_int_equal(judge->closed_err, E_AUTH);
        assert_non_null(strstr(judge->closed_reason, "fingerprint"));
        assert_int_equal(stranger->closed, 1);
        assert_int_equal(stranger->closed_err, E_DENIED); /* it was told by an alert */
        dtls_free(&a.dtls);
        dtls_free(&b.dtls);
    }
}

static void any_one_of_several_fingerprints_is_enough(void **state)
{
    struct fingerprint of_a, several[MAX_FINGERPRINTS];

    (void)state;
    cert_fingerprint(cert_a, &of_a);
    for (size_t i = 0; i < MAX_FINGERPRINTS; i++)
        several[i] = of_a; /* of a, where b's is expected */
    assert_int_equal(
        fingerprint_of_x509(&several[MAX_FINGERPRINTS - 1], cert_x509(cert_b), "sha-384"), 0);
    assert_int_equal(dtls_new(&a.dtls, context_a, true, several, MAX_FINGERPRINTS, &handlers, &a),
                     0);
    assert_int_equal(dtls_new(&b.dtls, context_b, false, &of_a, 1, &handlers, &b), 0);
    dtls_start(a.dtls);
    exchange();
    assert_true(dtls_is_open(a.dtls));
}

static void no_fingerprint_is_no_association(void **state)
{
    struct fingerprint f[MAX_FINGERPRINTS + 1] = {0};

    (void)state;
    assert_int_equal(dtls_new(&a.dtls, context_a, true, f, 0, &handlers, &a), E_INVALID);
    assert_int_equal(dtls_new(&a.dtls, context_a, true, f, MAX_FINGERPRINTS + 1, &handlers, &a),
                     E_INVALID);
    assert_null(a.dtls);
}

static void endless_handshake_bytes_end_it(void **state)
{
    /* a record of handshake epoch 0 that never gets anywhere: cut-off ClientHello fragments */
    static const uint8_t record[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 20};

    (void)state;
    make_pair();
    for (size_t sent = 0; sent <= MAX_DTLS_BYTES_BEFORE_OPEN && b.closed == 0;
         sent += sizeof(record))
        feed(&b, record, sizeof(record));
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.closed_err, E_LIMIT);
}

/* --- after it ---------------------------------------------------------------------------------------- */

static void data_passes_both_ways_after_opening_only(void **state)
{
    (void)state;
    make_pair();
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"x", 1), E_STATE);
    dtls_start(a.dtls);
    exchange();
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"hello", 5), 0);
    assert_int_equal(dtls_send(b.dtls, (const uint8_t *)"there", 5), 0);
    exchange();
    assert_string_equal(a.data, "there");
    assert_string_equal(b.data, "hello");
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"", 0), E_LIMIT);
    assert_int_equal(dtls_send(a.dtls, a.queue[0].data, MAX_DATAGRAM_BYTES), E_LIMIT);
}

static void replayed_forged_and_second_hellos_leave_it_open(void **state)
{
    struct datagram hello, data;

    (void)state;
    make_pair();
    dtls_start(a.dtls);
    hello = a.queue[0];
    exchange();
    feed(&b, hello.data, hello.len);
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"one", 3), 0);
    assert_true(next(&a, &data));
    feed(&b, data.data, data.len);
    feed(&b, data.data, data.len);
    assert_int_equal(b.data_count, 1);
    data.data[data.len - 1] ^= 1;
    feed(&b, data.data, data.len);
    for (size_t n = 0; n < data.len; n++)
        feed(&b, data.data, n);
    feed(&b, (const uint8_t *)"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02\x02\x28",
         15); /* a fatal alert in clear */
    assert_int_equal(b.data_count, 1);
    assert_int_equal(b.closed, 0);
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"two", 3), 0);
    exchange();
    assert_string_equal(b.data, "two");
}

static void shutdown_tells_the_other_end_once(void **state)
{
    (void)state;
    open_pair();
    dtls_shutdown(a.dtls);
    assert_false(dtls_is_open(a.dtls));
    exchange();
    assert_int_equal(a.closed, 0); /* it knows */
    assert_int_equal(b.closed, 1);
    assert_int_equal(b.closed_err, 0);
    assert_string_equal(b.closed_reason, "closed by the endpoint");
    dtls_shutdown(a.dtls);
    exchange();
    assert_int_equal(b.closed, 1);
    assert_int_equal(dtls_send(b.dtls, (const uint8_t *)"x", 1), E_STATE);
}

static void shutdown_inside_its_handlers_stops_everything(void **state)
{
    (void)state;
    b.shut_down_in_open = true;
    make_pair();
    dtls_start(a.dtls);
    exchange();
    assert_int_equal(b.opened, 1);
    assert_int_equal(b.closed, 0);
    assert_int_equal(a.closed, 1);
    dtls_free(&a.dtls);
    dtls_free(&b.dtls);
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));

    b.shut_down_in_data = true;
    open_pair();
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"1", 1), 0);
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"2", 1), 0);
    /* both records in one datagram */
    memcpy(a.queue[0].data + a.queue[0].len, a.queue[1].data, a.queue[1].len);
    feed(&b, a.queue[0].data, a.queue[0].len + a.queue[1].len);
    assert_int_equal(b.data_count, 1);
}

/* --- at rest ----------------------------------------------------------------------------------------- */

static void an_end_at_rest_is_open_and_carries_no_data(void **state)
{
    (void)state;
    a.rests = b.rests = true;
    open_pair();
    assert_int_equal(a.opened, 1);
    assert_string_equal(dtls_cipher_name(b.dtls), "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
    assert_int_equal(dtls_send(b.dtls, (const uint8_t *)"x", 1), E_STATE);
    assert_true(dtls_wait_us(b.dtls) == UINT64_MAX);
    dtls_tick(b.dtls);
    assert_false(next(&b, &(struct datagram){0}));
}

static void data_for_an_end_at_rest_are_ignored(void **state)
{
    (void)state;
    b.rests = true;
    open_pair();
    assert_int_equal(dtls_send(a.dtls, (const uint8_t *)"hello", 5), 0);
    exchange();
    assert_int_equal(b.data_count, 0);
    assert_int_equal(b.closed, 0);
}

static void goodbyes_pass_both_ways_whoever_rests(void **state)
{
    (void)state;
    for (size_t row = 0; row < 8; row++) {
        struct end *first = (row & 4) != 0 ? &a : &b, *second = (row & 4) != 0 ? &b : &a;
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        a.rests = (row & 1) != 0;
        b.rests = (row & 2) != 0;
        open_pair();
        dtls_shutdown(first->dtls);
        assert_false(dtls_is_open(first->dtls));
        exchange();
        assert_int_equal(first->closed, 0);
        assert_int_equal(second->closed, 1);
        assert_int_equal(second->closed_err, 0);
        assert_string_equal(second->closed_reason, "closed by the endpoint");
        dtls_shutdown(second->dtls);
        exchange();
        assert_int_equal(second->closed, 1);
        dtls_free(&a.dtls);
        dtls_free(&b.dtls);
    }
}

static void forged_goodbyes_do_not_wake_an_end_at_rest(void **state)
{
    struct datagram d, forged;

    (void)state;
    b.rests = true;
    open_pair();
    dtls_shutdown(a.dtls);
    assert_true(next(&a, &d));
    for (size_t bit = 0; bit < d.len * 8; bit++) {
        forged = d;
        forged.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        feed(&b, forged.data, forged.len);
    }
    for (size_t n = 0; n < d.len; n++)
        feed(&b, d.data, n);
    feed(&b, (const uint8_t *)"\x15\xfe\xfd\0\0\0\0\0\0\0\x09\0\x02\x02\x28",
         15); /* a fatal alert in clear */
    assert_int_equal(b.closed, 0);
    assert_false(next(&b, &forged));
    feed(&b, d.data, d.len);
    assert_int_equal(b.closed, 1);
    feed(&b, d.data, d.len);
    assert_int_equal(b.closed, 1);
}

static void shutting_down_when_it_opens_needs_no_rest(void **state)
{
    (void)state;
    b.rests = b.shut_down_in_open = true;
    make_pair();
    dtls_start(a.dtls);
    exchange();
    assert_int_equal(b.opened, 1);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.closed_err, 0);
}

/* --- an endpoint that is plain OpenSSL --------------------------------------------------------------- */

struct foreign {
    const char *profiles; /* NULL: no use_srtp */
    int max_version;      /* 0: any */
    const char *ciphers;  /* NULL: any */
    bool rsa, no_certificate, is_server;
    enum srtp_profile want_profile;
    int want_err; /* of our end; 0: opens */
};

static X509 *foreign_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();

    X509_gmtime_adj(X509_getm_notBefore(x), -10);
    X509_gmtime_adj(X509_getm_notAfter(x), 1000);
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static SSL_CTX *foreign_context(const struct foreign *row, struct fingerprint *f)
{
    SSL_CTX *ctx = SSL_CTX_new(DTLS_method());
    EVP_PKEY *key = row->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509 *x = foreign_certificate(key);

    assert_int_equal(fingerprint_of_x509(f, x, "sha-256"), 0);
    if (!row->no_certificate) {
        SSL_CTX_use_certificate(ctx, x);
        SSL_CTX_use_PrivateKey(ctx, key);
    }
    SSL_CTX_set_security_level(ctx, 0);
    if (row->profiles != NULL)
        assert_int_equal(SSL_CTX_set_tlsext_use_srtp(ctx, row->profiles), 0);
    if (row->max_version != 0)
        SSL_CTX_set_max_proto_version(ctx, row->max_version);
    if (row->ciphers != NULL)
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, row->ciphers), 1);
    if (row->is_server)
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, NULL, NULL);
    X509_free(x);
    EVP_PKEY_free(key);
    return ctx;
}

static int accept_all(X509_STORE_CTX *store, void *arg)
{
    (void)store;
    (void)arg;
    return 1;
}

/* Its memory BIO joins datagrams; records carry their lengths, so ours takes them as one. */
static void exchange_with(SSL *ssl, BIO *in, BIO *out)
{
    struct datagram d;
    uint8_t buf[2048];

    for (int i = 0; i < 10; i++) {
        int n;
        SSL_do_handshake(ssl);
        while ((n = BIO_read(out, buf, sizeof(buf))) > 0)
            feed(&a, buf, (size_t)n);
        while (next(&a, &d)) {
            BIO_write(in, d.data, (int)d.len);
            SSL_do_handshake(ssl);
        }
    }
}

static void foreign_endpoints_get_what_is_common(void **state)
{
    static const struct foreign rows[] = {
        /* whatever order they offer, our preference wins */
        {.profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM",
         .want_profile = SRTP_PROFILE_AEAD_AES_128_GCM},
        {.profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM",
         .want_profile = SRTP_PROFILE_AEAD_AES_256_GCM},
        {.profiles = "SRTP_AES128_CM_SHA1_32:SRTP_AES128_CM_SHA1_80",
         .want_profile = SRTP_PROFILE_AES128_CM_SHA1_80},
        {.profiles = "SRTP_AES128_CM_SHA1_80",
         .rsa = true,
         .want_profile = SRTP_PROFILE_AES128_CM_SHA1_80},
        {.profiles = "SRTP_AEAD_AES_128_GCM",
         .rsa = true,
         .is_server = true,
         .want_profile = SRTP_PROFILE_AEAD_AES_128_GCM},
        {.profiles = "SRTP_AEAD_AES_256_GCM",
         .is_server = true,
         .want_profile = SRTP_PROFILE_AEAD_AES_256_GCM},
        {.profiles = "SRTP_AES128_CM_SHA1_32", .want_err = E_UNSUPPORTED},
        {.profiles = NULL, .want_err = E_UNSUPPORTED},
        {.profiles = NULL, .is_server = true, .want_err = E_UNSUPPORTED},
        {.profiles = "SRTP_AEAD_AES_128_GCM", .no_certificate = true, .want_err = E_AUTH},
        {.profiles = "SRTP_AEAD_AES_128_GCM",
         .max_version = DTLS1_VERSION,
         .want_err = E_UNSUPPORTED},
        {.profiles = "SRTP_AEAD_AES_128_GCM", .ciphers = "AES128-SHA", .want_err = E_UNSUPPORTED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fingerprint f;
        SSL_CTX *ctx = foreign_context(&rows[i], &f);
        SSL *ssl = SSL_new(ctx);
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in, -1);
        BIO_set_mem_eof_return(out, -1);
        SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
        SSL_set_bio(ssl, in, out);
        SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
        DTLS_set_link_mtu(ssl, 1200);
        if (rows[i].is_server)
            SSL_set_accept_state(ssl);
        else
            SSL_set_connect_state(ssl);
        memset(&a, 0, sizeof(a));
        assert_int_equal(dtls_new(&a.dtls, context_a, rows[i].is_server, &f, 1, &handlers, &a), 0);
        dtls_start(a.dtls);
        exchange_with(ssl, in, out);
        if (rows[i].want_err == 0) {
            if (a.opened != 1 || a.keys.profile != rows[i].want_profile)
                fail_msg("row %zu: opened %u, profile %d, %s", i, a.opened, (int)a.keys.profile,
                         a.closed_reason ? a.closed_reason : "");
        } else if (a.opened != 0 || a.closed != 1 || a.closed_err != rows[i].want_err) {
            fail_msg("row %zu: opened %u, closed %u, %s: %s", i, a.opened, a.closed,
                     err_name(a.closed_err), a.closed_reason ? a.closed_reason : "");
        }
        dtls_free(&a.dtls);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
}

/* Every suite of ours: OpenSSL says goodbye, or is told. */
static void foreign_endpoints_and_ends_at_rest_part_in_peace(void **state)
{
    static const struct foreign rows[] = {
        {.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"},
        {.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"},
        {.ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305"},
        {.ciphers = "ECDHE-RSA-AES128-GCM-SHA256", .rsa = true, .is_server = true},
        {.ciphers = "ECDHE-RSA-AES256-GCM-SHA384", .rsa = true, .is_server = true},
        {.ciphers = "ECDHE-RSA-CHACHA20-POLY1305", .rsa = true, .is_server = true},
    };

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
        struct foreign row = rows[i / 2];
        struct fingerprint f;
        SSL_CTX *ctx = NULL;
        SSL *ssl = NULL;
        BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
        struct datagram d = {0};
        bool is_told = i % 2 != 0;

        row.profiles = "SRTP_AEAD_AES_128_GCM";
        ctx = foreign_context(&row, &f);
        SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
        ssl = SSL_new(ctx);
        BIO_set_mem_eof_return(in, -1);
        BIO_set_mem_eof_return(out, -1);
        SSL_set_bio(ssl, in, out);
        SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
        DTLS_set_link_mtu(ssl, 1200);
        if (row.is_server)
            SSL_set_accept_state(ssl);
        else
            SSL_set_connect_state(ssl);
        memset(&a, 0, sizeof(a));
        a.rests = true;
        assert_int_equal(dtls_new(&a.dtls, context_a, row.is_server, &f, 1, &handlers, &a), 0);
        dtls_start(a.dtls);
        exchange_with(ssl, in, out);
        assert_int_equal(a.opened, 1);
        if (is_told)
            dtls_shutdown(a.dtls);
        else
            SSL_shutdown(ssl);
        int n = BIO_read(out, d.data, sizeof(d.data));
        assert_int_equal(n > 0, !is_told);
        if (n > 0)
            feed(&a, d.data, (size_t)n);
        assert_int_equal(a.closed, !is_told);
        assert_true(next(&a, &d)); /* ours, or the answer */
        BIO_write(in, d.data, (int)d.len);
        assert_true(SSL_read(ssl, d.data, sizeof(d.data)) <= 0);
        assert_true((SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0);
        dtls_free(&a.dtls);
        SSL_free(ssl);
        SSL_CTX_free(ctx);
    }
}

static void profiles_have_names(void **state)
{
    (void)state;
    assert_string_equal(srtp_profile_name(SRTP_PROFILE_AEAD_AES_128_GCM), "AEAD_AES_128_GCM");
    assert_string_equal(srtp_profile_name(SRTP_PROFILE_AES128_CM_SHA1_80), "AES128_CM_SHA1_80");
    assert_string_equal(srtp_profile_name(SRTP_PROFILE_NONE), "");
}

/* --- frame ------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dtls_free(&a.dtls);
    dtls_free(&b.dtls);
    return 0;
}

static int start(void **state)
{
    (void)state;
    if (cert_new_self_signed(&cert_a, "a", NULL, 0, 30) != 0 ||
        cert_new_self_signed(&cert_b, "b", NULL, 0, 30) != 0)
        return -1;
    return dtls_context_new(&context_a, cert_a) != 0 || dtls_context_new(&context_b, cert_b) != 0
               ? -1
               : 0;
}

static int stop(void **state)
{
    (void)state;
    dtls_context_free(&context_a);
    dtls_context_free(&context_b);
    cert_free(&cert_a);
    cert_free(&cert_b);
    return mem_live_blocks() == 0 ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_roles_open_with_mirrored_keys),
        TEST(nothing_but_the_handshake_makes_an_end_wait),
        TEST(any_lost_datagram_is_sent_again),
        TEST(ticks_before_the_time_send_nothing),
        TEST(a_silent_endpoint_ends_the_handshake),
        TEST(duplicated_and_swapped_datagrams_do_no_harm),
        TEST(foreign_fingerprint_is_refused),
        TEST(any_one_of_several_fingerprints_is_enough),
        TEST(no_fingerprint_is_no_association),
        TEST(endless_handshake_bytes_end_it),
        TEST(data_passes_both_ways_after_opening_only),
        TEST(replayed_forged_and_second_hellos_leave_it_open),
        TEST(shutdown_tells_the_other_end_once),
        TEST(shutdown_inside_its_handlers_stops_everything),
        TEST(an_end_at_rest_is_open_and_carries_no_data),
        TEST(data_for_an_end_at_rest_are_ignored),
        TEST(goodbyes_pass_both_ways_whoever_rests),
        TEST(forged_goodbyes_do_not_wake_an_end_at_rest),
        TEST(shutting_down_when_it_opens_needs_no_rest),
        TEST(foreign_endpoints_get_what_is_common),
        TEST(foreign_endpoints_and_ends_at_rest_part_in_peace),
        TEST(profiles_have_names),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
