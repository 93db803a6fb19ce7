/* SPDX-License-Identifier: Apache-2.0 */
/* relay.c - see relay.h. */
#include "rooms/sfu/relay.h"

#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/seq.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/track.h"

static void hand_over(struct relay *r, struct packet *pkt)
{
    struct sfu *s = r->sfu;
    struct packet *theirs = packet_ref(pkt);

    if (s->handlers.on_relay_packet(r->peer, theirs, s->arg)) {
        s->totals.packets_relayed++;
    } else {
        packet_unref(&theirs);
        s->totals.relay_dropped++;
    }
}

/* Tell the sender reports on: media time over there stays in sync with them. */
static void tell_clock(struct relay *r, const struct encoding *e)
{
    const struct track *t = e->track;
    unsigned index = (unsigned)(e - t->encoding);

    if (e->recv.sr_arrival_us == r->told_sr_us[index] || !t->clock->is_known)
        return;
    r->told_sr_us[index] = e->recv.sr_arrival_us;
    const struct relay_clock clock = {
        .encoding = (uint8_t)index,
        .ssrc = e->ssrc,
        .sr_ntp = e->recv.sr_ntp,
        .sr_ntp_middle = e->recv.sr_ntp_middle,
        .sr_ts = e->recv.sr_ts,
        .sr_arrival_us = e->recv.sr_arrival_us,
        .offset_us = t->clock->offset_us,
    };
    r->sfu->handlers.on_relay_clock(r->peer, r->is_sized ? t->id : r->id, &clock, r->sfu->arg);
}

/* ---- one encoding at a time ---- */

/* A picture that is a little smaller than its tile looks as good, and costs half. */
static bool is_large_enough(const struct relay *r, const struct encoding *e)
{
    return e->width * 5 >= r->width * 4 && e->height * 5 >= r->height * 4;
}

static uint32_t pixels_of(const struct encoding *e)
{
    return (uint32_t)e->width * e->height;
}

/* Of an encoding that nobody wants the size is known from before; it comes again when it is wanted. */
static bool is_candidate(const struct track *t, unsigned i, uint64_t now_us)
{
    const struct encoding *e = &t->encoding[i];

    return pixels_of(e) > 0 && (encoding_is_live(e, now_us) || demand_is_off(&t->demand, i));
}

static bool is_better(const struct relay *r, const struct encoding *a, const struct encoding *b)
{
    if (is_large_enough(r, a) != is_large_enough(r, b))
        return is_large_enough(r, a);
    return is_large_enough(r, a) ? pixels_of(a) < pixels_of(b) : pixels_of(a) > pixels_of(b);
}

/* While a size is not known, everything is wanted, so that it becomes known. */
static void vote(struct relay *r, uint64_t now_us)
{
    const struct track *t = r->sink.track;
    unsigned wanted = (r->aim < 0 ? 0 : 1u << r->aim) | (r->flows < 0 ? 0 : 1u << r->flows);

    for (unsigned i = 0; i < t->encoding_count && r->width != 0; i++)
        if (pixels_of(&t->encoding[i]) == 0)
            wanted |= 1u << i;
    track_vote(r->sink.track, r->votes, wanted, now_us);
    r->votes = wanted;
}

/* The smallest encoding that fills the tile, or else the largest. Sizes are not known of all codecs: then the best one. */
static void choose(struct relay *r, uint64_t now_us)
{
    struct track *t = r->sink.track;
    const struct encoding *chosen = NULL;

    r->review_us = now_us + TRACK_REVIEW_US;
    for (unsigned i = 0; i < t->encoding_count; i++)
        if (is_candidate(t, i, now_us) && (chosen == NULL || is_better(r, &t->encoding[i], chosen)))
            chosen = &t->encoding[i];
    if (chosen == NULL)
        chosen = track_best(t);
    r->aim = (int)(chosen - t->encoding);
    if (r->flows >= (int)t->encoding_count)
        r->flows = -1;
    vote(r, now_us);
}

/* ---- what a worker wants ---- */

/* What has become wanted, and what has not been for long enough; returns the former. */
static unsigned review_demand(struct relay *r, uint64_t now_us)
{
    struct demand_event event[MAX_ENCODINGS];
    unsigned wanted_again = 0;
    size_t n = demand_collect(&r->demand, now_us, event);

    for (size_t i = 0; i < n; i++)
        if (event[i].is_wanted)
            wanted_again |= 1u << event[i].encoding;
    r->off_us = demand_next_us(&r->demand);
    return wanted_again;
}

/* The publisher has stopped something that is wanted: whoever wants it has to see what there is instead. */
static bool is_something_missing(const struct relay *r, uint64_t now_us)
{
    const struct track *t = r->sink.track;

    for (unsigned i = 0; i < t->encoding_count; i++)
        if ((r->votes >> i & 1) != 0 && t->encoding[i].recv.started &&
            !encoding_is_live(&t->encoding[i], now_us))
            return true;
    return false;
}

static bool is_wanted_there(struct relay *r, unsigned encoding, uint64_t now_us)
{
    if (now_us >= r->off_us)
        (void)review_demand(r, now_us);
    if (now_us >= r->review_us) {
        r->review_us = now_us + TRACK_REVIEW_US;
        r->hands_over_all = is_something_missing(r, now_us);
    }
    return r->hands_over_all || !demand_is_off(&r->demand, encoding);
}

