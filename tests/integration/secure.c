/* SPDX-License-Identifier: Apache-2.0 */
/* secure.c - see secure.h. */
#include "tests/integration/secure.h"

#include <string.h>

#include <glib.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <srtp2/srtp.h>

#include "tests/integration/clock.h"

#define RECORD_HEADER_BYTES 13 /* RFC 6347 s4.1 */
#define MTU_BYTES 1200
#define MAX_MASTER_BYTES 46
#define TIMER_MS 20

struct secure {
    struct secure_config config;
    struct secure_handlers handlers;
    void *arg;
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
    bool is_started;
    GSource *timer;
    srtp_t srtp_out, srtp_in;
    struct secure_stats stats;
};

/* ---- the certificate ---- */

static X509 *certificate;
static EVP_PKEY *key;
static char fingerprint[SECURE_FINGERPRINT_LEN];

static void fingerprint_text_of(X509 *x509, char out[SECURE_FINGERPRINT_LEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    X509_digest(x509, EVP_sha256(), digest, &len);
    for (unsigned i = 0; i < len; i++)
        g_snprintf(out + 3 * i, 4, "%02X%s", digest[i], i + 1 < len ? ":" : "");
}

static void make_certificate(void)
{
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const uint8_t *)"client", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    if (X509_sign(certificate, key, EVP_sha256()) == 0)
        g_error("OpenSSL cannot sign");
    fingerprint_text_of(certificate, fingerprint);
}

const char *secure_fingerprint(void)
{
    if (certificate == NULL) {
        make_certificate();
        if (srtp_init() != srtp_err_status_ok)
            g_error("libsrtp does not start");
    }
    return fingerprint;
}

void secure_fini(void)
{
    if (certificate != NULL)
        (void)srtp_shutdown();
    X509_free(certificate);
    EVP_PKEY_free(key);
    certificate = NULL;
    key = NULL;
}

/* ---- SRTP ---- */

static srtp_t open_srtp(srtp_profile_t profile, srtp_ssrc_type_t direction, uint8_t *master)
{
    srtp_policy_t policy;
    srtp_t srtp = NULL;

    memset(&policy, 0, sizeof(policy));
    if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) != srtp_err_status_ok ||
        srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile) != srtp_err_status_ok)
        g_error("libsrtp does not know the profile");
    policy.ssrc.type = direction;
    policy.key = master;
    policy.window_size = 1024;
    policy.allow_repeat_tx = 1; /* hostile tests do */
    if (srtp_create(&srtp, &policy) != srtp_err_status_ok)
        g_error("libsrtp refuses the keys");
    return srtp;
}

/* RFC 5764 s4.2: client key, server key, client salt, server salt. */
static void install_keys(struct secure *s)
{
    const SRTP_PROTECTION_PROFILE *p = SSL_get_selected_srtp_profile(s->ssl);
    uint8_t material[2 * MAX_MASTER_BYTES], client[MAX_MASTER_BYTES], server[MAX_MASTER_BYTES];
    srtp_profile_t profile = p == NULL ? srtp_profile_reserved : (srtp_profile_t)p->id;
    unsigned key_bytes = srtp_profile_get_master_key_length(profile);
    unsigned salt_bytes = srtp_profile_get_master_salt_length(profile);
    const uint8_t *at = material;

    if (p == NULL ||
        SSL_export_keying_material(s->ssl, material, 2 * (size_t)(key_bytes + salt_bytes),
                                   "EXTRACTOR-dtls_srtp", 19, NULL, 0, 0) != 1)
        g_error("no SRTP keys");
    memcpy(client, at, key_bytes);
    memcpy(server, at + key_bytes, key_bytes);
    memcpy(client + key_bytes, at + 2 * key_bytes, salt_bytes);
    memcpy(server + key_bytes, at + 2 * key_bytes + salt_bytes, salt_bytes);
    s->srtp_out = open_srtp(profile, ssrc_any_outbound, s->config.is_server ? server : client);
    s->srtp_in = open_srtp(profile, ssrc_any_inbound, s->config.is_server ? client : server);
    g_strlcpy(s->stats.profile, p->name, sizeof(s->stats.profile));
}

bool secure_protect(struct secure *s, bool is_rtcp, uint8_t *buf, size_t *len)
{
    int n = (int)*len;

    if (s->srtp_out == NULL || (is_rtcp ? srtp_protect_rtcp(s->srtp_out, buf, &n)
                                        : srtp_protect(s->srtp_out, buf, &n)) != srtp_err_status_ok)
        return false;
    *len = (size_t)n;
    return true;
}

bool secure_unprotect(struct secure *s, bool is_rtcp, uint8_t *buf, size_t *len)
{
    int n = (int)*len;

    if (s->srtp_in == NULL || (is_rtcp ? srtp_unprotect_rtcp(s->srtp_in, buf, &n)
                                       : srtp_unprotect(s->srtp_in, buf, &n)) != srtp_err_status_ok)
        return false;
    *len = (size_t)n;
    return true;
}

/* ---- DTLS ---- */

