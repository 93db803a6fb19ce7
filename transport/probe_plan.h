/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe_plan.h - when to probe, and for which rate.
 *
 * A server that forwards layers sends less than the path can carry most of the time, and what is not sent is not measured. So it
 * probes: at the start; when whoever allocates could use more than the estimate (the want), step by step and with growing pauses
 * while there is no more; after a cut and after an outage, to learn whether they have passed. Nobody wants more: no probe.
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/probe.h"

/* Fields are private. */
struct probe_plan {
    uint64_t want_bps;    /* UINT64_MAX: nobody said */
    uint64_t tried_bps;   /* the want of the last cluster */
    uint64_t recover_bps; /* the rate to try next, whatever the estimate; 0: none */
    uint64_t next_us;     /* the next cluster at the earliest */
    uint64_t pause_us;
    uint64_t raised_us,
        doubt_us; /* the last probe that raised the estimate, and the pause for having been wrong */
    uint64_t carried_bps, carried_us; /* before a cut, and when: the path may do so again */
    bool has_started;
};

/** Start before the first packet: nothing is due until probe_plan_start(). */
void probe_plan_init(struct probe_plan *p);
/** Packets leave from now on. */
void probe_plan_start(struct probe_plan *p, uint64_t now_us);
/** What could be used. One that is clearly more than the last one that was tried for is probed for soon. */
void probe_plan_want(struct probe_plan *p, uint64_t bps, uint64_t now_us);
/** When a cluster is due; UINT64_MAX: not as long as the estimate is @estimate_bps. */
uint64_t probe_plan_due_us(const struct probe_plan *p, uint64_t estimate_bps);
/** The rate of the cluster to begin now. */
uint64_t probe_plan_take(struct probe_plan *p, uint64_t estimate_bps, uint64_t max_bps,
                         uint64_t now_us);
/** A cluster ended, while the estimate was @estimate_bps: when that has gone up clearly, the next step may follow at once. */
void probe_plan_on_result(struct probe_plan *p, const struct probe_result *r, uint64_t estimate_bps,
                          uint64_t now_us);
/**
 * The estimate was cut: wait until the queue has gone. When a probe had raised it just before, that probe was wrong (it pushed
 * others aside for a moment, or went through on the credit of a policer), and the next one is put off twice as long each time.
 * While the path has carried far more than @estimate_bps within the last minute, probes follow on each other faster.
 *
 * Units: @before_bps is the estimate before the cut, @estimate_bps the one after it.
 */
void probe_plan_on_cut(struct probe_plan *p, uint64_t before_bps, uint64_t estimate_bps,
                       uint64_t now_us);
/** The path is back after an outage; it carried @bps before. */
void probe_plan_recover(struct probe_plan *p, uint64_t bps, uint64_t now_us);
