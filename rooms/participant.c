/* SPDX-License-Identifier: Apache-2.0 */
/* participant.c - see participant.h. Negotiation is negotiation.c's, slots are slots.c's. */
#include "rooms/participant.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/last_n.h"
#include "rooms/moving.h"
#include "rooms/layers.h"
#include "rooms/negotiation.h"
#include "rooms/replicas.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"
#include "rooms/speakers.h"

/* ---- plain values ---- */

const char *participant_id(const struct participant *p)
{
    return p->id;
}

const char *participant_identity(const struct participant *p)
{
    return p->identity;
}

const char *participant_name(const struct participant *p)
{
    return p->name;
}

const char *participant_metadata(const struct participant *p)
{
    return p->metadata;
}

uint64_t participant_joined_at_ms(const struct participant *p)
{
    return p->joined_at_ms;
}

const struct permissions *participant_permissions(const struct participant *p)
{
    return &p->permissions;
}

bool participant_in_mix(const struct participant *p)
{
    return p->in_mix;
}

uint32_t participant_csrc(const struct participant *p)
{
    return p->csrc;
}

struct room *participant_room(const struct participant *p)
{
    return p->room;
}

/* What a client can act on: a refused transport and one without consent both want an ICE restart or a new connection. */
const char *participant_transport_state(const struct participant *p)
{
    return p->transport_state == TRANSPORT_CLOSED ? "failed"
                                                  : transport_state_name(p->transport_state);
}

void participant_each_publication(const struct participant *p,
                                  void (*visit)(const struct publication *pub, void *arg),
                                  void *arg)
{
    LIST_EACH(&p->publications, struct publication, node, pub) {
        visit(pub, arg);
    }
}

size_t participant_slots(struct participant *p, const struct slot_info **out)
{
    size_t n = 0;

    mem_free(p->slot_info);
    p->slot_info = mem_alloc_array(p->slot_count + 1, sizeof(*p->slot_info));
    LIST_EACH(&p->slots, struct slot, node, s) {
        p->slot_info[n++] = slots_info(s);
    }
    *out = p->slot_info;
    return n;
}

/* ---- events and signalling ---- */

void participant_emit(struct participant *p, const struct room_event *event)
{
    if (p->is_attached)
        p->handlers.on_event(p, event, p->handlers_arg);
}

static void on_tell(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    (void)now_us;
    slots_tell(arg);
}

static void on_grace_over(struct deadline *d, uint64_t now_us, void *arg)
{
    struct participant *p = arg;

    (void)d;
    (void)now_us;
    participant_leave(&p, LEAVE_TIMEOUT);
}

void participant_attach(struct participant *p, const struct participant_handlers *handlers,
                        void *arg)
{
    if (p->room == NULL)
        return;
    p->handlers = *handlers;
    p->handlers_arg = arg;
    p->is_attached = true;
    deadline_clear(&p->grace);
    /* Whoever was here before may have lost the last question for slots together with the connection. */
    p->told_audio = p->told_video = 0;
    layers_tell_again(p);
    slots_tell_later(p);
}

/* Without signalling and without consent nobody is there: no reason to wait. */
static bool is_lost(const struct participant *p)
{
    return !p->is_attached &&
           (p->transport_state == TRANSPORT_FAILED || p->transport_state == TRANSPORT_CLOSED);
}

void participant_detach(struct participant *p, uint64_t now_us)
{
    if (p->room == NULL)
        return;
    struct registry *g = p->room->registry;
    p->is_attached = false;
    p->handlers = (struct participant_handlers){0};
    log_debug(LOG_ROOM, &p->ids, "signalling lost, kept for %u ms", g->config->session_grace_ms);
    deadline_set(worker_wheel(g->control), &p->grace,
                 is_lost(p) ? 0 : now_us + g->config->session_grace_ms * US_PER_MS);
}

void participant_on_transport_state(struct participant *p, enum transport_state state,
                                    const char *reason)
{
    struct room_event event = {.kind = ROOM_TRANSPORT_STATE, .participant = p};

    p->transport_state = state;
    event.detail = participant_transport_state(p);
    event.message = reason[0] == 0 ? NULL : reason;
    event.is_final = state == TRANSPORT_CLOSED;
    log_debug(LOG_ROOM, &p->ids, "transport %s%s%s", transport_state_name(state),
              reason[0] == 0 ? "" : ": ", reason);
    if (is_lost(p))
        participant_leave(&p, LEAVE_TIMEOUT);
    else
        participant_emit(p, &event);
}

/* ---- requests ---- */

