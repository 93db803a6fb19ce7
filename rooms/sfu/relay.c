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
    r->sfu->handlers.on_relay_clock(r->peer, r->id, &clock, r->sfu->arg);
}

static void on_burst(struct sink *sink, const struct burst *burst, uint64_t now_us)
{
    struct relay *r = CONTAINER_OF(sink, struct relay, sink);

    (void)now_us;
    for (size_t i = 0; i < burst->count; i++) {
        hand_over(r, burst->item[i].pkt);
        tell_clock(r, burst->item[i].encoding);
    }
    r->sfu->handlers.on_relay_flush(r->peer, r->sfu->arg);
}

static void on_track_changed(struct sink *sink, uint64_t now_us)
{
    (void)sink, (void)now_us; /* the control side tells the replica */
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

    if (!h->started || !h->has_keyframe)
        return;
    for (uint16_t seq = h->keyframe_seq; !seq16_newer(seq, h->newest); seq++) {
        struct packet *pkt = history_find(h, seq);
        if (pkt != NULL)
            hand_over(r, pkt);
    }
}

int relay_new(struct relay **out, uint64_t id, struct track *t, void *peer)
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
    for (unsigned i = 0; i < t->encoding_count && !t->is_muted; i++)
        hand_over_history(r, &t->encoding[i]);
    r->sfu->handlers.on_relay_flush(peer, r->sfu->arg);
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
