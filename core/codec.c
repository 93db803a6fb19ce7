/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - the table of codecs, and what their format parameters mean.
 *
 * A parameter that is absent has the default of its RFC; one that cannot be read makes the configuration unsupported and
 * unlike any other, never an error: it is the remote's text.
 */
#include "core/codec.h"

#include <stdio.h>

#include "core/check.h"
#include "core/err.h"

static const struct {
    const char *name;
    enum media_kind kind;
    uint32_t clock_hz; /* 0: any */
    uint8_t channels;
} codecs[CODEC_COUNT] = {[CODEC_NONE] = {"", MEDIA_OTHER, 0, 0},
#define X(name, text, kind, clock, channels) [CODEC_##name] = {text, kind, clock, channels},
                         CODEC_MAP(X)
#undef X
};

const char *codec_name(enum codec_id id)
{
    CHECK(id < CODEC_COUNT);
    return codecs[id].name;
}

enum media_kind codec_kind(enum codec_id id)
{
    CHECK(id < CODEC_COUNT);
    return codecs[id].kind;
}

enum codec_id codec_find(struct str name, uint32_t clock_hz, uint8_t channels)
{
    if (clock_hz == 0)
        return CODEC_NONE;
    if (channels == 0) /* not named in a=rtpmap: one (RFC 8866 s6.6) */
        channels = 1;
    for (enum codec_id id = CODEC_NONE + 1; id < CODEC_COUNT; id++) {
        if (!str_eq_nocase(name, str_of(codecs[id].name)) || channels != codecs[id].channels)
            continue;
        if (codecs[id].clock_hz == 0 || codecs[id].clock_hz == clock_hz)
            return id;
    }
    return CODEC_NONE;
}

bool codec_fmtp_get(struct str fmtp, const char *name, struct str *value)
{
    while (fmtp.len > 0) {
        struct str rest = str_cut(&fmtp, ';');
        struct str key = str_trim(str_cut(&rest, '='));

        if (key.len > 0 && str_eq_nocase(key, str_of(name))) {
            *value = str_trim(rest);
            return true;
        }
    }
    return false;
}

/* A number among the parameters, @missing when it is not there; false when it is no number up to @max. */
static bool fmtp_number(const struct codec *c, const char *name, uint64_t max, uint64_t missing,
                        uint64_t *out)
{
    struct str text;

    if (!codec_fmtp_get(str_of(c->fmtp), name, &text)) {
        *out = missing;
        return true;
    }
    return str_to_u64(text, max, out);
}

/* ---- H.264 (RFC 6184 s8.1) ---- */

enum h264_profile {
    H264_CONSTRAINED_BASELINE,
    H264_BASELINE,
    H264_MAIN,
    H264_EXTENDED,
    H264_CONSTRAINED_HIGH,
    H264_HIGH,
    H264_HIGH_10,
    H264_HIGH_422,
    H264_HIGH_444,
    H264_HIGH_10_INTRA,
    H264_HIGH_422_INTRA,
    H264_HIGH_444_INTRA,
    H264_CAVLC_444_INTRA,
};

/* Table 5: the profile is a pattern of profile_idc and profile-iop; one subset can be written in several ways. The row of
 * Constrained High is H.264's own, younger than the RFC. */
