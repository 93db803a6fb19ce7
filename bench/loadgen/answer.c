/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - see answer.h. */
#include "bench/loadgen/answer.h"

#include <stdio.h>
#include <string.h>

#include "bench/loadgen/offer.h"
#include "core/err.h"
#include "transport/candidate.h"
#include "transport/cert.h"
#include "transport/sdp.h"

static int refuse(char why[ANSWER_WHY_LEN], int err, const char *sentence)
{
    (void)snprintf(why, ANSWER_WHY_LEN, "the answer %s", sentence);
    return err;
}

/* ---- transport ---- */

/* The first accepted section's attributes, the session's where it has none. */
static const struct sdp_section *first_section(const struct sdp *s)
{
    for (size_t i = 0; i < s->section_count; i++)
        if (s->section[i].port != 0)
            return &s->section[i];
    return NULL;
}

static int read_ice(struct answer *out, const struct sdp_transport *own,
                    const struct sdp_transport *session, char why[ANSWER_WHY_LEN])
{
    struct str ufrag = own->ice_ufrag.len > 0 ? own->ice_ufrag : session->ice_ufrag;
    struct str pwd = own->ice_pwd.len > 0 ? own->ice_pwd : session->ice_pwd;

    if (ufrag.len == 0 || pwd.len == 0 ||
        !str_copy(out->ice.ufrag, sizeof(out->ice.ufrag), ufrag) ||
        !str_copy(out->ice.pwd, sizeof(out->ice.pwd), pwd))
        return refuse(why, E_MALFORMED, "has no usable ICE credentials");
    return 0;
}

static int read_dtls(struct answer *out, const struct sdp_transport *own,
                     const struct sdp_transport *session, char why[ANSWER_WHY_LEN])
{
    const struct sdp_transport *t = own->fingerprint_count > 0 ? own : session;
    enum sdp_setup setup = own->setup != SDP_SETUP_NONE ? own->setup : session->setup;

    for (size_t i = 0; i < t->fingerprint_count; i++)
        if (fingerprint_parse(&out->fingerprint[out->fingerprint_count], t->fingerprint[i].hash,
                              t->fingerprint[i].value) == 0)
            out->fingerprint_count++;
    out->is_dtls_client = setup == SDP_SETUP_ACTIVE;
    return out->fingerprint_count > 0 ? 0 : refuse(why, E_MALFORMED, "has no usable fingerprint");
}

static void read_candidates(struct answer *out, const struct sdp *s)
{
    for (size_t i = 0; i < s->section_count; i++)
        for (size_t k = 0; k < s->section[i].candidate_count; k++) {
            struct candidate c;
            struct str line = s->section[i].candidate[k];
            struct strbuf full;
            strbuf_init(&full, MAX_CANDIDATE_LINE_LEN);
            strbuf_addf(&full, "candidate:%.*s", (int)line.len, line.p);
            bool is_usable = !full.failed &&
                             candidate_parse(&c, (struct str){full.p, full.len}) == 0 &&
                             c.protocol == CANDIDATE_UDP && c.component == 1 && c.addr.family == 4;
            strbuf_fini(&full);
            if (is_usable && (out->addr.family == 0 ||
                              (addr_is_loopback(&c.addr) && !addr_is_loopback(&out->addr))))
                out->addr = c.addr;
        }
}

/* ---- media ---- */

static uint8_t find_rtx(const struct sdp_section *s, uint8_t pt)
{
    for (size_t i = 0; i < s->rtpmap_count; i++) {
        const struct sdp_fmtp *fmtp = sdp_find_fmtp(s, s->rtpmap[i].pt);
        struct str apt;
        uint64_t n;
        if (str_eq_nocase(s->rtpmap[i].encoding, STR("rtx")) && fmtp != NULL &&
            codec_fmtp_get(fmtp->params, "apt", &apt) && str_to_u64(apt, 127, &n) && n == pt)
            return s->rtpmap[i].pt;
    }
    return PT_NONE;
}

static bool has_feedback(const struct sdp_section *s, uint8_t pt, const char *value)
{
    for (size_t i = 0; i < s->rtcp_fb_count; i++)
        if ((s->rtcp_fb[i].pt == pt || s->rtcp_fb[i].pt == -1) &&
            str_eq_c(s->rtcp_fb[i].value, value))
            return true;
    return false;
}

static void read_rids(struct answer_media *m, const struct sdp_section *s)
{
    struct str list = s->simulcast_recv;

    while (list.len > 0) {
        struct str alternatives = str_cut(&list, ';'), id = str_cut(&alternatives, ',');
        if (id.len > 0 && id.p[0] == '~') /* paused at first */
            id = (struct str){id.p + 1, id.len - 1};
        for (unsigned i = 0; i < OFFER_ENCODINGS; i++)
            if (str_eq_c(id, offer_rid[i]))
                m->rids |= (uint8_t)(1u << i);
    }
}

static void read_media(struct answer_media *m, const struct sdp_section *s, const char *encoding)
{
    for (size_t i = 0; i < s->rtpmap_count && m->pt == PT_NONE; i++)
        if (str_eq_nocase(s->rtpmap[i].encoding, str_of(encoding)))
            m->pt = s->rtpmap[i].pt;
    if (s->port == 0 || m->pt == PT_NONE || s->direction == SDP_INACTIVE)
        return;
    m->is_accepted = true;
    m->rtx_pt = find_rtx(s, m->pt);
    for (size_t i = 0; i < s->extmap_count; i++) {
        enum rtp_ext_kind kind = rtp_ext_kind_of_uri(s->extmap[i].uri);
        if (kind < RTP_EXT_KIND_COUNT)
            m->ext.id[kind] = s->extmap[i].id;
    }
    m->twcc = m->ext.id[RTP_EXT_TWCC] != 0 && has_feedback(s, m->pt, "transport-cc");
    read_rids(m, s);
}

static int read_answer(struct answer *out, const struct sdp *s, char why[ANSWER_WHY_LEN])
{
    const struct sdp_section *first = first_section(s);
    int err;

    if (first == NULL)
        return refuse(why, E_UNSUPPORTED, "accepts no section");
    err = read_ice(out, &first->transport, &s->transport, why);
    if (err == 0)
        err = read_dtls(out, &first->transport, &s->transport, why);
    if (err != 0)
        return err;
    read_candidates(out, s);
    if (out->addr.family == 0 || out->addr.port == 0)
        return refuse(why, E_UNSUPPORTED, "has no candidate over UDP and IPv4");
    for (size_t i = 0; i < s->section_count; i++) {
        if (str_eq_c(s->section[i].media, "video") && !out->video.is_accepted)
            read_media(&out->video, &s->section[i], "VP8");
        else if (str_eq_c(s->section[i].media, "audio") && !out->audio.is_accepted)
            read_media(&out->audio, &s->section[i], "opus");
    }
    return out->video.is_accepted ? 0 : refuse(why, E_UNSUPPORTED, "does not take VP8");
}

int answer_parse(struct answer *out, struct str text, char why[ANSWER_WHY_LEN])
{
    struct sdp_error reason = {0};
    struct sdp *s;
    int err = sdp_parse(&s, text.p, text.len, &reason);

    if (err != 0) {
        (void)snprintf(why, ANSWER_WHY_LEN, "the answer's line %u: %s", reason.line, reason.text);
        return err;
    }
    memset(out, 0, sizeof(*out));
    out->video.pt = out->video.rtx_pt = out->audio.pt = out->audio.rtx_pt = PT_NONE;
    err = read_answer(out, s, why);
    sdp_free(&s);
    return err;
}
