/* SPDX-License-Identifier: Apache-2.0 */
/* speakers.c - see speakers.h. */
#include "rooms/speakers.h"

#include <string.h>

#include "core/map.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/last_n.h"
#include "rooms/layers.h"
#include "rooms/moving.h"
#include "rooms/rooms_internal.h"
#include "rooms/sfu/levels.h"

/* What the next review is for, beside SPEAKER_*_CHANGED. */
#define RECENT_CHANGED 4u /* who spoke lately has left */
#define VIDEO_CHANGED 8u

static struct wheel *wheel_of(const struct room *r)
{
    return worker_wheel(r->registry->control);
}

static struct participant *participant_of(struct speaker_member *m)
{
    return CONTAINER_OF(m, struct publication, voice)->participant;
}

static void review_later(struct room *r, unsigned changed)
{
    r->speakers.changed |= changed;
    if (changed != 0 && !deadline_is_set(&r->speakers.review))
        deadline_set(wheel_of(r), &r->speakers.review,
                     0); /* long past: with this turn's deadlines */
}

/* ---- telling ---- */

struct room_speakers room_speakers(const struct room *r)
{
    struct speakers *sp = &((struct room *)(uintptr_t)r)->speakers;
    struct speaker_member *recent[2 * MAX_RECENT_SPEAKERS];
    size_t n = speaker_recent(&sp->speaker, recent, ARRAY_LEN(recent)), count = 0;

    for (size_t i = 0; i < n && count < MAX_RECENT_SPEAKERS; i++) {
        const struct participant *p = participant_of(recent[i]);
        bool is_new = true;
        for (size_t k = 0; k < count; k++)
            is_new = is_new && sp->recent[k] != p; /* of two microphones */
        if (is_new)
            sp->recent[count++] = p;
    }
    return (struct room_speakers){
        .dominant = sp->speaker.dominant == NULL ? NULL : participant_of(sp->speaker.dominant),
        .recent = sp->recent,
        .recent_count = count,
    };
}

static bool is_told(const struct speakers *sp, const struct room_speakers *now)
{
    const char *dominant = now->dominant == NULL ? "" : now->dominant->id;

    if (strcmp(dominant, sp->told_dominant) != 0 || now->recent_count != sp->told_count)
        return false;
    for (size_t i = 0; i < now->recent_count; i++)
        if (strcmp(now->recent[i]->id, sp->told_recent[i]) != 0)
            return false;
    return true;
}

static void note_told(struct speakers *sp, const struct room_speakers *now)
{
    memset(sp->told_dominant, 0, sizeof(sp->told_dominant));
    if (now->dominant != NULL)
        memcpy(sp->told_dominant, now->dominant->id, ID_LEN);
    for (size_t i = 0; i < now->recent_count; i++)
        memcpy(sp->told_recent[i], now->recent[i]->id, ID_LEN);
    sp->told_count = now->recent_count;
}

/* The last step of whoever calls it: handlers may end the room. What they are shown is a copy, because they may ask, too. */
static void tell(struct room *r)
{
    struct room_speakers now = room_speakers(r);
    const struct participant *recent[MAX_RECENT_SPEAKERS];
    const struct room_event event = {.kind = ROOM_SPEAKERS, .speakers = &now};

    if (is_told(&r->speakers, &now))
        return;
    note_told(&r->speakers, &now);
    memcpy(recent, now.recent, now.recent_count * sizeof(recent[0]));
    now.recent = recent;
    room_emit(r, &event, NULL);
}

/* Cameras of the dominant speaker go before others where bandwidth is short. */
static void mark_cameras(struct room *r)
{
    const struct speaker_member *d = r->speakers.speaker.dominant;
    const struct participant *dominant =
        d == NULL ? NULL : CONTAINER_OF(d, struct publication, voice)->participant;

    LIST_EACH(&r->publications, struct publication, room_node, pub)
        if (pub->source == TRACK_SOURCE_CAMERA)
            layers_set_speaker(pub, pub->participant == dominant);
}

