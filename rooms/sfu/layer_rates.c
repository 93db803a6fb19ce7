/* SPDX-License-Identifier: Apache-2.0 */
/* layer_rates.c - see layer_rates.h. */
#include "rooms/sfu/layer_rates.h"

#include "core/attr.h"
#include "core/timebase.h"

#define BINS_PER_S (US_PER_S / LAYER_RATES_BIN_US)
#define SMOOTH 4 /* bins */

static struct layer_rate *layer_of(struct layer_rates *r, const struct media_info *m)
{
    unsigned spatial = m->spatial < 0 ? 0 : MIN((unsigned)m->spatial, MEDIA_MAX_SPATIAL - 1u);
    unsigned temporal = m->temporal < 0 ? 0 : MIN((unsigned)m->temporal, LAYER_RATES_TEMPORAL - 1u);

    return &r->layer[spatial][temporal];
}

/* The first bin that has something in it counts in full, so that a guess is there after a quarter of a second. The next one replaces
 * it. */
static void close_bin(struct layer_rate *l)
{
    uint32_t bps = (uint32_t)MIN((uint64_t)l->bytes * 8 * BINS_PER_S, UINT32_MAX);
    uint32_t fps_q4 = MIN((uint32_t)(l->frames * 16u * BINS_PER_S), UINT16_MAX);

    l->silent_bins = l->bytes > 0 ? 0 : (uint8_t)MIN(l->silent_bins + 1, UINT8_MAX);
    if (l->silent_bins >= LAYER_RATES_SILENT_BINS) {
        *l = (struct layer_rate){.silent_bins = l->silent_bins};
        return;
    }
    if (!l->is_live) {
        if (l->bytes == 0)
            return;
        l->is_live = l->is_new = true;
        l->bps = bps;
        l->fps_q4 = (uint16_t)fps_q4;
    } else if (l->is_new && l->bytes > 0) {
        l->is_new = false;
        l->bps = bps;
        l->fps_q4 = (uint16_t)fps_q4;
    } else {
        l->is_new = false;
        l->bps = (uint32_t)(((uint64_t)l->bps * (SMOOTH - 1) + bps) / SMOOTH);
        l->fps_q4 = (uint16_t)((l->fps_q4 * (SMOOTH - 1u) + fps_q4) / SMOOTH);
    }
    l->bytes = 0;
    l->frames = 0;
}

static void close_bins(struct layer_rates *r)
{
    for (unsigned s = 0; s < MEDIA_MAX_SPATIAL; s++)
        for (unsigned t = 0; t < LAYER_RATES_TEMPORAL; t++)
            close_bin(&r->layer[s][t]);
}

void layer_rates_advance(struct layer_rates *r, uint64_t now_us)
{
    /* After so many empty ones nothing changes any more. */
    for (unsigned i = 0; i <= LAYER_RATES_SILENT_BINS; i++) {
        if (r->bin_start_us == 0 || now_us < r->bin_start_us + LAYER_RATES_BIN_US)
            return;
        close_bins(r);
        r->bin_start_us += LAYER_RATES_BIN_US;
    }
    if (now_us >= r->bin_start_us + LAYER_RATES_BIN_US)
        r->bin_start_us = now_us - now_us % LAYER_RATES_BIN_US;
}

void layer_rates_add(struct layer_rates *r, const struct media_info *m, size_t bytes,
                     uint64_t now_us)
{
    struct layer_rate *l = layer_of(r, m);

    if (r->bin_start_us == 0)
        r->bin_start_us = now_us;
    if (now_us >= r->bin_start_us + LAYER_RATES_BIN_US)
        layer_rates_advance(r, now_us);
    l->bytes += (uint32_t)bytes;
    l->frames = (uint16_t)(l->frames + m->ends_layer);
}

bool layer_rates_is_live(const struct layer_rates *r, unsigned spatial, unsigned temporal)
{
    return spatial < MEDIA_MAX_SPATIAL && temporal < LAYER_RATES_TEMPORAL &&
           r->layer[spatial][temporal].is_live;
}

uint32_t layer_rates_bps(const struct layer_rates *r, unsigned spatial, unsigned temporal)
{
    uint64_t sum = 0;

    for (unsigned s = 0; s <= spatial && s < MEDIA_MAX_SPATIAL; s++)
        for (unsigned t = 0; t <= temporal && t < LAYER_RATES_TEMPORAL; t++)
            sum += r->layer[s][t].bps;
    return (uint32_t)MIN(sum, UINT32_MAX);
}

uint8_t layer_rates_fps(const struct layer_rates *r, unsigned spatial, unsigned temporal)
{
    uint32_t sum_q4 = 0;

    for (unsigned t = 0; spatial < MEDIA_MAX_SPATIAL && t <= temporal && t < LAYER_RATES_TEMPORAL;
         t++)
        sum_q4 += r->layer[spatial][t].fps_q4;
    return (uint8_t)MIN((sum_q4 + 8) / 16, UINT8_MAX);
}
