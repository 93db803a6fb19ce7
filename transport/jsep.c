/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsep.c - from offer to offer.
 *
 *   offer --parse--> sections --negotiate--> transceivers --bundle--> one transport --policy--> directions --write--> answer
 *
 * Each offer builds a fresh `struct session` beside the current one. Only when its answer stands does it take the place of
 * the current one; whatever fails before throws the fresh one away.
 */
#include "transport/jsep.h"

#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"
#include "transport/jsep_bundle.h"
#include "transport/jsep_section.h"
#include "transport/jsep_write.h"

#define DEFAULT_MSID "parley"

/* What one accepted offer left behind. */
struct session {
    struct transceiver *transceiver;
    struct jsep_result result; /* `transceiver` points to the array above */
    bool has_transport;        /* some section was accepted */
};

struct jsep {
    struct jsep_config config;
    uint64_t session_id, session_version; /* of our o= line */
    struct session *session;              /* NULL before the first offer */
};

/* An offer being answered. */
struct answering {
    struct jsep *jsep;
    const struct session *before; /* NULL at first */
    struct session *fresh;
    const struct sdp *offer;
    struct jsep_bundle bundle;
    struct sdp_error *why;
};

/* ---- life ---- */

struct jsep *jsep_new(const struct jsep_config *config)
{
    struct jsep *j = MEM_NEW(struct jsep);

    j->config = *config;
    j->session_id = rng_u64(config->rng) >> 2; /* RFC 9429 s5.2.1: 62 bits */
    return j;
}

static void session_free(struct session **s)
{
    if (*s == NULL)
        return;
    mem_free((*s)->transceiver);
    mem_wipe(*s, sizeof **s);
    MEM_FREE(*s);
}

void jsep_free(struct jsep **j)
{
    if (*j == NULL)
        return;
    session_free(&(*j)->session);
    MEM_FREE(*j);
}

static struct session *session_new(size_t section_count)
{
    struct session *s = mem_try_alloc(sizeof *s);

    if (s == NULL)
        return NULL;
    s->transceiver = mem_try_alloc(section_count * sizeof *s->transceiver);
    if (s->transceiver == NULL)
        session_free(&s);
    else
        s->result =
            (struct jsep_result){.transceiver = s->transceiver, .transceiver_count = section_count};
    return s;
}

/* ---- the history of an m-line ---- */

/* The section that lives on at this m-line from the last offer; NULL when it is new, or the place was rejected or stopped. */
static const struct transceiver *section_before(const struct answering *a, size_t index)
{
    if (a->before == NULL || index >= a->before->result.transceiver_count)
        return NULL;
    const struct transceiver *t = &a->before->transceiver[index];
    return t->rejected ? NULL : t;
}

/* RFC 9429 s5.2.2: m-lines stay in place; only one that was rejected or stopped may become another. */
static int check_history(const struct answering *a)
{
    const struct sdp *offer = a->offer;

    if (a->before && offer->section_count < a->before->result.transceiver_count)
        return sdp_refuse(a->why, E_MALFORMED, 0,
                          "the offer has %zu m-sections, but the last one had %zu",
                          offer->section_count, a->before->result.transceiver_count);
    for (size_t i = 0; i < offer->section_count; i++) {
        const struct transceiver *old = section_before(a, i), *t = &a->fresh->transceiver[i];
        const struct sdp_section *s = &offer->section[i];
        if (old == NULL || !jsep_section_is_live(s))
            continue;
        if (strcmp(old->mid, t->mid) != 0)
            return sdp_refuse(a->why, E_MALFORMED, s->line,
                              "the mid of a live m-section changed from \"%s\" to \"%s\"", old->mid,
                              t->mid);
        if (old->kind != jsep_section_kind(s))
            return sdp_refuse(a->why, E_MALFORMED, s->line, "the kind of a live m-section changed");
    }
    return 0;
}

/* ---- sections ---- */

static int name_section(const struct answering *a, size_t index)
{
    struct transceiver *t = &a->fresh->transceiver[index];
    const struct sdp_section *s = &a->offer->section[index];

    *t = (struct transceiver){.mline_index = (uint16_t)index, .kind = jsep_section_kind(s)};
    if (!s->has_mid)
        snprintf(t->mid, sizeof t->mid, "mline%zu", index);
    else if (!str_copy(t->mid, sizeof t->mid, s->mid))
        return sdp_refuse(a->why, E_LIMIT, s->line, "a mid is longer than %d characters",
                          MAX_MID_LEN);
    if (!s->has_mid && sdp_find_mid(a->offer, str_of(t->mid)))
        return sdp_refuse(a->why, E_MALFORMED, s->line,
                          "the m-section has no mid, while others do");
    return 0;
}

static int negotiate_sections(const struct answering *a)
{
    const struct sdp *offer = a->offer;

    for (size_t i = 0; i < offer->section_count; i++) {
        struct transceiver *t = &a->fresh->transceiver[i];
        const struct sdp_section *s = &offer->section[i];
        int err = name_section(a, i);
        if (err < 0)
            return err;
        t->rejected = !jsep_section_is_live(s) || t->kind == MEDIA_OTHER;
        if (!t->rejected)
            err = jsep_section_negotiate(t, s, offer->ext_mixed || s->ext_mixed, a->why);
        if (err < 0)
            return err;
    }
    return 0;
}

