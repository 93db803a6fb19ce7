/* SPDX-License-Identifier: Apache-2.0 */
/* rtp_ext.h - the header extensions we know: URI, kind, and how the forwarder treats them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/str.h"

/* name, URI, for audio, for video, copied by the forwarder under the receiver's id (else: dropped or made anew) */
#define RTP_EXT_MAP(X)                                                                            \
    X(MID, "urn:ietf:params:rtp-hdrext:sdes:mid", true, true, false)                              \
    X(RID, "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", false, true, false)                   \
    X(REPAIRED_RID, "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", false, true, false) \
    X(AUDIO_LEVEL, "urn:ietf:params:rtp-hdrext:ssrc-audio-level", true, false, true)              \
    X(CSRC_AUDIO_LEVEL, "urn:ietf:params:rtp-hdrext:csrc-audio-level", true, false, false)        \
    X(ABS_SEND_TIME, "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", true, true,    \
      false)                                                                                      \
    X(TWCC, "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", true,    \
      true, false)                                                                                \
    X(VIDEO_ORIENTATION, "urn:3gpp:video-orientation", false, true, true)                         \
    X(PLAYOUT_DELAY, "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", false, true,   \
      true)                                                                                       \
    X(ABS_CAPTURE_TIME, "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time", true,    \
      true, true)                                                                                 \
    X(DEPENDENCY_DESCRIPTOR,                                                                      \
      "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",  \
      false, true, true)                                                                          \
    X(COLOR_SPACE, "http://www.webrtc.org/experiments/rtp-hdrext/color-space", false, true, true) \
    X(VIDEO_CONTENT_TYPE, "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",      \
      false, true, true)                                                                          \
    X(VIDEO_TIMING, "http://www.webrtc.org/experiments/rtp-hdrext/video-timing", false, true,     \
      true)                                                                                       \
    X(VIDEO_LAYERS_ALLOCATION,                                                                    \
      "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00", false, true,      \
      false)

enum rtp_ext_kind {
#define X(name, uri, audio, video, copied) RTP_EXT_##name,
    RTP_EXT_MAP(X)
#undef X
        RTP_EXT_KIND_COUNT
};

/* Which id each extension has on one m-section: 0 = not negotiated. */
struct rtp_ext_ids {
    uint8_t id[RTP_EXT_KIND_COUNT];
};

/** Find by URI; RTP_EXT_KIND_COUNT when unknown. */
enum rtp_ext_kind rtp_ext_kind_of_uri(struct str uri);
const char *rtp_ext_uri(enum rtp_ext_kind kind);
bool rtp_ext_is_for(enum rtp_ext_kind kind, bool video);
/** Whether a forwarder copies the element's bytes. */
bool rtp_ext_is_copied(enum rtp_ext_kind kind);
