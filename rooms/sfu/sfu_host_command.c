/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_host_command.c - what the control reactor wants of the sfu, carried to the worker. A command is a copy of its arguments.
 */
#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/spsc.h"
#include "rooms/sfu/sfu_host_internal.h"
#include "transport/egress.h"

#define RELAY_RING_PACKETS 8192 /* between two workers: 130 ms at 60,000 packets a second */

enum command_kind {
    COMMAND_TRANSPORT_OPEN,
    COMMAND_TRANSPORT_RESTART_ICE,
    COMMAND_TRANSPORT_CLOSE,
    COMMAND_TRACK_OPEN,
    COMMAND_TRACK_UPDATE,
    COMMAND_TRACK_MUTE,
    COMMAND_TRACK_CLOSE,
    COMMAND_TRACK_KEYFRAME,
    COMMAND_RELAY_OPEN,
    COMMAND_RELAY_DEMAND,
    COMMAND_RELAY_CLOSE,
    COMMAND_RELAY_SIZE,
    COMMAND_PEER_ADD,
    COMMAND_PEER_RELAY_OPEN,
    COMMAND_PEER_REPLICA_OPEN,
    COMMAND_PEER_REPLICA_CLOSE,
    COMMAND_REPLICA_OPEN,
    COMMAND_REPLICA_CLOSE,
    COMMAND_REPLICA_CLOCK,
    COMMAND_SUBSCRIPTION_OPEN,
    COMMAND_SUBSCRIPTION_UPDATE,
    COMMAND_SUBSCRIPTION_WISH,
    COMMAND_SUBSCRIPTION_SOURCE,
    COMMAND_SUBSCRIPTION_SOURCES,
    COMMAND_SUBSCRIPTION_CLOSE,
    COMMAND_READ_REPORT,
    COMMAND_READ_STATS,
};

/* One message for all commands: what a kind does not use stays zero. Sections are separate because they are large. */
struct command {
    struct message message;
    enum command_kind kind;
    uint64_t id, other_id; /* other: transport of a track, source of a subscription */
    struct ice_credentials local, remote_ice;
    struct remote_transport remote;
    uint64_t consent_timeout_us;
    struct log_ids ids;
    struct transceiver *section;
    struct sfu_source_change *change; /* the command's */
    size_t change_count;
    bool muted;
    unsigned encoding, wanted;
    struct sfu_wish wish;
    struct sfu_host *peer; /* a replica's origin; a relay's receiver */
    struct spsc *ring;     /* from the origin to the replica's worker; NULL: known already */
    struct relay_clock clock;
    struct relay_end *outside; /* a mixer that is new here */
    unsigned number;           /* of a mixer */
    int width, height;
    void (*on_report)(int err, struct sfu_transport_report *report, void *arg);
    void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg);
    void *arg;
};

/* ---- on the worker ---- */

/* A refused command is an inconsistency between control and media (or a bound that was hit): told once, here. */
static void log_refused(struct sfu_host *h, const struct command *c, int err)
{
    if (err != 0 && err != E_NOT_FOUND)
        log_warn(LOG_SFU, &h->ids, "command %d about %llu refused: %s", (int)c->kind,
                 (unsigned long long)c->id, err_text(err));
}

static void open_transport(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    int err = sfu_transport_open(h->sfu, c->id, &c->local, c->consent_timeout_us, &c->ids, now_us);

    if (err == 0) {
        err = sfu_transport_set_remote(h->sfu, c->id, &c->remote, now_us);
        if (err != 0)
            sfu_transport_close(h->sfu, c->id, now_us);
    }
    log_refused(h, c, err);
    if (err != 0)
        sfu_host_sfu_handlers.on_transport_state(
            c->id, TRANSPORT_CLOSED, "the media worker has no room for another transport", h);
}

static struct command *new_command(enum command_kind kind, uint64_t id);
static void post(struct sfu_host *h, struct command *c);

