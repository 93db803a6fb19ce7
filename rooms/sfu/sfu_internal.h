/* SPDX-License-Identifier: Apache-2.0 */
/* sfu_internal.h - what the files of rooms/sfu share: the sfu itself and one transport with what lives on it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/deadline.h"
#include "core/list.h"
#include "core/rng.h"
#include "rooms/sfu/burst.h"
#include "rooms/sfu/history.h"
#include "rooms/sfu/levels.h"
#include "rooms/sfu/packet_head.h"
#include "rooms/sfu/publisher_clock.h"
#include "rooms/sfu/sfu.h"
#include "rooms/sfu/ssrc_table.h"
#include "transport/resend.h"

struct map;
struct paced;
struct track;
struct viewer;

#define SEND_HEAD_BYTES \
    512 /* MID and extensions of a packet; what a publisher makes longer is dropped */

/* One transport, its tracks and its subscriptions. Owner: the sfu. */
struct sfu_transport {
    uint64_t id;
    struct sfu *sfu;
    struct transport *tp;
    struct list node;          /* in sfu.transports */
    struct list tracks;        /* struct track */
    struct list subscriptions; /* struct subscription */
    struct ssrc_table ssrcs;
    struct publisher_clock clock;
    struct resend_budget resend_budget; /* of all its subscriptions */
    uint64_t estimate_bps;              /* towards it, 0: not known */
    struct viewer *viewer;              /* NULL while nothing limits what it is sent */
    bool was_open;                      /* counted among those that opened */
};

/* Packets of one subscription on their way into the egress batch, with the heads that were made for them. */
struct send_run {
    size_t count, payload_bytes;
    struct rtp_out out[BURST_PACKETS];
    struct packet *pkt[BURST_PACKETS]; /* whose payload it is, borrowed; NULL: padding */
    uint8_t head[BURST_PACKETS][SEND_HEAD_BYTES];
};

struct sfu {
    struct transport_env env;
    struct sfu_handlers handlers;
    void *arg;
    struct list transports;
    struct map *transport_by_id, *track_by_id, *subscription_by_id;
    struct list relays, replicas; /* struct relay; struct track */
    struct map *relay_by_id, *replica_by_origin;
    struct sfu_totals totals;
    struct rng rng;     /* first sequence numbers and timestamps */
    struct list bursts; /* struct burst of tracks, that are not empty; oldest first */
    uint64_t window_us; /* sfu_set_window() */
    struct deadline burst_due;
    struct send_run run;            /* scratch */
    struct known_heads known_heads; /* scratch */
    struct list codec_sets;
    struct paced *unused_paced; /* subscription_pace.c */
    size_t unused_paced_count;
    struct history_budget history;
    struct levels levels;
    struct deadline levels_due;
    struct list changed; /* struct subscription by changed_node: their states are to be told */
    struct deadline tell_due;
    uint64_t told_us;
};

/* totals.c */
/** Count that a transport entered a state. */
void sfu_totals_note_state(struct sfu_transport *st, enum transport_state state,
                           const char *reason);
/** Keep the counters of a transport that goes. */
void sfu_totals_keep(struct sfu_transport *st);

/** NULL when it is gone. */
struct sfu_transport *sfu_find_transport(const struct sfu *s, uint64_t id);
/** Free an object of ours after the turn's last callback. */
void sfu_free_later(struct sfu *s, void *block);
/** The track's first packet, or another codec: tell the owner. */
void sfu_track_is_live(const struct track *t, enum codec_id codec);
/** A packet of an audio track has told how loud it is. */
void sfu_note_level(struct track *t, uint8_t level, bool voice, uint64_t now_us);
/** Take a new sender report into the transport's clock. */
void sfu_transport_note_clock(struct sfu_transport *st, const struct rtp_recv *r, uint64_t now_us);
