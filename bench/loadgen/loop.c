/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - see loop.h. */
#include "bench/loadgen/loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/deadline.h"
#include "core/mem.h"
#include "core/timebase.h"

#define MAX_EVENTS 256
#define MAX_WAIT_US 20000ull /* is_done is asked at least so often */

struct loop {
    int epoll;
    struct wheel *wheel;
    uint64_t now_us, rest_us;
    struct epoll_event event[MAX_EVENTS];
    int event_count; /* of this turn; one whose source went away has a NULL pointer */
};

int loop_new(struct loop **out)
{
    struct loop *l = MEM_NEW(struct loop);

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        int err = -errno;
        mem_free(l);
        return err;
    }
    l->now_us = timebase_now_us();
    l->wheel = wheel_new(l->now_us);
    *out = l;
    return 0;
}

void loop_free(struct loop **lp)
{
    struct loop *l = *lp;

    if (l == NULL)
        return;
    *lp = NULL;
    close(l->epoll);
    wheel_free(&l->wheel);
    mem_free(l);
}

int loop_watch(struct loop *l, struct loop_source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};

    if (epoll_ctl(l->epoll, s->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, s->fd, &e) != 0)
        return -errno;
    s->is_watched = true;
    return 0;
}

void loop_unwatch(struct loop *l, struct loop_source *s)
{
    if (!s->is_watched)
        return;
    s->is_watched = false;
    (void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, s->fd, NULL);
    for (int i = 0; i < l->event_count; i++)
        if (l->event[i].data.ptr == s)
            l->event[i].data.ptr = NULL;
}

struct wheel *loop_wheel(struct loop *l)
{
    return l->wheel;
}

uint64_t loop_now_us(const struct loop *l)
{
    return l->now_us;
}

void loop_set_rest(struct loop *l, uint64_t us)
{
    l->rest_us = us;
}

static struct timespec timespec_of(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / US_PER_S),
                             .tv_nsec = (long)(us % US_PER_S * 1000)};
}

static void turn(struct loop *l, uint64_t wait_us)
{
    struct timespec rest = timespec_of(MIN(l->rest_us, wait_us));
    struct timespec wait = timespec_of(l->rest_us > 0 ? 0 : wait_us);

    if (l->rest_us > 0)
        (void)ppoll(NULL, 0, &rest, NULL);
    l->event_count = epoll_pwait2(l->epoll, l->event, MAX_EVENTS, &wait, NULL);
    l->now_us = timebase_now_us();
    for (int i = 0; i < l->event_count; i++) {
        struct loop_source *s = l->event[i].data.ptr;
        if (s != NULL)
            s->on_ready(s, l->event[i].events, l->now_us);
        if (i % 16 == 15) { /* what is due is not kept waiting behind a long turn */
            l->now_us = timebase_now_us();
            wheel_advance(l->wheel, l->now_us);
        }
    }
    l->event_count = 0;
    l->now_us = timebase_now_us();
    wheel_advance(l->wheel, l->now_us);
}

bool loop_run(struct loop *l, uint64_t until_us, bool (*is_done)(void *arg), void *arg)
{
    for (;;) {
        l->now_us = timebase_now_us();
        if (is_done != NULL && is_done(arg))
            return true;
        if (l->now_us >= until_us)
            return false;
        uint64_t next_us = MIN(wheel_next_us(l->wheel), until_us);
        uint64_t wait_us = next_us > l->now_us ? next_us - l->now_us : 0;
        turn(l, MIN(wait_us, MAX_WAIT_US));
    }
}
