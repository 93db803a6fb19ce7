/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - codec descriptors: names, clocks, channels, and when two format parameter lists mean the same configuration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/str.h"

enum media_kind { MEDIA_AUDIO, MEDIA_VIDEO, MEDIA_OTHER };

/* name, SDP encoding name, kind, clock rate (0: any; an offer names telephone-event once a clock rate), channels */
#define CODEC_MAP(X)                                         \
    X(OPUS, "opus", MEDIA_AUDIO, 48000, 2)                   \
    X(PCMU, "PCMU", MEDIA_AUDIO, 8000, 1)                    \
    X(PCMA, "PCMA", MEDIA_AUDIO, 8000, 1)                    \
    X(TELEPHONE_EVENT, "telephone-event", MEDIA_AUDIO, 0, 1) \
    X(VP8, "VP8", MEDIA_VIDEO, 90000, 1)                     \
    X(VP9, "VP9", MEDIA_VIDEO, 90000, 1)                     \
    X(H264, "H264", MEDIA_VIDEO, 90000, 1)                   \
    X(AV1, "AV1", MEDIA_VIDEO, 90000, 1)                     \
    X(RTX, "rtx", MEDIA_OTHER, 0, 1)                         \
    X(RED, "red", MEDIA_AUDIO, 48000, 2)

enum codec_id {
    CODEC_NONE,
#define X(name, text, kind, clock, channels) CODEC_##name,
    CODEC_MAP(X)
#undef X
        CODEC_COUNT
};

/* One configuration of a codec; `fmtp` is the text that goes behind "a=fmtp:PT ", "" when there is none. */
struct codec {
    enum codec_id id;
    uint32_t clock_hz;
    uint8_t channels;
    char fmtp[MAX_FMTP_LEN];
};

const char *codec_name(enum codec_id id); /* "VP8"; "" for CODEC_NONE */
enum media_kind codec_kind(enum codec_id id);
/** Find by encoding name (case does not matter), clock and channels (0: not named, hence 1); CODEC_NONE when we do not
 * know it. */
enum codec_id codec_find(struct str name, uint32_t clock_hz, uint8_t channels);
/** Value of one parameter of an fmtp list ("a=1;b=2"); false when absent. Names compare without case. */
bool codec_fmtp_get(struct str fmtp, const char *name, struct str *value);
/**
 * Whether a stream coded as @a may be sent under a payload type that stands for @b.
 *
 * H.264: same packetization-mode, or 0 under 1, and same profile by RFC 6184 s8.1 table 5, baseline and constrained baseline counting as one
 * (levels may differ); VP9: same profile-id; AV1: same profile; others: same id, clock and channels.
 */
bool codec_fits(const struct codec *a, const struct codec *b);
/** Whether we answer an offered configuration at all (H.264: constrained baseline or baseline, packetization mode 1; VP9
 * profile 0; AV1 profile 0; RTX with an apt, RED with the payload type of all its blocks: what these stand for is the caller's
 * to look at). */
bool codec_is_supported(const struct codec *offered);
/** Whether we answer it to one who only sends: also H.264 in packetization mode 0, which is what format parameters that say nothing of it
 * mean (RFC 6184 s8.1). Who takes our mode 1 takes that; who takes nothing else could not be sent what others publish. */
bool codec_is_receivable(const struct codec *offered);
/**
 * Read the one payload type of all blocks from RED's format parameters ("111/111", "111/111/111").
 *
 * Errors: E_UNSUPPORTED for fewer than two, several different ones, or anything else.
 */
MUST_CHECK int codec_read_red(const struct codec *red, uint8_t *block_pt);
/**
 * Write the fmtp of the answer to an offered configuration. H.264 by RFC 6184 s8.2.2: packetization mode, profile and level
 * as offered (or their defaults, spelled out), level-asymmetry-allowed where it was offered, nothing else. All others are
 * repeated as offered.
 *
 * Errors: E_UNSUPPORTED for H.264 parameters that cannot be read, E_LIMIT when it does not fit.
 */
MUST_CHECK int codec_answer_fmtp(const struct codec *offered, char out[MAX_FMTP_LEN]);
