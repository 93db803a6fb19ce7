/* SPDX-License-Identifier: Apache-2.0 */
/* viewer.c - see viewer.h: wishes and ladders into allocator items, a run, and its outcome into aims. */
#include "rooms/sfu/viewer.h"

#include "core/mem.h"
#include "rooms/sfu/subscription_internal.h"

/* A viewer with room for twice what is sent does not care about bitrates that drift. */
#define ROOMY 2

static uint64_t estimate_bps(const struct sfu_transport *st)
{
    return st->estimate_bps == 0 ? ALLOCATOR_MAX_BPS : st->estimate_bps;
}

static bool is_unlimited(const struct sfu_transport *st)
{
    return st->estimate_bps == 0;
}

/* ---- wish and ladder into an item ---- */

static bool has_maximum(const struct sfu_wish *w)
{
    return w->max_spatial >= 0 || w->max_temporal >= 0;
}

static bool is_allowed(const struct sfu_wish *w, const struct track *t,
                       const struct layer_option *o)
{
    return (w->max_spatial < 0 || track_spatial_of(t, o->encoding, o->spatial) <= w->max_spatial) &&
           (w->max_temporal < 0 || o->temporal <= w->max_temporal);
}

static int8_t find_step(const struct viewer_item *item, const struct layer_option *o)
{
    for (int8_t i = 0; i < item->it.layers; i++)
        if (item->step[i].encoding == o->encoding && item->step[i].spatial == o->spatial &&
            item->step[i].temporal == o->temporal)
            return i;
    return -1;
}

static void add_step(struct viewer_item *to, const struct layer_option *o)
{
    unsigned i = to->it.layers++;

    to->step[i] = (struct viewer_step){o->encoding, o->spatial, o->temporal};
    to->it.layer[i] = (struct allocator_layer){
        .bitrate_bps = o->bitrate_bps, .pixels = o->pixels, .fps = o->fps, .is_sent = o->is_live};
}

/* A ladder of its own of what the wish allows: without a high picture rate, large pictures at a low one are worth something. */
static size_t select_steps(const struct sfu_wish *w, const struct track *t,
                           struct layer_option out[MAX_LADDER_LAYERS])
{
    size_t n = ladder_options(&t->ladder, out), allowed = 0;

    for (size_t i = 0; i < n; i++)
        if (is_allowed(w, t, &out[i]))
            out[allowed++] = out[i];
    return layer_selector_ladder(out, allowed, out);
}

/* The steps that the wish allows, or the lowest; what the item had of them it keeps. */
static void fill_steps(struct subscription *sub, const struct track *t)
{
    const struct viewer_item before = *sub->item;
    struct viewer_item *item = sub->item;
    struct layer_option own[MAX_LADDER_LAYERS];
    const struct layer_option *step = t->ladder.step;
    size_t n = t->ladder.count;
    int8_t was[MAX_LADDER_LAYERS];

    item->is_whole = !has_maximum(&sub->wish);
    if (!item->is_whole) {
        n = select_steps(&sub->wish, t, own);
        step = own;
    }
    item->it.layers = 0;
    for (size_t i = 0; i < n; i++)
        add_step(item, &step[i]);
    if (item->it.layers == 0 && t->ladder.count > 0)
        add_step(item, &t->ladder.step[0]);
    for (unsigned i = 0; i < item->it.layers; i++) {
        const struct viewer_step *s = &item->step[i];
        was[i] = find_step(&before, &(struct layer_option){.encoding = s->encoding,
                                                           .spatial = s->spatial,
                                                           .temporal = s->temporal});
    }
    if (before.track_id != t->id || before.it.layers == 0)
        allocator_item_restart(&item->it);
    else
        allocator_item_remap(&item->it, was);
    item->track_id = t->id;
}

