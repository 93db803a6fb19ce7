/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls.c - DTLS associations on OpenSSL.
 *
 * OpenSSL reads and writes through a BIO of our own, because its memory BIOs lose the borders between datagrams:
 *
 *   dtls_input(datagram) → bio_read … SSL_do_handshake / SSL_read … bio_write → on_send(datagram)
 *
 * OpenSSL keeps 39 KB of an association, half of it for the case that the last flight must be sent again. One that carries no
 * data gives it all back when it is open (dtls_rest.h).
 *
 * The certificate is checked while the handshake runs, so that an endpoint with a foreign one gets an alert instead of an open
 * association. Handshake time is bounded by the owner (this file has no clock), bytes here.
 */
#include "transport/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <sys/time.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "transport/cert.h"
#include "transport/dtls_rest.h"

/* The first gap of 100 ms suits round trips of a call; RFC 6347 s4.2.4.1 lets real-time uses go below its 1 s. */
#define RETRANSMIT_FIRST_US 100000u
#define RETRANSMIT_MAX_US 4000000u
#define RECORD_OVERHEAD_BYTES 64 /* record header 13, explicit nonce 8, tag 16, and some room */

/* Of RFC 8827 s6.5, and what FIPS builds and machines without AES instructions prefer. The certificate that decides between
 * ECDSA and RSA is the endpoint's when we are active. */
#define CIPHERS                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:" \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

/* RFC 5764 s4.1.2, RFC 7714 s14.2; in our order of preference, which wins when we are passive. */
static const struct profile {
    enum srtp_profile id;
    uint8_t key_bytes, salt_bytes;
    const char *name;
} profiles[] = {
    {SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12, "AEAD_AES_128_GCM"},
    {SRTP_PROFILE_AEAD_AES_256_GCM, 32, 12, "AEAD_AES_256_GCM"},
    {SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14, "AES128_CM_SHA1_80"},
};
#define OPENSSL_PROFILES "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"

enum dtls_state {
    DTLS_HANDSHAKE,
    DTLS_OPEN,
    DTLS_RESTING, /* open, without the library */
    DTLS_ENDED
};

struct dtls_context {
    SSL_CTX *ssl;
    BIO_METHOD *bio_method;
};

struct dtls {
    SSL *ssl; /* from the first datagram on; NULL when it rests */
    struct dtls_context *context;
    enum dtls_state state;
    bool is_active, started;
    bool wants_rest, makes_farewell, is_flight_long;
    const char *cipher_name;  /* once open */
    struct dtls_rest rest;    /* its flight is filled from the start */
    bool foreign_certificate; /* the handshake ended for it */
    bool
        trusted_certificate; /* one that fits was shown; whether its key was, the handshake tells */
    const uint8_t *in;       /* the datagram not read yet, during dtls_input() */
    size_t in_bytes;
    size_t bytes_before_open;
    struct fingerprint *fingerprint; /* until it is open */
    size_t fingerprint_count;
    const struct dtls_handlers *handlers;
    void *arg;
};

static const struct profile *find_profile(unsigned long id)
{
    for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
        if ((unsigned long)profiles[i].id == id)
            return &profiles[i];
    return NULL;
}

const char *srtp_profile_name(enum srtp_profile p)
{
    const struct profile *found = find_profile((unsigned long)p);

    return found != NULL ? found->name : "";
}

/* --- the datagram BIO -------------------------------------------------------------------------------- */

/* Keep what follows the latest datagram of the handshake: the last of it may have to be sent again. */
static void keep_flight(struct dtls *d, const char *buf, size_t len)
{
    if (len > sizeof(d->rest.flight) - d->rest.flight_bytes) {
        d->is_flight_long = true;
        return;
    }
    memcpy(d->rest.flight + d->rest.flight_bytes, buf, len);
    d->rest.flight_bytes = (uint8_t)(d->rest.flight_bytes + len);
}

