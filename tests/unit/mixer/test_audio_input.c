/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/mem.h"
#include "core/wire.h"
#include "mixer/audio_input.h"
#include "mixer/fade.h"
#include "tests/unit/mixer/speaker.h"

#define TICKS 400

static struct packet_pool *pool;
static struct audio_input *in;
static struct speaker speaker;
static uint64_t now_us;
static bool is_chosen;
static int32_t out[PCM_TICK_SAMPLES];
static int16_t got[TICKS * PCM_TICK_SAMPLES]; /* since forget() */
static bool has_sound[TICKS];
static size_t got_ticks;

static int set_up(void **state)
{
    (void)state;
    pool = packet_pool_new(256);
    in = audio_input_new(AUDIO_INPUT_MAX_DELAY_US);
    speaker_open(&speaker, pool, CODEC_OPUS, 5, 300, 8000);
    now_us = 10 * US_PER_S;
    is_chosen = true;
    got_ticks = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    speaker_close(&speaker);
    audio_input_free(&in);
    packet_pool_free(&pool);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void forget(void)
{
    got_ticks = 0;
}

static void push(struct packet *p)
{
    audio_input_push(in, p);
    packet_unref(&p);
}

static bool render(void)
{
    assert_true(got_ticks < TICKS);
    now_us += PCM_TICK_US;
    memset(out, 0, sizeof(out));
    bool sound = audio_input_render(in, now_us, is_chosen, out);
    has_sound[got_ticks] = sound;
    for (size_t i = 0; i < PCM_TICK_SAMPLES; i++)
        got[got_ticks * PCM_TICK_SAMPLES + i] = (int16_t)MAX(-32768, MIN(32767, out[i]));
    got_ticks++;
    return sound;
}

static void talk(size_t ticks)
{
    for (size_t t = 0; t < ticks; t++) {
        push(speaker_next(&speaker, now_us + 5000));
        (void)render();
    }
}

static size_t ticks_with_sound(void)
{
    size_t n = 0;

    for (size_t i = 0; i < got_ticks; i++)
        n += has_sound[i];
    return n;
}

/* No step steeper than the loudest sine has. */
static void expect_no_clicks(double amplitude, double hz)
{
    double steepest = 2 * M_PI * hz / PCM_HZ * amplitude;

    if (sound_steepest(got, got_ticks * PCM_TICK_PAIRS) > 1.3 * steepest + 40)
        fail_msg("a step of %d, %.0f expected", sound_steepest(got, got_ticks * PCM_TICK_PAIRS),
                 steepest);
}

static struct audio_input_stats stats(void)
{
    struct audio_input_stats s;

    audio_input_read_stats(in, &s);
    return s;
}

/* --- what comes out -------------------------------------------------------------------------------------- */

static void sound_comes_out_as_loud_as_it_was(void **state)
{
    static const enum codec_id codecs[] = {CODEC_OPUS, CODEC_PCMU, CODEC_PCMA};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
        assert_int_equal(tear_down(NULL), 0);
        set_up(NULL);
        speaker_close(&speaker);
        speaker_open(&speaker, pool, codecs[i], 5, 300, 8000);
        talk(50);
        expect_no_clicks(8000, 300);
        assert_false(has_sound[0]);
        assert_true(ticks_with_sound() >= 47);
        forget();
        talk(50);
        assert_int_equal(ticks_with_sound(), 50);
        assert_true(fabs(sound_rms(got, 50 * PCM_TICK_PAIRS) - 8000 / sqrt(2)) < 400);
        assert_in_range(audio_input_level(in), 14, 16); /* 8000 is -12.2 dB, a sine 3 dB less */
        assert_int_equal(audio_input_ssrc(in), 5);
        assert_int_equal(stats().packets_malformed, 0);
    }
}

static void the_gain_is_changed_without_clicks(void **state)
{
    (void)state;
    talk(50);
    audio_input_set_gain(in, PCM_GAIN_ONE / 2);
    talk(50);
    expect_no_clicks(8000, 300);
    forget();
    talk(20);
    assert_true(fabs(sound_rms(got, 20 * PCM_TICK_PAIRS) - 4000 / sqrt(2)) < 300);
    audio_input_set_gain(in, 0);
    talk(2);
    forget();
    talk(20);
    assert_int_equal(ticks_with_sound(), 0);
}

static void who_is_not_chosen_is_not_decoded(void **state)
{
    (void)state;
    is_chosen = false;
    talk(100);
    assert_int_equal(ticks_with_sound(), 0);
    assert_int_equal(stats().packets_decoded, 0);
    assert_in_range(stats().packets_skipped, 95, 100);
    assert_int_equal(audio_input_level(in), AUDIO_LEVEL_SILENCE);
}

