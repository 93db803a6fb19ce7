/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_mix_sync.c - sound and picture of a mix at its viewer, for ten minutes and more of virtual time, whatever the members' clocks do.
 *
 * Each member now and then turns from dark to bright and begins a tone, both at once. Its clocks of sound, picture and reports are its own
 * and drift; what it sends is jittered. The viewer decodes the mix: by how much more the picture was delayed than the sound, on the mix's one
 * clock, is what he perceives. Pictures are small, so that it takes seconds; all the rest is real.
 */
#include "tests/unit/core/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "core/attr.h"
#include "core/mem.h"
#include "core/payload.h"
#include "core/rng.h"
#include "mixer/frame_buffer.h"
#include "mixer/mix.h"
#include "mixer/packetizer.h"
#include "mixer/picture.h"
#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"
#include "tests/unit/mixer/packets.h"
#include "tests/unit/mixer/speaker.h"

#define MEMBERS 3
#define SIDE 64 /* of the mix: three tiles, one above the other */
#define FPS 30
#define VIDEO_TRACK 1000ull
#define AUDIO_TRACK 1001ull
#define STEP_US 5000ull
#define BEGIN_US (100 * US_PER_S)
#define EVENT_EVERY_US (3 * US_PER_S)
#define BRIGHT_US 500000ull
#define BURST_TICKS 10
#define JITTER_US 15000
#define IN_SYNC_US 40000
#define SETTLE_US (12 * US_PER_S) /* reports come each second, offsets move slowly */
#define BURST_HZ 1000
#define PART_PAIRS 240 /* 5 ms */
#define MAX_EVENTS 512

/* A clock of a member: its time is (true time since the begin) * rate + jump. */
struct drifting {
    double rate;
    int64_t jump_us;
};

/* What happened at a member, and when that was perceived; true times, 0: not. */
struct event {
    uint64_t dark_until_us; /* frames captured from here on are bright */
    uint64_t bright_us, tone_us;
    uint64_t seen_us, heard_us;
};

struct member {
    struct drifting sound, picture, report;
    struct mix_input *audio, *video;
    struct packetizer packetizer;
    uint64_t frames, ticks, next_report_us, last_arrival_us[2];
    uint64_t frame_base_us, tick_base_us; /* true times where counting began */
    uint16_t seq[2];
    unsigned burst; /* ticks of the tone left */
    struct event event[MAX_EVENTS];
    unsigned events;
    bool was_bright; /* at the viewer */
};

static struct packet_pool *packets;
static struct picture_pool *pictures;
static struct mix *mix;
static struct member member[MEMBERS];
static struct rng rng;
static uint64_t now_us, next_tick_us;
static struct {
    uint8_t bytes[2048];
    size_t len;
} frame[2]; /* dark, bright: keyframes both */
static struct {
    uint8_t bytes[400];
    size_t len;
} idle_sound[20], burst_sound[BURST_TICKS];
/* the viewer */
static struct frame_buffer *frames;
static struct video_decoder *decoder;
static struct coder_opus_decoder *opus;
static unsigned quiet_parts;
static struct layout layout;

/* ---- media, made once ---- */

static void make_frames(void)
{
    const struct video_encoder_config config = {.codec = CODEC_VP8,
                                                .width = SIDE / 2,
                                                .height = SIDE / 2,
                                                .bitrate_bps = 200000,
                                                .framerate = FPS};
    struct picture *p = picture_new(pictures, SIDE / 2, SIDE / 2);

    for (unsigned i = 0; i < 2; i++) {
        struct video_encoder *e = NULL;
        struct video_encoder_output out;
        picture_fill(&p->view, (struct picture_colour){i == 0 ? 40 : 200, 128, 128});
        const struct video_encoder_input in = {.picture = p->view, .is_keyframe_wanted = true};
        assert_int_equal(video_encoder_new(&e, &config), 0);
        assert_int_equal(video_encoder_encode(e, &in, &out), 0);
        assert_in_range(out.len, 1, sizeof(frame[i].bytes));
        memcpy(frame[i].bytes, out.data, out.len);
        frame[i].len = out.len;
        video_encoder_free(&e);
    }
    picture_unref(&p);
}

