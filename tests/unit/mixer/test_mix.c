/* SPDX-License-Identifier: Apache-2.0 */
/* A whole mix: who is seen and heard where, what it costs when, what settings do. What members do wrong: test_mix_hostile.c. */
#include "tests/unit/mixer/mix_stage.h"

/* ---- tests ---- */

static void four_are_seen_and_heard_and_three_when_one_leaves(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    for (unsigned i = 0; i < PEOPLE; i++)
        enter(i);
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
    assert_at(0, 0.75, 0.3, 1);
    assert_at(0, 0.25, 0.8, 2);
    assert_at(0, 0.75, 0.8, 3);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_true(heard(&shared, i) > 2000);
    leave(1);
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
    assert_at(0, 0.75, 0.3, 2);
    assert_at(0, 0.5, 0.8, 3);
    assert_true(heard(&shared, 1) < 100);
    assert_true(heard(&shared, 0) > 2000);
    assert_int_equal(stats().members, 3);
    assert_int_equal(stats().decode_errors, 0);
}

static void who_listens_hears_all_but_himself(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    enter(2);
    assert_int_equal(mix_set_personal(mix, 1, PERSONAL_TRACK), 0);
    assert_int_equal(mix_set_personal(mix, 9, PERSONAL_TRACK + 1), E_NOT_FOUND);
    pass(2 * US_PER_S);
    assert_true(heard(&personal, 0) < 100);
    assert_true(heard(&personal, 1) > 2000 && heard(&personal, 2) > 2000);
    assert_true(heard(&shared, 0) > 2000);
    uint64_t before = personal.packets;
    assert_int_equal(mix_set_personal(mix, 1, 0), 0);
    pass(US_PER_S);
    assert_int_equal(personal.packets, before);
}

static void a_screen_takes_the_stage(void **state)
{
    struct mix_settings s = small();
    struct mix_input_config config = {.id = 8, .member = 4, .kind = MEDIA_VIDEO, .is_screen = true};

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    assert_int_equal(mix_set_member(mix, 4, "p3", "p3"), 0);
    assert_int_equal(mix_add_input(&person[3].video, mix, &config), 0);
    pass(3 * US_PER_S);
    assert_at(0, 0.35, 0.5, 3);
    assert_true(person[3].width > 2 * person[0].width);
    mix_set_muted(person[3].video, true); /* paused: back to the grid, without its tile */
    person[3].is_watched = false;
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.3, 0);
}

static void the_one_who_speaks_is_large(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.layout = LAYOUT_SPEAKER;
    open_mix(&s);
    for (unsigned i = 0; i < 3; i++) {
        enter(i);
        person[i].voice.amplitude = i == 2 ? 6000 : 0;
    }
    pass(3 * US_PER_S);
    assert_int_equal(stats().active_speaker, 3);
    assert_at(0, 0.5, 0.35, 2);
    person[2].voice.amplitude = 0;
    person[0].voice.amplitude = 6000;
    pass(4 * US_PER_S);
    assert_int_equal(stats().active_speaker, 1);
    assert_at(0, 0.5, 0.35, 0);
    person[0].voice.amplitude = 0;
    pass(2 * US_PER_S); /* nobody speaks: it stays */
    assert_int_equal(stats().active_speaker, 1);
}

static void a_frozen_picture_stays_and_then_goes(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(2 * US_PER_S);
    person[0].is_frozen = true;
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    pass(4 * US_PER_S);
    assert_false(is_near(&shown[0]->view, 0.05, 0.4, colours[0]));
    person[0].is_frozen = false;
    pass(2 * US_PER_S);
    assert_at(0, 0.05, 0.4, 0);
}

static void three_encodings_show_the_same(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.encodings = 3;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(3 * US_PER_S);
    for (unsigned i = 0; i < 3; i++) {
        int width, height;
        mix_settings_size(&s, i, &width, &height);
        assert_int_equal(shown[i]->view.width, width);
        assert_int_equal(shown[i]->view.height, height);
        assert_at(i, 0.25, 0.4, 0);
        assert_at(i, 0.75, 0.4, 1);
    }
    assert_true(bytes_of[0] > bytes_of[2]);
}

