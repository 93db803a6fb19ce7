/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_host.h - a media worker that only remembers what it was told. It defines every sfu_host_*() function, so that the
 * real one stays in its library: include it in one file of a program.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/err.h"
#include "rooms/sfu/sfu_host.h"

#define FAKE_HOSTS 3
#define FAKE_OBJECTS 1024

struct sfu_host {
    unsigned index;
};

enum fake_kind {
    FAKE_TRANSPORT,
    FAKE_TRACK,
    FAKE_REPLICA,
    FAKE_SUBSCRIPTION,
    FAKE_RELAY,
    FAKE_PEER_REPLICA
};

/* A transport, track or subscription that is open on a worker. */
struct fake_object {
    enum fake_kind kind;
    uint64_t id;
    const struct sfu_host *host;
    uint64_t other_id; /* transport of a track or subscription; origin of a replica */
    uint64_t source;   /* of a subscription */
    unsigned updates, restarts;
    bool muted;
    struct sfu_wish wish; /* of a subscription, and how often there was one */
    unsigned wishes;
    uint64_t consent_timeout_us;
};

static struct sfu_host fake_host[FAKE_HOSTS];
static struct fake_object fake_object[FAKE_OBJECTS];
static size_t fake_count;
static unsigned fake_batches; /* of changes of sources */
static unsigned fake_misses;  /* commands about what is not open */

static inline void fake_hosts_reset(void)
{
    fake_count = 0;
    fake_misses = fake_batches = 0;
    for (unsigned i = 0; i < FAKE_HOSTS; i++)
        fake_host[i].index = i;
}

static inline struct fake_object *fake_find(uint64_t id)
{
    for (size_t i = 0; i < fake_count; i++)
        if (fake_object[i].id == id)
            return &fake_object[i];
    return NULL;
}

/* How many are open of a kind. */
static inline size_t fake_open(enum fake_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < fake_count; i++)
        n += fake_object[i].kind == kind;
    return n;
}

static inline struct fake_object *fake_add(const struct sfu_host *h, enum fake_kind kind,
                                           uint64_t id, uint64_t other_id)
{
    CHECK(fake_count < FAKE_OBJECTS && fake_find(id) == NULL);
    struct fake_object *o = &fake_object[fake_count++];
    *o = (struct fake_object){.kind = kind, .id = id, .host = h, .other_id = other_id};
    if (kind != FAKE_TRANSPORT && fake_find(other_id) == NULL)
        fake_misses++;
    return o;
}

/* The object of a command; a stand-in when it is not open. */
static inline struct fake_object *fake_told(const struct sfu_host *h, uint64_t id)
{
    static struct fake_object nothing;
    struct fake_object *o = fake_find(id);

    if (o != NULL && o->host == h)
        return o;
    fake_misses++;
    return &nothing;
}

/* Closing what went with its transport is harmless, as for the real one. */
static inline void fake_close(const struct sfu_host *h, uint64_t id)
{
    struct fake_object *o = fake_find(id);

    if (o == NULL)
        return;
    fake_misses += o->host != h;
    *o = fake_object[--fake_count];
}

/* ---- what rooms/ calls ---- */

int sfu_host_open(struct sfu_host **out, const struct sfu_host_config *config,
                  const struct sfu_host_handlers *handlers, void *arg, struct addr *failed)
{
    (void)handlers;
    (void)arg;
    (void)failed;
    *out = &fake_host[config->index];
    return 0;
}

void sfu_host_close(struct sfu_host **h)
{
    *h = NULL;
}

void sfu_hosts_close(struct sfu_host **hosts, size_t n)
{
    memset(hosts, 0, n * sizeof(struct sfu_host *));
}

size_t sfu_host_locals(const struct sfu_host *h, struct addr *out, size_t max)
{
    (void)h;
    (void)out;
    (void)max;
    return 0;
}

unsigned sfu_host_index(const struct sfu_host *h)
{
    return h->index;
}

void sfu_host_transport_open(struct sfu_host *h, uint64_t id, const struct ice_credentials *local,
                             const struct remote_transport *remote, uint64_t consent_timeout_us,
                             const struct log_ids *ids)
{
    CHECK(local->ufrag[0] != 0 && remote->fingerprint_count > 0 && ids->text[0] != 0);
    fake_add(h, FAKE_TRANSPORT, id, 0)->consent_timeout_us = consent_timeout_us;
}

void sfu_host_transport_restart_ice(struct sfu_host *h, uint64_t id,
                                    const struct ice_credentials *local,
                                    const struct ice_credentials *remote)
{
    CHECK(local->ufrag[0] != 0 && remote->ufrag[0] != 0);
    fake_told(h, id)->restarts++;
}

/* With its tracks and subscriptions. */
void sfu_host_transport_close(struct sfu_host *h, uint64_t id)
{
    for (size_t i = fake_count; i-- > 0;)
        if (fake_object[i].other_id == id && fake_object[i].kind != FAKE_REPLICA)
            fake_close(h, fake_object[i].id);
    fake_close(h, id);
}

