/* SPDX-License-Identifier: Apache-2.0 */
/* stage.c - see stage.h. */
#include "bench/stage_internal.h"

#include <stdio.h>
#include <string.h>

#include "bench/loadgen/http_call.h"
#include "bench/loadgen/http_reply.h"
#include "bench/loadgen/loop.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"
#include "transport/dtls.h"

#define PUBLISH_TIMEOUT_US (15 * US_PER_S)
#define FILL_TIMEOUT_US (30 * US_PER_S)
#define FILL_TIMEOUT_EACH_US (20 * US_PER_MS)
#define LEAVE_TIMEOUT_US (10 * US_PER_S)
#define API_TIMEOUT_US (10 * US_PER_S)
#define MAX_URL_LEN 2048

/* ---- start ---- */

int stage_say(const struct stage *s, int err, const char *text)
{
    fprintf(stderr, "%s: %s\n", s->config.contender->id, text);
    return err;
}

static void write_url(size_t index, struct strbuf *out, void *arg)
{
    struct stage *s = arg;
    char room[32];

    (void)snprintf(room, sizeof(room), "bench-%u", (unsigned)(index % s->rooms));
    server_write_url(s->server, true, s->config.mix != NULL ? STAGE_MIX_ROOM "/mix" : room, out);
}

static void on_media(bool is_video, const struct datagram *clear, void *arg)
{
    const struct stage_mix *mix = ((struct stage *)arg)->config.mix;

    mix->on_media(is_video, clear, mix->arg);
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
                                       .has_audio = config->options->audio || config->mix != NULL,
                                       .on_media = config->mix != NULL ? on_media : NULL,
                                       .sample_every = config->options->sample,
                                       .write_url = write_url,
                                       .arg = s};
    int err;

    s->config = *config;
    err = generator_open(&s->generator, config->options->gro);
    if (err != 0)
        stage_say(s, err, err_text(err));
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

/* ---- the server's API ---- */

struct api_call {
    struct http_call *call;
    bool is_done;
    int err;
    unsigned status;
};

static void on_api_done(int err, const struct http_reply *reply, void *arg)
{
    struct api_call *c = arg;

    c->call = NULL;
    c->is_done = true;
    c->err = err;
    c->status = err == 0 ? reply->status : 0;
}

static bool is_api_done(void *arg)
{
    return ((struct api_call *)arg)->is_done;
}

int stage_call(struct stage *s, const char *method, const char *path, const char *body)
{
    struct http_request_out request = {
        .method = method, .content_type = "application/json", .body = str_of(body)};
    struct api_call c = {.is_done = false};
    struct strbuf whip, url;
    int err;

    strbuf_init(&whip, MAX_URL_LEN);
    strbuf_init(&url, MAX_URL_LEN);
    server_write_url(s->server, false, "", &whip);
    http_resolve(whip.p, path, &url);
    request.url = url.p;
    err = http_call_open(&c.call, s->generator.loop, &request, on_api_done, &c);
    if (err == 0 &&
        !loop_run(s->generator.loop, timebase_now_us() + API_TIMEOUT_US, is_api_done, &c))
        err = E_TIMEOUT;
    http_call_close(&c.call);
    if (err == 0)
        err = c.err != 0 ? c.err : c.status / 100 == 2 ? 0 : E_DENIED;
    strbuf_fini(&whip);
    strbuf_fini(&url);
    return err == 0 ? 0 : stage_say(s, err, path);
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
    char name[64];

    strbuf_init(&url, MAX_URL_LEN);
    if (s->config.mix != NULL) {
        s->config.mix->write_media(room, &config, s->config.mix->arg);
        (void)snprintf(name, sizeof(name), STAGE_MIX_ROOM "?identity=p%u", room);
    } else {
        memcpy(config.clip, s->config.clips->clip, sizeof(config.clip));
        (void)snprintf(name, sizeof(name), "bench-%u", room);
    }
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
        return stage_say(s, E_TIMEOUT, "a publisher did not connect");
    for (unsigned i = 0; i < s->rooms; i++)
        if (publisher_has_failed(s->publisher[i], &why))
            return stage_say(s, E_DENIED, why);
    stage_idle(s, US_PER_S / 2); /* the server has seen media, and settled */
    if (server_read_usage(s->server, &usage) != 0)
        return stage_say(s, E_NOT_FOUND, "the server is gone");
    s->rss_before = usage.rss_bytes;
    return 0;
}

bool stage_let_in(struct stage *s, size_t n)
{
    const struct audience_state *a = audience_state(s->audience);
    bool is_settled;

    audience_add(s->audience, n);
    is_settled = audience_settle(s->audience, FILL_TIMEOUT_US + n * FILL_TIMEOUT_EACH_US);
    if (a->open > 0)
        document_server(s->config.document, s->config.contender->id, NULL, NULL,
                        srtp_profile_name(a->profile));
    return is_settled;
}

int stage_fill(struct stage *s, size_t n)
{
    const struct audience_state *a = audience_state(s->audience);
    bool is_settled = stage_let_in(s, n);
    char text[600];

    if (is_settled && a->failed == 0)
        return 0;
    (void)snprintf(text, sizeof(text),
                   "of %zu viewers %zu connected, %zu have a picture, %zu failed: %s", a->wanted,
                   a->open, a->pictures, a->failed, a->failure);
    return stage_say(s, is_settled ? E_DENIED : E_TIMEOUT, text);
}

void stage_idle(struct stage *s, uint64_t us)
{
    (void)loop_run(s->generator.loop, timebase_now_us() + us, NULL, NULL);
}

/* ---- questions ---- */

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

struct audience *stage_audience(struct stage *s)
{
    return s->audience;
}

struct publisher *stage_publisher(struct stage *s, unsigned room)
{
    return s->publisher[room];
}

struct usage stage_read_usage(const struct stage *s)
{
    struct usage usage;

    (void)!server_read_usage(s->server, &usage); /* zeros, or what it could read */
    return usage;
}

uint64_t stage_rss_before(const struct stage *s)
{
    return s->rss_before;
}

struct generator *stage_generator(struct stage *s)
{
    return &s->generator;
}
