/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.h - one direction of a simulated bottleneck: a rate that changes with time, a bounded queue, propagation, jitter, loss,
 * a policer. Packets are sizes only; several flows may share a link. Calls come in the order of time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"

#define LINK_MAX_STEPS 64
#define LINK_MAX_QUEUED 8192

struct link {
    struct link_step {
        uint64_t from_us, bps; /* 0 bps: nothing moves */
    } step[LINK_MAX_STEPS];
    unsigned steps;
    uint64_t queue_us;    /* its bound, as time at the present rate; packets beyond are dropped */
    uint64_t queue_bytes; /* another bound; 0: none */
    uint64_t delay_us;    /* propagation */
    uint64_t jitter_us;   /* uniform, keeps the order */
    uint64_t jitter_slot_us; /* it is drawn anew so often; 0: for each packet */
    uint64_t
        batch_us; /* packets are let go at multiples of this only, as radio links do; 0: at once */
    double loss;  /* of single packets, at any rate */
    double burst_starts, burst_ends;    /* per packet: Gilbert's model, all is lost in a burst */
    uint64_t policed_bps, bucket_bytes; /* 0: no policer */
    uint64_t blocked_from_us, blocked_to_us; /* all that is sent then is lost */
    struct rng rng;
    /* private */
    bool in_burst;
    uint64_t slot, slot_jitter_us;
    double tokens;
    uint64_t policed_us;
    uint64_t busy_until_us, last_arrival_us;
    struct link_queued {
        uint64_t departs_us;
        uint32_t bytes;
    } queued[LINK_MAX_QUEUED];
    size_t first, count;
    uint64_t bytes_queued;
};

/** Prepare a link of constant rate; set the fields that differ. */
void link_init(struct link *l, uint64_t seed, uint64_t bps, uint64_t delay_us, uint64_t queue_us);
/** From @from_us on (later than all steps before) another rate. */
void link_change(struct link *l, uint64_t from_us, uint64_t bps);
/**
 * Send a packet; false when it is lost.
 *
 * Units: *waited_us is what it spent in the queue before its own transmission.
 */
bool link_send(struct link *l, size_t bytes, uint64_t now_us, uint64_t *arrives_us,
               uint64_t *waited_us);
/** The rate at a time. */
uint64_t link_bps(const struct link *l, uint64_t at_us);
/** What the link could have carried in a time, in bytes. */
uint64_t link_capacity_bytes(const struct link *l, uint64_t from_us, uint64_t to_us);