static void send_record_run(struct secure *s, const uint8_t *buf, size_t len)
{
    if (s->stats.dropped_out < s->config.drop_out) {
        s->stats.dropped_out++;
        return;
    }
    s->stats.sent++;
    (void)s->handlers.on_send(buf, len, s->arg);
}

/* A memory BIO forgets where datagrams end; records tell, and as many as fit share one. */
static void flush(struct secure *s)
{
    char *data = NULL;
    size_t left = (size_t)BIO_get_mem_data(s->out, &data);
    const uint8_t *begin = (const uint8_t *)data;
    size_t run = 0;

    while (left - run >= RECORD_HEADER_BYTES) {
        size_t record = RECORD_HEADER_BYTES + (size_t)(begin[run + 11] << 8 | begin[run + 12]);
        if (run > 0 && run + record > MTU_BYTES) {
            send_record_run(s, begin, run);
            begin += run;
            left -= run;
            run = 0;
        }
        run += record;
    }
    if (run > 0)
        send_record_run(s, begin, run);
    (void)BIO_reset(s->out);
}

static void note_remote(struct secure *s)
{
    X509 *remote = SSL_get1_peer_certificate(s->ssl);

    if (remote != NULL)
        fingerprint_text_of(remote, s->stats.remote_fingerprint);
    X509_free(remote);
}

static void advance(struct secure *s)
{
    int rc = SSL_do_handshake(s->ssl);

    if (rc != 1) {
        int why = SSL_get_error(s->ssl, rc);
        s->stats.has_failed |= why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
        ERR_clear_error();
        flush(s);
        return;
    }
    s->stats.is_open = true;
    note_remote(s);
    install_keys(s);
    flush(s);
    clock_remove(&s->timer);
    if (s->handlers.on_open != NULL)
        s->handlers.on_open(s->arg);
}

static gboolean on_timer(void *arg)
{
    struct secure *s = arg;

    if (DTLSv1_handle_timeout(s->ssl) > 0)
        flush(s);
    return G_SOURCE_CONTINUE;
}

void secure_start(struct secure *s)
{
    if (s->is_started || s->config.is_server)
        return;
    s->is_started = true;
    s->timer = clock_every(TIMER_MS, on_timer, s);
    advance(s);
}

static void read_after_open(struct secure *s)
{
    uint8_t buf[2048];
    int n = SSL_read(s->ssl, buf, sizeof(buf)); /* a repeated flight, or close_notify */

    if (n <= 0 && SSL_get_error(s->ssl, n) == SSL_ERROR_ZERO_RETURN)
        s->stats.is_closed = true;
    ERR_clear_error();
    flush(s);
}

void secure_input(struct secure *s, const uint8_t *buf, size_t len)
{
    if (!s->is_started) {
        if (!s->config.is_server)
            return;
        s->is_started = true;
        s->timer = clock_every(TIMER_MS, on_timer, s);
    }
    if (s->stats.dropped_in < s->config.drop_in) {
        s->stats.dropped_in++;
        return;
    }
    s->stats.received++;
    (void)BIO_reset(s->in);
    (void)BIO_write(s->in, buf, (int)len);
    if (s->stats.is_open)
        read_after_open(s);
    else if (!s->stats.has_failed)
        advance(s);
}

void secure_shutdown(struct secure *s)
{
    if (!s->stats.is_open)
        return;
    (void)SSL_shutdown(s->ssl);
    ERR_clear_error();
    flush(s);
}

/* Fingerprints are the test's to compare: any certificate goes on here. */
static int accept_any(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 1;
}

static SSL_CTX *open_context(const struct secure_config *config)
{
    SSL_CTX *c = SSL_CTX_new(DTLS_method());

    (void)secure_fingerprint();
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
    if (SSL_CTX_use_certificate(c, certificate) != 1 || SSL_CTX_use_PrivateKey(c, key) != 1 ||
        SSL_CTX_set_tlsext_use_srtp(c, config->profiles == NULL ? SECURE_ALL_PROFILES
                                                                : config->profiles) != 0)
        g_error("OpenSSL refuses the settings");
    return c;
}

struct secure *secure_new(const struct secure_config *config,
                          const struct secure_handlers *handlers, void *arg)
{
    struct secure *s = g_new0(struct secure, 1);

    s->config = *config;
    s->handlers = *handlers;
    s->arg = arg;
    s->context = open_context(config);
    s->ssl = SSL_new(s->context);
    s->in = BIO_new(BIO_s_mem());
    s->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(s->in, -1);
    BIO_set_mem_eof_return(s->out, -1);
    SSL_set_bio(s->ssl, s->in, s->out);
    SSL_set_options(s->ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(s->ssl, MTU_BYTES);
    if (config->is_server)
        SSL_set_accept_state(s->ssl);
    else
        SSL_set_connect_state(s->ssl);
    return s;
}

void secure_free(struct secure **sp)
{
    struct secure *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    clock_remove(&s->timer);
    SSL_free(s->ssl);
    SSL_CTX_free(s->context);
    if (s->srtp_out != NULL)
        srtp_dealloc(s->srtp_out);
    if (s->srtp_in != NULL)
        srtp_dealloc(s->srtp_in);
    g_free(s);
}

const struct secure_stats *secure_stats(const struct secure *s)
{
    return &s->stats;
}
