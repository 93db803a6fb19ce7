/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro.h - measures small pieces of work: each in slices of CPU time, in turns, so that what disturbs the machine disturbs all.
 *
 * With --iterations N every piece does its work N times and no more, for callgrind.
 */
#pragma once

#include <stddef.h>

#include "bench/document.h"
#include "bench/options.h"

#define MICRO_MAX_PARAMS 4

struct micro {
    struct doc_param param[MICRO_MAX_PARAMS]; /* tells the rows apart */
    size_t params;
    size_t items;               /* packets of one call of work */
    void (*prepare)(void *arg); /* before each call of work, not measured; NULL: nothing to do */
    void (*work)(void *arg);
    void *arg;
};

/** Measure all of them for --seconds in all, into rows of @bench with the metric cpu_us (of one item), and print the table. */
void micro_run(const char *bench, const struct micro *pieces, size_t n,
               const struct bench_options *options, struct document *d);
