/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.h - rewrites one subscription's packets so that a change of encoding or of source, and what is left out, leave no
 * trace: sequence numbers without gap or step back, timestamps that advance by the real distance, picture ids, TL0PICIDX,
 * KEYIDX and frame numbers that go on.
 *
 * Pure: a source packet's numbers and time in, the outgoing numbers out. Losses and reordering upstream stay visible
 * downstream as they are (same distance), so that the viewer's own repair works; packets from before the last switch are
 * dropped.
 *
 * When pictures are left out (layer_filter.h), what becomes of their numbers is up to what receivers make of a gap:
 *
 *     sequence number      closes up: a gap is a loss
 *     VP8 PictureID        closes up: a receiver waits for what is missing between a picture and the ones it refers to
 *     VP9 PictureID        keeps its gaps: P_DIFF counts pictures, and without it the PictureID is the place in the picture group
 *     frame number (DD)    keeps its gaps: references are distances
 *     TL0PICIDX, KEYIDX    know no gaps: the base layer is never left out
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/packet.h"
#include "core/rtp.h"

struct send_timeline;

#define FORWARDER_RUNS \
    24 /* runs of packets left out that are remembered: 0.8 s at 60 pictures/s, each second one left out */
#define FORWARDER_LATE \
    1024 /* numbers behind the newest that are still mapped: what rtp_recv.h takes */
#define FORWARDER_AHEAD \
    8192 /* numbers ahead of the newest that are loss; past that the source began anew */
#define FORWARDER_CLOCK_ERROR_S \
    1 /* by how much reports and arrivals may disagree about the distance at a switch */

/* What goes out. */
struct forwarder_out {
    uint16_t seq;
    uint32_t ts;
    bool rewrites_ids; /* the three that follow are to be written (payload_rewrite()) */
    uint16_t picture_id;
    uint8_t tl0picidx, keyidx;
    uint16_t frame_number; /* of the dependency descriptor, for a packet that has one */
};

/* Packets left out in a row; what came before them keeps its old distance. */
struct forwarder_run {
    uint16_t first, count; /* source numbers */
    uint16_t pictures;     /* whose ids close up */
};

struct forwarder {
    uint64_t highest_out_us; /* arrival of the packet that carried highest_out_ts */
    uint32_t clock_hz;
    uint32_t ts_offset;
    uint32_t highest_out_ts;
    uint32_t switches, dropped_old;
    uint16_t seq_offset; /* out = in + offset, of the newest */
    uint16_t
        first_in_seq; /* of the current source: what is older came before the switch, or is too late */
    uint16_t highest_in_seq;  /* left out ones included */
    uint16_t highest_map_seq; /* the newest that went out, by its number here */
    uint16_t highest_out_seq;
    /* Ids of the payload and of the dependency descriptor. */
    uint16_t picture_id_offset, highest_picture_id;
    uint16_t frame_number_offset, highest_frame_number;
    uint8_t tl0_offset, highest_tl0, keyidx_offset, highest_keyidx;
    uint16_t highest_in_picture_id;
    uint32_t
        pictures_seen; /* bit i: highest_in_picture_id - i went out, or is left out and counted */
    /* The media packet that was left out as highest_in_seq. */
    bool is_leaving_out, left_out_has_frame_number;
    uint16_t left_out_picture_id, left_out_frame_number;
    uint32_t left_out_ts;
    bool started;
    uint8_t run_count;
    struct forwarder_run run[FORWARDER_RUNS]; /* newest last */
};

/** Start with random first numbers (RFC 3550 s5.1). */
void forwarder_init(struct forwarder *f, uint16_t first_seq, uint32_t first_ts,
                    uint16_t first_picture_id);
/** Go on where another one on the same SSRC ended, whose sequence numbers end in front of @first_seq. */
void forwarder_resume(struct forwarder *f, uint16_t first_seq, const struct send_timeline *from);
/** Where it is now; @out's counts stay. Nothing when it has not begun. */
void forwarder_end(const struct forwarder *f, struct send_timeline *out);
/**
 * Take a packet as the first one of a new source: it and what follows continue our numbering.
 *
 * With @has_ref, @ref_ts is the new source's timestamp at the moment of highest_out_ts, found through sender reports; without,
 * or when it contradicts the arrival times, those decide.
 */
void forwarder_begin(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                     uint32_t clock_hz, bool has_ref, uint32_t ref_ts, uint64_t now_us);
/** The frame that begins with @h, newer than all before, leaves now: its timestamp, and the distance from then on, follow the
 * time that passed and not the publisher's clock. Packets from before are dropped from here on. */
void forwarder_retime(struct forwarder *f, const struct rtp_header *h, uint64_t now_us);
/*
 * A switch to what went by a while ago: a keyframe whose first packet came as a retransmission, and what followed it. Its frames are
 * older than what the viewer was shown. They go out in steps of a tick, and the first one that is newer than that has the distance
 * from then on that it would have had if the switch had been in time.
 */
/** That distance (out - in), by the source's newest packet, which came at @at_us; @has_ref, @ref_ts as with forwarder_begin(). */
uint32_t forwarder_distance(const struct forwarder *f, uint32_t in_ts, bool has_ref,
                            uint32_t ref_ts, uint64_t at_us);
/** Take a packet as the first one of a new source of the same clock rate, though newer ones of it came. */
void forwarder_begin_behind(struct forwarder *f, const struct rtp_header *h,
                            const struct media_info *m, uint32_t distance, uint64_t now_us);
/** The frame that begins with @h, newer than all before of the source, is next: a tick behind them, or at the distance. When that
 * changes, packets from before are dropped from here on. */
void forwarder_squeeze(struct forwarder *f, const struct rtp_header *h, uint32_t distance);
/** Whether frames go out at the distance. */
bool forwarder_has_caught_up(const struct forwarder *f, uint32_t distance);
/** Whether @seq belongs to the numbering of the current source. If not, the source began anew: begin again. */
bool forwarder_follows(const struct forwarder *f, uint16_t seq);
/** Map a packet of the current source. false: it is older than the switch, or was left out; drop it. */
bool forwarder_pass(struct forwarder *f, const struct rtp_header *h, const struct media_info *m,
                    uint64_t now_us, struct forwarder_out *out);
/**
 * Leave out a packet of the current source: later ones close the gap. What is missing between two packets of one picture that
 * are left out, or of two that follow each other, is left out with them.
 *
 * false: newer ones went out already, so the gap cannot be closed; pass it and send it empty (no payload, no descriptor).
 */
MUST_CHECK bool forwarder_leave_out(struct forwarder *f, const struct rtp_header *h,
                                    const struct media_info *m);
