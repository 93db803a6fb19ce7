/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label.h - texts and signs for composed pictures, drawn by pango and cairo, once for each text and size.
 *
 * Names come from remotes, in any script: pango chooses fonts, joins, reorders and shortens ("Maximilian Muster…"). What is drawn is
 * kept, up to MAX_LABELS and MAX_LABEL_BYTES; what was not asked for the longest goes first.
 *
 * Thread: one; drawing takes a millisecond or so, asking again takes nothing.
 */
#pragma once

#include <stdbool.h>

#include "core/attr.h"
#include "core/str.h"
#include "mixer/overlay.h"

struct labels;

/** Make an empty cache; NULL without memory, or when the text library cannot start. */
MUST_CHECK struct labels *labels_new(void);
void labels_free(struct labels **l);

/**
 * A participant's name on a dark ground, with a crossed-out microphone in front when @is_muted. An empty name gives the sign alone.
 *
 * Units:  @height and @max_width in samples, even; it is as wide as the name needs, even.
 * Owner:  the cache; valid until the next call on it.
 * Errors: NULL: nothing to show, no room in @max_width, no memory.
 */
MUST_CHECK const struct overlay *labels_name(struct labels *l, struct str name, bool is_muted,
                                             int max_width, int height);
/**
 * What stands for a participant without picture: a disc in a colour made of @identity, with the initials of @name.
 *
 * Units:  @side of the square it is in, even.
 * Owner, errors: as labels_name().
 */
MUST_CHECK const struct overlay *labels_placeholder(struct labels *l, struct str name,
                                                    struct str identity, int side);

struct labels_stats {
    uint64_t drawn, found;
    size_t count, bytes;
};
/** What was drawn so far, and what is kept. */
void labels_read_stats(const struct labels *l, struct labels_stats *out);
