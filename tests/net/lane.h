/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - one direction of a wire: what becomes of a packet between two network namespaces.
 *
 *     push -> [ queue, bounded ] -> bottleneck at its rate -> loss, doubling -> [ delay, jitter ] -> pop
 *
 * A dark lane (a blackout) loses what arrives, what leaves the bottleneck and what would come out. What is lost has used the
 * bottleneck, as on a radio link. Everything that is random comes from the seed. Times are nanoseconds of any one monotonic clock
 * and arguments: a lane reads no clock. They must not go back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attr.h"

#define LANE_NS_PER_US 1000ull
#define LANE_NS_PER_MS 1000000ull
#define LANE_NS_PER_S 1000000000ull

/* Packets that one lane holds: 200 Mb/s for three seconds. More are dropped as by a full queue. */
#define LANE_MAX_PACKETS 65536u
/* Jitter that keeps the order is drawn once for so long: a radio's packets are late together, not each on its own. */
#define LANE_JITTER_SLOT_NS (10 * LANE_NS_PER_MS)

struct lane;

struct lane_settings {
    uint64_t rate_bps;    /* of IP packets; 0: no bottleneck, hence no queue */
    uint64_t queue_bytes; /* what would make the queue longer is dropped; 0: no bound in bytes */
    uint64_t queue_ns;    /* the same, as time at the present rate; 0: no bound in time */
    uint64_t delay_ns;
    uint64_t jitter_ns; /* up to so much more, uniformly */
    bool
        jitter_reorders; /* a jitter for each packet, which may overtake; otherwise see LANE_JITTER_SLOT_NS */
    double loss; /* fraction */
    double
        burst; /* mean length of a run of losses, in packets (Gilbert's model); up to 1: each loss for itself */
    double duplicate; /* fraction */
    double reorder;   /* fraction that is overtaken by what follows within */
    uint64_t reorder_ns;
};

struct lane_counters {
    uint64_t packets_in, bytes_in, packets_out, bytes_out;
    uint64_t dropped_queue, dropped_loss, dropped_dark; /* packets */
    uint64_t duplicated, reordered;
    /* At the moment of asking: */
    uint64_t queue_bytes, queue_ns; /* queue_ns: how long a packet that came now would wait */
    uint64_t packets_held;
};

/** Make a lane: unlimited, without delay, 200 ms of queue once it has a rate. */
MUST_CHECK struct lane *lane_new(uint64_t seed);
/** Free it and what it holds. */
void lane_free(struct lane **l);
/** Begin the random numbers again. */
void lane_seed(struct lane *l, uint64_t seed);
/** Other settings from now on; what waits leaves at the new rate, what is under way arrives as it would have. */
void lane_set(struct lane *l, const struct lane_settings *s, uint64_t now_ns);
const struct lane_settings *lane_settings(const struct lane *l);
/** Be dark until @until_ns (UINT64_MAX: until told otherwise; @now_ns: be light again). */
void lane_darken(struct lane *l, uint64_t now_ns, uint64_t until_ns);

/** Take a packet. */
void lane_push(struct lane *l, const uint8_t *bytes, size_t len, uint64_t now_ns);
/** The next packet that has arrived: its length, 0 when there is none yet. One that does not fit into @cap is cut. */
size_t lane_pop(struct lane *l, uint8_t *out, size_t cap, uint64_t now_ns);
/** When lane_pop() may have something, UINT64_MAX when it holds nothing. */
uint64_t lane_next_ns(const struct lane *l);
/** What happened so far. */
struct lane_counters lane_counters(struct lane *l, uint64_t now_ns);
