/* SPDX-License-Identifier: Apache-2.0 */
/*
 * track.h - a published source on its worker: its encodings, and the sinks that consume it.
 *
 * Owner: the sfu; lives on one transport. Members are read by the rest of rooms/sfu, written by track.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "rooms/sfu/burst.h"
#include "rooms/sfu/demand.h"
#include "rooms/sfu/encoding.h"
#include "rooms/sfu/hush.h"
#include "rooms/sfu/levels.h"
#include "rooms/sfu/ladder.h"
#include "rooms/sfu/publisher_clock.h"
#include "rooms/sfu/sink.h"
#include "transport/transceiver.h"

struct sfu;
struct sfu_transport;

/* What calls itself silence and takes more is handed on: publishers there are who know their levels badly. */
#define TRACK_HUSH_MAX_BYTES 40

/* The first packets of an encoding of a replica, and those after it was wanted by nobody, are of its origin's history: those that are so
 * old, in so long a time, until one is not or a viewer has caught up with them. They are kept and not handed on: viewers start from the
 * history at a pace that their way carries. */
#define TRACK_RELAYED_OLD_US 200000ull
#define TRACK_RELAYED_START_US 1000000ull

#define TRACK_REVIEW_US \
    250000ull /* how often the best encoding is chosen anew, and the codec may change */

struct track {
    struct list node; /* in its transport's list */
    uint64_t id;
    struct sfu *sfu;
    struct sfu_transport *owner; /* NULL: a replica of another worker's track */
    void *peer;                  /* of a replica: where its origin is, and the origin's id there */
    uint64_t origin_id;
    const struct publisher_clock *clock;
    struct publisher_clock replica_clock;
    struct transceiver section;
    uint32_t section_version; /* counts renegotiations: what is derived of the section is stale */
    struct encoding encoding[MAX_ENCODINGS];
    uint8_t encoding_count;
    uint8_t kind_of_ext
        [256]; /* enum rtp_ext_kind by the publisher's id; RTP_EXT_KIND_COUNT: not known */
    struct list sinks;
    struct burst burst; /* received, not handed to the sinks yet */
    bool is_muted;      /* by the server */
    int codec_index;    /* of the codec that flows, -1: none yet */
    uint64_t codec_since_us;
    enum codec_id told_codec; /* the newest told upwards */
    int best;                 /* encoding to aim at, -1: none yet */
    uint64_t review_us;
    struct level_meter meter; /* of audio, at its origin */
    struct hush hush;         /* of audio */
    struct ladder ladder;     /* video only */
    uint64_t late_us,
        late_known_us;    /* of the newest frame of any encoding, and when it came: uplink.h */
    uint64_t switch_us;   /* when a keyframe was asked for last, for those who go up */
    struct demand demand; /* what the sinks here want; of the origin also what its replicas do */
    struct deadline demand_due;
};

/** Make a track on a transport; encodings with signalled SSRCs are bound. Errors: E_LIMIT, E_NO_MEMORY. */
MUST_CHECK int track_new(struct track **out, uint64_t id, struct sfu_transport *owner,
                         const struct transceiver *t, uint64_t now_us);
/** Make a replica: its packets come from track_receive_relayed(). Errors: E_NO_MEMORY. */
MUST_CHECK int track_new_replica(struct track **out, uint64_t id, struct sfu *sfu,
                                 uint64_t origin_id, void *peer, const struct transceiver *t);
/** Change a sink's vote (demand.h): a bit for each encoding that it takes. What changes by it is told upwards, or to the origin. */
void track_vote(struct track *t, unsigned from, unsigned to, uint64_t now_us);
/** Tell the sinks, withdraw, free at the end of the turn. */
void track_close(struct track **t, uint64_t now_us);
/** Renegotiated: other payload types, extensions, SSRCs, encodings. */
void track_update(struct track *t, const struct transceiver *section, uint64_t now_us);
/** Nothing is handed to the sinks while it is muted. */
void track_set_muted(struct track *t, bool muted, uint64_t now_us);

/** Link a sink, which is linked nowhere. */
void track_add_sink(struct track *t, struct sink *s);
/** Unlink; fine when it is not linked. */
void track_remove_sink(struct sink *s);

/** One media packet of one of its encodings (RTX already unwrapped). Borrowed; handed to the sinks with the burst. */
void track_receive(struct track *t, struct encoding *e, struct packet *pkt, uint64_t now_us);
/** One packet of a replica, as its origin handed it on. Borrowed. */
void track_receive_relayed(struct track *t, struct packet *pkt, uint64_t now_us);
/** Hand the burst to the sinks now. */
void track_flush(struct track *t, uint64_t now_us);
/** Find the encoding of a RID; NULL when there is none. */
struct encoding *track_find_encoding(struct track *t, const char *rid, size_t rid_len);
/** The encoding to aim at, or the first one while none was live. */
struct encoding *track_best(struct track *t);
/** The one with the smallest picture, as far as keyframes told; else the best. */
struct encoding *track_smallest(struct track *t);
/** What viewers count as a spatial layer: of simulcast the encoding's rank by size, else the layer in the encoding. */
static inline int8_t track_spatial_of(const struct track *t, unsigned encoding, unsigned spatial)
{
    return (int8_t)(t->encoding_count > 1 ? t->ladder.rank[encoding] : spatial);
}

/** The codec that flows; NULL before media arrived. */
const struct negotiated_codec *track_live_codec(const struct track *t);
/** Of the codec that flows; before media arrived, of the first one negotiated. */
uint32_t track_clock_hz(const struct track *t);
