/* SPDX-License-Identifier: Apache-2.0 */
/* slots.c - see slots.h. */
#include "rooms/slots.h"

#include <stdio.h>
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/rooms_internal.h"

static struct registry *registry_of(const struct participant *p)
{
    return p->room->registry;
}

static void tell_later(struct participant *p)
{
    struct registry *g = registry_of(p);

    if (!deadline_is_set(&p->tell))
        deadline_set(worker_wheel(g->control), &p->tell, worker_now_us(g->control));
}

static void note_changed(struct slot *s)
{
    if (s->participant->is_negotiating)
        return; /* the result of the offer says it */
    s->is_changed = true;
    tell_later(s->participant);
}

/* ---- wishes and slots meet ---- */

static void fill(struct slot *s, struct wish *w)
{
    s->wish = w;
    w->slot = s;
    w->state = WISH_FLOWING;
    sfu_host_subscription_set_source(s->participant->room->host->host, s->handle, w->publication->handle);
    note_changed(s);
}

/* Leaves the slot carrying nothing; whoever waits is served by assign(). */
static void empty_slot(struct slot *s)
{
    s->wish->slot = NULL;
    s->wish->state = WISH_WAITING;
    s->wish = NULL;
    sfu_host_subscription_set_source(s->participant->room->host->host, s->handle, 0);
    note_changed(s);
}

static struct slot *find_free(struct participant *p, enum media_kind kind)
{
    LIST_EACH(&p->slots, struct slot, node, s)
        if (s->wish == NULL && s->kind == kind)
            return s;
    return NULL;
}

static void assign(struct participant *p)
{
    LIST_EACH(&p->wishes, struct wish, node, w)
    {
        struct slot *s = w->state == WISH_WAITING ? find_free(p, w->publication->kind) : NULL;
        if (s != NULL)
            fill(s, w);
    }
    tell_later(p);
}

static struct wish *find_wish(const struct participant *p, const struct publication *pub)
{
    LIST_EACH(&pub->wishes, struct wish, publication_node, w)
        if (w->participant == p)
            return w;
    return NULL;
}

static struct wish *add_wish(struct participant *p, struct publication *pub)
{
    struct wish *w = MEM_NEW(struct wish);

    w->participant = p;
    w->publication = pub;
    w->state = WISH_WAITING;
    list_append(&p->wishes, &w->node);
    list_append(&pub->wishes, &w->publication_node);
    return w;
}

static void remove_wish(struct wish *w)
{
    if (w->slot != NULL)
        empty_slot(w->slot);
    list_remove(&w->node);
    list_remove(&w->publication_node);
    mem_free(w);
}

/* ---- publications come and go ---- */

static bool wants_by_itself(const struct participant *p, const struct publication *pub)
{
    return p->auto_subscribe && p->permissions.subscribe && p != pub->participant &&
           !pub->participant->permissions.hidden;
}

void slots_participant_joined(struct participant *p)
{
    LIST_EACH(&p->room->participants, struct participant, node, other)
        LIST_EACH(&other->publications, struct publication, node, pub)
            if (wants_by_itself(p, pub))
                (void)add_wish(p, pub);
}

void slots_publication_added(struct publication *pub)
{
    LIST_EACH(&pub->participant->room->participants, struct participant, node, p)
    {
        if (!wants_by_itself(p, pub))
            continue;
        (void)add_wish(p, pub);
        assign(p);
    }
}

void slots_publication_removed(struct publication *pub)
{
    while (!list_is_empty(&pub->wishes)) {
        struct wish *w = LIST_FIRST(&pub->wishes, struct wish, publication_node);
        struct participant *p = w->participant;
        remove_wish(w);
        assign(p);
    }
}

void slots_publication_codec(struct publication *pub)
{
    LIST_EACH(&pub->wishes, struct wish, publication_node, w)
    {
        if (w->state != WISH_BLOCKED)
            continue;
        w->state = WISH_WAITING;
        assign(w->participant);
    }
}

/* ---- by choice ---- */

int slots_subscribe(struct participant *p, struct publication *pub, struct slot **slot)
{
    struct wish *w = find_wish(p, pub);

    if (w == NULL)
        w = add_wish(p, pub);
    if (w->state == WISH_REFUSED || w->state == WISH_BLOCKED)
        w->state = WISH_WAITING;
    assign(p);
    *slot = w->slot;
    if (w->slot == NULL && p->slot_count >= MAX_SLOTS_PER_PARTICIPANT)
        return E_LIMIT; /* it goes on waiting for a slot to be free */
    return 0;
}

void slots_unsubscribe(struct participant *p, struct publication *pub)
{
    struct wish *w = find_wish(p, pub);

    if (w == NULL && p->auto_subscribe)
        w = add_wish(p, pub);
    if (w == NULL)
        return;
    if (w->slot != NULL)
        empty_slot(w->slot);
    w->state = WISH_REFUSED;
    assign(p);
}

/* ---- sections come and go ---- */

struct publication *slots_reserve(struct participant *p, const struct transceiver *t)
{
    LIST_EACH(&p->wishes, struct wish, node, w)
    {
        if (w->state != WISH_WAITING || w->publication->kind != t->kind || w->reserved_mid[0] != 0)
            continue;
        memcpy(w->reserved_mid, t->mid, sizeof(w->reserved_mid));
        return w->publication;
    }
    return NULL;
}

void slots_drop_reservations(struct participant *p)
{
    LIST_EACH(&p->wishes, struct wish, node, w)
        w->reserved_mid[0] = 0;
}