static void choosing_fades_in_at_once_and_out_again(void **state)
{
    (void)state;
    is_chosen = false;
    talk(30);
    for (int i = 0; i < 3; i++) {
        is_chosen = true;
        talk(1);
        assert_true(has_sound[got_ticks - 1]);
        assert_true(sound_rms(got + (got_ticks - 1) * PCM_TICK_SAMPLES + FADE_PAIRS * 2,
                              FADE_PAIRS) > 4500);
        talk(9);
        is_chosen = false;
        talk(10);
        assert_false(has_sound[got_ticks - 1]);
    }
    expect_no_clicks(8000, 300);
}

static void the_position_follows_what_is_played(void **state)
{
    uint32_t before, after;

    (void)state;
    assert_false(audio_input_position(in, &before));
    talk(50);
    assert_true(audio_input_position(in, &before));
    talk(10);
    assert_true(audio_input_position(in, &after));
    assert_in_range(after - before, 9600 - 700, 9600 + 700);
    assert_in_range(speaker.stream.ts - after, 0, 2 * 960);
    is_chosen = false;
    talk(10);
    before = after;
    assert_true(audio_input_position(in, &after));
    assert_in_range(after - before, 9600 - 1920, 9600 + 1920);
}

/* --- what is missing ------------------------------------------------------------------------------------- */

static void lost_packets_leave_no_click_and_little_hole(void **state)
{
    (void)state;
    talk(50);
    forget();
    for (size_t t = 0; t < 100; t++) {
        struct packet *p = speaker_next(&speaker, now_us + 5000);
        if (t % 10 == 3)
            packet_unref(&p);
        else
            push(p);
        (void)render();
    }
    assert_int_equal(ticks_with_sound(), 100);
    for (size_t t = 0; t < 100; t++)
        assert_true(sound_rms(got + t * PCM_TICK_SAMPLES, PCM_TICK_PAIRS) > 2500);
    assert_true(stats().jitter.concealments >= 9);
}

/* The next packet as a sender of redundant audio makes it: with the payloads of @depth before it, as a worker hands it over. */
static struct packet *next_with_redundancy(struct packet *before[], unsigned depth)
{
    struct packet *p = speaker_next(&speaker, now_us + 5000);
    uint8_t payload[1400];
    struct writer w = writer_of(payload, sizeof(payload));
    uint16_t own = p->rtp.payload_bytes;
    unsigned n = 0;

    for (unsigned i = depth; i > 0; i--) {
        if (before[i - 1] == NULL)
            continue;
        writer_u8(&w, 0x80 | 111);
        writer_u24(&w, i * 960u << 10 | before[i - 1]->rtp.payload_bytes);
        n++;
    }
    writer_u8(&w, 111);
    size_t head = writer_len(&w);
    for (unsigned i = depth; i > 0; i--)
        if (before[i - 1] != NULL)
            writer_bytes(&w, before[i - 1]->data + before[i - 1]->rtp.header_bytes,
                         before[i - 1]->rtp.payload_bytes);
    size_t primary_at = writer_len(&w);
    writer_bytes(&w, p->data + RTP_FIXED_HEADER_BYTES, own);
    assert_false(w.failed);
    memcpy(p->data + RTP_FIXED_HEADER_BYTES, payload, writer_len(&w));
    p->len = (uint16_t)(RTP_FIXED_HEADER_BYTES + writer_len(&w));
    p->rtp.header_bytes = (uint16_t)(RTP_FIXED_HEADER_BYTES + primary_at);
    p->red = (struct packet_red){.at = RTP_FIXED_HEADER_BYTES,
                                 .bytes = (uint16_t)writer_len(&w),
                                 .head_bytes = (uint8_t)head,
                                 .redundant = (uint8_t)n};
    return p;
}

/* Ten seconds of a sine; of @every packets so many in a row are lost. Returns how far the last two seconds are from it at most, in rms a tick. */
static double deviation_with(unsigned depth, unsigned every, unsigned in_a_row)
{
    struct packet *before[2] = {NULL, NULL};
    double worst = 0;

    for (size_t t = 0; t < 500; t++) {
        struct packet *p = next_with_redundancy(before, depth);
        if (t == 400)
            forget();
        packet_unref(&before[1]);
        before[1] = before[0];
        before[0] = packet_ref(p);
        if (t % every < in_a_row)
            packet_unref(&p);
        else
            push(p);
        (void)render();
    }
    packet_unref(&before[0]);
    packet_unref(&before[1]);
    for (size_t t = 0; t < got_ticks; t++) {
        double rms = sound_rms(got + t * PCM_TICK_SAMPLES, PCM_TICK_PAIRS);
        worst = MAX(worst, fabs(rms - 8000 / sqrt(2)));
    }
    return worst;
}

