/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_internal.h - the estimator's own state, for bwe.c and bwe_stats.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "transport/bwe.h"
#include "transport/bwe_acked.h"
#include "transport/bwe_aimd.h"
#include "transport/bwe_delay.h"
#include "transport/bwe_drain.h"
#include "transport/bwe_step.h"
#include "transport/bwe_surge.h"
#include "transport/probe.h"
#include "transport/probe_plan.h"
#include "transport/send_history.h"

struct bwe {
    struct bwe_config config;
    uint64_t target_bps, deadline_us;
    struct send_history history;
    struct bwe_acked acked;
    struct bwe_step step;
    struct bwe_delay delay;
    struct bwe_surge surge;
    uint64_t surge_us, surge_queue_us; /* the last one that counted; the queue was so long then */
    struct bwe_aimd aimd;
    struct bwe_drain drain;
    struct bwe_loss loss;
    struct probe probe;
    struct probe_plan plan;
    uint64_t probe_shadow_us; /* delays of what was sent until then are the probe's */
    uint64_t rtt_us;
    uint64_t remb_bps, remb_until_us;
    bool has_feedback;
    uint64_t newest_received_us; /* was sent then */
    uint64_t silence_due_us;     /* UINT64_MAX: all that was sent was told of */
    uint64_t last_sent_us;
    unsigned halvings; /* of the target, in silence */
    uint64_t sent_bps, sent_noted_bytes, sent_noted_us;
    uint64_t bytes_sent[BWE_KINDS], packets_lost;
    uint64_t feedbacks, cuts, silences, probes, probes_through;
};

/** Whether much less is sent than the target allows: the rate of what is sent says nothing of the path then. */
bool bwe_is_app_limited(const struct bwe *b);
