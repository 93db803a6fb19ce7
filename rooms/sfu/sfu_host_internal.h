/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_host_internal.h - what sfu_host.c (life, network), sfu_host_command.c and sfu_host_event.c share. */
#pragma once

#include "core/log.h"
#include "core/mailbox.h"
#include "core/worker.h"
#include "rooms/sfu/sfu_host.h"

#define SFU_MAX_HOSTS 256

struct doorbell;
struct egress;
struct packet_pool;
struct spsc;
struct stun_responder;

/* Where relayed packets go to and come from: what the sfu is given as a peer. */
struct relay_end {
    struct sfu_host *host; /* a worker; NULL: what follows */
    struct sfu_peer peer;
    struct spsc *to, *from;
};

struct sfu_host {
    unsigned index;
    struct addr listen[MAX_PORT_SOCKETS];
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

    /* sfu_host_relay.c: packets to and from other workers, by their index. The rings belong to whoever receives. */
    struct doorbell *bell;
    struct spsc *in[SFU_MAX_HOSTS], *out[SFU_MAX_HOSTS];
    struct relay_end end; /* this worker, for others */
    struct relay_end outside[SFU_MAX_PEERS];
    bool has_ring[SFU_MAX_HOSTS]; /* the control reactor's: a ring from that worker was made */
    bool is_closing;
    uint64_t max_window_us, load_since_us, load_busy_us;
};

enum event_kind {
    EVENT_TRANSPORT_STATE,
    EVENT_TRACK_LIVE,
    EVENT_SUBSCRIPTION_BLOCKED,
    EVENT_LEVELS,
    EVENT_SUBSCRIPTION_STATE,
    EVENT_TRACK_DEMAND,
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
    struct track_levels *levels; /* the event's */
    size_t level_count;
    struct sfu_slot_state slot;
    unsigned wanted;
    int err;
    struct sfu_transport_report report;
    struct sfu_host_stats stats;
    void (*on_report)(int err, struct sfu_transport_report *report, void *arg);
    void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg);
    void *arg;
};

/* sfu_host_command.c */
/** What the replica @id needs of the encodings of its origin, which is on @h. Thread: any worker's. */
void sfu_host_relay_set_demand(struct sfu_host *h, uint64_t id, unsigned wanted);
/** The sfu's handler; arg is the host. */
void sfu_host_on_replica_demand(void *peer, uint64_t replica_id, unsigned wanted, void *arg);

/* sfu_host_relay.c: the sfu's handlers for relays and replicas; arg is the host */
bool sfu_host_on_relay_packet(void *peer, struct packet *pkt, void *arg);
void sfu_host_on_relay_flush(void *peer, void *arg);
void sfu_host_on_relay_clock(void *peer, uint64_t replica_id, const struct relay_clock *clock,
                             void *arg);
void sfu_host_on_replica_keyframe(void *peer, uint64_t track_id, unsigned encoding, void *arg);
/** Prepare for packets of other workers. Errors: UV_E*. */
MUST_CHECK int sfu_host_relay_init(struct sfu_host *h);
/** Drop what is in the rings to this worker, and the rings. All workers have stopped. */
void sfu_host_relay_fini(struct sfu_host *h);

/* What the sfu tells, on the worker's thread; arg is the host. */
extern const struct sfu_handlers sfu_host_sfu_handlers;

/** Make an event, to be filled in and posted. Thread: the worker's. */
MUST_CHECK struct event *sfu_host_event_new(enum event_kind kind, uint64_t id);
void sfu_host_event_post(struct sfu_host *h, struct event *e);
