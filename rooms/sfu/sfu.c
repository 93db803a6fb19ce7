/* SPDX-License-Identifier: Apache-2.0 */
/* sfu.c - see sfu.h: handles to objects, and the life of transports. The packet path is in ingress.c, track.c, subscription.c. */
#include "rooms/sfu/sfu.h"

#include <string.h>

#include "core/err.h"
#include "core/map.h"
#include "core/mem.h"
#include "core/packet.h"
#include "rooms/sfu/ingress.h"
#include "rooms/sfu/relay.h"
#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/subscription_internal.h"
#include "rooms/sfu/track.h"
#include "rooms/sfu/viewer.h"

/* Objects a worker may hold of each kind: every transport with its bound of tracks or slots would be far beyond memory, so these
 * are what a worker can carry. */
#define MAX_TRACKS_PER_WORKER 65536
#define MAX_SUBSCRIPTIONS_PER_WORKER 262144
#define KEYFRAME_ON_ITS_WAY_US 250000ull /* to another worker, which may be busy */

/* ---- facts from transports ---- */

static struct subscription *find_by_ssrc(struct sfu_transport *st, uint32_t ssrc)
{
    LIST_EACH(&st->subscriptions, struct subscription, node, sub)
        if (sub->send.ssrc == ssrc)
            return sub;
    return NULL;
}

static void on_state(struct transport *tp, enum transport_state state, const char *reason,
                     uint64_t now_us, void *arg)
{
    struct sfu_transport *st = arg;
    struct sfu *s = st->sfu;

    (void)tp;
    sfu_totals_note_state(st, state, reason);
    if (state == TRANSPORT_OPEN)
        LIST_EACH(&st->subscriptions, struct subscription, node, sub)
            subscription_restart(sub, now_us);
    s->handlers.on_transport_state(st->id, state, reason, s->arg);
}

static void on_rtp(struct transport *tp, struct packet *pkt, uint64_t now_us, void *arg)
{
    (void)tp;
    ingress_receive(arg, pkt, now_us);
}

static void on_keyframe_request(struct transport *tp, uint32_t ssrc, uint64_t now_us, void *arg)
{
    struct subscription *sub = find_by_ssrc(arg, ssrc);

    (void)tp;
    ((struct sfu_transport *)arg)->sfu->totals.keyframe_requests_received++;
    if (sub != NULL)
        subscription_keyframe_request(sub, now_us);
}

static void on_nack(struct transport *tp, uint32_t ssrc, const uint16_t *seq, size_t n,
                    uint64_t now_us, void *arg)
{
    struct subscription *sub = find_by_ssrc(arg, ssrc);

    (void)tp;
    if (sub != NULL)
        subscription_nack(sub, seq, n, now_us);
}

static void on_estimate(struct transport *tp, uint64_t bps, uint64_t now_us, void *arg)
{
    struct sfu_transport *st = arg;

    (void)tp;
    viewer_set_estimate(st, bps, now_us);
}

static void on_probe(struct transport *tp, size_t bytes, uint64_t now_us, void *arg)
{
    struct sfu_transport *st = arg;

    (void)tp;
    LIST_EACH(&st->subscriptions, struct subscription, node, sub)
        if (subscription_probe(sub, bytes, now_us))
            return;
}

static void on_paced(struct transport *tp, const struct pacer_item *item, uint64_t now_us,
                     void *arg)
{
    (void)tp;
    (void)arg;
    subscription_paced(item, now_us);
}

static void on_pace_dropped(const struct pacer_item *item, void *arg)
{
    (void)arg;
    subscription_pace_dropped(item);
}

static void on_bye(struct transport *tp, uint32_t ssrc, uint64_t now_us, void *arg)
{
    struct sfu_transport *st = arg;
    const struct ssrc_entry *entry = ssrc_table_find(&st->ssrcs, ssrc);

    (void)tp;
    (void)now_us;
    if (entry != NULL && !entry->is_rtx)
        entry->encoding->live_since_us = 0; /* silent from now on; the same SSRC may come back */
}

