/* SPDX-License-Identifier: Apache-2.0 */
/* scenario_soak.c - one long broadcast: do memory, loss or CPU creep? */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/scenario.h"
#include "core/timebase.h"

#define POINT_US (10 * US_PER_S)

static const struct doc_column columns[] = {
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"loss", "loss %", 100, 4},
    {"rss_bytes", "MiB", 1.0 / 1048576, 1},
    {"rss_growth_bytes_per_hour", "KiB/hour", 1.0 / 1024, 1},
    {"delay_p99_us", "p99 delay ms", 1e-3, 2},
};

/* Slope of the line with the least squares. */
struct line {
    double n, x, y, xx, xy;
};

static void line_add(struct line *l, double x, double y)
{
    l->n++;
    l->x += x;
    l->y += y;
    l->xx += x * x;
    l->xy += x * y;
}

static double line_slope(const struct line *l)
{
    double d = l->n * l->xx - l->x * l->x;

    return d > 0 ? (l->n * l->xy - l->x * l->y) / d : 0;
}

static void add_point(struct doc_row *row, const struct stage_window *before,
                      const struct stage_window *now)
{
    uint64_t expected = now->expected - before->expected, packets = now->packets - before->packets;
    double seconds = now->seconds - before->seconds;
    const struct doc_param point[] = {
        {.name = "t", .value = now->seconds},
        {.name = "rss_bytes", .value = (double)now->rss_bytes},
        {.name = "loss",
         .value = expected > packets ? (double)(expected - packets) / (double)expected : 0},
        {.name = "cpu_cores",
         .value =
             (now->server_cores * now->seconds - before->server_cores * before->seconds) / seconds},
    };

    document_point(row, point, ARRAY_LEN(point));
    printf("soak: %.0f s, %.1f MiB, loss %.4f %%\n", now->seconds, (double)now->rss_bytes / 1048576,
           point[2].value * 100);
    (void)fflush(stdout);
}

static int watch(struct scenario *s, struct stage *stage, struct doc_row *row, struct line *memory)
{
    uint64_t end_us = timebase_now_us() + s->options->seconds * US_PER_S;
    struct stage_window before = {0}, now;
    int err = stage_begin_window(stage);

    while (err == 0 && timebase_now_us() < end_us) {
        stage_idle(stage, MIN(POINT_US, end_us - timebase_now_us()));
        err = stage_peek_window(stage, &now);
        if (err != 0)
            break;
        add_point(row, &before, &now);
        line_add(memory, now.seconds, (double)now.rss_bytes);
        before = now;
    }
    return err;
}

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    uint32_t viewers = scenario_first_viewers(s->options, 100);
    struct doc_row *row = scenario_row(s, c->id, "viewers", viewers);
    struct line memory = {0};
    struct doc_round *r;
    int err;

    (void)arg;
    if ((err = stage_publish(stage, 1)) != 0 || (err = stage_fill(stage, viewers)) != 0)
        return err;
    stage_idle(stage, s->options->warmup * US_PER_S);
    err = watch(s, stage, row, &memory);
    if (err != 0)
        return err;
    r = document_round(row);
    if (memory.n > 1)
        document_value(r, "rss_growth_bytes_per_hour", line_slope(&memory) * 3600);
    return stage_end_window(stage, r, NULL);
}

int bench_soak(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    int err = scenario_open(&s, "soak", o, d);

    if (err != 0)
        return err;
    err = scenario_run_contenders(&s, o->workers, run_round, NULL);
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
