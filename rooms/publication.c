/* SPDX-License-Identifier: Apache-2.0 */
/* publication.c - the words for sources. */
#include "rooms/publication.h"

#include <string.h>

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
