/* SPDX-License-Identifier: Apache-2.0 */
/* layer_selector.c - see layer_selector.h. */
#include "rooms/sfu/layer_selector.h"

#include <string.h>

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

/* ---- the ladder ---- */

static bool is_higher(const struct layer_option *a, const struct layer_option *b, bool by_size)
{
    if (by_size && a->pixels != b->pixels)
        return a->pixels > b->pixels;
    bool is_same_size = by_size || (a->encoding == b->encoding && a->spatial == b->spatial);
    if (is_same_size && a->encoding == b->encoding && a->temporal != b->temporal)
        return a->temporal > b->temporal;
    return a->bitrate_bps > b->bitrate_bps;
}

/* Insertion sort: a dozen at most. */
static size_t collect(const struct layer_option *options, size_t n, struct layer_option *out)
{
    bool by_size = true;
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        if (options[i].bitrate_bps > 0)
            by_size &= options[i].pixels != 0;
    for (size_t i = 0; i < n; i++) {
        struct layer_option o = options[i];
        size_t at = count;
        if (o.bitrate_bps == 0)
            continue;
        while (at > 0 && is_higher(&out[at - 1], &o, by_size))
            at--;
        memmove(&out[at + 1], &out[at], (count - at) * sizeof(o));
        out[at] = o;
        count++;
    }
    return count;
}

static bool is_jerky(const struct layer_option *o, const struct layer_option *lower, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (lower[i].pixels != 0 && lower[i].pixels < o->pixels && o->fps != 0 &&
            o->fps * 100u < lower[i].fps * (unsigned)LADDER_MIN_FPS_PERCENT)
            return true;
    return false;
}

size_t layer_selector_ladder(const struct layer_option *options, size_t n,
                             struct layer_option *ladder)
{
    size_t sorted = collect(options, n, ladder), count = 0;

    for (size_t i = 0; i < sorted; i++) {
        struct layer_option o = ladder[i];
        if (is_jerky(&o, ladder, count))
            continue;
        while (count > 0 && ladder[count - 1].bitrate_bps >= o.bitrate_bps)
            count--;
        ladder[count++] = o;
    }
    return count;
}
