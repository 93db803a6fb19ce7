/* SPDX-License-Identifier: Apache-2.0 */
/* generator.h - what all endpoints of a generator share: the loop, the receive scratch, one certificate. */
#pragma once

#include <stdbool.h>

#include "core/attr.h"
#include "transport/jsep.h"

struct cert;
struct dtls_context;
struct loop;
struct recv_batch;

struct generator {
    struct loop *loop;
    struct recv_batch *recv;
    struct cert *cert; /* the same for all endpoints: making one costs more than a handshake */
    struct dtls_context *dtls;
    struct fingerprint fingerprint;
    bool gro; /* on the sockets of viewers */
    bool
        is_plain; /* what is opened from now on offers neither congestion feedback nor repair (offer.h) */
};

/** Make everything, and raise the limit of open files as far as allowed. Errors: -errno, E_CRYPTO. */
MUST_CHECK int generator_open(struct generator *g, bool gro);
void generator_close(struct generator *g);
/** A random SSRC; never 0. */
uint32_t generator_random_ssrc(void);
