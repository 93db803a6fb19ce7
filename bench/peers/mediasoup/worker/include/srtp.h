/* SPDX-License-Identifier: Apache-2.0 */
/* srtp.h - libsrtp 2 as mediasoup's worker wants to see version 3: packets are protected from one buffer into another. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include <srtp2/srtp.h>

/* Names of statuses that version 2 does not have; the worker only looks them up. */
constexpr auto srtp_err_status_buffer_small = static_cast<srtp_err_status_t>(1001);
constexpr auto srtp_err_status_cryptex_err = static_cast<srtp_err_status_t>(1002);

namespace srtp_compat
{
using protect_fn = srtp_err_status_t (*)(srtp_t, void *, int *);

inline srtp_err_status_t in_place(protect_fn call, srtp_t session, uint8_t *buffer, size_t from_len,
                                  size_t *to_len)
{
    int len = static_cast<int>(from_len);
    const srtp_err_status_t err = call(session, buffer, &len);

    if (err == srtp_err_status_ok)
        *to_len = static_cast<size_t>(len);
    return err;
}

inline srtp_err_status_t copied(protect_fn call, srtp_t session, const uint8_t *from,
                                size_t from_len, uint8_t *to, size_t *to_len)
{
    if (from_len + SRTP_MAX_TRAILER_LEN > *to_len)
        return srtp_err_status_buffer_small;
    if (to != from)
        std::memcpy(to, from, from_len);
    return in_place(call, session, to, from_len, to_len);
}
} // namespace srtp_compat

inline srtp_err_status_t srtp_protect(srtp_t session, const uint8_t *rtp, size_t rtp_len,
                                      uint8_t *srtp, size_t *srtp_len, size_t)
{
    return srtp_compat::copied(::srtp_protect, session, rtp, rtp_len, srtp, srtp_len);
}

inline srtp_err_status_t srtp_protect_rtcp(srtp_t session, const uint8_t *rtcp, size_t rtcp_len,
                                           uint8_t *srtcp, size_t *srtcp_len, size_t)
{
    return srtp_compat::copied(::srtp_protect_rtcp, session, rtcp, rtcp_len, srtcp, srtcp_len);
}

/* The worker decrypts where a packet lies. */
inline srtp_err_status_t srtp_unprotect(srtp_t session, const uint8_t *, size_t srtp_len,
                                        uint8_t *rtp, size_t *rtp_len)
{
    return srtp_compat::in_place(::srtp_unprotect, session, rtp, srtp_len, rtp_len);
}

inline srtp_err_status_t srtp_unprotect_rtcp(srtp_t session, const uint8_t *, size_t srtcp_len,
                                             uint8_t *rtcp, size_t *rtcp_len)
{
    return srtp_compat::in_place(::srtp_unprotect_rtcp, session, rtcp, srtcp_len, rtcp_len);
}

inline srtp_err_status_t srtp_stream_remove(srtp_t session, uint32_t ssrc)
{
    return srtp_remove_stream(session, ssrc);
}