static void fill(struct subscription *sub, const struct track *t)
{
    struct allocator_item *it = &sub->item->it;
    const struct sfu_wish *w = &sub->wish;

    it->priority = w->priority;
    it->is_wanted = !w->is_paused;
    it->is_muted = t->is_muted;
    it->wanted_width = w->width;
    it->wanted_height = w->height;
    it->wanted_fps = w->fps;
    fill_steps(sub, t);
    if (is_unlimited(sub->owner))
        allocator_item_restart(it); /* nothing to wait for between two steps up */
}

/* ---- the outcome ---- */

/* Everything there is, as far as the wish goes: while no layers are measured yet. */
static struct layer_aim aim_at_all(const struct sfu_wish *w)
{
    struct layer_aim aim = LAYER_AIM_BEST;

    if (w->max_temporal >= 0)
        aim.temporal = (uint8_t)w->max_temporal;
    return aim;
}

static struct layer_aim aim_of(const struct viewer_item *item, const struct sfu_wish *w)
{
    const struct allocator_item *it = &item->it;
    int at = it->forward >= 0 ? it->forward : it->target;
    struct layer_aim aim = aim_at_all(w);

    if (it->layers > 0 && at >= 0) {
        const struct viewer_step *s = &item->step[at];
        bool is_top = item->is_whole && at + 1 == it->layers;
        aim = (struct layer_aim){.encoding = (int8_t)s->encoding,
                                 .spatial = is_top ? LAYER_ALL : s->spatial,
                                 .temporal = is_top ? LAYER_ALL : s->temporal};
    }
    aim.is_paused = !it->is_wanted || it->is_muted || (it->layers > 0 && it->target < 0);
    return aim;
}

/* ---- runs ---- */

/* Without memory a subscription goes on without limits. */
static bool has_item(struct subscription *sub)
{
    if (sub->item != NULL)
        return true;
    sub->item = mem_try_alloc(sizeof(*sub->item));
    if (sub->item != NULL)
        allocator_item_init(&sub->item->it, MEDIA_VIDEO);
    return sub->item != NULL;
}

static size_t collect(struct viewer *v, struct subscription *of[MAX_SLOTS_PER_PARTICIPANT],
                      uint64_t now_us)
{
    size_t n = 0;

    v->audio_bps = 0;
    LIST_EACH(&v->owner->subscriptions, struct subscription, node, sub) {
        const struct track *t = subscription_track(sub);
        if (!subscription_is_video(sub))
            v->audio_bps += rate_bps(&sub->send.rate, now_us);
        else if (t != NULL && n < MAX_SLOTS_PER_PARTICIPANT && viewer_takes(sub))
            of[n++] = sub;
    }
    return n;
}

/* Whether video may be paused for want of bandwidth. Of several the least important may at any time. The only one is all there is
 * to see, and estimates err: only when its lowest layer would take twice what there is, for a while; and then until it fits. */
static bool may_pause(struct viewer *v, struct allocator_item *const *items, size_t n, uint64_t bps,
                      uint64_t now_us)
{
    uint64_t lowest_bps = 0;
    unsigned wanted = 0;

    for (size_t i = 0; i < n; i++) {
        if (!items[i]->is_wanted || items[i]->is_muted || items[i]->layers == 0)
            continue;
        lowest_bps += items[i]->layer[0].bitrate_bps;
        wanted++;
    }
    if (v->pauses) {
        v->pauses = bps < lowest_bps;
        v->lacks_since_us = v->pauses ? v->lacks_since_us : 0;
    } else if (bps * VIEWER_PAUSE_FACTOR >= lowest_bps) {
        v->lacks_since_us = 0;
    } else if (v->lacks_since_us == 0) {
        v->lacks_since_us = now_us;
    } else {
        v->pauses = now_us - v->lacks_since_us >= VIEWER_PAUSE_AFTER_US;
    }
    return v->pauses || wanted > 1;
}

