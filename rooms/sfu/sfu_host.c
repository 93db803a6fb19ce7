/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_host.c - joins one media worker to the control reactor.
 *
 *   control thread                      worker thread
 *   sfu_host_*()  ──command──▶ inbox ─▶ run_command() ─▶ sfu_*()
 *   handlers      ◀──event──── outbox ◀─ on_*()
 *
 * A command is a copy of its arguments. Nothing here waits, except opening and closing.
 */
#include "rooms/sfu/sfu_host.h"

#include <stdio.h>

#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "transport/egress.h"

struct sfu_host {
    unsigned index;
    struct addr listen[16];
    size_t listen_count;
    struct sfu_host_handlers handlers; /* control thread */
    void *arg;
    struct log_ids ids;

    struct worker *worker;
    struct mailbox *inbox;  /* read by the worker */
    struct mailbox *outbox; /* read by the control reactor */

    /* the worker's */
    struct packet_pool *pool;
    struct port *port;
    struct egress *egress;
    struct mux *mux;
    struct stun_responder *stun;
    struct sfu *sfu;
    struct turn_hook hook;
};

enum command_kind {
    COMMAND_TRANSPORT_OPEN,
    COMMAND_TRANSPORT_RESTART_ICE,
    COMMAND_TRANSPORT_CLOSE,
    COMMAND_TRACK_OPEN,
    COMMAND_TRACK_UPDATE,
    COMMAND_TRACK_MUTE,
    COMMAND_TRACK_CLOSE,
    COMMAND_SUBSCRIPTION_OPEN,
    COMMAND_SUBSCRIPTION_UPDATE,
    COMMAND_SUBSCRIPTION_SOURCE,
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
    bool muted;
    void (*on_report)(int err, struct sfu_transport_report *report, void *arg);
    void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg);
    void *arg;
};

enum event_kind {
    EVENT_TRANSPORT_STATE,
    EVENT_TRACK_LIVE,
    EVENT_SUBSCRIPTION_BLOCKED,
    EVENT_REPORT,
    EVENT_STATS
};

struct event {
    struct message message;
    enum event_kind kind;
    uint64_t id;
    enum transport_state state;
    const char *reason; /* static */
    enum codec_id codec;
    int err;
    struct sfu_transport_report report;
    struct sfu_host_stats stats;
    void (*on_report)(int err, struct sfu_transport_report *report, void *arg);
    void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg);
    void *arg;
};

/* ---- events: worker → control ---- */

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

static struct event *new_event(enum event_kind kind, uint64_t id)
{
    struct event *e = MEM_NEW(struct event);

    e->message.deliver = deliver_event;
    e->kind = kind;
    e->id = id;
    return e;
}

static void on_transport_state(uint64_t id, enum transport_state state, const char *reason,
                               void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = new_event(EVENT_TRANSPORT_STATE, id);

    e->state = state;
    e->reason = reason;
    mailbox_post(h->outbox, &e->message);
}

static void on_track_live(uint64_t id, enum codec_id codec, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = new_event(EVENT_TRACK_LIVE, id);

    e->codec = codec;
    mailbox_post(h->outbox, &e->message);
}

static void on_subscription_blocked(uint64_t id, enum codec_id codec, void *arg)
{
    struct sfu_host *h = arg;
    struct event *e = new_event(EVENT_SUBSCRIPTION_BLOCKED, id);

    e->codec = codec;
    mailbox_post(h->outbox, &e->message);
}

static const struct sfu_handlers sfu_handlers = {
    .on_transport_state = on_transport_state,
    .on_track_live = on_track_live,
    .on_subscription_blocked = on_subscription_blocked,
};

/* ---- commands: control → worker ---- */

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

    if (err == 0)
        err = sfu_transport_set_remote(h->sfu, c->id, &c->remote, now_us);
    if (err != 0) {
        log_refused(h, c, err);
        sfu_transport_close(h->sfu, c->id, now_us);
        on_transport_state(c->id, TRANSPORT_CLOSED,
                           "the media worker has no room for another transport", h);
    }
}

static void reply_report(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    struct event *e = new_event(EVENT_REPORT, c->id);

    e->on_report = c->on_report;
    e->arg = c->arg;
    e->err = sfu_read_report(h->sfu, c->id, &e->report, now_us);
    mailbox_post(h->outbox, &e->message);
}

static void reply_stats(struct sfu_host *h, const struct command *c)
{
    struct event *e = new_event(EVENT_STATS, 0);

    e->on_stats = c->on_stats;
    e->arg = c->arg;
    sfu_read_totals(h->sfu, &e->stats.sfu);
    mux_read_stats(h->mux, &e->stats.mux);
    port_read_stats(h->port, &e->stats.port);
    egress_read_stats(h->egress, &e->stats.egress);
    mailbox_post(h->outbox, &e->message);
}

static void open_subscription(struct sfu_host *h, const struct command *c, uint64_t now_us)
{
    int err = sfu_subscription_open(h->sfu, c->id, c->other_id, c->section, now_us);

    log_refused(h, c, err);
}

static void run_command(struct sfu_host *h, const struct command *c)
{
    uint64_t now_us = worker_now_us(h->worker);

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
    case COMMAND_SUBSCRIPTION_OPEN:
        open_subscription(h, c, now_us);
        break;
    case COMMAND_SUBSCRIPTION_UPDATE:
        sfu_subscription_update(h->sfu, c->id, c->section, now_us);
        break;
    case COMMAND_SUBSCRIPTION_SOURCE:
        sfu_subscription_set_source(h->sfu, c->id, c->other_id, now_us);
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
    }
}

