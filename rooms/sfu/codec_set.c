/* SPDX-License-Identifier: Apache-2.0 */
/* codec_set.c - see codec_set.h. */
#include "rooms/sfu/codec_set.h"

#include <string.h>

#include "core/mem.h"

/* By bytes: where padding differs two equal sets stay apart, which costs memory only. */
static bool is_of(const struct codec_set *set, const struct transceiver *t)
{
    return set->count == t->codec_count &&
           memcmp(set->codec, t->codec, t->codec_count * sizeof(t->codec[0])) == 0;
}

struct codec_set *codec_set_share(struct list *sets, const struct transceiver *t)
{
    size_t bytes = t->codec_count * sizeof(t->codec[0]);

    LIST_EACH(sets, struct codec_set, node, known) {
        if (is_of(known, t)) {
            known->refs++;
            return known;
        }
    }
    struct codec_set *set = mem_try_alloc(sizeof(*set) + bytes);
    if (set == NULL)
        return NULL;
    set->refs = 1;
    set->count = t->codec_count;
    memcpy(set->codec, t->codec, bytes);
    list_append(sets, &set->node);
    return set;
}

void codec_set_unref(struct codec_set **setp)
{
    struct codec_set *set = *setp;

    if (set == NULL)
        return;
    *setp = NULL;
    if (--set->refs > 0)
        return;
    list_remove(&set->node);
    mem_free(set);
}

const struct negotiated_codec *codec_set_find_pt(const struct codec_set *set, uint8_t pt)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->codec[i].pt == pt)
            return &set->codec[i];
    return NULL;
}

const struct negotiated_codec *codec_set_find(const struct codec_set *set,
                                              const struct codec *codec)
{
    for (size_t i = 0; i < set->count; i++)
        if (codec_fits(codec, &set->codec[i].codec))
            return &set->codec[i];
    return NULL;
}
