/* SPDX-License-Identifier: Apache-2.0 */
/* A whole mix without threads: members with a colour and a tone each, on a virtual clock; what comes out is decoded again. */
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
    bool is_watched, wants_keyframe, is_silent, is_frozen;
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

static void hear(struct listener *l, const struct packet *p)
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

static void on_packet(struct packet *p, void *arg)
{
    (void)arg;
    assert_int_equal(p->flags, PACKET_HAS_RTP);
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

static void on_keyframe_wanted(uint64_t input, unsigned encoding, void *arg)
{
    (void)encoding, (void)arg;
    person[(input - 1) / 2].wants_keyframe = true;
}

static void on_size_wanted(uint64_t input, int width, int height, void *arg)
{
    struct person *p = &person[(input - 1) / 2];

    (void)arg;
    p->wants_keyframe |= width > 0 && !p->is_watched;
    p->is_watched = width > 0;
    p->width = width;
    p->height = height;
}

static void on_level(struct mix *m, void *arg)
{
    (void)m, (void)arg;
    level_changes++;
}

static uint64_t read_cpu(void)
{
    return cpu_ns += 1000;
}

static void look(unsigned encoding)
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

static void send_picture(struct person *p, uint32_t ts, uint64_t input)
{
    struct video_encoder_input in = {
        .picture = p->picture->view, .pts_us = now_us, .is_keyframe_wanted = p->wants_keyframe};
    struct video_encoder_output out;
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    bool is_last = false;

    (void)input;
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

static void feed(struct person *p)
{
    if (p->audio != NULL && !p->is_silent && now_us >= p->next_sound_us) {
        struct packet *pkt = speaker_next(&p->voice, now_us);
        mix_push(p->audio, pkt, now_us);
        packet_unref(&pkt);
        p->next_sound_us = now_us + PCM_TICK_US;
    }
    if (p->video != NULL && p->is_watched && !p->is_frozen && now_us >= p->next_picture_us) {
        send_picture(p, (uint32_t)(now_us * 9 / 100), 0);
        p->next_picture_us = now_us + 40000;
    }
}

static void pass(uint64_t us)
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

static void enter(unsigned i)
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

static void leave(unsigned i)
{
    mix_remove_input(&person[i].audio);
    mix_remove_input(&person[i].video);
    mix_remove_member(mix, i + 1);
    person[i].is_watched = false;
}

/* ---- the stage ---- */

static void open_mix(const struct mix_settings *settings)
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

static struct mix_settings small(void)
{
    struct mix_settings s = MIX_DEFAULTS;

    s.width = WIDTH;
    s.height = HEIGHT;
    s.fps = 25;
    s.bitrate_bps = 600000;
    s.has_labels = false;
    return s;
}

static int set_up(void **state)
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

static int tear_down(void **state)
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

static bool is_near(const struct picture_view *v, double x, double y, struct picture_colour c)
{
    int px = (int)(x * v->width), py = (int)(y * v->height);
    int seen[3] = {v->plane[0][py * v->stride[0] + px], v->plane[1][py / 2 * v->stride[1] + px / 2],
                   v->plane[2][py / 2 * v->stride[2] + px / 2]};

    return abs(seen[0] - c.y) < 16 && abs(seen[1] - c.u) < 16 && abs(seen[2] - c.v) < 16;
}

static void assert_at(unsigned encoding, double x, double y, unsigned who)
{
    assert_non_null(shown[encoding]);
    if (!is_near(&shown[encoding]->view, x, y, colours[who]))
        fail_msg("encoding %u: person %u is not at %.2f %.2f", encoding, who, x, y);
}

static double heard(const struct listener *l, unsigned who)
{
    static int16_t pcm[KEPT_TICKS * PCM_TICK_SAMPLES];

    for (size_t i = 0; i < KEPT_TICKS; i++)
        memcpy(pcm + i * PCM_TICK_SAMPLES, l->pcm[(l->ticks + i) % KEPT_TICKS], sizeof(l->pcm[0]));
    return sound_amplitude(pcm, KEPT_TICKS * PCM_TICK_PAIRS, person[who].voice.hz);
}

static struct mix_stats stats(void)
{
    struct mix_stats s;

    mix_read_stats(mix, &s);
    return s;
}

/* ---- tests ---- */

static void four_are_seen_and_heard_and_three_when_one_leaves(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    for (unsigned i = 0; i < PEOPLE; i++)
        enter(i);
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
    assert_at(0, 0.75, 0.3, 1);
    assert_at(0, 0.25, 0.8, 2);
    assert_at(0, 0.75, 0.8, 3);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_true(heard(&shared, i) > 2000);
    leave(1);
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
    assert_at(0, 0.75, 0.3, 2);
    assert_at(0, 0.5, 0.8, 3);
    assert_true(heard(&shared, 1) < 100);
    assert_true(heard(&shared, 0) > 2000);
    assert_int_equal(stats().members, 3);
    assert_int_equal(stats().decode_errors, 0);
}

static void who_listens_hears_all_but_himself(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    enter(2);
    assert_int_equal(mix_set_personal(mix, 1, PERSONAL_TRACK), 0);
    assert_int_equal(mix_set_personal(mix, 9, PERSONAL_TRACK + 1), E_NOT_FOUND);
    pass(2 * US_PER_S);
    assert_true(heard(&personal, 0) < 100);
    assert_true(heard(&personal, 1) > 2000 && heard(&personal, 2) > 2000);
    assert_true(heard(&shared, 0) > 2000);
    uint64_t before = personal.packets;
    assert_int_equal(mix_set_personal(mix, 1, 0), 0);
    pass(US_PER_S);
    assert_int_equal(personal.packets, before);
}

static void a_screen_takes_the_stage(void **state)
{
    struct mix_settings s = small();
    struct mix_input_config config = {.id = 8, .member = 4, .kind = MEDIA_VIDEO, .is_screen = true};

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    assert_int_equal(mix_set_member(mix, 4, "p3", "p3"), 0);
    assert_int_equal(mix_add_input(&person[3].video, mix, &config), 0);
    pass(3 * US_PER_S);
    assert_at(0, 0.35, 0.5, 3);
    assert_true(person[3].width > 2 * person[0].width);
    mix_set_muted(person[3].video, true); /* paused: back to the grid, without its tile */
    person[3].is_watched = false;
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
}

static void the_one_who_speaks_is_large(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.layout = LAYOUT_SPEAKER;
    open_mix(&s);
    for (unsigned i = 0; i < 3; i++) {
        enter(i);
        person[i].voice.amplitude = i == 2 ? 6000 : 0;
    }
    pass(3 * US_PER_S);
    assert_int_equal(stats().active_speaker, 3);
    assert_at(0, 0.5, 0.35, 2);
    person[2].voice.amplitude = 0;
    person[0].voice.amplitude = 6000;
    pass(4 * US_PER_S);
    assert_int_equal(stats().active_speaker, 1);
    assert_at(0, 0.5, 0.35, 0);
    person[0].voice.amplitude = 0;
    pass(2 * US_PER_S); /* nobody speaks: it stays */
    assert_int_equal(stats().active_speaker, 1);
}

static void a_frozen_picture_stays_and_then_goes(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(2 * US_PER_S);
    person[0].is_frozen = true;
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    pass(4 * US_PER_S);
    assert_false(is_near(&shown[0]->view, 0.05, 0.4, colours[0]));
    person[0].is_frozen = false;
    pass(2 * US_PER_S);
    assert_at(0, 0.05, 0.4, 0);
}

static void three_encodings_show_the_same(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.encodings = 3;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(3 * US_PER_S);
    for (unsigned i = 0; i < 3; i++) {
        int width, height;
        mix_settings_size(&s, i, &width, &height);
        assert_int_equal(shown[i]->view.width, width);
        assert_int_equal(shown[i]->view.height, height);
        assert_at(i, 0.25, 0.4, 0);
        assert_at(i, 0.75, 0.4, 1);
    }
    assert_true(bytes_of[0] > bytes_of[2]);
}

static void h264_comes_out_when_wanted(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.codec = CODEC_H264;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    assert_at(0, 0.75, 0.4, 1);
}

static void what_nobody_watches_costs_nothing(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    mix_set_watched(mix, VIDEO_TRACK, false);
    enter(0);
    pass(US_PER_S);
    assert_int_equal(stats().pictures, 0);
    assert_false(person[0].is_watched);
    mix_set_watched(mix, VIDEO_TRACK, true);
    pass(2 * US_PER_S);
    assert_at(0, 0.5, 0.5, 0);
    mix_set_watched(mix, VIDEO_TRACK, false);
    assert_false(person[0].is_watched);
}

static void too_slow_means_less_and_calm_means_more_again(void **state)
{
    struct mix_settings s = small();
    uint32_t fps = s.fps;

    (void)state;
    open_mix(&s);
    enter(0);
    for (unsigned i = 0; i < 100; i++) {
        pass(100000);
        mix_note_load(mix, 200000, now_us);
    }
    assert_true(stats().level > 2 && level_changes > 2);
    assert_true(stats().fps < fps && stats().width < WIDTH);
    unsigned lowest = stats().level;
    for (unsigned i = 0; i < 150 && stats().level > 0; i++) {
        now_us += US_PER_S;
        next_tick_us = now_us;
        pass(STEP_US);
        mix_note_load(mix, 1000, now_us);
    }
    assert_true(stats().level < lowest);
    assert_int_equal(stats().level, 0);
    assert_int_equal(stats().width, WIDTH);
}

/* Calm, then too much again as soon as it makes more: it tries ever more rarely. */
static void steps_up_that_fail_become_rare(void **state)
{
    struct mix_settings s = small();
    unsigned level, ups = 0;
    uint64_t began_us, last_us = 0, gap_us = 0;

    (void)state;
    open_mix(&s);
    began_us = now_us;
    while (now_us - began_us < 400 * US_PER_S) {
        level = stats().level;
        now_us += 500000;
        next_tick_us = now_us;
        for (unsigned i = 0; i < 12; i++)
            mix_note_load(mix, level < 2 ? 100000 : 1000, now_us + i);
        if (stats().level < level) {
            ups++;
            gap_us = last_us == 0 ? 0 : now_us - last_us;
            last_us = now_us;
        }
    }
    assert_true(ups >= 3 && ups <= 8);
    assert_true(gap_us > 60 * US_PER_S);
}

static void other_settings_apply_at_once(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    pass(US_PER_S);
    s.width = 192;
    s.height = 192;
    s.layout = LAYOUT_CUSTOM;
    s.customs = 1;
    s.custom[0] = (struct layout_custom){.x = 96, .y = 96, .width = 96, .height = 96};
    assert_int_equal(mix_update(mix, &s), 0);
    pass(2 * US_PER_S);
    assert_int_equal(shown[0]->view.width, 192);
    assert_at(0, 0.75, 0.75, 0);
    assert_false(is_near(&shown[0]->view, 0.2, 0.2, colours[0]));
    uint64_t keyframes = stats().keyframes_asked, decoded = stats().pictures_in;
    s.custom[0] = (struct layout_custom){.x = 0, .y = 0, .width = 96, .height = 96};
    s.bitrate_bps = 300000;
    assert_int_equal(mix_update(mix, &s), 0);
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.25, 0);
    assert_int_equal(stats().keyframes_asked, keyframes); /* nothing began anew */
    assert_true(stats().pictures_in > decoded + 30);
    s.fps = 0;
    assert_int_equal(mix_update(mix, &s), E_INVALID);
    pass(US_PER_S);
    assert_at(0, 0.25, 0.25, 0);
}

/* Whatever the packets hold, the mix goes on for the others. */
static void garbage_costs_nobody_else_anything(void **state)
{
    struct mix_settings s = small();
    struct rng rng;

    (void)state;
    rng_seed(&rng, 7);
    open_mix(&s);
    enter(0);
    enter(1);
    for (unsigned i = 0; i < 400; i++) {
        uint8_t bytes[600];
        for (size_t n = 0; n < sizeof(bytes); n++)
            bytes[n] = (uint8_t)rng_u32(&rng);
        struct packet *p = make_packet(
            packets, &(struct made_packet){.seq = (uint16_t)i,
                                           .ts = i * 3000,
                                           .ssrc = 66,
                                           .marker = true,
                                           .payload = bytes,
                                           .len = 1 + rng_below(&rng, sizeof(bytes) - 1),
                                           .arrival_us = now_us});
        p->codec = (uint8_t)(rng_below(&rng, 2) ? CODEC_VP8 : CODEC_H264);
        (void)!payload_inspect(p);
        person[1].is_frozen = person[1].is_silent = true;
        mix_push(person[1].video, p, now_us);
        p->codec = CODEC_OPUS;
        mix_push(person[1].audio, p, now_us);
        packet_unref(&p);
        pass(STEP_US);
    }
    pass(US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    assert_true(heard(&shared, 0) > 2000);
}

/* How long it takes until another colour is seen. */
static uint64_t time_until_seen(unsigned colour)
{
    uint64_t began_us = now_us;

    picture_fill(&person[0].picture->view, colours[colour]);
    person[0].next_picture_us = 0;
    while (shown[0] == NULL || !is_near(&shown[0]->view, 0.5, 0.5, colours[colour])) {
        assert_true(now_us - began_us < US_PER_S);
        pass(STEP_US);
    }
    return now_us - began_us;
}

/* Its sound comes @late_us after it was captured, its pictures at once. */
static void report(uint64_t late_us)
{
    int64_t ntp_us = (int64_t)(now_us + 77 * US_PER_S);

    mix_push_report(person[0].video, ntp_us, (uint32_t)(now_us * 9 / 100), now_us);
    mix_push_report(person[0].audio, ntp_us - (int64_t)late_us, person[0].voice.stream.ts, now_us);
}

static void a_picture_waits_for_its_sound(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    pass(2 * US_PER_S);
    uint64_t at_once_us = time_until_seen(1);
    for (unsigned i = 0; i < 40; i++) {
        report(150000);
        pass(50000);
    }
    uint64_t held_us = time_until_seen(2);
    print_message("%llu ms, with its sound %llu ms\n", (unsigned long long)at_once_us / 1000,
                  (unsigned long long)held_us / 1000);
    assert_true(at_once_us <= 100000);
    assert_true(held_us >= 130000 && held_us <= 350000);
}

/* With DTX a silent sender sends a packet in 400 ms, between which the media time of the sound stands still. */
static void a_picture_does_not_wait_for_sound_that_pauses(void **state)
{
    struct mix_settings s = small();
    uint8_t payload[4];
    size_t len = coder_opus_write_dtx(payload, sizeof(payload));

    (void)state;
    open_mix(&s);
    enter(0);
    pass(2 * US_PER_S);
    person[0].is_silent = true;
    for (unsigned i = 0; i < 10; i++) {
        struct audio_stream *stream = &person[0].voice.stream;
        struct packet *p = audio_stream_next(stream, payload, len, 400 * 48, now_us);
        mix_push(person[0].audio, p, now_us);
        packet_unref(&p);
        stream->ts -= 400 * 48; /* captured now */
        report(0);
        stream->ts += 400 * 48;
        pass(400000);
    }
    uint64_t held_us = time_until_seen(2);
    print_message("%llu ms\n", (unsigned long long)held_us / 1000);
    assert_true(held_us <= 130000);
}

static void sound_and_picture_have_one_clock(void **state)
{
    struct mix_settings s = small();
    static const struct {
        uint64_t track;
        uint32_t hz;
    } rows[] = {{AUDIO_TRACK, 48000}, {VIDEO_TRACK, 90000}};

    (void)state;
    open_mix(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mix_clock before, after;
        assert_int_equal(mix_read_clock(mix, rows[i].track, now_us, &before), 0);
        assert_int_equal(mix_read_clock(mix, rows[i].track, now_us + US_PER_S, &after), 0);
        assert_int_equal(after.ts - before.ts, rows[i].hz);
        assert_int_equal(mix_read_clock(mix, 5, now_us, &before), E_NOT_FOUND);
    }
}

static void settings_are_checked(void **state)
{
    struct mix_settings rows[] = {small(), small(), small(), small(), small(), small(),
                                  small(), small(), small(), small(), small()};

    (void)state;
    rows[0].width = 321;
    rows[1].width = 1922;
    rows[2].height = 0;
    rows[3].fps = 61;
    rows[4].bitrate_bps = 1;
    rows[5].codec = CODEC_AV1;
    rows[6].encodings = 4;
    rows[7].max_loud = 0;
    rows[8].layout = LAYOUT_CUSTOM;
    rows[9].customs = MAX_LAYOUT_TILES + 1;
    rows[10].layout = LAYOUT_CUSTOM;
    rows[10].customs = 1; /* a rectangle of no size */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct strbuf why;
        strbuf_init(&why, 256);
        if (mix_settings_check(&rows[i], &why) == 0 || why.len == 0)
            fail_msg("row %zu", i);
        strbuf_fini(&why);
    }
}

int main(void)
{
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STAGE(four_are_seen_and_heard_and_three_when_one_leaves),
        WITH_STAGE(who_listens_hears_all_but_himself),
        WITH_STAGE(a_screen_takes_the_stage),
        WITH_STAGE(the_one_who_speaks_is_large),
        WITH_STAGE(a_frozen_picture_stays_and_then_goes),
        WITH_STAGE(three_encodings_show_the_same),
        WITH_STAGE(h264_comes_out_when_wanted),
        WITH_STAGE(what_nobody_watches_costs_nothing),
        WITH_STAGE(too_slow_means_less_and_calm_means_more_again),
        WITH_STAGE(steps_up_that_fail_become_rare),
        WITH_STAGE(other_settings_apply_at_once),
        WITH_STAGE(garbage_costs_nobody_else_anything),
        WITH_STAGE(a_picture_waits_for_its_sound),
        WITH_STAGE(a_picture_does_not_wait_for_sound_that_pauses),
        WITH_STAGE(sound_and_picture_have_one_clock),
        cmocka_unit_test(settings_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
