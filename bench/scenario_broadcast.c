/* SPDX-License-Identifier: Apache-2.0 */
/* scenario_broadcast.c - one publisher, n viewers: what a forwarded packet costs, beside what it costs at least; and how many viewers fit. */
#include "bench/bench.h"
#include "bench/floor.h"
#include "bench/ramp.h"
#include "bench/scenario.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"times_floor", "times floor", 1, 2},
    {"server_cpu_cores", "server cores", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
    {"loss", "loss %", 100, 3},
    {"delay_p99_us", "p99 delay ms", 1e-3, 2},
    {"viewer_rss_bytes", "KiB/viewer", 1.0 / 1024, 1},
};

/* ---- the floor ---- */

static void report_floor(struct scenario *s, uint32_t viewers, const struct floor_result *f)
{
    struct doc_round *r = document_round(scenario_row(s, "floor", "viewers", viewers));
    double each_us = (double)f->cpu_ns / 1e3 / (double)MAX(f->packets, 1u);
    double seconds = (double)f->sender_us / 1e6;
    uint64_t lost = f->all_sent > f->all_received ? f->all_sent - f->all_received : 0;

    document_server(s->document, "floor", "floor", "", "AEAD_AES_128_GCM");
    document_server_note(s->document, "floor", f->cipher);
    document_value(r, "cpu_us_per_packet", each_us);
    document_value(r, "encrypt_us_per_packet", each_us * f->encrypt_share);
    document_value(r, "send_us_per_packet", each_us * (1 - f->encrypt_share));
    document_value(r, "server_cpu_cores", (double)f->cpu_ns / 1e9 / seconds);
    document_value(r, "generator_cpu_cores", (double)f->own_ns / 1e3 / (double)f->window_us);
    document_value(r, "packets_per_s", (double)f->packets / seconds);
    document_value(r, "loss", (double)lost / (double)MAX(f->all_sent, 1u));
    if (lost > 0)
        document_invalidate(r, "%llu packets of the floor were lost", (unsigned long long)lost);
    document_tell_round(r, "floor");
}

static int run_floor(struct scenario *s, uint32_t viewers)
{
    const struct floor_config floor = {.clip = s->clips.clip[OFFER_ENCODINGS - 1],
                                       .viewers = viewers,
                                       .seconds = s->options->seconds,
                                       .profile = SRTP_PROFILE_AEAD_AES_128_GCM,
                                       .gro = s->options->gro,
                                       .cpu = (int)s->options->cpu};
    struct floor_result result;
    int err = floor_measure(&floor, &result);

    if (err == 0)
        report_floor(s, viewers, &result);
    return err;
}

static void compare_with_floor(struct scenario *s, uint32_t viewers)
{
    double floor;

    if (!document_median(scenario_row(s, "floor", "viewers", viewers), "cpu_us_per_packet", &floor))
        return;
    for (size_t i = 0; i < s->contenders.count; i++)
        if (!s->contenders.at[i].is_out)
            document_divide(scenario_row(s, s->contenders.at[i].id, "viewers", viewers),
                            "cpu_us_per_packet", floor, "times_floor");
}

/* ---- a number of viewers ---- */

static int run_round(struct scenario *s, struct stage *stage, const struct contender *c, void *arg)
{
    uint32_t viewers = *(const uint32_t *)arg;
    int err;

    if ((err = stage_publish(stage, 1)) != 0 || (err = stage_fill(stage, viewers)) != 0)
        return err;
    stage_idle(stage, s->options->warmup * US_PER_S);
    return stage_measure(stage, s->options->seconds,
                         document_round(scenario_row(s, c->id, "viewers", viewers)));
}

/* A round that fails is told and does not end the others. */
static int run_viewers(struct scenario *s, uint32_t viewers)
{
    int first_err = 0;

    for (uint32_t i = 0; i < s->options->rounds; i++) {
        int err = run_floor(s, viewers);
        first_err = first_err != 0 ? first_err : err;
        err = scenario_run_contenders(s, s->options->workers, run_round, &viewers);
        first_err = first_err != 0 ? first_err : err;
    }
    compare_with_floor(s, viewers);
    return first_err;
}

static int run_counts(struct scenario *s)
{
    static const struct option_list usual = {{20, 100, 400, 1000}, 4};
    const struct option_list *counts =
        s->options->viewers.count > 0 ? &s->options->viewers : &usual;
    int first_err = 0;

    for (size_t i = 0; i < counts->count; i++) {
        int err = run_viewers(s, counts->value[i]);
        first_err = first_err != 0 ? first_err : err;
    }
    document_print(s->document, "broadcast", columns, ARRAY_LEN(columns));
    return first_err;
}

int bench_broadcast(const struct bench_options *o, struct document *d)
{
    struct scenario s;
    int err = scenario_open(&s, "broadcast", o, d);

    if (err != 0)
        return err;
    err = o->ramp ? ramp_run(&s) : run_counts(&s);
    scenario_close(&s);
    return err;
}
