/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bwe_flow.h - media through an estimator, a pacer and a link to a receiver that gives feedback, and a TCP-like flow to compete
 * with. A clock of its own: bwe_flows_run() goes from event to event.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rng.h"
#include "core/stats.h"
#include "tests/sim/link.h"
#include "transport/bwe.h"
#include "transport/pacer.h"

#define FLOW_MAX_UNDER_WAY 16384
#define FLOW_MAX_FEEDBACKS 64
#define FLOW_FEEDBACK_BYTES 1200
#define FLOW_LAYERS 3

enum flow_source {
    FLOW_LAYERED,  /* the best of three layers that fits the target, as a forwarding server sends */
    FLOW_ADAPTIVE, /* always nearly the target, as an encoder or many layers would */
    FLOW_CONSTANT, /* the middle one of the layers, whatever the target: a broadcast in one quality */
    FLOW_TCP,      /* no media: additive increase, halved on loss, as much as goes */
};

struct flow {
    enum flow_source source;
    const char *name;
    uint64_t layer_bps[FLOW_LAYERS];
    uint64_t start_us, stop_us; /* sends in between */
    uint64_t top_from_us;       /* the publisher sends the lowest layer only until then */
    double feedback_loss;
    uint64_t feedback_delay_us; /* besides the way back */
    /* figures */
    struct histogram queue_us; /* of packets sent since flow_reset_figures() */
    uint64_t bytes_arrived, media_arrived, packets_sent, packets_lost, layer_switches;
    /* the rest is private */
    struct link *link;
    struct rng rng;
    struct bwe *bwe;
    struct pacer pacer;
    struct twcc *twcc;
    int layer, next_layer;
    uint64_t switch_us, may_go_up_us, allocate_us, rtt_us;
    uint64_t frame_us, audio_us;
    bool keyframe_due;
    struct flow_packet {
        uint64_t arrives_us;
        uint16_t seq, bytes;
        bool is_media;
    } under_way[FLOW_MAX_UNDER_WAY]; /* a ring */
    size_t first, count;
    struct flow_feedback {
        uint64_t arrives_us;
        size_t len;
        uint8_t bytes[FLOW_FEEDBACK_BYTES];
    } feedback[FLOW_MAX_FEEDBACKS];
    size_t feedback_first, feedback_count;
    double window; /* TCP: packets */
    bool slow_start;
    uint32_t outstanding;
    uint64_t loss_seen_us; /* UINT64_MAX: none under way */
    uint64_t halved_us;
};

/** Prepare a flow over @link; set the fields that differ before the first run. */
void flow_init(struct flow *f, const char *name, enum flow_source source, struct link *link,
               uint64_t seed, const struct bwe_config *config);
void flow_fini(struct flow *f);
/** Let the flows run until @until_us; *now_us is the clock. @on_step, if any, is called after each event. */
void flows_run(struct flow **flows, size_t n, uint64_t *now_us, uint64_t until_us,
               void (*on_step)(uint64_t now_us, void *arg), void *arg);
/** Begin to measure anew. */
void flow_reset_figures(struct flow *f);
/** The rate that layer @i needs, audio included. */
uint64_t flow_layer_total_bps(const struct flow *f, int i);
