/* SPDX-License-Identifier: Apache-2.0 */
/* micro.c - see micro.h. */
#include "bench/micro.h"

#include "core/attr.h"
#include "core/timebase.h"

#define SLICE_NS 20000000ull
#define SLICE_MAX_US 1000000ull /* by the clock: preparing may take most of it */
#define CALLS_BETWEEN_LOOKS 16  /* at the clock, where there is nothing to prepare */

/* Nanoseconds of CPU time for so many calls. */
static uint64_t run_calls(const struct micro *m, unsigned calls)
{
    uint64_t spent_ns = 0, begin_ns;

    if (m->prepare == NULL) {
        begin_ns = timebase_thread_cpu_ns();
        for (unsigned i = 0; i < calls; i++)
            m->work(m->arg);
        return timebase_thread_cpu_ns() - begin_ns;
    }
    for (unsigned i = 0; i < calls; i++) {
        m->prepare(m->arg);
        begin_ns = timebase_thread_cpu_ns();
        m->work(m->arg);
        spent_ns += timebase_thread_cpu_ns() - begin_ns;
    }
    return spent_ns;
}

/* CPU microseconds an item over one slice. */
static double run_slice(const struct micro *m, const struct bench_options *o)
{
    unsigned step = o->iterations > 0    ? o->iterations
                    : m->prepare != NULL ? 1
                                         : CALLS_BETWEEN_LOOKS;
    uint64_t spent_ns = 0, calls = 0, end_us = timebase_now_us() + SLICE_MAX_US;

    do {
        spent_ns += run_calls(m, step);
        calls += step;
    } while (o->iterations == 0 && spent_ns < SLICE_NS && timebase_now_us() < end_us);
    return (double)spent_ns / 1e3 / (double)(calls * m->items);
}

void micro_run(const char *bench, const struct micro *pieces, size_t n,
               const struct bench_options *o, struct document *d)
{
    static const struct doc_column columns[] = {{"cpu_us", "CPU us/packet", 1, 4}};
    uint64_t end_us = timebase_now_us() + o->seconds * US_PER_S;

    document_server(d, "parley", "Parley", PARLEY_VERSION, "");
    do {
        for (size_t i = 0; i < n; i++) {
            struct doc_row *row =
                document_row(d, bench, "parley", pieces[i].param, pieces[i].params);
            document_value(document_round(row), "cpu_us", run_slice(&pieces[i], o));
        }
    } while (o->iterations == 0 && timebase_now_us() < end_us);
    document_print(d, bench, columns, ARRAY_LEN(columns));
}