int participant_offer(struct participant *p, struct str sdp, const struct track_label *label,
                      size_t label_count, struct offer_result *result, struct sdp_error *why)
{
    size_t n = 0;

    if (p->room == NULL)
        return E_STATE;
    int err = negotiation_offer(p, sdp, label, label_count, &result->answer, why);
    if (err != 0)
        return err;
    mem_free(p->published);
    p->published = mem_alloc_array(p->publication_count + 1, sizeof(*p->published));
    LIST_EACH(&p->publications, struct publication, node, pub) {
        p->published[n++] = pub;
    }
    result->published = p->published;
    result->published_count = n;
    result->slot_count = participant_slots(p, &result->slot);
    return 0;
}

int participant_restart_ice(struct participant *p, const struct ice_credentials *remote,
                            struct ice_credentials *local, bool *is_new)
{
    if (p->room == NULL || p->jsep == NULL || p->transport_state == TRANSPORT_CLOSED)
        return E_STATE;
    int err = jsep_restart_ice(p->jsep, remote, local, is_new);
    if (err == 0 && *is_new)
        sfu_host_transport_restart_ice(p->host->host, p->transport, local, remote);
    return err;
}

const char *participant_answer(const struct participant *p)
{
    return p->answer;
}

int participant_trickle(struct participant *p, struct str candidate)
{
    struct candidate c;
    int err =
        candidate.len == 0 ? 0 : candidate_parse(&c, candidate); /* empty: end of candidates */

    (void)p;
    return err == E_UNSUPPORTED ? 0
                                : err; /* some other transport than UDP or TCP: not ours to use */
}

/* NULL when there is none that @p may know of. */
static struct publication *find_others(const struct participant *p, const char *track_id)
{
    struct publication *pub = map_get(p->room->publication_by_id, track_id, strlen(track_id));

    return pub == NULL || pub->participant == p || pub->participant->permissions.hidden ? NULL
                                                                                        : pub;
}

int participant_subscribe(struct participant *p, const char *track_id, const char **mid)
{
    struct publication *pub = find_others(p, track_id);
    struct slot *slot = NULL;

    if (!p->permissions.subscribe)
        return E_DENIED;
    if (pub == NULL)
        return E_NOT_FOUND;
    int err = slots_subscribe(p, pub, &slot);
    if (err == 0)
        *mid = slot == NULL ? NULL : slot->mid;
    return err;
}

int participant_unsubscribe(struct participant *p, const char *track_id)
{
    struct publication *pub = find_others(p, track_id);

    if (pub == NULL)
        return E_NOT_FOUND;
    slots_unsubscribe(p, pub);
    return 0;
}

int participant_subscribe_moving(struct participant *p, enum media_kind kind, unsigned number,
                                 const char **mid)
{
    struct slot *slot = NULL;

    if (!p->permissions.subscribe)
        return E_DENIED;
    int err = moving_subscribe(p, kind, number, &slot);
    if (err == 0)
        *mid = slot == NULL ? NULL : slot->mid;
    return err;
}

int participant_unsubscribe_moving(struct participant *p, enum media_kind kind, unsigned number)
{
    return moving_unsubscribe(p, kind, number);
}

int participant_set_layers(struct participant *p, const char *mid, const struct sfu_wish *wish,
                           bool has_priority)
{
    struct slot *s = slots_find_mid(p, mid);

    if (s == NULL)
        return E_NOT_FOUND;
    if (s->kind != MEDIA_VIDEO)
        return E_UNSUPPORTED;
    layers_wish(s, wish, has_priority);
    return 0;
}

int participant_mute(struct participant *owner, const char *track_id, bool muted, bool by_server)
{
    struct publication *pub = map_get(owner->room->publication_by_id, track_id, strlen(track_id));
    const struct room_event event = {
        .kind = ROOM_TRACK_MUTED, .participant = owner, .publication = pub};

    if (pub == NULL || pub->participant != owner)
        return E_NOT_FOUND;
    if (!by_server && !muted && pub->muted_by_server)
        return E_DENIED;
    bool *flag = by_server ? &pub->muted_by_server : &pub->muted_by_publisher;
    if (*flag == muted)
        return 0;
    *flag = muted;
    if (by_server) {
        sfu_host_track_set_muted(owner->host->host, pub->handle, muted);
        replicas_set_muted(pub);
    }
    room_mix_publication_muted(pub);
    speakers_publication_muted(pub);
    if (!owner->permissions.hidden)
        room_emit(owner->room, &event, by_server ? NULL : owner);
    else if (by_server)
        participant_emit(owner, &event);
    return 0;
}

int participant_check_texts(const char *name, const char *metadata)
{
    if (name != NULL && strlen(name) > MAX_NAME_LEN)
        return E_LIMIT;
    if (name != NULL && !str_is_clean_utf8(str_of(name)))
        return E_INVALID;
    return metadata != NULL && strlen(metadata) > MAX_METADATA_BYTES ? E_LIMIT : 0;
}