static void on_review(struct deadline *d, uint64_t now_us, void *arg)
{
    struct room *r = arg;
    unsigned changed = r->speakers.changed;

    (void)d, (void)now_us;
    r->speakers.changed = 0;
    if ((changed & SPEAKER_PLACES_CHANGED) != 0)
        moving_review_voices(r);
    if ((changed & ~SPEAKER_PLACES_CHANGED) != 0) {
        last_n_review(r);
        moving_review_cameras(r);
        mark_cameras(r);
        tell(r);
    }
}

/* ---- levels ---- */

static void set_tick(struct room *r)
{
    uint64_t next_us = speaker_next_us(&r->speakers.speaker);

    if (next_us == UINT64_MAX)
        deadline_clear(&r->speakers.tick);
    else
        deadline_set(wheel_of(r), &r->speakers.tick, next_us + SPEAKERS_LAG_US);
}

static void on_tick(struct deadline *d, uint64_t now_us, void *arg)
{
    struct room *r = arg;

    (void)d;
    review_later(r, speaker_tick(&r->speakers.speaker, now_us - SPEAKERS_LAG_US));
    set_tick(r);
}

static void hear(struct publication *pub, const struct track_levels *t)
{
    struct room *r = pub->participant->room;
    struct speaker *s = &r->speakers.speaker;
    unsigned changed = 0;

    for (unsigned i = 0; i < t->count; i++)
        changed |= speaker_level(s, &pub->voice, t->frame[i].level, t->frame[i].voice,
                                 t->first_us + t->frame[i].after_ms * US_PER_MS);
    review_later(r, changed);
    if (!deadline_is_set(&r->speakers.tick))
        set_tick(r);
}

void speakers_levels(struct registry *g, const struct track_levels *levels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct publication *pub = map_get_u64(g->publication_by_handle, levels[i].track_id);
        if (pub != NULL && pub->has_voice)
            hear(pub, &levels[i]);
    }
}

/* ---- members ---- */

static void offer_place(struct publication *pub)
{
    struct room *r = pub->participant->room;

    review_later(r, speaker_offer_place(&r->speakers.speaker, &pub->voice,
                                        worker_now_us(r->registry->control)));
}

void speakers_offer_places(struct room *r)
{
    struct speaker_member *recent[MAX_MOVING_SOURCES];
    size_t n = speaker_recent(&r->speakers.speaker, recent, MAX_MOVING_SOURCES);

    for (size_t i = 0; i < n; i++)
        offer_place(CONTAINER_OF(recent[i], struct publication, voice));
    LIST_EACH(&r->publications, struct publication, room_node, pub)
        if (pub->has_voice)
            offer_place(pub);
}

void speakers_publication_added(struct publication *pub)
{
    struct room *r = pub->participant->room;

    if (pub->participant->permissions.hidden)
        return;
    if (pub->kind == MEDIA_VIDEO)
        review_later(r, VIDEO_CHANGED);
    if (pub->source != TRACK_SOURCE_MICROPHONE)
        return;
    pub->has_voice = true;
    speaker_add(&r->speakers.speaker, &pub->voice, pub->handle);
    offer_place(pub);
}

void speakers_publication_removed(struct publication *pub)
{
    struct room *r = pub->participant->room;
    unsigned changed = 0;

    if (pub->kind == MEDIA_VIDEO)
        changed |= VIDEO_CHANGED;
    if (pub->has_voice)
        changed |= RECENT_CHANGED | speaker_remove(&r->speakers.speaker, &pub->voice);
    pub->has_voice = false;
    review_later(r, changed);
}

void speakers_publication_muted(const struct publication *pub)
{
    if (pub->kind == MEDIA_VIDEO)
        review_later(pub->participant->room, VIDEO_CHANGED);
}

/* ---- life ---- */

void speakers_init(struct room *r)
{
    struct speakers *sp = &r->speakers;

    speaker_init(&sp->speaker);
    list_init(&sp->listeners);
    list_init(&sp->viewers);
    deadline_init(&sp->tick, on_tick, r);
    deadline_init(&sp->review, on_review, r);
}

void speakers_fini(struct room *r)
{
    deadline_clear(&r->speakers.tick);
    deadline_clear(&r->speakers.review);
}
