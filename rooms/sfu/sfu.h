/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sfu.h - the media side of one worker: its transports, the tracks published on them, and the subscriptions that forward them.
 *
 *   port → mux → transport ──on_rtp──▶ encoding → track → sinks ─▶ subscription → forwarder → transport → egress → port
 *
 * Driven by plain calls (a media worker's mailbox makes them, sfu_host.h; simulations make them directly). Objects have numeric
 * handles chosen by the caller, unique on this worker; a call about a handle that is gone is harmless. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/log.h"
#include "rooms/sfu/allocator.h"
#include "transport/jsep.h"
#include "transport/rtp_recv.h"
#include "transport/rtp_send.h"
#include "transport/transceiver.h"
#include "transport/transport.h"

struct sfu;
struct strbuf;
struct track_levels;

#define SFU_MAX_WINDOW_US 3000ull

/* A sender report of a relayed track's encoding, and the publisher's clock that it stands on. */
struct relay_clock {
    uint8_t encoding;
    uint32_t ssrc; /* whose: packets of it may be on their way still */
    uint64_t sr_ntp;
    uint32_t sr_ntp_middle, sr_ts;
    uint64_t sr_arrival_us;
    int64_t offset_us;
};

/* What a viewer wants of the video in a slot. */
struct sfu_wish {
    uint16_t width, height;           /* of the tile in device pixels, 0: any */
    uint8_t fps;                      /* 0: any */
    int8_t max_spatial, max_temporal; /* -1: any */
    uint8_t priority;                 /* ALLOCATOR_PRIORITY_* */
    bool is_paused;
};

/* All there is, at the usual priority. */
#define SFU_WISH_ANY \
    ((struct sfu_wish){.max_spatial = -1, .max_temporal = -1, .priority = ALLOCATOR_PRIORITY_USUAL})

/* What becomes of it. Layers: -1 for none; the spatial one of a simulcast track is the rank of the encoding, by size. */
struct sfu_slot_state {
    bool is_active; /* else paused: nothing is forwarded */
    enum allocator_reason reason;
    int8_t spatial, temporal;               /* what flows */
    int8_t target_spatial, target_temporal; /* what it is to be */
    uint16_t width, height;                 /* of what flows, 0: not known */
};

/* Facts for the owner. on_transport_state may close any object; the others come while sinks are walked, and may not call the
 * sfu. */
struct sfu_handlers {
    void (*on_transport_state)(uint64_t transport_id, enum transport_state state,
                               const char *reason, void *arg);
    /* The first packet of a track arrived, or its codec changed. */
    void (*on_track_live)(uint64_t track_id, enum codec_id codec, void *arg);
    /* What a subscription carries cannot reach its endpoint: no payload type for the track's codec. */
    void (*on_subscription_blocked)(uint64_t subscription_id, enum codec_id codec, void *arg);
    /* How loud tracks are, of all that were heard lately (levels.h); may be missing. Owner: @levels is the handler's to mem_free(). */
    void (*on_levels)(struct track_levels *levels, size_t n, void *arg);

    /* The state, the reason or a layer of a video subscription changed; a few times a second at most. May be missing. */
    void (*on_subscription_state)(uint64_t subscription_id, const struct sfu_slot_state *state,
                                  void *arg);
    /* Which encodings of a simulcast track anybody wants now (bit i: encoding i); at first, all. May be missing. */
    void (*on_track_demand)(uint64_t track_id, unsigned wanted, void *arg);

    /* Of relays and replicas; may be missing where there are none. @peer as it was given. */
    /* Take a reference of a packet for sfu_replica_receive() over there; false: no room, the caller keeps it. */
    bool (*on_relay_packet)(void *peer, struct packet *pkt, void *arg);
    /* That is all for now. */
    void (*on_relay_flush)(void *peer, void *arg);
    /* For sfu_replica_set_clock() over there; of a sized relay the id is the track's. */
    void (*on_relay_clock)(void *peer, uint64_t replica_id, const struct relay_clock *clock,
                           void *arg);
    /* A keyframe of a replica is wanted: for sfu_track_ask_keyframe() of its origin. */
    void (*on_replica_keyframe)(void *peer, uint64_t track_id, unsigned encoding, void *arg);
    /* Other encodings of a replica are wanted: for sfu_relay_set_demand() over there. */
    void (*on_replica_demand)(void *peer, uint64_t replica_id, unsigned wanted, void *arg);
};

/* One line of statistics, W3C names; what does not apply is zero. */
enum sfu_stats_kind { SFU_STATS_INBOUND_RTP, SFU_STATS_OUTBOUND_RTP };

struct sfu_rtp_stats {
    enum sfu_stats_kind kind;
    uint64_t id;       /* track or subscription handle */
    uint64_t track_id; /* the track (outbound: 0 when the slot is empty) */
    char mid[MAX_MID_LEN + 1];
    char rid[MAX_RID_LEN + 1];
    enum media_kind media;
    struct codec codec;
    uint8_t pt;
    uint32_t ssrc;
    uint64_t packets, bytes, bitrate_bps, retransmitted_packets;
    int64_t packets_lost;
    double jitter_s, fraction_lost, round_trip_time_s;
    uint64_t nack_count, pli_count, fir_count; /* inbound: sent by us; outbound: received */
    uint64_t key_frames, frames;               /* frame starts seen */
    uint16_t frame_width, frame_height;        /* of the last keyframe that tells (VP8), else 0 */
    uint64_t keyframes_asked, keyframes_sent, keyframes_merged; /* inbound: the requester */
    uint64_t chokes;          /* inbound video: how often the way did not carry it (uplink.h) */
    double late_s;            /* inbound video: how much later than at best its newest frame came */
    uint64_t packets_dropped; /* outbound: for want of a path, or from before a switch */
    struct sfu_slot_state slot; /* outbound video */
};

struct sfu_transport_report {
    struct transport_stats transport;
    struct sfu_rtp_stats *rtp; /* array, mem_free() */
    size_t rtp_count;
};

/* How often transports were over, or silent, for one reason. */
struct sfu_transport_end {
    const char *reason; /* static; the words of the log */
    uint64_t count;
};

#define SFU_MAX_TRANSPORT_ENDS 16 /* reasons told apart; past it they count as the last one */

enum sfu_srtp_count { SFU_SRTP_CM_SHA1_80, SFU_SRTP_GCM_128, SFU_SRTP_GCM_256, SFU_SRTP_COUNT };

struct sfu_totals {
    uint64_t transports, tracks, subscriptions;
    uint64_t transports_in_state[TRANSPORT_STATE_COUNT]; /* now */
    uint64_t transports_opened;                          /* ever */
    uint64_t srtp_negotiated[SFU_SRTP_COUNT]; /* transports that became OPEN, by profile */
    struct sfu_transport_end end[SFU_MAX_TRANSPORT_ENDS];
    size_t end_count;
    /* The counters of all transports there were, those that are gone included; its other members say nothing. */
    struct transport_stats transport;
    /* Of all encodings, those that are gone included. asked: by whoever wants one here; sent: to publishers, repetitions
     * included; merged: asked and not sent, because one was under way; received: keyframes. */
    uint64_t keyframes_asked, keyframes_sent, keyframes_merged, keyframes_received;
    uint64_t keyframe_requests_received; /* PLI and FIR of subscribers */
    uint64_t starts_from_history;        /* subscriptions that needed no keyframe request */
    uint64_t packets_dropped;            /* not forwarded: no path, or from before a switch */
    uint64_t unknown_ssrc;               /* packets of nothing that was negotiated */
    uint64_t
        codec_mismatch; /* packets with a payload type that is not the track's, or a payload that is not its codec's */
    uint64_t
        descriptors_ignored; /* dependency descriptors cut short, or without the structure that they need */
    uint64_t packets_in, packets_forwarded;
    uint64_t encodings_choked; /* of origins: how often viewers had to leave one (uplink.h) */
    uint64_t silence_left_out; /* packets of silent tracks that were handed to nobody */
    uint64_t packets_resent;   /* to viewers who missed them */
    uint64_t replicas;         /* now */
    uint64_t packets_relayed;  /* handed to other workers */
    uint64_t relay_dropped;    /* not handed over: the other worker was behind */
    uint64_t replica_received, replica_unknown; /* from other workers; of no replica here */
};

/** Make the media side. @env is copied; what it points to outlives the sfu. */
MUST_CHECK int sfu_open(struct sfu **out, const struct transport_env *env,
                        const struct sfu_handlers *handlers, void *arg);
/** Close everything that is left. */
void sfu_close(struct sfu **s, uint64_t now_us);

/**
 * Hand on what was received: at the end of each turn.
 *
 * What may still grow within the window stays; for that the sfu wakes up by itself.
 */
void sfu_flush(struct sfu *s, uint64_t now_us);
/** How long packets may wait for others of their frame: 0 when idle, and never more than SFU_MAX_WINDOW_US. */
void sfu_set_window(struct sfu *s, uint64_t window_us);

/** A transport in state NEW. Errors: E_CONFLICT (id or ufrag), E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int sfu_transport_open(struct sfu *s, uint64_t id, const struct ice_credentials *local,
                                  uint64_t consent_timeout_us, const struct log_ids *ids,
                                  uint64_t now_us);
/** The endpoint's side, once. Errors: E_NOT_FOUND, and those of transport_set_remote(). Calls: on_transport_state. */
MUST_CHECK int sfu_transport_set_remote(struct sfu *s, uint64_t id,
                                        const struct remote_transport *remote, uint64_t now_us);
/** New ICE credentials on both sides. Errors: E_NOT_FOUND, and those of transport_restart_ice(). */
MUST_CHECK int sfu_transport_restart_ice(struct sfu *s, uint64_t id,
                                         const struct ice_credentials *local,
                                         const struct ice_credentials *remote, uint64_t now_us);
/** How much the way to the endpoint is estimated to carry; 0: not known, so nothing is held back. */
void sfu_transport_set_estimate(struct sfu *s, uint64_t id, uint64_t bps, uint64_t now_us);
/** The estimate at which its subscriptions would get the next better layer, so what to probe for; 0: nothing more is wanted. */
uint64_t sfu_transport_wanted_bps(const struct sfu *s, uint64_t id);
/** Close it, its tracks and its subscriptions. */
void sfu_transport_close(struct sfu *s, uint64_t id, uint64_t now_us);

/** The endpoint publishes here. @t is copied. Errors: E_NOT_FOUND (transport), E_CONFLICT (id), E_LIMIT. */
MUST_CHECK int sfu_track_open(struct sfu *s, uint64_t id, uint64_t transport_id,
                              const struct transceiver *t, uint64_t now_us);
/** Renegotiated: other payload types, extensions, SSRCs; what flows goes on where it can. */
void sfu_track_update(struct sfu *s, uint64_t id, const struct transceiver *t, uint64_t now_us);
/** Muted by the server: nothing is forwarded, whatever arrives. Unmuting starts at a keyframe. */
void sfu_track_set_muted(struct sfu *s, uint64_t id, bool muted, uint64_t now_us);
/** Its sinks go quiet; a subscription that waited for it carries nothing. */
void sfu_track_close(struct sfu *s, uint64_t id, uint64_t now_us);

/** Somebody beyond this worker needs a keyframe of one of its encodings. */
void sfu_track_ask_keyframe(struct sfu *s, uint64_t id, unsigned encoding, uint64_t now_us);

/** Hand the packets of a track to @peer, where @replica_id is its replica. Errors: E_NOT_FOUND (track), E_CONFLICT (id), E_LIMIT,
 * E_NO_MEMORY. */
MUST_CHECK int sfu_relay_open(struct sfu *s, uint64_t replica_id, uint64_t track_id, void *peer,
                              uint64_t now_us);
/** The same for a mixer, @relay_id: of a picture one encoding, by sfu_relay_set_size(); nothing at first. */
MUST_CHECK int sfu_relay_open_sized(struct sfu *s, uint64_t relay_id, uint64_t track_id, void *peer,
                                    uint64_t now_us);
/** The size that the picture is seen in over there; 0x0: not at all. */
void sfu_relay_set_size(struct sfu *s, uint64_t relay_id, int width, int height, uint64_t now_us);
/** Which encodings the replica's worker wants (bit i: encoding i): others do not cross for long. */
void sfu_relay_set_demand(struct sfu *s, uint64_t replica_id, unsigned wanted, uint64_t now_us);
/** No more. It ends with its track, too. */
void sfu_relay_close(struct sfu *s, uint64_t replica_id, uint64_t now_us);
/**
 * A track of another worker, @origin_id there: subscriptions here take it as any. sfu_track_update(), _set_muted() and _close() are
 * for it, too. Errors: E_CONFLICT (either id), E_LIMIT, E_NO_MEMORY.
 */
MUST_CHECK int sfu_replica_open(struct sfu *s, uint64_t id, uint64_t origin_id,
                                const struct transceiver *t, void *peer);
/** A packet from a relay; the reference is taken. Of a replica that is gone: dropped and counted. */
void sfu_replica_receive(struct sfu *s, struct packet *pkt, uint64_t now_us);
/** What a relay told of the publisher's clock. */
void sfu_replica_set_clock(struct sfu *s, uint64_t id, const struct relay_clock *clock);

/** A slot: an m-section on which we send. It carries nothing until it has a source. @t is copied. Errors: E_NOT_FOUND (transport),
 * E_CONFLICT (id), E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int sfu_subscription_open(struct sfu *s, uint64_t id, uint64_t transport_id,
                                     const struct transceiver *t, uint64_t now_us);
/** Renegotiated: other payload types and extensions. */
void sfu_subscription_update(struct sfu *s, uint64_t id, const struct transceiver *t,
                             uint64_t now_us);
/** What the viewer wants of it, until the next wish; over all its sources. Of video only. */
void sfu_subscription_set_wish(struct sfu *s, uint64_t id, const struct sfu_wish *wish,
                               uint64_t now_us);
/** Switch what flows: a track, or 0 for nothing. Starts at a keyframe, asks for one. */
void sfu_subscription_set_source(struct sfu *s, uint64_t id, uint64_t track_id, uint64_t now_us);
/** The slot ends. */
void sfu_subscription_close(struct sfu *s, uint64_t id, uint64_t now_us);

/** Collect what concerns one transport. Errors: E_NOT_FOUND, E_NO_MEMORY. */
MUST_CHECK int sfu_read_report(struct sfu *s, uint64_t transport_id,
                               struct sfu_transport_report *out, uint64_t now_us);
/** Sum up; walks all transports. */
void sfu_read_totals(const struct sfu *s, struct sfu_totals *out);
/** Append what every transport, track and subscription is doing, for failing tests and debugging. */
void sfu_describe(const struct sfu *s, struct strbuf *out);
