/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_state.c - what there is to say of a video slot: does it flow, which layers, and why no better ones. Told when it
 * changed, TELL_US after the last telling at the earliest: what changes back before is never told.
 */
#include "rooms/sfu/subscription_internal.h"
#include "rooms/sfu/viewer.h"

#define TELL_US 250000ull

static void read_flow(const struct subscription *sub, struct sfu_slot_state *out)
{
    const struct encoding *e = sub->encoding;
    const struct layer_filter *f = &sub->filter;
    struct layer_point at = layer_filter_current(f);

    if (e == NULL)
        return;
    unsigned spatial = f->started ? MIN(at.spatial, f->top_spatial) : 0u;
    out->spatial = track_spatial_of(e->track, (unsigned)(e - e->track->encoding), spatial);
    out->temporal = (int8_t)(f->started ? MIN(at.temporal, f->top_temporal) : 0);
    if (e->sizes > 0) {
        out->width = e->size[MIN(spatial, e->sizes - 1u)].width;
        out->height = e->size[MIN(spatial, e->sizes - 1u)].height;
    }
}

static void set_target(struct sfu_slot_state *out, const struct track *t, unsigned encoding,
                       unsigned spatial, unsigned temporal)
{
    out->target_spatial = track_spatial_of(t, encoding, spatial);
    out->target_temporal = (int8_t)temporal;
}

static enum allocator_reason reason_without_item(const struct subscription *sub,
                                                 const struct track *t)
{
    if (t->is_muted)
        return ALLOCATOR_MUTED;
    return sub->encoding != NULL ? ALLOCATOR_NONE : ALLOCATOR_NOT_SENT;
}

void subscription_read_state(const struct subscription *sub, struct sfu_slot_state *out)
{
    const struct track *t = subscription_track(sub);
    const struct viewer_item *item = sub->item;

    *out = SUBSCRIPTION_NOTHING_TOLD;
    read_flow(sub, out);
    if (t == NULL)
        return;
    const struct layer_option *top = ladder_top(&t->ladder);
    if (item == NULL || item->track_id != t->id) {
        out->reason = reason_without_item(sub, t);
        if (top != NULL && !t->is_muted)
            set_target(out, t, top->encoding, top->spatial, top->temporal);
    } else {
        out->reason = item->it.layers > 0 || item->it.reason == ALLOCATOR_NOT_WANTED
                          ? item->it.reason
                          : reason_without_item(sub, t);
        if (item->it.target >= 0) {
            const struct viewer_step *s = &item->step[item->it.target];
            set_target(out, t, s->encoding, s->spatial, s->temporal);
        }
    }
    out->is_active = !sub->aim.is_paused && (sub->encoding != NULL || sub->is_held);
}

static bool is_same(const struct sfu_slot_state *a, const struct sfu_slot_state *b)
{
    return a->is_active == b->is_active && a->reason == b->reason && a->spatial == b->spatial &&
           a->temporal == b->temporal && a->target_spatial == b->target_spatial &&
           a->target_temporal == b->target_temporal;
}

void subscription_changed(struct subscription *sub)
{
    struct sfu *s = sub->owner->sfu;

    if (s->handlers.on_subscription_state == NULL || !subscription_is_video(sub) ||
        !list_is_empty(&sub->changed_node))
        return;
    list_append(&s->changed, &sub->changed_node);
    if (!deadline_is_set(&s->tell_due))
        deadline_set(s->env.wheel, &s->tell_due, s->told_us + TELL_US);
}

void subscription_tell_states(struct deadline *d, uint64_t now_us, void *arg)
{
    struct sfu *s = arg;

    (void)d;
    s->told_us = now_us;
    LIST_EACH(&s->changed, struct subscription, changed_node, sub) {
        struct sfu_slot_state now;
        list_remove(&sub->changed_node);
        subscription_read_state(sub, &now);
        if (is_same(&now, &sub->told))
            continue;
        sub->told = now;
        s->handlers.on_subscription_state(sub->id, &now, s->arg);
    }
}
