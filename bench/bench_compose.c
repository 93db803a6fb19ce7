/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_compose.c - what a composed picture costs: so many VP8 inputs decoded, composed to 1280x720 with names, encoded at 30 pictures a second.
 *
 * Beside it, in the same run: libvpx alone, which decodes the same frames and encodes the same canvases with the same settings, and
 * nothing else. The two take turns of a second of video, so that what disturbs the machine disturbs both; the medians of the turns are shown.
 * The inputs are made at the start (moving_clip.h).
 */
#include "bench/bare_video.h"
#include "bench/bench.h"
#include "bench/moving_clip.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "mixer/compositor.h"
#include "mixer/layout.h"
#include "mixer/scaler.h"
#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"

#define WIDTH 1280
#define HEIGHT 720
#define FPS 30
#define BITRATE_BPS 1500000
#define CLIPS 5 /* different ones; inputs begin at different places in them */
#define MAX_TURNS 400
#define MAX_INPUTS 25
#define POOL_BYTES ((size_t)512 * 1024 * 1024)

static const struct {
    size_t inputs;
    int width, height; /* of the smallest simulcast encoding that fills the tile */
    uint32_t bitrate_bps;
} rooms[] = {
    {4, 640, 360, 500000},
    {9, 640, 360, 500000},
    {16, 320, 180, 150000},
    {25, 320, 180, 150000},
};

enum stage { STAGE_DECODE, STAGE_COMPOSE, STAGE_ENCODE, STAGES };

/* Seconds of CPU for a second of video. */
struct turn {
    double ours[STAGES], alone[STAGES], scale;
};

struct run {
    struct picture_pool *pool;
    struct moving_clip clip[CLIPS];
    size_t inputs;
    struct compositor *compositor;
    struct video_encoder *encoder;
    struct video_decoder *decoder[MAX_INPUTS];
    struct bare_video *bare;
    struct picture *recorded[FPS]; /* the canvases of one turn */
    uint64_t frames, bare_frames;
    struct turn turn[MAX_TURNS];
    size_t turns;
};