/* ---- transport ---- */

static void make_credentials(struct ice_credentials *out)
{
    rng_secret_ice_chars(out->ufrag, ICE_UFRAG_LEN);
    rng_secret_ice_chars(out->pwd, ICE_PWD_LEN);
}

/* RFC 8839 s4.4.1.1.1: a restart shows as new ufrag and new password. Errors: E_MALFORMED: only one of them. */
static int find_whether_restart(const struct ice_credentials *old,
                                const struct ice_credentials *now, bool *is_new)
{
    bool new_ufrag = strcmp(now->ufrag, old->ufrag) != 0;
    bool new_pwd = strcmp(now->pwd, old->pwd) != 0;

    *is_new = new_ufrag;
    return new_ufrag == new_pwd ? 0 : E_MALFORMED;
}

static int negotiate_restart(const struct answering *a)
{
    struct jsep_result *now = &a->fresh->result;

    if (find_whether_restart(&a->before->result.remote.ice, &now->remote.ice,
                             &now->is_ice_restart) != 0)
        return sdp_refuse(a->why, E_MALFORMED, a->offer->section[a->bundle.tag].line,
                          "an ICE restart changes a=ice-ufrag and a=ice-pwd together");
    if (now->is_ice_restart)
        make_credentials(&now->local);
    else
        now->local = a->before->result.local;
    return 0;
}

static int refuse_empty(const struct answering *a)
{
    if (a->offer->section_count == 0)
        return sdp_refuse(a->why, E_UNSUPPORTED, 0,
                          "the offer has no m-section: add a track or a transceiver first");
    return sdp_refuse(
        a->why, E_UNSUPPORTED, a->offer->section[0].line,
        "no m-section can be accepted: stopped, not audio or video, or without a codec we know");
}

static int negotiate_transport(struct answering *a)
{
    struct session *fresh = a->fresh;
    const struct session *before = a->before && a->before->has_transport ? a->before : NULL;

    int err = jsep_bundle_choose(&a->bundle, a->offer, fresh->transceiver, a->why);
    if (err < 0)
        return err;
    fresh->has_transport = a->bundle.has_transport;
    if (!fresh->has_transport) {
        if (a->before == NULL)
            return refuse_empty(a);
        fresh->result.remote = a->before->result.remote;
        fresh->result.local = a->before->result.local;
        return 0;
    }
    err = jsep_bundle_read_transport(&fresh->result.remote, &a->bundle, a->offer,
                                     before ? &before->result.remote : NULL, a->why);
    if (err == 0)
        err = jsep_bundle_check_unique(a->offer, fresh->transceiver, a->why);
    if (err < 0 || before)
        return err < 0 ? err : negotiate_restart(a);
    fresh->result.is_first = true;
    make_credentials(&fresh->result.local);
    return 0;
}

/* ---- sending ---- */

static bool is_ssrc_taken(const struct answering *a, uint32_t ssrc)
{
    const struct session *sessions[] = {a->fresh, a->before};

    if (ssrc == 0)
        return true;
    for (size_t n = 0; n < ARRAY_LEN(sessions) && sessions[n]; n++) {
        for (size_t i = 0; i < sessions[n]->result.transceiver_count; i++) {
            const struct transceiver *t = &sessions[n]->transceiver[i];
            if (t->ssrc == ssrc || t->rtx_ssrc == ssrc)
                return true;
            for (size_t k = 0; k < t->encoding_count; k++)
                if (t->encoding[k].ssrc == ssrc || t->encoding[k].rtx_ssrc == ssrc)
                    return true;
        }
    }
    return false;
}

static uint32_t new_ssrc(const struct answering *a)
{
    uint32_t ssrc;

    do {
        ssrc = rng_u32(a->jsep->config.rng);
    } while (is_ssrc_taken(a, ssrc));
    return ssrc;
}

static bool has_rtx(const struct transceiver *t)
{
    for (size_t i = 0; i < t->codec_count; i++)
        if (t->codec[i].rtx_pt != PT_NONE)
            return true;
    return false;
}

/* RFC 8830 s2: a token. */
static void clean_msid(char *msid)
{
    static const char not_in_tokens[] = "\"(),/:;<=>?@[\\]";

    for (; *msid; msid++)
        if (*msid <= 0x20 || *msid >= 0x7f || strchr(not_in_tokens, *msid))
            *msid = '-';
}

static void start_sending(const struct answering *a, struct transceiver *t,
                          char msid[MAX_MSID_LEN + 1])
{
    msid[MAX_MSID_LEN] = 0;
    clean_msid(msid);
    if (msid[0] == 0)
        snprintf(msid, MAX_MSID_LEN + 1, "%s", t->msid[0] ? t->msid : DEFAULT_MSID);
    memcpy(t->msid, msid, sizeof t->msid);
    t->send = true;
    if (t->ssrc == 0)
        t->ssrc = new_ssrc(a);
    if (t->rtx_ssrc == 0 && has_rtx(t))
        t->rtx_ssrc = new_ssrc(a);
}

