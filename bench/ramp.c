/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ramp.c - one server a contender, viewers added in steps: large ones while it has room, small ones near its limit. A step that fails
 * is measured once more before it ends the ramp: one hiccup of the machine is no limit of the server.
 */
#include "bench/ramp.h"

#include <stdio.h>

#include "bench/core_watch.h"
#include "core/timebase.h"

#define FIRST_VIEWERS 100
#define SETTLE_US US_PER_S
#define GENERATOR_LIMIT 0.9 /* of its core */

static const struct doc_column columns[] = {
    {"capacity_viewers", "viewers", 1, 0},
    {"capacity_bps", "Mb/s out", 1e-6, 0},
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"server_cpu_cores", "server cores", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
};

struct ramp {
    struct scenario *s;
    struct stage *stage;
    struct doc_row *row;
    struct doc_round *round;
    size_t viewers, fits; /* in it; of the last step that held */
    struct stage_window held;
    uint64_t begin_us, begin_own_ns, begin_cpu_ns; /* of the whole climb */
    const char *generator;                         /* why it gave up first; NULL: it did not */
};

static bool is_ok(const struct ramp *r, const struct stage_window *w)
{
    const struct bench_options *o = r->s->options;

    return w->packets > 0 && w->loss <= o->max_loss &&
           w->delay_p99_us <= (double)o->max_delay_ms * 1e3;
}

static int measure_step(struct ramp *r, struct stage_window *w)
{
    int err;

    stage_idle(r->stage, SETTLE_US);
    err = stage_begin_window(r->stage);
    if (err != 0)
        return err;
    stage_idle(r->stage, r->s->options->seconds * US_PER_S);
    err = stage_peek_window(r->stage, w);
    if (err != 0)
        return err;
    const struct doc_param point[] = {
        {.name = "viewers", .value = (double)r->viewers},
        {.name = "loss", .value = w->loss},
        {.name = "delay_p99_us", .value = w->delay_p99_us},
        {.name = "server_cpu_cores", .value = w->server_cores},
        {.name = "generator_cpu_cores", .value = w->own_cores},
        {.name = "ok", .value = is_ok(r, w) ? 1 : 0},
    };
    document_point(r->row, point, ARRAY_LEN(point));
    printf(
        "ramp: %zu viewers: loss %.3f %%, p99 delay %.2f ms, server %.2f, generator %.2f cores\n",
        r->viewers, w->loss * 100, w->delay_p99_us / 1e3, w->server_cores, w->own_cores);
    (void)fflush(stdout);
    return 0;
}

static const char *generator_limit(const struct stage_window *w)
{
    if (w->own_cores > GENERATOR_LIMIT)
        return "the generator's core was full first: it is a lower bound";
    return w->socket_drops > 0 ? "the viewers' sockets dropped datagrams: it is a lower bound"
                               : NULL;
}

/* Returns whether the ramp goes on. */
static bool run_step(struct ramp *r, int *err)
{
    struct stage_window w;

    for (int tries = 0; tries < 2; tries++) {
        *err = measure_step(r, &w);
        if (*err != 0)
            return false;
        r->generator = generator_limit(&w);
        if (r->generator != NULL)
            return false;
        if (is_ok(r, &w)) {
            r->fits = r->viewers;
            r->held = w;
            return true;
        }
    }
    return false;
}

static void report(struct ramp *r)
{
    const struct stage_window *w = &r->held;

    document_value(r->round, "capacity_viewers", (double)r->fits);
    if (r->fits > 0) {
        document_value(r->round, "capacity_bps", (double)w->payload_bytes * 8 / w->seconds);
        document_value(r->round, "cpu_us_per_packet",
                       w->server_cores * w->seconds * 1e6 / (double)w->packets);
        document_value(r->round, "server_cpu_cores", w->server_cores);
        document_value(r->round, "generator_cpu_cores", w->own_cores);
    }
    if (r->generator != NULL)
        document_invalidate(r->round, "%s", r->generator);
}

static size_t next_step(const struct ramp *r)
{
    double load = r->held.server_cores / r->s->options->workers;
    size_t more = load < 0.5 ? r->viewers / 2 : load < 0.8 ? r->viewers / 5 : r->viewers / 20;

    return r->viewers + MAX(more, 10u);
}

static int climb(struct ramp *r)
{
    size_t wanted = scenario_first_viewers(r->s->options, FIRST_VIEWERS);
    int err = 0;

    while (err == 0 && wanted <= STAGE_MAX_VIEWERS) {
        /* Viewers who cannot even join are a limit of the server, like lost packets. */
        if (stage_fill(r->stage, wanted - r->viewers) != 0)
            break;
        r->viewers = wanted;
        if (!run_step(r, &err))
            break;
        wanted = next_step(r);
    }
    return err;
}

static int run_ramp(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    struct ramp r = {.s = s, .stage = stage, .row = scenario_row(s, c->id, "ramp", 1)};
    struct core_watch cores;
    int err = stage_publish(stage, 1);

    (void)arg;
    if (err != 0)
        return err;
    core_watch_begin(&cores, s->options, s->options->workers);
    r.begin_us = timebase_now_us();
    r.begin_own_ns = timebase_thread_cpu_ns();
    r.begin_cpu_ns = stage_read_usage(stage).cpu_ns;
    err = climb(&r);
    if (err != 0)
        return err;
    r.round = document_round(r.row);
    report(&r);
    double ns = (double)(timebase_now_us() - r.begin_us) * 1e3;
    core_watch_judge(&cores, (double)(stage_read_usage(stage).cpu_ns - r.begin_cpu_ns) / ns,
                     (double)(timebase_thread_cpu_ns() - r.begin_own_ns) / ns, r.round);
    document_tell_round(r.round, c->id);
    return 0;
}

int ramp_run(struct scenario *s)
{
    int err = scenario_run_contenders(s, s->options->workers, run_ramp, NULL);

    document_print(s->document, s->name, columns, ARRAY_LEN(columns));
    return err;
}