/* The host closed with the question still under way: whoever asked is told on this, the control, thread. */
static void refuse_command(const struct command *c)
{
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
    mem_wipe(&c->local, sizeof(c->local));
    mem_free(c->section);
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

void sfu_host_subscription_set_source(struct sfu_host *h, uint64_t id, uint64_t track_id)
{
    struct command *c = new_command(COMMAND_SUBSCRIPTION_SOURCE, id);

    c->other_id = track_id;
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

/* ---- the worker's side of the network ---- */

static void on_packet(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    mux_receive(h->mux, path, pkt, now_us);
}

static void on_path_closed(const struct path *path, uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    mux_path_closed(h->mux, path, now_us);
}

static void on_flush(const struct egress_datagram *batch, size_t n, void *arg)
{
    struct sfu_host *h = arg;

    if (h->port != NULL)
        port_send(h->port, batch, n);
}

static void on_turn_end(uint64_t now_us, void *arg)
{
    struct sfu_host *h = arg;

    (void)now_us;
    egress_flush(h->egress);
}

static void free_later(void *block, void (*free_block)(void *block), void *arg)
{
    struct sfu_host *h = arg;

    worker_free_later(h->worker, block, free_block);
}

static void keep_path(const struct path *path, void *arg)
{
    struct sfu_host *h = arg;

    port_keep_path(h->port, path);
}

static void drop_path(const struct path *path, void *arg)
{
    struct sfu_host *h = arg;

    port_drop_path(h->port, path);
}

static uint64_t wall_us(void *arg)
{
    (void)arg;
    return timebase_wall_us();
}

/* ---- life ---- */

static int open_media(struct sfu_host *h, const struct sfu_host_config *config, struct addr *failed)
{
    static const struct port_handlers port_handlers = {.on_packet = on_packet,
                                                       .on_path_closed = on_path_closed};
    const struct port_config port = {.listen = h->listen,
                                     .listen_count = h->listen_count,
                                     .udp = config->udp,
                                     .tcp = config->tcp};
    int err = port_open(&h->port, h->worker, h->pool, &port, &port_handlers, h, failed);

    if (err != 0)
        return err;
    const struct transport_env env = {
        .wheel = worker_wheel(h->worker),
        .egress = h->egress,
        .pool = h->pool,
        .mux = h->mux,
        .stun = h->stun,
        .dtls = config->dtls,
        .free_later = free_later,
        .keep_path = keep_path,
        .drop_path = drop_path,
        .wall_us = wall_us,
        .arg = h,
    };
    return sfu_open(&h->sfu, &env, &sfu_handlers, h);
}

/* Everything in reverse; each part may be missing. The worker does not run. */
static void destroy(struct sfu_host *h)
{
    if (h->inbox != NULL)
        mailbox_close(&h->inbox);
    sfu_close(&h->sfu, timebase_now_us());
    if (h->egress != NULL)
        egress_flush(h->egress); /* close_notify and BYE of the last transports */
    port_close(&h->port);
    worker_remove_turn_hook(&h->hook);
    worker_close(&h->worker);
    if (h->outbox != NULL)
        mailbox_close(&h->outbox);
    egress_free(&h->egress);
    mux_free(&h->mux);
    stun_responder_free(&h->stun);
    packet_pool_free(&h->pool);
    mem_free(h);
}

int sfu_host_open(struct sfu_host **out, const struct sfu_host_config *config,
                  const struct sfu_host_handlers *handlers, void *arg, struct addr *failed)
{
    struct sfu_host *h = MEM_NEW(struct sfu_host);
    char name[16];
    int err;

    CHECK(config->listen_count <= ARRAY_LEN(h->listen));
    h->index = config->index;
    h->handlers = *handlers;
    h->arg = arg;
    h->listen_count = config->listen_count;
    for (size_t i = 0; i < config->listen_count; i++) {
        h->listen[i] = config->listen[i];
        if (h->listen[i].port != 0) /* 0 stays: any port */
            h->listen[i].port = (uint16_t)(h->listen[i].port + config->index);
    }
    log_ids_set(&h->ids, "worker=%u", config->index);
    (void)snprintf(name, sizeof(name), "media %u", config->index);
    list_init(&h->hook.node);

    if ((err = worker_open(&h->worker, name)) != 0) {
        mem_free(h);
        return err;
    }
    h->pool = packet_pool_new(MAX_PACKETS_PER_POOL);
    h->egress = egress_new(on_flush, h);
    h->mux = mux_new(MAX_TRANSPORTS_PER_WORKER);
    h->stun = stun_responder_new();
    if ((err = mailbox_open(&h->inbox, h->worker, h)) != 0 ||
        (err = mailbox_open(&h->outbox, config->control, h)) != 0 ||
        (err = open_media(h, config, failed)) != 0)
        goto fail;
    h->hook.on_turn_end = on_turn_end;
    h->hook.arg = h;
    worker_add_turn_hook(h->worker, &h->hook);
    worker_set_cpu(h->worker, config->cpu);
    if ((err = worker_start(h->worker)) != 0)
        goto fail;
    *out = h;
    return 0;
fail:
    destroy(h);
    return err;
}

void sfu_host_close(struct sfu_host **hp)
{
    struct sfu_host *h = *hp;

    if (h == NULL)
        return;
    *hp = NULL;
    worker_stop(h->worker);
    worker_join(h->worker);
    destroy(h);
}

size_t sfu_host_locals(const struct sfu_host *h, struct addr *out, size_t max)
{
    return port_locals(h->port, out, max);
}

unsigned sfu_host_index(const struct sfu_host *h)
{
    return h->index;
}
