/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiation.c - see negotiation.h.
 *
 *   offer ──jsep_answer (asks may_recv, may_send)──▶ answer
 *                       │
 *                       ├─▶ transport: open, or restart ICE
 *                       ├─▶ sections that the endpoint sends on: publications
 *                       ├─▶ sections that it receives on: slots
 *                       └─▶ when all that stands: the others are told
 *
 * Nothing calls a handler before everything stands, because handlers may make anyone leave, and end the room.
 */
#include "rooms/negotiation.h"

#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "rooms/replicas.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"
#include "rooms/speakers.h"

/* One offer while it is worked on. */
struct negotiation {
    struct participant *participant;
    const struct track_label *label;
    size_t label_count;
    size_t new_publications, new_slots; /* promised so far in this answer */
    uint32_t muted_sources; /* a server's mute outlives the connection: bit per enum track_source */
    unsigned new_sections[2];                   /* slots opened, by kind; 1: video */
    struct list gone;                           /* publications that ended, to be told */
    uint64_t fresh[MAX_TRACKS_PER_PARTICIPANT]; /* handles of those that began, to be told */
    size_t fresh_count;
};

static struct publication *find_by_mid(const struct participant *p, const char *mid)
{
    LIST_EACH(&p->publications, struct publication, node, pub) {
        if (strcmp(pub->mid, mid) == 0)
            return pub;
    }
    return NULL;
}

static const struct track_label *find_label(const struct negotiation *n, const char *mid)
{
    for (size_t i = 0; i < n->label_count; i++)
        if (strcmp(n->label[i].mid, mid) == 0)
            return &n->label[i];
    return NULL;
}

static bool fits(enum track_source source, enum media_kind kind)
{
    switch (source) {
    case TRACK_SOURCE_CAMERA:
    case TRACK_SOURCE_SCREEN:
        return kind == MEDIA_VIDEO;
    case TRACK_SOURCE_MICROPHONE:
    case TRACK_SOURCE_SCREEN_AUDIO:
        return kind == MEDIA_AUDIO;
    case TRACK_SOURCE_MIX:
        return true;
    default:
        return false;
    }
}

/* A label that does not fit the kind would be a way around restricted sources: it does not count. */
static enum track_source source_of(const struct negotiation *n, const struct transceiver *t)
{
    const struct track_label *label = find_label(n, t->mid);

    if (label != NULL && fits(label->source, t->kind))
        return label->source;
    return t->kind == MEDIA_VIDEO ? TRACK_SOURCE_CAMERA : TRACK_SOURCE_MICROPHONE;
}

/* ---- policy ---- */

static int may_recv(const struct transceiver *t, void *arg)
{
    struct negotiation *n = arg;
    struct participant *p = n->participant;
    enum track_source source = source_of(n, t);

    if (find_by_mid(p, t->mid) != NULL)
        return 0;
    if (!p->permissions.publish || (p->permissions.publish_sources & 1u << source) == 0) {
        log_warn(LOG_ROOM, &p->ids, "may not publish a %s: section %s is answered without",
                 track_source_name(source), t->mid);
        return E_DENIED;
    }
    if (p->publication_count + n->new_publications >= MAX_TRACKS_PER_PARTICIPANT) {
        log_warn(LOG_ROOM, &p->ids, "publishes %d tracks already: section %s is answered without",
                 MAX_TRACKS_PER_PARTICIPANT, t->mid);
        return E_LIMIT;
    }
    n->new_publications++;
    return 0;
}

/* The stream id groups what belongs to one person, so that a browser plays it in sync; what moves belongs to nobody. */
static void set_stream(const struct wish *w, char msid[MAX_MSID_LEN + 1])
{
    if (w->number != 0)
        (void)snprintf(msid, MAX_MSID_LEN + 1, "speaker-%s-%u",
                       w->kind == MEDIA_VIDEO ? "video" : "audio", w->number);
    else
        CHECK(str_copy(msid, MAX_MSID_LEN + 1, str_of(w->publication->participant->id)));
}

