/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mix_stage.h - a whole mix without threads for its tests: members with a colour and a tone each, on a virtual clock; what comes out is
 * decoded again.
 */
#pragma once

#include "tests/unit/core/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "core/attr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/payload.h"
#include "mixer/frame_buffer.h"
#include "mixer/mix.h"
#include "mixer/packetizer.h"
#include "mixer/picture.h"
#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"
#include "tests/unit/mixer/packets.h"
#include "tests/unit/mixer/speaker.h"

#define PEOPLE 4
#define WIDTH 320
#define HEIGHT 180
#define VIDEO_TRACK 1000ull
#define AUDIO_TRACK 1001ull
#define PERSONAL_TRACK 1002ull
#define STEP_US 10000ull
#define KEPT_TICKS 5

/* What arrives of one track. */
struct listener {
    struct coder_opus_decoder *opus;
    int16_t pcm[KEPT_TICKS][PCM_TICK_SAMPLES];
    size_t ticks;
    uint16_t seq;
    uint32_t ts;
    uint64_t packets;
};

struct person {
    struct speaker voice;
    struct video_encoder *encoder;
    struct packetizer packetizer;
    struct picture *picture;
    struct mix_input *audio, *video;
    uint16_t seq;
    uint64_t next_picture_us, next_sound_us;
    uint64_t interval_us; /* of pictures, 0: 40 ms */
    uint64_t pts_us;      /* of the newest */
    bool is_watched, wants_keyframe, is_silent, is_frozen, is_still;
    int width, height;
};

static const struct picture_colour colours[PEOPLE] = {
    {80, 100, 200}, {150, 60, 60}, {60, 190, 110}, {190, 40, 150}};

static struct packet_pool *packets;
static struct picture_pool *pictures;
static struct mix *mix;
static struct person person[PEOPLE];
static uint64_t now_us, next_tick_us;
static struct frame_buffer *frames[MAX_ENCODINGS];
static struct video_decoder *decoder[MAX_ENCODINGS];
static struct picture *shown[MAX_ENCODINGS];
static uint64_t bytes_of[MAX_ENCODINGS];
static struct listener shared, personal;
static uint64_t cpu_ns;
static unsigned level_changes;

/* ---- what comes out ---- */

static inline void hear(struct listener *l, const struct packet *p)
{
    int16_t pcm[CODER_OPUS_MAX_PAIRS * 2];
    int n = coder_opus_decode(l->opus, p->data + p->rtp.header_bytes, p->rtp.payload_bytes, pcm);

    assert_true(l->packets == 0 || p->rtp.seq == (uint16_t)(l->seq + 1));
    assert_true(l->packets == 0 || (p->rtp.ts - l->ts) % 960 == 0);
    l->seq = p->rtp.seq;
    l->ts = p->rtp.ts;
    l->packets++;
    if (n == PCM_TICK_PAIRS)
        memcpy(l->pcm[l->ticks++ % KEPT_TICKS], pcm, sizeof(l->pcm[0]));
}

static inline void on_packet(struct packet *p, void *arg)
{
    (void)arg;
    assert_int_equal(p->flags,
                     PACKET_HAS_RTP | (p->track == VIDEO_TRACK ? 0 : PACKET_HAS_CONTRIBUTORS));
    if (p->track == AUDIO_TRACK) {
        hear(&shared, p);
    } else if (p->track == PERSONAL_TRACK) {
        hear(&personal, p);
    } else {
        assert_int_equal(p->track, VIDEO_TRACK);
        bytes_of[p->encoding] += p->len;
        frame_buffer_push(frames[p->encoding], p);
    }
}

static inline void on_keyframe_wanted(uint64_t input, unsigned encoding, void *arg)
{
    (void)encoding, (void)arg;
    person[(input - 1) / 2].wants_keyframe = true;
}

static inline void on_size_wanted(uint64_t input, int width, int height, void *arg)
{
    struct person *p = &person[(input - 1) / 2];

    (void)arg;
    p->wants_keyframe |= width > 0 && !p->is_watched;
    p->is_watched = width > 0;
    p->width = width;
    p->height = height;
}

static inline void on_level(struct mix *m, void *arg)
{
    (void)m, (void)arg;
    level_changes++;
}

static inline uint64_t read_cpu(void)
{
    return cpu_ns += 1000;
}

