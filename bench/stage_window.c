/* SPDX-License-Identifier: Apache-2.0 */
/* stage_window.c - a steady window of a stage: what happened in it, and whether it counts. */
#include <string.h>

#include "bench/loadgen/loop.h"
#include "bench/stage_internal.h"
#include "core/timebase.h"

#define REST_US 1000
#define LATE_LIMIT 0.05 /* of all frames */

static double share(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* ---- snapshots ---- */

static int take_snapshot(struct stage *s, struct snapshot *out)
{
    int err = server_read_usage(s->server, &out->usage);

    audience_read_totals(s->audience, &out->totals);
    stage_read_publishers(s, &out->publishers);
    out->own_ns = timebase_thread_cpu_ns();
    out->at_us = timebase_now_us();
    return err == 0 ? 0 : stage_say(s, err, "the server is gone");
}

/* Loss is never below nothing: a late packet of before the window may come in it. */
static double loss_of(uint64_t expected, uint64_t packets)
{
    return expected > packets ? share(expected - packets, expected) : 0;
}

static struct stage_window window_of(const struct stage *s, const struct snapshot *a,
                                     const struct snapshot *b)
{
    const struct viewer_totals *x = &a->totals, *y = &b->totals;
    const struct histogram *delay = &audience_state(s->audience)->delay_us;
    double ns = (double)(b->at_us - a->at_us) * 1e3;
    struct stage_window w = {
        .seconds = ns / 1e9,
        .server_cores = (double)(b->usage.cpu_ns - a->usage.cpu_ns) / ns,
        .own_cores = (double)(b->own_ns - a->own_ns) / ns,
        .packets = y->packets - x->packets,
        .expected = y->expected - x->expected,
        .payload_bytes = y->payload_bytes - x->payload_bytes,
        .socket_drops = y->socket_drops - x->socket_drops,
        .rss_bytes = b->usage.rss_bytes,
    };

    w.loss = loss_of(w.expected, w.packets);
    w.delay_p99_us = (double)histogram_quantile(delay, 0.99);
    return w;
}

/* ---- what goes into the document ---- */

static void write_threads(const struct stage *s, const struct snapshot *a, const struct snapshot *b,
                          struct doc_round *r)
{
    double window_ns = (double)(b->at_us - a->at_us) * 1e3, mixer_cores = 0;

    for (size_t i = 0; i < b->usage.thread_count; i++) {
        const struct usage_thread *t = &b->usage.thread[i];
        uint64_t before_ns = 0;
        for (size_t k = 0; k < a->usage.thread_count; k++)
            if (strcmp(a->usage.thread[k].name, t->name) == 0)
                before_ns = a->usage.thread[k].cpu_ns;
        if (t->cpu_ns < before_ns)
            continue;
        double cores = (double)(t->cpu_ns - before_ns) / window_ns;
        document_thread(r, t->name, cores);
        if (strncmp(t->name, "mixer ", 6) == 0)
            mixer_cores += cores;
    }
    if (s->config.mix != NULL)
        document_value(r, "mixer_cpu_cores", mixer_cores);
}

static void write_traffic(const struct snapshot *a, const struct snapshot *b,
                          const struct stage_window *w, struct doc_round *r)
{
    if (w->packets > 0)
        document_value(r, "cpu_us_per_packet",
                       w->server_cores * w->seconds * 1e6 / (double)w->packets);
    document_value(r, "server_cpu_cores", w->server_cores);
    document_value(r, "generator_cpu_cores", w->own_cores);
    document_value(r, "packets_per_s", (double)w->packets / w->seconds);
    document_value(r, "goodput_bps", (double)w->payload_bytes * 8 / w->seconds);
    document_value(r, "loss", w->loss);
    document_value(r, "duplicates", share(b->totals.duplicates - a->totals.duplicates, w->packets));
    document_value(r, "rtx_per_s",
                   (double)(b->totals.rtx_packets - a->totals.rtx_packets) / w->seconds);
}

static void write_state(const struct stage *s, const struct snapshot *b, struct doc_round *r)
{
    const struct audience_state *a = audience_state(s->audience);

    document_value(r, "rss_bytes", (double)b->usage.rss_bytes);
    if (a->open > 0)
        document_value(r, "viewer_rss_bytes",
                       ((double)b->usage.rss_bytes - (double)s->rss_before) / (double)a->open);
    if (a->delay_us.count > 0) {
        document_value(r, "delay_p50_us", (double)histogram_quantile(&a->delay_us, 0.5));
        document_value(r, "delay_p99_us", (double)histogram_quantile(&a->delay_us, 0.99));
    }
    document_value(r, "keyframe_requests", (double)b->publishers.keyframe_requests);
    document_value(r, "publisher_late_us", (double)b->publishers.late_max_us);
}

/* ---- whether it counts ---- */

static void judge_load(const struct snapshot *a, const struct snapshot *b,
                       const struct stage_window *w, struct doc_round *r)
{
    const struct publisher_stats *p = &b->publishers;
    double late = share(p->late_frames, p->frames - a->publishers.frames);

    if (w->socket_drops > 0)
        document_invalidate(r, "the viewers' sockets dropped %llu datagrams",
                            (unsigned long long)w->socket_drops);
    if (late > LATE_LIMIT)
        document_invalidate(r,
                            "the publisher was late with %.1f %% of its frames, by up to %.1f ms",
                            late * 100, (double)p->late_max_us / 1e3);
    if (p->send_drops > a->publishers.send_drops)
        document_invalidate(r, "the publisher's socket refused %llu packets",
                            (unsigned long long)(p->send_drops - a->publishers.send_drops));
    if (w->packets == 0)
        document_invalidate(r, "nothing arrived");
}

/* ---- windows ---- */

int stage_begin_window(struct stage *s)
{
    for (unsigned i = 0; i < s->rooms; i++)
        publisher_clear_late(s->publisher[i]);
    audience_clear_delay(s->audience);
    loop_set_rest(s->generator.loop, REST_US);
    core_watch_begin(&s->cores, s->config.options, s->config.workers);
    return take_snapshot(s, &s->window_begin);
}

int stage_peek_window(struct stage *s, struct stage_window *out)
{
    struct snapshot now;
    int err = take_snapshot(s, &now);

    if (err == 0)
        *out = window_of(s, &s->window_begin, &now);
    return err;
}

int stage_end_window(struct stage *s, struct doc_round *r, struct stage_window *out)
{
    const struct snapshot *a = &s->window_begin;
    struct snapshot b;
    struct stage_window w;
    int err = take_snapshot(s, &b);

    loop_set_rest(s->generator.loop, 0);
    if (err != 0)
        return err;
    w = window_of(s, a, &b);
    write_traffic(a, &b, &w, r);
    write_threads(s, a, &b, r);
    write_state(s, &b, r);
    core_watch_judge(&s->cores, w.server_cores, w.own_cores, r);
    judge_load(a, &b, &w, r);
    document_tell_round(r, s->config.contender->id);
    if (out != NULL)
        *out = w;
    return 0;
}

int stage_measure(struct stage *s, double seconds, struct doc_round *r)
{
    int err = stage_begin_window(s);

    if (err != 0)
        return err;
    stage_idle(s, (uint64_t)(seconds * (double)US_PER_S));
    return stage_end_window(s, r, NULL);
}
