/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/err.h"
#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/moving.h"

#define WIDTH 320
#define HEIGHT 180
#define FRAME_US 33333ull

static const enum codec_id codecs[] = {CODEC_VP8, CODEC_H264};

static struct picture_pool *pool;
static struct picture *source;
static struct video_encoder *encoder;
static struct video_decoder *decoder;
static struct video_encoder_output out;
static uint64_t pts_us;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    pool = picture_pool_new(64u * 1024 * 1024);
    source = picture_new(pool, WIDTH, HEIGHT);
    pts_us = 0;
    return source != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    video_encoder_free(&encoder);
    video_decoder_free(&decoder);
    picture_unref(&source);
    picture_pool_free(&pool);
    return leaks_end(state);
}

static void open_coders(enum codec_id codec, uint32_t bitrate_bps)
{
    const struct video_encoder_config config = {.codec = codec,
                                                .width = WIDTH,
                                                .height = HEIGHT,
                                                .bitrate_bps = bitrate_bps,
                                                .framerate = 30};

    video_encoder_free(&encoder);
    video_decoder_free(&decoder);
    assert_int_equal(video_encoder_new(&encoder, &config), 0);
    assert_int_equal(video_decoder_new(&decoder, codec, pool), 0);
}

static void encode(int t, bool force_keyframe, bool is_unchanged)
{
    struct video_encoder_input in = {.picture = source->view,
                                     .pts_us = pts_us += FRAME_US,
                                     .is_keyframe_wanted = force_keyframe,
                                     .is_unchanged = is_unchanged};

    if (!is_unchanged)
        draw_moving(&source->view, t);
    assert_int_equal(video_encoder_encode(encoder, &in, &out), 0);
}

static void what_is_encoded_looks_like_the_picture(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        double sum = 0;

        open_coders(codecs[c], 500000);
        for (int t = 0; t < 30; t++) {
            struct picture *picture;

            encode(t, false, false);
            assert_true(out.len > 0);
            assert_int_equal(out.is_keyframe, t == 0);
            assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
            assert_non_null(picture);
            assert_int_equal(picture->view.width, WIDTH);
            assert_int_equal(picture->view.height, HEIGHT);
            sum += psnr_of(&source->view, &picture->view);
            picture_unref(&picture);
        }
        if (sum / 30 < 32)
            fail_msg("%s: %.1f dB", codec_name(codecs[c]), sum / 30);
        assert_int_equal(video_encoder_read_stats(encoder)->frames, 30);
        assert_int_equal(video_decoder_read_stats(decoder)->pictures, 30);
        assert_int_equal(video_decoder_read_stats(decoder)->copied, 0);
    }
}

static void keyframes_come_on_request_only(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        open_coders(codecs[c], 500000);
        for (int t = 0; t < 130; t++) {
            /* a cut each 50 pictures, which other encoders take for a keyframe's sake */
            encode(t + t / 50 * 1000, t == 123, false);
            assert_int_equal(out.is_keyframe, t == 0 || t == 123);
        }
        assert_int_equal(video_encoder_read_stats(encoder)->keyframes, 2);
    }
}

static void a_new_decoder_starts_at_any_keyframe(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct picture *picture;

        open_coders(codecs[c], 500000);
        for (int t = 0; t < 5; t++)
            encode(t, false, false);
        encode(5, true, false);
        assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
        assert_non_null(picture); /* parameter sets and all */
        assert_true(psnr_of(&source->view, &picture->view) > 28);
        picture_unref(&picture);
    }
}

static double measure_bps(int from, int frames)
{
    uint64_t before = video_encoder_read_stats(encoder)->bytes;

    for (int t = from; t < from + frames; t++)
        encode(t * 3, false, false);
    return (double)(video_encoder_read_stats(encoder)->bytes - before) * 8 * 30 / frames;
}

static void the_bitrate_can_change_at_any_time(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        double low, high;

        open_coders(codecs[c], 100000);
        (void)measure_bps(0, 40);
        low = measure_bps(40, 60);
        assert_int_equal(video_encoder_set_bitrate(encoder, 400000), 0);
        (void)measure_bps(100, 40);
        high = measure_bps(140, 60);
        print_message("%s: %.0f, %.0f bit/s\n", codec_name(codecs[c]), low, high);
        assert_true(low > 60000 && low < 130000);
        assert_true(high > 250000 && high < 500000);
        assert_int_equal(video_encoder_read_stats(encoder)->keyframes, 1);
        assert_int_equal(video_encoder_set_bitrate(encoder, 0), E_INVALID);
    }
}

