/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_section.c - the intersection of an offered section with jsep_features.h, in the offer's order (RFC 9429 s5.3.1: an
 * answer keeps the offerer's preference, payload types and extension ids).
 */
#include "transport/jsep_section.h"

#include <string.h>

#include "core/err.h"
#include "transport/jsep_encoding.h"
#include "transport/jsep_features.h"

bool jsep_section_is_live(const struct sdp_section *s)
{
    return s->port != 0 || s->bundle_only;
}

bool jsep_section_client_sends(const struct sdp_section *s)
{
    return s->direction == SDP_SENDRECV || s->direction == SDP_SENDONLY;
}

bool jsep_section_client_receives(const struct sdp_section *s)
{
    return s->direction == SDP_SENDRECV || s->direction == SDP_RECVONLY;
}

/* RFC 9429 s5.1.2: whatever of these is written, keys come from DTLS, and the answer repeats the words. */
static bool is_our_protocol(struct str protocol)
{
    static const char *const carrier[] = {"UDP/TLS/", "TCP/TLS/", "TCP/DTLS/", ""};
    static const char *const profile[] = {"RTP/SAVPF", "RTP/SAVP", "RTP/AVPF", "RTP/AVP"};

    for (size_t i = 0; i < ARRAY_LEN(carrier); i++) {
        if (!str_starts(protocol, str_of(carrier[i])))
            continue;
        size_t skip = strlen(carrier[i]);
        struct str rest = {protocol.p + skip, protocol.len - skip};
        for (size_t k = 0; k < ARRAY_LEN(profile); k++)
            if (str_eq_c(rest, profile[k]))
                return true;
    }
    return false;
}

enum media_kind jsep_section_kind(const struct sdp_section *s)
{
    if (!is_our_protocol(s->protocol))
        return MEDIA_OTHER;
    if (str_eq_c(s->media, "audio"))
        return MEDIA_AUDIO;
    return str_eq_c(s->media, "video") ? MEDIA_VIDEO : MEDIA_OTHER;
}

/* ---- codecs ---- */

static bool is_answered(enum codec_id id)
{
    switch (id) {
#define X(name) case CODEC_##name:
        JSEP_CODEC_MAP(X)
#undef X
        return true;
    default:
        return false;
    }
}

/* Static payload types need no rtpmap (RFC 3551 s6). */
static struct codec map_pt(const struct sdp_section *s, uint8_t pt)
{
    const struct sdp_rtpmap *map = sdp_find_rtpmap(s, pt);

    if (map == NULL && pt == 0)
        return (struct codec){.id = CODEC_PCMU, .clock_hz = 8000, .channels = 1};
    if (map == NULL && pt == 8)
        return (struct codec){.id = CODEC_PCMA, .clock_hz = 8000, .channels = 1};
    if (map == NULL)
        return (struct codec){.id = CODEC_NONE};
    return (struct codec){.id = codec_find(map->encoding, map->clock_hz, map->channels),
                          .clock_hz = map->clock_hz,
                          .channels = map->channels};
}

/* The payload type that repairs @pt (RFC 4588 s8.6: fmtp "apt"); PT_NONE without. */
static uint8_t find_rtx(const struct sdp_section *s, uint8_t pt, uint32_t clock_hz)
{
    struct str apt;
    uint64_t repaired;

    for (size_t i = 0; i < s->pt_count; i++) {
        struct codec c = map_pt(s, s->pt[i]);
        const struct sdp_fmtp *fmtp = sdp_find_fmtp(s, s->pt[i]);
        if (c.id == CODEC_RTX && c.clock_hz == clock_hz && fmtp &&
            codec_fmtp_get(fmtp->params, "apt", &apt) && str_to_u64(apt, 127, &repaired) &&
            repaired == pt)
            return s->pt[i];
    }
    return PT_NONE;
}

