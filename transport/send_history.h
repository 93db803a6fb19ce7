/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_history.h - what was sent to an endpoint, by transport-wide sequence number, and what its feedback says of it
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01, sender's side).
 *
 * Numbers are given out here, so that they are consecutive: a packet that never reached us, because it was lost on its way to
 * us, gets none. Loss upstream can therefore not be mistaken for loss on the way to this endpoint.
 *
 * Pure. Owner: the estimator. Memory: eight bytes for each packet that feedback is still to come for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

struct rtcp_twcc;

struct send_history_stats {
    uint64_t duplicates; /* statuses of what was known to have arrived */
    uint64_t unknown;    /* statuses of numbers never sent, or too old */
    uint64_t forgotten;  /* packets that had to go before feedback told of them */
};

/* Fields are private. */
struct send_history {
    struct sent_packet {
        uint32_t sent_us; /* its lower bits: an entry is SEND_HISTORY_US old at most */
        uint16_t bytes;
        uint8_t cluster;
        uint8_t fate;
    } * at;            /* a ring, indexed by sequence number */
    uint32_t capacity; /* a power of two, or 0 */
    uint32_t count;
    uint16_t next_seq;
    uint16_t told_seq; /* the newest that feedback told of, once there was any */
    bool is_told;
    struct feedback_clock { /* the endpoint's, from the 24 bits on the wire */
        bool started;
        int32_t newest;
        int64_t unwrapped;
    } clock;
    struct send_history_stats stats;
};

/** Start with nothing sent. */
void send_history_init(struct send_history *h);
void send_history_fini(struct send_history *h);
/** Forget what was sent before: feedback about it counts as unknown. The numbers go on. */
void send_history_clear(struct send_history *h);

/**
 * Log a packet and give it its number.
 *
 * Units: @cluster is the probe it belongs to, 0: none. Packets over 65535 bytes there are none.
 * Errors: without memory the oldest one is forgotten; the number is valid always.
 */
uint16_t send_history_add(struct send_history *h, size_t bytes, uint8_t cluster, uint64_t now_us);
/** The number that the next packet will get. */
static inline uint16_t send_history_next_seq(const struct send_history *h)
{
    return h->next_seq;
}

/* One thing that feedback says for the first time. */
struct sent_fate {
    uint16_t seq, bytes;
    uint8_t cluster;
    bool received;
    bool was_called_lost; /* by an earlier feedback, which was wrong */
    uint64_t sent_us;
    int64_t arrival_us; /* of the endpoint's clock; only when received */
};

/* Fields are private. */
struct feedback_walk {
    struct send_history *history;
    const struct rtcp_twcc *feedback;
    size_t next;
    int64_t at_us;
    uint64_t now_us;
};

/** Begin to read a feedback; both are borrowed until the walk ends. */
void feedback_walk_start(struct feedback_walk *w, struct send_history *h,
                         const struct rtcp_twcc *feedback, uint64_t now_us);
/** The next news of a packet that was sent, in the order of numbers; false at the end. What is no news is counted and skipped. */
MUST_CHECK bool feedback_walk_next(struct feedback_walk *w, struct sent_fate *out);
