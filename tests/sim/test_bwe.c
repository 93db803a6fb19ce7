/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_bwe.c - the estimator against simulated paths.
 *
 *   test_bwe                 every scenario, with bounds
 *   test_bwe --table         the figures as the Markdown table of docs/bandwidth.md, over many seeds
 *   test_bwe --trace NAME    one scenario as a line each quarter of a second
 *   TEST_SEED=N              another course of chance (bounds hold for all that were tried)
 */
#include "tests/unit/core/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/attr.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/str.h"
#include "tests/sim/bwe_flow.h"

#define MS 1000ull
#define S 1000000ull
#define KBPS 1000ull
#define SAMPLE_US (20 * MS)
#define MAX_SAMPLES 6000
#define START_US S

/* What a scenario is, and what is expected of it. Times are since its start. */
struct scenario {
    const char *name, *says;
    enum flow_source source;
    unsigned seconds, from_s; /* measured from then on */
    void (*set_up)(struct link *l);
    void (*set_up_flow)(struct flow *f);
    enum flow_source other; /* competes, when other_from_s > 0 */
    unsigned other_from_s;
    uint64_t ideal_bps;           /* utilisation is of that; 0: of the link's capacity */
    double least_used, most_used; /* share; 0: any */
    unsigned queue_p95_ms;        /* at most; 0: any */
    unsigned event_s;             /* after which the target is to come below or above event_bps */
    bool below;
    uint64_t event_bps;
    unsigned event_ms; /* within */
};

struct outcome {
    double used, lost, other_share;
    uint64_t queue_p95_us, event_us, first_full_us;
    uint64_t switches, probes, cuts;
    size_t memory_bytes;
};

static uint64_t seed = 1;
static bool is_tracing;
static struct link link_there;
static struct flow flow, other_flow;

static struct run {
    const struct scenario *scenario;
    size_t samples;
    uint64_t target_bps[MAX_SAMPLES];
    uint64_t next_sample_us, next_line_us;
    bool is_measuring;
} run;

static void trace(uint64_t now_us)
{
    struct strbuf line;

    if (!is_tracing || now_us < run.next_line_us)
        return;
    run.next_line_us = now_us + 250 * MS;
    strbuf_init(&line, 1000);
    bwe_describe(flow.bwe, &line);
    printf("%6.2f link=%" PRIu64 " layer=%d %s\n", (double)(now_us - START_US) / 1e6,
           link_bps(&link_there, now_us) / 1000, flow.layer, line.p);
    strbuf_fini(&line);
}

static void on_step(uint64_t now_us, void *arg)
{
    (void)arg;
    trace(now_us);
    if (now_us >= run.next_sample_us && run.samples < MAX_SAMPLES) {
        run.target_bps[run.samples++] = bwe_target_bps(flow.bwe);
        run.next_sample_us += SAMPLE_US;
    }
    if (!run.is_measuring && now_us >= START_US + run.scenario->from_s * S) {
        run.is_measuring = true;
        flow_reset_figures(&flow);
        flow_reset_figures(&other_flow);
    }
}

/* The first time after @after_s that the target is as it should be; UINT64_MAX: never. */
static uint64_t when(unsigned after_s, bool below, uint64_t bps)
{
    for (size_t i = after_s * S / SAMPLE_US; i < run.samples; i++) {
        if (below ? run.target_bps[i] < bps : run.target_bps[i] >= bps)
            return i * SAMPLE_US - after_s * S;
    }
    return UINT64_MAX;
}

static struct outcome figures(const struct scenario *sc, uint64_t end_us)
{
    uint64_t from_us = START_US + sc->from_s * S;
    double ideal = sc->ideal_bps > 0 ? (double)sc->ideal_bps / 8 * (double)(end_us - from_us) / 1e6
                                     : (double)link_capacity_bytes(&link_there, from_us, end_us);
    struct bwe_stats stats;

    bwe_read_stats(flow.bwe, &stats);
    return (struct outcome){
        .used = (double)flow.media_arrived / ideal,
        .other_share = sc->other_from_s > 0 ? (double)other_flow.media_arrived / ideal : 0,
        .lost = (double)flow.packets_lost / (double)MAX(flow.packets_sent, 1u),
        .queue_p95_us = histogram_quantile(&flow.queue_us, 0.95),
        .event_us = sc->event_bps > 0 ? when(sc->event_s, sc->below, sc->event_bps) : 0,
        .first_full_us = when(0, false, 1700 * KBPS),
        .switches = flow.layer_switches,
        .probes = stats.probes,
        .cuts = stats.cuts,
        .memory_bytes = stats.memory_bytes,
    };
}

static struct outcome play(const struct scenario *sc)
{
    static const struct bwe_config config = {.max_bps = 10000 * KBPS};
    struct flow *flows[] = {&flow, &other_flow};
    uint64_t now_us = START_US, end_us = START_US + sc->seconds * S;

    run = (struct run){.scenario = sc, .next_sample_us = START_US};
    link_init(&link_there, seed, 4000 * KBPS, 25 * MS, 300 * MS);
    sc->set_up(&link_there);
    flow_init(&flow, "flow", sc->source, &link_there, seed + 1, &config);
    flow_init(&other_flow, "other", sc->other, &link_there, seed + 2, &config);
    flow.start_us = START_US;
    other_flow.start_us = START_US + sc->other_from_s * S + 11 * MS;
    if (sc->set_up_flow != NULL)
        sc->set_up_flow(&flow);
    flows_run(flows, sc->other_from_s > 0 ? 2 : 1, &now_us, end_us, on_step, NULL);
    struct outcome o = figures(sc, end_us);
    flow_fini(&flow);
    flow_fini(&other_flow);
    return o;
}

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
    link_change(l, START_US + 20 * S, 500 * KBPS);
    link_change(l, START_US + 40 * S, 4000 * KBPS);
}

