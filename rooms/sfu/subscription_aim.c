/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription_aim.c - which layers of its source a subscription is after: the outcome of the allocator where there is one
 * (viewer.h), else the best there is. From it follow what may start, what the filter lets pass, when a keyframe is asked for, and
 * the vote of what the publisher is to send.
 *
 * The aim is about the source that is wanted (subscription_track()). An old source that flows until then stays as it is.
 */
#include "rooms/sfu/subscription_internal.h"
#include "rooms/sfu/viewer.h"

/* Who changes layers can wait a little, so that others who do come along: one keyframe serves all. Up: the picture is good
 * enough. Down: the bandwidth is not there, so less, and others' ups do not count. */
#define UP_SPACING_US 1000000ull
#define DOWN_SPACING_US 500000ull
/* What flows while a lower encoding's keyframe is waited for only makes the queue longer that this one has to get through. */
#define TOO_MUCH_PERCENT 150u /* of what the way carries */

/* ---- what is aimed at ---- */

/* A replica comes with its history, but what its encodings cost is measured only then: until it is, who has a bound gets the one that
 * costs least. */
static bool is_cautious(const struct subscription *sub, const struct track *t)
{
    return t->owner == NULL && t->ladder.count == 0 && sub->owner->estimate_bps != 0;
}

struct encoding *subscription_target(const struct subscription *sub, struct track *t)
{
    int i = t == subscription_track(sub) ? sub->aim.encoding : -1;

    return i >= 0 && i < t->encoding_count ? &t->encoding[i]
           : is_cautious(sub, t)           ? track_smallest(t)
                                           : track_best(t);
}

/* The highest step of an encoding that the allocator's outcome covers; NULL when it covers none. */
static const struct viewer_step *covered_step(const struct viewer_item *item, unsigned encoding)
{
    for (int i = item->it.target; i >= 0; i--)
        if (item->step[i].encoding == encoding)
            return &item->step[i];
    return NULL;
}

static bool is_decided(const struct subscription *sub, const struct track *t)
{
    return sub->item != NULL && sub->item->track_id == t->id && sub->item->it.layers > 0;
}

bool subscription_covers(const struct subscription *sub, const struct encoding *e)
{
    return !is_decided(sub, e->track) ||
           covered_step(sub->item, (unsigned)(e - e->track->encoding)) != NULL;
}

void subscription_aim_filter(struct subscription *sub)
{
    struct encoding *e = sub->encoding;
    const struct viewer_step *s = NULL;

    if (e == NULL || e->track != subscription_track(sub))
        return;
    if (e == subscription_target(sub, e->track)) {
        layer_filter_set_target(&sub->filter, sub->aim.spatial, sub->aim.temporal);
        return;
    }
    if (is_decided(sub, e->track))
        s = covered_step(sub->item, (unsigned)(e - e->track->encoding));
    if (s != NULL)
        layer_filter_set_target(&sub->filter, s->spatial, s->temporal);
}

/* ---- keyframes ---- */

static bool has_asked_lately(const struct encoding *e, uint64_t spacing_us, uint64_t now_us)
{
    const struct keyframe_requester *k = &e->keyframes;

    return keyframe_is_pending(k) || (k->sent > 0 && now_us - k->last_sent_us < spacing_us);
}

/* From what flows to @e. */
static bool is_step_up(const struct subscription *sub, const struct encoding *e)
{
    const struct track *t = e->track;
    const struct encoding *flows = sub->encoding;

    return flows != NULL && flows->track == t &&
           t->ladder.rank[e - t->encoding] >= t->ladder.rank[flows - t->encoding];
}

void subscription_ask_switch(const struct subscription *sub, struct encoding *e, uint64_t now_us)
{
    struct track *t = e->track;
    bool is_up = is_step_up(sub, e);

    if (has_asked_lately(e, is_up ? UP_SPACING_US : DOWN_SPACING_US, now_us) ||
        (is_up && t->switch_us != 0 && now_us - t->switch_us < UP_SPACING_US))
        return;
    if (is_up)
        t->switch_us = now_us;
    encoding_ask_keyframe(e, now_us);
}

/* ---- votes ---- */

static unsigned bit_of(unsigned encoding)
{
    return 1u << encoding;
}

/* Encodings that never flowed: what they are good for is not known, and who does not vote for them never learns it. */
static unsigned unmeasured(const struct track *t)
{
    unsigned set = 0;

    for (unsigned i = 0; i < t->encoding_count; i++)
        if (t->ladder.known[i].count == 0)
            set |= bit_of(i);
    return set;
}

