/* SPDX-License-Identifier: Apache-2.0 */
/* layers.c - see layers.h. */
#include "rooms/layers.h"

#include "core/mem.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"
#include "transport/transceiver.h"

/* ---- wishes ---- */

static bool is_same_wish(const struct sfu_wish *a, const struct sfu_wish *b)
{
    return a->width == b->width && a->height == b->height && a->fps == b->fps &&
           a->max_spatial == b->max_spatial && a->max_temporal == b->max_temporal &&
           a->priority == b->priority && a->is_paused == b->is_paused;
}

static const struct publication *carried(const struct slot *s)
{
    return s->wish == NULL ? NULL : s->wish->publication;
}

static uint8_t priority_of(const struct slot *s)
{
    const struct publication *pub = carried(s);

    if (s->layers.has_priority)
        return s->layers.wish.priority;
    if (pub == NULL)
        return ALLOCATOR_PRIORITY_USUAL;
    return pub->source == TRACK_SOURCE_SCREEN ? ALLOCATOR_PRIORITY_SCREEN
           : pub->is_of_speaker               ? ALLOCATOR_PRIORITY_SPEAKER
                                              : ALLOCATOR_PRIORITY_USUAL;
}

void layers_review(struct slot *s)
{
    struct sfu_wish wish = s->layers.wish;

    if (s->kind != MEDIA_VIDEO)
        return;
    wish.priority = priority_of(s);
    if (is_same_wish(&wish, &s->layers.told))
        return;
    s->layers.told = wish;
    sfu_host_subscription_set_wish(s->participant->host->host, s->handle, &wish);
}

void layers_init(struct slot *s)
{
    s->layers.wish = s->layers.told = SFU_WISH_ANY; /* as the worker begins, too */
}

void layers_wish(struct slot *s, const struct sfu_wish *wish, bool has_priority)
{
    s->layers.wish = *wish;
    s->layers.has_priority = has_priority;
    layers_review(s);
}

void layers_set_speaker(struct publication *pub, bool is_of_speaker)
{
    if (pub->is_of_speaker == is_of_speaker)
        return;
    pub->is_of_speaker = is_of_speaker;
    LIST_EACH(&pub->wishes, struct wish, publication_node, w) {
        if (w->slot != NULL)
            layers_review(w->slot);
    }
}

/* ---- what is told ---- */

/* Of a publisher who muted its own track the worker knows only that nothing comes. */
static enum allocator_reason reason_of(const struct slot *s)
{
    const struct publication *pub = carried(s);
    enum allocator_reason reason = s->layers.state.reason;

    return reason == ALLOCATOR_NOT_SENT && pub != NULL && publication_is_muted(pub)
               ? ALLOCATOR_MUTED
               : reason;
}

void layers_note_state(struct slot *s, const struct sfu_slot_state *state)
{
    s->layers.state = *state;
    s->layers.is_known = s->layers.is_changed = true;
    slots_tell_later(s->participant);
}

void layers_note_demand(struct publication *pub, unsigned wanted)
{
    if (pub->wanted == wanted)
        return;
    pub->wanted = wanted;
    pub->is_demand_changed = true;
    slots_tell_later(pub->participant);
}

void layers_tell_again(struct participant *p)
{
    LIST_EACH(&p->slots, struct slot, node, s) {
        s->layers.is_changed = s->layers.is_known;
    }
    LIST_EACH(&p->publications, struct publication, node, pub) {
        pub->is_demand_changed = pub->wanted != PUBLICATION_ALL_WANTED;
    }
}

static void tell_states(struct participant *p)
{
    struct slot_state_info *info = mem_alloc_array(p->slot_count + 1, sizeof(*info));
    size_t n = 0;

    LIST_EACH(&p->slots, struct slot, node, s) {
        if (!s->layers.is_changed)
            continue;
        s->layers.is_changed = false;
        info[n] = (struct slot_state_info){.mid = s->mid, .state = s->layers.state};
        info[n++].state.reason = reason_of(s);
    }
    const struct room_event event = {
        .kind = ROOM_SLOT_STATES, .participant = p, .slot_state = info, .slot_count = n};
    if (n > 0)
        participant_emit(p, &event);
    mem_free(info);
}

static struct publication *next_changed(const struct participant *p)
{
    LIST_EACH(&p->publications, struct publication, node, pub) {
        if (pub->is_demand_changed)
            return pub;
    }
    return NULL;
}

static void tell_demand(struct participant *p, struct publication *pub)
{
    struct encoding_info info[MAX_ENCODINGS];
    size_t n = pub->section->encoding_count;

    for (size_t i = 0; i < n; i++)
        info[i] =
            (struct encoding_info){pub->section->encoding[i].rid, (pub->wanted >> i & 1) != 0};
    const struct room_event event = {.kind = ROOM_ENCODINGS_WANTED,
                                     .participant = p,
                                     .publication = pub,
                                     .encoding = info,
                                     .encoding_count = n};
    participant_emit(p, &event);
}

void layers_tell(struct participant *p)
{
    struct publication *pub;

    if (p->is_attached)
        tell_states(p);
    while (p->is_attached && (pub = next_changed(p)) != NULL) {
        pub->is_demand_changed = false;
        tell_demand(p, pub);
    }
}