/* What cannot be sent for want of memory is missed by its number, and asked for. */
static void frames_for_which_there_is_no_packet_are_missed(void **state)
{
    static struct packet *taken[8192];
    struct mix_settings s = small();
    size_t n = 0;

    (void)state;
    open_mix(&s);
    enter(0);
    pass(US_PER_S);
    assert_at(0, 0.5, 0.5, 0);
    mix_set_watched(mix, AUDIO_TRACK, false);
    person[0].is_frozen = person[0].is_silent = true;
    pass(200000); /* whoever holds packets lets go of them */
    while (n < ARRAY_LEN(taken) && (taken[n] = packet_new(packets)) != NULL)
        n++;
    mix_want_keyframe(mix, VIDEO_TRACK, 0);
    pass(200000);
    assert_true(stats().no_packet > 0 && stats().unsendable == 0);
    while (n > 0)
        packet_unref(&taken[--n]);
    uint64_t frames_before = stats().encoded;
    picture_fill(&person[0].picture->view, colours[3]);
    person[0].is_frozen = false;
    pass(US_PER_S);
    assert_true(stats().encoded > frames_before);
    assert_at(0, 0.5, 0.5, 3);
}

/* A thread that stood still leaves sound out, and says so. */
static void sound_that_is_too_late_is_left_out_and_counted(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    pass(US_PER_S);
    assert_int_equal(stats().late_sound, 0);
    now_us += US_PER_S;
    uint64_t before = shared.packets;
    pass(100000);
    assert_int_equal(stats().late_sound, 50);
    assert_true(shared.packets - before <= 6);
}

static void h264_comes_out_when_wanted(void **state)
{
    struct mix_settings s = small();

    (void)state;
    s.codec = CODEC_H264;
    open_mix(&s);
    enter(0);
    enter(1);
    pass(3 * US_PER_S);
    assert_at(0, 0.25, 0.4, 0);
    assert_at(0, 0.75, 0.4, 1);
}

static void what_nobody_watches_costs_nothing(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    mix_set_watched(mix, VIDEO_TRACK, false);
    enter(0);
    pass(US_PER_S);
    assert_int_equal(stats().pictures, 0);
    assert_false(person[0].is_watched);
    mix_set_watched(mix, VIDEO_TRACK, true);
    pass(2 * US_PER_S);
    assert_at(0, 0.5, 0.5, 0);
    mix_set_watched(mix, VIDEO_TRACK, false);
    assert_false(person[0].is_watched);
}

static void too_slow_means_less_and_calm_means_more_again(void **state)
{
    struct mix_settings s = small();
    uint32_t fps = s.fps;

    (void)state;
    open_mix(&s);
    enter(0);
    for (unsigned i = 0; i < 100; i++) {
        pass(100000);
        mix_note_load(mix, 200000, now_us);
    }
    assert_true(stats().level > 2 && level_changes > 2);
    assert_true(stats().fps < fps && stats().width < WIDTH);
    unsigned lowest = stats().level;
    for (unsigned i = 0; i < 150 && stats().level > 0; i++) {
        now_us += US_PER_S;
        next_tick_us = now_us;
        pass(STEP_US);
        mix_note_load(mix, 1000, now_us);
    }
    assert_true(stats().level < lowest);
    assert_int_equal(stats().level, 0);
    assert_int_equal(stats().width, WIDTH);
}

/* Calm, then too much again as soon as it makes more: it tries ever more rarely. */
static void steps_up_that_fail_become_rare(void **state)
{
    struct mix_settings s = small();
    unsigned level, ups = 0;
    uint64_t began_us, last_us = 0, gap_us = 0;

    (void)state;
    open_mix(&s);
    began_us = now_us;
    while (now_us - began_us < 400 * US_PER_S) {
        level = stats().level;
        now_us += 500000;
        next_tick_us = now_us;
        for (unsigned i = 0; i < 12; i++)
            mix_note_load(mix, level < 2 ? 100000 : 1000, now_us + i);
        if (stats().level < level) {
            ups++;
            gap_us = last_us == 0 ? 0 : now_us - last_us;
            last_us = now_us;
        }
    }
    assert_true(ups >= 3 && ups <= 8);
    assert_true(gap_us > 60 * US_PER_S);
}

static void other_settings_apply_at_once(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    pass(US_PER_S);
    s.width = 192;
    s.height = 192;
    s.layout = LAYOUT_CUSTOM;
    s.customs = 1;
    s.custom[0] = (struct layout_custom){.x = 96, .y = 96, .width = 96, .height = 96};
    assert_int_equal(mix_update(mix, &s), 0);
    pass(2 * US_PER_S);
    assert_int_equal(shown[0]->view.width, 192);
    assert_at(0, 0.75, 0.75, 0);
    assert_false(is_near(&shown[0]->view, 0.2, 0.2, colours[0]));
    uint64_t keyframes = stats().keyframes_asked, decoded = stats().pictures_in;
    s.custom[0] = (struct layout_custom){.x = 0, .y = 0, .width = 96, .height = 96};
    s.bitrate_bps = 300000;
    assert_int_equal(mix_update(mix, &s), 0);
    pass(2 * US_PER_S);
    assert_at(0, 0.25, 0.25, 0);
    assert_int_equal(stats().keyframes_asked, keyframes); /* nothing began anew */
    assert_true(stats().pictures_in > decoded + 30);
    s.fps = 0;
    assert_int_equal(mix_update(mix, &s), E_INVALID);
    pass(US_PER_S);
    assert_at(0, 0.25, 0.25, 0);
}