static struct wish *find_reserved(struct participant *p, const char *mid)
{
    LIST_EACH(&p->wishes, struct wish, node, w)
        if (w->state == WISH_WAITING && w->reserved_mid[0] != 0 && strcmp(w->reserved_mid, mid) == 0)
            return w;
    return NULL;
}

void slots_section_opened(struct participant *p, const struct transceiver *t)
{
    struct registry *g = registry_of(p);
    struct slot *s = MEM_NEW(struct slot);
    struct wish *w = find_reserved(p, t->mid);

    s->handle = registry_new_handle(g);
    s->participant = p;
    s->kind = t->kind;
    memcpy(s->mid, t->mid, sizeof(s->mid));
    list_append(&p->slots, &s->node);
    p->slot_count++;
    CHECK(map_put_u64(g->slot_by_handle, s->handle, s) == 0);
    sfu_host_subscription_open(p->room->host->host, s->handle, p->transport, t, 0);
    if (w != NULL)
        fill(s, w);
    else
        assign(p);
}

void slots_section_changed(struct slot *s, const struct transceiver *t)
{
    sfu_host_subscription_update(s->participant->room->host->host, s->handle, t);
    /* Other codecs may have been offered: what was blocked tries again. */
    LIST_EACH(&s->participant->wishes, struct wish, node, w)
        if (w->state == WISH_BLOCKED && w->publication->kind == s->kind)
            w->state = WISH_WAITING;
    assign(s->participant);
}

static void free_slot(struct slot *s)
{
    struct participant *p = s->participant;

    (void)map_remove_u64(registry_of(p)->slot_by_handle, s->handle);
    sfu_host_subscription_close(p->room->host->host, s->handle);
    list_remove(&s->node);
    p->slot_count--;
    mem_free(s);
}

void slots_section_closed(struct slot *s)
{
    struct participant *p = s->participant;

    if (s->wish != NULL) {
        s->wish->slot = NULL;
        s->wish->state = WISH_WAITING;
    }
    free_slot(s);
    assign(p);
}

struct slot *slots_find_mid(struct participant *p, const char *mid)
{
    LIST_EACH(&p->slots, struct slot, node, s)
        if (strcmp(s->mid, mid) == 0)
            return s;
    return NULL;
}

void slots_blocked(struct slot *s, enum codec_id codec)
{
    struct participant *p = s->participant;
    struct wish *w = s->wish;
    char message[128];

    if (w == NULL)
        return;
    empty_slot(s);
    w->state = WISH_BLOCKED;
    (void)snprintf(message, sizeof(message), "This client did not offer to receive %s, in which the track is sent.",
                   codec_name(codec));
    const struct room_event event = {
        .kind = ROOM_SUBSCRIPTION_FAILED,
        .participant = w->publication->participant,
        .publication = w->publication,
        .detail = "codec",
        .message = message,
    };
    assign(p);
    participant_emit(p, &event); /* may end p: nothing after it */
}

void slots_offered(struct participant *p, unsigned audio, unsigned video)
{
    p->told_audio -= MIN(p->told_audio, audio);
    p->told_video -= MIN(p->told_video, video);
    tell_later(p);
}

void slots_participant_left(struct participant *p)
{
    deadline_clear(&p->tell);
    while (!list_is_empty(&p->slots)) {
        struct slot *s = LIST_FIRST(&p->slots, struct slot, node);
        if (s->wish != NULL)
            s->wish->slot = NULL;
        free_slot(s);
    }
    while (!list_is_empty(&p->wishes)) {
        struct wish *w = LIST_FIRST(&p->wishes, struct wish, node);
        list_remove(&w->node);
        list_remove(&w->publication_node);
        mem_free(w);
    }
}

/* ---- telling ---- */

static void tell_changed(struct participant *p)
{
    struct slot_info *info = mem_alloc_array(p->slot_count + 1, sizeof(*info));
    size_t n = 0;

    LIST_EACH(&p->slots, struct slot, node, s)
    {
        if (!s->is_changed)
            continue;
        s->is_changed = false;
        info[n++] = (struct slot_info){
            .mid = s->mid,
            .is_video = s->kind == MEDIA_VIDEO,
            .publication = s->wish == NULL ? NULL : s->wish->publication,
        };
    }
    const struct room_event event = {.kind = ROOM_SLOTS, .participant = p, .slot = info, .slot_count = n};
    if (n > 0)
        participant_emit(p, &event);
    mem_free(info);
}

static void tell_wanted(struct participant *p)
{
    unsigned waiting[2] = {0, 0};
    size_t room_left = MAX_SLOTS_PER_PARTICIPANT - MIN(p->slot_count, (size_t)MAX_SLOTS_PER_PARTICIPANT);

    LIST_EACH(&p->wishes, struct wish, node, w)
        if (w->state == WISH_WAITING && waiting[0] + waiting[1] < room_left)
            waiting[w->publication->kind == MEDIA_VIDEO]++;
    struct room_event event = {.kind = ROOM_SLOTS_WANTED, .participant = p};
    event.audio = waiting[0] > p->told_audio ? waiting[0] - p->told_audio : 0;
    event.video = waiting[1] > p->told_video ? waiting[1] - p->told_video : 0;
    p->told_audio += event.audio;
    p->told_video += event.video;
    if (event.audio + event.video > 0)
        participant_emit(p, &event);
}

void slots_tell(struct participant *p)
{
    tell_changed(p);
    /* Before its first offer a client counts for itself what it wants to receive. */
    if (p->room != NULL && p->jsep != NULL)
        tell_wanted(p);
}
