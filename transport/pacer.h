/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pacer.h - spreads bursts: what leaves for one endpoint stays near its target rate over some hundredths of a second.
 *
 * Nearly always a packet goes straight through: pacer_passes() is a comparison and a multiplication. Only when more left than
 * PACER_FACTOR times the target for PACER_BURST_US do packets wait: retransmissions before video, each in order. Audio never
 * waits; padding is sent only when nothing does. A packet waits PACER_MAX_DELAY_US at most, whatever the rate: the queue
 * drains faster the older it is. A pacer is no policer; that less is sent is the allocator's business.
 *
 * The items are the caller's, and so is what they point to. Probes do not go through here: they are faster on purpose.
 * Pure. Owner: the transport. Memory: only while packets wait (MAX_PACED_PACKETS, MAX_PACED_BYTES).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define PACER_FACTOR_PERCENT 250
#define PACER_BURST_US 40000ull
#define PACER_MAX_DELAY_US 150000ull

enum pacer_priority { PACER_AUDIO, PACER_RETRANSMISSION, PACER_VIDEO, PACER_PADDING };

struct pacer_item {
    void *owner; /* pacer_remove_owner() finds it by that */
    void *what;  /* such as a counted packet */
    uint64_t arg;
    uint16_t bytes;
    uint8_t priority;
};

struct pacer_stats {
    uint64_t queued, dropped; /* packets ever */
    uint64_t longest_wait_us;
    size_t waiting_packets, waiting_bytes;
};

/* Fields are private. */
struct pacer {
    uint64_t busy_until_ns; /* when all that left would have left at the pacing rate */
    uint32_t ns_per_byte;   /* 0: no rate is known */
    uint16_t waiting;
    uint16_t capacity;
    struct pacer_slot *slot;
    uint16_t free; /* list of slots */
    struct pacer_fifo {
        uint16_t first, last;
    } fifo[PACER_PADDING];
    uint64_t pulled_us;
    struct pacer_stats stats;
    void (*on_dropped)(const struct pacer_item *item, void *arg);
    void *arg;
};

/** Start with nothing waiting and no rate: everything passes. @on_dropped gets back each item that will not be pulled. */
void pacer_init(struct pacer *p, void (*on_dropped)(const struct pacer_item *item, void *arg),
                void *arg);
/** Calls: on_dropped for all that wait. */
void pacer_fini(struct pacer *p);
/** Follow the target rate; 0: no rate. */
void pacer_set_target(struct pacer *p, uint64_t target_bps);

/** Whether a packet may leave at once; it is counted then. */
static inline bool pacer_passes(struct pacer *p, enum pacer_priority priority, size_t bytes,
                                uint64_t now_us)
{
    uint64_t now_ns = now_us * 1000;

    if (UNLIKELY(priority != PACER_AUDIO &&
                 (p->waiting > 0 || p->busy_until_ns > now_ns + PACER_BURST_US * 1000)))
        return false;
    p->busy_until_ns = MAX(p->busy_until_ns, now_ns) + bytes * p->ns_per_byte;
    return true;
}

/**
 * Let wait what did not pass.
 *
 * Returns false when it does not wait (padding, or no room or memory): it was not taken, and counts as dropped.
 * Calls: on_dropped for others that had to make room; the oldest retransmissions go first.
 */
MUST_CHECK bool pacer_push(struct pacer *p, const struct pacer_item *item, uint64_t now_us);
/** The next packet that is to leave now; it is counted. */
MUST_CHECK bool pacer_pull(struct pacer *p, struct pacer_item *out, uint64_t now_us);
/** When to pull; UINT64_MAX: nothing waits. */
uint64_t pacer_next_us(const struct pacer *p);
/** Take out what is @owner's. Calls: on_dropped for each. */
void pacer_remove_owner(struct pacer *p, const void *owner);
/** Copy the figures. */
void pacer_read_stats(const struct pacer *p, struct pacer_stats *out);
