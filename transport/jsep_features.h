/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_features.h - what an answer says yes to, a row each. Switching a feature on is adding its row; the code that lives up
 * to it must exist first.
 */
#pragma once

/* When a row holds: ALWAYS, or only in sections whose media we RECEIVE. Congestion control of what we send needs an estimator
 * of ours first. */

/* RTCP feedback: the words behind "a=rtcp-fb:PT ", the flag of struct negotiated_codec, when. */
#define JSEP_FEEDBACK_MAP(X)   \
    X("nack", nack, ALWAYS)    \
    X("nack pli", pli, ALWAYS) \
    X("ccm fir", fir, ALWAYS)  \
    X("transport-cc", twcc, RECEIVE)

/* Header extensions, names of RTP_EXT_MAP, when. Not here: ABS_SEND_TIME (it asks for an estimate of ours, REMB) and
 * VIDEO_LAYERS_ALLOCATION. */
#define JSEP_EXT_MAP(X)              \
    X(MID, ALWAYS)                   \
    X(RID, ALWAYS)                   \
    X(REPAIRED_RID, ALWAYS)          \
    X(AUDIO_LEVEL, ALWAYS)           \
    X(VIDEO_ORIENTATION, ALWAYS)     \
    X(PLAYOUT_DELAY, ALWAYS)         \
    X(ABS_CAPTURE_TIME, ALWAYS)      \
    X(DEPENDENCY_DESCRIPTOR, ALWAYS) \
    X(COLOR_SPACE, ALWAYS)           \
    X(VIDEO_CONTENT_TYPE, ALWAYS)    \
    X(VIDEO_TIMING, ALWAYS)          \
    X(TWCC, RECEIVE)

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
