/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/rng.h"
#include "mixer/coder_opus.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/sound.h"

#define TICKS 50

static int16_t in[TICKS * PCM_TICK_SAMPLES],
    out[TICKS * PCM_TICK_SAMPLES + 2 * CODER_OPUS_MAX_PAIRS];
static uint8_t payload[TICKS][MAX_AUDIO_PAYLOAD_BYTES];
static size_t len[TICKS];

static void encode_all(const struct coder_opus_settings *settings)
{
    struct coder_opus_encoder *e = coder_opus_encoder_new(settings);

    assert_non_null(e);
    for (size_t t = 0; t < TICKS; t++)
        len[t] = coder_opus_encode(e, in + t * PCM_TICK_SAMPLES, payload[t], sizeof(payload[t]));
    coder_opus_encoder_free(&e);
    assert_null(e);
}

static void decode_all(void)
{
    struct coder_opus_decoder *d = coder_opus_decoder_new();

    for (size_t t = 0; t < TICKS; t++)
        assert_int_equal(coder_opus_decode(d, payload[t], len[t], out + t * PCM_TICK_SAMPLES),
                         PCM_TICK_PAIRS);
    coder_opus_decoder_free(&d);
}

static void payloads_tell_their_length(void **state)
{
    static const struct {
        uint8_t bytes[3];
        size_t len;
        int pairs;
    } rows[] = {
        {{0}, 0, E_MALFORMED},
        {{0xfc}, 1, 960},        /* 20 ms, one frame of no bytes */
        {{0xe0}, 1, 120},        /* 2.5 ms */
        {{0x18}, 1, 2880},       /* 60 ms */
        {{0x19, 1, 2}, 3, 5760}, /* two of 60 ms */
        {{0xfb, 5, 0}, 3, 4800}, /* five of 20 ms */
        {{0xfb, 7, 0}, 3, E_MALFORMED} /* seven of them are more than 120 ms */,
        {{0xfb}, 1, E_MALFORMED}, /* the count is missing */
        {{0xfb, 0, 0}, 3, E_MALFORMED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(coder_opus_pairs(rows[i].bytes, rows[i].len), rows[i].pairs);
}

static void sound_comes_back_in_stereo(void **state)
{
    (void)state;
    for (size_t i = 0; i < TICKS * PCM_TICK_PAIRS; i++) {
        in[2 * i] = (int16_t)lrint(8000 * sin(2 * M_PI * 400 * (double)i / PCM_HZ));
        in[2 * i + 1] = (int16_t)lrint(4000 * sin(2 * M_PI * 1500 * (double)i / PCM_HZ));
    }
    encode_all(&CODER_OPUS_DEFAULTS);
    decode_all();
    const int16_t *end = out + 20 * PCM_TICK_SAMPLES;
    assert_true(fabs(sound_amplitude(end, 9600, 400) - 8000) < 800);
    assert_true(sound_amplitude(end, 9600, 1500) < 200);
    assert_true(fabs(sound_amplitude(end + 1, 9600, 1500) - 4000) < 400);
}

static void one_channel_is_given_on_both(void **state)
{
    struct coder_opus_settings settings = CODER_OPUS_DEFAULTS;

    (void)state;
    settings.is_mono = true;
    sound_sine(in, TICKS * PCM_TICK_PAIRS, 400, 8000, 0);
    encode_all(&settings);
    decode_all();
    const int16_t *end = out + 20 * PCM_TICK_SAMPLES;
    assert_true(fabs(sound_amplitude(end, 9600, 400) - 8000) < 800);
    assert_true(fabs(sound_amplitude(end + 1, 9600, 400) - 8000) < 800);
}

/* A tone on both channels; between ticks 60 and 70 there is a little of another one on the left. */
static void equal_channels_are_sent_as_one_and_changes_are_not_heard(void **state)
{
    enum { STEREO = 4, ALL = 200 }; /* of the first byte, RFC 6716 s3.1 */
    struct coder_opus_encoder *e = coder_opus_encoder_new(&CODER_OPUS_DEFAULTS);
    struct coder_opus_decoder *d = coder_opus_decoder_new();
    static int16_t heard[(ALL + 6) * PCM_TICK_SAMPLES];

    (void)state;
    for (size_t t = 0; t < ALL; t++) {
        int16_t *to = heard + t * PCM_TICK_SAMPLES;
        sound_sine(in, PCM_TICK_PAIRS, 400, 8000, t * PCM_TICK_PAIRS);
        for (size_t i = 0; t >= 60 && t < 70 && i < PCM_TICK_PAIRS; i++)
            in[2 * i] = (int16_t)(in[2 * i] + 200 * sin(2 * M_PI * 3000 * (double)i / PCM_HZ));
        size_t n = coder_opus_encode(e, in, payload[0], 1275);
        assert_int_equal((payload[0][0] & STEREO) != 0, t >= 60 && t < 70 + 49);
        assert_int_equal(coder_opus_decode(d, payload[0], n, to), PCM_TICK_PAIRS);
        for (size_t q = 0; t > 10 && q < 4; q++)
            assert_true(fabs(sound_db(sound_rms(to + q * 480, 240) / (8000 / sqrt(2)))) < 1.5);
    }
    assert_true(sound_steepest(heard + 20 * PCM_TICK_SAMPLES, (ALL - 20) * PCM_TICK_PAIRS) <
                1.3 * 8000 * 2 * M_PI * 400 / PCM_HZ);
    coder_opus_decoder_free(&d);
    coder_opus_encoder_free(&e);
}

static void settings_have_ranges(void **state)
{
    static const struct coder_opus_settings rows[] = {
        {.bitrate_bps = 5999},
        {.bitrate_bps = 510001},
        {.bitrate_bps = 64000, .complexity = 11},
        {.bitrate_bps = 64000, .loss_percent = 101},
    };
    struct coder_opus_encoder *e = coder_opus_encoder_new(&CODER_OPUS_DEFAULTS);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_null(coder_opus_encoder_new(&rows[i]));
    assert_int_equal(coder_opus_encoder_set_bitrate(e, 100), E_INVALID);
    assert_int_equal(coder_opus_encoder_set_bitrate(e, 20000), 0);
    sound_sine(in, TICKS * PCM_TICK_PAIRS, 400, 8000, 0);
    for (size_t t = 0; t < TICKS; t++)
        len[t] = coder_opus_encode(e, in + t * PCM_TICK_SAMPLES, payload[t], sizeof(payload[t]));
    assert_in_range(len[TICKS - 1], 10, 80); /* 50 bytes are 20 kb/s */
    coder_opus_encoder_free(&e);
}

/* Lose each fifth; how far is what is heard from what would have been? */
static double error_after_loss(bool with_fec)
{
    struct coder_opus_decoder *d = coder_opus_decoder_new();
    static int16_t got[TICKS * PCM_TICK_SAMPLES];
    double error = 0;

    for (size_t t = 0; t < TICKS; t++) {
        int16_t *to = got + t * PCM_TICK_SAMPLES;
        bool is_lost = t % 5 == 4 && t + 1 < TICKS;
        if (is_lost)
            assert_int_equal(coder_opus_conceal(d, with_fec ? payload[t + 1] : NULL, len[t + 1],
                                                PCM_TICK_PAIRS, to),
                             with_fec);
        else
            assert_int_equal(coder_opus_decode(d, payload[t], len[t], to), PCM_TICK_PAIRS);
        for (size_t i = 0; is_lost && i < PCM_TICK_SAMPLES; i++)
            error += pow(to[i] - out[t * PCM_TICK_SAMPLES + i], 2);
    }
    coder_opus_decoder_free(&d);
    return error;
}

static void in_band_fec_brings_the_lost_one_back(void **state)
{
    struct coder_opus_settings settings = {
        .bitrate_bps = 32000, .complexity = 5, .loss_percent = 20, .is_mono = true};
    struct sound_voice v = {.hz = 140, .amplitude = 20000};

    (void)state;
    for (size_t t = 0; t < TICKS; t++) { /* a pitch that moves: nothing that could be guessed */
        v.hz = 140 + 60 * sin((double)t);
        sound_speak(&v, in + t * PCM_TICK_SAMPLES, PCM_TICK_PAIRS);
    }
    encode_all(&settings);
    decode_all();
    assert_true(error_after_loss(true) < 0.5 * error_after_loss(false));
}

static void concealment_goes_on_with_the_sound(void **state)
{
    struct coder_opus_decoder *d = coder_opus_decoder_new();

    (void)state;
    sound_sine(in, TICKS * PCM_TICK_PAIRS, 300, 8000, 0);
    encode_all(&CODER_OPUS_DEFAULTS);
    for (size_t t = 0; t < 20; t++)
        assert_int_equal(coder_opus_decode(d, payload[t], len[t], out), PCM_TICK_PAIRS);
    assert_false(coder_opus_conceal(d, NULL, 0, PCM_TICK_PAIRS, out));
    assert_true(sound_rms(out, PCM_TICK_PAIRS) > 2000);
    for (size_t t = 0; t < 50; t++) {
        assert_false(coder_opus_conceal(d, NULL, 0, PCM_TICK_PAIRS, out));
        assert_true(sound_rms(out, PCM_TICK_PAIRS) <
                    8000); /* it does not grow; ending it is the jitter buffer's business */
    }
    assert_false(coder_opus_conceal(d, payload[0], 0, 120, out)); /* nothing to read */
    coder_opus_decoder_free(&d);
}

static void a_pause_is_one_byte(void **state)
{
    struct coder_opus_decoder *d = coder_opus_decoder_new();
    uint8_t pause[4];

    (void)state;
    assert_int_equal(coder_opus_write_dtx(pause, sizeof(pause)), 1);
    assert_int_equal(coder_opus_write_dtx(pause, 0), 0);
    assert_true(coder_opus_is_dtx(pause, 1));
    assert_false(coder_opus_is_dtx(pause, 3));
    assert_int_equal(coder_opus_pairs(pause, 1), PCM_TICK_PAIRS);
    assert_int_equal(coder_opus_decode(d, pause, 1, out), PCM_TICK_PAIRS);
    coder_opus_decoder_free(&d);
}

static void garbage_is_refused_or_harmless(void **state)
{
    struct coder_opus_decoder *d = coder_opus_decoder_new();
    struct rng rng;
    size_t refused = 0;

    (void)state;
    rng_seed(&rng, 9);
    sound_sine(in, TICKS * PCM_TICK_PAIRS, 300, 8000, 0);
    encode_all(&CODER_OPUS_DEFAULTS);
    for (size_t i = 0; i < 3000; i++) {
        uint8_t bytes[64];
        size_t n = rng_below(&rng, sizeof(bytes) + 1);
        for (size_t k = 0; k < n; k++)
            bytes[k] = (uint8_t)rng_u32(&rng);
        int pairs = coder_opus_decode(d, bytes, n, out);
        assert_true(pairs == E_MALFORMED || (pairs >= 120 && pairs <= CODER_OPUS_MAX_PAIRS));
        refused += pairs < 0;
        pairs = coder_opus_decode(d, payload[i % TICKS], rng_below(&rng, (uint32_t)len[i % TICKS]),
                                  out);
        assert_true(pairs == E_MALFORMED || pairs == PCM_TICK_PAIRS);
    }
    assert_true(refused > 100);
    coder_opus_decoder_reset(d);
    for (size_t t = 0; t < TICKS; t++)
        assert_int_equal(coder_opus_decode(d, payload[t], len[t], out), PCM_TICK_PAIRS);
    assert_true(sound_rms(out, PCM_TICK_PAIRS) > 4000);
    coder_opus_decoder_free(&d);
}

static void a_refreshed_payload_stands_on_its_own(void **state)
{
    struct coder_opus_encoder *e = coder_opus_encoder_new(&CODER_OPUS_DEFAULTS);
    double rms[2];

    (void)state;
    sound_sine(in, TICKS * PCM_TICK_PAIRS, 300, 8000, 0);
    for (int refresh = 0; refresh < 2; refresh++) {
        struct coder_opus_decoder *d = coder_opus_decoder_new();
        for (size_t t = 0; t < 20; t++)
            assert_true(coder_opus_encode(e, in + t * PCM_TICK_SAMPLES, payload[0], 1275) > 2);
        if (refresh)
            coder_opus_encoder_refresh(e);
        len[0] = coder_opus_encode(e, in + 20 * PCM_TICK_SAMPLES, payload[0], 1275);
        assert_int_equal(coder_opus_decode(d, payload[0], len[0], out), PCM_TICK_PAIRS);
        rms[refresh] = sound_rms(out + 600, 660);
        coder_opus_decoder_free(&d);
    }
    assert_true(fabs(sound_db(rms[1] / (8000 / sqrt(2)))) < 1); /* as loud as it should be */
    assert_true(fabs(sound_db(rms[0] / (8000 / sqrt(2)))) > 3); /* which it is not otherwise */
    coder_opus_encoder_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_tell_their_length),
        LEAK_FREE(sound_comes_back_in_stereo),
        LEAK_FREE(one_channel_is_given_on_both),
        LEAK_FREE(equal_channels_are_sent_as_one_and_changes_are_not_heard),
        LEAK_FREE(settings_have_ranges),
        LEAK_FREE(in_band_fec_brings_the_lost_one_back),
        LEAK_FREE(concealment_goes_on_with_the_sound),
        LEAK_FREE(a_pause_is_one_byte),
        LEAK_FREE(garbage_is_refused_or_harmless),
        LEAK_FREE(a_refreshed_payload_stands_on_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
