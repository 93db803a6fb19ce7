/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_workers.c - the same load on 1, 2 … media workers of Parley: does a packet cost the same?
 *
 * Once as one broadcast, once as a broadcast a worker. The workers share as many cores from --cpu on; where the generator's core is
 * among them, it shares as well, which is told.
 */
#include "bench/bench.h"
#include "bench/scenario.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"server_cpu_cores", "server cores", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
    {"packets_per_s", "packets/s", 1, 0},
    {"loss", "loss %", 100, 3},
    {"delay_p99_us", "p99 delay ms", 1e-3, 2},
};

struct point {
    uint32_t workers, rooms, viewers;
};

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    const struct point *p = arg;
    const struct doc_param params[] = {{.name = "workers", .value = p->workers},
                                       {.name = "viewers", .value = p->viewers},
                                       {.name = "rooms", .value = p->rooms}};
    const struct bench_options *o = s->options;
    int err;

    if (o->generator_cpu >= o->cpu && o->generator_cpu < o->cpu + p->workers)
        document_server_note(s->document, c->id,
                             "with several workers, one shares its core with the generator");
    if ((err = stage_publish(stage, p->rooms)) != 0 || (err = stage_fill(stage, p->viewers)) != 0)
        return err;
    stage_idle(stage, o->warmup * US_PER_S);
    return stage_measure(
        stage, o->seconds,
        document_round(document_row(s->document, s->name, c->id, params, ARRAY_LEN(params))));
}

static int run_workers(struct scenario *s, uint32_t workers, uint32_t viewers)
{
    struct point p = {.workers = workers, .rooms = 1, .viewers = viewers};
    int err = scenario_run_rounds(s, workers, run_round, &p);

    if (err != 0 || workers == 1)
        return err;
    p.rooms = workers;
    return scenario_run_rounds(s, workers, run_round, &p);
}

int bench_workers(const struct bench_options *o, struct document *d)
{
    struct bench_options only = *o; /* other servers have no such setting */
    struct scenario s;
    int err;

    only.peer_count = 0;
    only.only_peers = false;
    err = scenario_open(&s, "workers", &only, d);
    if (err != 0)
        return err;
    for (uint32_t w = 1; w <= MAX(o->workers, 2u); w++) {
        int one = run_workers(&s, w, scenario_first_viewers(o, 400));
        err = err != 0 ? err : one;
    }
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