/* ---- directions ---- */

static void forget_encodings(struct transceiver *t)
{
    memset(t->encoding, 0, sizeof t->encoding);
    t->encoding_count = 0;
    t->is_simulcast = false;
}

static void decide_directions(const struct answering *a, size_t index,
                              const struct jsep_policy *policy, void *arg)
{
    struct transceiver *t = &a->fresh->transceiver[index];
    const struct sdp_section *s = &a->offer->section[index];
    char msid[MAX_MSID_LEN + 1] = "";

    t->reduced_size_rtcp = a->bundle.rtcp_rsize;
    t->recv = jsep_section_client_sends(s) &&
              (policy == NULL || policy->may_recv == NULL || policy->may_recv(t, arg) == 0);
    if (!t->recv)
        forget_encodings(t);
    if (jsep_section_client_receives(s) && policy && policy->may_send &&
        policy->may_send(t, msid, arg) == 0)
        start_sending(a, t, msid);
}

/* What is ours in a section that lives on: it is in place before anything asks for a free SSRC. */
static void keep_identity(const struct answering *a)
{
    for (size_t i = 0; i < a->offer->section_count; i++) {
        const struct transceiver *old = section_before(a, i);
        struct transceiver *t = &a->fresh->transceiver[i];
        if (old == NULL || t->rejected)
            continue;
        t->ssrc = old->ssrc;
        t->rtx_ssrc = has_rtx(t) ? old->rtx_ssrc : 0;
        memcpy(t->msid, old->msid, sizeof t->msid);
    }
}

/* A rejected section has no more than its place, its kind and its mid. */
static void clear_rejected(const struct answering *a)
{
    for (size_t i = 0; i < a->offer->section_count; i++) {
        struct transceiver *t = &a->fresh->transceiver[i],
                           bare = {.mline_index = t->mline_index, .kind = t->kind};
        if (!t->rejected)
            continue;
        bare.rejected = true;
        memcpy(bare.mid, t->mid, sizeof bare.mid);
        *t = bare;
    }
}

/* ---- answering ---- */

static int negotiate(struct answering *a)
{
    int err = negotiate_sections(a);

    if (err == 0)
        err = check_history(a);
    if (err == 0)
        err = negotiate_transport(a);
    if (err == 0) {
        clear_rejected(a);
        keep_identity(a);
    }
    return err;
}

static int write_answer(const struct answering *a, struct strbuf *out)
{
    const struct jsep_answer answer = {.offer = a->offer,
                                       .config = &a->jsep->config,
                                       .bundle = &a->bundle,
                                       .result = &a->fresh->result,
                                       .session_id = a->jsep->session_id,
                                       .session_version = a->jsep->session_version + 1};
    size_t len = out->len;

    jsep_write_answer(&answer, out);
    if (!out->failed)
        return 0;
    out->len = len;
    if (out->p)
        out->p[len] = 0;
    return sdp_refuse(a->why, E_NO_MEMORY, 0, "no room for the answer");
}

static int answer_offer(struct answering *a, const struct jsep_policy *policy, void *arg,
                        struct strbuf *out)
{
    int err = negotiate(a);

    if (err < 0)
        return err;
    for (size_t i = 0; i < a->offer->section_count; i++)
        if (!a->fresh->transceiver[i].rejected)
            decide_directions(a, i, policy, arg);
    return write_answer(a, out);
}

int jsep_restart_ice(struct jsep *j, const struct ice_credentials *remote,
                     struct ice_credentials *local, bool *is_new)
{
    if (j->session == NULL || !j->session->has_transport)
        return E_STATE;
    struct jsep_result *now = &j->session->result;
    int err = find_whether_restart(&now->remote.ice, remote, is_new);
    if (err != 0)
        return err;
    if (*is_new) {
        now->remote.ice = *remote;
        make_credentials(&now->local);
    }
    *local = now->local;
    return 0;
}

int jsep_answer(struct jsep *j, struct str offer_text, const struct jsep_policy *policy, void *arg,
                struct strbuf *answer, const struct jsep_result **result, struct sdp_error *why)
{
    struct sdp *offer = NULL;

    int err = sdp_parse(&offer, offer_text.p, offer_text.len, why);
    if (err < 0)
        return err;
    struct answering a = {.jsep = j,
                          .before = j->session,
                          .fresh = session_new(offer->section_count),
                          .offer = offer,
                          .why = why};
    err = a.fresh ? answer_offer(&a, policy, arg, answer)
                  : sdp_refuse(why, E_NO_MEMORY, 0, "no memory for the session");
    sdp_free(&offer);
    if (err < 0) {
        session_free(&a.fresh);
        return err;
    }
    session_free(&j->session);
    j->session = a.fresh;
    j->session_version++;
    *result = &j->session->result;
    return 0;
}