static void make_sound(void)
{
    struct coder_opus_settings settings = CODER_OPUS_DEFAULTS;
    struct coder_opus_encoder *e;
    int16_t pcm[PCM_TICK_SAMPLES];

    settings.is_mono = true;
    e = coder_opus_encoder_new(&settings);
    for (size_t t = 0; t < ARRAY_LEN(idle_sound); t++) {
        sound_noise(pcm, PCM_TICK_PAIRS, 40, &rng);
        idle_sound[t].len =
            coder_opus_encode(e, pcm, idle_sound[t].bytes, sizeof(idle_sound[t].bytes));
    }
    for (size_t t = 0; t < BURST_TICKS; t++) {
        sound_sine(pcm, PCM_TICK_PAIRS, BURST_HZ, 8000, t * PCM_TICK_PAIRS);
        burst_sound[t].len =
            coder_opus_encode(e, pcm, burst_sound[t].bytes, sizeof(burst_sound[t].bytes));
    }
    coder_opus_encoder_free(&e);
}

/* ---- a member ---- */

static int64_t local_us(const struct drifting *c, uint64_t true_us)
{
    return (int64_t)((double)(true_us - BEGIN_US) * c->rate) + c->jump_us;
}

/* Arrival, in order of sending. */
static uint64_t arrive(struct member *m, unsigned stream)
{
    uint64_t at_us = now_us + rng_below(&rng, JITTER_US);

    m->last_arrival_us[stream] = MAX(m->last_arrival_us[stream], at_us);
    return m->last_arrival_us[stream];
}

static struct packet *make(struct member *m, unsigned stream, uint32_t ts, bool marker,
                           const uint8_t *payload, size_t len)
{
    struct packet *p = make_packet(
        packets, &(struct made_packet){.seq = m->seq[stream]++,
                                       .ts = ts,
                                       .ssrc = (uint32_t)(10 + 2 * (m - member)) + stream,
                                       .marker = marker,
                                       .payload = payload,
                                       .len = len,
                                       .arrival_us = arrive(m, stream)});

    p->codec = stream == 0 ? CODEC_OPUS : CODEC_VP8;
    p->audio_level = m->burst > 0 ? 15 : 66;
    (void)!payload_inspect(p);
    return p;
}

/* The mixer is handed packets a little after they came, never before: arrival is in the packet. */
static void push(struct mix_input *in, struct packet *p)
{
    mix_push(in, p, MAX(now_us, p->arrival_us));
    packet_unref(&p);
}

static void send_frame(struct member *m, uint64_t captured_us)
{
    struct event *e = m->events > 0 ? &m->event[m->events - 1] : NULL;
    bool is_bright =
        e != NULL && captured_us >= e->dark_until_us && captured_us < e->dark_until_us + BRIGHT_US;
    const struct outgoing_frame out = {
        .data = frame[is_bright].bytes, .len = frame[is_bright].len, .is_keyframe = true};
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    uint32_t ts = (uint32_t)(local_us(&m->picture, captured_us) * 9 / 100);
    bool is_last = false;

    if (is_bright && e->bright_us == 0)
        e->bright_us = captured_us;
    assert_int_equal(packetizer_begin(&m->packetizer, &out), 0);
    while (!is_last) {
        size_t len = packetizer_next(&m->packetizer, payload, sizeof(payload), &is_last);
        push(m->video, make(m, 1, ts, is_last, payload, len));
    }
}

/* A packet leaves when the sound in it is complete. */
static void send_sound(struct member *m, uint64_t captured_us)
{
    struct event *e = m->events > 0 ? &m->event[m->events - 1] : NULL;
    uint32_t ts = (uint32_t)(local_us(&m->sound, captured_us) * 48 / 1000);

    if (e != NULL && e->tone_us == 0 && captured_us >= e->dark_until_us) {
        e->tone_us = captured_us;
        m->burst = BURST_TICKS;
    }
    if (m->burst > 0) {
        size_t t = BURST_TICKS - m->burst;
        push(m->audio, make(m, 0, ts, false, burst_sound[t].bytes, burst_sound[t].len));
        m->burst--;
    } else {
        size_t t = m->ticks % ARRAY_LEN(idle_sound);
        push(m->audio, make(m, 0, ts, false, idle_sound[t].bytes, idle_sound[t].len));
    }
}

