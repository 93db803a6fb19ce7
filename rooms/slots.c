/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c - see slots.h. */
#include "rooms/slots.h"

#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/worker.h"
#include "rooms/last_n.h"
#include "rooms/layers.h"
#include "rooms/moving.h"
#include "rooms/replicas.h"
#include "rooms/rooms_internal.h"

static struct registry *registry_of(const struct participant *p)
{
    return p->room->registry;
}

static struct sfu_host *host_of(const struct slot *s)
{
    return s->participant->host->host;
}

void slots_tell_later(struct participant *p)
{
    if (!deadline_is_set(&p->tell))
        deadline_set(worker_wheel(registry_of(p)->control), &p->tell,
                     0); /* long past: with this turn's deadlines */
}

static void note_changed(struct slot *s)
{
    layers_review(s);
    if (s->participant->is_negotiating)
        return; /* the result of the offer says it */
    s->is_changed = true;
    slots_tell_later(s->participant);
}

/* ---- wishes ---- */

static size_t *count_of(const struct wish *w)
{
    return &w->participant->wish_count[w->state][w->kind == MEDIA_VIDEO];
}

static void set_state(struct wish *w, enum wish_state state)
{
    --*count_of(w);
    w->state = state;
    ++*count_of(w);
}

static struct wish *find_wish(const struct participant *p, const struct publication *pub)
{
    LIST_EACH(&p->wishes, struct wish, node, w) {
        if (w->publication == pub && w->number == 0)
            return w;
    }
    return NULL;
}

static struct wish *new_wish(struct participant *p, enum media_kind kind, enum wish_state state)
{
    struct wish *w = MEM_NEW(struct wish);

    w->participant = p;
    w->kind = kind;
    w->state = state;
    list_init(&w->publication_node);
    list_init(&w->listener_node);
    ++*count_of(w);
    list_append(&p->wishes, &w->node);
    return w;
}

static struct wish *add_wish(struct participant *p, struct publication *pub, enum wish_state state)
{
    struct wish *w = new_wish(p, pub->kind, state);

    w->publication = pub;
    list_append(&pub->wishes, &w->publication_node);
    return w;
}

static void free_wish(struct wish *w)
{
    --*count_of(w);
    list_remove(&w->node);
    list_remove(&w->publication_node);
    list_remove(&w->listener_node);
    mem_free(w);
}

/* ---- wishes and slots meet ---- */

/* The track of a publication on the slot's worker, or 0 for none. */
static uint64_t use(const struct slot *s, struct publication *pub)
{
    return pub == NULL ? 0 : replicas_use(pub, s->participant);
}

static void fill(struct slot *s, struct wish *w)
{
    s->wish = w;
    w->slot = s;
    set_state(w, WISH_FLOWING);
    sfu_host_subscription_set_source(host_of(s), s->handle, use(s, w->publication));
    note_changed(s);
}

/* Slot and wish part; the wish waits again. */
static void part(struct slot *s)
{
    struct wish *w = s->wish;

    w->slot = NULL;
    s->wish = NULL;
    set_state(w, WISH_WAITING);
    if (w->publication != NULL)
        replicas_release(w->publication, s->participant);
}

/* Leaves the slot carrying nothing, until serve(). */
static void vacate(struct slot *s)
{
    sfu_host_subscription_set_source(host_of(s), s->handle, 0);
    part(s);
    note_changed(s);
}

static struct slot *find_free(const struct participant *p, enum media_kind kind)
{
    LIST_EACH(&p->slots, struct slot, node, s) {
        if (s->wish == NULL && s->kind == kind)
            return s;
    }
    return NULL;
}

/* What was promised to this section by its answer, or else who waits longest. */
static struct wish *next_wish(const struct slot *s)
{
    struct wish *oldest = NULL;

    if (s->participant->wish_count[WISH_WAITING][s->kind == MEDIA_VIDEO] == 0)
        return NULL;
    LIST_EACH(&s->participant->wishes, struct wish, node, w) {
        if (w->state != WISH_WAITING || w->kind != s->kind)
            continue;
        if (w->reserved_mid[0] != 0 && strcmp(w->reserved_mid, s->mid) == 0)
            return w;
        if (w->reserved_mid[0] == 0 && oldest == NULL)
            oldest = w;
    }
    return oldest;
}

static void serve(struct slot *s)
{
    struct wish *w = next_wish(s);

    if (w != NULL)
        fill(s, w);
}

/* The wish waits: give it a slot, or have the client asked for one. */
static void seek(struct wish *w)
{
    struct slot *s = find_free(w->participant, w->kind);

    if (s != NULL)
        fill(s, w);
    else
        slots_tell_later(w->participant);
}

static void end_wish(struct wish *w)
{
    struct slot *s = w->slot;

    if (s != NULL)
        vacate(s);
    free_wish(w);
    if (s != NULL)
        serve(s);
}

