/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_host.h - a media worker: thread, sockets, packet pool, egress batch and sfu, and the mailboxes that join it to the control
 * reactor. Everything here is called on the control reactor's thread; what it does happens on the worker's, in order of the calls.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/addr.h"
#include "core/attr.h"
#include "core/mailbox.h"
#include "core/packet.h"
#include "core/worker.h"
#include "rooms/sfu/sfu.h"
#include "rooms/sfu/sfu_peer.h"
#include "transport/mux.h"
#include "transport/port.h"

struct sfu_host;
struct spsc;
struct worker;

struct sfu_host_config {
    unsigned index;            /* worker number; sockets are on listen port + index */
    const struct addr *listen; /* ports as for worker 0 */
    size_t listen_count;
    bool udp, tcp;
    bool gso;               /* runs of packets leave with one system call, padded to one length */
    uint64_t max_window_us; /* how long packets may be held back under load; 0: never */
    int cpu;                /* -1: not pinned */
    struct dtls_context *dtls; /* borrowed, outlives the host */
    struct worker *control;    /* where events are delivered */
};

/* What a subscription carries from now on; track 0: nothing. */
struct sfu_source_change {
    uint64_t subscription_id, track_id;
};

/* Delivered on the control reactor. */
struct sfu_host_handlers {
    void (*on_transport_state)(struct sfu_host *h, uint64_t transport_id,
                               enum transport_state state, const char *reason, void *arg);
    void (*on_track_live)(struct sfu_host *h, uint64_t track_id, enum codec_id codec, void *arg);
    void (*on_subscription_blocked)(struct sfu_host *h, uint64_t subscription_id,
                                    enum codec_id codec, void *arg);
    /* How loud tracks of this worker were; borrowed. May be missing. */
    void (*on_levels)(struct sfu_host *h, const struct track_levels *levels, size_t n, void *arg);
    void (*on_subscription_state)(struct sfu_host *h, uint64_t subscription_id,
                                  const struct sfu_slot_state *state, void *arg);
    void (*on_track_demand)(struct sfu_host *h, uint64_t track_id, unsigned wanted, void *arg);
};

/* Everything about one worker, for metrics and tests. Reading takes the loop's largest lag, which begins anew. */
struct sfu_host_stats {
    struct worker_stats loop;
    struct packet_pool_stats pool;
    struct sfu_totals sfu;
    struct mux_stats mux;
    struct port_stats port;
    struct egress_stats egress;
};

/** Open sockets and start the thread. Errors: UV_E* with the address in *failed. */
MUST_CHECK int sfu_host_open(struct sfu_host **out, const struct sfu_host_config *config,
                             const struct sfu_host_handlers *handlers, void *arg,
                             struct addr *failed);
/** Stop the thread, close everything; events still under way are dropped. Not for one that has had replicas, or origins of them. */
void sfu_host_close(struct sfu_host **h);
/** The same for all workers of a process: each stops before the first is closed, since they hold packets of each other's. */
void sfu_hosts_close(struct sfu_host **hosts, size_t n);
/** Stop their threads, which sfu_hosts_close() does as well: what they share with peers can be taken apart in between. */
void sfu_hosts_stop(struct sfu_host **hosts, size_t n);
/** The addresses bound. */
size_t sfu_host_locals(const struct sfu_host *h, struct addr *out, size_t max);
/** The number it was opened with. */
unsigned sfu_host_index(const struct sfu_host *h);

/** sfu_transport_open() and sfu_transport_set_remote(); a refusal comes back as TRANSPORT_CLOSED. */
void sfu_host_transport_open(struct sfu_host *h, uint64_t id, const struct ice_credentials *local,
                             const struct remote_transport *remote, uint64_t consent_timeout_us,
                             const struct log_ids *ids);
/** The following are the calls of sfu.h by the same names; arguments are copied, and a refusal is logged. */
void sfu_host_transport_restart_ice(struct sfu_host *h, uint64_t id,
                                    const struct ice_credentials *local,
                                    const struct ice_credentials *remote);
