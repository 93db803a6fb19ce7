/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - the question outlives both asker and participant: it is freed when the worker has answered. */
#include "api/report.h"

#include <string.h>

#include "api/stats_json.h"
#include "core/err.h"
#include "core/mem.h"
#include "rooms/registry.h"

struct report_question {
    struct report_question **held; /* the asker's pointer, nulled when answered */
    void (*on_answer)(int err, json_t *stats, void *arg); /* NULL: forgotten */
    void *arg;
    struct stats_names names;
};

static void on_report(int err, struct sfu_transport_report *report, void *arg)
{
    struct report_question *q = arg;
    json_t *stats = NULL;

    if (q->on_answer != NULL) {
        *q->held = NULL;
        if (err == 0)
            stats = stats_json(report, &q->names);
        q->on_answer(err, stats, q->arg);
    }
    if (err == 0)
        mem_free(report->rtp);
    stats_names_fini(&q->names);
    mem_free(q);
}

void report_ask(struct report_question **out, struct participant *p,
                void (*on_answer)(int err, json_t *stats, void *arg), void *arg)
{
    struct report_question *q = MEM_NEW(struct report_question);

    *out = q;
    q->held = out;
    q->on_answer = on_answer;
    q->arg = arg;
    stats_names_init(&q->names, p);
    participant_read_report(p, on_report, q);
}

void report_forget(struct report_question **qp)
{
    if (*qp == NULL)
        return;
    (*qp)->on_answer = NULL;
    *qp = NULL;
}
