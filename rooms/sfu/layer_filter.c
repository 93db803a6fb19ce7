/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_filter.c - the point of each picture, and the frames at which it may rise.
 *
 *     target  S1                    S0                        S1
 *     S1      █     █     █     █   ░     ░     ░     ░       ░     █     █        █ goes out, ░ left out
 *     S0      █     █     █     █   █     █     █     █       █     █     █
 *             key               ↓ next picture: down at once        ↑ first frame of S1 that needs nothing left out
 *
 * A rise in the middle of a picture, at the first packet of an upper layer's frame, comes after the marker of what went out
 * below it: the picture then has two, and the receiver shows it twice or without the upper layer, once.
 */
#include "rooms/sfu/layer_filter.h"

#include <string.h>

#include "core/dependency_descriptor.h"
#include "core/seq.h"

void layer_filter_init(struct layer_filter *f)
{
    *f = (struct layer_filter){.target = {LAYER_ALL, LAYER_ALL}};
}

void layer_filter_set_target(struct layer_filter *f, uint8_t spatial, uint8_t temporal)
{
    f->target = (struct layer_point){MIN(spatial, LAYER_ALL), MIN(temporal, LAYER_ALL)};
    if (f->started && f->point[0].at.spatial >= f->target.spatial)
        f->wants_keyframe = false;
}

void layer_filter_restart(struct layer_filter *f)
{
    f->started = false;
    f->wants_keyframe = false;
    f->number_bits = 0;
    f->point_count = 0;
    f->top_spatial = f->top_temporal = 0;
    f->targets.count = 0;
    f->active_frames_left = 0;
}

struct layer_point layer_filter_current(const struct layer_filter *f)
{
    return f->started ? f->point[0].at : f->target;
}

/* ---- points ---- */

static bool is_same(struct layer_point a, struct layer_point b)
{
    return a.spatial == b.spatial && a.temporal == b.temporal;
}

/* From the picture @ts on @at holds. */
static void set_point(struct layer_filter *f, uint32_t ts, struct layer_point at)
{
    if (f->point_count == 0 || f->point[0].ts != ts) {
        if (f->point_count < LAYER_FILTER_POINTS)
            f->point_count++;
        memmove(&f->point[1], &f->point[0], (f->point_count - 1u) * sizeof(f->point[0]));
    } else if (is_same(f->point[0].at, at)) {
        return;
    }
    f->point[0].ts = ts;
    f->point[0].at = at;
    f->active_frames_left = LAYER_FILTER_ACTIVE_FRAMES;
    if (at.spatial >= f->target.spatial)
        f->wants_keyframe = false;
}

static struct layer_point point_of(const struct layer_filter *f, uint32_t ts)
{
    unsigned i = 0;

    while (i + 1 < f->point_count && ts32_newer(f->point[i].ts, ts))
        i++;
    return f->point[i].at;
}

/* ---- which frames went out ---- */

static int number_diff(uint16_t a, uint16_t b, unsigned bits)
{
    unsigned shift = 16 - bits;

    return seq16_diff((uint16_t)(a << shift), (uint16_t)(b << shift)) / (1 << shift);
}

static void note_number(struct layer_filter *f, const struct media_info *m)
{
    if (m->number_bits == 0)
        return;
    if (f->number_bits != m->number_bits) {
        f->number_bits = m->number_bits;
        f->newest_number = m->number;
        f->numbers_out = 0;
    }
    int age = number_diff(f->newest_number, m->number, m->number_bits);
    if (age < 0) {
        f->numbers_out = -age < 64 ? f->numbers_out << -age : 0;
        f->newest_number = m->number;
        age = 0;
    }
    if (age < 64)
        f->numbers_out |= 1ull << age;
}

/* Whether all went out that the frame refers to. */
static bool has_refs(const struct layer_filter *f, const struct media_info *m)
{
    if (m->has_far_refs)
        return false;
    if (m->refs == 0)
        return true;
    if (f->number_bits != m->number_bits)
        return false;
    /* Bit i of refs is the frame at this age + i. */
    int age = number_diff(f->newest_number, m->number, m->number_bits) + 1;
    if (age >= 64 || age <= -32)
        return false;
    uint64_t needed = age >= 0 ? (uint64_t)m->refs << age : m->refs >> -age;
    if (age >= 0 ? needed >> age != m->refs : (m->refs & ((1u << -age) - 1)) != 0)
        return false; /* older than what is remembered, or newer than all that went out */
    return (f->numbers_out & needed) == needed;
}

