/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_conference.c - n publishers, each watched by n - 1 others: n (n - 1) streams.
 *
 * WHEP brings one broadcast to a transport, so each stream here has a transport of its own; in a conference of browsers a participant
 * has one for all. The packets are as many; handshakes, consent and feedback are more.
 */
#include "bench/bench.h"
#include "bench/scenario.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"streams", "streams", 1, 0},
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"server_cpu_cores", "server cores", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
    {"loss", "loss %", 100, 3},
    {"delay_p99_us", "p99 delay ms", 1e-3, 2},
};

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    uint32_t n = *(const uint32_t *)arg, streams = n * (n - 1);
    struct doc_round *r;
    int err;

    if ((err = stage_publish(stage, n)) != 0 || (err = stage_fill(stage, streams)) != 0)
        return err;
    stage_idle(stage, s->options->warmup * US_PER_S);
    r = document_round(scenario_row(s, c->id, "participants", n));
    document_value(r, "streams", streams);
    return stage_measure(stage, s->options->seconds, r);
}

int bench_conference(const struct bench_options *o, struct document *d)
{
    static const struct option_list usual = {{4, 8, 16}, 3};
    const struct option_list *sizes = o->sizes.count > 0 ? &o->sizes : &usual;
    struct scenario s;
    int err = scenario_open(&s, "conference", o, d), one;

    if (err != 0)
        return err;
    for (size_t i = 0; i < sizes->count; i++) {
        uint32_t n = sizes->value[i];
        one = scenario_run_rounds(&s, o->workers, run_round, &n);
        err = err != 0 ? err : one;
    }
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return err;
}
