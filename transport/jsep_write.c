/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_write.c - an answer, section by section (RFC 9429 s5.3.1).
 *
 * Bundled sections repeat ufrag, password, fingerprint and role, which a browser needs in the first one only: other stacks look
 * for them in each. Candidates stand in the tagged one, or in all when the offer has no group.
 */
#include "transport/jsep_write.h"

#include <inttypes.h>

#include "core/addr.h"
#include "core/str.h"
#include "transport/candidate.h"
#include "transport/cert.h"
#include "transport/jsep_encoding.h"
#include "transport/jsep_features.h"

#define DISCARD_PORT 9 /* "no address here" (RFC 8840 s4.1.1) */

static void add_line(struct strbuf *out, const char *name, struct str value)
{
    strbuf_add(out, name);
    strbuf_add_str(out, value);
    strbuf_add(out, "\r\n");
}

/* ---- session ---- */

static void write_group(const struct jsep_answer *a, struct strbuf *out)
{
    const struct sdp *offer = a->offer;

    if (!offer->has_bundle || !a->bundle->has_transport)
        return;
    strbuf_add(out, "a=group:BUNDLE");
    for (size_t i = 0; i < offer->bundle_count; i++) {
        const struct sdp_section *s = sdp_find_mid(offer, offer->bundle[i]);
        if (a->result->transceiver[s - offer->section].rejected)
            continue;
        strbuf_add_char(out, ' ');
        strbuf_add_str(out, s->mid);
    }
    strbuf_add(out, "\r\n");
}

static void write_session(const struct jsep_answer *a, struct strbuf *out)
{
    strbuf_addf(out, "v=0\r\no=- %" PRIu64 " %" PRIu64 " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                a->session_id, a->session_version);
    write_group(a, out);
    if (a->offer->ext_mixed)
        strbuf_add(out, "a=extmap-allow-mixed\r\n");
    strbuf_add(out, "a=ice-lite\r\n");
}

/* ---- transport ---- */

/* The default destination (RFC 8839 s4.2.1.2): the first UDP candidate. Browsers look at candidates only, others check. */
static const struct addr *default_destination(const struct jsep_config *c)
{
    for (size_t i = 0; i < c->candidate_count; i++)
        if (c->candidate[i].protocol == CANDIDATE_UDP && c->candidate[i].addr.family != 0)
            return &c->candidate[i].addr;
    return NULL;
}

static void write_connection(const struct addr *to, struct strbuf *out)
{
    char ip[ADDR_TEXT_LEN];

    if (to)
        strbuf_addf(out, "c=IN %s %s\r\n", to->family == 6 ? "IP6" : "IP4", addr_ip_text(to, ip));
    else
        strbuf_add(out, "c=IN IP4 0.0.0.0\r\n");
}

static void write_candidates(const struct jsep_config *c, struct strbuf *out)
{
    bool fits = true;

    for (size_t i = 0; i < c->candidate_count && fits; i++) {
        strbuf_add(out, "a=");
        fits = candidate_write(&c->candidate[i], out);
        strbuf_add(out, "\r\n");
    }
    strbuf_add(out, "a=end-of-candidates\r\n");
}

static void write_transport(const struct jsep_answer *a, size_t index, struct strbuf *out)
{
    char fingerprint[FINGERPRINT_TEXT_LEN];

    fingerprint_text(&a->config->fingerprint, fingerprint);
    strbuf_addf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", a->result->local.ufrag,
                a->result->local.pwd);
    strbuf_addf(out, "a=fingerprint:%s\r\n", fingerprint);
    strbuf_addf(out, "a=setup:%s\r\n", a->result->remote.dtls_active ? "active" : "passive");
    if (index == a->bundle->tag || !a->offer->has_bundle)
        write_candidates(a->config, out);
    strbuf_add(out, a->bundle->rtcp_rsize ? "a=rtcp-mux\r\na=rtcp-rsize\r\n" : "a=rtcp-mux\r\n");
}

/* ---- codecs and extensions ---- */

/* "m=video 9 UDP/TLS/RTP/SAVPF", without formats */
static void write_media_line(const struct sdp_section *s, unsigned port, struct strbuf *out)
{
    strbuf_add(out, "m=");
    strbuf_add_str(out, s->media);
    strbuf_addf(out, " %u ", port);
    strbuf_add_str(out, s->protocol);
}

static void write_payload_types(const struct transceiver *t, struct strbuf *out)
{
    for (size_t i = 0; i < t->codec_count; i++) {
        strbuf_addf(out, " %u", t->codec[i].pt);
        if (t->codec[i].rtx_pt != PT_NONE)
            strbuf_addf(out, " %u", t->codec[i].rtx_pt);
    }
    strbuf_add(out, "\r\n");
}