static const struct {
    uint8_t idc, iop_mask, iop;
    enum h264_profile profile;
} h264_profiles[] = {
    {0x42, 0x4F, 0x40, H264_CONSTRAINED_BASELINE}, /* x1xx0000 */
    {0x4D, 0x8F, 0x80, H264_CONSTRAINED_BASELINE}, /* 1xxx0000 */
    {0x58, 0xCF, 0xC0, H264_CONSTRAINED_BASELINE}, /* 11xx0000 */
    {0x42, 0x4F, 0x00, H264_BASELINE},             /* x0xx0000 */
    {0x58, 0xCF, 0x80, H264_BASELINE},             /* 10xx0000 */
    {0x4D, 0xAF, 0x00, H264_MAIN},                 /* 0x0x0000 */
    {0x58, 0xCF, 0x00, H264_EXTENDED},             /* 00xx0000 */
    {0x64, 0xFF, 0x0C, H264_CONSTRAINED_HIGH},     /* 00001100 */
    {0x64, 0xFF, 0x00, H264_HIGH},
    {0x6E, 0xFF, 0x00, H264_HIGH_10},
    {0x7A, 0xFF, 0x00, H264_HIGH_422},
    {0xF4, 0xFF, 0x00, H264_HIGH_444},
    {0x6E, 0xFF, 0x10, H264_HIGH_10_INTRA},
    {0x7A, 0xFF, 0x10, H264_HIGH_422_INTRA},
    {0xF4, 0xFF, 0x10, H264_HIGH_444_INTRA},
    {0x2C, 0xFF, 0x10, H264_CAVLC_444_INTRA},
};

#define H264_DEFAULT_PROFILE_LEVEL_ID 0x42000A /* s8.1: baseline, level 1 */

struct h264_params {
    enum h264_profile profile;
    uint32_t profile_level_id;
    uint8_t packetization_mode;
    bool level_asymmetry_allowed;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_profile_level_id(struct str text, uint32_t *out)
{
    uint32_t v = 0;

    if (text.len != 6)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.p[i]);
        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    *out = v;
    return true;
}

static bool find_h264_profile(uint32_t profile_level_id, enum h264_profile *out)
{
    uint8_t idc = (uint8_t)(profile_level_id >> 16);
    uint8_t iop = (uint8_t)(profile_level_id >> 8);

    for (size_t i = 0; i < ARRAY_LEN(h264_profiles); i++) {
        if (h264_profiles[i].idc == idc &&
            (iop & h264_profiles[i].iop_mask) == h264_profiles[i].iop) {
            *out = h264_profiles[i].profile;
            return true;
        }
    }
    return false;
}

static bool read_h264_params(const struct codec *c, struct h264_params *out)
{
    uint64_t mode, asymmetry;
    struct str id;

    out->profile_level_id = H264_DEFAULT_PROFILE_LEVEL_ID;
    if (codec_fmtp_get(str_of(c->fmtp), "profile-level-id", &id) &&
        !parse_profile_level_id(id, &out->profile_level_id))
        return false;
    if (!fmtp_number(c, "packetization-mode", 2, 0, &mode) ||
        !fmtp_number(c, "level-asymmetry-allowed", 1, 0, &asymmetry))
        return false;
    out->packetization_mode = (uint8_t)mode;
    out->level_asymmetry_allowed = asymmetry == 1;
    return find_h264_profile(out->profile_level_id, &out->profile);
}

/* Baseline is taken for constrained baseline: what sets them apart (FMO, ASO, redundant slices) no WebRTC encoder makes
 * (RFC 7742 s6.2 asks for constrained baseline alone), but some offer one name and some only the other. */
static enum h264_profile as_sent(enum h264_profile p)
{
    return p == H264_BASELINE ? H264_CONSTRAINED_BASELINE : p;
}

/* Mode 0 is single NAL units, which mode 1 has as well (s5.2 table 3). */
static bool fits_h264(const struct codec *a, const struct codec *b)
{
    struct h264_params pa, pb;

    return read_h264_params(a, &pa) && read_h264_params(b, &pb) &&
           as_sent(pa.profile) == as_sent(pb.profile) &&
           (pa.packetization_mode == pb.packetization_mode ||
            (pa.packetization_mode == 0 && pb.packetization_mode == 1));
}

static bool is_supported_h264(const struct codec *c, uint8_t packetization_mode)
{
    struct h264_params p;

    return read_h264_params(c, &p) && p.packetization_mode == packetization_mode &&
           (p.profile == H264_CONSTRAINED_BASELINE || p.profile == H264_BASELINE);
}

/*
 * s8.2.2: the profile and the packetization mode of an answer equal the offer's; the level may not be raised unless both
 * sides allow asymmetry. A forwarder can promise no more than its other participants decode, so the offered level is
 * repeated, which is right either way (and keeps level 1b in whichever form it came). Of the other parameters none is
 * symmetric, so none is repeated.
 */
