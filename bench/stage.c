/* SPDX-License-Identifier: Apache-2.0 */
/* stage.c - see stage.h. */
#include "bench/stage.h"

#include <stdio.h>
#include <string.h>

#include "bench/loadgen/generator.h"
#include "bench/loadgen/loop.h"
#include "bench/loadgen/server.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"
#include "transport/dtls.h"

#define PUBLISH_TIMEOUT_US (15 * US_PER_S)
#define FILL_TIMEOUT_US (30 * US_PER_S)
#define FILL_TIMEOUT_EACH_US (20 * US_PER_MS)
#define LEAVE_TIMEOUT_US (10 * US_PER_S)
#define MAX_URL_LEN 2048
#define OWN_CPU_LIMIT 0.9 /* of a core: past it the generator is what is measured */
#define REST_US 1000
#define OTHERS_LIMIT 0.1 /* of a core: more, and somebody else is measured too */
#define LATE_LIMIT 0.05  /* of all frames */

struct stage {
    struct stage_config config;
    struct generator generator;
    struct server *server;
    struct publisher *publisher[STAGE_MAX_ROOMS];
    unsigned rooms;
    struct audience *audience;
    uint64_t rss_before; /* the first viewer */
};

/* ---- start ---- */

static int say(const struct stage *s, int err, const char *text)
{
    fprintf(stderr, "%s: %s\n", s->config.contender->id, text);
    return err;
}

static void write_url(size_t index, struct strbuf *out, void *arg)
{
    struct stage *s = arg;
    char room[32];

    (void)snprintf(room, sizeof(room), "bench-%u", (unsigned)(index % s->rooms));
    server_write_url(s->server, true, room, out);
}

static void describe_server(const struct stage *s)
{
    const char *id = s->config.contender->id, *note;

    document_server(s->config.document, id, server_name(s->server), server_version(s->server), "");
    for (size_t i = 0; (note = server_note(s->server, i)) != NULL; i++)
        document_server_note(s->config.document, id, note);
}

static int start_server(struct stage *s)
{
    const struct bench_options *o = s->config.options;
    struct contender *c = s->config.contender;
    const struct server_config config = {
        .generator = &s->generator,
        .program = o->server,
        .arguments = o->server_args,
        .workers = s->config.workers,
        .adapter = c->adapter[0] != 0 ? c->adapter : NULL,
        .url_whip = c->is_running ? o->url_whip : NULL,
        .url_whep = c->is_running ? o->url_whep : NULL,
        .pids = o->pid,
        .pid_count = o->pid_count,
        .cpu = (int)o->cpu,
        .log_path = o->log,
    };
    char why[SERVER_WHY_LEN];
    int err = server_open(&s->server, &config, why);

    if (err == 0)
        describe_server(s);
    else
        contender_leave_out(c, s->config.document, why);
    return err == 0 ? 0 : E_UNSUPPORTED;
}

int stage_open(struct stage **out, const struct stage_config *config)
{
    struct stage *s = MEM_NEW(struct stage);
    struct audience_config audience = {.capacity = STAGE_MAX_VIEWERS,
                                       .has_audio = config->options->audio,
                                       .sample_every = config->options->sample,
                                       .write_url = write_url,
                                       .arg = s};
    int err;

    s->config = *config;
    err = generator_open(&s->generator, config->options->gro);
    if (err != 0)
        say(s, err, err_text(err));
    else
        err = start_server(s);
    if (err != 0) {
        stage_close(&s);
        return err;
    }
    audience.generator = &s->generator;
    s->audience = audience_new(&audience);
    *out = s;
    return 0;
}

/* ---- end ---- */

static bool are_gone(void *arg)
{
    struct stage *s = arg;

    for (unsigned i = 0; i < s->rooms; i++)
        if (!publisher_is_gone(s->publisher[i]))
            return false;
    return true;
}

