/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_broadcast.c - one publisher, n viewers: what a forwarded packet costs.
 *
 * Every round is a server of its own, started and ended; rounds take turns over the contenders, so that what disturbs the machine
 * disturbs all.
 */
#include "bench/bench.h"
#include "bench/floor.h"
#include "bench/stage.h"
#include "core/err.h"
#include "core/timebase.h"

static const struct doc_column columns[] = {
    {"cpu_us_per_packet", "CPU us/packet", 1, 3},
    {"server_cpu_cores", "server cores", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
    {"packets_per_s", "packets/s", 1, 0},
    {"loss", "loss %", 100, 3},
    {"delay_p99_us", "p99 delay ms", 1e-3, 2},
    {"viewer_rss_bytes", "KiB/viewer", 1.0 / 1024, 1},
};

/* ---- rounds ---- */

static struct doc_row *row_of(const struct stage_config *config, const char *server,
                              uint32_t viewers)
{
    const struct doc_param params[] = {{.name = "viewers", .value = viewers}};

    return document_row(config->document, "broadcast", server, params, ARRAY_LEN(params));
}

static int run_round(const struct stage_config *config, uint32_t viewers)
{
    struct stage *s = NULL;
    int err = stage_open(&s, config);

    if (err != 0)
        return err == E_UNSUPPORTED ? 0 : err; /* left out, and said */
    if ((err = stage_publish(s, 1)) == 0 && (err = stage_fill(s, viewers)) == 0) {
        stage_idle(s, config->options->warmup * US_PER_S);
        err = stage_measure(s, config->options->seconds,
                            document_round(row_of(config, config->contender->id, viewers)));
    }
    stage_close(&s);
    return err;
}

static void report_floor(const struct stage_config *config, uint32_t viewers,
                         const struct floor_result *f)
{
    struct doc_round *r = document_round(row_of(config, "floor", viewers));
    double each_us = (double)f->cpu_ns / 1e3 / (double)MAX(f->packets, 1u);
    double own = (double)f->own_ns / 1e3 / (double)f->window_us;
    uint64_t lost = f->all_sent > f->all_received ? f->all_sent - f->all_received : 0;

    document_server(config->document, "floor", "floor", "", "AEAD_AES_128_GCM");
    document_server_note(config->document, "floor", f->cipher);
    document_value(r, "cpu_us_per_packet", each_us);
    document_value(r, "encrypt_us_per_packet", each_us * f->encrypt_share);
    document_value(r, "send_us_per_packet", each_us * (1 - f->encrypt_share));
    document_value(r, "server_cpu_cores", (double)f->cpu_ns / 1e9 / config->options->seconds);
    document_value(r, "generator_cpu_cores", own);
    document_value(r, "packets_per_s", (double)f->packets / config->options->seconds);
    document_value(r, "loss", (double)lost / (double)MAX(f->all_sent, 1u));
    if (lost > 0)
        document_invalidate(r, "%llu packets of the floor were lost", (unsigned long long)lost);
    document_tell_round(r, "floor");
}

static int run_floor(const struct stage_config *config, uint32_t viewers)
{
    const struct floor_config floor = {.clip = config->clips->clip[OFFER_ENCODINGS - 1],
                                       .viewers = viewers,
                                       .seconds = config->options->seconds,
                                       .profile = SRTP_PROFILE_AEAD_AES_128_GCM,
                                       .cpu = (int)config->options->cpu};
    struct floor_result result;
    int err = floor_measure(&floor, &result);

    if (err == 0)
        report_floor(config, viewers, &result);
    return err;
}

static void compare_with_floor(const struct stage_config *config, const struct contenders *all,
                               uint32_t viewers)
{
    double floor;

    if (!document_median(row_of(config, "floor", viewers), "cpu_us_per_packet", &floor))
        return;
    for (size_t i = 0; i < all->count; i++)
        if (!all->at[i].is_out)
            document_divide(row_of(config, all->at[i].id, viewers), "cpu_us_per_packet", floor,
                            "times_floor");
}

/* A round that fails is told and does not end the others. */
static int run_viewers(const struct stage_config *base, struct contenders *all, uint32_t viewers)
{
    int first_err = 0;

    for (uint32_t round = 0; round < base->options->rounds; round++) {
        int err = run_floor(base, viewers);
        first_err = first_err != 0 ? first_err : err;
        for (size_t i = 0; i < all->count; i++) {
            struct stage_config config = *base;
            config.contender = &all->at[i];
            err = config.contender->is_out ? 0 : run_round(&config, viewers);
            first_err = first_err != 0 ? first_err : err;
        }
    }
    compare_with_floor(base, all, viewers);
    return first_err;
}

int bench_broadcast(const struct bench_options *o, struct document *d)
{
    static const struct option_list usual = {{20, 100, 400, 1000}, 4};
    const struct option_list *counts = o->viewers.count > 0 ? &o->viewers : &usual;
    struct contenders all;
    struct clips clips;
    struct stage_config config = {
        .options = o, .document = d, .clips = &clips, .workers = o->workers};
    int err = conditions_load_clips(o, &clips, d);

    if (err != 0)
        return err;
    conditions_pin_generator(o);
    contenders_of(o, &all);
    for (size_t i = 0; i < counts->count; i++) {
        int one = run_viewers(&config, &all, counts->value[i]);
        err = err != 0 ? err : one;
    }
    document_print(d, "broadcast", columns, ARRAY_LEN(columns));
    conditions_free_clips(&clips);
    return err;
}
