/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.c - joins network namespaces by links of settable quality.
 *
 *     wire viewer=server/tv,viewer/t0 ...        NAME=NAMESPACE/DEVICE,NAMESPACE/DEVICE
 *
 * Makes the TUN devices and says "ready"; addresses and routes are the caller's. Then it carries packets, and takes commands on
 * standard input (command.h), until that ends. One thread: epoll, and a timer for the next packet that arrives.
 */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/attr.h"
#include "core/timebase.h"
#include "tests/net/command.h"
#include "tests/net/lane.h"
#include "tests/net/tun.h"

#define MAX_LINKS 16u
#define MAX_EVENTS 16
#define MAX_PACKET 65536u
#define MAX_LINE 1024u
#define READS_A_TURN 64 /* of one device, so that none waits for another */
#define DEFAULT_SEED 1u

enum { ID_STDIN = 2 * MAX_LINKS, ID_TIMER };

struct wire {
    struct link link[MAX_LINKS];
    struct links all;
    int fd[MAX_LINKS][LANES_OF_LINK]; /* fd[i][d]: the device that lane d reads from */
    int epoll, timer;
    uint64_t armed_ns;
    char line[MAX_LINE];
    size_t line_len;
    bool line_is_too_long, is_over;
    uint8_t packet[MAX_PACKET];
};

static uint64_t now_ns(void)
{
    return timebase_now_us() * LANE_NS_PER_US;
}

/* ---- packets -------------------------------------------------------------------------------------- */

static void take_in(struct wire *w, size_t i, size_t direction)
{
    struct lane *lane = w->link[i].lane[direction];
    uint64_t now = now_ns();

    for (int n = 0; n < READS_A_TURN; n++) {
        ssize_t len = read(w->fd[i][direction], w->packet, sizeof w->packet);
        if (len <= 0)
            return;
        lane_push(lane, w->packet, (size_t)len, now);
    }
}

/* A packet that the far device does not take (it is not up) is lost there, as with any other network card. */
static void give_out(struct wire *w, size_t i, size_t direction)
{
    struct lane *lane = w->link[i].lane[direction];
    int out = w->fd[i][LANES_OF_LINK - 1 - direction];
    uint64_t due;
    size_t len;

    while ((due = lane_next_ns(lane)) != UINT64_MAX) {
        uint64_t now = now_ns();
        if (due > now)
            return;
        w->all.late_max_ns = MAX(w->all.late_max_ns, now - due);
        if ((len = lane_pop(lane, w->packet, sizeof w->packet, now)) > 0 &&
            write(out, w->packet, len) < 0 && errno == EBADFD)
            w->is_over = true; /* the device was taken away */
    }
}

static void give_out_all(struct wire *w)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < w->all.count; i++)
        for (size_t d = 0; d < LANES_OF_LINK; d++) {
            give_out(w, i, d);
            next = MIN(next, lane_next_ns(w->link[i].lane[d]));
        }
    if (next == w->armed_ns)
        return;
    w->armed_ns = next;
    struct itimerspec when = {0}; /* never */
    if (next != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(next / LANE_NS_PER_S);
        when.it_value.tv_nsec = (long)(next % LANE_NS_PER_S);
    }
    (void)timerfd_settime(w->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* ---- commands ------------------------------------------------------------------------------------- */

static void end_line(struct wire *w)
{
    w->line[w->line_len] = '\0';
    if (w->line_is_too_long)
        printf("error: the line is too long\n");
    else if (command_run(&w->all, w->line, stdout, now_ns()) == COMMAND_QUIT)
        w->is_over = true;
    (void)fflush(stdout);
    w->line_len = 0;
    w->line_is_too_long = false;
}

static void read_commands(struct wire *w)
{
    char bytes[MAX_LINE];
    ssize_t len = read(STDIN_FILENO, bytes, sizeof bytes);

    if (len <= 0) {
        w->is_over = true;
        return;
    }
    for (ssize_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            end_line(w);
        else if (w->line_len + 1 < sizeof w->line)
            w->line[w->line_len++] = bytes[i];
        else
            w->line_is_too_long = true;
    }
}

/* ---- the links ------------------------------------------------------------------------------------ */

static bool watch(struct wire *w, int fd, uint32_t id)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};
    return fd >= 0 && epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* "NAMESPACE/DEVICE" */