static void what_later_packets_repeat_makes_good_what_was_lost(void **state)
{
    (void)state;
    double worst = deviation_with(1, 25, 1);
    assert_true(worst < 25 /* 44 without */);
    assert_true(stats().red_recoveries >=
                12); /* of 20: not before the first losses taught it to wait */
    assert_true(stats().jitter.target_us < 45000);
}

static void two_in_a_row_take_two_repetitions(void **state)
{
    (void)state;
    double worst = deviation_with(2, 20, 2);
    assert_true(worst < 100 /* 680 without */);
    assert_true(stats().red_recoveries >= 35); /* of 50 */
}

static void redundancy_that_is_none_is_concealed(void **state)
{
    struct packet *before[2] = {NULL, NULL};

    (void)state;
    talk(50);
    for (size_t t = 0; t < 100; t++) {
        struct packet *p = next_with_redundancy(before, 2);
        packet_unref(&before[1]);
        before[1] = packet_ref(p); /* says of the packet before that it was two before */
        if (t % 10 == 3)
            packet_unref(&p);
        else
            push(p);
        (void)render();
    }
    packet_unref(&before[1]);
    assert_int_equal(stats().red_recoveries, 0);
    assert_true(stats().jitter.concealments >= 9);
}

static void without_loss_redundancy_delays_nothing(void **state)
{
    (void)state;
    (void)deviation_with(1, 10000, 0);
    assert_int_equal(stats().red_recoveries, 0);
    assert_true(stats().jitter.target_us <= 15000);
}

static void a_pause_becomes_silence_smoothly_and_costs_nothing(void **state)
{
    (void)state;
    talk(50);
    forget();
    for (size_t t = 0; t < 100; t++)
        (void)render();
    expect_no_clicks(8000, 300);
    assert_in_range(ticks_with_sound(), 1, 10);
    uint64_t decoded = stats().packets_decoded;
    for (size_t t = 0; t < 50; t++)
        assert_false(render());
    assert_int_equal(stats().packets_decoded, decoded);
    speaker.stream.ts += 150 * 960;
    forget();
    talk(50);
    expect_no_clicks(8000, 300);
    assert_true(ticks_with_sound() >= 46);
}

static void payloads_of_silence_are_silence(void **state)
{
    uint8_t pause[1];

    (void)state;
    talk(50);
    (void)coder_opus_write_dtx(pause, sizeof(pause));
    forget();
    for (size_t i = 0; i < 5; i++) {
        push(audio_stream_next(&speaker.stream, pause, 1, 960, now_us + 5000));
        speaker.stream.ts += 19 * 960;
        for (size_t t = 0; t < 20; t++)
            (void)render();
    }
    assert_int_equal(stats().jitter.concealments, 0);
    assert_true(ticks_with_sound() <= 16);
    assert_true(sound_rms(got + 60 * PCM_TICK_SAMPLES, 40 * PCM_TICK_PAIRS) < 60);
}

static void too_much_delay_is_caught_up_by_playing_faster(void **state)
{
    (void)state;
    for (size_t t = 0; t < 200; t++) { /* each sixth 70 ms late: the delay goes up */
        struct packet *p = speaker_next(&speaker, now_us + 5000);
        p->arrival_us += t % 6 == 5 ? 70000 : 0;
        push(p); /* it is here early enough, but looks late */
        (void)render();
    }
    uint64_t high_us = stats().jitter.target_us;
    assert_true(high_us > 70000);
    forget();
    for (size_t t = 0; t < 390; t++) {
        push(speaker_next(&speaker, now_us + 5000));
        (void)render();
    }
    for (int i = 0; i < 2; i++) {
        forget();
        talk(390);
    }
    expect_no_clicks(8000, 300);
    assert_true(stats().jitter.target_us <= 15000);
    assert_true(stats().jitter.delay_us <= 40000);
    assert_int_equal(ticks_with_sound(), 390);
}

/* --- what is wrong --------------------------------------------------------------------------------------- */

static void payloads_that_cannot_be_read_are_concealed_and_counted(void **state)
{
    static const uint8_t bad[] = {0xfb, 0x3f, 1, 2, 3}; /* 63 frames of 20 ms */
    static const uint8_t cut[] = {0xff, 0x83, 200, 200,
                                  1}; /* three frames that say they are longer */

    (void)state;
    talk(50);
    push(audio_stream_next(&speaker.stream, bad, sizeof(bad), 960, now_us));
    (void)render();
    talk(5);
    assert_int_equal(stats().jitter.malformed, 1);
    push(audio_stream_next(&speaker.stream, cut, sizeof(cut), 2880, now_us));
    talk(10);
    assert_int_equal(stats().packets_malformed, 1);
    expect_no_clicks(8000, 300);
}

