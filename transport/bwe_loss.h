/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_loss.h - loss-based control: an upper bound on the rate, from what feedback calls lost.
 *
 * Most loss on the way to a viewer has nothing to do with our rate (a bad radio link); some has (a policer, a short queue that
 * overflows before its delay shows). The draft's controller (draft-ietf-rmcat-gcc-02 s6) cannot tell them apart and starves on
 * the first. This one finds out, by experiment:
 *
 *   open ──loss in excess of the inherent one──▶ question ──as much of a probe is lost: it is inherent──▶ open
 *                                                   │
 *                                 far more of it is lost, or nobody knows
 *                                                   ▼
 *                                                 trying ──it went──▶ bound ──raised step by step, or by a probe──▶ open
 *                                                   │
 *                                                   └─────────it stayed: it is inherent to the path────────────▶ open
 *
 * The question costs nobody anything: a probe of twice the rate of what is sent. What is lost at any rate takes the same share of
 * it; a path that lets no more through than now takes half of it besides. Where that is not clear the rate is lowered to what
 * arrives: if the loss came from too high a rate, that is the capacity, and a rate just below it has no such loss. If it has,
 * the loss is inherent, is remembered as such, and the bound is lifted. In both cases what is weighed is how much likelier
 * the one is than the other, after each packet: few of them decide, and as many as it takes.
 *
 * Only packets that we sent are counted, by the time they were sent: loss upstream cannot show here (send_history.h).
 * Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

struct probe_result;

enum bwe_loss_state { BWE_LOSS_OPEN, BWE_LOSS_TRYING, BWE_LOSS_BOUND };

/** "open", "trying", "bound". */
const char *bwe_loss_state_name(enum bwe_loss_state s);

/* Fields are private. */
struct bwe_loss {
    enum bwe_loss_state state;
    double bound_bps;    /* but in open */
    double inherent;     /* share of packets that are lost at any rate */
    double latest;       /* of the last window */
    double suspect;      /* that makes us ask and try */
    double suspect_runs; /* the same as a share of runs among what may begin one */
    double suspect_sent_bps, suspect_received_bps;
    unsigned excesses; /* windows in a row that had more than the inherent loss */
    struct bwe_loss_question {
        bool is_open, is_asked; /* a probe is to answer it; has begun */
        uint64_t until_us;
    } question;
    bool has_obeyed; /* trying: less than the bound was sent in the last window */
    double evidence; /* trying: logarithm of how much likelier the loss is inherent */
    uint64_t hold_until_us, hold_us, next_hold_us;
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
/** Whether a probe should be sent now to answer where loss comes from; its rate in *bps. */
MUST_CHECK bool bwe_loss_asks(const struct bwe_loss *l, uint64_t *bps);
/** That probe, or another one, has begun. */
void bwe_loss_asked(struct bwe_loss *l);
/** A probe has ended. */
void bwe_loss_probed(struct bwe_loss *l, const struct probe_result *r, uint64_t now_us);
/** The share of packets that gets lost now. */
double bwe_loss_share(const struct bwe_loss *l);
/** The bound; UINT64_MAX: none. */
uint64_t bwe_loss_bound_bps(const struct bwe_loss *l);
/** Whether a probe could raise the bound, or there is none. */
bool bwe_loss_may_probe(const struct bwe_loss *l, uint64_t now_us);
