/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_join_storm.c - many viewers come at once: what a join costs, how long each waits for its keys and its first picture, and
 * whether the publisher hears of it.
 *
 * Handshakes cost the generator about what they cost the server, so joins a second may be the generator's limit; CPU time a join is
 * the server's alone. What forwarding meanwhile cost is taken off, at the price of a packet right after the storm.
 */
#include "bench/bench.h"
#include "bench/core_watch.h"
#include "bench/scenario.h"
#include "core/timebase.h"

#define PREROLL_US (3 * US_PER_S) /* a clip's keyframes are two seconds apart */

static const struct doc_column columns[] = {
    {"joins_per_s", "joins/s", 1, 0},
    {"cpu_ms_per_join", "CPU ms/join", 1, 3},
    {"join_p95_ms", "p95 POST to keys ms", 1, 1},
    {"first_frame_p50_ms", "p50 first frame ms", 1, 1},
    {"first_frame_p95_ms", "p95 first frame ms", 1, 1},
    {"keyframe_requests", "keyframe requests", 1, 0},
    {"failed", "failed", 1, 0},
    {"viewer_rss_bytes", "KiB/viewer", 1.0 / 1024, 1},
};

#define AFTER_SECONDS 2

struct storm {
    uint64_t begin_us, own_ns, cpu_ns, requests, packets;
};

static struct storm read_storm(struct stage *stage)
{
    struct viewer_totals totals;
    struct publisher_stats p;

    stage_read_publishers(stage, &p);
    audience_read_totals(stage_audience(stage), &totals);
    return (struct storm){.begin_us = timebase_now_us(),
                          .own_ns = timebase_thread_cpu_ns(),
                          .cpu_ns = stage_read_usage(stage).cpu_ns,
                          .requests = p.keyframe_requests,
                          .packets = totals.packets};
}

/* CPU time as cores over the storm. */
static double share(uint64_t ns, const struct storm *x, const struct storm *y)
{
    return (double)ns / 1e3 / (double)(y->begin_us - x->begin_us);
}

static void write_times(const struct audience_state *a, struct doc_round *r)
{
    const struct histogram *join = &a->join_us, *picture = &a->picture_us;

    if (join->count > 0) {
        document_value(r, "join_p50_ms", (double)histogram_quantile(join, 0.5) / 1e3);
        document_value(r, "join_p95_ms", (double)histogram_quantile(join, 0.95) / 1e3);
    }
    if (picture->count > 0) {
        document_value(r, "first_frame_p50_ms", (double)histogram_quantile(picture, 0.5) / 1e3);
        document_value(r, "first_frame_p95_ms", (double)histogram_quantile(picture, 0.95) / 1e3);
    }
}

static void report(struct stage *stage, const struct storm *x, const struct storm *y,
                   struct doc_round *r)
{
    const struct audience_state *a = audience_state(stage_audience(stage));
    double rss = (double)stage_read_usage(stage).rss_bytes - (double)stage_rss_before(stage);

    document_value(r, "failed", (double)(a->wanted - a->pictures));
    document_value(r, "keyframe_requests", (double)(y->requests - x->requests));
    document_value(r, "generator_cpu_cores", share(y->own_ns - x->own_ns, x, y));
    write_times(a, r);
    if (a->open == 0) {
        document_invalidate(r, "nobody connected: %s", a->failure);
        return;
    }
    document_value(r, "joins_per_s",
                   (double)a->open / ((double)(a->last_open_us - a->first_post_us) / 1e6));
    document_value(r, "viewer_rss_bytes", rss / (double)a->open);
}

/* What a packet costs now that nobody joins, in ns. */
static int price_of_packet(struct stage *stage, double *ns)
{
    struct stage_window w;
    int err = stage_begin_window(stage);

    if (err == 0) {
        stage_idle(stage, AFTER_SECONDS * US_PER_S);
        err = stage_peek_window(stage, &w);
    }
    if (err == 0)
        *ns = w.packets > 0 ? w.server_cores * w.seconds * 1e9 / (double)w.packets : 0;
    return err;
}

static int write_cpu(struct stage *stage, const struct storm *x, const struct storm *y,
                     struct doc_round *r)
{
    size_t joins = audience_state(stage_audience(stage))->open;
    double all_ns = (double)(y->cpu_ns - x->cpu_ns), each_ns = 0;
    int err = price_of_packet(stage, &each_ns);

    if (err != 0 || joins == 0)
        return err;
    all_ns -= each_ns * (double)(y->packets - x->packets);
    document_value(r, "cpu_ms_per_join", all_ns / 1e6 / (double)joins);
    return 0;
}

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    int err = stage_publish(stage, 1);
    struct core_watch cores;
    struct storm before, after;
    struct doc_round *r;

    (void)arg;
    if (err != 0)
        return err;
    stage_idle(stage, PREROLL_US);
    core_watch_begin(&cores, s->options, s->options->workers);
    before = read_storm(stage);
    (void)stage_let_in(stage, s->options->joins); /* who failed is counted */
    after = read_storm(stage);
    r = document_round(scenario_row(s, c->id, "joins", s->options->joins));
    report(stage, &before, &after, r);
    core_watch_judge(&cores, share(after.cpu_ns - before.cpu_ns, &before, &after),
                     share(after.own_ns - before.own_ns, &before, &after), r);
    document_tell_round(r, c->id);
    return write_cpu(stage, &before, &after, r);
}

int bench_join_storm(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    int err = scenario_open(&s, "join-storm", o, d);

    if (err != 0)
        return err;
    err = scenario_run_rounds(&s, o->workers, run_round, NULL);
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
