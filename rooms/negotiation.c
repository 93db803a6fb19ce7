/* SPDX-License-Identifier: Apache-2.0 */
/*
 * negotiation.c - see negotiation.h.
 *
 *   offer ──jsep_answer (asks may_recv, may_send)──▶ answer
 *                       │
 *                       └─▶ transport: open, or restart ICE
 *                       └─▶ sections that the endpoint sends on: publications
 *                       └─▶ sections that it receives on: slots
 */
#include "rooms/negotiation.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"

/* One offer while it is worked on. */
struct negotiation {
    struct participant *participant;
    const struct track_label *label;
    size_t label_count;
    size_t new_publications, new_slots; /* promised so far in this answer */
};

static struct publication *find_by_mid(const struct participant *p, const char *mid)
{
    LIST_EACH(&p->publications, struct publication, node, pub)
        if (strcmp(pub->mid, mid) == 0)
            return pub;
    return NULL;
}

static const struct track_label *find_label(const struct negotiation *n, const char *mid)
{
    for (size_t i = 0; i < n->label_count; i++)
        if (strcmp(n->label[i].mid, mid) == 0)
            return &n->label[i];
    return NULL;
}

static enum track_source source_of(const struct negotiation *n, const struct transceiver *t)
{
    const struct track_label *label = find_label(n, t->mid);

    if (label != NULL && label->source != TRACK_SOURCE_UNKNOWN)
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
        log_warn(LOG_ROOM, &p->ids, "may not publish a %s: section %s is answered without", track_source_name(source),
                 t->mid);
        return E_DENIED;
    }
    if (p->publication_count + n->new_publications >= MAX_TRACKS_PER_PARTICIPANT) {
        log_warn(LOG_ROOM, &p->ids, "publishes %d tracks already: section %s is answered without", MAX_TRACKS_PER_PARTICIPANT,
                 t->mid);
        return E_LIMIT;
    }
    n->new_publications++;
    return 0;
}

static int may_send(const struct transceiver *t, char msid[MAX_MSID_LEN + 1], void *arg)
{
    struct negotiation *n = arg;
    struct participant *p = n->participant;
    const struct slot *s = slots_find_mid(p, t->mid);
    const struct publication *pub;

    if (!p->permissions.subscribe)
        return E_DENIED;
    if (s == NULL && p->slot_count + n->new_slots >= MAX_SLOTS_PER_PARTICIPANT)
        return E_LIMIT;
    if (s == NULL)
        n->new_slots++;
    /* The stream id groups what belongs to one person, so that a browser plays it in sync. */
    pub = s == NULL ? slots_reserve(p, t) : s->wish == NULL ? NULL : s->wish->publication;
    if (pub != NULL)
        CHECK(str_copy(msid, MAX_MSID_LEN + 1, str_of(pub->participant->id)));
    return 0;
}

static const struct jsep_policy policy = {.may_recv = may_recv, .may_send = may_send};

/* ---- publications ---- */

static void publish(struct negotiation *n, const struct transceiver *t)
{
    struct participant *p = n->participant;
    struct registry *g = p->room->registry;
    const struct track_label *label = find_label(n, t->mid);
    struct publication *pub = MEM_NEW(struct publication);

    registry_new_id(pub->id, "TR_");
    pub->handle = registry_new_handle(g);
    pub->participant = p;
    pub->kind = t->kind;
    pub->source = source_of(n, t);
    pub->is_simulcast = t->is_simulcast;
    list_init(&pub->wishes);
    memcpy(pub->mid, t->mid, sizeof(pub->mid));
    if (label != NULL) {
        pub->muted_by_publisher = label->muted;
        if (label->name != NULL && !str_copy(pub->name, sizeof(pub->name), str_of(label->name)))
            pub->name[0] = 0; /* the API has checked the length already */
    }
    list_append(&p->publications, &pub->node);
    p->publication_count++;
    p->room->publication_count++;
    CHECK(map_put_u64(g->publication_by_handle, pub->handle, pub) == 0);
    sfu_host_track_open(p->room->host->host, pub->handle, p->transport, t);
}

static void unpublish(struct publication *pub, bool tells)
{
    struct participant *p = pub->participant;
    struct room *r = p->room;
    const struct room_event event = {.kind = ROOM_TRACK_UNPUBLISHED, .participant = p, .publication = pub};

    slots_publication_removed(pub);
    (void)map_remove_u64(r->registry->publication_by_handle, pub->handle);
    sfu_host_track_close(r->host->host, pub->handle);
    list_remove(&pub->node);
    p->publication_count--;
    r->publication_count--;
    if (tells && !p->permissions.hidden)
        room_emit(r, &event, p);
    rooms_free_later(r->registry, pub);
}

/* ---- after an answer ---- */

static const struct transceiver *find_section(const struct jsep_result *result, const char *mid)
{
    for (size_t i = 0; i < result->transceiver_count; i++)
        if (!result->transceiver[i].rejected && strcmp(result->transceiver[i].mid, mid) == 0)
            return &result->transceiver[i];
    return NULL;
}

static void close_what_is_gone(struct participant *p, const struct jsep_result *result)
{
    LIST_EACH(&p->publications, struct publication, node, pub)
    {
        const struct transceiver *t = find_section(result, pub->mid);
        if (t == NULL || !t->recv)
            unpublish(pub, true);
    }
    LIST_EACH(&p->slots, struct slot, node, s)
    {
        const struct transceiver *t = find_section(result, s->mid);
        if (t == NULL || !t->send)
            slots_section_closed(s);
    }
}

