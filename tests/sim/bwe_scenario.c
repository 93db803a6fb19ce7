/* SPDX-License-Identifier: Apache-2.0 */
/* bwe_scenario.c - a row for each path. What is not set is the default: 4 Mb/s, 25 ms each way, 300 ms of queue. */
#include "tests/sim/bwe_scenario.h"

#include "core/attr.h"

/* ---- paths ---- */

static void good(struct link *l)
{
    (void)l;
}

static void far(struct link *l)
{
    l->delay_us = 150 * MS;
}

static void thin(struct link *l)
{
    l->step[0].bps = 300 * KBPS;
}

static void wide(struct link *l)
{
    l->step[0].bps = 8000 * KBPS;
    l->delay_us = 15 * MS;
}

static void cut_and_back(struct link *l)
{
    link_change(l, BWE_SCENARIO_START_US + 20 * S, 500 * KBPS);
    link_change(l, BWE_SCENARIO_START_US + 40 * S, 4000 * KBPS);
}

static void deep_cut(struct link *l)
{
    l->queue_us = 1500 * MS;
    cut_and_back(l);
}

static void ramp(struct link *l)
{
    for (unsigned i = 1; i <= 20; i++)
        link_change(l, BWE_SCENARIO_START_US + (10 + i) * S, (4000 - i * 175) * KBPS);
    for (unsigned i = 1; i <= 20; i++)
        link_change(l, BWE_SCENARIO_START_US + (35 + i) * S, (500 + i * 175) * KBPS);
}

static void lossy_5(struct link *l)
{
    l->loss = 0.05;
}

static void lossy_10(struct link *l)
{
    l->loss = 0.10;
}

static void bursty(struct link *l)
{
    l->burst_starts = 0.01;
    l->burst_ends = 0.2; /* five packets */
}

static void blocked(struct link *l)
{
    l->blocked_from_us = BWE_SCENARIO_START_US + 20 * S;
    l->blocked_to_us = BWE_SCENARIO_START_US + 21 * S;
}

static void stalled(struct link *l)
{
    link_change(l, BWE_SCENARIO_START_US + 20 * S, 0);
    link_change(l, BWE_SCENARIO_START_US + 21 * S, 4000 * KBPS);
}

static void jittery(struct link *l)
{
    l->jitter_us = 30 * MS;
}

static void radio(struct link *l)
{
    l->jitter_us = 10 * MS;
    l->batch_us = 10 * MS;
    l->loss = 0.01;
}

static void policed(struct link *l)
{
    l->step[0].bps = 20000 * KBPS;
    l->policed_bps = 1200 * KBPS;
    l->bucket_bytes = 20000;
}

static void short_queue(struct link *l)
{
    l->step[0].bps = 1200 * KBPS;
    l->queue_us = 30 * MS;
}

static void shared(struct link *l)
{
    l->step[0].bps = 3000 * KBPS;
}

static void shared_far(struct link *l)
{
    l->step[0].bps = 3000 * KBPS;
    l->delay_us = 75 * MS;
}

static void shared_layers(struct link *l)
{
    l->step[0].bps = 2500 * KBPS;
}

/* As the cell and its other users have it. */
static void cellular(struct link *l)
{
    uint64_t bps = 2000 * KBPS;

    l->delay_us = 35 * MS;
    l->jitter_us = 8 * MS;
    l->batch_us = 5 * MS;
    l->queue_us = 800 * MS;
    for (unsigned i = 1; i < LINK_MAX_STEPS; i++) {
        bps = bps * (60 + rng_below(&l->rng, 100)) / 100;
        bps = MIN(MAX(bps, 700 * KBPS), 5000 * KBPS);
        link_change(l, BWE_SCENARIO_START_US + i * S, bps);
    }
}

static void lossy_15(struct link *l)
{
    l->loss = 0.15;
}

static void late_top(struct flow *f)
{
    f->top_from_us = BWE_SCENARIO_START_US + 20 * S;
}