void stage_close(struct stage **sp)
{
    struct stage *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    if (s->audience != NULL)
        audience_leave(s->audience, LEAVE_TIMEOUT_US);
    for (unsigned i = 0; i < s->rooms; i++)
        publisher_delete(s->publisher[i]);
    if (s->rooms > 0)
        (void)loop_run(s->generator.loop, timebase_now_us() + LEAVE_TIMEOUT_US, are_gone, s);
    for (unsigned i = 0; i < s->rooms; i++)
        publisher_close(&s->publisher[i]);
    audience_free(&s->audience);
    server_close(&s->server);
    generator_close(&s->generator);
    mem_free(s);
}

/* ---- load ---- */

static void open_publisher(struct stage *s, unsigned room)
{
    const struct bench_options *o = s->config.options;
    struct publisher_config config = {.generator = &s->generator,
                                      .is_simulcast = o->simulcast,
                                      .has_audio = o->audio,
                                      .pacing = o->pacing};
    struct strbuf url;
    char name[32];

    memcpy(config.clip, s->config.clips->clip, sizeof(config.clip));
    strbuf_init(&url, MAX_URL_LEN);
    (void)snprintf(name, sizeof(name), "bench-%u", room);
    server_write_url(s->server, false, name, &url);
    config.url = url.p;
    s->publisher[room] = publisher_open(&config);
    strbuf_fini(&url);
}

static bool are_sending(void *arg)
{
    struct stage *s = arg;
    const char *why;

    for (unsigned i = 0; i < s->rooms; i++)
        if (!publisher_is_sending(s->publisher[i]) && !publisher_has_failed(s->publisher[i], &why))
            return false;
    return true;
}

int stage_publish(struct stage *s, unsigned rooms)
{
    struct usage usage;
    const char *why;

    while (s->rooms < rooms)
        open_publisher(s, s->rooms++);
    if (!loop_run(s->generator.loop, timebase_now_us() + PUBLISH_TIMEOUT_US, are_sending, s))
        return say(s, E_TIMEOUT, "a publisher did not connect");
    for (unsigned i = 0; i < s->rooms; i++)
        if (publisher_has_failed(s->publisher[i], &why))
            return say(s, E_DENIED, why);
    stage_idle(s, US_PER_S / 2); /* the server has seen media, and settled */
    if (server_read_usage(s->server, &usage) != 0)
        return say(s, E_NOT_FOUND, "the server is gone");
    s->rss_before = usage.rss_bytes;
    return 0;
}

int stage_fill(struct stage *s, size_t n)
{
    const struct audience_state *a = audience_state(s->audience);
    char text[600];
    bool is_settled;

    audience_add(s->audience, n);
    is_settled = audience_settle(s->audience, FILL_TIMEOUT_US + n * FILL_TIMEOUT_EACH_US);
    if (a->open > 0)
        document_server(s->config.document, s->config.contender->id, NULL, NULL,
                        srtp_profile_name(a->profile));
    if (is_settled && a->failed == 0)
        return 0;
    (void)snprintf(text, sizeof(text),
                   "of %zu viewers %zu connected, %zu have a picture, %zu failed: %s", a->wanted,
                   a->open, a->pictures, a->failed, a->failure);
    return say(s, is_settled ? E_DENIED : E_TIMEOUT, text);
}

void stage_idle(struct stage *s, uint64_t us)
{
    (void)loop_run(s->generator.loop, timebase_now_us() + us, NULL, NULL);
}

/* ---- measuring ---- */

struct snapshot {
    uint64_t at_us, own_ns;
    struct usage_core core, own_core; /* the server's first, and ours */
    struct usage usage;
    struct viewer_totals totals;
};

static int take_snapshot(struct stage *s, struct snapshot *out)
{
    int err = server_read_usage(s->server, &out->usage);

    audience_read_totals(s->audience, &out->totals);
    out->core = usage_read_core(s->config.options->cpu);
    out->own_core = usage_read_core(s->config.options->generator_cpu);
    out->own_ns = usage_own_cpu_ns();
    out->at_us = timebase_now_us();
    return err == 0 ? 0 : say(s, err, "the server is gone");
}

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* Loss is never below nothing: a late packet of before the window may come in it. */
static double loss_of(uint64_t expected, uint64_t packets)
{
    return expected > packets ? share(expected - packets, expected) : 0;
}

