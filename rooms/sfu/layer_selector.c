/* SPDX-License-Identifier: Apache-2.0 */
/* layer_selector.c - see layer_selector.h. */
#include "rooms/sfu/layer_selector.h"

#include "rooms/sfu/encoding.h"

/* More pixels win; where they are unknown or equal, a clearly higher bitrate does (a quarter more, so that two equal encodings
 * do not take turns). */
static bool is_better(const struct layer_candidate *a, const struct layer_candidate *b)
{
    if (a->pixels != 0 && b->pixels != 0 && a->pixels != b->pixels)
        return a->pixels > b->pixels;
    return a->bitrate_bps > b->bitrate_bps + b->bitrate_bps / 4;
}

static bool is_settled(const struct layer_candidate *c)
{
    return c->is_live && c->live_for_us >= LAYER_SETTLE_US;
}

int layer_selector_choose(const struct layer_candidate *c, size_t n, int current)
{
    int best = current >= 0 && c[current].silent_us <= ENCODING_SILENT_US ? current : -1;

    for (size_t i = 0; i < n; i++)
        if (is_settled(&c[i]) && (int)i != best && (best < 0 || is_better(&c[i], &c[best])))
            best = (int)i;
    for (size_t i = 0; i < n && best < 0; i++) /* anything rather than nothing */
        if (c[i].is_live)
            best = (int)i;
    return best >= 0 ? best : current;
}