static int may_send(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg)
{
    struct negotiation *n = arg;
    struct participant *p = n->participant;
    const struct slot *s = slots_find_mid(p, t->mid);
    const struct wish *w;

    if (!p->permissions.subscribe)
        return E_DENIED;
    if (s == NULL && p->slot_count + n->new_slots >= MAX_SLOTS_PER_PARTICIPANT)
        return E_LIMIT;
    if (s == NULL)
        n->new_slots++;
    w = s == NULL ? slots_reserve(p, t) : s->wish;
    if (w != NULL && !p->single_stream)
        set_stream(w, msid);
    return 0;
}

static const struct jsep_policy policy = {.may_recv = may_recv, .may_send = may_send};

/* ---- publications ---- */

static void set_label(struct publication *pub, const struct track_label *label)
{
    if (label == NULL)
        return;
    pub->muted_by_publisher = label->muted;
    if (label->name != NULL && !str_copy(pub->name, sizeof(pub->name), str_of(label->name)))
        pub->name[0] = 0; /* the API has checked the length already */
}

static void publish(struct negotiation *n, const struct transceiver *t)
{
    struct participant *p = n->participant;
    struct registry *g = p->room->registry;
    struct sfu_host *host = p->host->host;
    struct publication *pub = MEM_NEW(struct publication);

    registry_new_id(pub->id, "TR_");
    pub->handle = registry_new_handle(g);
    pub->participant = p;
    pub->kind = t->kind;
    pub->source = source_of(n, t);
    pub->is_simulcast = t->is_simulcast;
    pub->wanted = PUBLICATION_ALL_WANTED;
    pub->muted_by_server = (n->muted_sources & 1u << pub->source) != 0;
    list_init(&pub->wishes);
    memcpy(pub->mid, t->mid, sizeof(pub->mid));
    set_label(pub, find_label(n, t->mid));
    publication_enlist(pub);
    pub->section = MEM_NEW(struct transceiver);
    *pub->section = *t;
    list_init(&pub->replicas);
    sfu_host_track_open(host, pub->handle, p->transport, t);
    if (pub->muted_by_server)
        sfu_host_track_set_muted(host, pub->handle, true);
    slots_publication_added(pub);
    room_mix_publication_added(pub);
    speakers_publication_added(pub);
    n->fresh[n->fresh_count++] = pub->handle;
}

/* It is in no list any more then but @gone. */
static void unpublish(struct publication *pub, struct list *gone)
{
    struct participant *p = pub->participant;

    speakers_publication_removed(pub);
    room_mix_publication_removed(pub);
    slots_publication_removed(pub);
    replicas_close(pub);
    publication_delist(pub);
    sfu_host_track_close(p->host->host, pub->handle);
    MEM_FREE(pub->section);
    list_append(gone, &pub->node);
    rooms_free_later(p->room->registry, pub);
}

/* ---- the connection ---- */

static void open_transport(struct participant *p, const struct jsep_result *result)
{
    struct registry *g = p->room->registry;

    p->transport = registry_new_handle(g);
    p->transport_state = TRANSPORT_NEW;
    p->remote_fingerprint = result->remote.fingerprint[0];
    CHECK(map_put_u64(g->participant_by_transport, p->transport, p) == 0);
    sfu_host_transport_open(p->host->host, p->transport, &result->local, &result->remote,
                            g->config->media_consent_timeout_ms * US_PER_MS, &p->ids);
}

static void close_transport(struct participant *p)
{
    if (p->transport == 0)
        return;
    (void)map_remove_u64(p->room->registry->participant_by_transport, p->transport);
    sfu_host_transport_close(p->host->host, p->transport);
    p->transport = 0;
    p->transport_state = TRANSPORT_NEW;
}

static void apply_transport(struct participant *p, const struct jsep_result *result)
{
    if (result->is_first) {
        close_transport(p); /* of before everything was stopped */
        open_transport(p, result);
    } else if (result->is_ice_restart) {
        sfu_host_transport_restart_ice(p->host->host, p->transport, &result->local,
                                       &result->remote.ice);
    }
}

/* Take all sections and the transport away: a new PeerConnection comes, or nothing. */
static void reset(struct participant *p, struct list *gone)
{
    close_transport(p); /* first, so that its BYEs name what it sent */
    LIST_EACH(&p->publications, struct publication, node, pub) {
        unpublish(pub, gone);
    }
    slots_close_all(p);
    jsep_free(&p->jsep);
}

