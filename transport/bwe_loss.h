/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_loss.h - loss-based control: an upper bound on the rate, from what feedback calls lost.
 *
 * Most loss on the way to a viewer has nothing to do with our rate (a bad radio link); some has (a policer, a short queue that
 * overflows before its delay shows). The draft's controller (draft-ietf-rmcat-gcc-02 s6) cannot tell them apart and starves on
 * the first. This one asks, by experiment:
 *
 *   open ──loss in excess of the inherent one──▶ trying ──it went──▶ bound ──raised step by step, or by a probe──▶ open
 *     ▲                                            │
 *     └──it stayed: it is inherent to the path─────┘
 *
 * If the loss came from too high a rate, the capacity is what arrived; a rate just below that has no such loss. If it has, the loss
 * is inherent, is remembered as such, and the bound is lifted. The experiment costs the lost share of the rate for a third of a
 * second and a round trip. Loss while the queue is long needs no experiment.
 *
 * Only packets that we sent are counted, by the time they were sent: loss upstream cannot show here (send_history.h).
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum bwe_loss_state { BWE_LOSS_OPEN, BWE_LOSS_TRYING, BWE_LOSS_BOUND };

/** "open", "trying", "bound". */
const char *bwe_loss_state_name(enum bwe_loss_state s);

/* Fields are private. */
struct bwe_loss {
    enum bwe_loss_state state;
    double bound_bps;  /* but in open */
    double inherent;   /* share of packets that are lost at any rate */
    double latest;     /* of the last window */
    double suspect;    /* that makes us try */
    unsigned excesses; /* windows in a row that had more than the inherent loss */
    bool has_obeyed;   /* trying: less than the bound was sent in the last window */
    uint64_t hold_until_us, hold_us;
    struct bwe_loss_window { /* packets sent from then on */
        uint64_t since_us, last_sent_us;
        uint64_t bytes_received;
        uint32_t packets, lost, runs; /* of losses one behind the other */
        bool in_run;
    } window;
};

/** Start open. */
void bwe_loss_init(struct bwe_loss *l);
/** Count what became of a packet, in the order of numbers. */
void bwe_loss_add(struct bwe_loss *l, uint64_t sent_us, unsigned bytes, bool received);
/** A packet that was counted as lost has arrived after all. */
void bwe_loss_take_back(struct bwe_loss *l, uint64_t sent_us, unsigned bytes);
/** Forget the running window: the link was gone, which is no matter of rates. */
void bwe_loss_skip(struct bwe_loss *l, uint64_t now_us);
/**
 * Go on from what a feedback said.
 *
 * Units: @rate_bps is what the others allow now; @queue_us how long packets wait.
 */
void bwe_loss_update(struct bwe_loss *l, uint64_t rate_bps, uint64_t queue_us, uint64_t now_us);
/** A probe went through at @bps. */
void bwe_loss_probed(struct bwe_loss *l, uint64_t bps, uint64_t now_us);
/** The bound; UINT64_MAX: none. */
uint64_t bwe_loss_bound_bps(const struct bwe_loss *l);
/** Whether a probe could raise the bound, or there is none. */
bool bwe_loss_may_probe(const struct bwe_loss *l, uint64_t now_us);
