/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu_host_relay.c - packets from worker to worker: one ring for each pair that needs it, and a bell at the receiver.
 *
 *   worker A: relay ─▶ out[B] ═══ ring ═══▶ in[A] ─▶ replica :worker B
 *
 * A ring that is full costs its receiver packets and nobody else anything. Clocks and keyframe requests go by the inboxes.
 */
#include "core/doorbell.h"
#include "core/packet.h"
#include "core/spsc.h"
#include "rooms/sfu/sfu_host_internal.h"

#define MAX_RELAYED_PER_TURN 4096 /* so that sockets and timers get their turn */

bool sfu_host_on_relay_packet(void *peer, struct packet *pkt, void *arg)
{
    struct sfu_host *h = arg;
    const struct relay_end *to = peer;
    struct spsc *ring = to->host != NULL ? h->out[to->host->index] : to->to;

    return ring != NULL && !h->is_closing && spsc_push(ring, pkt);
}

void sfu_host_on_relay_flush(void *peer, void *arg)
{
    const struct sfu_host *h = arg;
    const struct relay_end *to = peer;

    if (h->is_closing)
        return;
    if (to->host != NULL)
        doorbell_ring(to->host->bell);
    else
        to->peer.ring(to->peer.arg);
}

void sfu_host_on_relay_clock(void *peer, uint64_t replica_id, const struct relay_clock *clock,
                             void *arg)
{
    const struct sfu_host *h = arg;
    const struct relay_end *to = peer;

    if (h->is_closing)
        return;
    if (to->host != NULL)
        sfu_host_replica_set_clock(to->host, replica_id, clock);
    else
        to->peer.set_clock(to->peer.arg, replica_id, clock);
}

void sfu_host_on_replica_keyframe(void *peer, uint64_t track_id, unsigned encoding, void *arg)
{
    const struct sfu_host *h = arg;
    const struct relay_end *from = peer;

    if (h->is_closing)
        return;
    if (from->host != NULL)
        sfu_host_track_ask_keyframe(from->host, track_id, encoding);
    else
        from->peer.ask_keyframe(from->peer.arg, track_id, encoding);
}

/* Returns how many there were, at most @most. */
static unsigned empty_ring(struct sfu_host *h, struct spsc *ring, unsigned most)
{
    uint64_t now_us = worker_now_us(h->worker);
    struct packet *pkt;
    unsigned n = 0;

    while (ring != NULL && n < most && (pkt = spsc_pull(ring)) != NULL) {
        n++;
        sfu_replica_receive(h->sfu, pkt, now_us);
    }
    return n;
}

static void on_ring(void *arg)
{
    struct sfu_host *h = arg;
    unsigned n = 0;

    for (unsigned i = 0; i < SFU_MAX_HOSTS; i++)
        n += empty_ring(h, h->in[i], MAX_RELAYED_PER_TURN - n);
    for (unsigned i = 0; i < SFU_MAX_PEERS; i++)
        n += empty_ring(h, h->outside[i].from, MAX_RELAYED_PER_TURN - n);
    if (n == MAX_RELAYED_PER_TURN)
        doorbell_ring(h->bell);
}

void sfu_host_ring(struct sfu_host *h)
{
    doorbell_ring(h->bell);
}

int sfu_host_relay_init(struct sfu_host *h)
{
    h->end.host = h;
    return doorbell_open(&h->bell, h->worker, on_ring, h);
}

void sfu_host_relay_fini(struct sfu_host *h)
{
    doorbell_close(&h->bell);
    for (unsigned i = 0; i < SFU_MAX_HOSTS; i++) {
        struct packet *pkt;
        if (h->in[i] == NULL)
            continue;
        while ((pkt = spsc_pull(h->in[i])) != NULL)
            packet_unref(&pkt);
        spsc_free(&h->in[i]);
    }
}