void negotiation_close(struct participant *p)
{
    struct list gone;

    list_init(&gone);
    reset(p, &gone);
    while (!list_is_empty(&gone)) /* freed later, by themselves */
        list_remove(gone.next);
}

/* ---- after an answer ---- */

static const struct transceiver *find_section(const struct jsep_result *result, const char *mid)
{
    for (size_t i = 0; i < result->transceiver_count; i++)
        if (!result->transceiver[i].rejected && strcmp(result->transceiver[i].mid, mid) == 0)
            return &result->transceiver[i];
    return NULL;
}

static void close_what_is_gone(struct negotiation *n, const struct jsep_result *result)
{
    struct participant *p = n->participant;

    LIST_EACH(&p->publications, struct publication, node, pub) {
        const struct transceiver *t = find_section(result, pub->mid);
        if (t == NULL || !t->recv)
            unpublish(pub, &n->gone);
    }
    LIST_EACH(&p->slots, struct slot, node, s) {
        const struct transceiver *t = find_section(result, s->mid);
        if (t == NULL || !t->send)
            slots_section_closed(s);
    }
}

static void update(struct publication *pub, const struct transceiver *t)
{
    *pub->section = *t;
    sfu_host_track_update(pub->participant->host->host, pub->handle, t);
    replicas_update(pub);
    room_mix_publication_updated(pub);
}

static void open_or_update(struct negotiation *n, const struct transceiver *t)
{
    struct participant *p = n->participant;
    struct publication *pub = find_by_mid(p, t->mid);
    struct slot *s = slots_find_mid(p, t->mid);

    if (t->recv && pub == NULL)
        publish(n, t);
    else if (t->recv)
        update(pub, t);
    if (t->send && s == NULL) {
        slots_section_opened(p, t);
        n->new_sections[t->kind == MEDIA_VIDEO]++;
    } else if (t->send) {
        slots_section_changed(s, t);
    }
}

static void apply(struct negotiation *n, const struct jsep_result *result)
{
    struct participant *p = n->participant;

    apply_transport(p, result);
    close_what_is_gone(n, result);
    for (size_t i = 0; i < result->transceiver_count; i++)
        if (!result->transceiver[i].rejected)
            open_or_update(n, &result->transceiver[i]);
    slots_offered(p, n->new_sections[0], n->new_sections[1]);
}

/* From here on anything may have left whenever a handler returns: @r is freed at the end of the turn, tracks are found anew. */
static void tell_others(struct negotiation *n, struct room *r)
{
    struct participant *p = n->participant;
    struct room_event event = {.kind = ROOM_TRACK_UNPUBLISHED, .participant = p};
    bool tells = !p->permissions.hidden;
    struct publication *pub;

    while ((pub = LIST_FIRST(&n->gone, struct publication, node)) != NULL) {
        list_remove(&pub->node);
        event.publication = pub;
        if (tells)
            room_emit(r, &event, p);
    }
    event.kind = ROOM_TRACK_PUBLISHED;
    for (size_t i = 0; i < n->fresh_count; i++) {
        event.publication = map_get_u64(r->registry->publication_by_handle, n->fresh[i]);
        if (tells && event.publication != NULL)
            room_emit(r, &event, p);
    }
}

/* ---- which PeerConnection ---- */

static bool is_same_fingerprint(const struct fingerprint *f, struct str text)
{
    char hex[4];

    if (text.len + 1 != 3u * f->len)
        return false;
    for (size_t i = 0; i < f->len; i++) {
        (void)snprintf(hex, sizeof(hex), "%02x", f->value[i]);
        if (!str_eq_nocase((struct str){text.p + 3 * i, 2}, str_of(hex)))
            return false;
    }
    return true;
}

/* Whether @tp tells of another certificate; *is_known when it tells of the one we know. */
static bool has_fingerprints(const struct sdp_transport *tp, const struct fingerprint *known,
                             bool *is_known)
{
    for (size_t i = 0; i < tp->fingerprint_count; i++)
        *is_known = *is_known || is_same_fingerprint(known, tp->fingerprint[i].value);
    return tp->fingerprint_count > 0;
}

