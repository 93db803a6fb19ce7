/* SPDX-License-Identifier: Apache-2.0 */
/* publication.c - where publications are known, and the words for sources. */
#include "rooms/publication.h"

#include <string.h>

#include "core/check.h"
#include "core/map.h"
#include "rooms/rooms_internal.h"

void publication_enlist(struct publication *pub)
{
    struct participant *p = pub->participant;
    struct room *r = p->room;

    list_append(&p->publications, &pub->node);
    list_append(&r->publications, &pub->room_node);
    p->publication_count++;
    r->publication_count++;
    CHECK(map_put(r->publication_by_id, pub->id, strlen(pub->id), pub) == 0);
    CHECK(map_put_u64(r->registry->publication_by_handle, pub->handle, pub) == 0);
}

void publication_delist(struct publication *pub)
{
    struct participant *p = pub->participant;
    struct room *r = p->room;

    (void)map_remove_u64(r->registry->publication_by_handle, pub->handle);
    (void)map_remove(r->publication_by_id, pub->id, strlen(pub->id));
    list_remove(&pub->node);
    list_remove(&pub->room_node);
    p->publication_count--;
    r->publication_count--;
}

static const char *const names[TRACK_SOURCE_COUNT] = {
#define X(name, text) [TRACK_SOURCE_##name] = text,
    TRACK_SOURCES(X)
#undef X
};

const char *track_source_name(enum track_source s)
{
    return s < TRACK_SOURCE_COUNT ? names[s] : names[TRACK_SOURCE_UNKNOWN];
}

enum track_source track_source_of(const char *word)
{
    for (unsigned i = 0; i < TRACK_SOURCE_COUNT; i++)
        if (strcmp(names[i], word) == 0)
            return (enum track_source)i;
    return TRACK_SOURCE_COUNT;
}
