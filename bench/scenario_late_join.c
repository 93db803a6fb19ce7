/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_late_join.c - viewers who come one by one to a broadcast that runs: how long each waits for its first picture, and whether
 * the publisher hears of it.
 *
 * They come at random distances, so that they meet every phase between two keyframes.
 */
#include "bench/bench.h"
#include "bench/scenario.h"
#include "core/rng.h"
#include "core/timebase.h"

#define JOINS 30
#define PREROLL_US (3 * US_PER_S) /* a clip's keyframes are two seconds apart */
#define MAX_GAP_US (2 * US_PER_S)

static const struct doc_column columns[] = {
    {"first_frame_p50_ms", "p50 first frame ms", 1, 1},
    {"first_frame_p95_ms", "p95 first frame ms", 1, 1},
    {"first_frame_max_ms", "longest ms", 1, 1},
    {"keyframe_requests", "keyframe requests", 1, 0},
    {"failed", "failed", 1, 0},
};

static uint64_t keyframe_requests(const struct stage *stage)
{
    struct publisher_stats p;

    stage_read_publishers(stage, &p);
    return p.keyframe_requests;
}

static void report(const struct audience_state *a, uint64_t requests, struct doc_round *r)
{
    const struct histogram *picture = &a->picture_us;

    document_value(r, "failed", (double)(a->wanted - a->pictures));
    document_value(r, "keyframe_requests", (double)requests);
    if (picture->count == 0) {
        document_invalidate(r, "nobody saw a picture: %s", a->failure);
        return;
    }
    document_value(r, "first_frame_p50_ms", (double)histogram_quantile(picture, 0.5) / 1e3);
    document_value(r, "first_frame_p95_ms", (double)histogram_quantile(picture, 0.95) / 1e3);
    document_value(r, "first_frame_max_ms", (double)picture->max / 1e3);
}

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    struct rng *rng = arg;
    int err = stage_publish(stage, 1);

    if (err != 0)
        return err;
    stage_idle(stage, PREROLL_US);
    uint64_t requests = keyframe_requests(stage);
    for (unsigned i = 0; i < JOINS; i++) {
        stage_idle(stage, rng_below(rng, MAX_GAP_US));
        (void)stage_let_in(stage, 1); /* who failed is counted */
    }
    struct doc_round *r = document_round(scenario_row(s, c->id, "joins", JOINS));
    report(audience_state(stage_audience(stage)), keyframe_requests(stage) - requests, r);
    document_tell_round(r, c->id);
    return 0;
}

int bench_late_join(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    struct rng rng;
    int err = scenario_open(&s, "late-join", o, d);

    if (err != 0)
        return err;
    rng_seed_system(&rng);
    err = scenario_run_rounds(&s, o->workers, run_round, &rng);
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
