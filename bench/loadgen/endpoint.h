/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - one simulated WebRTC endpoint of the load generator on a UDP socket of its own: ICE checks, DTLS, SRTP for real.
 *
 * Owner: the scenario. Thread: the generator's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "transport/dtls.h"
#include "transport/jsep.h"

struct endpoint;
struct packet;
struct packet_pool;
struct worker;

struct endpoint_handlers {
    /* SRTP keys are installed. */
    void (*on_open)(struct endpoint *e, void *arg);
    /* A clear RTP packet, header parsed; borrowed. */
    void (*on_rtp)(struct endpoint *e, struct packet *pkt, uint64_t now_us, void *arg);
    void (*on_closed)(struct endpoint *e, const char *reason, void *arg);
};

struct endpoint_config {
    struct addr server;
    struct ice_credentials local, remote; /* ours, and the server's */
    struct fingerprint server_fingerprint;
    struct dtls_context *dtls; /* our certificate; borrowed */
    struct worker *worker;
    struct packet_pool *pool;
};

/** Open the socket and start checking; DTLS follows by itself (we are the active side). Errors: UV_E*. */
MUST_CHECK int endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                             const struct endpoint_handlers *handlers, void *arg);
void endpoint_close(struct endpoint **e);
bool endpoint_is_open(const struct endpoint *e);
/** Encrypt and send a clear RTP or RTCP packet; false before it is open. */
bool endpoint_send_rtp(struct endpoint *e, const uint8_t *buf, size_t len);
