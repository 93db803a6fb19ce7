/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_process.c - what Linux tells of this process: /proc and getrusage, under the names that Prometheus' clients use. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/metrics.h"
#include "core/mem.h"
#include "core/timebase.h"

static void read_memory(struct metrics_snapshot *s)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128], *end;
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);

    if (file == NULL)
        return;
    if (fgets(line, sizeof(line), file) != NULL) {
        s->virtual_bytes = strtoull(line, &end, 10) * page_bytes;
        s->resident_bytes = strtoull(end, NULL, 10) * page_bytes;
    }
    (void)fclose(file);
}

/* The kernel tells the number as the folder's size since 6.2; before, the entries are counted. */
static uint64_t count_fds(void)
{
    struct stat st;
    uint64_t n = 0;
    DIR *folder;

    if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
        return (uint64_t)st.st_size;
    folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder))
        n += e->d_name[0] != '.';
    (void)closedir(folder);
    return n - 1; /* the one that reads */
}

static uint64_t us_of(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * US_PER_S + (uint64_t)t->tv_usec;
}

void metrics_read_process(struct metrics_snapshot *s)
{
    struct rusage usage;
    struct rlimit limit;
    int64_t bytes = mem_live_bytes(), blocks = mem_live_blocks();

    read_memory(s);
    s->open_fds = count_fds();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        s->max_fds = (uint64_t)limit.rlim_cur;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        s->cpu_us = us_of(&usage.ru_utime) + us_of(&usage.ru_stime);
    s->heap_bytes = bytes > 0 ? (uint64_t)bytes : 0;
    s->heap_blocks = blocks > 0 ? (uint64_t)blocks : 0;
}
