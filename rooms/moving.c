/* SPDX-License-Identifier: Apache-2.0 */
/* moving.c - see moving.h. */
#include "rooms/moving.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"
#include "rooms/speakers.h"

/* So many cameras are looked for: a viewer's own, and what he cannot decode, are passed over. */
#define CANDIDATES (MAX_MOVING_SOURCES + 1 + MAX_MOVING_SOURCES)

/* Those of a room who hear so many voices. */
struct listeners {
    struct list node; /* in its room's list */
    struct speaker_places places;
    struct list wish[MAX_MOVING_SOURCES]; /* struct wish, by number less 1 */
    size_t participants;
};

static const char *const names[MAX_MOVING_SOURCES + 1] = {
    NULL,        "speaker:1", "speaker:2", "speaker:3", "speaker:4",
    "speaker:5", "speaker:6", "speaker:7", "speaker:8", "speaker:9",
};

const char *moving_source_name(unsigned number)
{
    return number < ARRAY_LEN(names) ? names[number] : NULL;
}

unsigned moving_source_number(const char *word)
{
    for (unsigned i = 1; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return 0;
}

static struct wish **wish_at(struct participant *p, enum media_kind kind, unsigned number)
{
    return &p->moving[kind == MEDIA_VIDEO][number - 1];
}

static unsigned largest_number(const struct participant *p, enum media_kind kind)
{
    unsigned number = MAX_MOVING_SOURCES;

    while (number > 0 && p->moving[kind == MEDIA_VIDEO][number - 1] == NULL)
        number--;
    return number;
}

/* ---- to the workers, together ---- */

static void flush(struct registry_host *h)
{
    if (h->change_count > 0)
        sfu_host_subscription_set_sources(h->host, h->change, h->change_count);
    h->change_count = 0;
}

static void begin_review(struct room *r)
{
    r->registry->is_reviewing = true;
}

static void end_review(struct room *r)
{
    r->registry->is_reviewing = false;
    for (size_t i = 0; i < r->registry->host_count; i++)
        flush(&r->registry->host[i]);
}

void moving_set_source(const struct slot *s, uint64_t track_id)
{
    struct registry_host *h = s->participant->host;

    if (!s->participant->room->registry->is_reviewing) {
        sfu_host_subscription_set_source(h->host, s->handle, track_id);
        return;
    }
    h->change[h->change_count++] =
        (struct sfu_source_change){.subscription_id = s->handle, .track_id = track_id};
    if (h->change_count == SOURCE_CHANGES)
        flush(h);
}

/* ---- voices ---- */

static struct publication *holder_of(const struct listeners *l, unsigned place)
{
    struct speaker_member *m = l->places.place[place].member;

    return m == NULL ? NULL : CONTAINER_OF(m, struct publication, voice);
}

static bool may_flow(const struct wish *w, const struct publication *pub)
{
    return pub->participant != w->participant && pub->handle != w->refused;
}

static void choose_voice(struct wish *w)
{
    const struct listeners *l = w->participant->listeners;
    struct publication *pub = holder_of(l, w->number - 1u);

    if (pub != NULL && pub->participant == w->participant)
        pub = holder_of(l, l->places.heard);
    slots_move(w, pub != NULL && may_flow(w, pub) ? pub : NULL);
}

static void choose_voices(struct participant *p)
{
    for (unsigned i = 0; i < MAX_MOVING_SOURCES; i++)
        if (p->moving[0][i] != NULL)
            choose_voice(p->moving[0][i]);
}

static struct listeners *find_listeners(struct room *r, unsigned heard)
{
    struct listeners *l;

    LIST_EACH(&r->speakers.listeners, struct listeners, node, found)
        if (found->places.heard == heard)
            return found;
    l = MEM_NEW(struct listeners);
    for (unsigned i = 0; i < MAX_MOVING_SOURCES; i++)
        list_init(&l->wish[i]);
    list_append(&r->speakers.listeners, &l->node);
    speaker_places_add(&r->speakers.speaker, &l->places, heard);
    speakers_offer_places(r);
    l->places.changed = 0; /* nobody listens yet */
    return l;
}

static void leave_listeners(struct participant *p)
{
    struct listeners *l = p->listeners;

    p->listeners = NULL;
    for (unsigned i = 0; i < MAX_MOVING_SOURCES; i++)
        if (p->moving[0][i] != NULL)
            list_remove(&p->moving[0][i]->listener_node);
    if (l == NULL || --l->participants > 0)
        return;
    speaker_places_remove(&l->places);
    list_remove(&l->node);
    mem_free(l);
}

/* After its moving wishes changed: among those who hear so many. */
static void join_listeners(struct participant *p)
{
    unsigned heard = largest_number(p, MEDIA_AUDIO);

    if (p->listeners != NULL && p->listeners->places.heard != heard)
        leave_listeners(p);
    if (heard == 0)
        return;
    if (p->listeners == NULL) {
        p->listeners = find_listeners(p->room, heard);
        p->listeners->participants++;
    }
    for (unsigned i = 0; i < heard; i++) {
        struct wish *w = p->moving[0][i];
        if (w != NULL && list_is_empty(&w->listener_node))
            list_append(&p->listeners->wish[i], &w->listener_node);
    }
    choose_voices(p);
}

/* Whoever has a place hears the spare one. */
static void choose_for_holders(struct listeners *l)
{
    for (unsigned i = 0; i < l->places.heard; i++) {
        const struct publication *pub = holder_of(l, i);
        if (pub != NULL && pub->participant->listeners == l)
            choose_voices(pub->participant);
    }
}

static void review_listeners(struct listeners *l)
{
    uint32_t changed = l->places.changed;

    l->places.changed = 0;
    for (unsigned i = 0; i < l->places.heard; i++) {
        if ((changed >> i & 1) == 0)
            continue;
        LIST_EACH(&l->wish[i], struct wish, listener_node, w)
            choose_voice(w);
    }
    if ((changed >> l->places.heard & 1) != 0)
        choose_for_holders(l);
}

void moving_review_voices(struct room *r)
{
    begin_review(r);
    LIST_EACH(&r->speakers.listeners, struct listeners, node, l)
        review_listeners(l);
    end_review(r);
}

/* ---- cameras ---- */

/* Cameras in the order they are to be seen. */
struct cameras {
    struct publication *at[CANDIDATES];
    size_t count;
};

static struct publication *camera_of(const struct participant *p)
{
    if (p->permissions.hidden)
        return NULL;
    LIST_EACH(&p->publications, struct publication, node, pub)
        if (pub->source == TRACK_SOURCE_CAMERA && !publication_is_muted(pub))
            return pub;
    return NULL;
}

static bool has(struct publication *const *at, size_t n, const struct publication *pub)
{
    for (size_t i = 0; i < n; i++)
        if (at[i] == pub)
            return true;
    return false;
}

static void add_camera(struct cameras *c, const struct participant *p)
{
    struct publication *pub = camera_of(p);

    if (pub != NULL && c->count < CANDIDATES && !has(c->at, c->count, pub))
        c->at[c->count++] = pub;
}

static void collect_cameras(struct cameras *c, const struct room *r)
{
    struct speaker_member *recent[CANDIDATES];
    size_t n = speaker_recent(&r->speakers.speaker, recent, CANDIDATES);

    c->count = 0;
    for (size_t i = 0; i < n; i++)
        add_camera(c, CONTAINER_OF(recent[i], struct publication, voice)->participant);
    LIST_EACH(&r->participants, struct participant, node, p) {
        if (c->count == CANDIDATES)
            return;
        add_camera(c, p);
    }
}

/* Those that @p is to see in @max slots; returns how many. */
static size_t pick_cameras(const struct cameras *c, const struct participant *p, size_t max,
                           struct publication **out)
{
    size_t n = 0;

    for (size_t i = 0; i < c->count && n < max; i++) {
        bool may = c->at[i]->participant != p;
        for (unsigned k = 0; k < MAX_MOVING_SOURCES; k++)
            may = may && (p->moving[1][k] == NULL || may_flow(p->moving[1][k], c->at[i]));
        if (may)
            out[n++] = c->at[i];
    }
    return n;
}

/* Whoever is to be seen and has a slot keeps it; but the newest speaker has the first. Others take the slots that are left. */
static void choose_cameras(struct participant *p, const struct cameras *c)
{
    struct publication *pick[MAX_MOVING_SOURCES], *next[MAX_MOVING_SOURCES] = {NULL};
    size_t slots = largest_number(p, MEDIA_VIDEO), n = pick_cameras(c, p, slots, pick), k = 1;

    if (n > 0)
        next[0] = pick[0];
    for (size_t i = 1; i < slots; i++) {
        const struct wish *w = p->moving[1][i];
        if (w != NULL && n > 1 && has(pick + 1, n - 1, w->publication))
            next[i] = w->publication;
    }
    for (size_t i = 1; i < slots; i++) {
        while (next[i] == NULL && k < n) {
            if (!has(next, slots, pick[k]))
                next[i] = pick[k];
            k++;
        }
    }
    for (size_t i = 0; i < slots; i++) {
        struct wish *w = p->moving[1][i];
        bool stays = w != NULL && next[i] == NULL && w->publication != NULL &&
                     may_flow(w, w->publication) && !has(next, slots, w->publication);
        if (w != NULL && !stays)
            slots_move(w, next[i]);
    }
}

static void choose_cameras_of(struct participant *p)
{
    struct cameras c;

    collect_cameras(&c, p->room);
    choose_cameras(p, &c);
}

void moving_review_cameras(struct room *r)
{
    struct cameras c;

    if (list_is_empty(&r->speakers.viewers))
        return;
    collect_cameras(&c, r);
    begin_review(r);
    LIST_EACH(&r->speakers.viewers, struct participant, viewer_node, p)
        choose_cameras(p, &c);
    end_review(r);
}

/* ---- wishes come and go ---- */

static void wishes_changed(struct participant *p, enum media_kind kind)
{
    if (kind == MEDIA_AUDIO) {
        join_listeners(p);
        return;
    }
    list_remove(&p->viewer_node);
    if (largest_number(p, MEDIA_VIDEO) == 0)
        return;
    list_append(&p->room->speakers.viewers, &p->viewer_node);
    choose_cameras_of(p);
}

int moving_subscribe(struct participant *p, enum media_kind kind, unsigned number,
                     struct slot **slot)
{
    struct wish **at = wish_at(p, kind, number);

    CHECK(number > 0 && number <= MAX_MOVING_SOURCES);
    if (*at == NULL) {
        int err = slots_add_moving(p, kind, number, at);
        if (err != 0)
            return err;
        wishes_changed(p, kind);
    }
    *slot = (*at)->slot;
    return 0;
}

int moving_unsubscribe(struct participant *p, enum media_kind kind, unsigned number)
{
    struct wish **at = wish_at(p, kind, number), *w = *at;

    CHECK(number > 0 && number <= MAX_MOVING_SOURCES);
    if (w == NULL)
        return E_NOT_FOUND;
    *at = NULL;
    list_remove(&w->listener_node);
    slots_end_moving(w);
    wishes_changed(p, kind);
    return 0;
}

void moving_participant_joined(struct participant *p, unsigned voices)
{
    struct slot *slot;

    for (unsigned i = 1; i <= MIN(voices, (unsigned)MAX_MOVING_SOURCES); i++)
        CHECK(moving_subscribe(p, MEDIA_AUDIO, i, &slot) == 0); /* it has no slots at all yet */
}

void moving_participant_left(struct participant *p)
{
    leave_listeners(p);
    list_remove(&p->viewer_node);
}

void moving_refuse(struct wish *w)
{
    w->refused = w->publication->handle;
    if (w->kind == MEDIA_VIDEO)
        choose_cameras_of(w->participant);
    if (w->publication != NULL && w->publication->handle == w->refused)
        slots_move(w, NULL);
}

void moving_retry(struct participant *p, enum media_kind kind)
{
    bool had = false;

    for (unsigned i = 0; i < MAX_MOVING_SOURCES; i++) {
        struct wish *w = p->moving[kind == MEDIA_VIDEO][i];
        if (w == NULL || w->refused == 0)
            continue;
        w->refused = 0;
        had = true;
    }
    if (had)
        wishes_changed(p, kind);
}