static void lossy_way_back(struct flow *f)
{
    f->feedback_loss = 0.1;
    f->feedback_delay_us = 50 * MS;
}

static void bad_way_back(struct flow *f)
{
    f->feedback_loss = 0.3;
    f->feedback_delay_us = 100 * MS;
}

/* What layers need, audio included. */
#define TOP_BPS (1748 * KBPS)
#define MID_BPS (548 * KBPS)

const struct bwe_scenario bwe_scenarios[] = {
    {.name = "layers",
     .says = "4 Mb/s, 50 ms: layers",
     .set_up = good,
     .source = FLOW_LAYERED,
     .seconds = 30,
     .from_s = 5,
     .ideal_bps = TOP_BPS,
     .least_used = 0.95,
     .queue_p95_ms = 100,
     .event_bps = TOP_BPS,
     .event_ms = 2000},
    {.name = "far",
     .says = "4 Mb/s, 300 ms: layers",
     .set_up = far,
     .source = FLOW_LAYERED,
     .seconds = 30,
     .from_s = 5,
     .ideal_bps = TOP_BPS,
     .least_used = 0.95,
     .queue_p95_ms = 100,
     .event_bps = TOP_BPS,
     .event_ms = 3000},
    {.name = "adaptive",
     .says = "4 Mb/s, 50 ms: all of the target",
     .set_up = good,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.7,
     .queue_p95_ms = 100},
    {.name = "adaptive-far",
     .says = "4 Mb/s, 300 ms: all of the target",
     .set_up = far,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.6,
     .queue_p95_ms = 100},
    {.name = "wide",
     .says = "8 Mb/s, 30 ms: all of the target",
     .set_up = wide,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.7,
     .queue_p95_ms = 100},
    {.name = "thin",
     .says = "300 kb/s: layers",
     .set_up = thin,
     .source = FLOW_LAYERED,
     .seconds = 60,
     .from_s = 10,
     .ideal_bps = 198 * KBPS,
     .least_used = 0.9,
     .queue_p95_ms = 150},
    {.name = "cut",
     .says = "4 Mb/s, then 500 kb/s; below 500 kb/s: layers",
     .set_up = cut_and_back,
     .source = FLOW_LAYERED,
     .seconds = 40,
     .from_s = 25,
     .ideal_bps = 198 * KBPS,
     .least_used = 0.9,
     .queue_p95_ms = 100,
     .event_s = 20,
     .below = true,
     .event_bps = 500 * KBPS,
     .event_ms = 1500},
    {.name = "back",
     .says = "500 kb/s, then 4 Mb/s; above the top layer: layers",
     .set_up = cut_and_back,
     .source = FLOW_LAYERED,
     .seconds = 70,
     .from_s = 50,
     .ideal_bps = TOP_BPS,
     .least_used = 0.9,
     .queue_p95_ms = 100,
     .event_s = 40,
     .event_bps = TOP_BPS,
     .event_ms = 8000},
    {.name = "cut-adaptive",
     .says = "4 Mb/s, then 500 kb/s; below 500 kb/s: all of the target",
     .set_up = cut_and_back,
     .source = FLOW_ADAPTIVE,
     .seconds = 40,
     .from_s = 25,
     .least_used = 0.6,
     .queue_p95_ms = 130,
     .event_s = 20,
     .below = true,
     .event_bps = 500 * KBPS,
     .event_ms = 1500},
    {.name = "back-adaptive",
     .says = "500 kb/s, then 4 Mb/s; above 1.7 Mb/s: all of the target",
     .set_up = cut_and_back,
     .source = FLOW_ADAPTIVE,
     .seconds = 70,
     .from_s = 50,
     .least_used = 0.7,
     .queue_p95_ms = 100,
     .event_s = 40,
     .event_bps = TOP_BPS,
     .event_ms = 8000},
    {.name = "cut-deep-queue",
     .says = "4 Mb/s, then 500 kb/s, 1.5 s of queue; below 500 kb/s: all of the target",
     .set_up = deep_cut,
     .source = FLOW_ADAPTIVE,
     .seconds = 40,
     .from_s = 27,
     .least_used = 0.6,
     .queue_p95_ms = 150,
     .event_s = 20,
     .below = true,
     .event_bps = 500 * KBPS,
     .event_ms = 1500},
    {.name = "ramp",
     .says = "4 Mb/s to 500 kb/s and back, 20 s each way: all of the target",
     .set_up = ramp,
     .source = FLOW_ADAPTIVE,
     .seconds = 65,
     .from_s = 5,
     .least_used = 0.6,
     .queue_p95_ms = 150},
    {.name = "loss-5",
     .says = "5 % random loss: layers",
     .set_up = lossy_5,
     .source = FLOW_LAYERED,
     .seconds = 60,
     .from_s = 5,
     .ideal_bps = TOP_BPS,
     .least_used = 0.85,
     .queue_p95_ms = 100},
    {.name = "loss-5-adaptive",
     .says = "5 % random loss: all of the target",
     .set_up = lossy_5,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.55,
     .queue_p95_ms = 100},
    {.name = "loss-10",
     .says = "10 % random loss: all of the target",
     .set_up = lossy_10,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.5,
     .queue_p95_ms = 100},
    {.name = "loss-10-layers",
     .says = "10 % random loss both ways: layers",
     .set_up = lossy_10,
     .set_up_flow = lossy_way_back,
     .source = FLOW_LAYERED,
     .seconds = 60,
     .ideal_bps = TOP_BPS,
     .least_used = 0.75,
     .queue_p95_ms = 100},
    {.name = "loss-15-layers",
     .says = "15 % random loss both ways: layers",
     .set_up = lossy_15,
     .set_up_flow = lossy_way_back,
     .source = FLOW_LAYERED,
     .seconds = 60,
     .ideal_bps = TOP_BPS,
     .least_used = 0.7,
     .queue_p95_ms = 100},
    {.name = "loss-bursts",
     .says = "5 % loss in bursts of five: all of the target",
     .set_up = bursty,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.5,
     .queue_p95_ms = 100},
    {.name = "blackout",
     .says = "all is lost for 1 s; above the top layer: layers",
     .set_up = blocked,
     .source = FLOW_LAYERED,
     .seconds = 40,
     .from_s = 23,
     .ideal_bps = TOP_BPS,
     .least_used = 0.9,
     .queue_p95_ms = 100,
     .event_s = 21,
     .event_bps = TOP_BPS,
     .event_ms = 2000},
    {.name = "stall",
     .says = "nothing moves for 1 s; above the top layer: layers",
     .set_up = stalled,
     .source = FLOW_LAYERED,
     .seconds = 40,
     .from_s = 24,
     .ideal_bps = TOP_BPS,
     .least_used = 0.9,
     .queue_p95_ms = 100,
     .event_s = 21,
     .event_bps = TOP_BPS,
     .event_ms = 2000},
    {.name = "late",
     .says = "the better layers come after 20 s; above the top layer: layers",
     .set_up = good,
     .set_up_flow = late_top,
     .source = FLOW_LAYERED,
     .seconds = 40,
     .from_s = 25,
     .ideal_bps = TOP_BPS,
     .least_used = 0.9,
     .queue_p95_ms = 100,
     .event_s = 20,
     .event_bps = TOP_BPS,
     .event_ms = 2000},
    {.name = "cellular",
     .says = "0.7 to 5 Mb/s, another rate each second: all of the target",
     .set_up = cellular,
     .source = FLOW_ADAPTIVE,
     .seconds = 63,
     .from_s = 5,
     .least_used = 0.5,
     .queue_p95_ms = 250},
    {.name = "cellular-layers",
     .says = "0.7 to 5 Mb/s, another rate each second: layers",
     .set_up = cellular,
     .source = FLOW_LAYERED,
     .seconds = 63,
     .from_s = 5,
     .queue_p95_ms = 300,
     .least_used = 0.25},
    {.name = "start-thin",
     .says = "300 kb/s, the first 10 s: layers",
     .set_up = thin,
     .source = FLOW_LAYERED,
     .seconds = 10,
     .queue_p95_ms = 400,
     .least_used = 0.6},
    {.name = "jitter",
     .says = "30 ms of jitter: layers",
     .set_up = jittery,
     .source = FLOW_LAYERED,
     .seconds = 60,
     .from_s = 5,
     .ideal_bps = TOP_BPS,
     .least_used = 0.9,
     .queue_p95_ms = 100},
    {.name = "jitter-adaptive",
     .says = "30 ms of jitter: all of the target",
     .set_up = jittery,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.5,
     .queue_p95_ms = 100},
    {.name = "radio",
     .says = "let go each 10 ms, jitter 10 ms, 1 % loss: all of the target",
     .set_up = radio,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.6,
     .queue_p95_ms = 100},
    {.name = "policer",
     .says = "policed to 1.2 Mb/s: layers",
     .set_up = policed,
     .source = FLOW_LAYERED,
     .seconds = 90,
     .from_s = 10,
     .ideal_bps = MID_BPS,
     .least_used = 0.85,
     .queue_p95_ms = 100},
    {.name = "policer-adaptive",
     .says = "policed to 1.2 Mb/s: all of the target",
     .set_up = policed,
     .source = FLOW_ADAPTIVE,
     .seconds = 90,
     .from_s = 10,
     .ideal_bps = 1200 * KBPS,
     .least_used = 0.6,
     .queue_p95_ms = 100},
    {.name = "short-queue",
     .says = "1.2 Mb/s, 30 ms of queue: all of the target",
     .set_up = short_queue,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.6},
    {.name = "feedback",
     .says = "30 % of feedback lost, 100 ms late: all of the target",
     .set_up = good,
     .set_up_flow = bad_way_back,
     .source = FLOW_ADAPTIVE,
     .seconds = 60,
     .from_s = 10,
     .least_used = 0.6,
     .queue_p95_ms = 100},
    {.name = "constant",
     .says = "a broadcast in one quality of 500 kb/s",
     .set_up = good,
     .source = FLOW_CONSTANT,
     .seconds = 30,
     .from_s = 5,
     .ideal_bps = MID_BPS,
     .least_used = 0.95,
     .queue_p95_ms = 100},
    {.name = "fair",
     .says = "3 Mb/s, 50 ms, shared with another one: all of the target",
     .set_up = shared,
     .source = FLOW_ADAPTIVE,
     .other = FLOW_ADAPTIVE,
     .other_from_s = 10,
     .seconds = 90,
     .from_s = 30,
     .least_used = 0.17,
     .most_used = 0.75,
     .queue_p95_ms = 150},
    {.name = "fair-far",
     .says = "3 Mb/s, 150 ms, shared with another one: all of the target",
     .set_up = shared_far,
     .source = FLOW_ADAPTIVE,
     .other = FLOW_ADAPTIVE,
     .other_from_s = 10,
     .seconds = 90,
     .from_s = 30,
     .least_used = 0.17,
     .most_used = 0.75,
     .queue_p95_ms = 150},
    {.name = "fair-layers",
     .says = "2.5 Mb/s, shared with another one: layers",
     .set_up = shared_layers,
     .source = FLOW_LAYERED,
     .other = FLOW_LAYERED,
     .other_from_s = 10,
     .seconds = 90,
     .from_s = 30,
     .queue_p95_ms = 200,
     .least_used = 0.06,
     .most_used = 0.75},
    {.name = "tcp",
     .says = "3 Mb/s, shared with a TCP-like flow: all of the target",
     .set_up = shared,
     .source = FLOW_ADAPTIVE,
     .other = FLOW_TCP,
     .other_from_s = 10,
     .seconds = 90,
     .from_s = 30,
     .least_used = 0.10},
};

const size_t bwe_scenario_count = ARRAY_LEN(bwe_scenarios);
