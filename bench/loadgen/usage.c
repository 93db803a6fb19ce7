/* SPDX-License-Identifier: Apache-2.0 */
/* usage.c - see usage.h. */
#include "bench/loadgen/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/err.h"
#include "core/str.h"

#define PATH_LEN 128

/* The first line of a small file; "" when it cannot be read. */
static void read_line(const char *path, char *out, int size)
{
    FILE *file = fopen(path, "r");

    out[0] = 0;
    if (file == NULL)
        return;
    if (fgets(out, size, file) == NULL)
        out[0] = 0;
    (void)fclose(file);
    out[strcspn(out, "\n")] = 0;
}

static struct usage_thread *find_thread(struct usage *u, const char *name)
{
    for (size_t i = 0; i < u->thread_count; i++)
        if (strcmp(u->thread[i].name, name) == 0)
            return &u->thread[i];
    if (u->thread_count == USAGE_MAX_THREADS)
        return NULL;
    struct usage_thread *t = &u->thread[u->thread_count++];
    (void)snprintf(t->name, sizeof(t->name), "%.15s", name);
    return t;
}

/* schedstat: time on a processor in ns, time waiting, times it ran. */
static void add_thread(struct usage *u, pid_t pid, const char *tid)
{
    char path[PATH_LEN], line[128], name[USAGE_NAME_LEN + 1];
    struct str rest = {line, 0};
    uint64_t ns;

    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/schedstat", (int)pid, tid);
    read_line(path, line, sizeof(line));
    rest.len = strlen(line);
    if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &ns))
        return;
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", (int)pid, tid);
    read_line(path, name, sizeof(name));
    u->cpu_ns += ns;
    struct usage_thread *t = find_thread(u, name);
    if (t != NULL)
        t->cpu_ns += ns;
}

static uint64_t rss_bytes(pid_t pid)
{
    char path[PATH_LEN], line[128];
    struct str rest = {line, 0};
    uint64_t pages = 0;

    (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    read_line(path, line, sizeof(line));
    rest.len = strlen(line);
    (void)str_cut(&rest, ' ');
    if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX / 65536, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int usage_read(struct usage *out, const pid_t *pids, size_t n)
{
    size_t found = 0;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        char path[PATH_LEN];
        (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pids[i]);
        DIR *dir = opendir(path);
        if (dir == NULL)
            continue;
        found++;
        for (struct dirent *e; (e = readdir(dir)) != NULL;)
            if (e->d_name[0] != '.')
                add_thread(out, pids[i], e->d_name);
        (void)closedir(dir);
        out->rss_bytes += rss_bytes(pids[i]);
    }
    return found > 0 ? 0 : E_NOT_FOUND;
}

/* "cpu0 user nice system idle iowait irq softirq steal …" */
static struct usage_core core_of_line(struct str rest)
{
    struct usage_core c = {0};

    (void)str_cut(&rest, ' ');
    for (unsigned i = 0; i < 8; i++) {
        uint64_t ticks = 0;
        if (!str_to_u64(str_cut(&rest, ' '), UINT64_MAX, &ticks))
            return c;
        if (i == 7)
            c.stolen = ticks;
        else if (i != 3 && i != 4) /* idle, waiting for a disk */
            c.busy += ticks;
    }
    return c;
}

/* The number behind "cpu", or -1: of the line of all, or another line. */
static int core_number(struct str line)
{
    struct str name = str_cut(&line, ' ');
    uint64_t n;

    if (!str_starts(name, STR("cpu")) ||
        !str_to_u64((struct str){name.p + 3, name.len - 3}, 65535, &n))
        return -1;
    return (int)n;
}

struct usage_core usage_read_cores(unsigned cpu, unsigned count)
{
    FILE *file = fopen("/proc/stat", "r");
    struct usage_core sum = {0};
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        int n = core_number(str_of(line));
        if (n < (int)cpu || n >= (int)(cpu + count))
            continue;
        struct usage_core c = core_of_line(str_of(line));
        sum.busy += c.busy;
        sum.stolen += c.stolen;
    }
    if (file != NULL)
        (void)fclose(file);
    return sum;
}

double usage_ticks_per_s(void)
{
    return (double)sysconf(_SC_CLK_TCK);
}
