/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - who may ask, who waits, and the answer. What there is to tell is in metrics_write.c. */
#include "api/metrics.h"

#include <string.h>

#include "api/metrics_text.h"
#include "api/origin.h"
#include "api/problem.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/list.h"
#include "core/mem.h"
#include "core/timebase.h"

#define PATH "/metrics"
#define MAX_TEXT_BYTES (16u << 20) /* 256 workers fill half of it */

/* What the workers are asked. It outlives us when they have not answered yet. */
struct question {
    struct metrics *metrics; /* NULL: gone */
};

struct metrics {
    const struct config *config;
    struct registry *registry;
    struct worker *control;
    const struct http *http; /* of the latest request */
    uint64_t start_time_us;
    struct list waiters;
    struct question *question; /* NULL: nothing is asked */
};

struct waiter {
    struct list node;
    struct http_exchange *x;
};

/* ---- answering ---- */

static void refuse_all(struct metrics *m)
{
    struct refusal why;
    struct waiter *w;

    (void)refuse(&why, E_NO_MEMORY, NULL, "the answer is too long");
    while ((w = LIST_FIRST(&m->waiters, struct waiter, node)) != NULL) {
        list_remove(&w->node);
        problem_reply(w->x, &why, NULL);
        mem_free(w);
    }
}

static void answer_all(struct metrics *m, const struct strbuf *text)
{
    struct waiter *w;

    while ((w = LIST_FIRST(&m->waiters, struct waiter, node)) != NULL) {
        struct http_response response = {.status = 200,
                                         .content_type = METRICS_CONTENT_TYPE,
                                         .body = mem_strndup(text->p, text->len),
                                         .body_len = text->len,
                                         .header = {{"cache-control", "no-store"}}};

        list_remove(&w->node);
        http_reply(w->x, &response);
        mem_free(w);
    }
}

static void on_registry_stats(const struct registry_stats *stats, void *arg)
{
    struct question *q = arg;
    struct metrics *m = q->metrics;
    struct metrics_snapshot s = {.registry = stats};
    struct strbuf text;

    mem_free(q);
    if (m == NULL)
        return;
    m->question = NULL;
    if (list_is_empty(&m->waiters))
        return;
    s.start_time_us = m->start_time_us;
    http_read_stats(m->http, &s.http);
    worker_read_stats(m->control, &s.control);
    metrics_read_process(&s);
    strbuf_init(&text, MAX_TEXT_BYTES);
    metrics_write(&s, &text);
    if (text.failed)
        refuse_all(m);
    else
        answer_all(m, &text);
    strbuf_fini(&text);
}

/* ---- asking ---- */

static void on_client_gone(struct http_exchange *x, void *arg)
{
    struct waiter *w = arg;

    (void)x;
    list_remove(&w->node);
    mem_free(w);
}

static void ask(struct metrics *m, struct http_exchange *x)
{
    struct waiter *w = MEM_NEW(struct waiter);

    w->x = x;
    list_append(&m->waiters, &w->node);
    http_exchange_watch(x, on_client_gone, w);
    if (m->question != NULL)
        return;
    m->question = MEM_NEW(struct question);
    m->question->metrics = m;
    registry_read_stats(m->registry, on_registry_stats, m->question);
}

/* ---- may it? ---- */

/* A proxy on this machine passes on what comes from elsewhere. */
static bool is_from_this_machine(const struct http_request *request)
{
    struct addr a;

    return request->forwarded_for[0] == 0 && request->via[0] == 0 &&
           addr_parse(&a, str_of(request->remote)) == 0 && addr_is_loopback(&a);
}

bool metrics_are_shown_to(const struct config *config, const struct http_request *request)
{
    if (strcmp(config->http_metrics, "all") == 0)
        return true;
    return strcmp(config->http_metrics, "loopback") == 0 && is_from_this_machine(request);
}

static int admit(const struct metrics *m, const struct http_request *request, struct refusal *why)
{
    if (strcmp(m->config->http_metrics, "off") == 0)
        return refuse(why, E_NOT_FOUND, NULL, "there is no such resource");
    if (request->method != HTTP_GET && request->method != HTTP_HEAD) {
        (void)refuse(why, E_UNSUPPORTED, NULL, "%s is not possible here, but GET",
                     http_method_name(request->method));
        why->status = 405;
        return E_UNSUPPORTED;
    }
    if (!metrics_are_shown_to(m->config, request) ||
        !origin_is_served(m->config, request->origin, request->host))
        return refuse(why, E_DENIED, NULL, "metrics are shown to this machine only (http.metrics)");
    return 0;
}

void metrics_serve(struct metrics *m, const struct http *http, struct http_exchange *x,
                   const struct http_request *request)
{
    const struct http_response with = {.header = {{"allow", "GET"}}};
    struct refusal why;

    m->http = http;
    if (admit(m, request, &why) == 0)
        ask(m, x);
    else
        problem_reply(x, &why, problem_status(&why) == 405 ? &with : NULL);
}

bool metrics_owns(const char *path)
{
    return strcmp(path, PATH) == 0;
}

/* ---- life ---- */

struct metrics *metrics_new(const struct config *config, struct registry *registry,
                            struct worker *control)
{
    struct metrics *m = MEM_NEW(struct metrics);

    m->config = config;
    m->registry = registry;
    m->control = control;
    m->start_time_us = timebase_wall_us();
    list_init(&m->waiters);
    return m;
}

void metrics_free(struct metrics **mp)
{
    struct metrics *m = *mp;

    if (m == NULL)
        return;
    *mp = NULL;
    if (m->question != NULL)
        m->question->metrics = NULL;
    mem_free(m);
}
