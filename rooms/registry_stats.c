/* SPDX-License-Identifier: Apache-2.0 */
/* registry_stats.c - one question to all media workers and mixers; it is freed with the last answer, when the registry may be gone. */
#include "core/mem.h"
#include "rooms/mixers.h"
#include "rooms/rooms_internal.h"

struct question;

/* One worker's part of the question, or one mixer's. */
struct part {
    struct question *question;
    struct registry_host_stats *to;
    struct registry_mixer_stats *to_mixer;
};

struct question {
    struct registry_stats stats;
    struct registry_host_stats *host;
    struct registry_mixer_stats *mixer;
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
    mem_free(q->mixer);
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

static void on_mixer_stats(int err, const struct mixer_stats *stats, void *arg)
{
    const struct part *part = arg;

    part->to_mixer->err = err;
    if (err == 0)
        part->to_mixer->mixer = *stats;
    note_answer(part->question);
}

static struct question *question_new(const struct registry *g)
{
    struct question *q = MEM_NEW(struct question);
    size_t mixers = mixers_count(g->mixers);

    q->host = mem_alloc_array(g->host_count + 1, sizeof(*q->host));
    q->mixer = mem_alloc_array(mixers + 1, sizeof(*q->mixer));
    q->part = mem_alloc_array(g->host_count + mixers + 1, sizeof(*q->part));
    q->missing = g->host_count + mixers + 1;
    q->stats = (struct registry_stats){
        .is_draining = g->is_draining,
        .rooms = registry_room_count(g),
        .participants = g->participant_count,
        .rooms_created = g->rooms_created,
        .joins = g->joins,
        .host = q->host,
        .host_count = g->host_count,
        .mixer = q->mixer,
        .mixer_count = mixers,
    };
    return q;
}

static void ask_mixers(const struct registry *g, struct question *q)
{
    for (size_t i = 0; i < q->stats.mixer_count; i++) {
        struct part *part = &q->part[g->host_count + i];
        *part = (struct part){.question = q, .to_mixer = &q->mixer[i]};
        q->mixer[i].index = (unsigned)i;
        mixer_read_stats(mixers_at(g->mixers, i), on_mixer_stats, part);
    }
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
    ask_mixers(g, q);
    note_answer(q);
}