/* Without a seam: numbers and times go on (mix_stage.h looks), and each tick has its packet. */
static void how_many_are_heard_changes_in_the_running_sound(void **state)
{
    static const uint32_t rows[] = {1, 3, 2, MAX_MIX_LOUD};
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    for (unsigned i = 0; i < 3; i++) {
        enter(i);
        person[i].voice.amplitude = 2000 << i;
    }
    pass(2 * US_PER_S);
    assert_int_equal(stats().heard, 3);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t before = shared.packets, keyframes = stats().keyframes_asked;
        s.max_loud = rows[i];
        assert_int_equal(mix_update(mix, &s), 0);
        pass(US_PER_S);
        assert_int_equal(stats().heard, MIN(rows[i], 3u));
        assert_int_equal(shared.packets - before, US_PER_S / MIX_AUDIO_TICK_US);
        assert_true(heard(&shared, 2) > 4000); /* the loudest stays */
        assert_true(rows[i] < 3 ? heard(&shared, 0) < 100 : heard(&shared, 0) > 1000);
        assert_int_equal(stats().keyframes_asked, keyframes);
    }
    s.max_loud = MAX_MIX_LOUD + 1;
    assert_int_equal(mix_update(mix, &s), E_INVALID);
    pass(US_PER_S);
    assert_int_equal(stats().heard, 3);
}

/* A change of the canvas shows nobody's placeholder while the next pictures are awaited. */
static void pictures_stay_over_every_change_of_the_canvas(void **state)
{
    struct mix_settings s = small();
    struct mix_input_config screen = {.id = 8, .member = 4, .kind = MEDIA_VIDEO, .is_screen = true};

    (void)state;
    open_mix(&s);
    enter(0);
    enter(1);
    assert_int_equal(mix_set_member(mix, 4, "p3", "p3"), 0);
    assert_int_equal(mix_add_input(&person[3].video, mix, &screen), 0);
    pass(2 * US_PER_S);
    for (unsigned i = 0; i < PEOPLE; i++)
        person[i].is_frozen = true;
    pass(500000); /* what waits for its sound */
    uint64_t keyframes = stats().keyframes_asked, decoded = stats().pictures_in;
    for (unsigned change = 0; change < 5; change++) {
        s.width = change == 0 ? WIDTH * 3 / 2 : s.width;
        s.height = change == 0 ? HEIGHT * 3 / 2 : s.height;
        s.fps = change == 1 ? 50 : s.fps;
        s.background_rgb = change == 2 ? 0x445566 : s.background_rgb;
        s.has_labels = change >= 3;
        s.layout =
            change == 4 ? LAYOUT_SPEAKER : s.layout; /* over which the screen takes the stage */
        assert_int_equal(mix_update(mix, &s), 0);
        pass(100000);
        assert_int_equal(shown[0]->view.width, s.width);
        assert_at(0, 0.35, 0.4, 3);
        assert_at(0, 0.9, 0.3, 0);
        assert_at(0, 0.9, 0.5, 1);
    }
    assert_int_equal(stats().pictures_in, decoded);
    assert_int_equal(stats().keyframes_asked, keyframes);
}

/* How long it takes until another colour is seen. */
static uint64_t time_until_seen(unsigned colour)
{
    uint64_t began_us = now_us;

    picture_fill(&person[0].picture->view, colours[colour]);
    person[0].next_picture_us = 0;
    while (shown[0] == NULL || !is_near(&shown[0]->view, 0.5, 0.5, colours[colour])) {
        assert_true(now_us - began_us < US_PER_S);
        pass(STEP_US);
    }
    return now_us - began_us;
}

/* Its sound comes @late_us after it was captured, its pictures at once. */
static void report(uint64_t late_us)
{
    int64_t ntp_us = (int64_t)(now_us + 77 * US_PER_S);

    mix_push_report(person[0].video, ntp_us, (uint32_t)(now_us * 9 / 100), now_us);
    mix_push_report(person[0].audio, ntp_us - (int64_t)late_us, person[0].voice.stream.ts, now_us);
}

