/* SPDX-License-Identifier: Apache-2.0 */
/* core_watch.c - see core_watch.h. */
#include "bench/core_watch.h"

#include "core/timebase.h"

#define OWN_CPU_LIMIT 0.9 /* of a core: past it the generator is what is measured */
#define OTHERS_LIMIT 0.1  /* of a core: more, and somebody else is measured too */

void core_watch_begin(struct core_watch *w, const struct bench_options *o, unsigned cpus)
{
    *w = (struct core_watch){.cpu = o->cpu, .cpus = cpus, .own_cpu = o->generator_cpu};
    w->server = usage_read_cores(w->cpu, cpus);
    w->own = usage_read_cores(w->own_cpu, 1);
    w->begin_us = timebase_now_us();
}

static void judge(const char *whose, const struct usage_core *before, unsigned cpu, unsigned cpus,
                  double seconds, double rightful_cores, struct doc_round *r)
{
    struct usage_core now = usage_read_cores(cpu, cpus);
    double busy = (double)(now.busy - before->busy) / usage_ticks_per_s() / seconds;
    double stolen = (double)(now.stolen - before->stolen) / usage_ticks_per_s() / seconds;
    double others = busy - rightful_cores;

    if (others > OTHERS_LIMIT * cpus)
        document_invalidate(r, "something else used %.0f %% of %s", others * 100 / cpus, whose);
    if (stolen > OTHERS_LIMIT * cpus)
        document_invalidate(r, "the hypervisor took %.0f %% of %s", stolen * 100 / cpus, whose);
}

void core_watch_judge(const struct core_watch *w, double server_cores, double own_cores,
                      struct doc_round *r)
{
    double seconds = (double)(timebase_now_us() - w->begin_us) / 1e6;
    bool is_shared = w->own_cpu >= w->cpu && w->own_cpu < w->cpu + w->cpus;

    if (own_cores > OWN_CPU_LIMIT)
        document_invalidate(r, "the generator used %.0f %% of its core", own_cores * 100);
    judge(w->cpus == 1 ? "the server's core" : "the server's cores", &w->server, w->cpu, w->cpus,
          seconds, server_cores + (is_shared ? own_cores : 0), r);
    if (!is_shared)
        judge("the generator's core", &w->own, w->own_cpu, 1, seconds, own_cores, r);
}
