/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep_bundle.c - one transport for everything.
 *
 * With a BUNDLE group, its first section that we accept is the tag; sections outside the group would need a transport of
 * their own and are rejected. In max-compat and balanced offers sections repeat transport attributes of their own: only the
 * tag's count. Without a group (WHIP encoders, old clients) the first acceptable section is the tag, and further ones are
 * accepted when they show the tag's ICE credentials, for then one agent serves them all; others are rejected.
 */
#include "transport/jsep_bundle.h"

#include "core/err.h"
#include "transport/cert.h"
#include "transport/jsep_section.h"

/* ---- who takes part ---- */

static size_t index_of_mid(const struct sdp *offer, struct str mid)
{
    return (size_t)(sdp_find_mid(offer, mid) -
                    offer->section); /* sdp_parse() made sure that there is one */
}

static bool is_in_group(const struct sdp *offer, const struct sdp_section *s)
{
    for (size_t i = 0; s->has_mid && i < offer->bundle_count; i++)
        if (str_eq(offer->bundle[i], s->mid))
            return true;
    return false;
}

/* rtcp-mux and rtcp-rsize belong to the transport (RFC 8859): some offerers write them in the tagged section only. */
static int choose_of_group(struct jsep_bundle *b, const struct sdp *offer, struct transceiver *t,
                           struct sdp_error *why)
{
    bool has_mux = false;

    for (size_t i = 0; i < offer->section_count; i++) {
        if (!is_in_group(offer, &offer->section[i]))
            t[i].rejected = true;
        else if (!t[i].rejected) {
            has_mux |= offer->section[i].rtcp_mux;
            b->rtcp_rsize |= offer->section[i].rtcp_rsize;
        }
    }
    for (size_t i = 0; i < offer->bundle_count && !b->has_transport; i++) {
        b->tag = index_of_mid(offer, offer->bundle[i]);
        b->has_transport = !t[b->tag].rejected;
    }
    if (b->has_transport && !has_mux)
        return sdp_refuse(why, E_UNSUPPORTED, offer->section[b->tag].line,
                          "RTP and RTCP must share a port: a=rtcp-mux is missing");
    return 0;
}

static struct str ufrag_of(const struct sdp *offer, const struct sdp_section *s)
{
    return s->transport.ice_ufrag.len > 0 ? s->transport.ice_ufrag : offer->transport.ice_ufrag;
}

static struct str pwd_of(const struct sdp *offer, const struct sdp_section *s)
{
    return s->transport.ice_pwd.len > 0 ? s->transport.ice_pwd : offer->transport.ice_pwd;
}

static int choose_without_group(struct jsep_bundle *b, const struct sdp *offer,
                                struct transceiver *t, struct sdp_error *why)
{
    const struct sdp_section *no_mux = NULL;

    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *s = &offer->section[i];
        const struct sdp_section *tag = b->has_transport ? &offer->section[b->tag] : s;
        if (t[i].rejected)
            continue;
        if (!s->rtcp_mux)
            no_mux = s;
        t[i].rejected = !s->rtcp_mux || !str_eq(ufrag_of(offer, s), ufrag_of(offer, tag)) ||
                        !str_eq(pwd_of(offer, s), pwd_of(offer, tag));
        if (t[i].rejected)
            continue;
        b->tag = (size_t)(tag - offer->section);
        b->has_transport = true;
        b->rtcp_rsize |= s->rtcp_rsize;
    }
    if (!b->has_transport && no_mux)
        return sdp_refuse(why, E_UNSUPPORTED, no_mux->line,
                          "RTP and RTCP must share a port: a=rtcp-mux is missing");
    return 0;
}

int jsep_bundle_choose(struct jsep_bundle *out, const struct sdp *offer, struct transceiver *t,
                       struct sdp_error *why)
{
    *out = (struct jsep_bundle){0};
    return offer->has_bundle ? choose_of_group(out, offer, t, why)
                             : choose_without_group(out, offer, t, why);
}

/* ---- the transport ---- */

