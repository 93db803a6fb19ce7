/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "core/err.h"
#include "core/mem.h"
#include "mixer/audio_decoder.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/speaker.h"

static int16_t out[2 * AUDIO_DECODER_MAX_PAIRS];

static void codecs_have_their_clocks_and_lengths(void **state)
{
    static const uint8_t opus_60ms[] = {0x18}, zeros[1000];
    static const struct {
        enum codec_id codec;
        const uint8_t *payload;
        size_t len;
        uint32_t clock_hz, span_ts;
        bool is_pause;
    } rows[] = {
        {CODEC_OPUS, opus_60ms, 1, 48000, 2880, true}, {CODEC_OPUS, opus_60ms, 0, 48000, 0, true},
        {CODEC_PCMU, zeros, 240, 8000, 240, false},    {CODEC_PCMA, zeros, 1, 8000, 1, false},
        {CODEC_PCMA, zeros, 961, 8000, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(audio_decoder_supports(rows[i].codec));
        assert_int_equal(audio_decoder_clock_hz(rows[i].codec), rows[i].clock_hz);
        assert_int_equal(audio_decoder_span_ts(rows[i].codec, rows[i].payload, rows[i].len),
                         rows[i].span_ts);
        assert_int_equal(audio_decoder_is_pause(rows[i].codec, rows[i].payload, rows[i].len),
                         rows[i].is_pause);
    }
    assert_false(audio_decoder_supports(CODEC_RED));
    assert_false(audio_decoder_supports(CODEC_NONE));
}

/* Odd lengths are filled up with silence. */
static void each_decodes_conceals_and_begins_anew(void **state)
{
    static const enum codec_id codecs[] = {CODEC_OPUS, CODEC_PCMU, CODEC_PCMA};
    struct packet_pool *pool = packet_pool_new(4);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
        struct audio_decoder *d = audio_decoder_new(codecs[i]);
        struct speaker s;
        speaker_open(&s, pool, codecs[i], 1, 300, 8000);
        for (size_t t = 0; t < 20; t++) {
            struct packet *p = speaker_next(&s, 0);
            assert_int_equal(
                audio_decoder_decode(d, p->data + p->rtp.header_bytes, p->rtp.payload_bytes, out),
                PCM_TICK_PAIRS);
            packet_unref(&p);
        }
        assert_true(sound_rms(out, PCM_TICK_PAIRS) > 5000);
        assert_int_equal(audio_decoder_decode(d, NULL, 0, out), E_MALFORMED);
        out[2 * 964] = 99;
        assert_false(audio_decoder_conceal(d, NULL, 0, 965, out));
        assert_true(sound_rms(out, 480) > 2000);
        assert_int_equal(out[2 * 964], 0);
        audio_decoder_reset(d);
        assert_false(audio_decoder_conceal(d, NULL, 0, 960, out));
        assert_true(sound_rms(out, 960) < 10);
        assert_false(audio_decoder_conceal(d, NULL, 0, 1, out));
        speaker_close(&s);
        audio_decoder_free(&d);
        assert_null(d);
    }
    packet_pool_free(&pool);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 2; nth++) {
        mem_fail_nth((uint64_t)nth);
        assert_null(audio_decoder_new(CODEC_OPUS));
        mem_fail_nth((uint64_t)nth);
        assert_null(audio_decoder_new(CODEC_PCMU));
        mem_fail_nth(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_have_their_clocks_and_lengths),
        LEAK_FREE(each_decodes_conceals_and_begins_anew),
        LEAK_FREE(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
