/* SPDX-License-Identifier: Apache-2.0 */
/* The sound of a whole mix: who is told to be heard in each stream, who hears whom, how loud, at which bitrate. On a virtual clock. */
#include "tests/unit/core/cmocka_all.h"

#include <math.h>
#include <string.h>

#include "core/attr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/wire.h"
#include "mixer/mix.h"
#include "mixer/pcm.h"
#include "mixer/picture.h"
#include "tests/unit/mixer/speaker.h"

#define PEOPLE 4
#define SCREEN 3 /* its sound is of a screen of person 0 */
#define AUDIO_TRACK 1001ull
#define PERSONAL_TRACK 1002ull
#define TICKS_PER_S 50

/* What came last of one track. */
struct heard {
    struct coder_opus_decoder *opus;
    int16_t pcm[PCM_TICK_SAMPLES];
    uint64_t packets, bytes;
    size_t csrc_count, levels;
    uint32_t csrc[MAX_CSRCS];
    uint8_t level, csrc_level[MAX_CSRCS];
};

static struct packet_pool *packets;
static struct picture_pool *pictures;
static struct mix *mix;
static struct speaker speaker[PEOPLE];
static struct mix_input *input[PEOPLE];
static struct heard shared, personal;
static uint64_t now_us;

static void hear(struct heard *h, const struct packet *p)
{
    int16_t pcm[CODER_OPUS_MAX_PAIRS * 2];
    const struct rtp_ext *level = rtp_find_ext(&p->rtp, MIX_EXT_AUDIO_LEVEL);
    const struct rtp_ext *levels = rtp_find_ext(&p->rtp, MIX_EXT_CSRC_AUDIO_LEVEL);
    int n = coder_opus_decode(h->opus, p->data + p->rtp.header_bytes, p->rtp.payload_bytes, pcm);

    assert_int_equal(p->flags, PACKET_HAS_RTP | PACKET_HAS_CONTRIBUTORS);
    if (n == PCM_TICK_PAIRS)
        memcpy(h->pcm, pcm, sizeof(h->pcm));
    h->packets++;
    h->bytes += p->rtp.payload_bytes;
    h->csrc_count = p->rtp.csrc_count;
    for (size_t i = 0; i < h->csrc_count; i++)
        h->csrc[i] = wire_get_u32(p->data + RTP_FIXED_HEADER_BYTES + 4 * i);
    assert_non_null(level);
    h->level = p->data[level->offset];
    h->levels = levels == NULL ? 0 : levels->len;
    if (levels != NULL)
        memcpy(h->csrc_level, p->data + levels->offset, levels->len);
}

static void on_packet(struct packet *p, void *arg)
{
    (void)arg;
    hear(p->track == AUDIO_TRACK ? &shared : &personal, p);
}

static void on_keyframe_wanted(uint64_t id, unsigned encoding, void *arg)
{
    (void)id, (void)encoding, (void)arg;
}

static void on_size_wanted(uint64_t id, int width, int height, void *arg)
{
    (void)id, (void)width, (void)height, (void)arg;
}

static void on_level(struct mix *m, void *arg)
{
    (void)m, (void)arg;
}

static void pass(unsigned ticks)
{
    for (unsigned t = 0; t < ticks; t++, now_us += MIX_AUDIO_TICK_US) {
        for (size_t i = 0; i < PEOPLE; i++) {
            if (input[i] == NULL)
                continue;
            struct packet *p = speaker_next(&speaker[i], now_us);
            mix_push(input[i], p, now_us);
            packet_unref(&p);
        }
        mix_run_audio(mix, now_us);
    }
}

static void enter(unsigned i)
{
    const struct mix_input_config config = {.id = i + 1,
                                            .member = i == SCREEN ? 1 : i + 1,
                                            .kind = MEDIA_AUDIO,
                                            .is_screen = i == SCREEN};

    assert_int_equal(mix_set_member(mix, config.member, "p", "p"), 0);
    assert_int_equal(mix_add_input(&input[i], mix, &config), 0);
}