/* The replica is here before its origin sends: the origin's worker is told by this one. */
static void open_replica(struct sfu_host *h, const struct command *c)
{
    unsigned from = sfu_host_index(c->peer);
    int err;

    if (c->ring != NULL)
        h->in[from] = c->ring;
    err = sfu_replica_open(h->sfu, c->id, c->other_id, c->section, &c->peer->end);
    log_refused(h, c, err);
    if (err != 0)
        return;
    struct command *relay = new_command(COMMAND_RELAY_OPEN, c->id);
    relay->other_id = c->other_id;
    relay->peer = h;
    relay->ring = h->in[from];
    post(c->peer, relay);
}

static void open_relay(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    h->out[sfu_host_index(c->peer)] = c->ring;
    log_refused(h, c, sfu_relay_open(h->sfu, c->id, c->other_id, &c->peer->end, now_us));
}

static void close_replica(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    sfu_track_close(h->sfu, c->id, now_us);
    post(c->peer, new_command(COMMAND_RELAY_CLOSE, c->id));
}

/* ---- mixers ---- */

static void open_peer_relay(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    log_refused(h, c,
                sfu_relay_open_sized(h->sfu, c->id, c->other_id, &h->outside[c->number], now_us));
}

/* The replica is here before its packets come. */
static void open_peer_replica(struct sfu_host *h, const struct command *c)
{
    struct relay_end *end = &h->outside[c->number];
    int err = sfu_replica_open(h->sfu, c->id, c->other_id, c->section, end);

    log_refused(h, c, err);
    if (err == 0)
        end->peer.on_replica_opened(end->peer.arg, c->other_id, h, c->id);
}

static void close_peer_replica(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    const struct sfu_peer *peer = &h->outside[c->number].peer;

    sfu_track_close(h->sfu, c->id, now_us);
    peer->on_replica_closed(peer->arg, c->other_id, h);
}

/* About mixers; false: about something else. */
static bool run_for_peer(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    switch (c->kind) {
    case COMMAND_PEER_ADD:
        h->outside[c->number] = *c->outside;
        return true;
    case COMMAND_PEER_RELAY_OPEN:
        open_peer_relay(h, c, now_us);
        return true;
    case COMMAND_RELAY_SIZE:
        sfu_relay_set_size(h->sfu, c->id, c->width, c->height, now_us);
        return true;
    case COMMAND_PEER_REPLICA_OPEN:
        open_peer_replica(h, c);
        return true;
    case COMMAND_PEER_REPLICA_CLOSE:
        close_peer_replica(h, c, now_us);
        return true;
    default:
        return false;
    }
}

/* ---- what is asked ---- */

static void reply_report(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    struct event *e = sfu_host_event_new(EVENT_REPORT, c->id);

    e->on_report = c->on_report;
    e->arg = c->arg;
    e->err = sfu_read_report(h->sfu, c->id, &e->report, now_us);
    sfu_host_event_post(h, e);
}

static void reply_stats(struct sfu_host *h, const struct command *c)
{
    struct event *e = sfu_host_event_new(EVENT_STATS, 0);

    e->on_stats = c->on_stats;
    e->arg = c->arg;
    worker_read_stats(h->worker, &e->stats.loop);
    packet_pool_read_stats(h->pool, &e->stats.pool);
    sfu_read_totals(h->sfu, &e->stats.sfu);
    mux_read_stats(h->mux, &e->stats.mux);
    port_read_stats(h->port, &e->stats.port);
    egress_read_stats(h->egress, &e->stats.egress);
    sfu_host_event_post(h, e);
}

static void set_sources(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    for (size_t i = 0; i < c->change_count; i++)
        sfu_subscription_set_source(h->sfu, c->change[i].subscription_id, c->change[i].track_id,
                                    now_us);
}

