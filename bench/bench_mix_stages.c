/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_mix_stages.c - what a mixed room costs, all of it and by stage: RTP packets of n members with a picture and a voice each in, RTP
 * packets of a 1280x720 picture at 30 a second and of shared and personal sound out.
 *
 * It is the mix of mixer/mix.h, driven by a clock that is simulated, so that the run is as fast as the machine; packets of members are
 * made beforehand and not measured. Beside it, in turns of a second: libvpx alone, which decodes the same frames and encodes the same
 * canvases. The time from the due time of a picture to its last packet is the delay that mixing adds, beside the wait for the next
 * picture. The same room on a real server: scenario_mix.c.
 */
#include "bench/bare_video.h"
#include "bench/bench.h"
#include "bench/moving_clip.h"

#include <string.h>

#include "core/check.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/payload.h"
#include "core/rng.h"
#include "core/stats.h"
#include "core/timebase.h"
#include "mixer/coder_opus.h"
#include "mixer/mix.h"
#include "mixer/packetizer.h"
#include "mixer/pcm.h"
#include "mixer/picture.h"

#define CLIPS 5
#define MAX_MEMBERS 25
#define MAX_TURNS 400
#define VIDEO_TRACK 1000
#define AUDIO_TRACK 1001
#define PERSONAL_TRACK 2000 /* and on */
#define LISTENERS 3         /* members who receive the mix without themselves */
#define TALKERS 3
#define VOICE_TICKS 100
#define STEP_US 10000ull
#define MAX_STEP_PACKETS 2048
#define WIDTH 1280 /* of the mix, as MIX_DEFAULTS has it */
#define HEIGHT 720
#define FPS 30
#define MAX_TURN_PICTURES (FPS + 2)

static const struct {
    size_t members;
    int width, height; /* of the smallest simulcast encoding that fills the tile */
    uint32_t bitrate_bps;
} rooms[] = {
    {4, 640, 360, 500000},
    {9, 640, 360, 500000},
    {16, 320, 180, 150000},
    {25, 320, 180, 150000},
};

/* CPU seconds of a second. */
struct turn {
    double all, receive, decode, compose, encode, audio;
    double scale;  /* of it, once more and alone */
    double libvpx; /* alone */
};

/* What members sent in a turn before which of its pictures, for libvpx to decode. */
struct sent_frame {
    uint8_t member, picture;
    uint8_t clip, frame;
};

struct member {
    struct mix_input *video, *audio;
    struct packetizer packetizer;
    uint16_t video_seq, audio_seq;
    unsigned frame, tick;
    uint64_t next_frame_us, next_tick_us;
    int width, height; /* that it is seen in */
};

struct mix_run {
    struct packet_pool *packets;
    struct picture_pool *pictures;
    struct moving_clip clip[CLIPS];
    struct {
        uint16_t len;
        uint8_t bytes[512];
    } voice[2][VOICE_TICKS]; /* silence of a room, speech */
    struct mix *mix;
    struct member member[MAX_MEMBERS];
    size_t members;
    uint64_t now_us, next_audio_us, packets_out;
    struct {
        struct mix_input *input;
        struct packet *pkt;
    } step[MAX_STEP_PACKETS];
    size_t step_count;
    struct histogram delay_us;
    struct bare_video *bare;
    struct sent_frame sent[MAX_MEMBERS * MAX_TURN_PICTURES];
    size_t sent_count;
    struct picture *canvas[MAX_TURN_PICTURES]; /* of this turn */
    size_t canvases;
    struct turn turn[MAX_TURNS];
    size_t turns;
};

/* ---- what members send ---- */

static int record_voices(struct mix_run *r)
{
    struct coder_opus_settings as_browser = {
        .bitrate_bps = 32000, .complexity = 9, .loss_percent = 10, .is_mono = true};
    struct rng rng;

    rng_seed(&rng, 1);
    for (size_t v = 0; v < 2; v++) {
        struct coder_opus_encoder *e = coder_opus_encoder_new(&as_browser);
        int16_t pcm[PCM_TICK_SAMPLES];
        if (e == NULL)
            return E_NO_MEMORY;
        for (size_t t = 0; t < VOICE_TICKS; t++) {
            int loud = v == 0 ? 20 : 3000;
            for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
                pcm[2 * i] = pcm[2 * i + 1] =
                    (int16_t)((int)rng_below(&rng, (uint32_t)loud) - loud / 2);
            r->voice[v][t].len = (uint16_t)coder_opus_encode(e, pcm, r->voice[v][t].bytes,
                                                             sizeof(r->voice[v][t].bytes));
        }
        coder_opus_encoder_free(&e);
    }
    return 0;
}