static void send_reports(struct member *m)
{
    int64_t ntp_us = local_us(&m->report, now_us) + (int64_t)(1000 * US_PER_S);
    uint64_t arrival_us = now_us + rng_below(&rng, JITTER_US);

    mix_push_report(m->video, ntp_us, (uint32_t)(local_us(&m->picture, now_us) * 9 / 100),
                    arrival_us);
    mix_push_report(m->audio, ntp_us, (uint32_t)(local_us(&m->sound, now_us) * 48 / 1000),
                    arrival_us);
    m->next_report_us = now_us + US_PER_S;
}

static void run_member(struct member *m)
{
    uint64_t at_us;

    while ((at_us = BEGIN_US + (uint64_t)((double)m->frames * 1e6 / FPS / m->picture.rate)) <=
           now_us) {
        send_frame(m, at_us);
        m->frames++;
    }
    while ((at_us = BEGIN_US + (uint64_t)((double)m->ticks * 2e4 / m->sound.rate)) + 20000 <=
           now_us) {
        send_sound(m, at_us);
        m->ticks++;
    }
    if (now_us >= m->next_report_us)
        send_reports(m);
}

/* Members take turns. */
static void begin_events(void)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct member *m = &member[i];
        uint64_t due_us = BEGIN_US + US_PER_S + i * US_PER_S + m->events * EVENT_EVERY_US;
        if (now_us < due_us || m->events == MAX_EVENTS)
            continue;
        m->event[m->events++] = (struct event){.dark_until_us = due_us};
    }
}

/* ---- the viewer ---- */

/* On the mix's one clock. */
static uint64_t time_of(uint64_t track, uint32_t ts, uint32_t hz)
{
    struct mix_clock c;

    assert_int_equal(mix_read_clock(mix, track, now_us, &c), 0);
    return (uint64_t)((int64_t)c.at_us + (int64_t)(int32_t)(ts - c.ts) * 1000000 / hz);
}

static void look(const struct picture_view *v, uint32_t ts)
{
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct member *m = &member[i];
        const struct layout_tile *tile = &layout.tile[i];
        int x = tile->x + tile->width / 2, y = tile->y + tile->height / 2;
        bool is_bright = v->plane[0][y * v->stride[0] + x] > 120;
        struct event *e = m->events > 0 ? &m->event[m->events - 1] : NULL;
        if (is_bright && !m->was_bright && e != NULL && e->bright_us != 0 && e->seen_us == 0)
            e->seen_us = time_of(VIDEO_TRACK, ts, 90000);
        m->was_bright = is_bright;
    }
}

/* Whose tone it is, time tells: the newest one that was not heard. */
static void note_tone(uint64_t at_us)
{
    struct event *newest = NULL;

    for (unsigned i = 0; i < MEMBERS; i++) {
        struct event *e = member[i].events > 0 ? &member[i].event[member[i].events - 1] : NULL;
        if (e != NULL && e->tone_us != 0 && e->heard_us == 0 &&
            (newest == NULL || e->tone_us > newest->tone_us))
            newest = e;
    }
    if (newest != NULL)
        newest->heard_us = at_us;
}

static void hear(const struct packet *p)
{
    int16_t pcm[CODER_OPUS_MAX_PAIRS * 2];

    if (coder_opus_decode(opus, p->data + p->rtp.header_bytes, p->rtp.payload_bytes, pcm) !=
        PCM_TICK_PAIRS)
        return;
    for (size_t at = 0; at < PCM_TICK_PAIRS; at += PART_PAIRS) {
        bool is_loud = sound_rms(pcm + 2 * at, PART_PAIRS) > 2000;
        if (is_loud && quiet_parts > 20)
            note_tone(time_of(AUDIO_TRACK, p->rtp.ts + (uint32_t)at, 48000));
        quiet_parts = is_loud ? 0 : quiet_parts + 1;
    }
}

