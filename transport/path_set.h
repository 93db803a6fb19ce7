/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_set.h - the paths of one ICE side: which showed an authenticated check, which were nominated, which one is selected.
 *
 * The rule of selection stands at the head of ice.h. A value without pointers; a pointer to a path of it is good until the
 * next call that adds or takes out one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"
#include "transport/path.h"

struct ice_path {
    struct path path;
    uint32_t priority; /* the endpoint's, of the latest check */
    bool is_nominated;
    uint64_t checked_us, nominated_us; /* latest check; latest one that nominated */
};

struct path_set {
    struct ice_path path[MAX_PATHS_PER_TRANSPORT];
    size_t count;
    int selected; /* index in path; -1: none */
};

/** Make it empty. */
void path_set_init(struct path_set *s);
/** Whether an authenticated check came over @path, and it was not forgotten since. */
bool path_set_has(const struct path_set *s, const struct path *path);
/** The selected path, or NULL. */
const struct path *path_set_selected(const struct path_set *s);
/** An authenticated check came. When that takes the place of the oldest unselected path, *forgotten gets it. */
struct ice_path *path_set_note(struct path_set *s, const struct path *path, uint32_t priority,
                               uint64_t now_us, struct path *forgotten, bool *has_forgotten);
/** The check nominated. With @is_fresh_start, earlier nominations do not count any more. Returns whether another path is
 * selected now. */
bool path_set_nominate(struct path_set *s, struct ice_path *p, bool is_fresh_start,
                       uint64_t now_us);
/** Take a path out; another nominated one takes its place when it was selected. Returns whether the selection changed. */
bool path_set_forget(struct path_set *s, const struct path *path);