/* Where the attributes may stand, best first. A bundle-only tag has none when the section before it in the group, which
 * carried them for all, is one that we reject (RFC 9143 s7.1). */
struct sources {
    const struct sdp_transport *level[3];
    size_t count;
};

static struct sources find_sources(const struct jsep_bundle *b, const struct sdp *offer)
{
    struct sources from = {.level = {&offer->section[b->tag].transport}, .count = 1};

    if (offer->bundle_count > 0)
        from.level[from.count++] = &offer->section[index_of_mid(offer, offer->bundle[0])].transport;
    from.level[from.count++] = &offer->transport;
    return from;
}

static int read_credentials(struct ice_credentials *out, const struct sources *from, unsigned line,
                            struct sdp_error *why)
{
    struct str ufrag = STR(""), pwd = STR("");

    for (size_t i = 0; i < from->count; i++) {
        if (ufrag.len == 0)
            ufrag = from->level[i]->ice_ufrag;
        if (pwd.len == 0)
            pwd = from->level[i]->ice_pwd;
    }
    if (ufrag.len == 0 || pwd.len == 0)
        return sdp_refuse(why, E_MALFORMED, line,
                          "the m-section has no a=ice-ufrag or no a=ice-pwd");
    if (!str_copy(out->ufrag, sizeof out->ufrag, ufrag) ||
        !str_copy(out->pwd, sizeof out->pwd, pwd))
        return sdp_refuse(why, E_LIMIT, line, "the ICE credentials are longer than %d characters",
                          MAX_ICE_CREDENTIAL_LEN);
    return 0;
}

/* Fingerprints of hash functions that we lack are passed over: one that we can check is enough (RFC 8122 s5). */
static int read_fingerprints(struct remote_transport *out, const struct sources *from,
                             unsigned line, struct sdp_error *why)
{
    const struct sdp_transport *t = from->level[0];

    for (size_t i = 1; i < from->count && t->fingerprint_count == 0; i++)
        t = from->level[i];
    if (t->fingerprint_count == 0)
        return sdp_refuse(why, E_MALFORMED, line, "the m-section has no a=fingerprint");
    for (size_t i = 0; i < t->fingerprint_count; i++) {
        const struct sdp_fingerprint *f = &t->fingerprint[i];
        int err = fingerprint_parse(&out->fingerprint[out->fingerprint_count], f->hash, f->value);
        if (err == E_UNSUPPORTED)
            continue;
        if (err < 0)
            return sdp_refuse(
                why, err, f->line,
                "the fingerprint is not a list of hexadecimal bytes of the right length");
        out->fingerprint_count++;
    }
    if (out->fingerprint_count == 0)
        return sdp_refuse(why, E_UNSUPPORTED, t->fingerprint[0].line,
                          "no fingerprint with a hash function we know (sha-256)");
    return 0;
}

/* RFC 8842 s5: the answerer takes the passive role where it may; a DTLS association keeps the role it has. */
static int read_role(struct remote_transport *out, const struct sources *from,
                     const struct remote_transport *before, unsigned line, struct sdp_error *why)
{
    enum sdp_setup setup = SDP_SETUP_NONE;

    for (size_t i = 0; i < from->count && setup == SDP_SETUP_NONE; i++)
        setup = from->level[i]->setup;
    if (setup == SDP_SETUP_HOLDCONN)
        return sdp_refuse(why, E_UNSUPPORTED, line,
                          "a=setup:holdconn: there is no media without DTLS");
    out->dtls_active = setup == SDP_SETUP_PASSIVE;
    if (before == NULL)
        return 0;
    if (setup == SDP_SETUP_ACTPASS || setup == SDP_SETUP_NONE)
        out->dtls_active = before->dtls_active;
    if (out->dtls_active != before->dtls_active)
        return sdp_refuse(why, E_UNSUPPORTED, line, "the DTLS role cannot change within a session");
    return 0;
}

static bool has_fingerprint(const struct remote_transport *t, const struct fingerprint *f)
{
    for (size_t i = 0; i < t->fingerprint_count; i++)
        if (fingerprint_eq(&t->fingerprint[i], f))
            return true;
    return false;
}