static void run_command(struct sfu_host *h, const struct command *c)
{
    uint64_t now_us = worker_now_us(h->worker);

    if (run_for_peer(h, c, now_us))
        return;
    switch (c->kind) {
    case COMMAND_TRANSPORT_OPEN:
        open_transport(h, c, now_us);
        break;
    case COMMAND_TRANSPORT_RESTART_ICE:
        log_refused(h, c,
                    sfu_transport_restart_ice(h->sfu, c->id, &c->local, &c->remote_ice, now_us));
        break;
    case COMMAND_TRANSPORT_CLOSE:
        sfu_transport_close(h->sfu, c->id, now_us);
        break;
    case COMMAND_TRACK_OPEN:
        log_refused(h, c, sfu_track_open(h->sfu, c->id, c->other_id, c->section, now_us));
        break;
    case COMMAND_TRACK_UPDATE:
        sfu_track_update(h->sfu, c->id, c->section, now_us);
        break;
    case COMMAND_TRACK_MUTE:
        sfu_track_set_muted(h->sfu, c->id, c->muted, now_us);
        break;
    case COMMAND_TRACK_CLOSE:
        sfu_track_close(h->sfu, c->id, now_us);
        break;
    case COMMAND_TRACK_KEYFRAME:
        sfu_track_ask_keyframe(h->sfu, c->id, c->encoding, now_us);
        break;
    case COMMAND_RELAY_OPEN:
        open_relay(h, c, now_us);
        break;
    case COMMAND_RELAY_DEMAND:
        sfu_relay_set_demand(h->sfu, c->id, c->wanted, now_us);
        break;
    case COMMAND_RELAY_CLOSE:
        sfu_relay_close(h->sfu, c->id, now_us);
        break;
    case COMMAND_REPLICA_OPEN:
        open_replica(h, c);
        break;
    case COMMAND_REPLICA_CLOSE:
        close_replica(h, c, now_us);
        break;
    case COMMAND_REPLICA_CLOCK:
        sfu_replica_set_clock(h->sfu, c->id, &c->clock);
        break;
    case COMMAND_SUBSCRIPTION_OPEN:
        log_refused(h, c, sfu_subscription_open(h->sfu, c->id, c->other_id, c->section, now_us));
        break;
    case COMMAND_SUBSCRIPTION_UPDATE:
        sfu_subscription_update(h->sfu, c->id, c->section, now_us);
        break;
    case COMMAND_SUBSCRIPTION_WISH:
        sfu_subscription_set_wish(h->sfu, c->id, &c->wish, now_us);
        break;
    case COMMAND_SUBSCRIPTION_SOURCE:
        sfu_subscription_set_source(h->sfu, c->id, c->other_id, now_us);
        break;
    case COMMAND_SUBSCRIPTION_SOURCES:
        set_sources(h, c, now_us);
        break;
    case COMMAND_SUBSCRIPTION_CLOSE:
        sfu_subscription_close(h->sfu, c->id, now_us);
        break;
    case COMMAND_READ_REPORT:
        reply_report(h, c, now_us);
        break;
    case COMMAND_READ_STATS:
        reply_stats(h, c);
        break;
    default:
        break;
    }
}

/* The host closed with the command still under way: whoever asked is told on this, the control, thread. */
static void refuse_command(struct command *c)
{
    if (c->kind == COMMAND_REPLICA_OPEN)
        spsc_free(&c->ring);
    if (c->kind == COMMAND_READ_REPORT)
        c->on_report(E_STATE, NULL, c->arg);
    if (c->kind == COMMAND_READ_STATS)
        c->on_stats(E_STATE, NULL, c->arg);
}

static void deliver_command(struct message *m, void *ctx)
{
    struct command *c = CONTAINER_OF(m, struct command, message);

    if (ctx != NULL)
        run_command(ctx, c);
    else
        refuse_command(c);
    mem_free(c->section);
    mem_free(c->outside);
    mem_free(c->change);
    mem_wipe(c, sizeof(*c)); /* passwords */
    mem_free(c);
}

static struct command *new_command(enum command_kind kind, uint64_t id)
{
    struct command *c = MEM_NEW(struct command);

    c->message.deliver = deliver_command;
    c->kind = kind;
    c->id = id;
    return c;
}

