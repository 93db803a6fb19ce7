/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_features.h - what an answer says yes to, a row each. Switching a feature on is adding its row; the code that lives up
 * to it must exist first.
 */
#pragma once

/* RTCP feedback: the words behind "a=rtcp-fb:PT ", the flag of struct negotiated_codec. */
#define JSEP_FEEDBACK_MAP(X) \
    X("nack", nack)          \
    X("nack pli", pli)       \
    X("ccm fir", fir)        \
    X("goog-remb", remb)     \
    X("transport-cc", twcc)

/* Header extensions, names of RTP_EXT_MAP. Not here: VIDEO_LAYERS_ALLOCATION. ABS_SEND_TIME goes with goog-remb, and without
 * transport-cc only; goog-remb needs it where we receive, and does without where we send. CSRC_AUDIO_LEVEL where we send. */
#define JSEP_EXT_MAP(X)      \
    X(MID)                   \
    X(RID)                   \
    X(REPAIRED_RID)          \
    X(AUDIO_LEVEL)           \
    X(CSRC_AUDIO_LEVEL)      \
    X(VIDEO_ORIENTATION)     \
    X(PLAYOUT_DELAY)         \
    X(ABS_CAPTURE_TIME)      \
    X(DEPENDENCY_DESCRIPTOR) \
    X(COLOR_SPACE)           \
    X(VIDEO_CONTENT_TYPE)    \
    X(VIDEO_TIMING)          \
    X(TWCC)                  \
    X(ABS_SEND_TIME)

/* Codecs, names of CODEC_MAP; which configurations of them is codec_is_supported()'s business. RTX follows its codec, RED
 * goes without the one it carries. */
#define JSEP_CODEC_MAP(X) \
    X(OPUS)               \
    X(PCMU)               \
    X(PCMA)               \
    X(TELEPHONE_EVENT)    \
    X(RED)                \
    X(VP8)                \
    X(VP9)                \
    X(H264)               \
    X(AV1)