static void negotiate_feedback(struct negotiated_codec *c, const struct sdp_section *s)
{
    for (size_t i = 0; i < s->rtcp_fb_count; i++) {
        const struct sdp_rtcp_fb *fb = &s->rtcp_fb[i];
        if (fb->pt != -1 && fb->pt != c->pt)
            continue;
#define X(words, flag) c->flag |= str_eq_nocase(fb->value, STR(words));
        JSEP_FEEDBACK_MAP(X)
#undef X
    }
}

/* Returns 1 when the payload type was added, 0 when it is none of ours: @is_ours says. */
static int add_codec(struct transceiver *t, const struct sdp_section *s, uint8_t pt,
                     bool (*is_ours)(const struct codec *offered), struct sdp_error *why)
{
    struct codec offered = map_pt(s, pt);
    const struct sdp_fmtp *fmtp = sdp_find_fmtp(s, pt);

    if (!is_answered(offered.id) || codec_kind(offered.id) != t->kind)
        return 0;
    if (fmtp && !str_copy(offered.fmtp, sizeof offered.fmtp, fmtp->params))
        return sdp_refuse(why, E_LIMIT, fmtp->line,
                          "the format parameters of payload type %u are longer than %d bytes", pt,
                          MAX_FMTP_LEN - 1);
    if (!is_ours(&offered))
        return 0;
    struct negotiated_codec *c = &t->codec[t->codec_count];
    *c = (struct negotiated_codec){
        .codec = offered, .pt = pt, .rtx_pt = find_rtx(s, pt, offered.clock_hz)};
    int err = codec_answer_fmtp(&offered, c->codec.fmtp);
    if (err < 0)
        return sdp_refuse(why, err, fmtp ? fmtp->line : s->line,
                          "the format parameters of payload type %u cannot be answered", pt);
    negotiate_feedback(c, s);
    t->codec_count++;
    return 1;
}

/* RED says nothing without the codec of its blocks, which is Opus (RFC 2198 s5). That may stand behind it in the offer. */
static bool carries_nothing(const struct transceiver *t, const struct codec *c)
{
    const struct negotiated_codec *block = NULL;
    uint8_t pt;

    if (c->id != CODEC_RED)
        return false;
    if (codec_read_red(c, &pt) == 0)
        block = transceiver_find_pt(t, pt);
    return block == NULL || block->codec.id != CODEC_OPUS;
}

static void drop_empty_carriers(struct transceiver *t)
{
    uint8_t kept = 0;

    for (uint8_t i = 0; i < t->codec_count; i++) {
        if (carries_nothing(t, &t->codec[i].codec))
            continue;
        if (kept != i)
            t->codec[kept] = t->codec[i];
        kept++;
    }
    t->codec_count = kept;
}

/* Telephone events alone carry no sound, and RED alone carries nothing. */
static bool has_media(const struct transceiver *t)
{
    for (size_t i = 0; i < t->codec_count; i++)
        if (t->codec[i].codec.id != CODEC_TELEPHONE_EVENT && t->codec[i].codec.id != CODEC_RED)
            return true;
    return false;
}

static int add_codecs(struct transceiver *t, const struct sdp_section *s,
                      bool (*is_ours)(const struct codec *offered), struct sdp_error *why)
{
    for (size_t i = 0; i < s->pt_count && t->codec_count < MAX_NEGOTIATED_CODECS; i++) {
        int added = add_codec(t, s, s->pt[i], is_ours, why);
        if (added < 0)
            return added;
    }
    drop_empty_carriers(t);
    return 0;
}

/* Of an encoder that offers nothing better, what can be received is taken. */
static int negotiate_codecs(struct transceiver *t, const struct sdp_section *s,
                            struct sdp_error *why)
{
    int err = add_codecs(t, s, codec_is_supported, why);

    if (err == 0 && !has_media(t) && jsep_section_client_sends(s) &&
        !jsep_section_client_receives(s)) {
        t->codec_count = 0;
        err = add_codecs(t, s, codec_is_receivable, why);
    }
    t->rejected = !has_media(t);
    return err;
}

