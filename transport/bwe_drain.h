/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_drain.h - gets rid of a queue that has stopped growing.
 *
 * The trend of the delay says nothing about a queue that only stands. So while packets wait for long, less is sent than the path
 * carries. If the queue stays all the same, it is left alone for some time. A long one is somebody else's then (TCP fills queues as
 * long as they are), and going without would only make room for them. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Fields are private; zeroed is at rest. */
struct bwe_drain {
    uint64_t since_us; /* 0: not draining */
    uint64_t queue_us, longest_us;
    uint64_t rest_until_us; /* it was of no use */
    bool is_foreign;
};

/** Go on from how long packets wait now. */
void bwe_drain_update(struct bwe_drain *d, uint64_t queue_us, uint64_t now_us);
/** Whether the queue is being drained: the rate is not to grow. */
static inline bool bwe_drain_is_on(const struct bwe_drain *d)
{
    return d->since_us != 0;
}
/** Whether it has been for so long that what arrives is what was sent meanwhile. */
bool bwe_drain_has_effect(const struct bwe_drain *d, uint64_t rtt_us, uint64_t now_us);
/** Whether the queue is somebody else's: delay says nothing of our own rate then. */
bool bwe_drain_is_foreign(const struct bwe_drain *d, uint64_t now_us);
/** The share of the rate that is to be sent, 0.5 to 1. */
double bwe_drain_share(const struct bwe_drain *d);
