/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_drain.h - gets rid of a queue that has stopped growing.
 *
 * The trend of the delay says nothing about a queue that only stands. So while packets wait for long, less is sent than the path
 * carries. If the queue stays all the same, it is somebody else's (TCP fills queues as long as they are), and going without
 * would only make room for them: it is left alone for some time then. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Fields are private; zeroed is at rest. */
struct bwe_drain {
    uint64_t since_us; /* 0: not draining */
    uint64_t queue_us, from_us;
    uint64_t alone_until_us, alone_us;
};

/** Go on from how long packets wait now. */
void bwe_drain_update(struct bwe_drain *d, uint64_t queue_us, uint64_t now_us);
/** Whether the queue is being drained: the rate is not to grow. */
static inline bool bwe_drain_is_on(const struct bwe_drain *d)
{
    return d->since_us != 0;
}
/** The share of the rate that is to be sent, 0.5 to 1. */
double bwe_drain_share(const struct bwe_drain *d);
