/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/mem.h"
#include "mixer/audio_mix.h"
#include "mixer/limiter.h"
#include "tests/unit/mixer/speaker.h"

#define PEOPLE 12

/* A room. Its people send to this mix; tests may make a second one to compare with. */
static struct packet_pool *pool;
static struct audio_mix *mix;
static struct audio_member *member[PEOPLE];
static struct speaker person[PEOPLE];
static uint64_t now_us;

static int set_up(void **state)
{
    (void)state;
    pool = packet_pool_new(1024);
    mix = audio_mix_new(&AUDIO_MIX_DEFAULTS);
    now_us = 10 * US_PER_S;
    for (size_t i = 0; i < PEOPLE; i++) {
        member[i] = audio_mix_join(mix);
        speaker_open(&person[i], pool, CODEC_OPUS, (uint32_t)(100 + i), 200 + 110 * (double)i, 0);
    }
    return mix == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        speaker_close(&person[i]);
    audio_mix_free(&mix);
    packet_pool_free(&pool);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static void tick(void)
{
    for (size_t i = 0; i < PEOPLE; i++) {
        struct packet *p = speaker_next(&person[i], now_us + 5000);
        if (member[i] != NULL)
            audio_mix_push(member[i], p);
        packet_unref(&p);
    }
    now_us += PCM_TICK_US;
    audio_mix_tick(mix, now_us);
}

static void ticks(size_t n)
{
    for (size_t i = 0; i < n; i++)
        tick();
}

static struct audio_mix_stats stats(void)
{
    struct audio_mix_stats s;

    audio_mix_read_stats(mix, &s);
    return s;
}

/* --- the sum --------------------------------------------------------------------------------------------- */

static void everybody_who_talks_is_in_the_mix(void **state)
{
    static int16_t got[5 * PCM_TICK_SAMPLES];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        person[i].amplitude = 3000;
    ticks(50);
    for (size_t t = 0; t < 5; t++) {
        tick();
        memcpy(got + t * PCM_TICK_SAMPLES, audio_mix_pcm(mix, NULL), PCM_TICK_SAMPLES * 2);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(fabs(sound_amplitude(got, 4800, person[i].hz) - 3000) < 300);
    assert_true(sound_amplitude(got, 4800, person[4].hz) < 100);
    assert_int_equal(stats().heard, 4);
}

/* Two mixes of the same packets, but the second one without member 0: what member 0 hears of the first is, to the bit, what
 * everybody hears of the second, as long as the limiter has nothing to do. From its first word on. */
static void a_mix_minus_is_the_mix_of_the_others(void **state)
{
    struct audio_mix *others = audio_mix_new(&AUDIO_MIX_DEFAULTS);
    struct audio_member *in_others[PEOPLE];
    size_t compared = 0;

    (void)state;
    for (size_t i = 1; i < PEOPLE; i++)
        in_others[i] = audio_mix_join(others);
    for (size_t i = 1; i < 6; i++)
        person[i].amplitude = 1000 * (double)i;
    audio_mix_set_listening(member[0], true);
    audio_mix_set_gain(member[2], PCM_GAIN_ONE / 3);
    audio_mix_set_gain(in_others[2], PCM_GAIN_ONE / 3);
    for (size_t t = 0; t < 200; t++) {
        person[0].amplitude = t > 50 && t < 120 ? 9000 : 0;
        for (size_t i = 0; i < PEOPLE; i++) {
            struct packet *p = speaker_next(&person[i], now_us + 5000);
            audio_mix_push(member[i], p);
            if (i > 0)
                audio_mix_push(in_others[i], p);
            packet_unref(&p);
        }
        now_us += PCM_TICK_US;
        audio_mix_tick(mix, now_us);
        audio_mix_tick(others, now_us);
        assert_memory_equal(audio_mix_pcm(mix, member[0]), audio_mix_pcm(others, NULL),
                            PCM_TICK_SAMPLES * sizeof(int16_t));
        compared += audio_mix_pcm(mix, member[0]) != audio_mix_pcm(mix, NULL);
    }
    assert_in_range(compared, 70, 199); /* it had a stream of its own */
    audio_mix_free(&others);
}

static void many_loud_voices_are_limited_and_not_cut(void **state)
{
    int highest = 0;

    (void)state;
    for (size_t i = 0; i < 8; i++)
        person[i].amplitude = 25000;
    audio_mix_set_listening(member[0], true);
    for (size_t t = 0; t < 100; t++) {
        tick();
        for (size_t i = 0; i < PCM_TICK_SAMPLES; i++) {
            highest = MAX(highest, abs(audio_mix_pcm(mix, NULL)[i]));
            highest = MAX(highest, abs(audio_mix_pcm(mix, member[0])[i]));
        }
    }
    assert_in_range(highest, LIMITER_CEILING - 3000, LIMITER_CEILING + 1);
    assert_true(sound_rms(audio_mix_pcm(mix, NULL), PCM_TICK_PAIRS) > 3000);
}

static void the_loudest_are_heard_when_too_many_talk(void **state)
{
    struct audio_contributor who[MAX_CSRCS];

    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        person[i].amplitude = 200 * pow(1.5, (double)i);
    ticks(150);
    assert_int_equal(stats().heard, 10);
    size_t n = audio_mix_contributors(mix, who, ARRAY_LEN(who));
    assert_int_equal(n, 10);
    assert_int_equal(who[0].source, 100 + PEOPLE - 1);
    for (size_t i = 1; i < n; i++)
        assert_true(who[i].level >= who[i - 1].level && who[i].source >= 102);
    assert_int_equal(audio_mix_contributors(mix, who, 3), 3);
}

static void who_is_silenced_takes_no_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        person[i].amplitude = i < 10 ? 8000 : 1000;
    ticks(60);
    for (size_t i = 0; i < 4; i++)
        audio_mix_set_gain(member[i], 0);
    ticks(30);
    assert_int_equal(stats().heard, PEOPLE - 4);
    audio_mix_set_gain(member[0], PCM_GAIN_ONE);
    ticks(5);
    assert_int_equal(stats().heard, PEOPLE - 3);
}

/* --- streams --------------------------------------------------------------------------------------------- */

static void one_stream_serves_all_and_talkers_get_their_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++)
        audio_mix_set_listening(member[i], true);
    person[0].amplitude = person[1].amplitude = 5000;
    ticks(50);
    assert_int_equal(stats().personal, 2);
    assert_ptr_equal(audio_mix_payload(mix, member[5]), audio_mix_payload(mix, NULL));
    assert_ptr_not_equal(audio_mix_payload(mix, member[0]), audio_mix_payload(mix, NULL));
    assert_ptr_not_equal(audio_mix_payload(mix, member[0]), audio_mix_payload(mix, member[1]));
    audio_mix_set_listening(member[1], false);
    ticks(1);
    assert_int_equal(stats().personal, 1);
    person[0].amplitude = 0;
    ticks(300); /* hang of the choice, then of the stream */
    assert_int_equal(stats().personal, 0);
}

