/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_host_internal.h - what sfu_host.c (life, network), sfu_host_command.c and sfu_host_event.c share. */
#pragma once

#include "core/log.h"
#include "core/mailbox.h"
#include "core/worker.h"
#include "rooms/sfu/sfu_host.h"

struct egress;
struct packet_pool;
struct stun_responder;

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
    uint64_t max_window_us, load_since_us, load_busy_us;
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

/* What the sfu tells, on the worker's thread; arg is the host. */
extern const struct sfu_handlers sfu_host_sfu_handlers;

/** Make an event, to be filled in and posted. Thread: the worker's. */
MUST_CHECK struct event *sfu_host_event_new(enum event_kind kind, uint64_t id);
void sfu_host_event_post(struct sfu_host *h, struct event *e);