static void on_packet(struct packet *p, void *arg)
{
    struct encoded_frame f;

    (void)arg;
    if (p->track == AUDIO_TRACK) {
        hear(p);
        return;
    }
    frame_buffer_push(frames, p);
    while (frame_buffer_pull(frames, &f, now_us)) {
        struct picture *picture;
        assert_int_equal(video_decoder_decode(decoder, f.data, f.len, &picture), 0);
        if (picture != NULL)
            look(&picture->view, f.ts);
        picture_unref(&picture);
    }
}

static void on_keyframe_wanted(uint64_t input, unsigned encoding, void *arg)
{
    (void)input, (void)encoding, (void)arg; /* all frames are */
}

static void on_size_wanted(uint64_t input, int width, int height, void *arg)
{
    (void)input, (void)width, (void)height, (void)arg;
}

static void on_level(struct mix *m, void *arg)
{
    (void)m, (void)arg;
}

/* ---- the stage ---- */

static void enter(unsigned i)
{
    struct member *m = &member[i];
    struct mix_input_config config = {.id = 2 * i + 1, .member = i + 1, .kind = MEDIA_AUDIO};

    *m = (struct member){.sound = {1, 0}, .picture = {1, 0}, .report = {1, 0}};
    packetizer_init(&m->packetizer, CODEC_VP8, PACKETIZER_PAYLOAD_BYTES, i);
    m->next_report_us = BEGIN_US + US_PER_S / 2;
    assert_int_equal(mix_set_member(mix, i + 1, "m", "m"), 0);
    assert_int_equal(mix_add_input(&m->audio, mix, &config), 0);
    config.id++;
    config.kind = MEDIA_VIDEO;
    assert_int_equal(mix_add_input(&m->video, mix, &config), 0);
}

static void place_tiles(void)
{
    static const uint32_t who[MEMBERS] = {0, 1, 2};
    const struct layout_request request = {.kind = LAYOUT_GRID,
                                           .width = SIDE,
                                           .height = SIDE,
                                           .gap = MIN_PICTURE_SIDE, /* as mix_video.c has it */
                                           .participants = who,
                                           .count = MEMBERS};

    assert_int_equal(layout_make(&layout, &request, NULL), 0);
}