/* Whether the packet flows. */
static bool takes(struct relay *r, const struct burst_item *item, uint64_t now_us)
{
    struct encoding *e = item->encoding;
    int index = (int)(e - e->track->encoding);

    if (e->track->section.kind != MEDIA_VIDEO)
        return true;
    if (!r->is_sized)
        return is_wanted_there(r, (unsigned)index, now_us);
    if (r->width == 0)
        return false;
    if (now_us >= r->review_us)
        choose(r, now_us);
    if (index == r->aim && r->flows != r->aim) {
        if (item->pkt->media.is_keyframe && (item->pkt->flags & PACKET_IS_RETRANSMISSION) == 0)
            r->flows = r->aim;
        else if (!keyframe_is_pending(&e->keyframes))
            encoding_ask_keyframe(e, now_us);
    }
    return index == r->flows;
}

void relay_set_size(struct relay *r, int width, int height, uint64_t now_us)
{
    r->width = width;
    r->height = height;
    if (width == 0) {
        r->flows = r->aim = -1;
        vote(r, now_us);
        return;
    }
    choose(r, now_us);
    if (r->aim != r->flows)
        encoding_ask_keyframe(&r->sink.track->encoding[r->aim], now_us);
}

/* ---- what the track tells ---- */

static void on_burst(struct sink *sink, const struct burst *burst, uint64_t now_us)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);

    for (size_t i = 0; i < burst->count; i++) {
        if (!takes(r, &burst->item[i], now_us))
            continue;
        hand_over(r, burst->item[i].pkt);
        tell_clock(r, burst->item[i].encoding);
    }
    r->sfu->handlers.on_relay_flush(r->peer, r->sfu->arg);
}

static void on_track_changed(struct sink *sink, uint64_t now_us)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);

    if (r->is_sized && r->width != 0)
        choose(r, now_us);
    /* of other relays the control side tells the replica */
}

static void on_track_closed(struct sink *sink, uint64_t now_us)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);

    (void)now_us;
    relay_close(&r);
}

/* What a viewer over there would start from. */
static void hand_over_history(struct relay *r, const struct encoding *e)
{
    const struct history *h = &e->history;

    if (!h->started || !h->has_keyframe || history_find(h, h->keyframe_seq) == NULL)
        return;
    for (uint16_t seq = h->keyframe_seq; !seq16_newer(seq, h->newest); seq++) {
        struct packet *pkt = history_find(h, seq);
        if (pkt != NULL)
            hand_over(r, pkt);
    }
}

static int make(struct relay **out, uint64_t id, struct track *t, void *peer)
{
    static const struct sink_ops ops = {.on_burst = on_burst,
                                        .on_track_changed = on_track_changed,
                                        .on_track_closed = on_track_closed};
    struct relay *r = mem_try_alloc(sizeof(*r));

    if (r == NULL)
        return E_NO_MEMORY;
    r->sfu = t->sfu;
    r->id = id;
    r->peer = peer;
    r->sink.ops = &ops;
    list_init(&r->sink.node);
    int err = map_put_u64(t->sfu->relay_by_id, id, r);
    if (err != 0) {
        mem_free(r);
        return err;
    }
    list_append(&t->sfu->relays, &r->node);
    *out = r;
    return 0;
}

void relay_set_demand(struct relay *r, unsigned wanted, uint64_t now_us)
{
    struct track *t = r->sink.track;

    track_flush(t, now_us); /* what is handed over below is in the history */
    track_vote(t, r->votes, wanted, now_us);
    (void)demand_move(&r->demand, r->votes, wanted, now_us);
    r->votes = wanted;
    unsigned again = review_demand(r, now_us);
    for (unsigned i = 0; i < t->encoding_count && !t->is_muted; i++)
        if ((again >> i & 1) != 0)
            hand_over_history(r, &t->encoding[i]);
    r->sfu->handlers.on_relay_flush(r->peer, r->sfu->arg);
}

int relay_new(struct relay **out, uint64_t id, struct track *t, void *peer, uint64_t now_us)
{
    struct relay *r;
    int err = make(&r, id, t, peer);

    if (err != 0)
        return err;
    demand_init(&r->demand, MAX_ENCODINGS, now_us);
    r->off_us = demand_next_us(&r->demand);
    for (unsigned i = 0; i < t->encoding_count && !t->is_muted; i++)
        hand_over_history(r, &t->encoding[i]);
    r->sfu->handlers.on_relay_flush(peer, r->sfu->arg);
    track_add_sink(t, &r->sink);
    *out = r;
    return 0;
}

int relay_new_sized(struct relay **out, uint64_t id, struct track *t, void *peer)
{
    struct relay *r;
    int err = make(&r, id, t, peer);

    if (err != 0)
        return err;
    r->is_sized = true;
    r->flows = r->aim = -1;
    track_add_sink(t, &r->sink);
    *out = r;
    return 0;
}

void relay_close(struct relay **rp)
{
    struct relay *r = *rp;

    if (r == NULL)
        return;
    *rp = NULL;
    (void)map_remove_u64(r->sfu->relay_by_id, r->id);
    track_remove_sink(&r->sink);
    list_remove(&r->node);
    sfu_free_later(r->sfu, r);
}
