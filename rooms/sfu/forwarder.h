/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forwarder.h - rewrites one subscription's packets so that a change of encoding or of source leaves no trace: sequence
 * numbers without gap or step back, timestamps that advance by the real distance, VP8 picture ids continuous.
 *
 * Pure: a source packet's numbers and time in, the outgoing numbers out. Losses and reordering upstream stay visible
 * downstream as they are (same distance), so that the viewer's own repair works; packets from before the last switch are
 * dropped.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/payload_vp8.h"
#include "core/rtp.h"

#define FORWARDER_SKIPS 32 /* packets left out that are remembered */
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
    bool rewrites_vp8;
    uint16_t picture_id;
    uint8_t tl0picidx, keyidx;
};

struct forwarder {
    bool started;
    uint32_t clock_hz;
    uint16_t seq_offset; /* out = in + offset */
    uint32_t ts_offset;
    uint16_t
        first_in_seq; /* of the current source: what is older came before the switch, or is too late */
    uint16_t highest_in_seq; /* left out ones included */
    uint16_t highest_out_seq;
    uint32_t highest_out_ts;
    uint64_t highest_out_us; /* arrival of the packet that carried highest_out_ts */
    /* VP8 */
    bool vp8;
    uint16_t picture_id_offset, highest_picture_id;
    uint8_t tl0_offset, highest_tl0, keyidx_offset, highest_keyidx;
    /* Packets left out on purpose, newest last: late ones from before them keep their old distance. */
    uint16_t skipped[FORWARDER_SKIPS];
    uint8_t skipped_count;
    uint64_t switches, dropped_old;
};

/** Start with random first numbers (RFC 3550 s5.1). */
void forwarder_init(struct forwarder *f, uint16_t first_seq, uint32_t first_ts,
                    uint16_t first_picture_id);
/**
 * Take a packet as the first one of a new source: it and what follows continue our numbering.
 *
 * With @has_ref, @ref_ts is the new source's timestamp at the moment of highest_out_ts, found through sender reports; without,
 * or when it contradicts the arrival times, those decide. @vp8 may be NULL.
 */
void forwarder_switch(struct forwarder *f, const struct rtp_header *h, uint32_t clock_hz,
                      const struct vp8_descriptor *vp8, bool has_ref, uint32_t ref_ts,
                      uint64_t now_us);
/** The frame that begins with @h, newer than all before, leaves now: its timestamp, and the distance from then on, follow the
 * time that passed and not the publisher's clock. Packets from before are dropped from here on. */
void forwarder_retime(struct forwarder *f, const struct rtp_header *h, uint64_t now_us);
/** Whether @seq belongs to the numbering of the current source. If not, the source began anew: switch. */
bool forwarder_follows(const struct forwarder *f, uint16_t seq);
/** Map a packet of the current source. false: it is older than the switch, or was left out; drop it. */
bool forwarder_map(struct forwarder *f, const struct rtp_header *h,
                   const struct vp8_descriptor *vp8, uint64_t now_us, struct forwarder_out *out);
/** Leave out a packet of the current source (padding only): later ones close the gap. false: newer ones went out already, so the
 * gap cannot be closed; map and send it (empty) instead. */
MUST_CHECK bool forwarder_skip(struct forwarder *f, uint16_t seq);
