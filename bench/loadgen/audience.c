/* SPDX-License-Identifier: Apache-2.0 */
/* audience.c - see audience.h. */
#include "bench/loadgen/audience.h"

#include <stdio.h>
#include <string.h>

#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "core/check.h"
#include "core/mem.h"
#include "core/str.h"

#define MAX_URL_LEN 2048

struct audience {
    struct audience_config config;
    struct viewer *viewer; /* capacity of them; the first @started were opened */
    size_t started;
    size_t unanswered; /* requests in flight */
    size_t leaving;    /* the first so many were told to leave */
    size_t gone;
    bool is_leaving;
    struct audience_state state;
    struct viewer_handlers handlers;
};

/* ---- what viewers tell ---- */

static void on_answered(struct viewer *v, void *arg)
{
    struct audience *a = arg;

    (void)v;
    a->unanswered--;
}

static void on_open(struct viewer *v, uint64_t now_us, void *arg)
{
    struct audience *a = arg;

    if (a->state.open++ == 0)
        a->state.profile = endpoint_profile(v->session.endpoint);
    a->state.last_open_us = now_us;
    histogram_add(&a->state.join_us, now_us - v->session.posted_us);
}

static void on_picture(struct viewer *v, void *arg)
{
    struct audience *a = arg;

    a->state.pictures++;
    histogram_add(&a->state.picture_us,
                  v->picture_us > v->session.open_us ? v->picture_us - v->session.open_us : 0);
}

static void on_delay(struct viewer *v, uint64_t delay_us, void *arg)
{
    struct audience *a = arg;

    (void)v;
    histogram_add(&a->state.delay_us, delay_us);
}

static void on_media(struct viewer *v, bool is_video, const struct datagram *clear, void *arg)
{
    struct audience *a = arg;

    (void)v;
    a->config.on_media(is_video, clear, a->config.arg);
}

static void on_ended(struct viewer *v, void *arg)
{
    struct audience *a = arg;

    if (a->is_leaving) {
        a->gone++;
        return;
    }
    if (v->session.endpoint == NULL && a->unanswered > 0)
        a->unanswered--;
    if (v->has_picture)
        a->state.pictures--;
    if (a->state.failed++ == 0)
        (void)snprintf(a->state.failure, sizeof(a->state.failure), "%s", session_why(&v->session));
}

/* ---- joining ---- */

static void open_next(struct audience *a)
{
    size_t index = a->started++;
    unsigned every = a->config.sample_every;
    struct viewer_config config = {.generator = a->config.generator,
                                   .has_audio = a->config.has_audio,
                                   .is_sampled = every > 0 && index % every == 0};
    struct strbuf url;

    strbuf_init(&url, MAX_URL_LEN);
    a->config.write_url(index, &url, a->config.arg);
    config.url = url.p;
    if (a->state.first_post_us == 0)
        a->state.first_post_us = loop_now_us(a->config.generator->loop);
    a->unanswered++;
    viewer_open(&a->viewer[index], &config, &a->handlers, a);
    strbuf_fini(&url);
}

static bool is_settled(void *arg)
{
    struct audience *a = arg;

    while (a->started < a->state.wanted && a->unanswered < AUDIENCE_IN_FLIGHT)
        open_next(a);
    return a->state.pictures + a->state.failed >= a->state.wanted;
}

void audience_add(struct audience *a, size_t n)
{
    a->state.wanted = MIN(a->state.wanted + n, a->config.capacity);
}

bool audience_settle(struct audience *a, uint64_t timeout_us)
{
    struct loop *l = a->config.generator->loop;

    return loop_run(l, loop_now_us(l) + timeout_us, is_settled, a);
}

/* ---- leaving ---- */

static bool has_left(void *arg)
{
    struct audience *a = arg;

    while (a->leaving < a->started && a->leaving - a->gone < AUDIENCE_IN_FLIGHT)
        viewer_delete(&a->viewer[a->leaving++]);
    return a->gone >= a->started;
}

void audience_leave(struct audience *a, uint64_t timeout_us)
{
    struct loop *l = a->config.generator->loop;

    a->is_leaving = true;
    a->state.wanted = a->started;
    (void)loop_run(l, loop_now_us(l) + timeout_us, has_left, a);
}

/* ---- life and counts ---- */

struct audience *audience_new(const struct audience_config *config)
{
    struct audience *a = MEM_NEW(struct audience);

    a->config = *config;
    a->handlers = (struct viewer_handlers){.on_answered = on_answered,
                                           .on_open = on_open,
                                           .on_picture = on_picture,
                                           .on_delay = on_delay,
                                           .on_media = config->on_media != NULL ? on_media : NULL,
                                           .on_ended = on_ended};
    a->viewer = mem_alloc_array(config->capacity, sizeof(*a->viewer));
    return a;
}

void audience_free(struct audience **ap)
{
    struct audience *a = *ap;

    if (a == NULL)
        return;
    *ap = NULL;
    for (size_t i = 0; i < a->started; i++)
        viewer_close(&a->viewer[i]);
    mem_free(a->viewer);
    mem_free(a);
}

const struct audience_state *audience_state(const struct audience *a)
{
    return &a->state;
}

void audience_clear_delay(struct audience *a)
{
    histogram_clear(&a->state.delay_us);
}

void audience_read_totals(const struct audience *a, struct viewer_totals *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < a->started; i++)
        viewer_add_totals(&a->viewer[i], out);
}
