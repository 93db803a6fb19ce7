/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtpsec.h - SRTP and SRTCP of one association, both ways (RFC 3711, RFC 7714; no MKI, no lifetime, no RTCP in clear).
 *
 * Everything works in place, one packet at a time. The server receives with it and sends its RTCP; RTP to viewers goes through
 * fanout_cipher.h. Replays, foreign keys and broken packets are errors for the caller to count.
 *
 * Of each SSRC that authenticated a packet it keeps which indices were used: 1024 packets of SRTP, 128 of SRTCP. A key is
 * expanded at the first packet that needs it, so that one who only watches costs little.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/dtls.h"

struct rtpsec;

/** Choose the fastest ciphers of this machine for what rtpsec_new() makes from now on (before: OpenSSL's); once a process, in main
 * and in test mains. Errors: E_NO_MEMORY. */
MUST_CHECK int rtpsec_library_init(void);
/** Forget them; no rtpsec may be left. */
void rtpsec_library_fini(void);

/** Install the keys of both directions; the caller wipes his. Errors: E_CRYPTO (unknown profiles and lengths, too), E_NO_MEMORY. */
MUST_CHECK int rtpsec_new(struct rtpsec **out, const struct srtp_keys *keys);
/** Wipe and free. NULL is fine. */
void rtpsec_free(struct rtpsec **s);

/**
 * Authenticate and decrypt. When that fails *len stays, but the bytes are worth nothing any more.
 *
 * Errors: E_AUTH; E_REPLAY: seen, or too old to tell; E_MALFORMED, a report in clear included; E_LIMIT: one SSRC more than
 *         MAX_SSRCS_LEARNT_PER_TRANSPORT, or the packets of a key are used up; E_NO_MEMORY, E_CRYPTO.
 */
MUST_CHECK int rtpsec_unprotect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len);
MUST_CHECK int rtpsec_unprotect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len);

/**
 * Encrypt and authenticate; grows by at most PACKET_TAILROOM_BYTES (the caller has the room, of @size in all).
 *
 * Errors: E_INVALID (sizes), E_MALFORMED (header); E_REPLAY: this sequence number was used, or may have been; E_LIMIT: one SSRC
 *         more than MAX_SEND_STREAMS_PER_TRANSPORT, or the packets of a key are used up; E_NO_MEMORY, E_CRYPTO.
 */
MUST_CHECK int rtpsec_protect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size);
MUST_CHECK int rtpsec_protect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size);
