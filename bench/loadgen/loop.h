/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.h - the generator's event loop: epoll and a timing wheel, one thread.
 *
 * The server's worker (core/worker.h) serves few sockets with many endpoints behind each; here every endpoint has a socket, and
 * its memory and its wake-up are what limits how many fit on a core. Owner: whoever made it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/attr.h"

struct loop;
struct wheel;

/* A file descriptor that is watched. Lives inside its owner. */
struct loop_source {
    int fd;
    bool is_watched;
    /* @events as of epoll. May remove any source, this one too. */
    void (*on_ready)(struct loop_source *s, uint32_t events, uint64_t now_us);
};

/** Make it. Errors: -errno. */
MUST_CHECK int loop_new(struct loop **out);
void loop_free(struct loop **l);
/** Watch @s->fd for @events (EPOLLIN, EPOLLOUT), or change what is watched for. Errors: -errno. */
MUST_CHECK int loop_watch(struct loop *l, struct loop_source *s, uint32_t events);
/** Stop watching; before its fd is closed. Fine when it is not watched. */
void loop_unwatch(struct loop *l, struct loop_source *s);
struct wheel *loop_wheel(struct loop *l);
/** Monotonic time of this turn. */
uint64_t loop_now_us(const struct loop *l);
/**
 * Rest so long after each turn, deadlines excepted, so that datagrams gather and nobody is woken for each of them: neither we, nor at
 * the server's cost the server. For steady windows, where arrival is told by the kernel. 0: not at all.
 */
void loop_set_rest(struct loop *l, uint64_t us);
/** Run until @is_done(@arg) holds, which is asked once a turn, or until the time comes. Returns whether it held. NULL: until the time. */
bool loop_run(struct loop *l, uint64_t until_us, bool (*is_done)(void *arg), void *arg);
