/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - the sink of a track that hands its packets to another worker, where a replica of the track is.
 *
 *   this worker                                        the other worker
 *   track ─▶ relay ─on_relay_packet▶ (ring) ─▶ sfu_replica_receive ─▶ replica (a track) ─▶ its sinks
 *          ◀─ sfu_track_ask_keyframe ◀─ on_replica_keyframe ◀─
 *
 * It begins with what the history holds from the newest keyframe on, so that viewers over there start from it as well. Owner: the
 * sfu. Thread: the worker's. What carries the packets is the owner's of the sfu (sfu_handlers); it never waits.
 */
#pragma once

#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "rooms/sfu/sink.h"
#include "transport/transceiver.h"

struct sfu;
struct track;

struct relay {
    struct list node; /* in the sfu's list */
    struct sink sink;
    struct sfu *sfu;
    uint64_t id;    /* the replica's */
    unsigned votes; /* what is wanted over there (demand.h) */
    void *peer;     /* the other worker, as the owner of the sfu calls it */
    /* what was told of the clocks */
    uint64_t told_sr_us[MAX_ENCODINGS];
    int64_t told_offset_us;
};

/** Begin to relay @t. Errors: E_NO_MEMORY. */
MUST_CHECK int relay_new(struct relay **out, uint64_t id, struct track *t, void *peer);
/** Stop, and free at the end of the turn. */
void relay_close(struct relay **r);
