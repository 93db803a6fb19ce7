/* SPDX-License-Identifier: Apache-2.0 */
/* What a member may send, and how often it may come and go, while the others of its mix are seen and heard. (Clocks: sim/test_mix_sync.c.) */
#include "tests/unit/mixer/mix_stage.h"

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

/* A keyframe of VP8 that says it is 16383x16383, and one that ends in the middle. */
static void bad_frames_are_a_placeholder_and_stop_nobody(void **state)
{
    struct mix_settings s = small();
    const uint8_t huge[] = {0x10, 0x50, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0};

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    person[1].is_frozen = true;
    for (unsigned i = 0; i < 200; i++) {
        struct packet *p = make_packet(
            packets, &(struct made_packet){.seq = (uint16_t)i,
                                           .ts = i * 3000,
                                           .ssrc = 66,
                                           .marker = true,
                                           .payload = huge,
                                           .len = i % 2 == 0 ? sizeof(huge) : sizeof(huge) - 8,
                                           .arrival_us = now_us});
        p->codec = CODEC_VP8;
        (void)!payload_inspect(p);
        mix_push(person[1].video, p, now_us);
        packet_unref(&p);
        pass(STEP_US);
    }
    assert_true(stats().decode_errors > 0);
    assert_at(0, 0.25, 0.4, 0);
    assert_false(is_near(&shown[0]->view, 0.75, 0.4, colours[1]));
    assert_true(heard(&shared, 1) > 2000); /* its sound is fine */
    person[1].is_frozen = false;
    person[1].wants_keyframe = true;
    pass(3 * US_PER_S);
    assert_at(0, 0.75, 0.4, 1);
}

/* Another encoder, as when a camera is turned or the bitrate falls. */
static void set_size(struct person *p, int width, int height, struct picture_colour colour)
{
    const struct video_encoder_config config = {.codec = CODEC_VP8,
                                                .width = width,
                                                .height = height,
                                                .bitrate_bps = 200000,
                                                .framerate = 25};

    video_encoder_free(&p->encoder);
    picture_unref(&p->picture);
    assert_int_equal(video_encoder_new(&p->encoder, &config), 0);
    p->picture = picture_new(pictures, width, height);
    picture_fill(&p->picture->view, colour);
}

static void sizes_change_in_mid_stream(void **state)
{
    static const struct {
        int width, height;
    } rows[] = {{WIDTH, HEIGHT}, {64, 144}, {16, 16}, {640, 480}, {WIDTH / 2, HEIGHT / 2}};
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned colour = 2 + i % 2;
        /* send_picture() changes samples of the left half of a picture as wide as this; narrower ones stay as they are */
        person[0].is_still = rows[i].width < WIDTH / 2;
        set_size(&person[0], rows[i].width, rows[i].height, colours[colour]);
        pass(US_PER_S);
        assert_at(0, 0.25, 0.5, colour);
        assert_at(0, 0.75, 0.4, 1);
    }
    assert_int_equal(stats().decode_errors, 0);
}

static void frame_rates_from_one_to_a_hundred_and_twenty(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    for (unsigned i = 0; i < 3; i++)
        enter(i);
    person[0].interval_us = US_PER_S;
    person[1].interval_us = US_PER_S / 120;
    pass(4 * US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    assert_at(0, 0.75, 0.4, 1);
    assert_at(0, 0.5, 0.8, 2);
    assert_in_range(stats().pictures, 95, 105); /* its own rate stays */
    assert_int_equal(stats().decode_errors, 0);
}

static void sources_that_come_and_go_leave_nothing(void **state)
{
    struct mix_settings s = small();
    int64_t blocks = 0;

    (void)state;
    open_mix(&s);
    enter(0);
    pass(US_PER_S);
    for (unsigned i = 0; i < 60; i++) { /* twenty times a second */
        enter(1 + i % 3);
        person[1 + i % 3].wants_keyframe = true;
        pass(40000);
        leave(1 + i % 3);
        pass(10000);
        if (i == 30)
            blocks = mem_live_blocks();
    }
    assert_true(mem_live_blocks() <= blocks + 2); /* packets and pictures under way */
    pass(2 * US_PER_S);
    assert_int_equal(stats().members, 1);
    assert_at(0, 0.5, 0.5, 0);
    assert_true(heard(&shared, 0) > 2000 && heard(&shared, 1) < 100);
}

/* Others take all the memory for pictures that there is: nobody's picture goes, nothing stops, and it is told. */
static void without_room_for_pictures_nothing_stops(void **state)
{
    static struct picture *taken[16];
    struct mix_settings s = small();
    size_t n = 0;

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(2 * US_PER_S);
    assert_in_range(stats().picture_bytes, WIDTH * HEIGHT * 3 / 2, 64u * 1024 * 1024);
    assert_int_equal(stats().pictures_refused, 0);
    while (n < ARRAY_LEN(taken) && (taken[n] = picture_new(pictures, 4096, 2304)) != NULL)
        n++;
    assert_true(n < ARRAY_LEN(taken));
    s.width = 1920;
    s.height = 1080;
    uint64_t refused = stats().pictures_refused;
    while (n < ARRAY_LEN(taken) && (taken[n] = picture_new(pictures, 1920, 1080)) != NULL)
        n++;
    assert_int_equal(mix_update(mix, &s), E_NO_MEMORY);
    assert_true(stats().pictures_refused > refused);
    pass(US_PER_S);
    assert_int_equal(shown[0]->view.width, WIDTH);
    assert_at(0, 0.25, 0.4, 0);
    assert_at(0, 0.75, 0.4, 1);
    assert_true(heard(&shared, 0) > 2000 && heard(&shared, 1) > 2000);
    assert_int_equal(stats().decode_errors, 0);
    while (n > 0)
        picture_unref(&taken[--n]);
    assert_int_equal(mix_update(mix, &s), 0);
    pass(US_PER_S);
    assert_int_equal(shown[0]->view.width, 1920);
    assert_at(0, 0.25, 0.4, 0);
}

int main(void)
{
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STAGE(garbage_costs_nobody_else_anything),
        WITH_STAGE(bad_frames_are_a_placeholder_and_stop_nobody),
        WITH_STAGE(sizes_change_in_mid_stream),
        WITH_STAGE(frame_rates_from_one_to_a_hundred_and_twenty),
        WITH_STAGE(sources_that_come_and_go_leave_nothing),
        WITH_STAGE(without_room_for_pictures_nothing_stops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