static void deep_cut(struct link *l)
{
    l->queue_us = 1500 * MS;
    cut_and_back(l);
}

static void ramp(struct link *l)
{
    for (unsigned i = 1; i <= 20; i++)
        link_change(l, START_US + (10 + i) * S, (4000 - i * 175) * KBPS);
    for (unsigned i = 1; i <= 20; i++)
        link_change(l, START_US + (35 + i) * S, (500 + i * 175) * KBPS);
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
    l->blocked_from_us = START_US + 20 * S;
    l->blocked_to_us = START_US + 21 * S;
}

static void stalled(struct link *l)
{
    link_change(l, START_US + 20 * S, 0);
    link_change(l, START_US + 21 * S, 4000 * KBPS);
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
        link_change(l, START_US + i * S, bps);
    }
}

static void late_top(struct flow *f)
{
    f->top_from_us = START_US + 20 * S;
}

static void bad_way_back(struct flow *f)
{
    f->feedback_loss = 0.3;
    f->feedback_delay_us = 100 * MS;
}

/* What layers need, audio included. */
#define TOP_BPS (1748 * KBPS)
#define MID_BPS (548 * KBPS)

static const struct scenario scenarios[] = {
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
     .queue_p95_ms = 250,
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

/* ---- the figures ---- */

#define TABLE_SEEDS 21

/* Figures of one kind over all seeds, the best one first. */
struct spread {
    double value[TABLE_SEEDS];
    size_t n;
};

static void spread_add(struct spread *s, double value)
{
    size_t i = s->n++;

    for (; i > 0 && s->value[i - 1] > value; i--)
        s->value[i] = s->value[i - 1];
    s->value[i] = value;
}

static double median(const struct spread *s)
{
    return s->value[s->n / 2];
}

static double most(const struct spread *s)
{
    return s->value[s->n - 1];
}

/* What the outcomes of a scenario have in common. */
struct row {
    struct spread used, other_share, lost, queue_ms, event_ms, switches, probes, cuts;
};

static void row_add(struct row *r, const struct outcome *o)
{
    spread_add(&r->used, 100 * o->used);
    spread_add(&r->other_share, 100 * o->other_share);
    spread_add(&r->lost, 100 * o->lost);
    spread_add(&r->queue_ms, (double)o->queue_p95_us / 1000);
    spread_add(&r->event_ms, (double)o->event_us / 1000);
    spread_add(&r->switches, (double)o->switches);
    spread_add(&r->probes, (double)o->probes);
    spread_add(&r->cuts, (double)o->cuts);
}

static void print_head(void)
{
    printf("| path | used | least | queue p95, ms | most | reached, ms | most | lost | "
           "switches | probes | cuts |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void print_row(const struct scenario *sc, const struct row *r)
{
    printf("| %s | %.0f %%", sc->says, median(&r->used));
    if (sc->other_from_s > 0)
        printf(" (other: %.0f %%)", median(&r->other_share));
    printf(" | %.0f %% | %.0f | %.0f |", r->used.value[0], median(&r->queue_ms),
           most(&r->queue_ms));
    if (sc->event_bps > 0)
        printf(" %.0f | %.0f |", median(&r->event_ms), most(&r->event_ms));
    else
        printf(" | |");
    printf(" %.1f %% | %.0f | %.0f | %.0f |\n", median(&r->lost), median(&r->switches),
           median(&r->probes), median(&r->cuts));
}

static void print_outcome(const struct scenario *sc, const struct outcome *o)
{
    struct row row = {0};

    row_add(&row, o);
    print_row(sc, &row);
}

static void print_table(void)
{
    print_head();
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        struct row row = {0};
        for (seed = 1; seed <= TABLE_SEEDS; seed++) {
            struct outcome o = play(&scenarios[i]);
            row_add(&row, &o);
        }
        print_row(&scenarios[i], &row);
    }
}

static bool is_as_expected(const struct scenario *sc, const struct outcome *o)
{
    bool ok = o->used >= sc->least_used;

    if (sc->most_used > 0)
        ok = ok && o->used <= sc->most_used;
    if (sc->queue_p95_ms > 0)
        ok = ok && o->queue_p95_us <= sc->queue_p95_ms * MS;
    if (sc->event_bps > 0)
        ok = ok && o->event_us <= sc->event_ms * MS;
    return ok;
}

static void scenario_holds(void **state)
{
    const struct scenario *sc = *state;
    struct outcome o = play(sc);

    print_outcome(sc, &o);
    if (!is_as_expected(sc, &o))
        fail_msg("%s, seed %" PRIu64 ": memory %zu", sc->name, seed, o.memory_bytes);
    assert_int_equal(mem_live_blocks(), 0);
}

static int trace_one(const char *name)
{
    is_tracing = true;
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        if (strcmp(scenarios[i].name, name) != 0)
            continue;
        struct outcome o = play(&scenarios[i]);
        print_outcome(&scenarios[i], &o);
        return 0;
    }
    fprintf(stderr, "no scenario %s\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[ARRAY_LEN(scenarios)];

    if (getenv("TEST_SEED") != NULL)
        seed = strtoull(getenv("TEST_SEED"), NULL, 10);
    if (argc == 3 && strcmp(argv[1], "--trace") == 0)
        return trace_one(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        print_table();
        return 0;
    }
    print_head();
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
        tests[i] = (struct CMUnitTest){.name = scenarios[i].name,
                                       .test_func = scenario_holds,
                                       .initial_state = (void *)(uintptr_t)&scenarios[i]};
    printf("seed %" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
