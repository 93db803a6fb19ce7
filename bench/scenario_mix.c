/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_mix.c - a mixed room on a real server, beside a GStreamer pipeline that is sent the same inputs.
 *
 *   n publishers ═ WHIP ═▶ Parley ═ WHEP ═▶ mix_sink      simulcast, SRTP
 *   n publishers ═ RTP ══▶ GStreamer ═ RTP ▶ mix_sink     the encoding that fills the tile, no encryption
 *
 * Rounds alternate. Both are paced by the clock and pinned to the same core. What the stages of the mix take, beside libvpx alone:
 * bench_mix_stages.c.
 */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/gstreamer.h"
#include "bench/mix_media.h"
#include "bench/mix_sink.h"
#include "bench/scenario.h"
#include "core/err.h"
#include "core/timebase.h"

#define SCENARIO "mix"
#define TALKERS 3
#define MIN_FPS (0.9 * MIX_SINK_FPS) /* less, and it did not keep up */
#define MAX_FPS (1.1 * MIX_SINK_FPS) /* more, and it made up for what it owed from before */
#define AUDIO_PARTICIPANTS 100

static const struct doc_column columns[] = {
    {"server_cpu_cores", "server cores", 1, 3},
    {"times_gstreamer", "times GStreamer", 1, 2},
    {"mixer_cpu_cores", "of it mixing", 1, 3},
    {"generator_cpu_cores", "generator cores", 1, 2},
    {"pictures_per_s", "pictures/s", 1, 1},
    {"latency_p50_ms", "p50 ms picture", 1, 0},
    {"latency_p95_ms", "p95 ms picture", 1, 0},
    {"sound_latency_p50_ms", "p50 ms sound", 1, 0},
    {"sound_latency_p95_ms", "p95 ms sound", 1, 0},
};

struct mix_scenario {
    struct scenario base;
    struct mix_media *media;
    struct gstreamer *gstreamer; /* NULL: it is not there */
    unsigned members;
    struct mix_sink *sink; /* of this round */
};

/* ---- what was received ---- */

static void write_quantiles(struct doc_round *r, const struct histogram *h, const char *p50,
                            const char *p95)
{
    if (h->count == 0)
        return;
    document_value(r, p50, (double)histogram_quantile(h, 0.5) / 1e3);
    document_value(r, p95, (double)histogram_quantile(h, 0.95) / 1e3);
}

static void write_received(struct doc_round *r, const struct mix_sink_state *s, double seconds)
{
    document_value(r, "pictures_per_s", (double)s->pictures / seconds);
    write_quantiles(r, &s->video_us, "latency_p50_ms", "latency_p95_ms");
    write_quantiles(r, &s->audio_us, "sound_latency_p50_ms", "sound_latency_p95_ms");
    if ((double)s->pictures < MIN_FPS * seconds || (double)s->pictures > MAX_FPS * seconds)
        document_invalidate(r, "%.1f pictures a second came", (double)s->pictures / seconds);
    if (s->errors > 0)
        document_invalidate(r, "%llu mixed pictures could not be decoded",
                            (unsigned long long)s->errors);
    if (s->video_us.count == 0)
        document_invalidate(r, "no time code was seen");
}

/* ---- Parley ---- */

static void write_media(unsigned index, struct publisher_config *out, void *arg)
{
    struct mix_scenario *m = arg;

    mix_media_write(m->media, index, TALKERS, out);
    if (index == 0)
        out->watch = mix_sink_watch(m->sink);
}

static void on_media(bool is_video, const struct datagram *clear, void *arg)
{
    mix_sink_push(((struct mix_scenario *)arg)->sink, is_video, clear);
}

static int measure_parley(struct mix_scenario *m, struct stage *stage, const char *id)
{
    struct scenario *s = &m->base;
    int err = stage_call(stage, "POST", "/v1/rooms", "{\"name\":\"" STAGE_MIX_ROOM "\"}");

    if (err == 0)
        err = stage_call(stage, "POST", "/v1/rooms/" STAGE_MIX_ROOM "/mix", "{}");
    if (err != 0 || (err = stage_publish(stage, m->members)) != 0 ||
        (err = stage_fill(stage, 1)) != 0)
        return err;
    stage_idle(stage, (s->options->warmup + 1) * US_PER_S);
    mix_sink_clear(m->sink);
    struct doc_round *r = document_round(scenario_row(s, id, "publishers", m->members));
    err = stage_measure(stage, s->options->seconds, r);
    if (err == 0)
        write_received(r, mix_sink_read(m->sink), s->options->seconds);
    return err;
}

static int run_parley(struct mix_scenario *m, struct contender *c)
{
    const struct stage_mix mix = {.write_media = write_media, .on_media = on_media, .arg = m};
    const struct stage_config config = {.options = m->base.options,
                                        .document = m->base.document,
                                        .contender = c,
                                        .workers = m->base.options->workers,
                                        .mix = &mix};
    struct stage *stage = NULL;
    int err = c->is_out ? E_UNSUPPORTED : stage_open(&stage, &config);

    if (err != 0)
        return err == E_UNSUPPORTED ? 0 : err; /* left out, and said */
    err = measure_parley(m, stage, c->id);
    stage_close(&stage);
    return err;
}