static inline void look(unsigned encoding)
{
    struct encoded_frame frame;

    while (frame_buffer_pull(frames[encoding], &frame, now_us)) {
        struct picture *p;
        picture_unref(&shown[encoding]);
        assert_int_equal(video_decoder_decode(decoder[encoding], frame.data, frame.len, &p), 0);
        shown[encoding] = p;
    }
    if (frame_buffer_needs_keyframe(frames[encoding]))
        mix_want_keyframe(mix, VIDEO_TRACK, encoding);
}

/* ---- what goes in ---- */

static inline void send_picture(struct person *p, uint32_t ts, uint64_t input)
{
    struct video_encoder_input in = {.picture = p->picture->view,
                                     .pts_us = MAX(now_us, p->pts_us + 1000),
                                     .is_keyframe_wanted = p->wants_keyframe};
    struct video_encoder_output out;
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    bool is_last = false;

    (void)input;
    p->pts_us = in.pts_us;
    if (!p->is_still)
        p->picture->view.plane[0][(now_us / 1000) % (WIDTH / 2)] ^= 64; /* something changes */
    assert_int_equal(video_encoder_encode(p->encoder, &in, &out), 0);
    if (out.len == 0)
        return;
    p->wants_keyframe = false;
    const struct outgoing_frame frame = {
        .data = out.data, .len = out.len, .is_keyframe = out.is_keyframe};
    assert_int_equal(packetizer_begin(&p->packetizer, &frame), 0);
    while (!is_last) {
        size_t len = packetizer_next(&p->packetizer, payload, sizeof(payload), &is_last);
        struct packet *pkt = make_packet(packets, &(struct made_packet){.seq = p->seq++,
                                                                        .ts = ts,
                                                                        .ssrc = 7,
                                                                        .marker = is_last,
                                                                        .payload = payload,
                                                                        .len = len,
                                                                        .arrival_us = now_us});
        pkt->codec = CODEC_VP8;
        assert_int_equal(payload_inspect(pkt), 0);
        mix_push(p->video, pkt, now_us);
        packet_unref(&pkt);
    }
}

static inline void feed(struct person *p)
{
    if (p->audio != NULL && !p->is_silent && now_us >= p->next_sound_us) {
        struct packet *pkt = speaker_next(&p->voice, now_us);
        mix_push(p->audio, pkt, now_us);
        packet_unref(&pkt);
        p->next_sound_us = now_us + PCM_TICK_US;
    }
    while (p->video != NULL && p->is_watched && !p->is_frozen && now_us >= p->next_picture_us) {
        uint64_t interval_us = p->interval_us == 0 ? 40000 : p->interval_us;
        if (now_us >= p->next_picture_us + STEP_US + interval_us)
            p->next_picture_us = now_us; /* it was not watched */
        send_picture(p, (uint32_t)(p->next_picture_us * 9 / 100), 0);
        p->next_picture_us += interval_us;
    }
}

static inline void pass(uint64_t us)
{
    for (uint64_t end_us = now_us + us; now_us < end_us; now_us += STEP_US) {
        for (size_t i = 0; i < PEOPLE; i++)
            feed(&person[i]);
        if (now_us >= next_tick_us) {
            mix_run_audio(mix, now_us);
            next_tick_us += MIX_AUDIO_TICK_US;
        }
        mix_run_video(mix, now_us);
        for (unsigned i = 0; i < MAX_ENCODINGS; i++)
            if (frames[i] != NULL)
                look(i);
    }
}

static inline void enter(unsigned i)
{
    char name[8] = {'p', (char)('0' + i), 0};
    struct mix_input_config config = {.id = 2 * i + 1, .member = i + 1, .kind = MEDIA_AUDIO};

    assert_int_equal(mix_set_member(mix, i + 1, name, name), 0);
    assert_int_equal(mix_add_input(&person[i].audio, mix, &config), 0);
    config.id++;
    config.kind = MEDIA_VIDEO;
    assert_int_equal(mix_add_input(&person[i].video, mix, &config), 0);
    person[i].voice.amplitude = 3000;
}

static inline void leave(unsigned i)
{
    mix_remove_input(&person[i].audio);
    mix_remove_input(&person[i].video);
    mix_remove_member(mix, i + 1);
    person[i].is_watched = false;
}

/* ---- the stage ---- */