static struct packet *make_packet(struct mix_run *r, enum codec_id codec, uint16_t seq, uint32_t ts,
                                  bool marker, const uint8_t *payload, size_t len)
{
    struct packet *p = packet_new(r->packets);

    CHECK(p != NULL);
    size_t header =
        rtp_write_header(p->data, packet_room(p), 96, marker, seq, ts, 7 + codec, NULL, 0);
    memcpy(p->data + header, payload, len);
    p->len = (uint16_t)(header + len);
    CHECK(rtp_parse(&p->rtp, p->data, p->len) == 0);
    p->flags = PACKET_HAS_RTP;
    p->codec = (uint8_t)codec;
    p->arrival_us = r->now_us;
    p->audio_level = -1;
    (void)!payload_inspect(p);
    return p;
}

static void plan(struct mix_run *r, struct mix_input *input, struct packet *pkt)
{
    CHECK(r->step_count < MAX_STEP_PACKETS);
    r->step[r->step_count].input = input;
    r->step[r->step_count++].pkt = pkt;
}

static void plan_frame(struct mix_run *r, struct member *m, size_t index)
{
    const struct moving_clip *clip = &r->clip[index % CLIPS];
    unsigned at = m->frame++ % MOVING_CLIP_FRAMES;
    const struct outgoing_frame frame = {
        .data = clip->frame[at].data, .len = clip->frame[at].len, .is_keyframe = at == 0};
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    bool is_last = false;

    m->next_frame_us += US_PER_S / MOVING_CLIP_FPS;
    if (frame.len == 0)
        return;
    CHECK(r->sent_count < ARRAY_LEN(r->sent));
    r->sent[r->sent_count++] = (struct sent_frame){.member = (uint8_t)index,
                                                   .picture = (uint8_t)r->canvases,
                                                   .clip = (uint8_t)(index % CLIPS),
                                                   .frame = (uint8_t)at};
    CHECK(packetizer_begin(&m->packetizer, &frame) == 0);
    while (!is_last) {
        size_t len = packetizer_next(&m->packetizer, payload, sizeof(payload), &is_last);
        plan(r, m->video,
             make_packet(r, CODEC_VP8, m->video_seq++, (uint32_t)(r->now_us * 9 / 100), is_last,
                         payload, len));
    }
}

static void plan_step(struct mix_run *r)
{
    for (size_t i = 0; i < r->members; i++) {
        struct member *m = &r->member[i];
        size_t voice = i < TALKERS;
        if (r->now_us >= m->next_frame_us)
            plan_frame(r, m, i);
        if (r->now_us < m->next_tick_us)
            continue;
        struct packet *p = make_packet(r, CODEC_OPUS, m->audio_seq++, m->tick * PCM_TICK_PAIRS,
                                       false, r->voice[voice][m->tick % VOICE_TICKS].bytes,
                                       r->voice[voice][m->tick % VOICE_TICKS].len);
        p->audio_level = voice ? 30 : 90;
        plan(r, m->audio, p);
        m->tick++;
        m->next_tick_us += PCM_TICK_US;
    }
}

/* ---- the mix ---- */

static void on_packet(struct packet *p, void *arg)
{
    struct mix_run *r = arg;

    (void)p;
    r->packets_out++;
}

static void on_keyframe_wanted(uint64_t input, unsigned encoding, void *arg)
{
    (void)input, (void)encoding, (void)arg; /* the clip begins again with one */
}

static void on_size_wanted(uint64_t input, int width, int height, void *arg)
{
    struct mix_run *r = arg;
    struct member *m = &r->member[(input - 1) / 2];

    m->width = width;
    m->height = height;
}

static void on_level(struct mix *m, void *arg)
{
    (void)m, (void)arg;
}

static int add_member(struct mix_run *r, size_t i)
{
    struct member *m = &r->member[i];
    struct mix_input_config config = {
        .id = 2 * i + 1, .member = (uint32_t)i + 1, .kind = MEDIA_AUDIO};
    char name[] = "Member A";

    name[7] = (char)('A' + i);
    packetizer_init(&m->packetizer, CODEC_VP8, PACKETIZER_PAYLOAD_BYTES, (uint32_t)i);
    m->next_frame_us = r->now_us + i * 7000 % (US_PER_S / MOVING_CLIP_FPS);
    m->next_tick_us = r->now_us + i * 3000 % PCM_TICK_US;
    int err = mix_set_member(r->mix, config.member, name, name);
    if (err == 0)
        err = mix_add_input(&m->audio, r->mix, &config);
    config.id++;
    config.kind = MEDIA_VIDEO;
    if (err == 0)
        err = mix_add_input(&m->video, r->mix, &config);
    if (err == 0 && i < LISTENERS)
        err = mix_set_personal(r->mix, config.member, PERSONAL_TRACK + i);
    return err;
}