static void run(struct viewer *v, uint64_t now_us)
{
    struct subscription *of[MAX_SLOTS_PER_PARTICIPANT];
    struct allocator_item *items[MAX_SLOTS_PER_PARTICIPANT];
    size_t n = collect(v, of, now_us);
    uint64_t bps = estimate_bps(v->owner);

    for (size_t i = 0; i < n; i++) {
        fill(of[i], subscription_track(of[i]));
        items[i] = &of[i]->item->it;
    }
    bps -= MIN(bps, v->audio_bps);
    bool is_pausable = may_pause(v, items, n, bps, now_us);
    for (size_t i = 0; i < n; i++)
        items[i]->is_pausable = is_pausable;
    allocator_run(&v->allocator, items, n, bps, now_us);
    v->ran_us = now_us;
    for (size_t i = 0; i < n; i++) {
        struct layer_aim aim = aim_of(of[i]->item, &of[i]->wish);
        subscription_set_aim(of[i], &aim, now_us);
    }
    transport_want_bps(v->owner->tp, viewer_wanted_bps(v->owner), now_us);
    uint64_t next_us = v->allocator.next_run_us;
    if (v->lacks_since_us != 0 && !v->pauses)
        next_us = MIN(next_us, v->lacks_since_us + VIEWER_PAUSE_AFTER_US);
    deadline_set(v->owner->sfu->env.wheel, &v->due, next_us);
}

static void on_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    run(arg, now_us);
}

static struct viewer *viewer_of(struct sfu_transport *st)
{
    struct viewer *v = st->viewer;

    if (v != NULL || (v = mem_try_alloc(sizeof(*v))) == NULL)
        return v;
    v->owner = st;
    allocator_init(&v->allocator);
    deadline_init(&v->due, on_due, v);
    st->viewer = v;
    return v;
}

/* ---- when ---- */

static void run_at(struct viewer *v, uint64_t at_us)
{
    if (!deadline_is_set(&v->due) || at_us < v->due.at_us)
        deadline_set(v->owner->sfu->env.wheel, &v->due, at_us);
}

static bool limits(const struct sfu_wish *w)
{
    return w->is_paused || w->width != 0 || w->height != 0 || w->fps != 0 || has_maximum(w);
}

bool viewer_takes(struct subscription *sub)
{
    if (sub->item == NULL && is_unlimited(sub->owner) && !limits(&sub->wish))
        return false;
    return viewer_of(sub->owner) != NULL && has_item(sub);
}

void viewer_change(struct sfu_transport *st, uint64_t now_us)
{
    if (st->viewer != NULL)
        run_at(st->viewer, now_us);
}

/* All that is wanted is sent, and could cost twice as much. */
static bool is_roomy(const struct viewer *v)
{
    return v->allocator.next_step_bps == 0 &&
           (v->allocator.total_bps + v->audio_bps) * ROOMY <= estimate_bps(v->owner);
}

void viewer_drift(struct sfu_transport *st, uint64_t now_us)
{
    struct viewer *v = st->viewer;

    if (v != NULL && !is_roomy(v))
        run_at(v, MAX(v->ran_us + VIEWER_RUN_US, now_us));
}

void viewer_set_estimate(struct sfu_transport *st, uint64_t bps, uint64_t now_us)
{
    bool was_unlimited = is_unlimited(st);
    struct viewer *v;

    st->estimate_bps = MIN(bps, ALLOCATOR_MAX_BPS);
    if ((was_unlimited && bps == 0) || (v = viewer_of(st)) == NULL)
        return;
    if (was_unlimited || bps == 0 || bps < v->allocator.total_bps + v->audio_bps)
        run_at(v, now_us);
    else
        viewer_drift(st, now_us);
}

uint64_t viewer_wanted_bps(const struct sfu_transport *st)
{
    const struct viewer *v = st->viewer;

    return v == NULL || v->allocator.next_step_bps == 0 ? 0
                                                        : v->allocator.next_step_bps + v->audio_bps;
}

void viewer_free(struct sfu_transport *st)
{
    if (st->viewer == NULL)
        return;
    deadline_clear(&st->viewer->due);
    MEM_FREE(st->viewer);
}