static void open_or_update(struct negotiation *n, const struct transceiver *t, unsigned opened[2])
{
    struct participant *p = n->participant;
    struct publication *pub = find_by_mid(p, t->mid);
    struct slot *s = slots_find_mid(p, t->mid);

    if (t->recv && pub == NULL)
        publish(n, t);
    else if (t->recv)
        sfu_host_track_update(p->room->host->host, pub->handle, t);
    if (t->send && s == NULL) {
        slots_section_opened(p, t);
        opened[t->kind == MEDIA_VIDEO]++;
    } else if (t->send) {
        slots_section_changed(s, t);
    }
}

static void apply_transport(struct participant *p, const struct jsep_result *result)
{
    struct registry *g = p->room->registry;
    struct sfu_host *host = p->room->host->host;

    if (result->is_first) {
        p->transport = registry_new_handle(g);
        p->transport_state = TRANSPORT_NEW;
        p->remote_fingerprint = result->remote.fingerprint[0];
        p->room->host->transports++;
        CHECK(map_put_u64(g->participant_by_transport, p->transport, p) == 0);
        sfu_host_transport_open(host, p->transport, &result->local, &result->remote,
                                p->room->registry->config->media_consent_timeout_ms * 1000ull, &p->ids);
    } else if (result->is_ice_restart) {
        sfu_host_transport_restart_ice(host, p->transport, &result->local, &result->remote.ice);
    }
}

static void announce_new(struct participant *p, const struct publication *last_known)
{
    bool is_new = last_known == NULL;

    LIST_EACH(&p->publications, struct publication, node, pub)
    {
        const struct room_event event = {.kind = ROOM_TRACK_PUBLISHED, .participant = p, .publication = pub};
        if (is_new && !p->permissions.hidden) {
            room_emit(p->room, &event, p);
            slots_publication_added(pub);
        }
        is_new = is_new || pub == last_known;
    }
}

static void apply(struct negotiation *n, const struct jsep_result *result)
{
    struct participant *p = n->participant;
    unsigned opened[2] = {0, 0};

    apply_transport(p, result);
    close_what_is_gone(p, result);
    const struct publication *last_known =
        list_is_empty(&p->publications) ? NULL : CONTAINER_OF(p->publications.prev, struct publication, node);
    for (size_t i = 0; i < result->transceiver_count; i++)
        if (!result->transceiver[i].rejected)
            open_or_update(n, &result->transceiver[i], opened);
    slots_offered(p, opened[0], opened[1]);
    announce_new(p, last_known);
}

/* ---- entry ---- */

static int start_jsep(struct participant *p)
{
    const struct registry_host *host = p->room->host;
    const struct jsep_config config = {
        .fingerprint = p->room->registry->fingerprint,
        .candidate = host->candidate,
        .candidate_count = host->candidate_count,
        .rng = &p->room->registry->rng,
    };

    p->jsep = jsep_new(&config);
    return p->jsep == NULL ? E_NO_MEMORY : 0;
}

void negotiation_reset(struct participant *p, bool tells)
{
    struct registry *g = p->room->registry;

    while (!list_is_empty(&p->publications))
        unpublish(LIST_FIRST(&p->publications, struct publication, node), tells);
    while (!list_is_empty(&p->slots))
        slots_section_closed(LIST_FIRST(&p->slots, struct slot, node));
    if (p->transport != 0) {
        (void)map_remove_u64(g->participant_by_transport, p->transport);
        sfu_host_transport_close(p->room->host->host, p->transport);
        p->room->host->transports--;
    }
    p->transport = 0;
    p->transport_state = TRANSPORT_NEW;
    p->told_audio = p->told_video = 0;
    jsep_free(&p->jsep);
}

/* Another certificate means another PeerConnection: DTLS cannot go on (RFC 8842 s5.5 would want a new association). */
static bool is_other_endpoint(const struct participant *p, const struct jsep_result *result)
{
    const struct fingerprint *f = &result->remote.fingerprint[0];

    return !result->is_first &&
           (f->len != p->remote_fingerprint.len || memcmp(f->value, p->remote_fingerprint.value, f->len) != 0);
}

static int answer_offer(struct negotiation *n, struct str sdp, struct strbuf *text, const struct jsep_result **result,
                        struct sdp_error *why)
{
    struct participant *p = n->participant;
    int err = p->jsep == NULL ? start_jsep(p) : 0;

    n->new_publications = n->new_slots = 0;
    slots_drop_reservations(p);
    return err != 0 ? err : jsep_answer(p->jsep, sdp, &policy, n, text, result, why);
}

int negotiation_offer(struct participant *p, struct str sdp, const struct track_label *label, size_t label_count,
                      const char **answer, struct sdp_error *why)
{
    struct negotiation n = {.participant = p, .label = label, .label_count = label_count};
    const struct jsep_result *result = NULL;
    struct strbuf text;
    bool had_jsep = p->jsep != NULL;

    strbuf_init(&text, MAX_SDP_BYTES);
    p->is_negotiating = true;
    if (p->transport_state == TRANSPORT_CLOSED)
        negotiation_reset(p, true);
    int err = answer_offer(&n, sdp, &text, &result, why);
    if (err == 0 && is_other_endpoint(p, result)) {
        negotiation_reset(p, true);
        strbuf_clear(&text);
        err = answer_offer(&n, sdp, &text, &result, why);
    }
    if (err == 0)
        apply(&n, result);
    else if (!had_jsep)
        jsep_free(&p->jsep);
    slots_drop_reservations(p);
    p->is_negotiating = false;
    if (err == 0) {
        MEM_FREE(p->answer);
        p->answer = strbuf_take(&text);
        *answer = p->answer;
        err = p->answer == NULL ? E_LIMIT : 0;
    }
    strbuf_fini(&text);
    return err;
}