static const struct transport_handlers transport_handlers = {
    .on_state = on_state,
    .on_rtp = on_rtp,
    .on_keyframe_request = on_keyframe_request,
    .on_nack = on_nack,
    .on_estimate = on_estimate,
    .on_probe = on_probe,
    .on_paced = on_paced,
    .on_pace_dropped = on_pace_dropped,
    .on_bye = on_bye,
};

/* ---- for the other files of the folder ---- */

void sfu_free_later(struct sfu *s, void *block)
{
    s->env.free_later(block, mem_free, s->env.arg);
}

void sfu_track_is_live(const struct track *t, enum codec_id codec)
{
    struct sfu *s = t->owner->sfu;

    if (s->handlers.on_track_live != NULL)
        s->handlers.on_track_live(t->id, codec, s->arg);
}

/* ---- levels ---- */

static void on_levels_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct sfu *s = arg;
    size_t n = levels_count(&s->levels);
    struct track_levels *taken = n == 0 ? NULL : mem_try_alloc(n * sizeof(*taken)), dropped;

    (void)d, (void)now_us;
    if (taken != NULL) {
        n = levels_take(&s->levels, taken, n);
        s->handlers.on_levels(taken, n, s->arg);
    }
    while (levels_take(&s->levels, &dropped, 1) > 0)
        continue; /* without memory nobody spoke just now */
}

void sfu_note_level(struct track *t, uint8_t level, bool voice, uint64_t now_us)
{
    struct sfu *s = t->sfu;
    uint64_t due_us = levels_next_us(&s->levels);

    level_meter_note(&s->levels, &t->meter, level, voice, now_us);
    if (levels_next_us(&s->levels) < due_us && s->handlers.on_levels != NULL)
        deadline_set(s->env.wheel, &s->levels_due, levels_next_us(&s->levels));
}

void sfu_transport_note_clock(struct sfu_transport *st, const struct rtp_recv *r, uint64_t now_us)
{
    struct transport_env *env = &st->sfu->env;

    publisher_clock_note(&st->clock, r, env->wall_us(env->arg) - (now_us - r->sr_arrival_us));
}

/* ---- bursts ---- */

static void on_burst_due(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d, (void)now_us, (void)arg; /* the turn that this begins ends with sfu_flush() */
}

void sfu_flush(struct sfu *s, uint64_t now_us)
{
    uint64_t next_us = DEADLINE_NEVER;

    LIST_EACH(&s->bursts, struct burst, node, b) {
        uint64_t due_us = b->is_complete ? now_us : b->since_us + s->window_us;
        if (due_us <= now_us)
            track_flush(CONTAINER_OF(b, struct track, burst), now_us);
        else
            next_us = MIN(next_us, due_us);
    }
    if (next_us != DEADLINE_NEVER)
        deadline_set(s->env.wheel, &s->burst_due, next_us);
}

void sfu_set_window(struct sfu *s, uint64_t window_us)
{
    s->window_us = MIN(window_us, SFU_MAX_WINDOW_US);
}

/* ---- life ---- */

int sfu_open(struct sfu **out, const struct transport_env *env, const struct sfu_handlers *handlers,
             void *arg)
{
    struct sfu *s = MEM_NEW(struct sfu);

    s->env = *env;
    s->handlers = *handlers;
    s->arg = arg;
    list_init(&s->transports);
    list_init(&s->bursts);
    list_init(&s->codec_sets);
    list_init(&s->changed);
    deadline_init(&s->tell_due, subscription_tell_states, s);
    s->history.max_packets = MAX_HISTORY_PACKETS_PER_WORKER;
    deadline_init(&s->burst_due, on_burst_due, s);
    levels_init(&s->levels);
    deadline_init(&s->levels_due, on_levels_due, s);
    s->transport_by_id = map_new(MAX_TRANSPORTS_PER_WORKER);
    s->track_by_id = map_new(MAX_TRACKS_PER_WORKER);
    s->subscription_by_id = map_new(MAX_SUBSCRIPTIONS_PER_WORKER);
    s->relay_by_id = map_new(MAX_TRACKS_PER_WORKER);
    s->replica_by_origin = map_new(MAX_TRACKS_PER_WORKER);
    list_init(&s->relays);
    list_init(&s->replicas);
    rng_seed_system(&s->rng);
    *out = s;
    return 0;
}

