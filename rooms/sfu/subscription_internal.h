/* SPDX-License-Identifier: Apache-2.0 */
/* subscription_internal.h - what subscription.c (sources, life), subscription_flow.c (packets), subscription_catchup.c (starting from
 * the history), subscription_aim.c (layers) and subscription_state.c (what is told of it) share. */
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
void subscription_promote(struct subscription *sub, uint64_t now_us);
/** Nothing flows and the current source shall: from the history, or else from the next keyframe on. */
void subscription_begin(struct subscription *sub, uint64_t now_us);
/** Ask for what is to start. */
void subscription_ask_keyframe(struct subscription *sub, struct track *t, uint64_t now_us);

/* subscription_aim.c */
/** The encoding of @t, a source of it, that is aimed at. */
struct encoding *subscription_target(const struct subscription *sub, struct track *t);
/** Whether it may start with @e, when that comes before the target does. */
bool subscription_covers(const struct subscription *sub, const struct encoding *e);
/** Have the filter let pass what the aim says of the encoding that flows. */
void subscription_aim_filter(struct subscription *sub);
/** Ask for a keyframe to go from what flows to @e; spaced, so call it as long as that is wanted. */
void subscription_ask_switch(const struct subscription *sub, struct encoding *e, uint64_t now_us);
/** Vote for what the aim says. */
void subscription_vote(struct subscription *sub, uint64_t now_us);
/** Let go of a source, which may be none. */
void subscription_unlink(struct source_link *link, uint64_t now_us);
/** The allocator's outcome. */
void subscription_set_aim(struct subscription *sub, const struct layer_aim *aim, uint64_t now_us);
/** The wanted source is another, or begins anew. */
void subscription_aim_anew(struct subscription *sub, uint64_t now_us);
/** The ladder of @t, a source of it, has another version. */
void subscription_note_ladder(struct subscription *sub, const struct track *t, uint64_t now_us);

/* subscription_state.c */
#define SUBSCRIPTION_NOTHING_TOLD \
    ((struct sfu_slot_state){     \
        .spatial = -1, .temporal = -1, .target_spatial = -1, .target_temporal = -1})
void subscription_read_state(const struct subscription *sub, struct sfu_slot_state *out);
/** Its state may be another: tell later, if so. */
void subscription_changed(struct subscription *sub);
/** The handler of sfu.tell_due; arg is the sfu. */
void subscription_tell_states(struct deadline *d, uint64_t now_us, void *arg);

/** The sink's handlers. */
void subscription_on_burst_soon(const struct sink *s, unsigned ahead);
void subscription_on_burst(struct sink *s, const struct burst *burst, uint64_t now_us);
/** The media time of @to when what flows sent its newest timestamp, through the sender reports of both. false: they do not tell. */
MUST_CHECK bool subscription_reference_ts(const struct subscription *sub, const struct encoding *to,
                                          uint32_t *ref_ts);
/** Take a packet as the first one of what flows from now on. */
void subscription_start(struct subscription *sub, const struct source_link *link,
                        const struct burst_item *item, uint64_t now_us);
/* The numbers and names a packet leaves under. */
struct outgoing {
    struct forwarder_out number;
    uint8_t pt;
    uint32_t ssrc;
    struct fanout_stream *stream;
    struct layer_verdict verdict;
    bool
        is_red; /* with the redundant blocks, which are of block_pt; else the primary block alone */
    uint8_t block_pt;
    bool is_empty; /* it could not be left out any more: neither payload nor descriptor */
    bool
        is_rtx; /* number.seq is the RTX stream's, and the original one goes in front of the payload */
    uint16_t osn;
};

/** Build what is the viewer's own of a packet, behind those already in the run. false: the header is too long. */
bool subscription_add_packet(struct subscription *sub, const struct burst_item *item,
                             const struct outgoing *out);
/** Put the packet that this viewer was sent as @seq into the run once more, on the RTX stream; false when it is not kept. */
bool subscription_add_again(struct subscription *sub, uint16_t seq);
/** Put a packet of what flows into the run, leave it out, or drop and count it. */
void subscription_forward(struct subscription *sub, const struct burst_item *item, uint8_t pt,
                          uint64_t now_us);
/** Of a packet that was built: what reports count. */
static inline size_t subscription_payload_of(const struct rtp_out *out)
{
    return out->head_bytes - out->header_bytes + out->payload_bytes;
}

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
/** Go over to @e, source of @link, from its newest keyframe on, of which nothing is missing: it began with a retransmission, and what
 * belongs to it went by. false: that is too long ago, or incomplete; what flows goes on. */
bool subscription_catchup_switch(struct subscription *sub, const struct source_link *link,
                                 struct encoding *e, uint64_t now_us);
/** Leave it at that. */
void subscription_catchup_stop(struct subscription *sub);
