/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay.h - the sink of a track that hands its packets to another worker, where a replica of the track is.
 *
 *   this worker                                        the other worker
 *   track ─▶ relay ─on_relay_packet▶ (ring) ─▶ sfu_replica_receive ─▶ replica (a track) ─▶ its sinks
 *          ◀─ sfu_track_ask_keyframe ◀─ on_replica_keyframe ◀─
 *
 * A mixer takes one encoding of a picture at a time, the smallest that is as large as what it is seen in (relay_set_size()).
 * Another one flows from its next keyframe on.
 *
 * A relay between workers begins with all encodings of a picture; those that nobody over there has wanted for as long as a publisher
 * would be let send them (demand.h) are not handed over, until somebody does or what is wanted does not come. Each begins, at first and again, with what the history
 * holds from its newest keyframe on, so that viewers over there start from it as well.
 *
 * Owner: the sfu. Thread: the worker's. What carries the packets is the owner's of the sfu (sfu_handlers); it never waits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"
#include "core/list.h"
#include "rooms/sfu/demand.h"
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
    /* of one between workers: what is handed over, and when that is to be looked at */
    struct demand demand;
    uint64_t off_us;
    bool hands_over_all; /* something that is wanted does not come */
    uint64_t review_us;
    void *peer; /* the other worker, as the owner of the sfu calls it */
    /* what was told of the clocks */
    uint64_t told_sr_us[MAX_ENCODINGS];
    int64_t told_offset_us;
    /* of one that carries one encoding of a picture */
    bool is_sized;
    int width, height; /* that it is seen in, 0: not at all */
    int flows, aim;    /* encodings; -1: none */
};

/** Begin to relay @t. Errors: E_NO_MEMORY. */
MUST_CHECK int relay_new(struct relay **out, uint64_t id, struct track *t, void *peer,
                         uint64_t now_us);
/** Of one between workers: the encodings that are wanted over there (bit i: encoding i), by which the track's demand moves as well. */
void relay_set_demand(struct relay *r, unsigned wanted, uint64_t now_us);
/** Begin to relay @t to a mixer: sound at once, a picture when relay_set_size() says so. Errors: E_NO_MEMORY. */
MUST_CHECK int relay_new_sized(struct relay **out, uint64_t id, struct track *t, void *peer);
/** The size that the picture is seen in; 0x0: not at all. */
void relay_set_size(struct relay *r, int width, int height, uint64_t now_us);
/** Stop, and free at the end of the turn. */
void relay_close(struct relay **r);