static int set_up(void **state)
{
    struct mix_settings settings = MIX_DEFAULTS;
    const struct mix_tracks tracks = {.video = VIDEO_TRACK, .audio = AUDIO_TRACK};

    (void)state;
    settings.width = settings.height = SIDE;
    settings.fps = FPS;
    settings.bitrate_bps = 500000;
    settings.has_labels = false;
    now_us = next_tick_us = BEGIN_US;
    quiet_parts = 0;
    rng_seed(&rng, 3);
    packets = packet_pool_new(8192);
    pictures = picture_pool_new(16u * 1024 * 1024);
    const struct mix_env env = {
        .packets = packets,
        .pictures = pictures,
        .random = 77,
        .on_packet = on_packet,
        .on_keyframe_wanted = on_keyframe_wanted,
        .on_size_wanted = on_size_wanted,
        .on_level = on_level,
    };
    assert_int_equal(mix_new(&mix, &settings, &tracks, &env, now_us), 0);
    frames = frame_buffer_new(&(struct frame_buffer_config){.codec = CODEC_VP8});
    assert_int_equal(video_decoder_new(&decoder, CODEC_VP8, pictures), 0);
    opus = coder_opus_decoder_new();
    mix_set_watched(mix, VIDEO_TRACK, true);
    mix_set_watched(mix, AUDIO_TRACK, true);
    place_tiles();
    make_frames();
    make_sound();
    for (unsigned i = 0; i < MEMBERS; i++)
        enter(i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mix_free(&mix);
    frame_buffer_free(&frames);
    video_decoder_free(&decoder);
    coder_opus_decoder_free(&opus);
    picture_pool_free(&pictures);
    packet_pool_free(&packets);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void pass(uint64_t us)
{
    for (uint64_t end_us = now_us + us; now_us < end_us; now_us += STEP_US) {
        begin_events();
        for (unsigned i = 0; i < MEMBERS; i++)
            run_member(&member[i]);
        if (now_us >= next_tick_us) {
            mix_run_audio(mix, now_us);
            next_tick_us += MIX_AUDIO_TICK_US;
        }
        mix_run_video(mix, now_us);
    }
}

/* ---- judging ---- */

static int64_t skew_us(const struct event *e)
{
    return (int64_t)(e->seen_us - e->bright_us) - (int64_t)(e->heard_us - e->tone_us);
}

/* All events of a member in a time were seen and heard, and together. */
static void assert_in_sync(unsigned who, uint64_t from_us, uint64_t until_us)
{
    int64_t least = INT64_MAX, most = INT64_MIN;
    unsigned n = 0;

    for (unsigned i = 0; i < member[who].events; i++) {
        const struct event *e = &member[who].event[i];
        if (e->dark_until_us < BEGIN_US + from_us || e->dark_until_us >= BEGIN_US + until_us)
            continue;
        if (e->seen_us == 0 || e->heard_us == 0)
            fail_msg("member %u, %.1f s: seen %d, heard %d", who,
                     (double)(e->dark_until_us - BEGIN_US) / 1e6, e->seen_us != 0,
                     e->heard_us != 0);
        least = MIN(least, skew_us(e));
        most = MAX(most, skew_us(e));
        n++;
    }
    print_message("         member %u: %3u events, picture after sound by %.1f to %.1f ms\n", who,
                  n, (double)least / 1e3, (double)most / 1e3);
    assert_true(n > 0);
    assert_true(least >= -IN_SYNC_US && most <= IN_SYNC_US);
}

/* ---- tests ---- */

/* Its timestamps go over 2^32 a minute after the begin. */
static void wrap_soon(struct member *m)
{
    m->picture.jump_us = (1ll << 32) * 100 / 9 - 60 * 1000000ll;
    m->sound.jump_us = (1ll << 32) * 1000 / 48 - 61 * 1000000ll;
}

static void ten_minutes_of_drift_leave_sound_and_picture_together(void **state)
{
    (void)state;
    wrap_soon(&member[0]);
    member[0].sound.rate = member[0].picture.rate = member[0].report.rate = 1 + 200e-6;
    member[1].sound.rate = member[1].picture.rate = member[1].report.rate = 1 - 200e-6;
    member[2].sound.rate = 1 + 200e-6; /* a sound card of its own */
    member[2].picture.rate = 1 - 200e-6;
    pass(600 * US_PER_S);
    for (unsigned i = 0; i < MEMBERS; i++)
        assert_in_sync(i, SETTLE_US, 598 * US_PER_S);
}

/* What a member's clocks do is nobody else's business, and it is in sync again itself. */
static void clocks_that_jump_disturb_nobody_else(void **state)
{
    struct member *m = &member[2];

    (void)state;
    member[0].sound.rate = member[0].picture.rate = member[0].report.rate = 1 + 500e-6;
    member[1].sound.rate = 1 - 500e-6;
    member[1].picture.rate = 1 + 500e-6;
    pass(30 * US_PER_S);
    m->sound.jump_us += 10 * 1000000ll; /* all of it goes on ten seconds later */
    m->picture.jump_us += 10 * 1000000ll;
    m->report.jump_us += 10 * 1000000ll;
    pass(30 * US_PER_S);
    m->sound.jump_us -= 500 * 1000000ll; /* timestamps begin anew, earlier */
    m->picture.jump_us -= 700 * 1000000ll;
    pass(30 * US_PER_S);
    m->report.jump_us += 3600 * 1000000ll; /* somebody sets its wall clock */
    pass(30 * US_PER_S);
    m->report.jump_us -= 7200 * 1000000ll;
    pass(30 * US_PER_S);
    assert_in_sync(0, SETTLE_US, 148 * US_PER_S);
    assert_in_sync(1, SETTLE_US, 148 * US_PER_S);
    for (uint64_t from_us = 0; from_us < 150 * US_PER_S; from_us += 30 * US_PER_S)
        assert_in_sync(2, from_us + SETTLE_US, from_us + 28 * US_PER_S);
}

int main(void)
{
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STAGE(ten_minutes_of_drift_leave_sound_and_picture_together),
        WITH_STAGE(clocks_that_jump_disturb_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