static int answer_h264(const struct codec *offered, char out[MAX_FMTP_LEN])
{
    struct h264_params p;

    if (!read_h264_params(offered, &p))
        return E_UNSUPPORTED;
    int len = snprintf(out, MAX_FMTP_LEN, "%spacketization-mode=%u;profile-level-id=%06x",
                       p.level_asymmetry_allowed ? "level-asymmetry-allowed=1;" : "",
                       (unsigned)p.packetization_mode, (unsigned)p.profile_level_id);
    return len > 0 && len < MAX_FMTP_LEN ? 0 : E_LIMIT;
}

/* ---- VP9 (RFC 9628 s6.1: profile-id) and AV1 (AV1 RTP s7.1: profile), default 0 ---- */

#define MAX_PROFILE 255

static const char *profile_name(enum codec_id id)
{
    return id == CODEC_VP9 ? "profile-id" : "profile";
}

static bool is_same_profile(const struct codec *a, const struct codec *b)
{
    uint64_t pa, pb;

    return fmtp_number(a, profile_name(a->id), MAX_PROFILE, 0, &pa) &&
           fmtp_number(b, profile_name(b->id), MAX_PROFILE, 0, &pb) && pa == pb;
}

static bool is_profile_0(const struct codec *c)
{
    uint64_t profile;

    return fmtp_number(c, profile_name(c->id), MAX_PROFILE, 0, &profile) && profile == 0;
}

/* ---- RED (RFC 2198 s5: the payload types of the blocks, primary one first) ---- */

int codec_read_red(const struct codec *red, uint8_t *block_pt)
{
    struct str rest = str_of(red->fmtp);
    uint64_t first, next;
    unsigned count = 0;

    if (rest.len > 0 && rest.p[rest.len - 1] == '/')
        return E_UNSUPPORTED;
    for (; rest.len > 0; count++) {
        if (!str_to_u64(str_cut(&rest, '/'), 127, &next) || (count > 0 && next != first))
            return E_UNSUPPORTED;
        first = next;
    }
    if (count < 2)
        return E_UNSUPPORTED;
    *block_pt = (uint8_t)first;
    return 0;
}

/* ---- all ---- */

bool codec_fits(const struct codec *a, const struct codec *b)
{
    if (a->id != b->id || a->clock_hz != b->clock_hz || a->channels != b->channels)
        return false;
    switch (a->id) {
    case CODEC_H264:
        return fits_h264(a, b);
    case CODEC_VP9:
    case CODEC_AV1:
        return is_same_profile(a, b);
    default:
        return a->id != CODEC_NONE;
    }
}

bool codec_is_supported(const struct codec *offered)
{
    struct str apt;
    uint8_t pt;

    switch (offered->id) {
    case CODEC_OPUS:
    case CODEC_PCMU:
    case CODEC_PCMA:
    case CODEC_TELEPHONE_EVENT:
    case CODEC_VP8:
        return true;
    case CODEC_VP9:
    case CODEC_AV1:
        return is_profile_0(offered);
    case CODEC_H264:
        return is_supported_h264(offered, 1);
    case CODEC_RTX: /* RFC 4588 s8.6: says nothing without the payload type it repairs */
        return codec_fmtp_get(str_of(offered->fmtp), "apt", &apt);
    case CODEC_RED: /* RFC 2198 s5: nor this without those of its blocks, which are of one codec here */
        return codec_read_red(offered, &pt) == 0;
    default:
        return false;
    }
}

bool codec_is_receivable(const struct codec *offered)
{
    return codec_is_supported(offered) ||
           (offered->id == CODEC_H264 && is_supported_h264(offered, 0));
}

int codec_answer_fmtp(const struct codec *offered, char out[MAX_FMTP_LEN])
{
    if (offered->id == CODEC_H264)
        return answer_h264(offered, out);
    return str_copy(out, MAX_FMTP_LEN, str_of(offered->fmtp)) ? 0 : E_LIMIT;
}
