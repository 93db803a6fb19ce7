/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_aimd.h - the delay-based rate: it goes up slowly while the queue does not grow, and down below what arrives when it does
 * (draft-ietf-rmcat-gcc-02 s5.5). Pure.
 *
 * Up: by 8 % a second; where the capacity was seen before, by about a packet a round trip. Not past what half as much again as
 * arrives: what was not tried is not known. Whoever knows more than that tells it with bwe_aimd_set() (a probe).
 * Down: to 85 % of what arrives, once for what was sent before it could have an effect.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/bwe_trend.h"

/* Fields are private. */
struct bwe_aimd {
    double bps;
    double capacity_bps, deviation_bps; /* of what arrived when there was too much; 0: not known */
    uint64_t updated_us, decreased_us;
};

struct bwe_aimd_input {
    enum bwe_usage usage;
    uint64_t judged_sent_us; /* the usage is about packets sent until then */
    uint64_t acked_bps;      /* 0: not known */
    uint64_t
        full_bps; /* what arrived of late when the link was full: the shorter view of the same */
    uint64_t sent_bps;
    uint64_t rtt_us;
    bool hold; /* no growth now */
    bool
        drains; /* less is sent on purpose, and has been for some time: no cut while that arrives */
};

/** Start at a rate. */
void bwe_aimd_init(struct bwe_aimd *a, uint64_t bps);
/** Go on from another rate, up or down, that was measured. */
void bwe_aimd_set(struct bwe_aimd *a, uint64_t bps);
/** Go on from what a feedback said; true when the rate went down. */
bool bwe_aimd_update(struct bwe_aimd *a, const struct bwe_aimd_input *in, uint64_t now_us);
/** The rate. */
uint64_t bwe_aimd_bps(const struct bwe_aimd *a);
