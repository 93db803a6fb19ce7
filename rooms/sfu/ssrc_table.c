/* SPDX-License-Identifier: Apache-2.0 */
/* ssrc_table.c - see ssrc_table.h. Linear probing at a load of at most one half. */
#include "rooms/sfu/ssrc_table.h"

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

#define FIRST_SIZE 16

void ssrc_table_init(struct ssrc_table *t)
{
    *t = (struct ssrc_table){0};
}

void ssrc_table_fini(struct ssrc_table *t)
{
    MEM_FREE(t->entry);
    *t = (struct ssrc_table){0};
}

static size_t slot_of(const struct ssrc_table *t, uint32_t ssrc)
{
    size_t i = (ssrc * 2654435769u) & (t->size - 1); /* Fibonacci hashing; a remote only hurts its own table */

    while (t->entry[i].is_used && t->entry[i].ssrc != ssrc)
        i = (i + 1) & (t->size - 1);
    return i;
}

const struct ssrc_entry *ssrc_table_find(const struct ssrc_table *t, uint32_t ssrc)
{
    if (t->count == 0)
        return NULL;
    const struct ssrc_entry *e = &t->entry[slot_of(t, ssrc)];
    return e->is_used ? e : NULL;
}

static int rebuild(struct ssrc_table *t, size_t size, const struct encoding *without)
{
    struct ssrc_table fresh = {.size = size, .entry = mem_try_alloc(size * sizeof(*fresh.entry))};

    if (fresh.entry == NULL)
        return E_NO_MEMORY;
    for (size_t i = 0; i < t->size; i++) {
        const struct ssrc_entry *e = &t->entry[i];
        if (!e->is_used || e->encoding == without)
            continue;
        fresh.entry[slot_of(&fresh, e->ssrc)] = *e;
        fresh.count++;
    }
    mem_free(t->entry);
    *t = fresh;
    return 0;
}

int ssrc_table_put(struct ssrc_table *t, uint32_t ssrc, struct encoding *encoding, bool is_rtx)
{
    struct ssrc_entry value = {.ssrc = ssrc, .is_used = true, .is_rtx = is_rtx, .encoding = encoding};

    if (t->size > 0 && t->entry[slot_of(t, ssrc)].is_used) {
        t->entry[slot_of(t, ssrc)] = value;
        return 0;
    }
    if (t->count >= MAX_SSRCS_LEARNT_PER_TRANSPORT)
        return E_LIMIT;
    if (2 * (t->count + 1) > t->size) {
        int err = rebuild(t, t->size == 0 ? FIRST_SIZE : 2 * t->size, NULL);
        if (err != 0)
            return err;
    }
    t->entry[slot_of(t, ssrc)] = value;
    t->count++;
    return 0;
}

/* In place, so that it cannot fail: take all out, put the others back. */
void ssrc_table_remove_encoding(struct ssrc_table *t, const struct encoding *encoding)
{
    for (size_t i = 0; i < t->size; i++) {
        if (!t->entry[i].is_used || t->entry[i].encoding != encoding)
            continue;
        t->entry[i].is_used = false;
        t->count--;
        /* Close the hole: whoever probed past it moves into reach again. */
        for (size_t k = (i + 1) & (t->size - 1); t->entry[k].is_used; k = (k + 1) & (t->size - 1)) {
            struct ssrc_entry moved = t->entry[k];
            t->entry[k].is_used = false;
            t->entry[slot_of(t, moved.ssrc)] = moved;
        }
        i--; /* something may have moved here */
    }
}