static void one_alone_hears_silence(void **state)
{
    (void)state;
    audio_mix_set_listening(member[0], true);
    person[0].amplitude = 8000;
    ticks(20);
    uint64_t encodes = stats().encodes;
    size_t sent = 0;
    for (size_t t = 0; t < 100; t++) {
        tick();
        sent += audio_mix_payload(mix, member[0])->len > 0;
        assert_true(audio_mix_payload(mix, member[0])->len <= 1);
        assert_true(audio_mix_payload(mix, NULL)->len > 20);
    }
    assert_int_equal(sent, 5);
    assert_int_equal(stats().encodes - encodes, 100);
}

static void a_silent_room_encodes_nothing(void **state)
{
    size_t sent = 0;

    (void)state;
    person[0].amplitude = 5000;
    ticks(50);
    person[0].amplitude = 0;
    ticks(150);
    uint64_t encodes = stats().encodes;
    for (size_t t = 0; t < 100; t++) {
        tick();
        assert_false(audio_mix_payload(mix, NULL)->is_start);
        sent += audio_mix_payload(mix, NULL)->len;
    }
    assert_int_equal(sent, 5);
    assert_int_equal(stats().encodes, encodes);
    person[0].amplitude = 5000;
    for (size_t t = 0; audio_mix_payload(mix, NULL)->len <= 1; t++) {
        tick();
        assert_true(t < 5);
    }
    assert_true(audio_mix_payload(mix, NULL)->is_start);
    tick();
    assert_false(audio_mix_payload(mix, NULL)->is_start);
}

