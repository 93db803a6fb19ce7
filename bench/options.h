/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line of parley-bench: names of benchmarks, then options (README.md lists them). */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/loadgen/publisher.h"
#include "core/attr.h"

#define OPTIONS_MAX_LIST 16

struct option_list {
    uint32_t value[OPTIONS_MAX_LIST];
    size_t count;
};

struct bench_options {
    const char *name[OPTIONS_MAX_LIST]; /* of the benchmarks to run */
    size_t name_count;
    uint32_t seconds, warmup, rounds;
    struct option_list viewers, sizes; /* empty: the scenario's own */
    uint32_t joins, workers, sample, iterations;
    enum pacing pacing;
    bool simulcast, audio, gro, ramp, only_peers;
    double max_loss;
    uint32_t max_delay_ms;
    const char *peer[OPTIONS_MAX_LIST];
    size_t peer_count;
    const char *server_args, *url_whip, *url_whep;
    pid_t pid[OPTIONS_MAX_LIST];
    size_t pid_count;
    uint32_t cpu, generator_cpu;
    const char *json;                                      /* NULL: none */
    char server[PATH_MAX], log[PATH_MAX], clips[PATH_MAX]; /* as given, or beside this program */
    char sources[PATH_MAX];                                /* folder that holds bench/peers */
};

/** Read the arguments behind the program's name. Errors: E_INVALID, the reason is printed. */
MUST_CHECK int options_read(struct bench_options *out, int argc, char **argv);