static int open_bare(struct mix_run *r, size_t room)
{
    const struct bare_video_config config = {.inputs = r->members,
                                             .input_width = rooms[room].width,
                                             .input_height = rooms[room].height,
                                             .width = WIDTH,
                                             .height = HEIGHT,
                                             .fps = FPS,
                                             .bitrate_bps = MIX_DEFAULTS.bitrate_bps,
                                             .pool = r->pictures};

    return bare_video_open(&r->bare, &config);
}

static int open_run(struct mix_run *r, size_t room)
{
    const struct mix_settings settings = MIX_DEFAULTS;
    const struct mix_tracks tracks = {.video = VIDEO_TRACK, .audio = AUDIO_TRACK};
    int err = 0;

    r->members = rooms[room].members;
    r->now_us = r->next_audio_us = US_PER_S;
    r->packets = packet_pool_new(MAX_PACKETS_PER_POOL);
    r->pictures = picture_pool_new(MAX_MIXER_PICTURE_BYTES);
    const struct mix_env env = {
        .packets = r->packets,
        .pictures = r->pictures,
        .cpu_ns = timebase_thread_cpu_ns,
        .random = 1,
        .on_packet = on_packet,
        .on_keyframe_wanted = on_keyframe_wanted,
        .on_size_wanted = on_size_wanted,
        .on_level = on_level,
        .arg = r,
    };
    for (size_t i = 0; i < MAX_TURN_PICTURES; i++) {
        r->canvas[i] = picture_new(r->pictures, WIDTH, HEIGHT);
        CHECK(r->canvas[i] != NULL);
    }
    for (unsigned i = 0; err == 0 && i < CLIPS; i++)
        err = moving_clip_make(&r->clip[i], i, rooms[room].width, rooms[room].height,
                               rooms[room].bitrate_bps, r->pictures);
    if (err == 0)
        err = open_bare(r, room);
    if (err == 0)
        err = record_voices(r);
    if (err == 0)
        err = mix_new(&r->mix, &settings, &tracks, &env, r->now_us);
    for (size_t i = 0; err == 0 && i < r->members; i++)
        err = add_member(r, i);
    if (err == 0) {
        mix_set_watched(r->mix, VIDEO_TRACK, true);
        mix_set_watched(r->mix, AUDIO_TRACK, true);
    }
    return err;
}

static void close_run(struct mix_run *r)
{
    mix_free(&r->mix);
    bare_video_close(&r->bare);
    for (size_t i = 0; i < MAX_TURN_PICTURES; i++)
        picture_unref(&r->canvas[i]);
    for (size_t i = 0; i < CLIPS; i++)
        moving_clip_fini(&r->clip[i]);
    picture_pool_free(&r->pictures);
    packet_pool_free(&r->packets);
    mem_free(r);
}

/* ---- measuring ---- */

static double cpu_s(void)
{
    return (double)timebase_thread_cpu_ns() / 1e9;
}

/* All that the mix does in a step; *receive gets the part that takes packets. */
static void run_step(struct mix_run *r, double *receive)
{
    double began = cpu_s();

    for (size_t i = 0; i < r->step_count; i++)
        mix_push(r->step[i].input, r->step[i].pkt, r->now_us);
    *receive += cpu_s() - began;
    if (r->now_us >= r->next_audio_us) {
        mix_run_audio(r->mix, r->now_us);
        r->next_audio_us += MIX_AUDIO_TICK_US;
    }
    uint64_t before = timebase_now_us();
    bool is_due = r->now_us >= mix_video_due_us(r->mix);
    mix_run_video(r->mix, r->now_us);
    if (is_due)
        histogram_add(&r->delay_us, timebase_now_us() - before);
}

static void keep_canvas(struct mix_run *r)
{
    CHECK(r->canvases < MAX_TURN_PICTURES);
    picture_copy(&r->canvas[r->canvases++]->view, mix_canvas(r->mix));
}

/* The same frames and canvases by libvpx, which has nothing else to do. */
static void run_bare(struct mix_run *r, struct turn *t)
{
    size_t at = 0;

    for (size_t i = 0; i < r->canvases; i++) {
        double began = cpu_s();
        for (; at < r->sent_count && r->sent[at].picture <= i; at++) {
            const struct moving_clip *c = &r->clip[r->sent[at].clip];
            bare_video_decode(r->bare, r->sent[at].member, c->frame[r->sent[at].frame].data,
                              c->frame[r->sent[at].frame].len);
        }
        t->libvpx += cpu_s() - began;
        bare_video_take(r->bare, &r->canvas[i]->view);
        began = cpu_s();
        bare_video_encode(r->bare);
        t->libvpx += cpu_s() - began;
    }
    /* What came after the last picture is decoded before the first of the next turn. */
    r->sent_count -= at;
    memmove(r->sent, r->sent + at, r->sent_count * sizeof(r->sent[0]));
    for (size_t i = 0; i < r->sent_count; i++)
        r->sent[i].picture = 0;
}

