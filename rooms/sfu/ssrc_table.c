/* SPDX-License-Identifier: Apache-2.0 */
/* ssrc_table.c - see ssrc_table.h. Linear probing at a load of at most one half. */
#include "rooms/sfu/ssrc_table.h"

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"

#define FIRST_SIZE 16

_Static_assert(4 * MAX_SSRCS_LEARNT_PER_TRANSPORT <= 65536, "slot_of() makes 16 bits");

void ssrc_table_init(struct ssrc_table *t)
{
    *t = (struct ssrc_table){0};
}

void ssrc_table_fini(struct ssrc_table *t)
{
    MEM_FREE(t->entry);
    *t = (struct ssrc_table){0};
}

static size_t next_slot(const struct ssrc_table *t, size_t i)
{
    return (i + 1) & (t->size - 1);
}

/* Where @ssrc is, or the free slot where it would go. Fibonacci hashing; a remote only hurts its own table. */
static size_t slot_of(const struct ssrc_table *t, uint32_t ssrc)
{
    size_t i = (ssrc * 2654435769u >> 16) & (t->size - 1);

    while (t->entry[i].is_used && t->entry[i].ssrc != ssrc)
        i = next_slot(t, i);
    return i;
}

const struct ssrc_entry *ssrc_table_find(const struct ssrc_table *t, uint32_t ssrc)
{
    if (t->count == 0)
        return NULL;
    const struct ssrc_entry *e = &t->entry[slot_of(t, ssrc)];
    return e->is_used ? e : NULL;
}

static int grow(struct ssrc_table *t)
{
    struct ssrc_table larger = {.size = t->size == 0 ? FIRST_SIZE : 2 * t->size, .count = t->count};

    larger.entry = mem_try_alloc(larger.size * sizeof(*larger.entry));
    if (larger.entry == NULL)
        return E_NO_MEMORY;
    for (size_t i = 0; i < t->size; i++)
        if (t->entry[i].is_used)
            larger.entry[slot_of(&larger, t->entry[i].ssrc)] = t->entry[i];
    mem_free(t->entry);
    *t = larger;
    return 0;
}

int ssrc_table_put(struct ssrc_table *t, uint32_t ssrc, struct encoding *encoding, bool is_rtx)
{
    bool is_known = ssrc_table_find(t, ssrc) != NULL;

    if (!is_known && t->count >= MAX_SSRCS_LEARNT_PER_TRANSPORT)
        return E_LIMIT;
    if (!is_known && 2 * (t->count + 1) > t->size) {
        int err = grow(t);
        if (err != 0)
            return err;
    }
    t->entry[slot_of(t, ssrc)] =
        (struct ssrc_entry){.ssrc = ssrc, .is_used = true, .is_rtx = is_rtx, .encoding = encoding};
    t->count += !is_known;
    return 0;
}

/* Close the hole: whoever probed past it moves into reach again. */
static void remove_at(struct ssrc_table *t, size_t i)
{
    t->entry[i].is_used = false;
    t->count--;
    for (size_t k = next_slot(t, i); t->entry[k].is_used; k = next_slot(t, k)) {
        struct ssrc_entry moved = t->entry[k];
        t->entry[k].is_used = false;
        t->entry[slot_of(t, moved.ssrc)] = moved;
    }
}

void ssrc_table_remove(struct ssrc_table *t, uint32_t ssrc, const struct encoding *owner)
{
    const struct ssrc_entry *e = ssrc_table_find(t, ssrc);

    if (e != NULL && e->encoding == owner)
        remove_at(t, (size_t)(e - t->entry));
}