static void post(struct sfu_host *h, struct command *c)
{
    mailbox_post(h->inbox, &c->message);
}

static struct transceiver *copy_section(const struct transceiver *t)
{
    struct transceiver *copy = MEM_NEW(struct transceiver);

    *copy = *t;
    return copy;
}

void sfu_host_transport_open(struct sfu_host *h, uint64_t id, const struct ice_credentials *local,
                             const struct remote_transport *remote, uint64_t consent_timeout_us,
                             const struct log_ids *ids)
{
    struct command *c = new_command(COMMAND_TRANSPORT_OPEN, id);

    c->local = *local;
    c->remote = *remote;
    c->consent_timeout_us = consent_timeout_us;
    c->ids = *ids;
    post(h, c);
}

void sfu_host_transport_restart_ice(struct sfu_host *h, uint64_t id,
                                    const struct ice_credentials *local,
                                    const struct ice_credentials *remote)
{
    struct command *c = new_command(COMMAND_TRANSPORT_RESTART_ICE, id);

    c->local = *local;
    c->remote_ice = *remote;
    post(h, c);
}

void sfu_host_transport_close(struct sfu_host *h, uint64_t id)
{
    post(h, new_command(COMMAND_TRANSPORT_CLOSE, id));
}

void sfu_host_track_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                         const struct transceiver *t)
{
    struct command *c = new_command(COMMAND_TRACK_OPEN, id);

    c->other_id = transport_id;
    c->section = copy_section(t);
    post(h, c);
}

void sfu_host_track_update(struct sfu_host *h, uint64_t id, const struct transceiver *t)
{
    struct command *c = new_command(COMMAND_TRACK_UPDATE, id);

    c->section = copy_section(t);
    post(h, c);
}

void sfu_host_track_set_muted(struct sfu_host *h, uint64_t id, bool muted)
{
    struct command *c = new_command(COMMAND_TRACK_MUTE, id);

    c->muted = muted;
    post(h, c);
}

void sfu_host_track_close(struct sfu_host *h, uint64_t id)
{
    post(h, new_command(COMMAND_TRACK_CLOSE, id));
}

void sfu_host_track_ask_keyframe(struct sfu_host *h, uint64_t track_id, unsigned encoding)
{
    struct command *c = new_command(COMMAND_TRACK_KEYFRAME, track_id);

    c->encoding = encoding;
    post(h, c);
}

void sfu_host_replica_open(struct sfu_host *h, uint64_t id, struct sfu_host *origin,
                           uint64_t origin_id, const struct transceiver *t)
{
    struct command *c = new_command(COMMAND_REPLICA_OPEN, id);
    unsigned from = sfu_host_index(origin);

    c->other_id = origin_id;
    c->peer = origin;
    c->section = copy_section(t);
    if (!h->has_ring[from]) {
        c->ring = spsc_new(RELAY_RING_PACKETS);
        CHECK(c->ring != NULL); /* once for a pair of workers */
        h->has_ring[from] = true;
    }
    post(h, c);
}

void sfu_host_replica_close(struct sfu_host *h, uint64_t id, struct sfu_host *origin)
{
    struct command *c = new_command(COMMAND_REPLICA_CLOSE, id);

    c->peer = origin;
    post(h, c);
}

void sfu_host_replica_set_clock(struct sfu_host *h, uint64_t id, const struct relay_clock *clock)
{
    struct command *c = new_command(COMMAND_REPLICA_CLOCK, id);

    c->clock = *clock;
    post(h, c);
}

void sfu_host_add_peer(struct sfu_host *h, const struct sfu_peer *peer, struct spsc *to,
                       struct spsc *from)
{
    struct command *c = new_command(COMMAND_PEER_ADD, 0);

    CHECK(peer->number < SFU_MAX_PEERS);
    c->number = peer->number;
    c->outside = MEM_NEW(struct relay_end);
    *c->outside = (struct relay_end){.peer = *peer, .to = to, .from = from};
    post(h, c);
}