/* Whatever the sound ended with, and though one packet is lost: a decoder makes up nothing in the pause. */
static void nothing_is_heard_in_a_pause(void **state)
{
    struct audio_output *o = audio_output_new(&CODER_OPUS_DEFAULTS);
    struct coder_opus_decoder *d = coder_opus_decoder_new();
    int16_t pcm[2 * CODER_OPUS_MAX_PAIRS], sine[PCM_TICK_SAMPLES];
    int32_t sum[PCM_TICK_SAMPLES];

    (void)state;
    for (size_t t = 0; t < 200; t++) {
        sound_sine(sine, PCM_TICK_PAIRS, 440, 6000, t * PCM_TICK_PAIRS);
        for (size_t i = 0; i < PCM_TICK_SAMPLES; i++)
            sum[i] = sine[i] + 500; /* and a microphone that is off the middle */
        const struct audio_payload *p = audio_output_run(o, t < 100 ? sum : NULL);
        if (p->len > 1 && t != 103)
            assert_int_equal(coder_opus_decode(d, p->bytes, p->len, pcm), PCM_TICK_PAIRS);
        else
            (void)coder_opus_conceal(d, NULL, 0, PCM_TICK_PAIRS, pcm);
        if (t > 105)
            assert_true(sound_rms(pcm, PCM_TICK_PAIRS) < 3);
    }
    audio_output_free(&o);
    coder_opus_decoder_free(&d);
}

static void who_leaves_while_talking_fades_out(void **state)
{
    static int16_t got[12 * PCM_TICK_SAMPLES];
    double steepest = 2 * M_PI * person[1].hz / PCM_HZ * 8000;

    (void)state;
    person[0].amplitude = person[1].amplitude = 8000;
    person[0].hz = 150;
    ticks(50);
    for (size_t t = 0; t < 12; t++) {
        if (t == 4)
            audio_mix_leave(&member[0]);
        if (t == 8)
            audio_mix_leave(&member[1]);
        tick();
        memcpy(got + t * PCM_TICK_SAMPLES, audio_mix_pcm(mix, NULL), PCM_TICK_SAMPLES * 2);
    }
    assert_true(sound_steepest(got, 12 * PCM_TICK_PAIRS) < 1.6 * steepest + 40);
    assert_true(sound_rms(got + 11 * PCM_TICK_SAMPLES, PCM_TICK_PAIRS) < 1);
}

/* Member 0 listens to a tone, begins to talk and stops: one decoder over both streams. */
static void moving_between_the_streams_is_not_heard(void **state)
{
    struct coder_opus_decoder *moved = coder_opus_decoder_new();
    static int16_t a[2 * CODER_OPUS_MAX_PAIRS];
    static int16_t heard[300 * PCM_TICK_SAMPLES];
    size_t moves = 0;
    const struct audio_payload *before = NULL;

    (void)state;
    audio_mix_set_listening(member[0], true);
    person[1].amplitude = 8000;
    for (size_t t = 0; t < 300; t++) {
        person[0].amplitude = t > 60 && t < 120 ? 3000 : 0;
        tick();
        const struct audio_payload *p = audio_mix_payload(mix, member[0]);
        if (p->len == 0)
            continue;
        assert_int_equal(coder_opus_decode(moved, p->bytes, p->len, a), PCM_TICK_PAIRS);
        memcpy(heard + t * PCM_TICK_SAMPLES, a, PCM_TICK_SAMPLES * 2);
        moves += before != NULL && before != p;
        before = p;
        if (t > 10) { /* the tone goes on as it was, in each quarter of a tick */
            for (size_t q = 0; q < 4; q++) {
                double rms = sound_rms(a + q * 480, 240);
                if (fabs(sound_db(rms / (8000 / sqrt(2)))) > 1.5)
                    fail_msg("tick %zu.%zu: %.0f", t, q, rms);
            }
        }
    }
    assert_int_equal(moves, 2);
    assert_true(sound_steepest(heard + 20 * PCM_TICK_SAMPLES, 280 * PCM_TICK_PAIRS) <
                1.25 * 8000 * 2 * M_PI * person[1].hz / PCM_HZ);
    coder_opus_decoder_free(&moved);
}

