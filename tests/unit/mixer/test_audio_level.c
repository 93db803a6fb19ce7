/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "mixer/audio_level.h"
#include "tests/unit/mixer/sound.h"

static int16_t pcm[PCM_TICK_SAMPLES];

static void levels_are_below_overload(void **state)
{
    static const struct {
        double amplitude;
        int level;
    } rows[] = {{32767, 3}, {3276.7, 23}, {327.67, 43}, {32.767, 63}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sound_sine(pcm, PCM_TICK_PAIRS, 1000, rows[i].amplitude, 0);
        assert_int_equal(audio_level_of(pcm, PCM_TICK_PAIRS), rows[i].level);
    }
}

static void the_ends_of_the_scale(void **state)
{
    (void)state;
    for (size_t i = 0; i < PCM_TICK_SAMPLES; i++)
        pcm[i] = i % 4 < 2 ? INT16_MAX : INT16_MIN;
    assert_int_equal(audio_level_of(pcm, PCM_TICK_PAIRS), 0);
    memset(pcm, 0, sizeof(pcm));
    assert_int_equal(audio_level_of(pcm, PCM_TICK_PAIRS), AUDIO_LEVEL_SILENCE);
    assert_int_equal(audio_level_of(pcm, 0), AUDIO_LEVEL_SILENCE);
}

static void the_louder_channel_counts(void **state)
{
    (void)state;
    sound_sine(pcm, PCM_TICK_PAIRS, 1000, 3276.7, 0);
    for (size_t i = 0; i < PCM_TICK_PAIRS; i++)
        pcm[2 * i] = 0;
    assert_int_equal(audio_level_of(pcm, PCM_TICK_PAIRS), 23);
}

static void a_list_has_a_byte_for_each_and_fifteen_at_most(void **state)
{
    uint8_t levels[20] = {5, 127, 200}, out[20] = {0};

    (void)state;
    assert_int_equal(audio_level_write_csrc(out, sizeof(out), levels, 3), 3);
    assert_int_equal(out[0], 5);
    assert_int_equal(out[1], 127);
    assert_int_equal(out[2], 127);
    assert_int_equal(audio_level_write_csrc(out, sizeof(out), levels, 20), 15);
    assert_int_equal(audio_level_write_csrc(out, 2, levels, 20), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_are_below_overload),
        cmocka_unit_test(the_ends_of_the_scale),
        cmocka_unit_test(the_louder_channel_counts),
        cmocka_unit_test(a_list_has_a_byte_for_each_and_fifteen_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
