/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_host_event.c - what the sfu tells, carried from the worker to the control reactor. */
#include "core/err.h"
#include "core/mem.h"
#include "rooms/sfu/sfu_host_internal.h"

static void deliver_event(struct message *m, void *ctx)
{
    struct event *e = CONTAINER_OF(m, struct event, message);
    struct sfu_host *h = ctx;
    int err = h == NULL ? E_STATE : e->err; /* the host closed first */

    switch (e->kind) {
    case EVENT_TRANSPORT_STATE:
        if (h != NULL)
            h->handlers.on_transport_state(h, e->id, e->state, e->reason, h->arg);
        break;
    case EVENT_TRACK_LIVE:
        if (h != NULL)
            h->handlers.on_track_live(h, e->id, e->codec, h->arg);
        break;
    case EVENT_SUBSCRIPTION_BLOCKED:
        if (h != NULL)
            h->handlers.on_subscription_blocked(h, e->id, e->codec, h->arg);
        break;
    case EVENT_LEVELS:
        if (h != NULL && h->handlers.on_levels != NULL)
            h->handlers.on_levels(h, e->levels, e->level_count, h->arg);
        mem_free(e->levels);
        break;
    case EVENT_SUBSCRIPTION_STATE:
        if (h != NULL)
            h->handlers.on_subscription_state(h, e->id, &e->slot, h->arg);
        break;
    case EVENT_TRACK_DEMAND:
        if (h != NULL)
            h->handlers.on_track_demand(h, e->id, e->wanted, h->arg);
        break;
    case EVENT_REPORT:
        if (err != 0)
            mem_free(e->report.rtp);
        e->on_report(err, err == 0 ? &e->report : NULL, e->arg);
        break;
    case EVENT_STATS:
        e->on_stats(err, err == 0 ? &e->stats : NULL, e->arg);
        break;
    }
    mem_free(e);
}

struct event *sfu_host_event_new(enum event_kind kind, uint64_t id)
{
    struct event *e = MEM_NEW(struct event);

    e->message.deliver = deliver_event;
    e->kind = kind;
    e->id = id;
    return e;
}

void sfu_host_event_post(struct sfu_host *h, struct event *e)
{
    mailbox_post(h->outbox, &e->message);
}

static void on_transport_state(uint64_t id, enum transport_state state, const char *reason,
                               void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = sfu_host_event_new(EVENT_TRANSPORT_STATE, id);

    e->state = state;
    e->reason = reason;
    sfu_host_event_post(h, e);
}

static void on_track_live(uint64_t id, enum codec_id codec, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = sfu_host_event_new(EVENT_TRACK_LIVE, id);

    e->codec = codec;
    sfu_host_event_post(h, e);
}

static void on_subscription_blocked(uint64_t id, enum codec_id codec, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = sfu_host_event_new(EVENT_SUBSCRIPTION_BLOCKED, id);

    e->codec = codec;
    sfu_host_event_post(h, e);
}

static void on_levels(struct track_levels *levels, size_t n, void *arg)
{
    struct event *e = sfu_host_event_new(EVENT_LEVELS, 0);

    e->levels = levels;
    e->level_count = n;
    sfu_host_event_post(arg, e);
}

static void on_subscription_state(uint64_t id, const struct sfu_slot_state *state, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = sfu_host_event_new(EVENT_SUBSCRIPTION_STATE, id);

    e->slot = *state;
    sfu_host_event_post(h, e);
}

static void on_track_demand(uint64_t id, unsigned wanted, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = sfu_host_event_new(EVENT_TRACK_DEMAND, id);

    e->wanted = wanted;
    sfu_host_event_post(h, e);
}

const struct sfu_handlers sfu_host_sfu_handlers = {
    .on_transport_state = on_transport_state,
    .on_track_live = on_track_live,
    .on_subscription_blocked = on_subscription_blocked,
    .on_levels = on_levels,
    .on_subscription_state = on_subscription_state,
    .on_track_demand = on_track_demand,
    .on_relay_packet = sfu_host_on_relay_packet,
    .on_relay_flush = sfu_host_on_relay_flush,
    .on_relay_clock = sfu_host_on_relay_clock,
    .on_replica_keyframe = sfu_host_on_replica_keyframe,
    .on_replica_demand = sfu_host_on_replica_demand,
};
