/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - see child.h. */
#include "bench/loadgen/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/err.h"
#include "core/timebase.h"

#define WAIT_STEP_MS 10

void child_init(struct child *c)
{
    *c = (struct child){.to_stdin = -1, .from_stdout = -1};
}

/* ---- in the child ---- */

static void pin(int cpu, unsigned cpus)
{
    cpu_set_t set;

    if (cpu < 0)
        return;
    CPU_ZERO(&set);
    for (unsigned i = 0; i < cpus; i++)
        CPU_SET((unsigned)cpu + i, &set);
    (void)sched_setaffinity(0, sizeof(set),
                            &set); /* processors that are not there are passed over */
}

struct pipes {
    int in[2], out[2], failure[2]; /* -1: none */
};

static _Noreturn void become(char *const *argv, int cpu, unsigned cpus, const char *log_path,
                             const struct pipes *p)
{
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), err;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(cpu, cpus);
    if (log < 0)
        log = null;
    if (dup2(p->in[0] >= 0 ? p->in[0] : null, STDIN_FILENO) >= 0 &&
        dup2(p->out[1] >= 0 ? p->out[1] : log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0)
        (void)execvp(argv[0], argv);
    err = errno;
    (void)!write(p->failure[1], &err, sizeof(err));
    _exit(127);
}

/* ---- here ---- */

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_pipes(struct pipes *p, bool is_piped)
{
    *p = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(p->failure, O_CLOEXEC) != 0)
        return -errno;
    if (is_piped && (pipe2(p->in, O_CLOEXEC) != 0 || pipe2(p->out, O_CLOEXEC) != 0))
        return -errno;
    return 0;
}

int child_start(struct child *c, char *const *argv, int cpu, unsigned cpus, const char *log_path,
                bool is_piped)
{
    struct pipes p;
    int err = open_pipes(&p, is_piped), failure = 0;

    child_init(c);
    if (err == 0) {
        c->pid = fork();
        if (c->pid == 0)
            become(argv, cpu, cpus, log_path, &p);
        if (c->pid < 0)
            err = -errno;
    }
    close_end(&p.in[0]);
    close_end(&p.out[1]);
    close_end(&p.failure[1]);
    c->to_stdin = p.in[1];
    c->from_stdout = p.out[0];
    /* The pipe closes by itself when the program runs. */
    if (err == 0 && read(p.failure[0], &failure, sizeof(failure)) == (ssize_t)sizeof(failure))
        err = -failure;
    close_end(&p.failure[0]);
    if (err != 0)
        child_end(c, 0);
    return err;
}

int child_read_line(struct child *c, char *out, size_t size, uint64_t timeout_us)
{
    uint64_t end_us = timebase_now_us() + timeout_us;
    size_t len = 0;

    for (;;) {
        uint64_t now_us = timebase_now_us();
        struct pollfd fd = {.fd = c->from_stdout, .events = POLLIN};
        if (now_us >= end_us || poll(&fd, 1, (int)((end_us - now_us) / 1000 + 1)) == 0)
            return E_TIMEOUT;
        ssize_t n = read(c->from_stdout, out + len, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? E_STATE : -errno;
        if (out[len] == '\n') {
            out[len] = 0;
            return 0;
        }
        if (++len == size)
            return E_LIMIT;
    }
}

bool child_is_alive(struct child *c)
{
    if (c->pid <= 0 || waitpid(c->pid, NULL, WNOHANG) == 0)
        return c->pid > 0;
    c->pid = 0;
    return false;
}

void child_end(struct child *c, uint64_t timeout_us)
{
    uint64_t end_us = timebase_now_us() + timeout_us;
    bool had_stdin = c->to_stdin >= 0;

    close_end(&c->to_stdin);
    close_end(&c->from_stdout);
    if (c->pid > 0 && !had_stdin)
        (void)kill(c->pid, SIGTERM);
    while (child_is_alive(c) && timebase_now_us() < end_us)
        (void)poll(NULL, 0, WAIT_STEP_MS);
    if (c->pid > 0) {
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0);
        c->pid = 0;
    }
}
