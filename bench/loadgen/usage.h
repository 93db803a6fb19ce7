/* SPDX-License-Identifier: Apache-2.0 */
/* usage.h - CPU time, by thread name, and resident memory of processes, from /proc. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/attr.h"

#define USAGE_MAX_THREADS 64 /* names; what is past them counts in the sum only */
#define USAGE_NAME_LEN 16

struct usage {
    uint64_t cpu_ns; /* all threads that live */
    uint64_t rss_bytes;
    size_t thread_count;
    struct usage_thread {
        char name[USAGE_NAME_LEN];
        uint64_t cpu_ns;
    } thread[USAGE_MAX_THREADS]; /* threads of one name are one row */
};

/** Read them. Threads that ended since take their time with them. Errors: E_NOT_FOUND when none of the processes lives. */
MUST_CHECK int usage_read(struct usage *out, const pid_t *pids, size_t n);
/* What processors did since the system started, in ticks of 1/usage_ticks_per_s(). */
struct usage_core {
    uint64_t busy, stolen; /* for whomever; taken by the hypervisor */
};

/** Sum up the lines in /proc/stat of @count processors from @cpu on; those that are not there add nothing. */
struct usage_core usage_read_cores(unsigned cpu, unsigned count);
double usage_ticks_per_s(void);