int participant_update(struct participant *p, const struct participant_changes *c, bool by_server)
{
    const struct room_event event = {.kind = ROOM_PARTICIPANT_UPDATED, .participant = p};
    bool has_texts = c->name != NULL || c->metadata != NULL;
    int err = participant_check_texts(c->name, c->metadata);

    if (has_texts && !by_server && !p->permissions.update_metadata)
        return E_DENIED;
    if (err != 0)
        return err;
    if (c->name != NULL)
        CHECK(str_copy(p->name, sizeof(p->name), str_of(c->name)));
    if (c->metadata != NULL) {
        mem_free(p->metadata);
        p->metadata = mem_strdup(c->metadata);
    }
    p->in_mix = c->has_in_mix ? c->in_mix : p->in_mix;
    room_mix_participant_updated(p);
    if (!p->permissions.hidden)
        room_emit(p->room, &event, by_server ? NULL : p);
    else if (by_server)
        participant_emit(p, &event);
    return 0;
}

void participant_read_report(struct participant *p,
                             void (*on_report)(int err, struct sfu_transport_report *report,
                                               void *arg),
                             void *arg)
{
    if (p->transport == 0)
        on_report(E_STATE, NULL, arg);
    else
        sfu_host_read_report(p->host->host, p->transport, on_report, arg);
}

/* ---- life ---- */

static bool is_csrc_taken(const struct room *r, uint32_t csrc)
{
    LIST_EACH(&r->participants, struct participant, node, p) {
        if (p->csrc == csrc)
            return true;
    }
    return false;
}

static uint32_t choose_csrc(struct room *r)
{
    uint32_t csrc;

    do
        csrc = rng_u32(&r->registry->rng);
    while (csrc == 0 || is_csrc_taken(r, csrc));
    return csrc;
}

struct participant *participant_new(struct room *r, const struct participant_params *params)
{
    struct participant *p = MEM_NEW(struct participant);

    registry_new_id(p->id, "PA_");
    CHECK(str_copy(p->identity, sizeof(p->identity), str_of(params->identity)));
    CHECK(str_copy(p->name, sizeof(p->name),
                   str_of(params->name != NULL ? params->name : params->identity)));
    p->metadata = params->metadata == NULL ? NULL : mem_strdup(params->metadata);
    p->room = r;
    p->host = registry_choose_host_in(r);
    p->permissions = params->permissions;
    p->auto_subscribe = params->auto_subscribe;
    p->has_last_n = params->has_last_n;
    p->last_n = params->last_n;
    p->has_speaker_audio = params->has_speaker_audio;
    p->video_rank = LAST_N_NO_VIDEO;
    p->single_stream = params->single_stream;
    p->in_mix = params->in_mix;
    p->csrc = choose_csrc(r);
    p->subscribe_to_identity =
        params->subscribe_to_identity == NULL ? NULL : mem_strdup(params->subscribe_to_identity);
    p->joined_at_ms = timebase_wall_us() / US_PER_MS;
    list_init(&p->publications);
    list_init(&p->slots);
    list_init(&p->wishes);
    list_init(&p->viewer_node);
    deadline_init(&p->grace, on_grace_over, p);
    deadline_init(&p->tell, on_tell, p);
    log_ids_set(&p->ids, "room=%s part=%s", r->name, p->id);
    return p;
}

static void free_participant(void *block)
{
    struct participant *p = block;

    mem_free(p->metadata);
    mem_free(p->subscribe_to_identity);
    mem_free(p->answer);
    mem_free(p->published);
    mem_free(p->slot_info);
    mem_free(p);
}

void participant_free_later(struct registry *g, struct participant *p)
{
    p->room = NULL; /* before any handler: it may ask for the same again */
    worker_free_later(g->control, p, free_participant);
}

void participant_leave(struct participant **pp, enum leave_reason reason)
{
    struct participant *p = *pp;
    const struct room_event closed = {
        .kind = ROOM_CLOSED, .participant = p, .leave_reason = reason};
    const struct room_event left = {
        .kind = ROOM_PARTICIPANT_LEFT, .participant = p, .leave_reason = reason};

    *pp = NULL;
    if (p == NULL || p->room == NULL)
        return;
    struct room *r = p->room;
    log_info(LOG_ROOM, &p->ids, "\"%s\" left: %s", p->identity, leave_reason_name(reason));
    deadline_clear(&p->grace);
    negotiation_close(p);
    moving_participant_left(p);
    slots_participant_left(p);
    room_mix_participant_left(p);
    last_n_participant_left(p);
    room_remove_participant(r, p);
    participant_free_later(r->registry, p);
    if (reason != LEAVE_LEFT)
        participant_emit(p, &closed);
    p->is_attached = false;
    /* Of a room that ends everybody is told once, about himself. */
    if (!p->permissions.hidden && room_is_open(r))
        room_emit(r, &left, NULL);
}
