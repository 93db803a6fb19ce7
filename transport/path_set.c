/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/path_set.h"

#include "transport/ice.h"

#define NONE (-1)

void path_set_init(struct path_set *s)
{
    *s = (struct path_set){.selected = NONE};
}

static int find(const struct path_set *s, const struct path *path)
{
    for (size_t i = 0; i < s->count; i++)
        if (path_eq(&s->path[i].path, path))
            return (int)i;
    return NONE;
}

bool path_set_has(const struct path_set *s, const struct path *path)
{
    return find(s, path) != NONE;
}

const struct path *path_set_selected(const struct path_set *s)
{
    return s->selected == NONE ? NULL : &s->path[s->selected].path;
}

static void take_out(struct path_set *s, int index)
{
    int last = (int)--s->count;

    if (s->selected == index)
        s->selected = NONE;
    else if (s->selected == last)
        s->selected = index;
    s->path[index] = s->path[last];
}

static int oldest_unselected(const struct path_set *s)
{
    int oldest = s->selected == 0 ? 1 : 0;

    for (int i = oldest + 1; i < (int)s->count; i++)
        if (i != s->selected && s->path[i].checked_us < s->path[oldest].checked_us)
            oldest = i;
    return oldest;
}

struct ice_path *path_set_note(struct path_set *s, const struct path *path, uint32_t priority,
                               uint64_t now_us, struct path *forgotten, bool *has_forgotten)
{
    int index = find(s, path);

    if (index == NONE) {
        if (s->count == MAX_PATHS_PER_TRANSPORT) {
            int oldest = oldest_unselected(s);

            *forgotten = s->path[oldest].path;
            *has_forgotten = true;
            take_out(s, oldest);
        }
        index = (int)s->count++;
        s->path[index] = (struct ice_path){.path = *path};
    }
    s->path[index].priority = priority;
    s->path[index].checked_us = now_us;
    return &s->path[index];
}

/* The rule at the head of ice.h. */
static bool takes_over(const struct path_set *s, const struct ice_path *p, uint64_t now_us)
{
    if (s->selected == NONE)
        return true;

    const struct ice_path *selected = &s->path[s->selected];

    return p->priority >= selected->priority ||
           now_us - selected->nominated_us >= ICE_NOMINATION_HOLD_US;
}

bool path_set_nominate(struct path_set *s, struct ice_path *p, bool is_fresh_start, uint64_t now_us)
{
    int index = (int)(p - s->path);
    bool is_better = is_fresh_start || takes_over(s, p, now_us);

    for (size_t i = 0; is_fresh_start && i < s->count; i++)
        s->path[i].is_nominated = false;
    p->is_nominated = true;
    p->nominated_us = now_us;
    if (!is_better || index == s->selected)
        return false;
    s->selected = index;
    return true;
}

bool path_set_forget(struct path_set *s, const struct path *path)
{
    int index = find(s, path);

    if (index == NONE)
        return false;
    bool was_selected = index == s->selected;

    take_out(s, index);
    if (!was_selected)
        return false;
    for (int i = 0; i < (int)s->count; i++)
        if (s->path[i].is_nominated &&
            (s->selected == NONE || s->path[i].checked_us > s->path[s->selected].checked_us))
            s->selected = i;
    return true;
}
