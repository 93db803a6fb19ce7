/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_watch.h - whether a window was the server's and the generator's alone: whoever else ran on their cores, or the hypervisor, made
 * them wait, and caches are not theirs alone.
 */
#pragma once

#include <stdint.h>

#include "bench/document.h"
#include "bench/loadgen/usage.h"
#include "bench/options.h"

struct core_watch {
    unsigned cpu, cpus, own_cpu; /* the server's first and their number, ours */
    uint64_t begin_us;
    struct usage_core server, own;
};

/** Begin: the server runs on @cpus cores. */
void core_watch_begin(struct core_watch *w, const struct bench_options *o, unsigned cpus);
/** Add the reasons why what was measured since then may not count, given how many cores server and generator used themselves. */
void core_watch_judge(const struct core_watch *w, double server_cores, double own_cores,
                      struct doc_round *r);
