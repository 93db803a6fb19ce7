/* SPDX-License-Identifier: Apache-2.0 */
/*
 * floor.c - the receiving half, and both together: the sender is a process of its own, so that it can stand on the server's core; it
 * tells its figures through a pipe.
 */
#include "bench/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/floor_sender.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/recv_batch.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/timebase.h"

#define REST_US 1000
#define SENDER_BUFFER_BYTES (8 * 1024 * 1024)

struct receiver {
    struct loop_source source;
    struct floor_run *run;
};

struct floor_run {
    const struct floor_config *config;
    struct loop *loop;
    struct recv_batch *recv;
    struct receiver *receiver;
    int from; /* the sender's socket */
    struct floor_viewer *viewer;
    struct loop_source pipe;
    bool is_over;
    ssize_t pipe_bytes;
    struct floor_result result;
    uint64_t received;
};

static void on_datagrams(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct receiver *r = CONTAINER_OF(source, struct receiver, source);
    struct datagram *batch;
    bool is_drained = false;

    (void)events;
    while (!is_drained)
        r->run->received +=
            recv_batch_read(r->run->recv, source->fd, RECV_HEADS, now_us, &batch, &is_drained);
}

static void on_result(struct loop_source *source, uint32_t events, uint64_t now_us)
{
    struct floor_run *r = CONTAINER_OF(source, struct floor_run, pipe);

    (void)events;
    (void)now_us;
    r->pipe_bytes = read(source->fd, &r->result, sizeof(r->result));
    r->is_over = true;
}

static bool is_over(void *arg)
{
    return ((struct floor_run *)arg)->is_over;
}

static int open_sockets(struct floor_run *r)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct recv_socket_config config = {.gro = r->config->gro};
    socklen_t len = sizeof(any);
    int buffer = SENDER_BUFFER_BYTES, err = 0;
    struct addr from;

    r->from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (r->from < 0 || bind(r->from, (struct sockaddr *)&any, len) != 0 ||
        getsockname(r->from, (struct sockaddr *)&any, &len) != 0)
        return -errno;
    (void)setsockopt(r->from, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
    from = addr_of_sockaddr((struct sockaddr *)&any);
    for (size_t i = 0; i < r->config->viewers && err == 0; i++) {
        struct receiver *v = &r->receiver[i];
        v->run = r;
        v->source =
            (struct loop_source){.fd = recv_socket_open(&from, &config), .on_ready = on_datagrams};
        if (v->source.fd < 0)
            return v->source.fd;
        len = sizeof(r->viewer[i].to);
        err = loop_watch(r->loop, &v->source, EPOLLIN | EPOLLET);
        if (getsockname(v->source.fd, (struct sockaddr *)&r->viewer[i].to, &len) != 0)
            err = -errno;
    }
    return err;
}

static _Noreturn void be_sender(struct floor_run *r, int pipe)
{
    struct floor_result result = {0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (floor_send(r->config, r->from, r->viewer, &result) == 0)
        (void)!write(pipe, &result, sizeof(result));
    _exit(0);
}

static int run_both(struct floor_run *r)
{
    uint64_t begin_us, own_ns, timeout_us = (uint64_t)(r->config->seconds * 3e6) + 30 * US_PER_S;
    int pipes[2], err;
    pid_t pid;

    if (pipe2(pipes, O_CLOEXEC) != 0)
        return -errno;
    r->pipe = (struct loop_source){.fd = pipes[0], .on_ready = on_result};
    err = loop_watch(r->loop, &r->pipe, EPOLLIN);
    pid = err == 0 ? fork() : -1;
    if (pid == 0)
        be_sender(r, pipes[1]);
    close(pipes[1]);
    begin_us = timebase_now_us();
    own_ns = timebase_thread_cpu_ns();
    loop_set_rest(r->loop, REST_US);
    if (pid > 0)
        (void)loop_run(r->loop, begin_us + timeout_us, is_over, r);
    r->result.own_ns = timebase_thread_cpu_ns() - own_ns;
    r->result.window_us = timebase_now_us() - begin_us;
    loop_unwatch(r->loop, &r->pipe);
    (void)loop_run(r->loop, timebase_now_us() + 20 * US_PER_MS, NULL, NULL); /* what is left */
    close(pipes[0]);
    if (pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    r->result.all_received = r->received;
    return r->pipe_bytes == (ssize_t)sizeof(r->result) ? 0 : E_STATE;
}

static void close_run(struct floor_run *r)
{
    for (size_t i = 0; i < r->config->viewers; i++) {
        loop_unwatch(r->loop, &r->receiver[i].source);
        if (r->receiver[i].source.fd > 0)
            close(r->receiver[i].source.fd);
    }
    if (r->from >= 0)
        close(r->from);
    recv_batch_free(&r->recv);
    loop_free(&r->loop);
    mem_free(r->receiver);
    mem_free(r->viewer);
    mem_free(r);
}

int floor_measure(const struct floor_config *config, struct floor_result *out)
{
    struct floor_run *r = MEM_NEW(struct floor_run);
    int err = loop_new(&r->loop);

    if (err != 0) {
        mem_free(r);
        return err;
    }
    r->config = config;
    r->from = -1;
    r->recv = recv_batch_new(config->gro);
    r->receiver = mem_alloc_array(config->viewers, sizeof(*r->receiver));
    r->viewer = mem_alloc_array(config->viewers, sizeof(*r->viewer));
    err = open_sockets(r);
    if (err == 0)
        err = run_both(r);
    *out = r->result;
    close_run(r);
    return err;
}