static void keep_farewell(struct dtls *d, const char *buf, size_t len)
{
    if (len <= sizeof(d->rest.farewell)) {
        memcpy(d->rest.farewell, buf, len);
        d->rest.farewell_bytes = (uint8_t)len;
    }
}

static int bio_write(BIO *bio, const char *buf, int len)
{
    struct dtls *d = BIO_get_data(bio);

    if (len <= 0)
        return 0;
    if (d->makes_farewell) {
        keep_farewell(d, buf, (size_t)len);
        return len;
    }
    if (d->state == DTLS_HANDSHAKE)
        keep_flight(d, buf, (size_t)len);
    d->handlers->on_send(d, (const uint8_t *)buf, (size_t)len, d->arg);
    return len;
}

/* One datagram a read; what does not fit is lost, as with a socket. */
static int bio_read(BIO *bio, char *buf, int size)
{
    struct dtls *d = BIO_get_data(bio);
    size_t n = d->in_bytes;

    BIO_clear_retry_flags(bio);
    if (d->in == NULL || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (n > (size_t)size)
        n = (size_t)size;
    memcpy(buf, d->in, n);
    d->in = NULL;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd ==
           BIO_CTRL_FLUSH; /* the rest asks about MTUs and pending bytes: none known, none pending */
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *bio_method_new(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");

    if (m == NULL)
        return NULL;
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_create(m, bio_create);
    return m;
}

/* --- context ----------------------------------------------------------------------------------------- */

/* Names, dates and issuers of the certificate mean nothing here (RFC 8827 s6.5): its fingerprint in the signalling does. */
static int on_verify(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *d = SSL_get_app_data(ssl);
    X509 *x509 = X509_STORE_CTX_get0_cert(store);

    (void)arg;
    for (size_t i = 0; i < d->fingerprint_count; i++) {
        struct fingerprint shown;
        if (fingerprint_of_x509(&shown, x509, d->fingerprint[i].hash) == 0 &&
            fingerprint_eq(&shown, &d->fingerprint[i])) {
            d->trusted_certificate = true;
            return 1;
        }
    }
    d->foreign_certificate = true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static bool context_configure(SSL_CTX *ctx, const struct cert *cert)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, on_verify, NULL);
    return SSL_CTX_set_min_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_send_fragment(ctx, MAX_DATAGRAM_BYTES) == 1 && /* 16 KB else */
           SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
           SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
           SSL_CTX_use_certificate(ctx, cert_x509(cert)) == 1 &&
           SSL_CTX_use_PrivateKey(ctx, cert_key(cert)) == 1 &&
           SSL_CTX_set_tlsext_use_srtp(ctx, OPENSSL_PROFILES) == 0; /* 0 is success here */
}

int dtls_context_new(struct dtls_context **out, const struct cert *cert)
{
    struct dtls_context *c = MEM_NEW(struct dtls_context);

    ERR_clear_error();
    c->ssl = SSL_CTX_new(DTLS_method());
    c->bio_method = bio_method_new();
    if (c->ssl == NULL || c->bio_method == NULL || !context_configure(c->ssl, cert)) {
        ERR_clear_error();
        dtls_context_free(&c);
        return E_CRYPTO;
    }
    *out = c;
    return 0;
}

void dtls_context_free(struct dtls_context **cp)
{
    struct dtls_context *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    SSL_CTX_free(c->ssl);
    BIO_meth_free(c->bio_method);
    mem_free(c);
}

/* --- life -------------------------------------------------------------------------------------------- */

static unsigned int retransmit_gap_us(SSL *ssl, unsigned int last_us)
{
    (void)ssl;
    return last_us == 0 ? RETRANSMIT_FIRST_US : MIN(last_us * 2, RETRANSMIT_MAX_US);
}

static bool attach(struct dtls *d)
{
    BIO *bio = NULL;

    d->ssl = SSL_new(d->context->ssl);
    if (d->ssl == NULL)
        return false;
    bio = BIO_new(d->context->bio_method);
    if (bio == NULL)
        return false;
    BIO_set_data(bio, d);
    SSL_set_bio(d->ssl, bio, bio);
    SSL_set_app_data(d->ssl, d);
    DTLS_set_timer_cb(d->ssl, retransmit_gap_us);
    if (d->is_active)
        SSL_set_connect_state(d->ssl);
    else
        SSL_set_accept_state(d->ssl);
    return DTLS_set_link_mtu(d->ssl, DTLS_MTU_BYTES) == 1;
}

int dtls_new(struct dtls **out, struct dtls_context *c, bool is_active,
             const struct fingerprint *fingerprint, size_t fingerprint_count,
             const struct dtls_handlers *handlers, void *arg)
{
    struct dtls *d = NULL;

    if (fingerprint_count == 0 || fingerprint_count > MAX_FINGERPRINTS)
        return E_INVALID;
    d = mem_try_alloc(sizeof(*d));
    if (d == NULL)
        return E_NO_MEMORY;
    d->is_active = is_active;
    d->fingerprint = mem_try_alloc(fingerprint_count * sizeof(*fingerprint));
    if (d->fingerprint == NULL) {
        mem_free(d);
        return E_NO_MEMORY;
    }
    memcpy(d->fingerprint, fingerprint, fingerprint_count * sizeof(*fingerprint));
    d->fingerprint_count = fingerprint_count;
    d->context = c;
    d->handlers = handlers;
    d->arg = arg;
    *out = d;
    return 0;
}

void dtls_free(struct dtls **dp)
{
    struct dtls *d = *dp;

    if (d == NULL)
        return;
    *dp = NULL;
    SSL_free(d->ssl); /* sends nothing; takes the BIO along */
    mem_free(d->fingerprint);
    mem_wipe(&d->rest, sizeof(d->rest));
    mem_free(d);
}

/* --- running ----------------------------------------------------------------------------------------- */

static void end(struct dtls *d, int err, const char *reason)
{
    ERR_clear_error();
    d->state = DTLS_ENDED;
    d->handlers->on_closed(d, err, reason, d->arg);
}

/* Say what made an SSL call fail for good; OpenSSL has sent the alert already. */
static void end_with_openssl_error(struct dtls *d)
{
    int reason = ERR_GET_REASON(ERR_peek_last_error());

    if (d->foreign_certificate)
        end(d, E_AUTH, "the endpoint's certificate has another fingerprint than the one signalled");
    else if (reason == SSL_R_READ_TIMEOUT_EXPIRED)
        end(d, E_TIMEOUT, "the endpoint stopped answering in the DTLS handshake");
    else if (reason == SSL_R_NO_SHARED_CIPHER)
        end(d, E_UNSUPPORTED, "no common DTLS cipher");
    else if (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW ||
             reason == SSL_R_WRONG_SSL_VERSION)
        end(d, E_UNSUPPORTED, "the endpoint does not speak DTLS 1.2");
    else if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
        end(d, E_AUTH, "the endpoint showed no certificate");
    else if (reason >= SSL_AD_REASON_OFFSET)
        end(d, E_DENIED, "the endpoint sent a DTLS alert");
    else
        end(d, E_CRYPTO, "the DTLS handshake failed");
}

/* RFC 5764 s4.2: client key, server key, client salt, server salt. */
static bool export_keys(struct dtls *d, const struct profile *p, struct srtp_keys *out)
{
    static const char label[] = "EXTRACTOR-dtls_srtp";
    uint8_t material[2 * SRTP_MAX_MASTER_BYTES];
    const size_t k = p->key_bytes, s = p->salt_bytes;
    uint8_t *client = d->is_active ? out->local : out->remote;
    uint8_t *server = d->is_active ? out->remote : out->local;

    if (SSL_export_keying_material(d->ssl, material, 2 * (k + s), label, sizeof(label) - 1, NULL, 0,
                                   0) != 1)
        return false;
    memcpy(client, material, k);
    memcpy(server, material + k, k);
    memcpy(client + k, material + 2 * k, s);
    memcpy(server + k, material + 2 * k + s, s);
    mem_wipe(material, sizeof(material));
    out->profile = p->id;
    out->key_bytes = p->key_bytes;
    out->salt_bytes = p->salt_bytes;
    return true;
}

static void refuse(struct dtls *d, int err, const char *reason)
{
    SSL_shutdown(d->ssl);
    end(d, err, reason);
}

static void on_handshake_done(struct dtls *d)
{
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(d->ssl);
    const struct profile *p = chosen != NULL ? find_profile(chosen->id) : NULL;
    struct srtp_keys keys = {0};

    if (!d->trusted_certificate) {
        refuse(d, E_AUTH, "the endpoint showed no certificate");
    } else if (p == NULL) {
        refuse(d, E_UNSUPPORTED, "no common SRTP profile");
    } else if (!export_keys(d, p, &keys)) {
        refuse(d, E_CRYPTO, "the DTLS library gave no keys");
    } else {
        d->state = DTLS_OPEN;
        MEM_FREE(d->fingerprint); /* no certificate follows the one that was checked */
        d->fingerprint_count = 0;
        d->cipher_name = SSL_CIPHER_standard_name(SSL_get_current_cipher(d->ssl));
        d->handlers->on_open(d, &keys, d->arg);
        mem_wipe(&keys, sizeof(keys));
    }
}

static void shake_hands(struct dtls *d)
{
    int result = SSL_do_handshake(d->ssl);

    if (result == 1)
        on_handshake_done(d);
    else if (SSL_get_error(d->ssl, result) != SSL_ERROR_WANT_READ)
        end_with_openssl_error(d);
}

/* Everything the datagram holds; each turn takes at least one record of it. */
static void read_records(struct dtls *d)
{
    uint8_t buf[MAX_DATAGRAM_BYTES];

    while (d->state == DTLS_OPEN) {
        int n = SSL_read(d->ssl, buf, (int)sizeof(buf));
        if (n > 0) {
            d->handlers->on_data(d, buf, (size_t)n, d->arg);
            continue;
        }
        int why = SSL_get_error(d->ssl, n);
        if (why == SSL_ERROR_WANT_READ)
            return;
        if (why == SSL_ERROR_ZERO_RETURN) {
            SSL_shutdown(d->ssl); /* RFC 5246 s7.2.1: answered with one of our own */
            end(d, 0, "closed by the endpoint");
        } else {
            end_with_openssl_error(d);
        }
    }
}

/* --- rest ---------------------------------------------------------------------------------------------- */

/* Everything that is needed afterwards is made before the library goes; what cannot be made lets it stay. */
static void go_to_rest(struct dtls *d)
{
    d->wants_rest = false;
    if (d->is_flight_long || !dtls_rest_take_key(&d->rest, d->ssl))
        return;
    d->makes_farewell = true;
    SSL_shutdown(d->ssl);
    d->makes_farewell = false;
    SSL_free(d->ssl);
    d->ssl = NULL;
    d->state = DTLS_RESTING;
}

void dtls_rest(struct dtls *d)
{
    d->wants_rest = true;
}

static void send_farewell(struct dtls *d)
{
    if (d->rest.farewell_bytes > 0)
        d->handlers->on_send(d, d->rest.farewell, d->rest.farewell_bytes, d->arg);
}

static void input_at_rest(struct dtls *d, const uint8_t *buf, size_t len)
{
    switch (dtls_rest_read(&d->rest, buf, len)) {
    case DTLS_REST_FINISHED_AGAIN:
        if (!d->is_active) /* the other side's flight is the last one else */
            d->handlers->on_send(d, d->rest.flight, d->rest.flight_bytes, d->arg);
        break;
    case DTLS_REST_CLOSE_NOTIFY:
        send_farewell(d);
        end(d, 0, "closed by the endpoint");
        break;
    case DTLS_REST_FATAL_ALERT:
        end(d, E_DENIED, "the endpoint sent a DTLS alert");
        break;
    case DTLS_REST_NOTHING:
        break;
    }
    ERR_clear_error();
}

/* --- running ------------------------------------------------------------------------------------------- */

/* Sixteen kilobytes to read and some to write are given back after each turn, which is long before the next datagram. */
static void release_buffers(struct dtls *d)
{
    (void)SSL_free_buffers(d->ssl); /* refused while something is in them */
}

static void run(struct dtls *d)
{
    ERR_clear_error();
    if (d->ssl == NULL && !attach(d)) {
        end(d, E_NO_MEMORY, "no memory for a DTLS handshake");
        return;
    }
    if (d->state == DTLS_HANDSHAKE)
        shake_hands(d);
    if (d->state == DTLS_OPEN)
        read_records(d);
    if (d->state == DTLS_OPEN && d->wants_rest)
        go_to_rest(d);
    else
        release_buffers(d);
    ERR_clear_error();
}

void dtls_start(struct dtls *d)
{
    if (!d->is_active || d->started || d->state != DTLS_HANDSHAKE)
        return;
    d->started = true;
    run(d);
}

void dtls_input(struct dtls *d, const uint8_t *buf, size_t len)
{
    if (d->state == DTLS_ENDED || len == 0)
        return;
    if (d->state == DTLS_RESTING) {
        input_at_rest(d, buf, len);
        return;
    }
    if (d->state == DTLS_HANDSHAKE) {
        d->started = true;
        d->rest.flight_bytes = 0;
        d->is_flight_long = false;
        d->bytes_before_open += len;
        if (d->bytes_before_open > MAX_DTLS_BYTES_BEFORE_OPEN) {
            end(d, E_LIMIT, "the DTLS handshake is too long");
            return;
        }
    }
    d->in = buf;
    d->in_bytes = len;
    run(d);
    d->in = NULL;
}

uint64_t dtls_wait_us(const struct dtls *d)
{
    struct timeval left;

    if (d->ssl == NULL || d->state == DTLS_ENDED || !d->started ||
        DTLSv1_get_timeout(d->ssl, &left) != 1)
        return UINT64_MAX;
    return (uint64_t)left.tv_sec * US_PER_S + (uint64_t)left.tv_usec;
}

void dtls_tick(struct dtls *d)
{
    if (d->ssl == NULL || d->state == DTLS_ENDED || !d->started)
        return;
    ERR_clear_error();
    if (SSL_alloc_buffers(d->ssl) != 1 || DTLSv1_handle_timeout(d->ssl) < 0)
        end_with_openssl_error(d);
    release_buffers(d);
    ERR_clear_error();
}

int dtls_send(struct dtls *d, const uint8_t *buf, size_t len)
{
    int n = 0;

    if (d->state != DTLS_OPEN)
        return E_STATE;
    if (len == 0 || len > MAX_DATAGRAM_BYTES - RECORD_OVERHEAD_BYTES)
        return E_LIMIT;
    ERR_clear_error();
    if (SSL_alloc_buffers(d->ssl) == 1)
        n = SSL_write(d->ssl, buf, (int)len);
    release_buffers(d);
    ERR_clear_error();
    return n > 0 ? 0 : E_CRYPTO;
}

void dtls_shutdown(struct dtls *d)
{
    if (d->state == DTLS_OPEN) {
        ERR_clear_error();
        if (SSL_alloc_buffers(d->ssl) == 1)
            SSL_shutdown(d->ssl);
        ERR_clear_error();
    } else if (d->state == DTLS_RESTING) {
        send_farewell(d);
    }
    d->state = DTLS_ENDED;
}

bool dtls_is_open(const struct dtls *d)
{
    return d->state == DTLS_OPEN || d->state == DTLS_RESTING;
}

const char *dtls_cipher_name(const struct dtls *d)
{
    return dtls_is_open(d) && d->cipher_name != NULL ? d->cipher_name : "";
}