/* ---- header extensions ---- */

static bool is_answered_ext(enum rtp_ext_kind kind)
{
    switch (kind) {
#define X(name) case RTP_EXT_##name:
        JSEP_EXT_MAP(X)
#undef X
        return true;
    default:
        return false;
    }
}

/* Levels of contributing sources (RFC 6465) are what a mix says; those of an endpoint would go to nobody. */
static bool is_of_use(enum rtp_ext_kind kind, const struct sdp_section *s,
                      const struct sdp_extmap *map)
{
    return kind != RTP_EXT_CSRC_AUDIO_LEVEL ||
           (jsep_section_client_receives(s) &&
            !(map->has_direction && map->direction == SDP_SENDONLY));
}

/* Ids past 14 need the two-byte form (RFC 8285 s4.3), which the offerer must have allowed beside the other. */
static void negotiate_exts(struct transceiver *t, const struct sdp_section *s, bool ext_mixed)
{
    for (size_t i = 0; i < s->extmap_count; i++) {
        const struct sdp_extmap *map = &s->extmap[i];
        enum rtp_ext_kind kind = rtp_ext_kind_of_uri(map->uri);
        if (!is_answered_ext(kind) || !rtp_ext_is_for(kind, t->kind == MEDIA_VIDEO) ||
            t->ext.id[kind] != 0 || !is_of_use(kind, s, map))
            continue;
        if ((map->id > 14 && !ext_mixed) || (map->has_direction && map->direction == SDP_INACTIVE))
            continue;
        t->ext.id[kind] = map->id;
    }
}

/* Which packets arrived when is told where both are there: the numbers, and the report of them. */
static bool has_twcc(const struct transceiver *t)
{
    for (size_t i = 0; i < t->codec_count; i++)
        if (t->codec[i].twcc)
            return t->ext.id[RTP_EXT_TWCC] != 0;
    return false;
}

static void drop_twcc(struct transceiver *t)
{
    for (size_t i = 0; i < t->codec_count; i++)
        t->codec[i].twcc = false;
    t->ext.id[RTP_EXT_TWCC] = 0;
}

/* Estimates are told where there is no transport-wide feedback: ours where we receive and the endpoint says when it sent, the endpoint's
 * where it receives. It is told when our packets were sent where it knows that extension; else it goes by their timestamps. */
static void negotiate_remb(struct transceiver *t, const struct sdp_section *s)
{
    bool has = false;

    for (size_t i = 0; i < t->codec_count; i++)
        has |= t->codec[i].remb;
    has &= !has_twcc(t);
    bool has_ours = has && jsep_section_client_sends(s) && t->ext.id[RTP_EXT_ABS_SEND_TIME] != 0;
    has = has_ours || (has && jsep_section_client_receives(s));
    for (size_t i = 0; i < t->codec_count; i++)
        t->codec[i].remb &= has;
    if (!has)
        t->ext.id[RTP_EXT_ABS_SEND_TIME] = 0;
}

int jsep_section_negotiate(struct transceiver *t, const struct sdp_section *s, bool ext_mixed,
                           struct sdp_error *why)
{
    int err = negotiate_codecs(t, s, why);

    if (err < 0 || t->rejected)
        return err;
    negotiate_exts(t, s, ext_mixed);
    if (!has_twcc(t))
        drop_twcc(t);
    negotiate_remb(t, s);
    if (!str_eq_c(s->msid_stream, "-") &&
        !str_copy(t->remote_stream_id, sizeof t->remote_stream_id, s->msid_stream))
        return sdp_refuse(why, E_LIMIT, s->line, "a stream id is longer than %d characters",
                          MAX_MSID_LEN);
    return jsep_section_client_sends(s) ? jsep_encoding_negotiate(t, s, why) : 0;
}