static void run_scaling(struct mix_run *r, struct turn *t)
{
    double began = cpu_s();

    for (size_t k = 0; k < r->canvases; k++)
        for (size_t i = 0; i < r->members; i++)
            if (r->member[i].width > 0)
                bare_video_scale(r->bare, i, r->member[i].width, r->member[i].height);
    t->scale += cpu_s() - began;
}

/* A second of the room. */
static void run_room(struct mix_run *r, struct turn *t)
{
    struct mix_stats before, after;

    mix_read_stats(r->mix, &before);
    for (uint64_t end_us = r->now_us + US_PER_S; r->now_us < end_us; r->now_us += STEP_US) {
        plan_step(r);
        bool is_due = r->now_us >= mix_video_due_us(r->mix);
        double began = cpu_s();
        run_step(r, &t->receive);
        t->all += cpu_s() - began;
        if (is_due)
            keep_canvas(r);
        for (; r->step_count > 0; r->step_count--)
            packet_unref(&r->step[r->step_count - 1].pkt);
    }
    mix_read_stats(r->mix, &after);
    t->decode = (double)(after.decode_ns - before.decode_ns) / 1e9;
    t->compose = (double)(after.compose_ns - before.compose_ns) / 1e9;
    t->encode = (double)(after.encode_ns - before.encode_ns) / 1e9;
    t->audio = (double)(after.audio_ns - before.audio_ns) / 1e9;
}

static void take_turn(struct mix_run *r, struct turn *t)
{
    *t = (struct turn){0};
    r->canvases = 0;
    run_room(r, t);
    run_bare(r, t);
    run_scaling(r, t);
}

static void report(const struct mix_run *r, struct document *d)
{
    const struct doc_param param = {.name = "members", .value = (double)r->members};
    struct doc_row *row = document_row(d, "mix-stages", "parley", &param, 1);
    struct mix_stats stats;

    mix_read_stats(r->mix, &stats);
    for (size_t i = 0; i < r->turns; i++) {
        const struct turn *t = &r->turn[i];
        struct doc_round *round = document_round(row);
        document_value(round, "receive_cores", t->receive);
        document_value(round, "decode_cores", t->decode);
        document_value(round, "scale_cores", t->scale);
        document_value(round, "compose_cores", t->compose);
        document_value(round, "encode_cores", t->encode);
        document_value(round, "audio_cores", t->audio);
        document_value(round, "cores", t->all);
        document_value(round, "libvpx_cores", t->libvpx);
        document_value(round, "times_libvpx", (t->all - t->audio) / t->libvpx);
        document_value(round, "work_p50_us", (double)histogram_quantile(&r->delay_us, 0.5));
        document_value(round, "work_p99_us", (double)histogram_quantile(&r->delay_us, 0.99));
        if (stats.decode_errors > 0)
            document_invalidate(round, "%llu pictures could not be decoded",
                                (unsigned long long)stats.decode_errors);
    }
}

static int bench_room(size_t room, uint64_t seconds, struct document *d)
{
    struct mix_run *r = MEM_NEW(struct mix_run);
    int err = open_run(r, room);
    struct turn warm_up;

    if (err == 0) {
        take_turn(r, &warm_up);
        take_turn(r, &warm_up);
        histogram_clear(&r->delay_us);
        uint64_t end_us = timebase_now_us() + seconds * US_PER_S;
        while (r->turns < MAX_TURNS && (r->turns == 0 || timebase_now_us() < end_us))
            take_turn(r, &r->turn[r->turns++]);
        report(r, d);
    }
    close_run(r);
    return err;
}

int bench_mix_stages(const struct bench_options *options, struct document *d)
{
    static const struct doc_column columns[] = {
        {"receive_cores", "receive", 1, 3},
        {"decode_cores", "decode", 1, 3},
        {"compose_cores", "compose", 1, 3},
        {"scale_cores", "of it scaling", 1, 3},
        {"encode_cores", "encode", 1, 3},
        {"audio_cores", "sound", 1, 3},
        {"cores", "all, cores", 1, 3},
        {"libvpx_cores", "libvpx alone", 1, 3},
        {"times_libvpx", "picture, ratio", 1, 3},
        {"work_p50_us", "p50 ms a picture", 1e-3, 1},
        {"work_p99_us", "p99 ms", 1e-3, 1},
    };
    int err = 0;

    document_server(d, "parley", "Parley", PARLEY_VERSION, "");
    for (size_t i = 0; err == 0 && i < ARRAY_LEN(rooms); i++)
        err = bench_room(i, MAX(options->seconds / ARRAY_LEN(rooms), 1u), d);
    document_print(d, "mix-stages", columns, ARRAY_LEN(columns));
    return err;
}