void sfu_close(struct sfu **sp, uint64_t now_us)
{
    struct sfu *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    while (!list_is_empty(&s->transports))
        sfu_transport_close(s, LIST_FIRST(&s->transports, struct sfu_transport, node)->id, now_us);
    while (!list_is_empty(&s->replicas))
        sfu_track_close(s, LIST_FIRST(&s->replicas, struct track, node)->id, now_us);
    deadline_clear(&s->burst_due);
    deadline_clear(&s->levels_due);
    deadline_clear(&s->tell_due);
    subscription_pace_fini(s);
    map_free(&s->relay_by_id);
    map_free(&s->replica_by_origin);
    map_free(&s->transport_by_id);
    map_free(&s->track_by_id);
    map_free(&s->subscription_by_id);
    sfu_free_later(s, s);
}

/* ---- transports ---- */

int sfu_transport_open(struct sfu *s, uint64_t id, const struct ice_credentials *local,
                       uint64_t consent_timeout_us, const struct log_ids *ids, uint64_t now_us)
{
    if (map_get_u64(s->transport_by_id, id) != NULL)
        return E_CONFLICT;
    struct sfu_transport *st = mem_try_alloc(sizeof(*st));
    if (st == NULL)
        return E_NO_MEMORY;
    st->id = id;
    st->sfu = s;
    list_init(&st->node);
    list_init(&st->tracks);
    list_init(&st->subscriptions);
    ssrc_table_init(&st->ssrcs);
    int err = map_put_u64(s->transport_by_id, id, st);
    if (err == 0)
        err = transport_open(&st->tp, &s->env, local, consent_timeout_us, ids, &transport_handlers,
                             st, now_us);
    if (err != 0) {
        (void)map_remove_u64(s->transport_by_id, id);
        mem_free(st);
        return err;
    }
    list_append(&s->transports, &st->node);
    s->totals.transports++;
    s->totals.transports_opened++;
    return 0;
}

struct sfu_transport *sfu_find_transport(const struct sfu *s, uint64_t id)
{
    return map_get_u64(s->transport_by_id, id);
}

int sfu_transport_set_remote(struct sfu *s, uint64_t id, const struct remote_transport *remote,
                             uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, id);

    return st == NULL ? E_NOT_FOUND : transport_set_remote(st->tp, remote, now_us);
}

int sfu_transport_restart_ice(struct sfu *s, uint64_t id, const struct ice_credentials *local,
                              const struct ice_credentials *remote, uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, id);

    return st == NULL ? E_NOT_FOUND : transport_restart_ice(st->tp, local, remote, now_us);
}

void sfu_transport_set_estimate(struct sfu *s, uint64_t id, uint64_t bps, uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, id);

    if (st != NULL)
        viewer_set_estimate(st, bps, now_us);
}

uint64_t sfu_transport_wanted_bps(const struct sfu *s, uint64_t id)
{
    const struct sfu_transport *st = sfu_find_transport(s, id);

    return st == NULL ? 0 : viewer_wanted_bps(st);
}

void sfu_transport_close(struct sfu *s, uint64_t id, uint64_t now_us)
{
    struct sfu_transport *st = map_remove_u64(s->transport_by_id, id);

    if (st == NULL)
        return;
    struct transport *tp = st->tp; /* which stays valid for the rest of the turn */
    transport_close(&tp, now_us);  /* first, so that its BYEs name what it sent */
    sfu_totals_keep(st);
    while (!list_is_empty(&st->subscriptions))
        sfu_subscription_close(s, LIST_FIRST(&st->subscriptions, struct subscription, node)->id,
                               now_us);
    while (!list_is_empty(&st->tracks))
        sfu_track_close(s, LIST_FIRST(&st->tracks, struct track, node)->id, now_us);
    ssrc_table_fini(&st->ssrcs);
    viewer_free(st);
    list_remove(&st->node);
    s->totals.transports--;
    sfu_free_later(s, st);
}

/* ---- tracks ---- */

