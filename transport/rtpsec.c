/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtpsec.c - SRTP and SRTCP on libsrtp: one session for what we receive, one for what we send.
 *
 * libsrtp makes a stream for every SSRC that authenticates. Only the endpoint can do that, but it could show four billion of
 * them, so the SSRCs are counted here before libsrtp sees a new one.
 */
#include "transport/rtpsec.h"

#include <limits.h>
#include <srtp2/srtp.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/wire.h"

#define REPLAY_WINDOW_PACKETS 1024 /* a 1080p stream's burst, reordered or delayed by 300 ms */
#define RTP_MIN_BYTES 12           /* RFC 3550 s5.1 */
#define RTCP_MIN_BYTES 8           /* RFC 3711 s3.4: the first eight bytes stay clear */
#define SRTCP_INDEX_BYTES 4        /* the E flag and the index behind the packet */

struct rtpsec {
    srtp_t in, out;
    size_t tag_bytes;
    uint32_t *known; /* SSRCs seen in authenticated packets, ascending */
    size_t known_count, known_size;
    uint32_t last; /* the latest of them; most packets are of the same SSRC as the one before */
};

int rtpsec_library_init(void)
{
    return srtp_init() == srtp_err_status_ok ? 0 : E_CRYPTO;
}

void rtpsec_library_fini(void)
{
    (void)srtp_shutdown();
}

static int err_of_status(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_auth_fail:
    case srtp_err_status_bad_mki:
        return E_AUTH;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
        return E_REPLAY;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        return E_MALFORMED;
    case srtp_err_status_alloc_fail:
        return E_NO_MEMORY;
    default:
        return E_CRYPTO;
    }
}

/* --- keys -------------------------------------------------------------------------------------------- */

static bool set_crypto(srtp_policy_t *policy, enum srtp_profile profile)
{
    srtp_profile_t p = srtp_profile_reserved;

    switch (profile) {
    case SRTP_PROFILE_AEAD_AES_128_GCM:
        p = srtp_profile_aead_aes_128_gcm;
        break;
    case SRTP_PROFILE_AEAD_AES_256_GCM:
        p = srtp_profile_aead_aes_256_gcm;
        break;
    case SRTP_PROFILE_AES128_CM_SHA1_80:
        p = srtp_profile_aes128_cm_sha1_80;
        break;
    case SRTP_PROFILE_NONE:
    default:
        return false;
    }
    return srtp_crypto_policy_set_from_profile_for_rtp(&policy->rtp, p) == srtp_err_status_ok &&
           srtp_crypto_policy_set_from_profile_for_rtcp(&policy->rtcp, p) == srtp_err_status_ok;
}

/* @master is key then salt, as libsrtp wants them. Repeated sequence numbers are refused on both sides: with GCM a second packet
 * under one nonce would give the authentication key away. */
static int session_new(srtp_t *out, const struct srtp_keys *keys, const uint8_t *master,
                       srtp_ssrc_type_t direction)
{
    uint8_t key[SRTP_MAX_MASTER_BYTES];
    srtp_policy_t policy = {0};
    srtp_err_status_t status = srtp_err_status_fail;

    if (!set_crypto(&policy, keys->profile) ||
        policy.rtp.cipher_key_len != keys->key_bytes + keys->salt_bytes)
        return E_CRYPTO;
    memcpy(key, master, sizeof(key));
    policy.ssrc.type = direction;
    policy.key = key;
    policy.window_size = REPLAY_WINDOW_PACKETS;
    status = srtp_create(out, &policy);
    mem_wipe(key, sizeof(key));
    return err_of_status(status);
}

int rtpsec_new(struct rtpsec **out, const struct srtp_keys *keys)
{
    struct rtpsec *s = mem_try_alloc(sizeof(*s));

    if (s == NULL)
        return E_NO_MEMORY;
    if (session_new(&s->in, keys, keys->remote, ssrc_any_inbound) != 0 ||
        session_new(&s->out, keys, keys->local, ssrc_any_outbound) != 0) {
        rtpsec_free(&s);
        return E_CRYPTO;
    }
    s->tag_bytes = keys->profile == SRTP_PROFILE_AES128_CM_SHA1_80 ? 10 : 16;
    *out = s;
    return 0;
}

