/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "core/err.h"
#include "mixer/coder_g711.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/sound.h"

static int16_t pcm[CODER_G711_MAX_BYTES * 6 * 2];

/* ITU-T G.711 tables 1 and 2, in 16-bit units. */
static void codes_stand_for_the_values_of_the_standard(void **state)
{
    static const struct {
        enum g711_law law;
        uint8_t code;
        int16_t value;
    } rows[] = {
        {G711_MU_LAW, 0xff, 0},      {G711_MU_LAW, 0x7f, 0},     {G711_MU_LAW, 0x80, 32124},
        {G711_MU_LAW, 0x00, -32124}, {G711_MU_LAW, 0xfe, 8},     {G711_MU_LAW, 0xef, 132},
        {G711_MU_LAW, 0x8f, 16764},  {G711_A_LAW, 0xd5, 8},      {G711_A_LAW, 0x55, -8},
        {G711_A_LAW, 0xaa, 32256},   {G711_A_LAW, 0x2a, -32256}, {G711_A_LAW, 0xc5, 264},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(coder_g711_expand(rows[i].law, rows[i].code), rows[i].value);
}

static void every_code_comes_back(void **state)
{
    (void)state;
    for (int law = G711_MU_LAW; law <= G711_A_LAW; law++) {
        for (int code = 0; code < 256; code++) {
            int16_t value = coder_g711_expand((enum g711_law)law, (uint8_t)code);
            uint8_t again = coder_g711_compress((enum g711_law)law, value);
            assert_int_equal(coder_g711_expand((enum g711_law)law, again), value);
        }
    }
}

static void compression_loses_little_and_keeps_the_order(void **state)
{
    (void)state;
    for (int law = G711_MU_LAW; law <= G711_A_LAW; law++) {
        int before = INT16_MIN;
        for (int sample = INT16_MIN; sample <= INT16_MAX; sample++) {
            int value = coder_g711_expand((enum g711_law)law,
                                          coder_g711_compress((enum g711_law)law, (int16_t)sample));
            assert_true(value >= before);
            assert_true(abs(value - sample) <= 8 + abs(sample) / 30);
            before = value;
        }
    }
}

static void decode_tone(struct coder_g711 *c, double hz, size_t from, size_t bytes, int16_t *out)
{
    uint8_t payload[CODER_G711_MAX_BYTES];

    for (size_t i = 0; i < bytes; i++)
        payload[i] = coder_g711_compress(
            G711_MU_LAW, (int16_t)lrint(10000 * sin(2 * M_PI * hz * (double)(from + i) / 8000)));
    assert_int_equal(coder_g711_decode(c, payload, bytes, out), (int)bytes * 6);
}

static void a_payload_becomes_six_times_as_many_pairs(void **state)
{
    struct coder_g711 *c = coder_g711_new(G711_MU_LAW);

    (void)state;
    decode_tone(c, 500, 0, 480, pcm);
    double amplitude = sound_amplitude(pcm + 2 * 960, 1920, 500);
    assert_true(fabs(amplitude - 10000) < 200);
    assert_int_equal(pcm[2000], pcm[2001]);
    coder_g711_free(&c);
    assert_null(c);
}

static void lengths_are_checked(void **state)
{
    struct coder_g711 *c = coder_g711_new(G711_A_LAW);
    static const uint8_t payload[CODER_G711_MAX_BYTES + 1];

    (void)state;
    assert_int_equal(coder_g711_decode(c, payload, 0, pcm), E_MALFORMED);
    assert_int_equal(coder_g711_decode(c, payload, sizeof(payload), pcm), E_MALFORMED);
    assert_int_equal(coder_g711_decode(c, payload, 1, pcm), 6);
    coder_g711_free(&c);
}

static void a_loss_is_filled_with_the_same_tone_and_fades(void **state)
{
    struct coder_g711 *c = coder_g711_new(G711_MU_LAW);
    static int16_t all[2 * 20 * 960];
    size_t at = 0;

    (void)state;
    for (; at < 5; at++)
        decode_tone(c, 200, at * 160, 160, all + at * 1920);
    for (; at < 10; at++)
        coder_g711_conceal(c, 960, all + at * 1920);
    for (; at < 15; at++)
        decode_tone(c, 200, at * 160, 160, all + at * 1920);
    assert_true(sound_steepest(all, 15 * 960) < 2 * 10000 * 2 * M_PI * 200 / PCM_HZ);
    assert_true(sound_rms(all + 5 * 1920, 480) > 6000);
    assert_true(sound_rms(all + 6 * 1920, 960) < sound_rms(all + 5 * 1920, 960));
    assert_true(sound_rms(all + 9 * 1920, 960) < 1);
    assert_true(sound_rms(all + 12 * 1920, 960) > 6000);
    coder_g711_free(&c);
}

static void sound_goes_out_as_it_came_in(void **state)
{
    struct coder_g711 *out = coder_g711_new(G711_A_LAW), *in = coder_g711_new(G711_A_LAW);
    static int16_t tone[2 * 9600];
    uint8_t payload[160];

    (void)state;
    sound_sine(tone, 9600, 1000, 12000, 0);
    for (size_t at = 0; at < 10; at++) {
        assert_int_equal(coder_g711_encode(out, tone + at * 1920, 960, payload), 160);
        assert_int_equal(coder_g711_decode(in, payload, 160, tone + at * 1920), 960);
    }
    assert_true(fabs(sound_amplitude(tone + 2 * 4800, 4800, 1000) - 12000) < 300);
    coder_g711_free(&out);
    coder_g711_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_stand_for_the_values_of_the_standard),
        cmocka_unit_test(every_code_comes_back),
        cmocka_unit_test(compression_loses_little_and_keeps_the_order),
        LEAK_FREE(a_payload_becomes_six_times_as_many_pairs),
        LEAK_FREE(lengths_are_checked),
        LEAK_FREE(a_loss_is_filled_with_the_same_tone_and_fades),
        LEAK_FREE(sound_goes_out_as_it_came_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