/* --- members --------------------------------------------------------------------------------------------- */

static void members_come_and_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < PEOPLE; i++) {
        person[i].amplitude = 4000;
        audio_mix_set_listening(member[i], true);
    }
    ticks(30);
    for (size_t i = 0; i < PEOPLE; i += 2) {
        audio_mix_leave(&member[i]);
        assert_null(member[i]);
    }
    ticks(5);
    assert_int_equal(stats().heard, PEOPLE / 2);
    assert_int_equal(stats().personal, PEOPLE / 2);
    member[0] = audio_mix_join(mix);
    ticks(30);
    assert_int_equal(stats().heard, PEOPLE / 2 + 1);
}

static void a_mix_has_bounds(void **state)
{
    struct audio_mix_settings settings = AUDIO_MIX_DEFAULTS;

    (void)state;
    settings.max_loud = 0;
    assert_null(audio_mix_new(&settings));
    settings.max_loud = MAX_MIX_LOUD + 1;
    assert_null(audio_mix_new(&settings));
    settings = AUDIO_MIX_DEFAULTS;
    settings.personal.bitrate_bps = 1;
    assert_null(audio_mix_new(&settings));
    for (size_t i = PEOPLE; i < MAX_MIX_INPUTS; i++)
        assert_non_null(audio_mix_join(mix));
    assert_null(audio_mix_join(mix));
    tick();
}

static void bitrates_may_change(void **state)
{
    (void)state;
    person[0].amplitude = person[1].amplitude = 8000;
    audio_mix_set_listening(member[0], true);
    ticks(50);
    assert_true(audio_mix_payload(mix, NULL)->len > 100);
    assert_true(audio_mix_set_bitrates(mix, 24000, 1) < 0);
    ticks(10);
    assert_true(audio_mix_payload(mix, NULL)->len > 100);
    assert_int_equal(audio_mix_set_bitrates(mix, 24000, 32000), 0);
    ticks(20);
    assert_in_range(audio_mix_payload(mix, NULL)->len, 20, 80);
    assert_in_range(audio_mix_payload(mix, member[0])->len, 20, 110);
}

static void without_memory_a_talker_hears_the_shared_stream(void **state)
{
    (void)state;
    person[0].amplitude = 8000;
    ticks(20); /* decoders are in place: the next memory that is asked for is the stream's */
    audio_mix_set_listening(member[0], true);
    mem_fail_nth(1);
    tick();
    mem_fail_nth(0);
    assert_int_equal(stats().refused, 1);
    assert_ptr_equal(audio_mix_payload(mix, member[0]), audio_mix_payload(mix, NULL));
    tick();
    assert_int_equal(stats().personal, 1);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(everybody_who_talks_is_in_the_mix),
        ROW(a_mix_minus_is_the_mix_of_the_others),
        ROW(many_loud_voices_are_limited_and_not_cut),
        ROW(the_loudest_are_heard_when_too_many_talk),
        ROW(who_is_silenced_takes_no_place),
        ROW(one_stream_serves_all_and_talkers_get_their_own),
        ROW(one_alone_hears_silence),
        ROW(a_silent_room_encodes_nothing),
        ROW(nothing_is_heard_in_a_pause),
        ROW(who_leaves_while_talking_fades_out),
        ROW(moving_between_the_streams_is_not_heard),
        ROW(members_come_and_go),
        ROW(a_mix_has_bounds),
        ROW(bitrates_may_change),
        ROW(without_memory_a_talker_hears_the_shared_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