static bool open_end(struct wire *w, size_t i, size_t direction, char *text)
{
    char *slash = strchr(text, '/');

    if (slash == NULL || slash == text || slash[1] == '\0') {
        fprintf(stderr, "wire: \"%s\" is no NAMESPACE/DEVICE\n", text);
        return false;
    }
    *slash = '\0';
    w->fd[i][direction] = tun_open(text, slash + 1);
    if (!watch(w, w->fd[i][direction], (uint32_t)(LANES_OF_LINK * i + direction))) {
        fprintf(stderr, "wire: device %s in namespace %s: %s\n", slash + 1, text, strerror(errno));
        return false;
    }
    return true;
}

/* "NAME=NAMESPACE/DEVICE,NAMESPACE/DEVICE" */
static bool open_link(struct wire *w, char *text)
{
    size_t i = w->all.count;
    char *equals = strchr(text, '='), *comma = strchr(text, ',');

    if (equals == NULL || comma == NULL || comma < equals || equals == text ||
        (size_t)(equals - text) >= COMMAND_MAX_NAME) {
        fprintf(stderr, "wire: \"%s\" is no NAME=NAMESPACE/DEVICE,NAMESPACE/DEVICE\n", text);
        return false;
    }
    *equals = *comma = '\0';
    (void)snprintf(w->link[i].name, sizeof w->link[i].name, "%s", text);
    for (size_t d = 0; d < LANES_OF_LINK; d++)
        w->link[i].lane[d] = lane_new(0);
    w->all.count++;
    return open_end(w, i, LANE_DOWN, equals + 1) && open_end(w, i, LANE_UP, comma + 1);
}

static bool open_all(struct wire *w, int count, char **texts)
{
    w->all.link = w->link;
    w->armed_ns = UINT64_MAX;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (w->epoll < 0 || !watch(w, w->timer, ID_TIMER) || !watch(w, STDIN_FILENO, ID_STDIN)) {
        fprintf(stderr, "wire: %s\n", strerror(errno));
        return false;
    }
    for (int i = 0; i < count; i++)
        if (!open_link(w, texts[i]))
            return false;
    command_seed(&w->all, DEFAULT_SEED);
    return true;
}

static void run(struct wire *w)
{
    struct epoll_event events[MAX_EVENTS];
    uint64_t expirations;

    while (!w->is_over) {
        int n = epoll_wait(w->epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            uint32_t id = events[i].data.u32;
            if (id == ID_STDIN) {
                read_commands(w);
            } else if (id == ID_TIMER) {
                if (read(w->timer, &expirations, sizeof expirations) > 0)
                    w->armed_ns = UINT64_MAX;
            } else {
                take_in(w, id / LANES_OF_LINK, id % LANES_OF_LINK);
            }
        }
        give_out_all(w);
    }
}

int main(int argc, char **argv)
{
    static struct wire w;

    if (argc < 2 || argc - 1 > (int)MAX_LINKS) {
        fprintf(stderr, "usage: wire NAME=NAMESPACE/DEVICE,NAMESPACE/DEVICE...   1 to %u links\n",
                MAX_LINKS);
        return 2;
    }
    /* Lateness here is delay in what is measured. Without the right to it, it goes without. */
    (void)sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1});
    bool is_open = open_all(&w, argc - 1, argv + 1);
    if (is_open) {
        printf("ready\n");
        (void)fflush(stdout);
        run(&w);
    }
    for (size_t i = 0; i < w.all.count; i++)
        for (size_t d = 0; d < LANES_OF_LINK; d++)
            lane_free(&w.link[i].lane[d]);
    return is_open ? 0 : 1;
}