/* ---- moving ---- */

/* Whether the frame is a point to switch at for this layer, or for the highest one there is below it. */
static bool may_switch(const struct layer_filter *f, const struct media_info *m, unsigned spatial,
                       unsigned temporal)
{
    uint32_t layer = MEDIA_LAYER_BIT(MIN(spatial, f->top_spatial), MIN(temporal, f->top_temporal));

    return (m->switches & layer) != 0 && has_refs(f, m);
}

/* The spatial layer above, when this frame of it is no further up in time than what goes out. */
static bool rise_in_space(struct layer_filter *f, uint32_t ts, const struct media_info *m)
{
    struct layer_point at = f->point[0].at;

    if (m->spatial != at.spatial + 1 || m->spatial > f->target.spatial || m->temporal > at.temporal)
        return false;
    if (!m->enters_layer && !may_switch(f, m, (unsigned)m->spatial, at.temporal))
        return false;
    at.spatial++;
    set_point(f, ts, at);
    return true;
}

/* A higher frame rate: at a frame that goes out anyway, or at the first one of a picture one step up. */
static void rise_in_time(struct layer_filter *f, uint32_t ts, const struct media_info *m)
{
    struct layer_point at = f->point[0].at;
    unsigned to = MIN(f->target.temporal, f->top_temporal);

    if (m->temporal > at.temporal && (!m->is_frame_start || m->temporal != at.temporal + 1))
        return;
    while (to > at.temporal && !may_switch(f, m, at.spatial, to))
        to--;
    if (to <= at.temporal)
        return;
    at.temporal = (uint8_t)to;
    set_point(f, ts, at);
}

/* The first packet of a picture newer than all before: down at once. */
static void begin_picture(struct layer_filter *f, uint32_t ts)
{
    struct layer_point at = f->point[0].at;

    f->newest_ts = ts;
    if (at.spatial <= f->target.spatial && at.temporal <= f->target.temporal)
        return;
    at.spatial = MIN(at.spatial, f->target.spatial);
    at.temporal = MIN(at.temporal, f->target.temporal);
    set_point(f, ts, at);
}

/* A decodable start: what the target says, from here on. */
static void begin_sequence(struct layer_filter *f, uint32_t ts)
{
    f->started = true;
    if (f->point_count > 0 && !ts32_newer(ts, f->newest_ts) && ts != f->newest_ts)
        f->point_count =
            0; /* the clock stepped back: nothing from before can be told from what comes */
    f->newest_ts = ts;
    set_point(f, ts, f->target);
}

/* The most frequent case, in which nothing moves: the newest picture of a stream without numbers (VP8), at the target. */
static inline bool is_plain(const struct layer_filter *f, const struct rtp_header *h,
                            const struct media_info *m)
{
    return f->started && !m->is_keyframe && m->number_bits == 0 && f->targets.count == 0 &&
           is_same(f->point[0].at, f->target) && seq16_newer(h->seq, f->highest_seq) &&
           !ts32_newer(f->newest_ts, h->ts);
}

static inline void note_tops(struct layer_filter *f, const struct media_info *m)
{
    f->top_spatial = (uint8_t)MAX(m->spatial, (int)f->top_spatial);
    f->top_temporal = (uint8_t)MAX(m->temporal, (int)f->top_temporal);
}

static void move(struct layer_filter *f, const struct rtp_header *h, const struct media_info *m)
{
    bool is_newest = !f->started || seq16_newer(h->seq, f->highest_seq);

    if (is_newest)
        f->highest_seq = h->seq;
    note_tops(f, m);
    if (!f->started || (m->is_keyframe && is_newest))
        begin_sequence(f, h->ts);
    else if (ts32_newer(h->ts, f->newest_ts))
        begin_picture(f, h->ts);
    /* Only at a frame of which no packet was judged before: else it would go out by half. */
    if (!is_newest || !m->starts_layer || h->ts != f->newest_ts)
        return;
    if (!rise_in_space(f, h->ts, m))
        rise_in_time(f, h->ts, m);
}

/* ---- the verdict ---- */

/* The mask as it is for who gets no more than @at. It stands in place of the sender's, and wherever there is a structure,
 * which otherwise says "all" by itself (A.4.1). Returns whether it is known. */