/* Another certificate means another PeerConnection. The session we have would refuse its offer, whose m-sections have another
 * history, and DTLS could not go on. */
static int find_whether_new(const struct participant *p, struct str text, bool *is_new,
                            struct sdp_error *why)
{
    struct sdp *sdp = NULL;
    bool has_any = false, is_known = false;

    *is_new = true;
    if (p->jsep == NULL || p->transport_state == TRANSPORT_CLOSED)
        return 0;
    int err = sdp_parse(&sdp, text.p, text.len, why);
    if (err != 0)
        return err;
    has_any = has_fingerprints(&sdp->transport, &p->remote_fingerprint, &is_known);
    for (size_t i = 0; i < sdp->section_count; i++)
        has_any |= has_fingerprints(&sdp->section[i].transport, &p->remote_fingerprint, &is_known);
    *is_new = has_any && !is_known;
    sdp_free(&sdp);
    return 0;
}

static struct jsep *new_jsep(const struct participant *p)
{
    const struct registry_host *host = p->host;
    const struct jsep_config config = {
        .fingerprint = p->room->registry->fingerprint,
        .candidate = host->candidate,
        .candidate_count = host->candidate_count,
        .rng = &p->room->registry->rng,
    };

    return jsep_new(&config);
}

int negotiation_try_offer(struct registry *g, struct str sdp, struct strbuf *answer,
                          struct sdp_error *why)
{
    const struct jsep_config config = {.fingerprint = g->fingerprint, .rng = &g->rng};
    struct jsep *j = jsep_new(&config);
    const struct jsep_result *result;
    int err = jsep_answer(j, sdp, NULL, NULL, answer, &result, why);

    jsep_free(&j);
    return err;
}

/* Would a new session take the offer? Asked before the old one is given up for it. */
static int check_first_offer(const struct participant *p, struct str sdp, struct sdp_error *why)
{
    struct strbuf text;

    strbuf_init(&text, MAX_SDP_BYTES);
    int err = negotiation_try_offer(p->room->registry, sdp, &text, why);
    strbuf_fini(&text);
    return err;
}

static int start_anew(struct negotiation *n, struct str sdp, struct sdp_error *why)
{
    struct participant *p = n->participant;
    int err = p->jsep == NULL ? 0 : check_first_offer(p, sdp, why);

    if (err != 0)
        return err;
    LIST_EACH(&p->publications, struct publication, node, pub) {
        if (pub->muted_by_server)
            n->muted_sources |= 1u << pub->source;
    }
    reset(p, &n->gone);
    p->jsep = new_jsep(p);
    return 0;
}

/* ---- entry ---- */

/* Everything that changes state; calls no handler. */
static int answer_and_apply(struct negotiation *n, struct str sdp, struct strbuf *answer,
                            struct sdp_error *why)
{
    struct participant *p = n->participant;
    const struct jsep_result *result = NULL;
    bool is_new = false;
    int err = find_whether_new(p, sdp, &is_new, why);

    if (err == 0 && is_new)
        err = start_anew(n, sdp, why);
    if (err != 0)
        return err;
    err = jsep_answer(p->jsep, sdp, &policy, n, answer, &result, why);
    if (err == 0)
        apply(n, result);
    else if (is_new)
        jsep_free(&p->jsep);
    slots_drop_reservations(p);
    return err;
}

int negotiation_offer(struct participant *p, struct str sdp, const struct track_label *label,
                      size_t label_count, const char **answer, struct sdp_error *why)
{
    struct negotiation n = {.participant = p, .label = label, .label_count = label_count};
    struct room *r = p->room;
    struct strbuf text;

    list_init(&n.gone);
    strbuf_init(&text, MAX_SDP_BYTES);
    p->is_negotiating = true;
    int err = answer_and_apply(&n, sdp, &text, why);
    p->is_negotiating = false;
    if (err == 0) {
        mem_free(p->answer);
        p->answer = strbuf_take(&text);
        *answer = p->answer;
    }
    strbuf_fini(&text);
    tell_others(&n, r);
    return err == 0 && p->room == NULL ? E_STATE : err;
}
