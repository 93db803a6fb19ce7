/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_delay.h - from packets with the times of sending and arrival to what the queue on their way does.
 *
 * Packets sent together make a group (draft-ietf-rmcat-gcc-02 s5.2). The delay of a group is that of its fastest packet, not of
 * its last one as in the draft: a frame leaves us as one burst, whose own length would otherwise look like a queue. The trend of
 * these delays tells whether the queue grows, their distance from the least delay of late how long it is. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/bwe_trend.h"

/* Fields are private. */
struct bwe_delay {
    struct bwe_group {
        uint64_t first_sent_us, last_sent_us;
        int64_t first_arrival_us, last_arrival_us;
        int64_t delay_us; /* of its fastest packet; the clocks' distance is in it */
    } group, before;
    bool has_group, has_before;
    int64_t origin_us; /* of the trend's arrivals */
    struct bwe_least { /* the least delay of late: of the running epoch, and of the one before */
        bool is_known;
        int64_t now_us, before_us, since_us;
    } base, recent;
    bool has_old_base;
    int64_t old_base_us; /* the least delay before the way became longer */
    struct bwe_trend trend;
    uint64_t judged_sent_us; /* the latest group that the verdict knows was sent then */
    uint64_t restarts;
    int64_t jitter_us;
};

/** Start with nothing known. */
void bwe_delay_init(struct bwe_delay *d);
/** Forget all delays, as after a change of path. */
void bwe_delay_restart(struct bwe_delay *d);
/** Add a packet that arrived; one sent before the running group is ignored. */
void bwe_delay_add(struct bwe_delay *d, uint64_t sent_us, int64_t arrival_us);
/** The way became longer by @by_us all at once: what is added from now on is not compared with what came before. */
void bwe_delay_step(struct bwe_delay *d, int64_t by_us);
/** It had not: it is compared after all. */
void bwe_delay_step_back(struct bwe_delay *d);
/** What the trend says. */
enum bwe_usage bwe_delay_usage(const struct bwe_delay *d);
/** How long packets wait, in the last quarter of a second at the least: jitter is not in it. */
uint64_t bwe_delay_queue_us(const struct bwe_delay *d);
/** How much the delay differs from group to group, on average. */
uint64_t bwe_delay_jitter_us(const struct bwe_delay *d);