/** See sfu.h. */
void sfu_host_transport_close(struct sfu_host *h, uint64_t id);
/** See sfu.h. */
void sfu_host_track_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                         const struct transceiver *t);
/** See sfu.h. */
void sfu_host_track_update(struct sfu_host *h, uint64_t id, const struct transceiver *t);
/** See sfu.h. */
void sfu_host_track_set_muted(struct sfu_host *h, uint64_t id, bool muted);
/** See sfu.h. */
void sfu_host_track_close(struct sfu_host *h, uint64_t id);
/**
 * Make a replica of the track @origin_id, which is on @origin, on @h, and have its packets brought there. What sfu.h says of tracks
 * holds for it; it is closed by sfu_host_replica_close().
 */
void sfu_host_replica_open(struct sfu_host *h, uint64_t id, struct sfu_host *origin,
                           uint64_t origin_id, const struct transceiver *t);
/** End the replica and the relay to it. */
void sfu_host_replica_close(struct sfu_host *h, uint64_t id, struct sfu_host *origin);
/** A mixer is there (sfu_peer.h), with the rings to it and from it, which stay its own and outlive the host. Its number is free. */
void sfu_host_add_peer(struct sfu_host *h, const struct sfu_peer *peer, struct spsc *to,
                       struct spsc *from);
/** Send it a track, as sfu_relay_open_sized() does; sfu_host_relay_close() ends that. */
void sfu_host_relay_open(struct sfu_host *h, uint64_t id, uint64_t track_id, unsigned peer);
void sfu_host_relay_close(struct sfu_host *h, uint64_t id);
/** Make a replica here of its track @origin_id, and end it. */
void sfu_host_peer_replica_open(struct sfu_host *h, uint64_t id, unsigned peer, uint64_t origin_id,
                                const struct transceiver *t);
void sfu_host_peer_replica_close(struct sfu_host *h, uint64_t id, unsigned peer,
                                 uint64_t origin_id);
/** What a peer says, on its own thread: sfu_relay_set_size(), sfu_track_ask_keyframe(), sfu_replica_set_clock(); and that packets lie in
 * its ring. Thread: any. */
void sfu_host_relay_set_size(struct sfu_host *h, uint64_t id, int width, int height);
void sfu_host_track_ask_keyframe(struct sfu_host *h, uint64_t track_id, unsigned encoding);
void sfu_host_replica_set_clock(struct sfu_host *h, uint64_t id, const struct relay_clock *clock);
void sfu_host_ring(struct sfu_host *h);
/** See sfu.h; with a source from the start when @track_id is not 0. */
void sfu_host_subscription_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                                const struct transceiver *t, uint64_t track_id);
/** See sfu.h. */
void sfu_host_subscription_update(struct sfu_host *h, uint64_t id, const struct transceiver *t);
/** See sfu.h. */
void sfu_host_subscription_set_wish(struct sfu_host *h, uint64_t id, const struct sfu_wish *wish);
/** See sfu.h. */
void sfu_host_subscription_set_source(struct sfu_host *h, uint64_t id, uint64_t track_id);
/** The same for many, in the order given. */
void sfu_host_subscription_set_sources(struct sfu_host *h, const struct sfu_source_change *change,
                                       size_t n);
/** See sfu.h. */
void sfu_host_subscription_close(struct sfu_host *h, uint64_t id);
/** Ask for statistics; @on_report runs on the control reactor, once: err E_NOT_FOUND when the transport is gone, E_STATE when the host
 * closes first. The report's array is the handler's to mem_free(). */
void sfu_host_read_report(struct sfu_host *h, uint64_t transport_id,
                          void (*on_report)(int err, struct sfu_transport_report *report,
                                            void *arg),
                          void *arg);
/** The same for everything about the worker: err 0, or E_STATE when the host closes first. */
void sfu_host_read_stats(struct sfu_host *h,
                         void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg),
                         void *arg);
