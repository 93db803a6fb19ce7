/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - a probe cluster: packets that leave at a given rate for a few hundredths of a second, and what arrived of them.
 *
 * Everything that is sent while the cluster runs belongs to it, media included; probe_owed_bytes() says how much is missing to
 * its rate. What went through follows from how far apart the packets that arrived were when they left, and when they came:
 * packets that were lost on the way change nothing of that, unless more of them were lost than always. One at a time.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define PROBE_MIN_PACKETS 5
#define PROBE_MIN_US 30000ull /* a cluster lasts at least so long, */
#define PROBE_MAX_US 90000ull /* and at most, if it has enough packets */
#define PROBE_STEP_US 4000    /* between two portions of padding */

enum probe_state { PROBE_IDLE, PROBE_SENDING, PROBE_WAITING };

/* Fields are private. */
struct probe {
    enum probe_state state;
    uint8_t id; /* never 0 */
    uint64_t rate_bps;
    uint64_t started_us, give_up_us;
    size_t goal_bytes;
    struct probe_side { /* as sent, and as received */
        int64_t first_us, last_us;
        uint64_t bytes;
        uint32_t packets;
        uint32_t first_bytes, last_bytes;
    } sent, received;
    int64_t first_received_sent_us, last_received_sent_us; /* when those left */
    uint32_t lost;                                         /* as feedback says */
    uint16_t last_seq;
    bool is_reported;
};

struct probe_result {
    uint64_t rate_bps; /* what was tried */
    uint64_t bps;      /* what went through; 0: nobody knows */
    bool is_saturated; /* it arrived more slowly than it was sent: that is all there is */
    uint64_t sent_bps; /* the rate at which it left, whatever was tried */
    uint32_t packets_received, packets_lost; /* of those that feedback told of */
};

/** Begin a cluster of @us (PROBE_MIN_US to PROBE_MAX_US; longer on paths with jitter); one that ran is given up. */
void probe_start(struct probe *p, uint64_t rate_bps, uint64_t us, uint64_t now_us);
/** End it without a result. */
void probe_stop(struct probe *p);
/** The cluster that a packet sent now belongs to; 0: none. */
static inline uint8_t probe_cluster(const struct probe *p)
{
    return p->state == PROBE_SENDING ? p->id : 0;
}
/** Count a packet of the cluster. */
void probe_on_sent(struct probe *p, uint16_t seq, size_t bytes, uint64_t now_us);
/** What is to be sent now, besides the media, to hold the rate. */
size_t probe_owed_bytes(const struct probe *p, uint64_t now_us);
/** When to ask again, or to give up (probe_take_result() will say so); UINT64_MAX: idle. */
uint64_t probe_next_us(const struct probe *p);
/** Count a packet of cluster @id that arrived; @was_called_lost by earlier feedback. */
void probe_on_received(struct probe *p, uint8_t id, size_t bytes, uint64_t sent_us,
                       int64_t arrival_us, bool was_called_lost);
/** Count a packet of cluster @id that is called lost. */
void probe_on_lost(struct probe *p, uint8_t id);
/** Feedback told of numbers up to @newest_seq: the cluster is over when that reaches its last one. */
void probe_on_feedback(struct probe *p, uint16_t newest_seq);
/**
 * Whether the cluster has ended, with feedback or too late for it; it is idle then.
 *
 * Units: @inherent_loss is the share of packets that is lost at any rate.
 */
MUST_CHECK bool probe_take_result(struct probe *p, double inherent_loss, uint64_t now_us,
                                  struct probe_result *out);