static bool mask_of(const struct layer_filter *f, const struct media_info *m, struct layer_point at,
                    struct layer_verdict *out)
{
    if (f->targets.count == 0 || f->targets.count != m->dd.target_count || !m->starts_layer)
        return false;
    out->active = m->dd.active & f->targets.within[MIN(at.spatial, MEDIA_MAX_SPATIAL - 1u)] &
                  f->targets.up_to[MIN(at.temporal, MEDIA_MAX_TEMPORAL - 1u)];
    out->has_active = out->active != m->dd.active && (m->dd.has_structure || m->dd.has_active);
    return true;
}

/* A change is told for a while; not one that is over by now. */
static void tell_change(struct layer_filter *f, const struct media_info *m, struct layer_point at,
                        struct layer_verdict *out)
{
    if (m->dd.has_structure && !out->has_active)
        f->active_frames_left = 0; /* the structure tells it */
    if (f->active_frames_left == 0 || !is_same(at, f->point[0].at))
        return;
    out->has_active = true;
    f->active_frames_left--;
}

static bool is_within(const struct media_info *m, struct layer_point at)
{
    return m->spatial <= at.spatial && m->temporal <= at.temporal;
}

static bool has_layers(const struct media_info *m)
{
    return m->spatial >= 0 || m->temporal >= 0;
}

static bool ends_picture(const struct rtp_header *h, const struct media_info *m,
                         struct layer_point at)
{
    return h->marker || (m->ends_layer && m->spatial == at.spatial);
}

HOT bool layer_filter_take(struct layer_filter *f, const struct rtp_header *h,
                           const struct media_info *m, struct layer_verdict *out)
{
    *out = (struct layer_verdict){.marker = h->marker};
    if (!has_layers(m))
        return true;
    if (LIKELY(is_plain(f, h, m))) {
        f->highest_seq = h->seq;
        f->newest_ts = h->ts;
        note_tops(f, m);
        out->marker = ends_picture(h, m, f->target);
        return is_within(m, f->target);
    }
    move(f, h, m);
    struct layer_point at = point_of(f, h->ts);
    if (!is_within(m, at)) {
        if (m->starts_layer && m->spatial > f->point[0].at.spatial &&
            m->spatial <= f->target.spatial)
            f->wants_keyframe = true;
        return false;
    }
    note_number(f, m);
    out->marker = ends_picture(h, m, at);
    if (mask_of(f, m, at, out))
        tell_change(f, m, at, out);
    return true;
}

bool layer_filter_review(const struct layer_filter *f, const struct rtp_header *h,
                         const struct media_info *m, struct layer_verdict *out)
{
    *out = (struct layer_verdict){.marker = h->marker};
    if (!has_layers(m) || !f->started)
        return true;
    struct layer_point at = point_of(f, h->ts);
    if (!is_within(m, at))
        return false;
    out->marker = ends_picture(h, m, at);
    (void)mask_of(f, m, at, out);
    return true;
}

/* What the structure before had on top, and this one has not, is gone: nothing waits for it to come or to be switched to. */
static void lower_tops(struct layer_filter *f, const struct dd_targets *t)
{
    unsigned spatial = 0, temporal = 0;

    for (unsigned i = 0; i < t->count; i++) {
        spatial = MAX(spatial, t->spatial[i]);
        temporal = MAX(temporal, t->temporal[i]);
    }
    f->top_spatial = (uint8_t)MIN(f->top_spatial, spatial);
    f->top_temporal = (uint8_t)MIN(f->top_temporal, temporal);
}

void layer_filter_learn(struct layer_filter *f, const uint8_t *data, size_t len)
{
    struct dd_targets t;

    f->targets.count = 0;
    if (dependency_descriptor_targets(&t, data, len) != 0)
        return;
    f->targets.count = t.count;
    lower_tops(f, &t);
    for (unsigned s = 0; s < MEDIA_MAX_SPATIAL; s++)
        f->targets.within[s] = dd_targets_within(&t, (uint8_t)s, MEDIA_MAX_TEMPORAL - 1);
    for (unsigned i = 0; i < MEDIA_MAX_TEMPORAL; i++)
        f->targets.up_to[i] = dd_targets_within(&t, MEDIA_MAX_SPATIAL - 1, (uint8_t)i);
}