static void write_cpu(const struct snapshot *a, const struct snapshot *b, uint64_t packets,
                      struct doc_round *r)
{
    double window_ns = (double)(b->at_us - a->at_us) * 1e3;
    double cpu_ns = (double)(b->usage.cpu_ns - a->usage.cpu_ns);

    document_value(r, "server_cpu_cores", cpu_ns / window_ns);
    document_value(r, "generator_cpu_cores", (double)(b->own_ns - a->own_ns) / window_ns);
    if (packets > 0)
        document_value(r, "cpu_us_per_packet", cpu_ns / 1e3 / (double)packets);
    for (size_t i = 0; i < b->usage.thread_count; i++) {
        const struct usage_thread *t = &b->usage.thread[i];
        uint64_t before_ns = 0;
        for (size_t k = 0; k < a->usage.thread_count; k++)
            if (strcmp(a->usage.thread[k].name, t->name) == 0)
                before_ns = a->usage.thread[k].cpu_ns;
        if (t->cpu_ns >= before_ns)
            document_thread(r, t->name, (double)(t->cpu_ns - before_ns) / window_ns);
    }
}

static void write_traffic(const struct snapshot *a, const struct snapshot *b, struct doc_round *r)
{
    const struct viewer_totals *x = &a->totals, *y = &b->totals;
    double seconds = (double)(b->at_us - a->at_us) / 1e6;
    uint64_t packets = y->packets - x->packets;

    document_value(r, "packets_per_s", (double)packets / seconds);
    document_value(r, "goodput_bps", (double)(y->payload_bytes - x->payload_bytes) * 8 / seconds);
    document_value(r, "loss", loss_of(y->expected - x->expected, packets));
    document_value(r, "duplicates", share(y->duplicates - x->duplicates, packets));
    document_value(r, "rtx_per_s", (double)(y->rtx_packets - x->rtx_packets) / seconds);
}

static void write_memory(const struct stage *s, const struct snapshot *b, struct doc_round *r)
{
    size_t viewers = audience_state(s->audience)->open;

    document_value(r, "rss_bytes", (double)b->usage.rss_bytes);
    if (viewers > 0)
        document_value(r, "viewer_rss_bytes",
                       ((double)b->usage.rss_bytes - (double)s->rss_before) / (double)viewers);
}

static void write_delay(const struct stage *s, struct doc_round *r)
{
    const struct histogram *h = &audience_state(s->audience)->delay_us;

    if (h->count == 0)
        return;
    document_value(r, "delay_p50_us", (double)histogram_quantile(h, 0.5));
    document_value(r, "delay_p99_us", (double)histogram_quantile(h, 0.99));
}

/* Whoever else ran on a core, or the hypervisor, made somebody wait: delays and caches are not the server's alone. */
static void judge_core(const char *whose, const struct usage_core *a, const struct usage_core *b,
                       double window_s, double rightful_s, struct doc_round *r)
{
    double busy_s = (double)(b->busy - a->busy) / usage_ticks_per_s();
    double stolen_s = (double)(b->stolen - a->stolen) / usage_ticks_per_s();
    double others = (busy_s - rightful_s) / window_s, stolen = stolen_s / window_s;

    if (others > OTHERS_LIMIT)
        document_invalidate(r, "something else used %.0f %% of %s core", others * 100, whose);
    if (stolen > OTHERS_LIMIT)
        document_invalidate(r, "the hypervisor took %.0f %% of %s core", stolen * 100, whose);
}

