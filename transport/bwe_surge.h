/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_surge.h - a path that suddenly carries much less: seen in two frames' time, where the trend (bwe_trend.h) needs twenty groups.
 *
 * When a line is cut to a fraction, each group of packets waits for tens of milliseconds more than the one before it, and what arrives
 * meanwhile arrives at exactly the rate that is left. So a run of groups with steeply rising delays tells both: that there is a queue,
 * how long it is at the least, and what the path carries. Jitter does not make such a run, as it falls back; nor does a stall: after
 * it delays fall from packet to packet. A burst of ours does, so compare with what is sent on average. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fields are private; zeroed is at rest. */
struct bwe_surge {
    bool has_group, is_seen;
    uint64_t sent_us;                   /* the running group's first packet was sent then */
    int64_t delay_us, before_delay_us;  /* of the fastest packet: of it and of the group before */
    int64_t foot_delay_us;              /* of the group that the run starts from */
    int64_t foot_arrival_us, newest_us; /* of the last packets: of that group, and of all */
    uint64_t bytes;                     /* arrived since the foot */
    unsigned rises;
    uint64_t seen_bps, seen_rise_us;
};

/**
 * Add a packet that arrived; one that was sent before the running group is ignored.
 *
 * Units: @jitter_us how much delays usually differ from group to group.
 */
void bwe_surge_add(struct bwe_surge *s, uint64_t sent_us, int64_t arrival_us, size_t bytes,
                   uint64_t jitter_us);
/** What comes next does not follow on what came: some arrived of which nobody told. */
void bwe_surge_break(struct bwe_surge *s);
/** Whether there was a surge since the last call: the rate at which packets arrived in it, and by how much delays rose. */
bool bwe_surge_take(struct bwe_surge *s, uint64_t *bps, uint64_t *rise_us);
