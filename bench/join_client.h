/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join_client.h - the endpoints of the benchmark of joins: each checks, shakes hands and falls silent. They run in a process of their
 * own, so that the server's time and memory are nobody else's.
 */
#pragma once

#include <stddef.h>

#include "core/addr.h"
#include "core/attr.h"
#include "transport/dtls.h"
#include "transport/jsep.h"

/* Endpoints under way at a time: enough to keep the worker busy, few enough that sockets lose nothing. */
#define JOIN_CLIENT_UNDER_WAY 32

struct join_endpoint {
    struct ice_credentials local, remote; /* the endpoint's, and the server's for it */
};

struct join_client_config {
    struct addr server;
    const struct join_endpoint *endpoint;
    size_t count;
    struct dtls_context *dtls;
    struct fingerprint server_fingerprint;
};

/** Let them all join, one after the other. Errors: E_TIMEOUT when one does not get through, UV_E*. */
MUST_CHECK int join_client_run(const struct join_client_config *config);