static void a_picture_waits_for_its_sound(void **state)
{
    struct mix_settings s = small();

    (void)state;
    open_mix(&s);
    enter(0);
    pass(2 * US_PER_S);
    uint64_t at_once_us = time_until_seen(1);
    for (unsigned i = 0; i < 40; i++) {
        report(150000);
        pass(50000);
    }
    uint64_t held_us = time_until_seen(2);
    print_message("%llu ms, with its sound %llu ms\n", (unsigned long long)at_once_us / 1000,
                  (unsigned long long)held_us / 1000);
    assert_true(at_once_us <= 100000);
    assert_true(held_us >= 130000 && held_us <= 350000);
}

/* With DTX a silent sender sends a packet in 400 ms, between which the media time of the sound stands still. */
static void a_picture_does_not_wait_for_sound_that_pauses(void **state)
{
    struct mix_settings s = small();
    uint8_t payload[4];
    size_t len = coder_opus_write_dtx(payload, sizeof(payload));

    (void)state;
    open_mix(&s);
    enter(0);
    pass(2 * US_PER_S);
    person[0].is_silent = true;
    for (unsigned i = 0; i < 10; i++) {
        struct audio_stream *stream = &person[0].voice.stream;
        struct packet *p = audio_stream_next(stream, payload, len, 400 * 48, now_us);
        mix_push(person[0].audio, p, now_us);
        packet_unref(&p);
        stream->ts -= 400 * 48; /* captured now */
        report(0);
        stream->ts += 400 * 48;
        pass(400000);
    }
    uint64_t held_us = time_until_seen(2);
    print_message("%llu ms\n", (unsigned long long)held_us / 1000);
    assert_true(held_us <= 130000);
}

static void sound_and_picture_have_one_clock(void **state)
{
    struct mix_settings s = small();
    static const struct {
        uint64_t track;
        uint32_t hz;
    } rows[] = {{AUDIO_TRACK, 48000}, {VIDEO_TRACK, 90000}};

    (void)state;
    open_mix(&s);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mix_clock before, after;
        assert_int_equal(mix_read_clock(mix, rows[i].track, now_us, &before), 0);
        assert_int_equal(mix_read_clock(mix, rows[i].track, now_us + US_PER_S, &after), 0);
        assert_int_equal(after.ts - before.ts, rows[i].hz);
        assert_int_equal(mix_read_clock(mix, 5, now_us, &before), E_NOT_FOUND);
    }
}

static void settings_are_checked(void **state)
{
    struct mix_settings rows[] = {small(), small(), small(), small(), small(), small(),
                                  small(), small(), small(), small(), small()};

    (void)state;
    rows[0].width = 321;
    rows[1].width = 1922;
    rows[2].height = 0;
    rows[3].fps = 61;
    rows[4].bitrate_bps = 1;
    rows[5].codec = CODEC_AV1;
    rows[6].encodings = 4;
    rows[7].max_loud = 0;
    rows[8].layout = LAYOUT_CUSTOM;
    rows[9].customs = MAX_LAYOUT_TILES + 1;
    rows[10].layout = LAYOUT_CUSTOM;
    rows[10].customs = 1; /* a rectangle of no size */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct strbuf why;
        strbuf_init(&why, 256);
        if (mix_settings_check(&rows[i], &why) == 0 || why.len == 0)
            fail_msg("row %zu", i);
        strbuf_fini(&why);
    }
}

int main(void)
{
#define WITH_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_STAGE(four_are_seen_and_heard_and_three_when_one_leaves),
        WITH_STAGE(who_listens_hears_all_but_himself),
        WITH_STAGE(a_screen_takes_the_stage),
        WITH_STAGE(the_one_who_speaks_is_large),
        WITH_STAGE(a_frozen_picture_stays_and_then_goes),
        WITH_STAGE(three_encodings_show_the_same),
        WITH_STAGE(frames_for_which_there_is_no_packet_are_missed),
        WITH_STAGE(sound_that_is_too_late_is_left_out_and_counted),
        WITH_STAGE(h264_comes_out_when_wanted),
        WITH_STAGE(what_nobody_watches_costs_nothing),
        WITH_STAGE(too_slow_means_less_and_calm_means_more_again),
        WITH_STAGE(steps_up_that_fail_become_rare),
        WITH_STAGE(other_settings_apply_at_once),
        WITH_STAGE(how_many_are_heard_changes_in_the_running_sound),
        WITH_STAGE(pictures_stay_over_every_change_of_the_canvas),
        WITH_STAGE(a_picture_waits_for_its_sound),
        WITH_STAGE(a_picture_does_not_wait_for_sound_that_pauses),
        WITH_STAGE(sound_and_picture_have_one_clock),
        cmocka_unit_test(settings_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
