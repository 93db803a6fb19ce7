/* SPDX-License-Identifier: Apache-2.0 */
/* slots_tell.c - see slots.h: what a client is told of its slots, once a turn, and what it is asked to offer. */
#include "core/mem.h"
#include "rooms/layers.h"
#include "rooms/moving.h"
#include "rooms/rooms_internal.h"
#include "rooms/slots.h"

void slots_tell_failed(struct participant *p, const struct publication *pub, const char *detail,
                       const char *message)
{
    const struct room_event event = {
        .kind = ROOM_SUBSCRIPTION_FAILED,
        .participant = pub->participant,
        .publication = pub,
        .detail = detail,
        .message = message,
    };

    participant_emit(p, &event);
}

struct slot_info slots_info(const struct slot *s)
{
    return (struct slot_info){
        .mid = s->mid,
        .is_video = s->kind == MEDIA_VIDEO,
        .publication = s->wish == NULL ? NULL : s->wish->publication,
        .source = s->wish == NULL ? NULL : moving_source_name(s->wish->number),
    };
}

static void tell_changed(struct participant *p)
{
    struct slot_info *info = mem_alloc_array(p->slot_count + 1, sizeof(*info));
    size_t n = 0;

    LIST_EACH(&p->slots, struct slot, node, s) {
        if (!s->is_changed)
            continue;
        s->is_changed = false;
        info[n++] = slots_info(s);
    }
    const struct room_event event = {
        .kind = ROOM_SLOTS, .participant = p, .slot = info, .slot_count = n};
    if (n > 0)
        participant_emit(p, &event);
    mem_free(info);
}

/* How many of those who wait were not asked for yet; *room_left is what the client may still offer. */
static unsigned take_wanted(size_t waiting, size_t *room_left, unsigned *told)
{
    unsigned wanted = (unsigned)MIN(waiting, *room_left);
    unsigned more = wanted > *told ? wanted - *told : 0;

    *room_left -= wanted;
    *told += more;
    return more;
}

static void tell_wanted(struct participant *p)
{
    size_t room_left =
        MAX_SLOTS_PER_PARTICIPANT - MIN(p->slot_count, (size_t)MAX_SLOTS_PER_PARTICIPANT);
    const size_t *waiting = p->wish_count[WISH_WAITING];
    struct room_event event = {.kind = ROOM_SLOTS_WANTED, .participant = p};

    event.audio = take_wanted(waiting[0], &room_left, &p->told_audio);
    event.video = take_wanted(waiting[1], &room_left, &p->told_video);
    if (event.audio + event.video > 0)
        participant_emit(p, &event);
}

static struct wish *find_past_limit(const struct participant *p)
{
    if (p->slot_count < MAX_SLOTS_PER_PARTICIPANT)
        return NULL;
    LIST_EACH(&p->wishes, struct wish, node, w) {
        if (w->state == WISH_WAITING && w->number == 0 && !w->is_told_limit)
            return w;
    }
    return NULL;
}

static void tell_past_limit(struct participant *p)
{
    struct wish *w;

    while (p->is_attached && (w = find_past_limit(p)) != NULL) {
        w->is_told_limit = true;
        slots_tell_failed(p, w->publication, "limit",
                          "This client has as many slots as it may have; the track waits.");
    }
}

/* Nobody listens to a detached participant: what is to be told stays until somebody attaches. Each step looks again whether
 * somebody does, because handlers may end the participant. */
void slots_tell(struct participant *p)
{
    if (p->is_attached)
        tell_changed(p);
    /* Before its first offer a client counts for itself what it wants to receive. */
    if (p->is_attached && p->jsep != NULL)
        tell_wanted(p);
    tell_past_limit(p);
    layers_tell(p);
}
