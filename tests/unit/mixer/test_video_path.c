/* SPDX-License-Identifier: Apache-2.0 */
/* From a picture to a picture: encoder, packetizer, a network that loses packets, frame buffer, decoder. */
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "mixer/frame_buffer.h"
#include "mixer/packetizer.h"
#include "mixer/video_decoder.h"
#include "mixer/video_encoder.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/mixer/moving.h"
#include "tests/unit/mixer/packets.h"

#define WIDTH 192
#define HEIGHT 108
#define PICTURES 100
#define FRAME_US 33333ull

static struct packet_pool *packets;
static struct picture_pool *pool;
static struct picture *source, *want;
static struct packetizer packetizer;
static struct frame_buffer *buffer;
static struct video_encoder *encoder;
static struct video_decoder *decoder;
static struct packet *held; /* to be overtaken by the next one */
static struct rng rng;
static uint16_t seq;
static unsigned shown, wanted;

static void open_path(enum codec_id codec)
{
    const struct video_encoder_config config = {
        .codec = codec, .width = WIDTH, .height = HEIGHT, .bitrate_bps = 800000, .framerate = 30};

    packets = packet_pool_new(2048);
    pool = picture_pool_new(16u * 1024 * 1024);
    source = picture_new(pool, WIDTH, HEIGHT);
    want = picture_new(pool, WIDTH, HEIGHT);
    packetizer_init(&packetizer, codec, PACKETIZER_PAYLOAD_BYTES, rng_u32(&rng));
    buffer = frame_buffer_new(&(struct frame_buffer_config){.codec = codec});
    assert_int_equal(video_encoder_new(&encoder, &config), 0);
    assert_int_equal(video_decoder_new(&decoder, codec, pool), 0);
    shown = wanted = 0;
    seq = 65000;
}

static void close_path(void)
{
    packet_unref(&held);
    frame_buffer_free(&buffer);
    video_encoder_free(&encoder);
    video_decoder_free(&decoder);
    picture_unref(&source);
    picture_unref(&want);
    picture_pool_free(&pool);
    packet_pool_free(&packets);
}

static void receive(uint64_t now_us)
{
    struct encoded_frame frame;

    while (frame_buffer_pull(buffer, &frame, now_us)) {
        struct picture *p;

        assert_int_equal(video_decoder_decode(decoder, frame.data, frame.len, &p), 0);
        assert_non_null(p);
        draw_moving(&want->view, (int)frame.ts);
        if (psnr_of(&want->view, &p->view) < 26)
            fail_msg("picture %u: %.1f dB", frame.ts, psnr_of(&want->view, &p->view));
        picture_unref(&p);
        shown++;
    }
}

/* One in fifty is lost for good, one in ten is overtaken. */
static void travel(struct packet *p)
{
    if (rng_below(&rng, 50) == 0) {
        packet_unref(&p);
    } else if (held == NULL && rng_below(&rng, 10) == 0) {
        held = p;
        return;
    } else {
        frame_buffer_push(buffer, p);
        packet_unref(&p);
    }
    if (held != NULL)
        frame_buffer_push(buffer, held);
    packet_unref(&held);
}

static void send_picture(unsigned t, uint64_t now_us)
{
    struct video_encoder_input in = {.pts_us = now_us};
    struct video_encoder_output out;
    uint8_t payload[PACKETIZER_PAYLOAD_BYTES];
    size_t len;
    bool is_last;

    draw_moving(&source->view, (int)t);
    in.picture = source->view;
    in.is_keyframe_wanted = t > 0 && frame_buffer_needs_keyframe(buffer);
    wanted += in.is_keyframe_wanted;
    assert_int_equal(video_encoder_encode(encoder, &in, &out), 0);
    if (out.len == 0)
        return;
    assert_int_equal(
        packetizer_begin(&packetizer, &(struct outgoing_frame){.data = out.data,
                                                               .len = out.len,
                                                               .is_keyframe = out.is_keyframe}),
        0);
    while ((len = packetizer_next(&packetizer, payload, sizeof(payload), &is_last)) > 0)
        travel(make_packet(packets, &(struct made_packet){.seq = seq++,
                                                          .ts = t,
                                                          .ssrc = 1,
                                                          .marker = is_last,
                                                          .payload = payload,
                                                          .len = len,
                                                          .arrival_us = now_us}));
}

static void what_is_shown_is_what_was_seen(void **state)
{
    static const enum codec_id codecs[] = {CODEC_VP8, CODEC_H264};
    const char *text = getenv("TEST_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 0) : 20240611;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed);
    for (size_t c = 0; c < ARRAY_LEN(codecs); c++) {
        open_path(codecs[c]);
        for (unsigned t = 0; t < PICTURES; t++) {
            send_picture(t, 1000000 + t * FRAME_US);
            receive(1000000 + t * FRAME_US);
        }
        print_message("%s: %u of %u shown, %u keyframes\n", codec_name(codecs[c]), shown, PICTURES,
                      wanted);
        assert_true(shown > PICTURES / 3);
        assert_true(shown == PICTURES || wanted > 0);
        assert_true(wanted < 20); /* one for each loss */
        close_path();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {LEAK_FREE(what_is_shown_is_what_was_seen)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