int sfu_track_open(struct sfu *s, uint64_t id, uint64_t transport_id, const struct transceiver *t,
                   uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, transport_id);
    struct track *track;
    int err;

    if (st == NULL)
        return E_NOT_FOUND;
    if (map_get_u64(s->track_by_id, id) != NULL)
        return E_CONFLICT;
    if ((err = track_new(&track, id, st, t, now_us)) != 0)
        return err;
    if ((err = map_put_u64(s->track_by_id, id, track)) != 0) {
        track_close(&track, now_us);
        return err;
    }
    s->totals.tracks++;
    return 0;
}

void sfu_track_update(struct sfu *s, uint64_t id, const struct transceiver *t, uint64_t now_us)
{
    struct track *track = map_get_u64(s->track_by_id, id);

    if (track != NULL)
        track_update(track, t, now_us);
}

void sfu_track_set_muted(struct sfu *s, uint64_t id, bool muted, uint64_t now_us)
{
    struct track *track = map_get_u64(s->track_by_id, id);

    if (track != NULL)
        track_set_muted(track, muted, now_us);
}

void sfu_track_close(struct sfu *s, uint64_t id, uint64_t now_us)
{
    struct track *track = map_remove_u64(s->track_by_id, id);

    if (track == NULL)
        return;
    if (track->owner == NULL) {
        (void)map_remove_u64(s->replica_by_origin, track->origin_id);
        s->totals.replicas--;
    } else {
        s->totals.tracks--;
    }
    track_close(&track, now_us);
}

void sfu_track_ask_keyframe(struct sfu *s, uint64_t id, unsigned encoding, uint64_t now_us)
{
    struct track *track = map_get_u64(s->track_by_id, id);

    if (track == NULL || encoding >= track->encoding_count)
        return;
    const struct history *h = &track->encoding[encoding].history;
    if (burst_brings_keyframe(&track->burst, &track->encoding[encoding]) ||
        (h->started && h->has_keyframe && now_us - h->keyframe_us < KEYFRAME_ON_ITS_WAY_US))
        return; /* whoever asked did not see it yet when it asked; it asks again, should it not come */
    encoding_ask_keyframe(&track->encoding[encoding], now_us);
}

/* ---- relays and replicas ---- */

static int open_relay(struct sfu *s, uint64_t replica_id, uint64_t track_id, void *peer,
                      bool is_sized, uint64_t now_us)
{
    struct track *track = map_get_u64(s->track_by_id, track_id);
    struct relay *relay;

    if (track == NULL || track->owner == NULL)
        return E_NOT_FOUND;
    if (map_get_u64(s->relay_by_id, replica_id) != NULL)
        return E_CONFLICT;
    track_flush(track, now_us); /* the relay begins with the history */
    return is_sized ? relay_new_sized(&relay, replica_id, track, peer)
                    : relay_new(&relay, replica_id, track, peer, now_us);
}

int sfu_relay_open(struct sfu *s, uint64_t replica_id, uint64_t track_id, void *peer,
                   uint64_t now_us)
{
    return open_relay(s, replica_id, track_id, peer, false, now_us);
}

int sfu_relay_open_sized(struct sfu *s, uint64_t relay_id, uint64_t track_id, void *peer,
                         uint64_t now_us)
{
    return open_relay(s, relay_id, track_id, peer, true, now_us);
}

void sfu_relay_set_size(struct sfu *s, uint64_t relay_id, int width, int height, uint64_t now_us)
{
    struct relay *relay = map_get_u64(s->relay_by_id, relay_id);

    if (relay != NULL && relay->is_sized)
        relay_set_size(relay, width, height, now_us);
}

void sfu_relay_set_demand(struct sfu *s, uint64_t replica_id, unsigned wanted, uint64_t now_us)
{
    struct relay *relay = map_get_u64(s->relay_by_id, replica_id);

    if (relay != NULL && !relay->is_sized)
        relay_set_demand(relay, wanted, now_us);
}

void sfu_relay_close(struct sfu *s, uint64_t replica_id, uint64_t now_us)
{
    struct relay *relay = map_get_u64(s->relay_by_id, replica_id);

    if (relay == NULL)
        return;
    track_vote(relay->sink.track, relay->votes, 0, now_us);
    relay_close(&relay);
}