void rtpsec_free(struct rtpsec **sp)
{
    struct rtpsec *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    if (s->in != NULL)
        (void)srtp_dealloc(s->in); /* wipes the keys */
    if (s->out != NULL)
        (void)srtp_dealloc(s->out);
    mem_free(s->known);
    mem_free(s);
}

/* --- SSRCs of the endpoint --------------------------------------------------------------------------- */

/* Where @ssrc is, or would go. */
static size_t known_place(const struct rtpsec *s, uint32_t ssrc)
{
    size_t lo = 0, hi = s->known_count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->known[mid] < ssrc) /* an id, not a sequence: plain order */
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool is_known(const struct rtpsec *s, uint32_t ssrc)
{
    if (s->known_count > 0 && s->last == ssrc)
        return true;
    size_t at = known_place(s, ssrc);
    return at < s->known_count && s->known[at] == ssrc;
}

/* Make room before the packet is given to libsrtp, so that learning cannot fail after it. */
static int reserve_known(struct rtpsec *s)
{
    uint32_t *bigger = NULL;
    size_t size = s->known_size == 0 ? 8 : s->known_size * 2;

    if (s->known_count >= MAX_SSRCS_LEARNT_PER_TRANSPORT)
        return E_LIMIT;
    if (s->known_count < s->known_size)
        return 0;
    bigger = mem_try_realloc(s->known, size * sizeof(*bigger));
    if (bigger == NULL)
        return E_NO_MEMORY;
    s->known = bigger;
    s->known_size = size;
    return 0;
}

static void learn(struct rtpsec *s, uint32_t ssrc)
{
    size_t at = known_place(s, ssrc);

    memmove(&s->known[at + 1], &s->known[at], (s->known_count - at) * sizeof(*s->known));
    s->known[at] = ssrc;
    s->known_count++;
}

/* --- packets ----------------------------------------------------------------------------------------- */

static int unprotect(struct rtpsec *s, srtp_err_status_t (*transform)(srtp_t, void *, int *),
                     uint8_t *buf, size_t *len, size_t min_bytes, size_t ssrc_at)
{
    int n = 0, err = 0;
    uint32_t ssrc = 0;
    bool is_new = false;

    if (*len < min_bytes + s->tag_bytes || *len > INT_MAX)
        return E_MALFORMED;
    ssrc = wire_get_u32(buf + ssrc_at);
    is_new = !is_known(s, ssrc);
    if (is_new) {
        err = reserve_known(s);
        if (err != 0)
            return err;
    }
    n = (int)*len;
    err = err_of_status(transform(s->in, buf, &n));
    if (err != 0)
        return err;
    if (is_new)
        learn(s, ssrc);
    s->last = ssrc;
    *len = (size_t)n;
    return 0;
}

int rtpsec_unprotect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len)
{
    return unprotect(s, srtp_unprotect, buf, len, RTP_MIN_BYTES, 8);
}

int rtpsec_unprotect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len)
{
    return unprotect(s, srtp_unprotect_rtcp, buf, len, RTCP_MIN_BYTES + SRTCP_INDEX_BYTES, 4);
}

static int protect(struct rtpsec *s, srtp_err_status_t (*transform)(srtp_t, void *, int *),
                   uint8_t *buf, size_t *len, size_t min_bytes, size_t size)
{
    int n = 0, err = 0;

    if (*len < min_bytes || *len > INT_MAX || size < *len || size - *len < PACKET_TAILROOM_BYTES)
        return E_INVALID;
    n = (int)*len;
    err = err_of_status(transform(s->out, buf, &n));
    if (err == 0)
        *len = (size_t)n;
    return err;
}

int rtpsec_protect_rtp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size)
{
    return protect(s, srtp_protect, buf, len, RTP_MIN_BYTES, size);
}

int rtpsec_protect_rtcp(struct rtpsec *s, uint8_t *buf, size_t *len, size_t size)
{
    return protect(s, srtp_protect_rtcp, buf, len, RTCP_MIN_BYTES, size);
}