/* ---- participants and publications come and go ---- */

static bool wants_by_itself(const struct participant *p, const struct publication *pub)
{
    if (!p->auto_subscribe || !p->permissions.subscribe || p == pub->participant ||
        pub->participant->permissions.hidden)
        return false;
    if (p->has_speaker_audio && pub->source == TRACK_SOURCE_MICROPHONE)
        return false; /* heard through moving slots */
    if (p->subscribe_to_identity == NULL)
        return pub->mix == NULL; /* a mix is taken by choice */
    return strcmp(p->subscribe_to_identity, pub->participant->identity) == 0;
}

static enum wish_state first_state(const struct participant *p, const struct publication *pub)
{
    return last_n_takes(p, pub) ? WISH_WAITING : WISH_HELD;
}

void slots_participant_joined(struct participant *p)
{
    LIST_EACH(&p->room->publications, struct publication, room_node, pub) {
        if (wants_by_itself(p, pub))
            (void)add_wish(p, pub, first_state(p, pub));
    }
}

void slots_participant_left(struct participant *p)
{
    LIST_EACH(&p->wishes, struct wish, node, w) {
        if (w->slot != NULL)
            part(w->slot);
        free_wish(w);
    }
    memset(p->moving, 0, sizeof(p->moving));
    slots_close_all(p);
    deadline_clear(&p->tell);
}

void slots_publication_added(struct publication *pub)
{
    LIST_EACH(&pub->participant->room->participants, struct participant, node, p) {
        if (!wants_by_itself(p, pub))
            continue;
        struct wish *w = add_wish(p, pub, first_state(p, pub));
        if (w->state == WISH_WAITING)
            seek(w);
    }
}

void slots_publication_removed(struct publication *pub)
{
    LIST_EACH(&pub->wishes, struct wish, publication_node, w) {
        if (w->number != 0)
            slots_move(w, NULL);
        else
            end_wish(w);
    }
}

void slots_publication_codec(struct publication *pub)
{
    LIST_EACH(&pub->wishes, struct wish, publication_node, w) {
        if (w->state != WISH_BLOCKED)
            continue;
        set_state(w, WISH_WAITING);
        seek(w);
    }
}

void slots_publication_moved(struct publication *pub)
{
    LIST_EACH(&pub->wishes, struct wish, publication_node, w) {
        struct slot *s = w->slot;
        if (s == NULL)
            continue;
        part(s);
        fill(s, w);
    }
}

/* ---- by choice ---- */

static bool may_have_slot(const struct participant *p, enum media_kind kind)
{
    return p->slot_count < MAX_SLOTS_PER_PARTICIPANT || find_free(p, kind) != NULL;
}

int slots_subscribe(struct participant *p, struct publication *pub, struct slot **slot)
{
    struct wish *w = find_wish(p, pub);

    if (w == NULL || w->slot == NULL) {
        if (!may_have_slot(p, pub->kind))
            return E_LIMIT;
        if (w == NULL)
            w = add_wish(p, pub, WISH_WAITING);
        set_state(w, WISH_WAITING);
        seek(w);
    }
    w->is_chosen = true;
    *slot = w->slot;
    return 0;
}

void slots_unsubscribe(struct participant *p, struct publication *pub)
{
    struct wish *w = find_wish(p, pub);
    struct slot *s = w == NULL ? NULL : w->slot;

    if (!p->auto_subscribe) {
        if (w != NULL)
            end_wish(w);
        return;
    }
    if (w == NULL)
        w = add_wish(p, pub, WISH_REFUSED);
    if (s != NULL)
        vacate(s);
    set_state(w, WISH_REFUSED);
    w->is_chosen = false;
    if (s != NULL)
        serve(s);
}

/* ---- moving ones ---- */

int slots_add_moving(struct participant *p, enum media_kind kind, unsigned number,
                     struct wish **out)
{
    if (!may_have_slot(p, kind))
        return E_LIMIT;
    *out = new_wish(p, kind, WISH_WAITING);
    (*out)->number = (uint8_t)number;
    seek(*out);
    return 0;
}

void slots_move(struct wish *w, struct publication *pub)
{
    struct slot *s = w->slot;
    struct publication *before = w->publication;

    if (pub == before)
        return;
    list_remove(&w->publication_node);
    w->publication = pub;
    if (pub != NULL)
        list_append(&pub->wishes, &w->publication_node);
    if (s == NULL)
        return;
    moving_set_source(s, use(s, pub));
    if (before != NULL)
        replicas_release_later(before, s->participant);
    note_changed(s);
}

void slots_end_moving(struct wish *w)
{
    end_wish(w);
}

/* ---- held ones ---- */

