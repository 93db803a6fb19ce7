/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpoint.h - one WebRTC endpoint of the load generator on a UDP socket of its own: ICE checks and consent, DTLS in either role,
 * SRTP, all for real.
 *
 * RTP is handed over as it came, encrypted: whoever counts packets needs the header only. The DTLS association is freed a moment
 * after the handshake, which is most of an endpoint's memory. Owner: the caller. Thread: the loop's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/loadgen/recv_batch.h"
#include "core/attr.h"
#include "transport/dtls.h"
#include "transport/jsep.h"

struct answer;
struct endpoint;
struct generator;

struct endpoint_handlers {
    /* SRTP keys are installed. */
    void (*on_open)(struct endpoint *e, uint64_t now_us, void *arg);
    /* One encrypted RTP packet; borrowed, endpoint_unprotect() may work in place. NULL: dropped. */
    void (*on_rtp)(struct endpoint *e, struct datagram *d, uint64_t now_us, void *arg);
    /* A clear compound RTCP packet. NULL: dropped. */
    void (*on_rtcp)(struct endpoint *e, const uint8_t *buf, size_t len, uint64_t now_us, void *arg);
    /* The handshake failed, or the server ended the association. The owner may close the endpoint after the loop's turn, not here. */
    void (*on_closed)(struct endpoint *e, const char *reason, void *arg);
};

struct endpoint_config {
    struct generator *generator; /* borrowed */
    struct ice_credentials local;
    const struct answer *remote; /* read during the call */
    bool timestamps;             /* arrival from the kernel; else when it was read */
};

/** Open the socket and start checking; DTLS follows by itself. Errors: -errno, E_INVALID, E_NO_MEMORY. */
MUST_CHECK int endpoint_open(struct endpoint **out, const struct endpoint_config *config,
                             const struct endpoint_handlers *handlers, void *arg);
void endpoint_close(struct endpoint **e);
bool endpoint_is_open(const struct endpoint *e);
/** What protects the media; SRTP_PROFILE_NONE before it is open. */
enum srtp_profile endpoint_profile(const struct endpoint *e);
/** Read heads of datagrams only from now on: RTP packets come with bytes missing, so nothing can be decrypted. */
void endpoint_read_heads(struct endpoint *e);
/** Authenticate and decrypt an RTP packet in place. Errors: those of rtpsec_unprotect_rtp(). */
MUST_CHECK int endpoint_unprotect(struct endpoint *e, struct datagram *d);
/** Encrypt and send clear RTP packets, back to back. @packet have PACKET_TAILROOM_BYTES of room behind them and are overwritten. What
 * the kernel refuses is counted. Nothing happens before it is open. */
void endpoint_send_rtp(struct endpoint *e, struct datagram *packet, size_t n);
/** Encrypt and send a clear RTCP compound of at most MAX_DATAGRAM_BYTES. */
void endpoint_send_rtcp(struct endpoint *e, const uint8_t *buf, size_t len);
/** Datagrams that its socket lost for want of room, and that could not be sent. */
uint64_t endpoint_recv_drops(const struct endpoint *e);
uint64_t endpoint_send_drops(const struct endpoint *e);
