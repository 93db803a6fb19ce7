/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - see session.h. */
#include "bench/loadgen/session.h"

#include <stdio.h>
#include <string.h>

#include "bench/loadgen/generator.h"
#include "bench/loadgen/http_call.h"
#include "bench/loadgen/http_reply.h"
#include "bench/loadgen/loop.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"

#define MAX_URL_LEN 2048
#define MAX_OFFER_BYTES 16384
#define SDP_TYPE "application/sdp"

static void fail(struct session *s, const char *why)
{
    if (s->state == SESSION_FAILED)
        return;
    s->state = SESSION_FAILED;
    mem_free(s->why_text);
    s->why_text = mem_strndup(why, 400);
    if (s->handlers->on_ended != NULL)
        s->handlers->on_ended(s->arg);
}

/* ---- endpoint ---- */

static void on_open(struct endpoint *e, uint64_t now_us, void *arg)
{
    struct session *s = arg;

    (void)e;
    s->state = SESSION_OPEN;
    s->open_us = now_us;
    if (s->handlers->on_open != NULL)
        s->handlers->on_open(now_us, s->arg);
}

static void on_rtp(struct endpoint *e, struct datagram *d, uint64_t now_us, void *arg)
{
    struct session *s = arg;

    (void)e;
    if (s->handlers->on_rtp != NULL)
        s->handlers->on_rtp(d, now_us, s->arg);
}

static void on_rtcp(struct endpoint *e, const uint8_t *buf, size_t len, uint64_t now_us, void *arg)
{
    struct session *s = arg;

    (void)e;
    if (s->handlers->on_rtcp != NULL)
        s->handlers->on_rtcp(buf, len, now_us, s->arg);
}

static void on_closed(struct endpoint *e, const char *reason, void *arg)
{
    (void)e;
    fail(arg, reason);
}

/* ---- signalling ---- */

static void keep_location(struct session *s, const char *location)
{
    struct strbuf url;

    strbuf_init(&url, MAX_URL_LEN);
    if (location[0] != 0)
        http_resolve(s->url, location, &url);
    mem_free(s->url);
    s->url = strbuf_take(&url); /* NULL: nothing to DELETE */
}

static void connect_endpoint(struct session *s, const struct answer *a)
{
    static const struct endpoint_handlers handlers = {
        .on_open = on_open, .on_rtp = on_rtp, .on_rtcp = on_rtcp, .on_closed = on_closed};
    const struct endpoint_config config = {.generator = s->generator,
                                           .local = s->local,
                                           .remote = a,
                                           .timestamps = s->timestamps || a->video.twcc};
    int err;

    s->state =
        SESSION_CONNECTING; /* feedback by transport-wide number tells the server when packets came */
    s->handlers->on_answer(a, s->arg);
    err = endpoint_open(&s->endpoint, &config, &handlers, s);
    if (err != 0)
        fail(s, err_text(err));
}

static void take_answer(struct session *s, const struct http_reply *reply)
{
    struct answer *a = MEM_NEW(struct answer);
    char why[ANSWER_WHY_LEN];

    if (answer_parse(a, reply->body, why) != 0)
        fail(s, why);
    else
        connect_endpoint(s, a);
    mem_free(a);
}

static void on_posted(int err, const struct http_reply *reply, void *arg)
{
    struct session *s = arg;
    char text[300];

    s->call = NULL;
    if (err != 0) {
        (void)snprintf(text, sizeof(text), "POST %s: %s", s->url, err_text(err));
        fail(s, text);
    } else if (reply->status != 201 && reply->status != 200) {
        (void)snprintf(text, sizeof(text), "POST %s: status %u: %.*s", s->url, reply->status,
                       (int)MIN(reply->body.len, 160u), reply->body.p);
        fail(s, text);
    } else {
        keep_location(s, reply->location);
        take_answer(s, reply);
    }
}

static void set_gone(struct session *s)
{
    s->state = SESSION_GONE;
    if (s->handlers->on_ended != NULL)
        s->handlers->on_ended(s->arg);
}

static void on_deleted(int err, const struct http_reply *reply, void *arg)
{
    struct session *s = arg;

    (void)err;
    (void)reply;
    s->call = NULL;
    set_gone(s);
}

/* ---- life ---- */

static void make_credentials(struct ice_credentials *c)
{
    rng_secret_ice_chars(c->ufrag, ICE_UFRAG_LEN);
    rng_secret_ice_chars(c->pwd, ICE_PWD_LEN);
}

void session_open(struct session *s, const struct session_config *config,
                  const struct session_handlers *handlers, void *arg)
{
    struct offer offer = config->offer;
    struct strbuf text;
    int err;

    *s = (struct session){.generator = config->generator,
                          .handlers = handlers,
                          .arg = arg,
                          .timestamps = config->timestamps,
                          .url = mem_strdup(config->url),
                          .posted_us = loop_now_us(config->generator->loop)};
    make_credentials(&s->local);
    offer.ice = s->local;
    offer.fingerprint = s->generator->fingerprint;
    offer.is_plain = s->generator->is_plain;
    strbuf_init(&text, MAX_OFFER_BYTES);
    offer_write(&offer, &text);
    const struct http_request_out request = {
        .method = "POST", .url = s->url, .content_type = SDP_TYPE, .body = {text.p, text.len}};
    err = http_call_open(&s->call, s->generator->loop, &request, on_posted, s);
    if (err != 0)
        fail(s, err_text(err));
    strbuf_fini(&text);
}

void session_delete(struct session *s)
{
    const struct http_request_out request = {.method = "DELETE", .url = s->url};
    bool has_resource = s->endpoint != NULL && s->url != NULL;

    http_call_close(&s->call);
    endpoint_close(&s->endpoint);
    s->state = SESSION_DELETING;
    if (!has_resource || http_call_open(&s->call, s->generator->loop, &request, on_deleted, s) != 0)
        set_gone(s);
}

void session_close(struct session *s)
{
    http_call_close(&s->call);
    endpoint_close(&s->endpoint);
    MEM_FREE(s->url);
    MEM_FREE(s->why_text);
    mem_wipe(&s->local, sizeof(s->local));
}

const char *session_why(const struct session *s)
{
    return s->why_text != NULL ? s->why_text : "";
}
