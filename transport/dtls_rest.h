/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dtls_rest.h - what remains of an association whose handshake is done and that carries no data: its end.
 *
 * Of 39 KB that the library keeps for an open association, three things can still be needed: our close_notify, which is made in
 * advance; our last flight, for an endpoint that lost it (RFC 6347 s4.2.4); and the key that the endpoint's records are encrypted
 * with, to tell its alerts and its repeated Finished from forged ones. A value; owner: the association (dtls.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct ssl_st; /* OpenSSL's SSL */

#define DTLS_REST_MAX_FLIGHT_BYTES 160  /* ChangeCipherSpec and Finished take 75 */
#define DTLS_REST_MAX_FAREWELL_BYTES 64 /* an alert takes 39 */

struct dtls_rest {
    int cipher; /* OpenSSL's number of the AEAD */
    uint8_t key[32], iv[12];
    uint8_t iv_bytes;
    uint8_t flight_bytes, farewell_bytes;
    uint8_t flight[DTLS_REST_MAX_FLIGHT_BYTES];     /* records, in one datagram */
    uint8_t farewell[DTLS_REST_MAX_FAREWELL_BYTES]; /* the next record that we would send */
};

/** Take the key of what the endpoint sends out of an association that is open. False for a cipher that is not one of dtls.c's, or
 * when the library refuses. */
MUST_CHECK bool dtls_rest_take_key(struct dtls_rest *r, struct ssl_st *ssl);

enum dtls_rest_news {
    DTLS_REST_NOTHING,        /* forged, too, or of no interest */
    DTLS_REST_FINISHED_AGAIN, /* the endpoint has not got our last flight */
    DTLS_REST_CLOSE_NOTIFY,
    DTLS_REST_FATAL_ALERT,
};

/** Find out what a datagram says; the gravest, when it says several things. */
enum dtls_rest_news dtls_rest_read(const struct dtls_rest *r, const uint8_t *buf, size_t len);