static unsigned vote_of(const struct subscription *sub, struct track *t)
{
    const struct layer_option *top = ladder_top(&t->ladder);
    const struct viewer_item *item = sub->item;
    unsigned vote = unmeasured(t);

    if (!subscription_is_video(sub) || t->is_muted || sub->aim.is_paused)
        return 0;
    if (top == NULL)
        return bit_of(MAX_ENCODINGS) - 1;
    if (!is_decided(sub, t))
        return vote | bit_of(top->encoding) | bit_of((unsigned)(track_best(t) - t->encoding));
    if (item->it.target >= 0)
        vote |= bit_of(item->step[item->it.target].encoding);
    if (item->it.forward >= 0)
        vote |= bit_of(item->step[item->it.forward].encoding);
    return vote;
}

static void vote(struct source_link *link, unsigned to, uint64_t now_us)
{
    unsigned from = link->votes;

    link->votes = (uint8_t)to;
    if (link->sink.track != NULL)
        track_vote(link->sink.track, from, to, now_us);
}

void subscription_vote(struct subscription *sub, uint64_t now_us)
{
    struct track *t = subscription_track(sub);

    for (unsigned i = 0; i < ARRAY_LEN(sub->link); i++)
        if (t != NULL && sub->link[i].sink.track == t)
            vote(&sub->link[i], vote_of(sub, t), now_us);
}

void subscription_unlink(struct source_link *link, uint64_t now_us)
{
    vote(link, 0, now_us);
    track_remove_sink(&link->sink);
}

/* ---- changes ---- */

static void pause_flow(struct subscription *sub, uint64_t now_us)
{
    if (subscription_next(sub)->sink.track != NULL)
        subscription_promote(sub, now_us);
    subscription_stop(sub);
}

static bool is_too_much(struct subscription *sub, uint64_t now_us)
{
    uint64_t way_bps = sub->owner->estimate_bps;

    return way_bps != 0 && rate_bps(&sub->send.rate, now_us) * 100 > way_bps * TOO_MUCH_PERCENT;
}

static void change_encoding(struct subscription *sub, struct encoding *to, uint64_t now_us)
{
    bool is_held = !is_step_up(sub, to) && is_too_much(sub, now_us);

    subscription_ask_switch(sub, to, now_us);
    if (!is_held)
        return;
    subscription_stop(sub);
    sub->is_held = true;
}

static void follow_aim(struct subscription *sub, const struct layer_aim *before, uint64_t now_us)
{
    struct track *t = subscription_track(sub);
    bool is_other = before->is_paused || before->encoding != sub->aim.encoding;

    if (subscription_next(sub)->sink.track != NULL) {
        if (is_other)
            subscription_ask_keyframe(sub, t, now_us);
    } else if (sub->encoding == NULL) {
        if (is_other)
            subscription_begin(sub, now_us);
    } else {
        subscription_aim_filter(sub);
        if (sub->encoding != subscription_target(sub, t))
            change_encoding(sub, subscription_target(sub, t), now_us);
    }
}

void subscription_set_aim(struct subscription *sub, const struct layer_aim *aim, uint64_t now_us)
{
    struct layer_aim before = sub->aim;

    if (subscription_track(sub) == NULL)
        return;
    sub->aim = *aim;
    subscription_vote(sub, now_us);
    subscription_changed(sub);
    if (aim->is_paused)
        pause_flow(sub, now_us);
    else
        follow_aim(sub, &before, now_us);
}

void subscription_aim_anew(struct subscription *sub, uint64_t now_us)
{
    sub->aim = LAYER_AIM_BEST;
    sub->is_held = false;
    if (subscription_is_video(sub) && viewer_takes(sub)) {
        sub->aim.is_paused = true; /* until it is decided, in this turn */
        viewer_change(sub->owner, now_us);
    }
}

void subscription_set_wish(struct subscription *sub, const struct sfu_wish *wish, uint64_t now_us)
{
    sub->wish = *wish;
    if (subscription_track(sub) != NULL && viewer_takes(sub))
        viewer_change(sub->owner, now_us);
}

void subscription_note_ladder(struct subscription *sub, const struct track *t, uint64_t now_us)
{
    bool is_other = sub->ladder_shape != t->ladder.shape;

    if (t != subscription_track(sub))
        return;
    sub->ladder_version = t->ladder.version;
    sub->ladder_shape = t->ladder.shape;
    if (is_other)
        subscription_vote(sub, now_us);
    if (sub->item == NULL && is_other) {
        subscription_changed(sub);
    } else if (is_other) {
        viewer_change(sub->owner, now_us);
    } else if (sub->item != NULL) {
        viewer_drift(sub->owner, now_us);
    }
}