static void judge(const struct snapshot *a, const struct snapshot *b,
                  const struct publisher_stats *p, uint64_t frames, struct doc_round *r)
{
    double own = share(b->own_ns - a->own_ns, (b->at_us - a->at_us) * 1000);
    uint64_t drops = b->totals.socket_drops - a->totals.socket_drops;

    if (own > OWN_CPU_LIMIT)
        document_invalidate(r, "the generator used %.0f %% of its core", own * 100);
    if (drops > 0)
        document_invalidate(r, "the viewers' sockets dropped %llu datagrams",
                            (unsigned long long)drops);
    if (share(p->late_frames, frames) > LATE_LIMIT)
        document_invalidate(r,
                            "the publisher was late with %.1f %% of its frames, by up to %.1f ms",
                            share(p->late_frames, frames) * 100, (double)p->late_max_us / 1e3);
    if (p->send_drops > 0)
        document_invalidate(r, "the publisher's socket refused %llu packets",
                            (unsigned long long)p->send_drops);
    if (b->totals.packets == a->totals.packets)
        document_invalidate(r, "nothing arrived");
}

static void judge_cores(const struct stage *s, const struct snapshot *a, const struct snapshot *b,
                        struct doc_round *r)
{
    double window_s = (double)(b->at_us - a->at_us) / 1e6;
    double server_s = (double)(b->usage.cpu_ns - a->usage.cpu_ns) / 1e9;
    double own_s = (double)(b->own_ns - a->own_ns) / 1e9;

    if (s->config.workers == 1) /* more are spread over several cores */
        judge_core("the server's", &a->core, &b->core, window_s, server_s, r);
    judge_core("the generator's", &a->own_core, &b->own_core, window_s, own_s, r);
}

void stage_read_publishers(const struct stage *s, struct publisher_stats *out)
{
    *out = (struct publisher_stats){0};
    for (unsigned i = 0; i < s->rooms; i++) {
        struct publisher_stats p;
        publisher_read_stats(s->publisher[i], &p);
        out->frames += p.frames;
        out->packets += p.packets;
        out->payload_bytes += p.payload_bytes;
        out->late_frames += p.late_frames;
        out->late_max_us = MAX(out->late_max_us, p.late_max_us);
        out->keyframe_requests += p.keyframe_requests;
        out->nacked += p.nacked;
        out->retransmitted += p.retransmitted;
        out->send_drops += p.send_drops;
    }
}

int stage_measure(struct stage *s, double seconds, struct doc_round *r)
{
    struct snapshot *a = MEM_NEW(struct snapshot), *b = MEM_NEW(struct snapshot);
    struct publisher_stats before, p;
    int err;

    for (unsigned i = 0; i < s->rooms; i++)
        publisher_clear_late(s->publisher[i]);
    audience_clear_delay(s->audience);
    stage_read_publishers(s, &before);
    err = take_snapshot(s, a);
    if (err == 0) {
        loop_set_rest(s->generator.loop, REST_US);
        stage_idle(s, (uint64_t)(seconds * (double)US_PER_S));
        loop_set_rest(s->generator.loop, 0);
        err = take_snapshot(s, b);
    }
    if (err == 0) {
        stage_read_publishers(s, &p);
        write_cpu(a, b, b->totals.packets - a->totals.packets, r);
        write_traffic(a, b, r);
        write_memory(s, b, r);
        write_delay(s, r);
        document_value(r, "keyframe_requests", (double)p.keyframe_requests);
        document_value(r, "publisher_late_us", (double)p.late_max_us);
        judge(a, b, &p, p.frames - before.frames, r);
        judge_cores(s, a, b, r);
        document_tell_round(r, s->config.contender->id);
    }
    mem_free(a);
    mem_free(b);
    return err;
}

struct audience *stage_audience(struct stage *s)
{
    return s->audience;
}

struct publisher *stage_publisher(struct stage *s, unsigned room)
{
    return s->publisher[room];
}

uint64_t stage_server_cpu_ns(const struct stage *s)
{
    struct usage usage;

    return server_read_usage(s->server, &usage) == 0 ? usage.cpu_ns : 0;
}

struct generator *stage_generator(struct stage *s)
{
    return &s->generator;
}