static inline void open_mix(const struct mix_settings *settings)
{
    const struct mix_env env = {
        .packets = packets,
        .pictures = pictures,
        .cpu_ns = read_cpu,
        .random = 12345,
        .on_packet = on_packet,
        .on_keyframe_wanted = on_keyframe_wanted,
        .on_size_wanted = on_size_wanted,
        .on_level = on_level,
    };
    const struct mix_tracks tracks = {.video = VIDEO_TRACK, .audio = AUDIO_TRACK};

    assert_int_equal(mix_new(&mix, settings, &tracks, &env, now_us), 0);
    next_tick_us = now_us;
    for (unsigned i = 0; i < settings->encodings; i++) {
        frames[i] = frame_buffer_new(&(struct frame_buffer_config){.codec = settings->codec});
        assert_int_equal(video_decoder_new(&decoder[i], settings->codec, pictures), 0);
    }
    mix_set_watched(mix, VIDEO_TRACK, true);
    mix_set_watched(mix, AUDIO_TRACK, true);
}

static inline struct mix_settings small(void)
{
    struct mix_settings s = MIX_DEFAULTS;

    s.width = WIDTH;
    s.height = HEIGHT;
    s.fps = 25;
    s.bitrate_bps = 600000;
    s.has_labels = false;
    return s;
}

static inline int set_up(void **state)
{
    (void)state;
    now_us = 50 * US_PER_S;
    packets = packet_pool_new(8192);
    pictures = picture_pool_new(64u * 1024 * 1024);
    memset(&shared, 0, sizeof(shared));
    memset(&personal, 0, sizeof(personal));
    memset(bytes_of, 0, sizeof(bytes_of));
    shared.opus = coder_opus_decoder_new();
    personal.opus = coder_opus_decoder_new();
    level_changes = 0;
    for (size_t i = 0; i < PEOPLE; i++) {
        const struct video_encoder_config config = {.codec = CODEC_VP8,
                                                    .width = WIDTH / 2,
                                                    .height = HEIGHT / 2,
                                                    .bitrate_bps = 200000,
                                                    .framerate = 25};
        memset(&person[i], 0, sizeof(person[i]));
        speaker_open(&person[i].voice, packets, CODEC_OPUS, (uint32_t)(100 + i),
                     300 + 250 * (double)i, 0);
        assert_int_equal(video_encoder_new(&person[i].encoder, &config), 0);
        packetizer_init(&person[i].packetizer, CODEC_VP8, PACKETIZER_PAYLOAD_BYTES, 1);
        person[i].picture = picture_new(pictures, WIDTH / 2, HEIGHT / 2);
        picture_fill(&person[i].picture->view, colours[i]);
    }
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mix_free(&mix);
    for (size_t i = 0; i < PEOPLE; i++) {
        speaker_close(&person[i].voice);
        video_encoder_free(&person[i].encoder);
        picture_unref(&person[i].picture);
    }
    for (size_t i = 0; i < MAX_ENCODINGS; i++) {
        frame_buffer_free(&frames[i]);
        picture_unref(&shown[i]);
        video_decoder_free(&decoder[i]);
    }
    coder_opus_decoder_free(&shared.opus);
    coder_opus_decoder_free(&personal.opus);
    picture_pool_free(&pictures);
    packet_pool_free(&packets);
    return mem_live_blocks() == 0 ? 0 : -1;
}

/* ---- judging ---- */

static inline bool is_near(const struct picture_view *v, double x, double y,
                           struct picture_colour c)
{
    int px = (int)(x * v->width), py = (int)(y * v->height);
    int seen[3] = {v->plane[0][py * v->stride[0] + px], v->plane[1][py / 2 * v->stride[1] + px / 2],
                   v->plane[2][py / 2 * v->stride[2] + px / 2]};

    return abs(seen[0] - c.y) < 16 && abs(seen[1] - c.u) < 16 && abs(seen[2] - c.v) < 16;
}

static inline void assert_at(unsigned encoding, double x, double y, unsigned who)
{
    assert_non_null(shown[encoding]);
    if (!is_near(&shown[encoding]->view, x, y, colours[who]))
        fail_msg("encoding %u: person %u is not at %.2f %.2f", encoding, who, x, y);
}

static inline double heard(const struct listener *l, unsigned who)
{
    static int16_t pcm[KEPT_TICKS * PCM_TICK_SAMPLES];

    for (size_t i = 0; i < KEPT_TICKS; i++)
        memcpy(pcm + i * PCM_TICK_SAMPLES, l->pcm[(l->ticks + i) % KEPT_TICKS], sizeof(l->pcm[0]));
    return sound_amplitude(pcm, KEPT_TICKS * PCM_TICK_PAIRS, person[who].voice.hz);
}

static inline struct mix_stats stats(void)
{
    struct mix_stats s;

    mix_read_stats(mix, &s);
    return s;
}
