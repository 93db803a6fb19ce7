/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encoding.h - one encoded form of a track: a RID, an SSRC and its RTX SSRC, with what was received of it.
 *
 * Owner: its track, which embeds it. Members are read by the rest of rooms/sfu, written here and by track.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/deadline.h"
#include "core/limits.h"
#include "core/payload.h"
#include "rooms/sfu/frame_delay.h"
#include "rooms/sfu/history.h"
#include "rooms/sfu/keyframe.h"
#include "rooms/sfu/layer_rates.h"
#include "rooms/sfu/uplink.h"
#include "transport/nack.h"
#include "transport/rtp_recv.h"

struct dependency_state;
struct packet;
struct track;

#define ENCODING_LIVE_US 1000000ull /* packets within this: live */
#define ENCODING_SILENT_US \
    1500000ull /* none for this long while another is live: fall back (sparse screens are not dead) */

struct encoding {
    struct track *track;
    char rid[MAX_RID_LEN + 1];
    uint32_t ssrc, rtx_ssrc; /* 0: not known yet */
    bool is_reporting;       /* recv is in the transport's reports */
    struct rtp_recv recv;
    struct history history;
    struct keyframe_requester keyframes;
    struct deadline keyframe_due;
    struct nack nack; /* what is asked for again */
    struct deadline nack_due;
    uint64_t live_since_us; /* first packet after a silence; 0: none yet */
    uint64_t last_packet_us;
    uint64_t
        relayed_since_us; /* of a replica: when it began to come, at first and each time that it is wanted anew; 0: nothing came yet */
    bool is_present;      /* of a replica: what comes is no history any more, however old it is */
    bool keyframe_is_repaired; /* the newest keyframe began with a retransmission */
    uint64_t seen_sr_us;       /* arrival of the newest SR taken into the transport's clock */
    uint16_t width, height;    /* of the newest keyframe that tells, its highest layer; else 0 */
    struct media_size size[MEDIA_MAX_SPATIAL]; /* of the same keyframe, for each spatial layer */
    uint8_t sizes;
    struct layer_rates rates;             /* video only */
    struct dependency_state *descriptors; /* NULL until one came; of an origin only */
    uint64_t key_frames, frames;
    struct frame_delay delay;                /* video only, as is the rest: uplink.h */
    uint64_t frame_us[UPLINK_SILENT_FRAMES]; /* when its newest frames began to come, a ring */
    uint8_t frame_at;
    uint64_t newest_media_us; /* that was no retransmission */
    uint64_t choked_us;       /* newest sign of it; 0: none yet */
    bool has_stopped;         /* that is the sign */
    uint64_t chokes;
};

/** Put it into its initial state. @track and its transport outlive it. */
void encoding_init(struct encoding *e, struct track *track);
/** Withdraw from reports, timers and the SSRC table. */
void encoding_fini(struct encoding *e);
/** Bind to an SSRC (signalled or learnt); whoever had it loses it, and a change starts the statistics anew. Errors: E_LIMIT,
 * E_NO_MEMORY. */
MUST_CHECK int encoding_bind(struct encoding *e, uint32_t ssrc, bool is_rtx);
/** Of a replica: its origin has another SSRC from now on; the statistics begin anew. */
void encoding_follow(struct encoding *e, uint32_t ssrc);
/** Find out what a media packet tells of itself (pkt->media). Errors: E_MALFORMED. */
MUST_CHECK int encoding_inspect(struct encoding *e, struct packet *pkt);
/** Account a media packet (parsed, inspected). false: do not forward it (duplicate, or a jump that waits for confirmation). */
bool encoding_receive(struct encoding *e, struct packet *pkt, uint64_t now_us);
/** Somebody needs a keyframe: merged, spaced, repeated until it comes. While the SSRC is not known nothing happens: its first
 * packets find out who waits. */
void encoding_ask_keyframe(struct encoding *e, uint64_t now_us);
/** Somebody began with a keyframe that had come as a retransmission: nobody has to be asked for another. */
void encoding_began_with_keyframe(struct encoding *e);
/** Whether packets came lately (ENCODING_LIVE_US). */
bool encoding_is_live(const struct encoding *e, uint64_t now_us);
