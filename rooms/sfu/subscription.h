/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription.h - one slot of one participant: ties a sending m-section to a track, and forwards.
 *
 * A change of source keeps the old one flowing until the new one shows a keyframe (for SUBSCRIPTION_PATIENCE_US at most): two
 * links, of which one is current. A new viewer starts from the history where that serves. Owner: the sfu; lives on the receiving transport. Thread: the worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/deadline.h"
#include "core/list.h"
#include "rooms/sfu/codec_set.h"
#include "rooms/sfu/forwarder.h"
#include "rooms/sfu/layer_filter.h"
#include "rooms/sfu/sfu.h"
#include "rooms/sfu/sink.h"
#include "transport/resend.h"
#include "transport/rtp_send.h"
#include "transport/transceiver.h"

struct pacer_item;
struct sfu;
struct sfu_transport;
struct subscription;
struct viewer_item;

#define SUBSCRIPTION_PATIENCE_US \
    3000000ull /* then the old source stops, whether or not the new one came */
#define SUBSCRIPTION_PLI_US \
    500000ull /* between two keyframe requests of one endpoint that are listened to */

/* One end of a source: a sink that knows its subscription. */
struct source_link {
    struct sink sink;
    struct subscription *sub;
    uint32_t section_version; /* of the track, when the next member was derived; 0: never */
    uint8_t pt
        [MAX_NEGOTIATED_CODECS]; /* ours, by the track's codec index; PT_NONE: cannot be sent here */
    uint32_t told_blocked;       /* a bit for each codec index that was told upwards */
    uint8_t votes;               /* for encodings of its track (demand.h) */
};

/* What is to flow of the source that is wanted. */
struct layer_aim {
    bool is_paused;            /* nothing */
    int8_t encoding;           /* -1: the best that comes */
    uint8_t spatial, temporal; /* in it; LAYER_ALL: whatever it has */
};

#define LAYER_AIM_BEST \
    ((struct layer_aim){.encoding = -1, .spatial = LAYER_ALL, .temporal = LAYER_ALL})

/* What was negotiated for the slot's section. */
struct send_section {
    enum media_kind kind;
    uint8_t mid_len;
    char mid[MAX_MID_LEN + 1];
    struct rtp_ext_ids ext;
    struct codec_set *codecs;
    uint8_t red_pt,
        red_block_pt; /* of redundant audio, and of its blocks; PT_NONE: not negotiated */
};

/* A start from the history, until the live packets are reached. */
struct catchup {
    bool is_on, has_started;
    uint16_t seq;      /* the next packet */
    uint32_t frame_ts; /* the publisher's, of the newest frame sent */
    bool is_switch;    /* something else flowed until then: media time goes on from there */
    uint32_t distance; /* of a switch: forwarder_distance() */
    int64_t
        credit_bytes; /* what may leave now; less than 0 after a packet that was larger than the rest */
    uint64_t credit_us; /* when that was counted */
    uint64_t
        held_us; /* since when it waits for a packet that was asked for again, or, of a switch, for one to come; 0: it does not */
    struct deadline due;
};

struct subscription {
    struct list node; /* in its transport's list */
    uint64_t id;
    struct sfu_transport *owner;
    struct transport *tp; /* the owner's */
    struct send_section section;
    struct source_link link[2];
    unsigned current; /* index of the link that flows; the other one is the next source, if any */
    struct encoding *encoding; /* of the current link's track; NULL: waits for a keyframe */
    uint32_t in_ssrc;          /* the encoding's when it started to flow */
    uint64_t next_since_us;    /* when the next source was set */
    uint64_t pli_us;           /* the newest keyframe request listened to; 0: none */
    struct forwarder forwarder;
    struct layer_filter filter; /* of the encoding that flows */
    struct rtp_send send;
    struct fanout_stream *stream; /* the transport's, of send.ssrc */
    uint8_t flow_pt;              /* ours, of the codec that flows, or flowed last */
    uint8_t sent_pt;              /* of the newest packet: telephone events have one of their own */
    struct catchup catchup;
    /* Layers: what the viewer wants, what it is to get, and what was told of that. */
    struct sfu_wish wish;
    struct layer_aim aim;
    bool
        is_held; /* nothing flows until the keyframe of a lower encoding: the way carries no more */
    struct viewer_item *item; /* NULL: nothing limits it */
    uint16_t ladder_version, ladder_shape;
    struct layer_point seen_point; /* of the filter */
    struct list changed_node;      /* in the sfu's list of those to tell of */
    struct sfu_slot_state told;
    /* Repair: what was sent under which number, and the stream that it is sent again on (RFC 4588). */
    struct resend resend;
    struct fanout_stream *rtx_stream; /* NULL: not negotiated */
    uint32_t rtx_ssrc;
    uint16_t rtx_seq;
    uint16_t source; /* counts starts: numbers from before the latest are not repaired */
    /* What the send clock stands on: which sender report, which offset of the publisher's clock; and when it was set. */
    uint64_t clock_sr_us, clock_set_us;
    int64_t clock_offset_us;
    uint64_t key_frames, frames, packets_dropped;
};

/** Make a slot that carries nothing. Errors: E_NO_MEMORY. */
MUST_CHECK int subscription_new(struct subscription **out, uint64_t id, struct sfu_transport *owner,
                                const struct transceiver *section, uint64_t now_us);
/** Unlink and free at the end of the turn. */
void subscription_close(struct subscription **sub, uint64_t now_us);
/** Renegotiated: what flows goes on where it can. */
void subscription_update(struct subscription *sub, const struct transceiver *section,
                         uint64_t now_us);
/** Switch to a track, or to nothing (NULL). */
void subscription_set_source(struct subscription *sub, struct track *track, uint64_t now_us);
/** Want other layers, or to be paused. Of video only. */
void subscription_set_wish(struct subscription *sub, const struct sfu_wish *wish, uint64_t now_us);
/** Its transport opened (again): start with a keyframe. */
void subscription_restart(struct subscription *sub, uint64_t now_us);
/** The endpoint asks for a keyframe. */
void subscription_keyframe_request(struct subscription *sub, uint64_t now_us);
/** The endpoint misses packets: they are sent again where that is allowed (resend.h). */
void subscription_nack(struct subscription *sub, const uint16_t *seq, size_t n, uint64_t now_us);
/** A packet of it that waited may leave now, or will not; @item is what transport_let_wait() took. */
void subscription_paced(const struct pacer_item *item, uint64_t now_us);
void subscription_pace_dropped(const struct pacer_item *item);
/** Free what is kept for packets to come that have to wait. */
void subscription_pace_fini(struct sfu *s);
/** Send about @bytes besides the media: the newest packets again, or padding. Returns false when it can send neither. */
bool subscription_probe(struct subscription *sub, size_t bytes, uint64_t now_us);
/** The track that flows, or that will. */
struct track *subscription_track(const struct subscription *sub);
