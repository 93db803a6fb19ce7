/* SPDX-License-Identifier: Apache-2.0 */
/* mixer.c - see mixer.h: the thread around mixes. Commands are in mixer_command.c. */
#include "mixer/mixer.h"

#include <stdio.h>

#include "core/check.h"
#include "core/doorbell.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/spsc.h"
#include "core/timebase.h"
#include "mixer/mixer_internal.h"

#define RING_PACKETS 4096        /* a worker's inputs: 400 ms at 10,000 packets a second */
#define MAX_PULLED_PER_TURN 4096 /* so that clocks get their turn */
#define REPORT_EVERY_US 1000000ull

/* ---- packets ---- */

static void on_ring(void *arg)
{
    struct mixer *m = arg;
    uint64_t now_us = worker_now_us(m->worker);
    unsigned n = 0;

    for (size_t i = 0; i < m->port_count; i++) {
        struct packet *pkt;
        while (n < MAX_PULLED_PER_TURN && (pkt = spsc_pull(m->port[i].from)) != NULL) {
            const struct inlet *in = map_get_u64(m->inlet_by_id, pkt->track);
            n++;
            if (in != NULL)
                mix_push(in->input, pkt, now_us);
            else
                m->stats.packets_unknown++;
            packet_unref(&pkt);
        }
    }
    m->stats.packets_in += n;
    if (n == MAX_PULLED_PER_TURN)
        doorbell_ring(m->bell);
}

/* From a mix to all workers that take this track. */
static void on_packet(struct packet *p, void *arg)
{
    struct hosted *h = arg;
    struct mixer *m = h->mixer;
    const struct outlet *o = map_get_u64(m->outlet_by_track, p->track);

    if (o == NULL) {
        m->stats.no_track++;
        return;
    }
    LIST_EACH(&o->takers, struct taker, node, t) {
        struct packet *theirs = packet_ref(p);
        if (spsc_push(m->port[t->port].to, theirs)) {
            m->stats.packets_out++;
            m->port[t->port].is_rung = true;
        } else {
            packet_unref(&theirs);
            m->stats.dropped++;
        }
    }
}

static void ring_ports(struct mixer *m)
{
    for (size_t i = 0; i < m->port_count; i++) {
        if (!m->port[i].is_rung)
            continue;
        m->port[i].is_rung = false;
        m->port[i].worker.ring(m->port[i].worker.arg);
    }
}

static void on_keyframe_wanted(uint64_t input, unsigned encoding, void *arg)
{
    struct mixer *m = ((struct hosted *)arg)->mixer;
    const struct inlet *in = map_get_u64(m->inlet_by_id, input);
    const struct mixer_port *port = in == NULL ? NULL : &m->port[in->port].worker;

    if (port != NULL)
        port->ask_keyframe(port->arg, input, encoding);
}

static void on_size_wanted(uint64_t input, int width, int height, void *arg)
{
    struct mixer *m = ((struct hosted *)arg)->mixer;
    const struct inlet *in = map_get_u64(m->inlet_by_id, input);
    const struct mixer_port *port = in == NULL ? NULL : &m->port[in->port].worker;

    if (port != NULL)
        port->set_size(port->arg, in->relay, width, height);
}

static void on_level(struct mix *mix, void *arg)
{
    struct hosted *h = arg;
    struct mixer_event *e = mixer_event_new(MIXER_EVENT_LEVEL, h->id);

    mix_read_stats(mix, &e->mix_stats);
    mixer_event_post(h->mixer, e);
}

const struct mix_env mixer_mix_env = {
    .cpu_ns = timebase_thread_cpu_ns,
    .on_packet = on_packet,
    .on_keyframe_wanted = on_keyframe_wanted,
    .on_size_wanted = on_size_wanted,
    .on_level = on_level,
};

/* ---- clocks ---- */

void mixer_tell_clock(struct mixer *m, const struct outlet *o, const struct taker *t,
                      uint64_t now_us)
{
    const struct mixer_port *port = &m->port[t->port].worker;
    struct mix_clock clock;

    if (mix_read_clock(o->hosted->mix, o->track, now_us, &clock) != 0)
        return;
    const struct mixer_report report = {
        .ts = clock.ts, .wall_us = timebase_wall_us(), .at_us = now_us};
    for (unsigned i = 0; i < o->encodings; i++)
        port->set_clock(port->arg, t->replica, i, &report);
}

static void tell_clocks(struct mixer *m, uint64_t now_us)
{
    m->reported_us = now_us;
    LIST_EACH(&m->mixes, struct hosted, node, h) {
        LIST_EACH(&h->outlets, struct outlet, node, o) {
            LIST_EACH(&o->takers, struct taker, node, t) {
                mixer_tell_clock(m, o, t, now_us);
            }
        }
    }
}