static double cpu_s(void)
{
    struct rusage u;

    CHECK(getrusage(RUSAGE_THREAD, &u) == 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* --- ours -------------------------------------------------------------------------------------------- */

static int open_ours(struct run *r)
{
    static const char *const names[] = {"Ada Lovelace", "Grace Hopper", "Алан Тьюринг",
                                        "Radia Perlman", "Edsger W. Dijkstra"};
    const struct compositor_config look = {.width = WIDTH,
                                           .height = HEIGHT,
                                           .background_rgb = 0x101418,
                                           .active_rgb = 0x3DA5FF,
                                           .has_names = true};
    const struct video_encoder_config config = {.codec = CODEC_VP8,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .bitrate_bps = BITRATE_BPS,
                                                .framerate = FPS};
    uint32_t who[MAX_INPUTS];
    struct layout_request request = {.kind = LAYOUT_GRID,
                                     .width = WIDTH,
                                     .height = HEIGHT,
                                     .gap = 2,
                                     .participants = who,
                                     .count = r->inputs};
    struct layout layout;
    int err = compositor_new(&r->compositor, &look, r->pool);

    if (err == 0)
        err = video_encoder_new(&r->encoder, &config);
    for (uint32_t i = 0; err == 0 && i < r->inputs; i++) {
        const char *name = names[i % ARRAY_LEN(names)];

        who[i] = i;
        err = video_decoder_new(&r->decoder[i], CODEC_VP8, r->pool);
        if (err == 0)
            err = compositor_set_look(r->compositor, i,
                                      &(struct compositor_look){.name = str_of(name),
                                                                .identity = str_of(name),
                                                                .is_muted = i % 3 == 0,
                                                                .is_active = i == 1});
    }
    if (err == 0)
        err = layout_make(&layout, &request, NULL);
    if (err == 0)
        compositor_set_layout(r->compositor, &layout, 0, 0);
    return err;
}

static void close_ours(struct run *r)
{
    compositor_free(&r->compositor);
    video_encoder_free(&r->encoder);
    for (size_t i = 0; i < r->inputs; i++)
        video_decoder_free(&r->decoder[i]);
}

/* --- measuring --------------------------------------------------------------------------------------- */

/* Every input begins at its own place of its clip, with the clip's keyframe: until then it has no picture. */
static const uint8_t *input_frame(const struct run *r, size_t i, uint64_t frame, size_t *len)
{
    uint64_t delay = i * 7 % MOVING_CLIP_FRAMES;
    const struct moving_clip *c = &r->clip[i % CLIPS];

    *len = frame < delay ? 0 : c->frame[(frame - delay) % MOVING_CLIP_FRAMES].len;
    return frame < delay ? NULL : c->frame[(frame - delay) % MOVING_CLIP_FRAMES].data;
}

static int compose_frame(struct run *r, struct turn *t)
{
    struct video_encoder_input in = {.pts_us = r->frames * US_PER_S / FPS};
    struct video_encoder_output out = {0};
    double begin = cpu_s(), decoded, composed;
    int err = 0;

    for (uint32_t i = 0; err == 0 && i < r->inputs; i++) {
        size_t len;
        const uint8_t *data = input_frame(r, i, r->frames, &len);
        struct picture *p;

        if (len == 0)
            continue;
        compositor_release_drawn(r->compositor, i);
        err = video_decoder_decode(r->decoder[i], data, len, &p);
        if (err == 0)
            compositor_set_picture(r->compositor, i, p);
        picture_unref(&p);
    }
    decoded = cpu_s();
    in.is_unchanged = !compositor_compose(r->compositor, r->frames * US_PER_S / FPS);
    in.picture = *compositor_canvas(r->compositor);
    composed = cpu_s();
    if (err == 0)
        err = video_encoder_encode(r->encoder, &in, &out);
    t->ours[STAGE_ENCODE] += cpu_s() - composed;
    t->ours[STAGE_COMPOSE] += composed - decoded;
    t->ours[STAGE_DECODE] += decoded - begin;
    r->frames++;
    return err;
}

/* The part of composing that is scaling, once more. */
static void scale_inputs(struct run *r, struct turn *t)
{
    double begin = cpu_s();

    for (uint32_t i = 0; i < r->inputs; i++) {
        int width, height;

        if (compositor_size_of(r->compositor, i, &width, &height))
            bare_video_scale(r->bare, i, width, height);
    }
    t->scale += cpu_s() - begin;
}

static void run_bare_frame(struct run *r, struct turn *t, size_t in_turn)
{
    double begin = cpu_s();

    for (size_t i = 0; i < r->inputs; i++) {
        size_t len;
        const uint8_t *data = input_frame(r, i, r->bare_frames, &len);

        if (len > 0)
            bare_video_decode(r->bare, i, data, len);
    }
    t->alone[STAGE_DECODE] += cpu_s() - begin;
    bare_video_take(r->bare, &r->recorded[in_turn]->view);
    begin = cpu_s();
    bare_video_encode(r->bare);
    t->alone[STAGE_ENCODE] += cpu_s() - begin;
    r->bare_frames++;
}

/* A second of video by each. */
static int take_turn(struct run *r)
{
    struct turn *t = &r->turn[r->turns];
    int err = 0;

    *t = (struct turn){0};
    for (size_t i = 0; err == 0 && i < FPS; i++) {
        err = compose_frame(r, t);
        picture_copy(&r->recorded[i]->view, compositor_canvas(r->compositor));
    }
    for (size_t i = 0; err == 0 && i < FPS; i++)
        run_bare_frame(r, t, i);
    for (size_t i = 0; err == 0 && i < FPS; i++)
        scale_inputs(r, t);
    return err;
}

static int measure(struct run *r, uint64_t seconds)
{
    uint64_t end_us = timebase_now_us() + seconds * US_PER_S;
    int err = 0;

    for (unsigned warm_up = 0; err == 0 && warm_up < 3; warm_up++)
        err = take_turn(r);
    do {
        err = err != 0 ? err : take_turn(r);
        r->turns++;
    } while (err == 0 && timebase_now_us() < end_us && r->turns < MAX_TURNS);
    return err;
}

/* --- report ------------------------------------------------------------------------------------------ */

static double ratio(const struct run *r, size_t turn)
{
    const struct turn *t = &r->turn[turn];

    return (t->ours[STAGE_DECODE] + t->ours[STAGE_COMPOSE] + t->ours[STAGE_ENCODE]) /
           (t->alone[STAGE_DECODE] + t->alone[STAGE_ENCODE]);
}

static void report(const struct run *r, size_t room, struct document *d)
{
    const struct doc_param params[] = {{.name = "inputs", .value = (double)r->inputs},
                                       {.name = "width", .value = rooms[room].width}};
    struct doc_row *row = document_row(d, "compose", "parley", params, ARRAY_LEN(params));

    for (size_t i = 0; i < r->turns; i++) {
        const struct turn *t = &r->turn[i];
        struct doc_round *round = document_round(row);
        document_value(round, "decode_cores", t->ours[STAGE_DECODE]);
        document_value(round, "compose_cores", t->ours[STAGE_COMPOSE]);
        document_value(round, "scale_cores", t->scale);
        document_value(round, "encode_cores", t->ours[STAGE_ENCODE]);
        document_value(round, "cores",
                       t->ours[STAGE_DECODE] + t->ours[STAGE_COMPOSE] + t->ours[STAGE_ENCODE]);
        document_value(round, "libvpx_cores", t->alone[STAGE_DECODE] + t->alone[STAGE_ENCODE]);
        document_value(round, "times_libvpx", ratio(r, i));
    }
}

static int open_run(struct run *r, size_t room)
{
    const struct bare_video_config bare = {.inputs = rooms[room].inputs,
                                           .input_width = rooms[room].width,
                                           .input_height = rooms[room].height,
                                           .width = WIDTH,
                                           .height = HEIGHT,
                                           .fps = FPS,
                                           .bitrate_bps = BITRATE_BPS,
                                           .pool = r->pool};
    int err = 0;

    r->inputs = rooms[room].inputs;
    for (size_t i = 0; i < FPS; i++) {
        r->recorded[i] = picture_new(r->pool, WIDTH, HEIGHT);
        CHECK(r->recorded[i] != NULL);
    }
    for (unsigned i = 0; err == 0 && i < CLIPS; i++)
        err = moving_clip_make(&r->clip[i], i, rooms[room].width, rooms[room].height,
                               rooms[room].bitrate_bps, r->pool);
    if (err == 0)
        err = bare_video_open(&r->bare, &bare);
    return err == 0 ? open_ours(r) : err;
}

static void close_run(struct run *r)
{
    close_ours(r);
    bare_video_close(&r->bare);
    for (size_t i = 0; i < CLIPS; i++)
        moving_clip_fini(&r->clip[i]);
    for (size_t i = 0; i < FPS; i++)
        picture_unref(&r->recorded[i]);
    picture_pool_free(&r->pool);
    mem_free(r);
}

static int bench_room(size_t room, uint64_t seconds, struct document *d)
{
    struct run *r = MEM_NEW(struct run);
    int err;

    r->pool = picture_pool_new(POOL_BYTES);
    err = open_run(r, room);

    if (err == 0)
        err = measure(r, seconds);
    if (err == 0)
        report(r, room, d);
    close_run(r);
    return err;
}

int bench_compose(const struct bench_options *options, struct document *d)
{
    static const struct doc_column columns[] = {
        {"decode_cores", "decode", 1, 3},       {"compose_cores", "compose", 1, 3},
        {"scale_cores", "of it scaling", 1, 3}, {"encode_cores", "encode", 1, 3},
        {"cores", "all, cores", 1, 3},          {"libvpx_cores", "libvpx alone", 1, 3},
        {"times_libvpx", "ratio", 1, 3}};
    int err = 0;

    for (size_t i = 0; err == 0 && i < ARRAY_LEN(rooms); i++)
        err = bench_room(i, MAX(options->seconds / ARRAY_LEN(rooms), 1u), d);
    document_print(d, "compose", columns, ARRAY_LEN(columns));
    return err;
}