void sfu_host_track_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                         const struct transceiver *t)
{
    CHECK(t->recv);
    (void)fake_add(h, FAKE_TRACK, id, transport_id);
}

void sfu_host_track_update(struct sfu_host *h, uint64_t id, const struct transceiver *t)
{
    CHECK(t->recv);
    fake_told(h, id)->updates++;
}

void sfu_host_track_set_muted(struct sfu_host *h, uint64_t id, bool muted)
{
    fake_told(h, id)->muted = muted;
}

void sfu_host_track_close(struct sfu_host *h, uint64_t id)
{
    fake_close(h, id);
}

void sfu_host_replica_open(struct sfu_host *h, uint64_t id, struct sfu_host *origin,
                           uint64_t origin_id, const struct transceiver *t)
{
    CHECK(t->recv && origin != h);
    (void)fake_told(origin, origin_id);
    (void)fake_add(h, FAKE_REPLICA, id, origin_id);
}

void sfu_host_replica_close(struct sfu_host *h, uint64_t id, struct sfu_host *origin)
{
    CHECK(origin != h);
    fake_close(h, id);
}

void sfu_hosts_stop(struct sfu_host **hosts, size_t n)
{
    (void)hosts;
    (void)n;
}

/* Of mixers: what a worker is told of its relays and replicas. */
void sfu_host_add_peer(struct sfu_host *h, const struct sfu_peer *peer, struct spsc *to,
                       struct spsc *from)
{
    CHECK(h->index < FAKE_HOSTS && peer->number < SFU_MAX_PEERS && to != NULL && from != NULL);
}

void sfu_host_relay_open(struct sfu_host *h, uint64_t id, uint64_t track_id, unsigned peer)
{
    (void)peer;
    (void)fake_add(h, FAKE_RELAY, id, track_id);
}

void sfu_host_relay_close(struct sfu_host *h, uint64_t id)
{
    fake_close(h, id);
}

void sfu_host_peer_replica_open(struct sfu_host *h, uint64_t id, unsigned peer, uint64_t origin_id,
                                const struct transceiver *t)
{
    CHECK(t->recv);
    (void)peer;
    CHECK(fake_count < FAKE_OBJECTS && fake_find(id) == NULL);
    fake_object[fake_count++] =
        (struct fake_object){.kind = FAKE_PEER_REPLICA, .id = id, .host = h, .other_id = origin_id};
}

void sfu_host_peer_replica_close(struct sfu_host *h, uint64_t id, unsigned peer, uint64_t origin_id)
{
    (void)peer;
    (void)origin_id;
    fake_close(h, id);
}

void sfu_host_relay_set_size(struct sfu_host *h, uint64_t id, int width, int height)
{
    (void)h;
    (void)id;
    (void)width;
    (void)height;
}

void sfu_host_track_ask_keyframe(struct sfu_host *h, uint64_t track_id, unsigned encoding)
{
    (void)h;
    (void)track_id;
    (void)encoding;
}

void sfu_host_replica_set_clock(struct sfu_host *h, uint64_t id, const struct relay_clock *clock)
{
    (void)h;
    (void)id;
    (void)clock;
}

void sfu_host_ring(struct sfu_host *h)
{
    (void)h;
}

void sfu_host_subscription_open(struct sfu_host *h, uint64_t id, uint64_t transport_id,
                                const struct transceiver *t, uint64_t track_id)
{
    CHECK(t->send);
    fake_add(h, FAKE_SUBSCRIPTION, id, transport_id)->source = track_id;
}

void sfu_host_subscription_update(struct sfu_host *h, uint64_t id, const struct transceiver *t)
{
    CHECK(t->send);
    fake_told(h, id)->updates++;
}

void sfu_host_subscription_set_source(struct sfu_host *h, uint64_t id, uint64_t track_id)
{
    fake_told(h, id)->source = track_id;
    if (track_id != 0)
        (void)fake_told(h, track_id); /* a source is open when it is named */
}

void sfu_host_subscription_set_sources(struct sfu_host *h, const struct sfu_source_change *change,
                                       size_t n)
{
    fake_batches++;
    for (size_t i = 0; i < n; i++)
        sfu_host_subscription_set_source(h, change[i].subscription_id, change[i].track_id);
}

void sfu_host_subscription_set_wish(struct sfu_host *h, uint64_t id, const struct sfu_wish *wish)
{
    struct fake_object *o = fake_told(h, id);

    o->wish = *wish;
    o->wishes++;
}

void sfu_host_subscription_close(struct sfu_host *h, uint64_t id)
{
    fake_close(h, id);
}

void sfu_host_read_report(struct sfu_host *h, uint64_t transport_id,
                          void (*on_report)(int err, struct sfu_transport_report *report,
                                            void *arg),
                          void *arg)
{
    struct sfu_transport_report report = {.rtp = NULL};

    on_report(fake_told(h, transport_id)->id == transport_id ? 0 : E_NOT_FOUND, &report, arg);
}

void sfu_host_read_stats(struct sfu_host *h,
                         void (*on_stats)(int err, const struct sfu_host_stats *stats, void *arg),
                         void *arg)
{
    (void)h;
    on_stats(E_STATE, NULL, arg);
}