static void a_picture_that_stays_costs_nothing_once_it_looks_good(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct picture *picture = NULL;
        const struct video_encoder_stats *stats;

        open_coders(codecs[c], 200000);
        stats = video_encoder_read_stats(encoder);
        for (int t = 0; t < 60; t++) {
            encode(0, false, t > 0);
            if (out.len == 0)
                continue;
            picture_unref(&picture);
            assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
        }
        assert_true(stats->skipped >= 25);
        print_message("%s: settled after %d\n", codec_name(codecs[c]), (int)(60 - stats->skipped));
        assert_true(psnr_of(&source->view, &picture->view) > 34);
        picture_unref(&picture);
        encode(0, true, true); /* somebody comes in */
        assert_true(out.len > 0 && out.is_keyframe);
        encode(7, false, false);
        assert_true(out.len > 0 && !out.is_keyframe);
        encode(7, false, true);
        assert_true(out.len > 0); /* refined anew */
    }
}

static void pictures_may_be_kept_while_decoding_goes_on(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        struct picture *kept = NULL, *picture;
        uint8_t first;

        open_coders(codecs[c], 500000);
        encode(0, false, false);
        assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &kept), 0);
        assert_true(picture_is_lent(kept));
        first = kept->view.plane[0][40 * kept->view.stride[0] + 10];
        for (int t = 1; t < 8; t++) {
            encode(t * 20, false, false);
            assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
            picture_unref(&picture);
        }
        assert_int_equal(kept->view.plane[0][40 * kept->view.stride[0] + 10], first);
        picture_unref(&kept);
        encode(0, false, false);
        assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
        video_decoder_free(&decoder); /* before its picture */
        assert_true(psnr_of(&source->view, &picture->view) > 20);
        picture_unref(&picture);
    }
}

static void screens_are_encoded_too(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        const struct video_encoder_config config = {codecs[c], WIDTH, HEIGHT, 500000, 5, 1, true};
        struct picture *picture;

        open_coders(codecs[c], 500000);
        video_encoder_free(&encoder);
        assert_int_equal(video_encoder_new(&encoder, &config), 0);
        for (int t = 0; t < 3; t++) {
            encode(t, false, false);
            assert_int_equal(video_decoder_decode(decoder, out.data, out.len, &picture), 0);
            assert_true(psnr_of(&source->view, &picture->view) > 28);
            picture_unref(&picture);
        }
    }
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const struct {
        struct video_encoder_config config;
        int err;
    } rows[] = {
        {{CODEC_VP8, 321, 180, 100000, 30, 0, false}, E_INVALID},
        {{CODEC_VP8, 320, 181, 100000, 30, 0, false}, E_INVALID},
        {{CODEC_VP8, 320, 180, 0, 30, 0, false}, E_INVALID},
        {{CODEC_VP8, 320, 180, 100000, 0, 0, false}, E_INVALID},
        {{CODEC_H264, 16384, 16384, 100000, 30, 0, false}, E_INVALID},
        {{CODEC_OPUS, 320, 180, 100000, 30, 0, false}, E_UNSUPPORTED},
    };
    struct video_encoder_input in = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(video_encoder_new(&encoder, &rows[i].config), rows[i].err);
    open_coders(CODEC_VP8, 100000);
    encode(0, false, false);
    in.picture = source->view;
    in.pts_us = pts_us;
    assert_int_equal(video_encoder_encode(encoder, &in, &out), E_INVALID);
    in.pts_us = pts_us + 1;
    in.picture.width = 160;
    assert_int_equal(video_encoder_encode(encoder, &in, &out), E_INVALID);
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        const struct video_encoder_config config = {codecs[c], WIDTH, HEIGHT, 100000, 30, 1, false};

        mem_fail_nth(1);
        assert_int_equal(video_encoder_new(&encoder, &config), E_NO_MEMORY);
        mem_fail_nth(1);
        assert_int_equal(video_decoder_new(&decoder, codecs[c], pool), E_NO_MEMORY);
        mem_fail_nth(0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_encoded_looks_like_the_picture),
        TEST(keyframes_come_on_request_only),
        TEST(a_new_decoder_starts_at_any_keyframe),
        TEST(the_bitrate_can_change_at_any_time),
        TEST(a_picture_that_stays_costs_nothing_once_it_looks_good),
        TEST(pictures_may_be_kept_while_decoding_goes_on),
        TEST(screens_are_encoded_too),
        TEST(what_makes_no_sense_is_refused),
        TEST(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