/* ---- GStreamer ---- */

static int run_gstreamer(struct mix_scenario *m)
{
    const struct gstreamer_round round = {
        .media = m->media, .members = m->members, .talkers = TALKERS, .sink = m->sink};
    double seconds = m->base.options->seconds;
    struct doc_round *r =
        document_round(scenario_row(&m->base, "gstreamer", "publishers", m->members));
    int err = gstreamer_measure(m->gstreamer, &round, r);

    if (err == 0)
        write_received(r, mix_sink_read(m->sink), seconds);
    return err;
}

/* ---- rounds ---- */

static int run_with_sink(struct mix_scenario *m, struct contender *c)
{
    int err;

    m->sink = mix_sink_new(m->media, m->members);
    if (m->sink == NULL)
        return E_NO_MEMORY;
    err = c != NULL ? run_parley(m, c) : run_gstreamer(m);
    mix_sink_free(&m->sink);
    return err;
}

static int run_size(struct mix_scenario *m)
{
    struct contenders *c = &m->base.contenders;
    int first_err = 0, err;
    double theirs;

    for (uint32_t i = 0; i < m->base.options->rounds; i++) {
        for (size_t k = 0; k < c->count && c->at[k].adapter[0] == 0; k++) {
            err = run_with_sink(m, &c->at[k]);
            first_err = first_err != 0 ? first_err : err;
        }
        err = m->gstreamer != NULL ? run_with_sink(m, NULL) : 0;
        first_err = first_err != 0 ? first_err : err;
    }
    if (m->gstreamer == NULL)
        return first_err;
    struct doc_row *row = scenario_row(&m->base, "gstreamer", "publishers", m->members);
    if (document_median(row, "server_cpu_cores", &theirs))
        for (size_t k = 0; k < c->count && c->at[k].adapter[0] == 0; k++)
            document_divide(scenario_row(&m->base, c->at[k].id, "publishers", m->members),
                            "server_cpu_cores", theirs, "times_gstreamer");
    return first_err;
}

/* ---- sound alone ---- */

/* A hundred participants of whom ten talk, as bench_audio_mix.c measures ours. */
static int run_audio(struct mix_scenario *m)
{
    static const struct doc_column audio_columns[] = {{"cores", "% of a core", 100, 2}};
    const struct doc_param params[] = {{.name = "participants", .value = AUDIO_PARTICIPANTS},
                                       {.name = "talkers", .value = MIX_MEDIA_TALKERS}};
    struct doc_row *row = document_row(m->base.document, "audio-mix", "gstreamer", params, 2);
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < m->base.options->rounds; i++) {
        m->sink = mix_sink_new(m->media, 1);
        if (m->sink == NULL)
            return E_NO_MEMORY;
        const struct gstreamer_round round = {.media = m->media,
                                              .members = AUDIO_PARTICIPANTS,
                                              .talkers = MIX_MEDIA_TALKERS - 1,
                                              .is_audio_only = true,
                                              .sink = m->sink};
        err = gstreamer_measure(m->gstreamer, &round, document_round(row));
        mix_sink_free(&m->sink);
    }
    document_divide(row, "server_cpu_cores", 1, "cores"); /* by the name that ours has there */
    document_print(m->base.document, "audio-mix", audio_columns, ARRAY_LEN(audio_columns));
    return err;
}

/* ---- all of it ---- */

static int open_scenario(struct mix_scenario *m, const struct bench_options *o, struct document *d)
{
    int err;

    *m = (struct mix_scenario){.base = {.name = SCENARIO, .options = o, .document = d}};
    conditions_pin_generator(o);
    contenders_of(o, &m->base.contenders);
    err = mix_media_new(&m->media);
    if (err == 0)
        m->gstreamer = gstreamer_open(o, d);
    return err;
}

static void close_scenario(struct mix_scenario *m)
{
    gstreamer_close(&m->gstreamer);
    mix_media_free(&m->media);
}

static int run_live(struct mix_scenario *m)
{
    static const struct option_list usual = {{4, 9, 16, 25}, 4};
    const struct option_list *sizes =
        m->base.options->sizes.count > 0 ? &m->base.options->sizes : &usual;
    int first_err = 0, err;

    for (size_t i = 0; i < sizes->count; i++) {
        m->members = MIN(sizes->value[i], (uint32_t)MAX_LAYOUT_TILES);
        err = run_size(m);
        first_err = first_err != 0 ? first_err : err;
    }
    document_print(m->base.document, SCENARIO, columns, ARRAY_LEN(columns));
    return first_err;
}

int bench_mix(const struct bench_options *o, struct document *d)
{
    struct mix_scenario m;
    int first_err = bench_mix_stages(o, d), err = bench_audio_mix(o, d);

    first_err = first_err != 0 ? first_err : err;
    err = open_scenario(&m, o, d);
    if (err == 0) {
        err = run_live(&m);
        first_err = first_err != 0 ? first_err : err;
        err = m.gstreamer != NULL ? run_audio(&m) : 0;
    }
    close_scenario(&m);
    return first_err != 0 ? first_err : err;
}