void sfu_host_relay_open(struct sfu_host *h, uint64_t id, uint64_t track_id, unsigned peer)
{
    struct command *c = new_command(COMMAND_PEER_RELAY_OPEN, id);

    c->other_id = track_id;
    c->number = peer;
    post(h, c);
}

void sfu_host_relay_close(struct sfu_host *h, uint64_t id)
{
    post(h, new_command(COMMAND_RELAY_CLOSE, id));
}

void sfu_host_relay_set_size(struct sfu_host *h, uint64_t id, int width, int height)
{
    struct command *c = new_command(COMMAND_RELAY_SIZE, id);

    c->width = width;
    c->height = height;
    post(h, c);
}

void sfu_host_peer_replica_open(struct sfu_host *h, uint64_t id, unsigned peer, uint64_t origin_id,
                                const struct transceiver *t)
{
    struct command *c = new_command(COMMAND_PEER_REPLICA_OPEN, id);

    c->other_id = origin_id;
    c->number = peer;
    c->section = copy_section(t);
    post(h, c);
}

void sfu_host_peer_replica_close(struct sfu_host *h, uint64_t id, unsigned peer, uint64_t origin_id)
{
    struct command *c = new_command(COMMAND_PEER_REPLICA_CLOSE, id);

    c->other_id = origin_id;
    c->number = peer;
    post(h, c);
}

void sfu_host_relay_set_demand(struct sfu_host *h, uint64_t id, unsigned wanted)
{
    struct command *c = new_command(COMMAND_RELAY_DEMAND, id);

    c->wanted = wanted;
    post(h, c);
}

void sfu_host_on_replica_demand(void *peer, uint64_t replica_id, unsigned wanted, void *arg)
{
    const struct sfu_host *h = arg;
    const struct relay_end *from = peer;

    if (!h->is_closing && from->host != NULL) /* a mixer encodes all, while anybody watches */
        sfu_host_relay_set_demand(from->host, replica_id, wanted);
}

void sfu_host_subscription_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                                const struct transceiver *t, uint64_t track_id)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_OPEN, id);

    c->other_id = transport_id;
    c->section = copy_section(t);
    post(h, c);
    if (track_id != 0)
        sfu_host_subscription_set_source(h, id, track_id);
}

void sfu_host_subscription_update(struct sfu_host *h, uint64_t id, const struct transceiver *t)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_UPDATE, id);

    c->section = copy_section(t);
    post(h, c);
}

void sfu_host_subscription_set_wish(struct sfu_host *h, uint64_t id, const struct sfu_wish *wish)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_WISH, id);

    c->wish = *wish;
    post(h, c);
}

void sfu_host_subscription_set_source(struct sfu_host *h, uint64_t id, uint64_t track_id)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_SOURCE, id);

    c->other_id = track_id;
    post(h, c);
}

void sfu_host_subscription_set_sources(struct sfu_host *h, const struct sfu_source_change *change,
                                       size_t n)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_SOURCES, 0);

    c->change = mem_alloc_array(n, sizeof(*change));
    c->change_count = n;
    memcpy(c->change, change, n * sizeof(*change));
    post(h, c);
}

void sfu_host_subscription_close(struct sfu_host *h, uint64_t id)
{
    post(h, new_command(COMMAND_SUBSCRIPTION_CLOSE, id));
}

void sfu_host_read_report(struct sfu_host *h, uint64_t transport_id,
                          void (*on_report)(int err, struct sfu_transport_report *report,
                                            void *arg),
                          void *arg)
{
    struct command *c = new_command(COMMAND_READ_REPORT, transport_id);

    c->on_report = on_report;
    c->arg = arg;
    post(h, c);
}

void sfu_host_read_stats(struct sfu_host *h,
                         void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg),
                         void *arg)
{
    struct command *c = new_command(COMMAND_READ_STATS, 0);

    c->on_stats = on_stats;
    c->arg = arg;
    post(h, c);
}