int sfu_replica_open(struct sfu *s, uint64_t id, uint64_t origin_id, const struct transceiver *t,
                     void *peer)
{
    struct track *track;
    int err;

    if (map_get_u64(s->track_by_id, id) != NULL ||
        map_get_u64(s->replica_by_origin, origin_id) != NULL)
        return E_CONFLICT;
    if ((err = track_new_replica(&track, id, s, origin_id, peer, t)) != 0)
        return err;
    if ((err = map_put_u64(s->track_by_id, id, track)) != 0 ||
        (err = map_put_u64(s->replica_by_origin, origin_id, track)) != 0) {
        (void)map_remove_u64(s->track_by_id, id);
        track_close(&track, 0);
        return err;
    }
    s->totals.replicas++;
    return 0;
}

void sfu_replica_receive(struct sfu *s, struct packet *pkt, uint64_t now_us)
{
    struct track *track = map_get_u64(s->replica_by_origin, pkt->track);

    if (track != NULL) {
        s->totals.replica_received++;
        track_receive_relayed(track, pkt, now_us);
    } else {
        s->totals.replica_unknown++;
    }
    packet_unref(&pkt);
}

void sfu_replica_set_clock(struct sfu *s, uint64_t id, const struct relay_clock *clock)
{
    struct track *track = map_get_u64(s->track_by_id, id);

    if (track == NULL || track->owner != NULL || clock->encoding >= track->encoding_count)
        return;
    struct encoding *e = &track->encoding[clock->encoding];
    struct rtp_recv *recv = &e->recv;
    if (e->ssrc != clock->ssrc) /* it came before the first packet, which must not begin anew */
        encoding_follow(e, clock->ssrc);
    recv->sr_ntp = clock->sr_ntp;
    recv->sr_ntp_middle = clock->sr_ntp_middle;
    recv->sr_ts = clock->sr_ts;
    recv->sr_arrival_us = clock->sr_arrival_us;
    track->replica_clock =
        (struct publisher_clock){.is_known = true, .offset_us = clock->offset_us};
}

/* ---- subscriptions ---- */

int sfu_subscription_open(struct sfu *s, uint64_t id, uint64_t transport_id,
                          const struct transceiver *t, uint64_t now_us)
{
    struct sfu_transport *st = sfu_find_transport(s, transport_id);
    struct subscription *sub;
    int err;

    if (st == NULL)
        return E_NOT_FOUND;
    if (map_get_u64(s->subscription_by_id, id) != NULL)
        return E_CONFLICT;
    if ((err = subscription_new(&sub, id, st, t, now_us)) != 0)
        return err;
    if ((err = map_put_u64(s->subscription_by_id, id, sub)) != 0) {
        subscription_close(&sub, now_us);
        return err;
    }
    s->totals.subscriptions++;
    return 0;
}

void sfu_subscription_update(struct sfu *s, uint64_t id, const struct transceiver *t,
                             uint64_t now_us)
{
    struct subscription *sub = map_get_u64(s->subscription_by_id, id);

    if (sub != NULL)
        subscription_update(sub, t, now_us);
}

void sfu_subscription_set_source(struct sfu *s, uint64_t id, uint64_t track_id, uint64_t now_us)
{
    struct subscription *sub = map_get_u64(s->subscription_by_id, id);

    if (sub != NULL)
        subscription_set_source(sub, track_id == 0 ? NULL : map_get_u64(s->track_by_id, track_id),
                                now_us);
}

void sfu_subscription_set_wish(struct sfu *s, uint64_t id, const struct sfu_wish *wish,
                               uint64_t now_us)
{
    struct subscription *sub = map_get_u64(s->subscription_by_id, id);

    if (sub != NULL && subscription_is_video(sub))
        subscription_set_wish(sub, wish, now_us);
}

void sfu_subscription_close(struct sfu *s, uint64_t id, uint64_t now_us)
{
    struct subscription *sub = map_remove_u64(s->subscription_by_id, id);

    if (sub == NULL)
        return;
    subscription_close(&sub, now_us);
    s->totals.subscriptions--;
}