static void other_codecs_and_empty_packets_are_left_out(void **state)
{
    struct packet *p = speaker_next(&speaker, now_us);

    (void)state;
    p->codec = CODEC_VP8;
    push(p);
    assert_int_equal(stats().packets_malformed, 1);
    assert_false(render());
    push(audio_stream_next(&speaker.stream, NULL, 0, 0, now_us));
    assert_int_equal(stats().jitter.packets_received, 0);
}

static void a_codec_may_change(void **state)
{
    (void)state;
    talk(50);
    speaker.stream.codec = CODEC_PCMU;
    forget();
    talk(50);
    assert_true(ticks_with_sound() >= 45);
    assert_true(sound_rms(got + 20 * PCM_TICK_SAMPLES, 30 * PCM_TICK_PAIRS) > 5000);
    speaker.stream.codec = CODEC_OPUS;
    forget();
    talk(50);
    assert_true(ticks_with_sound() >= 45);
}

static void a_sender_without_levels_is_measured_now_and_then(void **state)
{
    (void)state;
    speaker.has_level = false;
    is_chosen = false;
    talk(100);
    assert_in_range(stats().packets_decoded, 15, 25);
    assert_true(loudest_dbov(audio_input_loudest(in)) > -20);
    speaker.amplitude = 0;
    talk(200);
    assert_true(loudest_dbov(audio_input_loudest(in)) < -60);
}

static void a_sender_that_says_it_is_loud_and_is_not_is_measured(void **state)
{
    (void)state;
    speaker.amplitude = 2; /* -87 dBov */
    for (size_t t = 0; t < 150; t++) {
        struct packet *p = speaker_next(&speaker, now_us + 5000);
        p->audio_level = 5;
        push(p);
        (void)render();
        if (t == 10)
            assert_true(loudest_dbov(audio_input_loudest(in)) > -20);
    }
    assert_true(loudest_dbov(audio_input_loudest(in)) < -50);
}

/* A second of the sender is a little less or more than ours: the delay stays, and no sound is missing. */
static void a_sender_clock_may_be_off(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        assert_int_equal(tear_down(NULL), 0);
        set_up(NULL);
        speaker_close(&speaker);
        speaker_open(&speaker, pool, CODEC_PCMU, 5, 150, 8000);
        double sent_us = (double)now_us + 7000;
        for (size_t t = 0; t < 3000; t++) { /* a minute: 30 ms apart */
            for (; sent_us < (double)now_us + PCM_TICK_US; sent_us += 20000 * (1 + sign * 500e-6))
                push(speaker_next(&speaker, (uint64_t)sent_us));
            (void)render();
            assert_true(t < 10 || has_sound[got_ticks - 1]);
            if (got_ticks == TICKS) {
                expect_no_clicks(8000, 150);
                forget();
            }
        }
        assert_int_equal(stats().jitter.concealments, 0);
        assert_true(stats().jitter.delay_us < 40000 && stats().queued_us < 20000);
        assert_true((sign > 0 ? stats().inserted_pairs : stats().removed_pairs) > 600);
    }
}

static void without_memory_for_a_decoder_it_stays_silent(void **state)
{
    (void)state;
    talk(1); /* buffer and nothing else */
    mem_fail_nth(1);
    talk(5);
    mem_fail_nth(0);
    forget();
    talk(20);
    assert_true(ticks_with_sound() >= 18);
    mem_fail_nth(1);
    assert_null(audio_input_new(AUDIO_INPUT_MAX_DELAY_US));
    mem_fail_nth(0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(sound_comes_out_as_loud_as_it_was),
        ROW(the_gain_is_changed_without_clicks),
        ROW(who_is_not_chosen_is_not_decoded),
        ROW(choosing_fades_in_at_once_and_out_again),
        ROW(the_position_follows_what_is_played),
        ROW(lost_packets_leave_no_click_and_little_hole),
        ROW(what_later_packets_repeat_makes_good_what_was_lost),
        ROW(two_in_a_row_take_two_repetitions),
        ROW(redundancy_that_is_none_is_concealed),
        ROW(without_loss_redundancy_delays_nothing),
        ROW(a_pause_becomes_silence_smoothly_and_costs_nothing),
        ROW(payloads_of_silence_are_silence),
        ROW(too_much_delay_is_caught_up_by_playing_faster),
        ROW(payloads_that_cannot_be_read_are_concealed_and_counted),
        ROW(other_codecs_and_empty_packets_are_left_out),
        ROW(a_codec_may_change),
        ROW(a_sender_without_levels_is_measured_now_and_then),
        ROW(a_sender_that_says_it_is_loud_and_is_not_is_measured),
        ROW(a_sender_clock_may_be_off),
        ROW(without_memory_for_a_decoder_it_stays_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