void slots_hold(struct wish *w)
{
    struct slot *s = w->slot;

    if (w->state == WISH_WAITING || w->state == WISH_BLOCKED)
        set_state(w, WISH_HELD);
    if (w->state != WISH_FLOWING)
        return;
    struct publication *pub = w->publication;
    w->slot = NULL;
    s->wish = NULL;
    set_state(w, WISH_HELD);
    serve(s); /* at once, so that what flowed goes on until what comes shows a keyframe */
    if (s->wish == NULL)
        sfu_host_subscription_set_source(host_of(s), s->handle, 0);
    replicas_release_later(pub, s->participant);
    note_changed(s);
}

void slots_let_go(struct wish *w)
{
    if (w->state == WISH_HELD)
        set_state(w, WISH_WAITING);
}

void slots_seek(struct wish *w)
{
    if (w->state == WISH_WAITING)
        seek(w);
}

/* ---- sections come and go ---- */

const struct wish *slots_reserve(struct participant *p, const struct transceiver *t)
{
    LIST_EACH(&p->wishes, struct wish, node, w) {
        if (w->state != WISH_WAITING || w->kind != t->kind || w->reserved_mid[0] != 0)
            continue;
        memcpy(w->reserved_mid, t->mid, sizeof(w->reserved_mid));
        return w;
    }
    return NULL;
}

void slots_drop_reservations(struct participant *p)
{
    LIST_EACH(&p->wishes, struct wish, node, w) {
        w->reserved_mid[0] = 0;
    }
}

static bool can_receive(const struct transceiver *t, enum codec_id codec)
{
    for (unsigned i = 0; i < t->codec_count; i++)
        if (t->codec[i].codec.id == codec)
            return true;
    return false;
}

/* A section of an offer: what was blocked for its codec tries again when the client receives that now. */
static void retry_blocked(struct participant *p, const struct transceiver *t)
{
    moving_retry(p, t->kind);
    if (p->wish_count[WISH_BLOCKED][t->kind == MEDIA_VIDEO] == 0)
        return;
    LIST_EACH(&p->wishes, struct wish, node, w) {
        if (w->state == WISH_BLOCKED && w->kind == t->kind && can_receive(t, w->publication->codec))
            set_state(w, WISH_WAITING);
    }
}

void slots_section_opened(struct participant *p, const struct transceiver *t)
{
    struct registry *g = registry_of(p);
    struct slot *s = MEM_NEW(struct slot);

    s->handle = registry_new_handle(g);
    s->participant = p;
    s->kind = t->kind;
    memcpy(s->mid, t->mid, sizeof(s->mid));
    layers_init(s);
    list_append(&p->slots, &s->node);
    p->slot_count++;
    CHECK(map_put_u64(g->slot_by_handle, s->handle, s) == 0);
    sfu_host_subscription_open(host_of(s), s->handle, p->transport, t, 0);
    retry_blocked(p, t);
}

void slots_section_changed(struct slot *s, const struct transceiver *t)
{
    sfu_host_subscription_update(host_of(s), s->handle, t);
    retry_blocked(s->participant, t);
}

void slots_section_closed(struct slot *s)
{
    struct participant *p = s->participant;
    struct registry *g = registry_of(p);

    (void)map_remove_u64(g->slot_by_handle, s->handle);
    sfu_host_subscription_close(host_of(s), s->handle);
    if (s->wish != NULL)
        part(s);
    list_remove(&s->node);
    p->slot_count--;
    rooms_free_later(g, s); /* its mid may be lent to an event just now */
}

void slots_offered(struct participant *p, unsigned audio, unsigned video)
{
    p->told_audio -= MIN(p->told_audio, audio);
    p->told_video -= MIN(p->told_video, video);
    LIST_EACH(&p->slots, struct slot, node, s) {
        if (s->wish == NULL)
            serve(s);
    }
    slots_tell_later(p);
}

void slots_close_all(struct participant *p)
{
    LIST_EACH(&p->slots, struct slot, node, s) {
        slots_section_closed(s);
    }
    p->told_audio = p->told_video = 0;
}

struct slot *slots_find_mid(struct participant *p, const char *mid)
{
    LIST_EACH(&p->slots, struct slot, node, s) {
        if (strcmp(s->mid, mid) == 0)
            return s;
    }
    return NULL;
}

void slots_blocked(struct slot *s, enum codec_id codec)
{
    struct participant *p = s->participant;
    struct wish *w = s->wish;
    struct publication *pub = w == NULL ? NULL : w->publication;
    char message[128];

    if (pub == NULL || pub->codec != codec)
        return; /* about what flowed here when the worker said it */
    if (w->number != 0) {
        moving_refuse(w);
    } else {
        vacate(s);
        set_state(w, WISH_BLOCKED);
        serve(s);
    }
    (void)snprintf(message, sizeof(message),
                   "This client did not offer to receive %s, in which the track is sent.",
                   codec_name(codec));
    slots_tell_failed(p, pub, "codec", message);
}