static int set_up(void **state)
{
    const struct mix_env env = {.on_packet = on_packet,
                                .on_keyframe_wanted = on_keyframe_wanted,
                                .on_size_wanted = on_size_wanted,
                                .on_level = on_level,
                                .random = 77,
                                .packets = packets = packet_pool_new(1024),
                                .pictures = pictures = picture_pool_new(64u * 1024 * 1024)};
    const struct mix_tracks tracks = {.video = 1000, .audio = AUDIO_TRACK};

    (void)state;
    now_us = 9 * US_PER_S;
    memset(&shared, 0, sizeof(shared));
    memset(&personal, 0, sizeof(personal));
    memset(input, 0, sizeof(input));
    shared.opus = coder_opus_decoder_new();
    personal.opus = coder_opus_decoder_new();
    for (size_t i = 0; i < PEOPLE; i++)
        speaker_open(&speaker[i], packets, CODEC_OPUS, (uint32_t)(100 + i), 400 + 300 * (double)i,
                     3000);
    assert_int_equal(mix_new(&mix, &MIX_DEFAULTS, &tracks, &env, now_us), 0);
    mix_set_watched(mix, AUDIO_TRACK, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mix_free(&mix);
    for (size_t i = 0; i < PEOPLE; i++)
        speaker_close(&speaker[i]);
    coder_opus_decoder_free(&shared.opus);
    coder_opus_decoder_free(&personal.opus);
    picture_pool_free(&pictures);
    packet_pool_free(&packets);
    return mem_live_blocks() == 0 ? 0 : -1;
}

static double loudness(const struct heard *h, unsigned who)
{
    return sound_amplitude(h->pcm, PCM_TICK_PAIRS, speaker[who].hz);
}

static void set_voice(uint32_t member, uint32_t csrc, int32_t gain)
{
    const struct mix_voice voice = {.csrc = csrc, .gain = gain};

    assert_int_equal(mix_set_voice(mix, member, &voice), 0);
}

/* ---- tests ---- */

static void packets_tell_who_is_heard_and_how_loud(void **state)
{
    (void)state;
    enter(0);
    enter(1);
    enter(2);
    set_voice(1, 0xa0000001, PCM_GAIN_ONE);
    set_voice(2, 0xb0000002, PCM_GAIN_ONE);
    speaker[1].amplitude = 9000;
    speaker[2].amplitude = 0;
    pass(TICKS_PER_S);
    assert_int_equal(shared.csrc_count, 2);
    assert_int_equal(shared.levels, 2);
    assert_int_equal(shared.csrc[0], 0xb0000002); /* the loudest first */
    assert_int_equal(shared.csrc[1], 0xa0000001);
    /* A sine of 9000 is 14.3 dB below the square wave of 32767 at 0 dBov, one of 3000 23.8 dB. */
    assert_in_range(shared.csrc_level[0], 13, 15);
    assert_in_range(shared.csrc_level[1], 22, 25);
    assert_int_equal(shared.level, shared.csrc_level[0]);
    speaker[0].amplitude = speaker[1].amplitude = 0;
    pass(3 * TICKS_PER_S);
    assert_int_equal(shared.csrc_count, 0);
    assert_int_equal(shared.levels, 0);
    assert_int_equal(shared.level, 127);
}

static void who_listens_is_not_told_of_himself(void **state)
{
    (void)state;
    enter(0);
    enter(1);
    speaker[0].amplitude = 9000;
    assert_int_equal(mix_set_personal(mix, 1, PERSONAL_TRACK), 0);
    pass(TICKS_PER_S);
    assert_int_equal(shared.csrc_count, 2);
    assert_int_equal(personal.csrc_count, 1);
    assert_int_equal(personal.csrc[0], 2); /* the member's number, where nothing else was said */
    assert_in_range(personal.level, 22, 25);
}

static void all_sound_of_a_member_is_one_contributor_and_left_out_for_it(void **state)
{
    (void)state;
    enter(SCREEN); /* first: its voice comes later, and goes again */
    enter(1);
    assert_int_equal(mix_set_personal(mix, 1, PERSONAL_TRACK), 0);
    pass(TICKS_PER_S);
    assert_true(loudness(&shared, SCREEN) > 2000 && loudness(&shared, 1) > 2000);
    assert_true(loudness(&personal, SCREEN) < 60 && loudness(&personal, 1) > 2000);
    enter(0);
    pass(TICKS_PER_S);
    assert_true(loudness(&shared, SCREEN) > 2000 && loudness(&shared, 0) > 2000);
    assert_true(loudness(&personal, SCREEN) < 60 && loudness(&personal, 0) < 60);
    assert_true(loudness(&personal, 1) > 2000);
    assert_int_equal(shared.csrc_count, 2);
    assert_int_equal(personal.csrc_count, 1);
    mix_remove_input(&input[0]);
    pass(TICKS_PER_S);
    assert_true(loudness(&personal, SCREEN) < 60 && loudness(&personal, 1) > 2000);
    mix_remove_input(&input[1]); /* nobody else is left */
    pass(2 * TICKS_PER_S);
    assert_int_equal(personal.csrc_count, 0);
    assert_true(sound_amplitude(personal.pcm, PCM_TICK_PAIRS, speaker[SCREEN].hz) < 60);
}

static void a_gain_is_heard_and_a_mute_frees_the_place(void **state)
{
    (void)state;
    enter(0);
    enter(1);
    pass(TICKS_PER_S);
    double before = loudness(&shared, 0);
    set_voice(1, 1, pcm_gain_of_db(-12));
    pass(TICKS_PER_S);
    double quieter = loudness(&shared, 0);
    assert_true(fabs(20 * log10(quieter / before) + 12) < 1);
    set_voice(1, 1, pcm_gain_of_db(6));
    pass(TICKS_PER_S);
    assert_true(fabs(20 * log10(loudness(&shared, 0) / before) - 6) < 1);
    set_voice(1, 1, 0);
    pass(TICKS_PER_S);
    assert_true(loudness(&shared, 0) < 60 && loudness(&shared, 1) > 2000);
    assert_int_equal(shared.csrc_count, 1);
    struct mix_stats stats;
    mix_read_stats(mix, &stats);
    assert_int_equal(stats.heard, 1);
    mix_remove_input(&input[0]); /* who comes again is still silenced */
    enter(0);
    pass(TICKS_PER_S);
    assert_true(loudness(&shared, 0) < 60);
    assert_int_equal(mix_set_voice(mix, 9, &(struct mix_voice){.csrc = 1}), E_NOT_FOUND);
}

static void bitrates_change_while_it_runs(void **state)
{
    struct mix_settings s = MIX_DEFAULTS;
    uint64_t bytes[2];

    (void)state;
    enter(0);
    enter(1);
    assert_int_equal(mix_set_personal(mix, 1, PERSONAL_TRACK), 0);
    pass(TICKS_PER_S);
    shared.bytes = personal.bytes = 0;
    pass(4 * TICKS_PER_S);
    bytes[0] = shared.bytes;
    bytes[1] = personal.bytes;
    s.audio_bps = 128000;
    s.personal_bps = 16000;
    assert_int_equal(mix_update(mix, &s), 0);
    shared.bytes = personal.bytes = 0;
    pass(4 * TICKS_PER_S);
    assert_true(shared.bytes > bytes[0] * 3 / 2);
    assert_true(personal.bytes < bytes[1] / 2);
    s.audio_bps = 5999;
    assert_int_equal(mix_update(mix, &s), E_INVALID);
    s.audio_bps = 64000;
    s.personal_bps = MAX_MIX_AUDIO_BPS + 1;
    assert_int_equal(mix_update(mix, &s), E_INVALID);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(packets_tell_who_is_heard_and_how_loud),
        ROW(who_listens_is_not_told_of_himself),
        ROW(all_sound_of_a_member_is_one_contributor_and_left_out_for_it),
        ROW(a_gain_is_heard_and_a_mute_frees_the_place),
        ROW(bitrates_change_while_it_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