static void write_codec(const struct negotiated_codec *c, struct strbuf *out)
{
    strbuf_addf(out, "a=rtpmap:%u %s/%" PRIu32, c->pt, codec_name(c->codec.id), c->codec.clock_hz);
    if (c->codec.channels > 1)
        strbuf_addf(out, "/%u", c->codec.channels);
    strbuf_add(out, "\r\n");
    if (c->codec.fmtp[0])
        strbuf_addf(out, "a=fmtp:%u %s\r\n", c->pt, c->codec.fmtp);
#define X(words, flag) \
    if (c->flag)       \
        strbuf_addf(out, "a=rtcp-fb:%u " words "\r\n", c->pt);
    JSEP_FEEDBACK_MAP(X)
#undef X
    if (c->rtx_pt != PT_NONE)
        strbuf_addf(out, "a=rtpmap:%u rtx/%" PRIu32 "\r\na=fmtp:%u apt=%u\r\n", c->rtx_pt,
                    c->codec.clock_hz, c->rtx_pt, c->pt);
}

/* A direction in an answer is seen from the other side (RFC 8285 s6). */
static const char *mirrored(const struct sdp_extmap *map)
{
    if (!map->has_direction || map->direction == SDP_SENDRECV)
        return map->has_direction ? "/sendrecv" : "";
    return map->direction == SDP_SENDONLY ? "/recvonly" : "/sendonly";
}

static void write_exts(const struct transceiver *t, const struct sdp_section *s, struct strbuf *out)
{
    for (size_t i = 0; i < s->extmap_count; i++) {
        const struct sdp_extmap *map = &s->extmap[i];
        enum rtp_ext_kind kind = rtp_ext_kind_of_uri(map->uri);
        if (kind != RTP_EXT_KIND_COUNT && t->ext.id[kind] == map->id)
            strbuf_addf(out, "a=extmap:%u%s %s\r\n", map->id, mirrored(map), rtp_ext_uri(kind));
    }
}

/* ---- sections ---- */

static const char *direction_name(const struct transceiver *t)
{
    if (t->send)
        return t->recv ? "sendrecv" : "sendonly";
    return t->recv ? "recvonly" : "inactive";
}

/* Our stream (RFC 8830, RFC 5576): what shares a stream id shares a CNAME, and is played in sync. */
static void write_stream(const struct transceiver *t, struct strbuf *out)
{
    const uint32_t ssrc[] = {t->ssrc, t->rtx_ssrc};

    strbuf_addf(out, "a=msid:%s parley-%s\r\n", t->msid, t->mid);
    if (t->rtx_ssrc != 0)
        strbuf_addf(out, "a=ssrc-group:FID %" PRIu32 " %" PRIu32 "\r\n", t->ssrc, t->rtx_ssrc);
    for (size_t i = 0; i < ARRAY_LEN(ssrc); i++)
        if (ssrc[i] != 0)
            strbuf_addf(out,
                        "a=ssrc:%" PRIu32 " cname:%s\r\na=ssrc:%" PRIu32 " msid:%s parley-%s\r\n",
                        ssrc[i], t->msid, ssrc[i], t->msid, t->mid);
}

/* RFC 3264 s6: a rejected section keeps its place, with port 0 and at least one format. */
static void write_rejected(const struct sdp_section *s, struct strbuf *out)
{
    write_media_line(s, 0, out);
    add_line(out, " ", s->format);
    write_connection(NULL, out);
    if (s->has_mid)
        add_line(out, "a=mid:", s->mid);
    strbuf_add(out, "a=inactive\r\n");
}

static void write_accepted(const struct jsep_answer *a, size_t index, struct strbuf *out)
{
    const struct sdp_section *s = &a->offer->section[index];
    const struct transceiver *t = &a->result->transceiver[index];
    const struct addr *to = default_destination(a->config);

    write_media_line(s, to ? to->port : DISCARD_PORT, out);
    write_payload_types(t, out);
    write_connection(to, out);
    if (s->has_mid)
        add_line(out, "a=mid:", s->mid);
    write_transport(a, index, out);
    if (s->ext_mixed && !a->offer->ext_mixed)
        strbuf_add(out, "a=extmap-allow-mixed\r\n");
    for (size_t i = 0; i < t->codec_count; i++)
        write_codec(&t->codec[i], out);
    write_exts(t, s, out);
    strbuf_addf(out, "a=%s\r\n", direction_name(t));
    jsep_encoding_write(t, s, out);
    if (t->send)
        write_stream(t, out);
}

void jsep_write_answer(const struct jsep_answer *a, struct strbuf *out)
{
    write_session(a, out);
    for (size_t i = 0; i < a->offer->section_count; i++)
        if (a->result->transceiver[i].rejected)
            write_rejected(&a->offer->section[i], out);
        else
            write_accepted(a, i, out);
}
