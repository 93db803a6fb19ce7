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
#include "tests/sim/bwe_scenario.h"

#define SAMPLE_US (20 * MS)
#define MAX_SAMPLES 6000
#define MAX_SCENARIOS 64

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
    const struct bwe_scenario *scenario;
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
    printf("%6.2f link=%" PRIu64 " layer=%d %s\n", (double)(now_us - BWE_SCENARIO_START_US) / 1e6,
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
    if (!run.is_measuring && now_us >= BWE_SCENARIO_START_US + run.scenario->from_s * S) {
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

static struct outcome figures(const struct bwe_scenario *sc, uint64_t end_us)
{
    uint64_t from_us = BWE_SCENARIO_START_US + sc->from_s * S;
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

static struct outcome play(const struct bwe_scenario *sc)
{
    static const struct bwe_config config = {.max_bps = 10000 * KBPS};
    struct flow *flows[] = {&flow, &other_flow};
    uint64_t now_us = BWE_SCENARIO_START_US, end_us = BWE_SCENARIO_START_US + sc->seconds * S;

    run = (struct run){.scenario = sc, .next_sample_us = BWE_SCENARIO_START_US};
    link_init(&link_there, seed, 4000 * KBPS, 25 * MS, 300 * MS);
    sc->set_up(&link_there);
    flow_init(&flow, "flow", sc->source, &link_there, seed + 1, &config);
    flow_init(&other_flow, "other", sc->other, &link_there, seed + 2, &config);
    flow.start_us = BWE_SCENARIO_START_US;
    other_flow.start_us = BWE_SCENARIO_START_US + sc->other_from_s * S + 11 * MS;
    if (sc->set_up_flow != NULL)
        sc->set_up_flow(&flow);
    flows_run(flows, sc->other_from_s > 0 ? 2 : 1, &now_us, end_us, on_step, NULL);
    struct outcome o = figures(sc, end_us);
    flow_fini(&flow);
    flow_fini(&other_flow);
    return o;
}

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

static void print_row(const struct bwe_scenario *sc, const struct row *r)
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

static void print_outcome(const struct bwe_scenario *sc, const struct outcome *o)
{
    struct row row = {0};

    row_add(&row, o);
    print_row(sc, &row);
}

static void print_table(void)
{
    print_head();
    for (size_t i = 0; i < bwe_scenario_count; i++) {
        struct row row = {0};
        for (seed = 1; seed <= TABLE_SEEDS; seed++) {
            struct outcome o = play(&bwe_scenarios[i]);
            row_add(&row, &o);
        }
        print_row(&bwe_scenarios[i], &row);
    }
}

static bool is_as_expected(const struct bwe_scenario *sc, const struct outcome *o)
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
    const struct bwe_scenario *sc = *state;
    struct outcome o = play(sc);

    print_outcome(sc, &o);
    if (!is_as_expected(sc, &o))
        fail_msg("%s, seed %" PRIu64 ": memory %zu", sc->name, seed, o.memory_bytes);
    assert_int_equal(mem_live_blocks(), 0);
}

static int trace_one(const char *name)
{
    is_tracing = true;
    for (size_t i = 0; i < bwe_scenario_count; i++) {
        if (strcmp(bwe_scenarios[i].name, name) != 0)
            continue;
        struct outcome o = play(&bwe_scenarios[i]);
        print_outcome(&bwe_scenarios[i], &o);
        return 0;
    }
    fprintf(stderr, "no scenario %s\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_SCENARIOS];

    if (getenv("TEST_SEED") != NULL)
        seed = strtoull(getenv("TEST_SEED"), NULL, 10);
    if (argc == 3 && strcmp(argv[1], "--trace") == 0)
        return trace_one(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--table") == 0) {
        print_table();
        return 0;
    }
    CHECK(bwe_scenario_count <= MAX_SCENARIOS);
    print_head();
    for (size_t i = 0; i < bwe_scenario_count; i++)
        tests[i] = (struct CMUnitTest){.name = bwe_scenarios[i].name,
                                       .test_func = scenario_holds,
                                       .initial_state = (void *)(uintptr_t)&bwe_scenarios[i]};
    printf("seed %" PRIu64 "\n", seed);
    return _cmocka_run_group_tests("bwe", tests, bwe_scenario_count, NULL, NULL);
}
