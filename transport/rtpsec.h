/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtpsec.h - SRTP and SRTCP (RFC 3711, RFC 7714) of one association; rtpsec.c is the only user of libsrtp.
 *
 * Everything works in place. Replays, foreign keys and broken packets are errors for the caller to count.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "transport/dtls.h"

struct rtpsec;

/** Start and stop the library; once a process, in main and in test mains. */
MUST_CHECK int rtpsec_library_init(void);
void rtpsec_library_fini(void);

/** Install the keys of both directions. Errors: E_CRYPTO. */
MUST_CHECK int rtpsec_new(struct rtpsec **out, const struct srtp_keys *keys);
void rtpsec_free(struct rtpsec **s);
/** Authenticate and decrypt. Errors: E_AUTH, E_REPLAY, E_MALFORMED, E_LIMIT (past MAX_SSRCS_LEARNT_PER_TRANSPORT SSRCs). */
MUST_CHECK int rtpsec_unprotect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len);
MUST_CHECK int rtpsec_unprotect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len);
/** Encrypt and authenticate; grows by at most PACKET_TAILROOM_BYTES (the caller has the room). */
MUST_CHECK int rtpsec_protect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size);
MUST_CHECK int rtpsec_protect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size);
