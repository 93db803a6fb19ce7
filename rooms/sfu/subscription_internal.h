/* SPDX-License-Identifier: Apache-2.0 */
/* subscription_internal.h - what subscription.c (sources, life), subscription_flow.c (packets) and subscription_catchup.c (starting
 * from the history) share. */
#pragma once

#include <stdbool.h>

#include "rooms/sfu/sfu_internal.h"
#include "rooms/sfu/subscription.h"
#include "rooms/sfu/track.h"

static inline struct source_link *subscription_current(struct subscription *sub)
{
    return &sub->link[sub->current];
}

static inline struct source_link *subscription_next(struct subscription *sub)
{
    return &sub->link[sub->current ^ 1u];
}

static inline bool subscription_is_video(const struct subscription *sub)
{
    return sub->section.kind == MEDIA_VIDEO;
}

static inline bool subscription_is_open(const struct subscription *sub)
{
    return transport_state(sub->owner->tp) == TRANSPORT_OPEN;
}

/** Nothing flows until a keyframe comes. */
void subscription_stop(struct subscription *sub);
/** The next source takes the place of the current one. */
void subscription_promote(struct subscription *sub);

/** The sink's handler. */
void subscription_on_burst(struct sink *s, const struct burst *burst, uint64_t now_us);
/** Take a packet as the first one of what flows from now on. */
void subscription_start(struct subscription *sub, const struct source_link *link,
                        const struct burst_item *item, uint64_t now_us);
/* The numbers and names a packet leaves under. */
struct outgoing {
    struct forwarder_out number;
    uint8_t pt;
    uint32_t ssrc;
    struct fanout_stream *stream;
    bool
        is_rtx; /* number.seq is the RTX stream's, and the original one goes in front of the payload */
    uint16_t osn;
};

/** Build what is the viewer's own of a packet, behind those already in the run. false: the header is too long. */
bool subscription_add_packet(struct subscription *sub, const struct burst_item *item,
                             const struct outgoing *out);
/** Put the packet that this viewer was sent as @seq into the run once more, on the RTX stream; false when it is not kept. */
bool subscription_add_again(struct subscription *sub, uint16_t seq);
/** Put a packet of what flows into the run, or drop and count it. */
void subscription_forward(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                          uint64_t now_us);
/** Send the run. */
void subscription_send_run(struct subscription *sub, uint64_t now_us);
/** Account media packets that left. */
void subscription_count_sent(struct subscription *sub, size_t n, size_t payload_bytes,
                             uint64_t now_us);
/** Send the run, which is not media of its own: it counts in no sender report. */
void subscription_send_repair(struct subscription *sub, uint64_t now_us);
/** Set the line between our timestamps and wall time anew. */
void subscription_set_clock(struct subscription *sub, const struct encoding *e, uint32_t in_ts,
                            uint64_t now_us);

/** Of the run's packets, from the first on: how many may leave now; the others wait, or are dropped and counted. */
size_t subscription_pace(struct subscription *sub, const struct send_run *run, uint64_t now_us);

/** Prepare what subscription_catchup.c keeps. */
void subscription_catchup_init(struct subscription *sub);
/** Start from the newest keyframe in the history of @e, when that serves: it is paced, then live packets follow. */
bool subscription_catchup_start(struct subscription *sub, struct encoding *e, uint64_t now_us);
/** Leave it at that. */
void subscription_catchup_stop(struct subscription *sub);
