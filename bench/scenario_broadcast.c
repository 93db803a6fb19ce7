/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_broadcast.c - one publisher, n viewers: what a forwarded packet costs.
 *
 * Every round is a server of its own, started and ended; rounds take turns over the contenders, so that what disturbs the machine
 * disturbs all.
 */
#include "bench/bench.h"
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

static int run_round(const struct stage_config *config, uint32_t viewers)
{
    const struct doc_param params[] = {{.name = "viewers", .value = viewers}};
    struct stage *s = NULL;
    struct doc_row *row;
    int err = stage_open(&s, config);

    if (err == E_UNSUPPORTED)
        return 0;
    if (err != 0)
        return err;
    row = document_row(config->document, "broadcast", config->contender->id, params,
                       ARRAY_LEN(params));
    if ((err = stage_publish(s, 1)) == 0 && (err = stage_fill(s, viewers)) == 0) {
        stage_idle(s, config->options->warmup * US_PER_S);
        err = stage_measure(s, config->options->seconds, document_round(row));
    }
    stage_close(&s);
    return err;
}

static int run_viewers(const struct stage_config *base, struct contenders *all, uint32_t viewers)
{
    int first_err = 0;

    for (uint32_t round = 0; round < base->options->rounds; round++)
        for (size_t i = 0; i < all->count; i++) {
            struct stage_config config = *base;
            config.contender = &all->at[i];
            int err = config.contender->is_out ? 0 : run_round(&config, viewers);
            if (err != 0 && first_err == 0)
                first_err = err;
        }
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
