/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_feedback.c - one broadcast with endpoints that negotiate feedback, and with ones that do not, in turn: what repair,
 * estimation and pacing cost a forwarded packet.
 *
 * The endpoints without offer neither transport-wide numbers nor NACK and RTX nor REMB: then the server numbers nothing, estimates
 * nothing, and keeps no account of what it sent. Keyframe requests and reports are in both.
 */
#include "bench/bench.h"
#include "bench/loadgen/generator.h"
#include "bench/scenario.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"cpu_us_per_packet", "CPU us/packet", 1, 3}, {"times_plain", "times without", 1, 2},
    {"server_cpu_cores", "server cores", 1, 3},   {"generator_cpu_cores", "generator cores", 1, 2},
    {"packets_per_s", "packets/s", 1, 0},         {"loss", "loss %", 100, 3},
};

struct point {
    bool has_feedback;
    uint32_t viewers;
};

static struct doc_row *row_of(struct scenario *s, const char *server, const struct point *p)
{
    const struct doc_param params[] = {{.name = "feedback", .value = p->has_feedback},
                                       {.name = "viewers", .value = p->viewers}};

    return document_row(s->document, s->name, server, params, ARRAY_LEN(params));
}

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    const struct point *p = arg;
    int err;

    stage_generator(stage)->is_plain = !p->has_feedback;
    if ((err = stage_publish(stage, 1)) != 0 || (err = stage_fill(stage, p->viewers)) != 0)
        return err;
    stage_idle(stage, s->options->warmup * US_PER_S);
    return stage_measure(stage, s->options->seconds, document_round(row_of(s, c->id, p)));
}

static void compare(struct scenario *s, uint32_t viewers)
{
    const struct point plain = {.viewers = viewers},
                       full = {.has_feedback = true, .viewers = viewers};

    for (size_t i = 0; i < s->contenders.count; i++) {
        const char *id = s->contenders.at[i].id;
        double each_us;
        if (!s->contenders.at[i].is_out &&
            document_median(row_of(s, id, &plain), "cpu_us_per_packet", &each_us))
            document_divide(row_of(s, id, &full), "cpu_us_per_packet", each_us, "times_plain");
    }
}

int bench_feedback(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    int first_err = scenario_open(&s, "feedback", o, d);

    if (first_err != 0)
        return first_err;
    struct point p = {.viewers = scenario_first_viewers(o, 400)};
    for (uint32_t i = 0; i < 2 * o->rounds; i++) {
        p.has_feedback = i % 2 != 0;
        int err = scenario_run_contenders(&s, o->workers, run_round, &p);
        first_err = first_err != 0 ? first_err : err;
    }
    compare(&s, p.viewers);
    document_print(d, s.name, columns, ARRAY_LEN(columns));
    scenario_close(&s);
    return first_err;
}