static int check_same_certificate(const struct remote_transport *now,
                                  const struct remote_transport *before, unsigned line,
                                  struct sdp_error *why)
{
    for (size_t i = 0; i < now->fingerprint_count; i++)
        if (has_fingerprint(before, &now->fingerprint[i]))
            return 0;
    return sdp_refuse(why, E_UNSUPPORTED, line,
                      "the certificate cannot change within a session: a=fingerprint differs");
}

int jsep_bundle_read_transport(struct remote_transport *out, const struct jsep_bundle *b,
                               const struct sdp *offer, const struct remote_transport *before,
                               struct sdp_error *why)
{
    struct sources from = find_sources(b, offer);
    unsigned line = offer->section[b->tag].line;

    *out = (struct remote_transport){0};
    for (size_t i = 0; i < from.count; i++)
        if (from.level[i]->ice_lite)
            return sdp_refuse(why, E_UNSUPPORTED, line,
                              "a=ice-lite: this server is ICE-lite, so the client cannot be");
    int err = read_credentials(&out->ice, &from, line, why);
    if (err == 0)
        err = read_fingerprints(out, &from, line, why);
    if (err == 0)
        err = read_role(out, &from, before, line, why);
    if (err == 0 && before)
        err = check_same_certificate(out, before, line, why);
    return err;
}

/* ---- what must be one over all sections ---- */

/* A packet is told by its extension ids before its section is known (RFC 9143 s9.2), so one id has one meaning. */
static int check_ext_ids(const struct sdp *offer, const struct transceiver *t,
                         struct sdp_error *why)
{
    struct str uri[256] = {{0}};

    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *s = &offer->section[i];
        for (size_t k = 0; !t[i].rejected && k < s->extmap_count; k++) {
            struct str *known = &uri[s->extmap[k].id];
            if (known->len > 0 && !str_eq(*known, s->extmap[k].uri))
                return sdp_refuse(
                    why, E_MALFORMED, s->extmap[k].line,
                    "the header extension id %u means something else in another bundled m-section",
                    s->extmap[k].id);
            *known = s->extmap[k].uri;
        }
    }
    return 0;
}

/* Whether an SSRC shows up among the first @n sections. */
static bool is_claimed(const struct transceiver *t, size_t n, uint32_t ssrc)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < t[i].encoding_count; k++)
            if (t[i].encoding[k].ssrc == ssrc || t[i].encoding[k].rtx_ssrc == ssrc)
                return true;
    return false;
}

/* Whether encoding @k repeats an SSRC of those before it in its own section, or of its own. */
static bool is_repeated(const struct transceiver *t, size_t k, uint32_t ssrc)
{
    const struct negotiated_encoding *e = t->encoding;

    for (size_t i = 0; i < k; i++)
        if (e[i].ssrc == ssrc || e[i].rtx_ssrc == ssrc)
            return true;
    return e[k].ssrc == e[k].rtx_ssrc;
}

static int check_ssrcs(const struct sdp *offer, const struct transceiver *t, struct sdp_error *why)
{
    for (size_t i = 0; i < offer->section_count; i++) {
        for (size_t k = 0; !t[i].rejected && k < t[i].encoding_count; k++) {
            const uint32_t ssrc[] = {t[i].encoding[k].ssrc, t[i].encoding[k].rtx_ssrc};
            for (size_t n = 0; n < ARRAY_LEN(ssrc); n++)
                if (ssrc[n] != 0 && (is_repeated(&t[i], k, ssrc[n]) || is_claimed(t, i, ssrc[n])))
                    return sdp_refuse(why, E_MALFORMED, offer->section[i].line,
                                      "the SSRC %u of this m-section is used twice", ssrc[n]);
        }
    }
    return 0;
}

int jsep_bundle_check_unique(const struct sdp *offer, const struct transceiver *t,
                             struct sdp_error *why)
{
    int err = offer->has_bundle ? check_ext_ids(offer, t, why) : 0;

    return err < 0 ? err : check_ssrcs(offer, t, why);
}