static void on_audio_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct mixer *m = arg;

    LIST_EACH(&m->mixes, struct hosted, node, h) {
        mix_run_audio(h->mix, now_us);
    }
    if (now_us - m->reported_us >= REPORT_EVERY_US)
        tell_clocks(m, now_us);
    ring_ports(m);
    if (!list_is_empty(&m->mixes))
        deadline_set(worker_wheel(m->worker), d,
                     now_us - now_us % MIX_AUDIO_TICK_US + MIX_AUDIO_TICK_US);
}

void mixer_wake(struct mixer *m)
{
    if (!deadline_is_set(&m->audio_due))
        deadline_set(worker_wheel(m->worker), &m->audio_due, worker_now_us(m->worker));
}

void mixer_on_video_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct hosted *h = arg;
    uint64_t due_us = mix_video_due_us(h->mix);

    /* What it waited for other mixes of this thread counts, so that they share what there is. */
    mix_run_video(h->mix, timebase_now_us());
    ring_ports(h->mixer);
    uint64_t ended_us = timebase_now_us();
    mix_note_load(h->mix, ended_us - due_us, ended_us);
    (void)now_us;
    deadline_set(worker_wheel(h->mixer->worker), d, mix_video_due_us(h->mix));
}

/* ---- life ---- */

int mixer_open(struct mixer **out, unsigned index, struct worker *control,
               const struct mixer_handlers *handlers, void *arg)
{
    struct mixer *m = MEM_NEW(struct mixer);
    char name[16];
    int err;

    m->index = index;
    m->handlers = *handlers;
    m->arg = arg;
    rng_seed_system(&m->rng);
    list_init(&m->mixes);
    deadline_init(&m->audio_due, on_audio_due, m);
    (void)snprintf(name, sizeof(name), "mixer %u", index);
    if ((err = worker_open(&m->worker, name)) != 0) {
        mem_free(m);
        return err;
    }
    m->packets = packet_pool_new(MAX_PACKETS_PER_POOL);
    m->pictures.max_bytes = MAX_MIXER_PICTURE_BYTES;
    m->mix_by_id = map_new(MAX_MIXES_PER_MIXER);
    m->inlet_by_id = map_new((size_t)MAX_MIXES_PER_MIXER * 64);
    m->outlet_by_track = map_new((size_t)MAX_MIXES_PER_MIXER * 64);
    if ((err = mailbox_open(&m->inbox, m->worker, m)) != 0 ||
        (err = mailbox_open(&m->outbox, control, m)) != 0 ||
        (err = doorbell_open(&m->bell, m->worker, on_ring, m)) != 0) {
        mixer_let_go(m);
        mixer_close(&m);
        return err;
    }
    *out = m;
    return 0;
}

int mixer_add_port(struct mixer *m, unsigned number, const struct mixer_port *port,
                   struct spsc **from, struct spsc **to)
{
    struct port_state *p = &m->port[number];

    CHECK(number < MAX_MIXER_PORTS && number == m->port_count);
    p->worker = *port;
    p->from = spsc_new(RING_PACKETS);
    p->to = spsc_new(RING_PACKETS);
    m->port_count++;
    if (p->from == NULL || p->to == NULL)
        return E_NO_MEMORY;
    *from = p->from;
    *to = p->to;
    return 0;
}

int mixer_start(struct mixer *m)
{
    int err = worker_start(m->worker);

    m->is_running = err == 0;
    return err;
}

void mixer_stop(struct mixer *m)
{
    if (m == NULL || !m->is_running)
        return;
    worker_stop(m->worker);
    worker_join(m->worker);
    m->is_running = false;
}

static void drain(struct spsc *ring)
{
    struct packet *pkt;

    while (ring != NULL && (pkt = spsc_pull(ring)) != NULL)
        packet_unref(&pkt);
}

void mixer_let_go(struct mixer *m)
{
    if (m == NULL)
        return;
    if (m->inbox != NULL)
        mailbox_close(&m->inbox);
    while (!list_is_empty(&m->mixes))
        mixer_close_mix(m, LIST_FIRST(&m->mixes, struct hosted, node));
    deadline_clear(&m->audio_due);
    for (size_t i = 0; i < m->port_count; i++) {
        drain(m->port[i].from);
        drain(m->port[i].to);
    }
}

void mixer_close(struct mixer **mp)
{
    struct mixer *m = *mp;

    if (m == NULL)
        return;
    *mp = NULL;
    doorbell_close(&m->bell);
    worker_close(&m->worker);
    if (m->outbox != NULL)
        mailbox_close(&m->outbox);
    for (size_t i = 0; i < m->port_count; i++) {
        spsc_free(&m->port[i].from);
        spsc_free(&m->port[i].to);
    }
    map_free(&m->mix_by_id);
    map_free(&m->inlet_by_id);
    map_free(&m->outlet_by_track);
    packet_pool_free(&m->packets);
    mem_free(m);
}

unsigned mixer_index(const struct mixer *m)
{
    return m->index;
}

void mixer_ring(struct mixer *m)
{
    doorbell_ring(m->bell);
}
