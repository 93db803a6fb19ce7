/* SPDX-License-Identifier: Apache-2.0 */
/* ladder.c - see ladder.h. */
#include "rooms/sfu/ladder.h"

#include <string.h>

#include "core/attr.h"
#include "rooms/sfu/encoding.h"
#include "rooms/sfu/uplink.h"

void ladder_clear(struct ladder *l)
{
    uint16_t version = l->version, shape = l->shape;

    *l = (struct ladder){.version = (uint16_t)(version + 1), .shape = (uint16_t)(shape + 1)};
}

const struct layer_option *ladder_top(const struct ladder *l)
{
    return l->count == 0 ? NULL : &l->step[l->count - 1];
}

/* ---- measuring one encoding ---- */

static uint32_t pixels_of(const struct encoding *e, unsigned spatial)
{
    return spatial >= e->sizes ? 0 : (uint32_t)e->size[spatial].width * e->size[spatial].height;
}

static struct layer_option option_of(const struct encoding *e, uint8_t index, uint8_t spatial,
                                     uint8_t temporal)
{
    return (struct layer_option){
        .encoding = index,
        .spatial = spatial,
        .temporal = temporal,
        .is_live = true,
        .fps = layer_rates_fps(&e->rates, spatial, temporal),
        .pixels = pixels_of(e, spatial),
        .bitrate_bps = layer_rates_bps(&e->rates, spatial, temporal),
    };
}

/* What is sent now; @max is this encoding's share of the ladder. */
static void measure(struct ladder_known *known, struct encoding *e, uint8_t index, unsigned max,
                    uint64_t now_us)
{
    struct ladder_known live = {0};

    layer_rates_advance(&e->rates, now_us);
    for (uint8_t s = 0; s < MEDIA_MAX_SPATIAL; s++)
        for (uint8_t t = 0; t < LAYER_RATES_TEMPORAL; t++)
            if (live.count < max && layer_rates_is_live(&e->rates, s, t))
                live.option[live.count++] = option_of(e, index, s, t);
    /* While it begins there are guesses, and while it fades out rates fall: that is not what it costs. */
    if (live.count > 0 && now_us - e->live_since_us >= 2 * LAYER_RATES_BIN_US &&
        now_us - e->last_packet_us <= LAYER_RATES_BIN_US)
        *known = live;
    for (unsigned i = 0; i < known->count; i++)
        known->option[i].is_live = live.count > 0 && !uplink_is_choked(e, now_us);
}

/* ---- all of them ---- */

static bool is_smaller(const struct ladder_known *a, const struct ladder_known *b)
{
    const struct layer_option *top_a = &a->option[a->count - 1], *top_b = &b->option[b->count - 1];

    if (top_a->pixels != top_b->pixels && top_a->pixels != 0 && top_b->pixels != 0)
        return top_a->pixels < top_b->pixels;
    return top_a->bitrate_bps < top_b->bitrate_bps;
}

static void set_ranks(struct ladder *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        l->rank[i] = 0;
        for (size_t k = 0; k < n; k++)
            if (k != i && l->known[i].count > 0 && l->known[k].count > 0 &&
                is_smaller(&l->known[k], &l->known[i]))
                l->rank[i]++;
    }
}

static bool has_drifted(uint64_t from, uint64_t to)
{
    uint64_t off = from > to ? from - to : to - from;

    return off * 100 > from * LADDER_DRIFT_PERCENT;
}

static bool is_same_step(const struct layer_option *a, const struct layer_option *b)
{
    return a->encoding == b->encoding && a->spatial == b->spatial && a->temporal == b->temporal &&
           a->is_live == b->is_live && a->pixels == b->pixels;
}

/* What is kept is what was told, so that a slow drift adds up and shows. */
static void tell(struct ladder *l, const struct layer_option *step, size_t count)
{
    bool has_shape = count == l->count, has_rates = true;

    for (size_t i = 0; i < count && has_shape; i++) {
        has_shape = is_same_step(&l->step[i], &step[i]);
        has_rates &= !has_drifted(l->step[i].bitrate_bps, step[i].bitrate_bps) &&
                     !has_drifted(l->step[i].fps, step[i].fps);
    }
    if (has_shape && has_rates)
        return;
    memcpy(l->step, step, count * sizeof(*step));
    l->count = (uint8_t)count;
    l->version++;
    l->shape = (uint16_t)(l->shape + !has_shape);
}

size_t ladder_options(const struct ladder *l, struct layer_option out[MAX_LADDER_LAYERS])
{
    size_t count = 0;

    for (size_t i = 0; i < MAX_ENCODINGS; i++) {
        memcpy(&out[count], l->known[i].option, l->known[i].count * sizeof(out[0]));
        count += l->known[i].count;
    }
    return count;
}

void ladder_measure(struct ladder *l, struct encoding *encoding, size_t n, uint64_t now_us)
{
    struct layer_option options[MAX_LADDER_LAYERS];

    for (size_t i = 0; i < n; i++)
        measure(&l->known[i], &encoding[i], (uint8_t)i, (unsigned)(MAX_LADDER_LAYERS / n), now_us);
    set_ranks(l, n);
    tell(l, options, layer_selector_ladder(options, ladder_options(l, options), options));
}
