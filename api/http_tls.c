/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_tls.c - certificate and key for HTTPS: from files, which may be replaced while we run, or from texts made at start.
 *
 * The pair is kept aside and handed to each handshake: so a new one, of another kind of key perhaps, replaces all of the old
 * one at once, and one that does not load replaces nothing.
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <string.h>

#include "api/http_internal.h"
#include "core/err.h"

/* Say what the library thinks of it. */
static int refuse(struct strbuf *why, const char *what, const char *name)
{
    unsigned long code = ERR_get_error();
    const char *text =
        ERR_SYSTEM_ERROR(code) ? err_text(-ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    ERR_clear_error();
    strbuf_addf(why, "%s%s%s: %s", what, name[0] ? " " : "", name, text ? text : "no reason given");
    return E_INVALID;
}

static int load_files(const struct http *h, SSL_CTX *ctx, struct strbuf *why)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, h->tls_cert) != 1)
        return refuse(why, "http.tls_cert: cannot use the certificate", h->tls_cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, h->tls_key, SSL_FILETYPE_PEM) != 1)
        return refuse(why, "http.tls_key: cannot use the private key", h->tls_key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return refuse(why, "http.tls_key: the key does not belong to the certificate", h->tls_key);
    return 0;
}

static int load_texts(const struct http *h, SSL_CTX *ctx, struct strbuf *why)
{
    BIO *cert_bio = BIO_new_mem_buf(h->tls_cert_pem, -1),
        *key_bio = BIO_new_mem_buf(h->tls_key_pem, -1);
    X509 *cert = cert_bio ? PEM_read_bio_X509(cert_bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
    int err = 0;

    if (cert == NULL || key == NULL || SSL_CTX_use_certificate(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        err = refuse(why, "the self-signed certificate cannot be used", "");
    EVP_PKEY_free(key);
    X509_free(cert);
    BIO_free(key_bio);
    BIO_free(cert_bio);
    return err;
}

int http_tls_load(struct http *h, struct strbuf *why)
{
    SSL_CTX *fresh = SSL_CTX_new(TLS_server_method());
    int err;

    if (fresh == NULL)
        return refuse(why, "TLS cannot be set up", "");
    err = h->tls_cert != NULL ? load_files(h, fresh, why) : load_texts(h, fresh, why);
    if (err != 0) {
        SSL_CTX_free(fresh);
        return err;
    }
    http_tls_free(h);
    h->pair = fresh;
    return 0;
}

/* Give a handshake the pair of now. */
static int on_certificate_wanted(SSL *ssl, void *arg)
{
    const struct http *h = arg;
    STACK_OF(X509) *chain = NULL;

    SSL_certs_clear(ssl);
    (void)SSL_CTX_get0_chain_certs(h->pair, &chain);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(h->pair),
                                SSL_CTX_get0_privatekey(h->pair), chain, 1);
}

bool http_tls_attach(struct http *h, SSL_CTX *vhost)
{
    SSL_CTX_set_cert_cb(vhost, on_certificate_wanted, h);
    return SSL_CTX_set_min_proto_version(vhost, TLS1_2_VERSION) == 1;
}

void http_tls_free(struct http *h)
{
    SSL_CTX_free(h->pair);
    h->pair = NULL;
}

int http_reload_certificates(struct http *h, struct strbuf *why)
{
    if (h->tls_cert == NULL) {
        strbuf_add(why, "there are no certificate files to read again");
        return E_STATE;
    }
    return http_tls_load(h, why);
}
