/* SPDX-License-Identifier: Apache-2.0 */
/* registry_stats.c - one question to all media workers; it is freed with the last answer, when the registry may be gone. */
#include "core/mem.h"
#include "rooms/rooms_internal.h"

struct question;

/* One worker's part of the question. */
struct part {
    struct question *question;
    struct registry_host_stats *to;
};

struct question {
    struct registry_stats stats;
    struct registry_host_stats *host;
    struct part *part;
    size_t missing; /* answers, and one for the asking itself */
    void (*on_stats)(const struct registry_stats *stats, void *arg);
    void *arg;
};

static void note_answer(struct question *q)
{
    if (--q->missing > 0)
        return;
    q->on_stats(&q->stats, q->arg);
    mem_free(q->part);
    mem_free(q->host);
    mem_free(q);
}

static void on_host_stats(int err, const struct sfu_host_stats *stats, void *arg)
{
    const struct part *part = arg;

    part->to->err = err;
    if (err == 0)
        part->to->host = *stats;
    note_answer(part->question);
}

static struct question *question_new(const struct registry *g)
{
    struct question *q = MEM_NEW(struct question);

    q->host = mem_alloc_array(g->host_count + 1, sizeof(*q->host));
    q->part = mem_alloc_array(g->host_count + 1, sizeof(*q->part));
    q->missing = g->host_count + 1;
    q->stats = (struct registry_stats){
        .is_draining = g->is_draining,
        .rooms = registry_room_count(g),
        .participants = g->participant_count,
        .rooms_created = g->rooms_created,
        .joins = g->joins,
        .host = q->host,
        .host_count = g->host_count,
    };
    return q;
}

void registry_read_stats(struct registry *g,
                         void (*on_stats)(const struct registry_stats *stats, void *arg), void *arg)
{
    struct question *q = question_new(g);

    q->on_stats = on_stats;
    q->arg = arg;
    for (size_t i = 0; i < g->host_count; i++) {
        const struct registry_host *h = &g->host[i];

        q->part[i] = (struct part){.question = q, .to = &q->host[i]};
        q->host[i].index = sfu_host_index(h->host);
        q->host[i].rooms = h->room_count;
        q->host[i].participants = h->participant_count;
        sfu_host_read_stats(h->host, on_host_stats, &q->part[i]);
    }
    note_answer(q);
}
