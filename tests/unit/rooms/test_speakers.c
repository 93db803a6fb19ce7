/* SPDX-License-Identifier: Apache-2.0 */
/* test_speakers.c - levels of workers become speakers that are told, and what moving slots carry. */
#include "tests/unit/rooms/world.h"

#include "core/rng.h"
#include "rooms/moving.h"
#include "rooms/sfu/levels.h"
#include "rooms/speakers.h"
#include "tests/unit/core/seed.h"

#define LOUD 25
#define MAX_USERS 40
#define CROWD 500

static struct world w;
static struct user user[MAX_USERS];

/* ---- who says what ---- */

/* A tenth of a second of a microphone, as its worker tells it. */
static void hear(const struct user *u, uint8_t level)
{
    const struct publication *pub = pub_of(u, 0);
    struct track_levels t = {.track_id = pub->handle, .first_us = w.now_us, .count = 5};

    for (unsigned i = 0; i < t.count; i++)
        t.frame[i] = (struct level_frame){.after_ms = (uint16_t)(20 * i), .level = level};
    registry_host_handlers()->on_levels(u->participant->host->host, &t, 1, w.registry);
}

static void speak(const struct user *u, unsigned ms)
{
    w.now_us = MAX(w.now_us, worker_now_us(w.control));
    for (; ms >= 100; ms -= 100) {
        hear(u, LOUD);
        world_pass(&w, 100);
    }
    world_turn(&w);
}

static void forget_all(void)
{
    for (unsigned i = 0; i < MAX_USERS; i++)
        user_forget(&user[i]);
}

/* So many who publish sound and picture, named after the alphabet; each takes its time to be heard of. */
static void begin_with(unsigned n, const char *offer, size_t hosts)
{
    world_begin_on(&w, hosts);
    for (unsigned i = 0; i < n; i++) {
        const char identity[2] = {(char)('a' + i), 0};
        const struct participant_params params = {.identity = identity, .permissions = everything};
        assert_int_equal(user_join_as(&user[i], &w, w.room, &params), 0);
        user_offer(&user[i], offer);
    }
    world_turn(&w);
    forget_all();
}

static const char *want(struct user *u, enum media_kind kind, unsigned number)
{
    const char *mid = NULL;

    assert_int_equal(participant_subscribe_moving(u->participant, kind, number, &mid), 0);
    return mid;
}

static void want_voices(struct user *u, unsigned n)
{
    for (unsigned i = 1; i <= n; i++)
        assert_non_null(want(u, MEDIA_AUDIO, i));
}

/* ---- speakers ---- */

static void speakers_are_told_to_everyone_when_they_change(void **state)
{
    (void)state;
    begin_with(3, "as", 1);
    speak(&user[0], 2000);
    check_said(&user[2], "speakers a: a; ");
    check_said(&user[0], "speakers a: a; ");
    speak(&user[0], 5000);
    check_said(&user[2], "");
    speak(&user[1], 3000);
    check_said(&user[2], "speakers b: b a; ");
    struct room_speakers now = room_speakers(w.room);
    assert_string_equal(now.dominant->identity, "b");
    assert_int_equal(now.recent_count, 2);
    world_end(&w);
}

static void one_who_leaves_is_no_speaker_any_more(void **state)
{
    (void)state;
    begin_with(3, "as", 1);
    speak(&user[0], 2000);
    speak(&user[1], 3000);
    forget_all();
    user_leave(&user[0]); /* not dominant, but remembered */
    world_turn(&w);
    check_said(&user[2], "left a left; speakers b: b; ");
    user_leave(&user[1]);
    world_turn(&w);
    check_said(&user[2], "left b left; speakers nobody:; ");
    assert_null(room_speakers(w.room).dominant);
    world_end(&w);
}

static void hidden_ones_and_screens_are_not_heard_of(void **state)
{
    struct permissions hidden = everything;
    const struct track_label label = {.mid = "0", .source = TRACK_SOURCE_SCREEN_AUDIO};

    (void)state;
    hidden.hidden = true;
    world_begin(&w);
    user_join_with(&user[0], &w, "spy", hidden);
    user_join(&user[1], &w, "ann");
    user[1].label = &label;
    user[1].label_count = 1;
    user_offer(&user[0], "as");
    user_offer(&user[1], "as");
    world_turn(&w);
    forget_all();
    speak(&user[0], 3000);
    speak(&user[1], 3000);
    check_said(&user[1], "");
    world_end(&w);
}

static void levels_of_what_is_gone_are_harmless(void **state)
{
    struct track_levels t = {.track_id = 99, .count = 8};

    (void)state;
    begin_with(1, "as vs", 1);
    t.first_us = w.now_us;
    registry_host_handlers()->on_levels(&fake_host[0], &t, 1, w.registry);
    t.track_id = pub_of(&user[0], 1)->handle; /* a camera */
    registry_host_handlers()->on_levels(&fake_host[0], &t, 1, w.registry);
    check_said(&user[0], "");
    world_end(&w);
}

/* ---- voices ---- */

static void voices_of_a_small_room_flow_before_a_word_is_said(void **state)
{
    (void)state;
    begin_with(4, "as ar ar ar", 1);
    want_voices(&user[0], 3);
    check_slots(&user[0], " 1(speaker:1)= 2(speaker:2)=b:microphone 3(speaker:3)=c:microphone");
    want_voices(&user[3], 3);
    check_slots(&user[3], " 1(speaker:1)=a:microphone 2(speaker:2)=b:microphone "
                          "3(speaker:3)=c:microphone");
    assert_int_equal(flowing(&user[3], "2"), pub_of(&user[1], 0)->handle);
    world_end(&w);
}

static void a_new_voice_takes_the_place_of_a_silent_one_at_once(void **state)
{
    (void)state;
    begin_with(5, "as ar ar ar", 1);
    want_voices(&user[4], 3);
    check_slots(&user[4], " 1(speaker:1)=a:microphone 2(speaker:2)=b:microphone "
                          "3(speaker:3)=c:microphone");
    world_turn(&w);
    forget_all();
    hear(&user[3], LOUD);
    world_turn(&w); /* the review, and then the word about it */
    world_turn(&w);
    check_said(&user[4], "slots 1(speaker:1)=d:microphone; ");
    assert_int_equal(flowing(&user[4], "1"), pub_of(&user[3], 0)->handle);
    world_end(&w);
}

static void places_keep_their_numbers(void **state)
{
    (void)state;
    begin_with(5, "as ar ar ar", 1);
    want_voices(&user[4], 3);
    world_turn(&w);
    forget_all();
    for (unsigned i = 0; i < 20; i++)
        speak(&user[i % 3], 1000);
    assert_null(strstr(user[4].said, "slots"));
    world_end(&w);
}

/* Of four who speak at once, with two heard, each in a place hears the spare one there, and nobody himself. */
static void one_never_hears_oneself(void **state)
{
    (void)state;
    begin_with(5, "as ar ar", 1);
    for (unsigned i = 0; i < 5; i++)
        want_voices(&user[i], 2);
    for (unsigned ms = 0; ms < 3000; ms += 100) {
        for (unsigned i = 0; i < 4; i++)
            hear(&user[i], LOUD);
        world_pass(&w, 100);
    }
    world_turn(&w);
    check_slots(&user[4], " 1(speaker:1)=a:microphone 2(speaker:2)=b:microphone");
    check_slots(&user[3], " 1(speaker:1)=a:microphone 2(speaker:2)=b:microphone");
    check_slots(&user[0], " 1(speaker:1)=c:microphone 2(speaker:2)=b:microphone");
    check_slots(&user[1], " 1(speaker:1)=a:microphone 2(speaker:2)=c:microphone");
    user_leave(&user[2]);
    world_turn(&w);
    check_slots(&user[0], " 1(speaker:1)= 2(speaker:2)=b:microphone");
    world_end(&w);
}

static void each_hears_as_many_as_it_asked_for(void **state)
{
    (void)state;
    begin_with(4, "as ar ar", 1);
    want_voices(&user[2], 1);
    want_voices(&user[3], 2);
    speak(&user[0], 2000);
    speak(&user[1], 2000);
    check_slots(&user[2], " 1(speaker:1)=b:microphone 2=");
    check_slots(&user[3], " 1(speaker:1)=a:microphone 2(speaker:2)=b:microphone");
    assert_int_equal(participant_unsubscribe_moving(user[3].participant, MEDIA_AUDIO, 2), 0);
    assert_int_equal(participant_unsubscribe_moving(user[3].participant, MEDIA_AUDIO, 2),
                     E_NOT_FOUND);
    check_slots(&user[3], " 1(speaker:1)=b:microphone 2=");
    world_end(&w);
}

static void speaker_audio_replaces_a_slot_for_each_microphone(void **state)
{
    const struct track_label label[] = {{.mid = "0", .source = TRACK_SOURCE_MICROPHONE},
                                        {.mid = "1", .source = TRACK_SOURCE_SCREEN_AUDIO}};
    const struct participant_params params = {.identity = "listener",
                                              .permissions = everything,
                                              .auto_subscribe = true,
                                              .has_speaker_audio = true,
                                              .speaker_audio = 2};

    (void)state;
    begin_with(4, "as", 1);
    user[0].label = label;
    user[0].label_count = ARRAY_LEN(label);
    user_offer(&user[0], "as as");
    assert_int_equal(user_join_as(&user[5], &w, w.room, &params), 0);
    user_offer(&user[5], "ar");
    world_turn(&w);
    assert_non_null(strstr(user[5].said, "wanted audio 2 video 0; "));
    user_offer(&user[5], "ar ar ar ar");
    check_slots(&user[5], " 0(speaker:1)=a:microphone 1(speaker:2)=b:microphone "
                          "2=a:screenAudio 3=");
    world_end(&w);
}

static void without_speaker_audio_no_microphone_is_heard_when_none_is_wanted(void **state)
{
    const struct participant_params params = {.identity = "deaf",
                                              .permissions = everything,
                                              .auto_subscribe = true,
                                              .has_speaker_audio = true};

    (void)state;
    begin_with(2, "as vs", 1);
    assert_int_equal(user_join_as(&user[5], &w, w.room, &params), 0);
    user_offer(&user[5], "ar vr vr");
    check_slots(&user[5], " 0= 1=a:camera 2=b:camera");
    world_end(&w);
}

/* A place that changes hands costs one command a worker, however many listen; and nothing else is touched. */
static void a_crowd_of_listeners_is_one_command_a_worker_and_place(void **state)
{
    static struct user crowd[CROWD];
    char identity[16];

    (void)state;
    begin_with(5, "as", 1);
    for (unsigned i = 0; i < CROWD / 2;
         i++) { /* the fake worker remembers about a thousand objects */
        const struct participant_params params = {.identity = identity,
                                                  .permissions = everything,
                                                  .auto_subscribe = true,
                                                  .has_speaker_audio = true,
                                                  .speaker_audio = 3};
        (void)snprintf(identity, sizeof(identity), "listener%u", i);
        assert_int_equal(user_join_as(&crowd[i], &w, w.room, &params), 0);
        user_offer(&crowd[i], "ar ar ar");
        crowd[i].said[0] = 0;
    }
    world_turn(&w);
    fake_batches = 0;
    hear(&user[3], LOUD);
    world_turn(&w);
    assert_int_equal(fake_batches, (CROWD / 2 + SOURCE_CHANGES - 1) / SOURCE_CHANGES);
    fake_batches = 0;
    hear(&user[3], LOUD);
    world_turn(&w);
    assert_int_equal(fake_batches, 0);
    for (unsigned i = 0; i < CROWD / 2; i++)
        assert_int_equal(flowing(&crowd[i], "0"), pub_of(&user[3], 0)->handle);
    world_end(&w);
}

/* ---- cameras ---- */

static void the_camera_of_the_speaker_flows(void **state)
{
    (void)state;
    begin_with(4, "as vs vr", 1);
    assert_string_equal(want(&user[3], MEDIA_VIDEO, 1), "2");
    check_slots(&user[3], " 2(speaker:1)=a:camera"); /* nobody has spoken yet */
    speak(&user[1], 2000);
    check_slots(&user[3], " 2(speaker:1)=b:camera");
    assert_int_equal(flowing(&user[3], "2"), pub_of(&user[1], 1)->handle);
    speak(&user[3], 3000); /* oneself: the one before stays */
    check_slots(&user[3], " 2(speaker:1)=b:camera");
    speak(&user[2], 3000);
    check_slots(&user[3], " 2(speaker:1)=c:camera");
    world_end(&w);
}

static void who_spoke_before_keeps_a_slot(void **state)
{
    (void)state;
    begin_with(6, "as vs vr vr vr", 1);
    for (unsigned i = 1; i <= 3; i++)
        (void)want(&user[5], MEDIA_VIDEO, i);
    speak(&user[0], 2000);
    speak(&user[1], 3000);
    speak(&user[2], 3000);
    check_slots(&user[5], " 2(speaker:1)=c:camera 3(speaker:2)=a:camera 4(speaker:3)=b:camera");
    speak(&user[0], 3000); /* the first slot, and who was there takes the one that is free */
    check_slots(&user[5], " 2(speaker:1)=a:camera 3(speaker:2)=c:camera 4(speaker:3)=b:camera");
    speak(&user[3], 3000); /* the one who spoke longest ago goes */
    check_slots(&user[5], " 2(speaker:1)=d:camera 3(speaker:2)=c:camera 4(speaker:3)=a:camera");
    world_end(&w);
}

static void a_speaker_without_a_camera_leaves_the_one_before(void **state)
{
    (void)state;
    begin_with(4, "as vs vr", 1);
    (void)want(&user[3], MEDIA_VIDEO, 1);
    speak(&user[0], 2000);
    assert_int_equal(participant_mute(user[1].participant, pub_of(&user[1], 1)->id, true, false),
                     0);
    speak(&user[1], 3000);
    check_slots(&user[3], " 2(speaker:1)=a:camera");
    assert_int_equal(participant_mute(user[1].participant, pub_of(&user[1], 1)->id, false, false),
                     0);
    world_turn(&w);
    check_slots(&user[3], " 2(speaker:1)=b:camera");
    world_end(&w);
}

static void the_last_camera_stays_though_it_is_muted(void **state)
{
    (void)state;
    begin_with(2, "as vs vr", 1);
    (void)want(&user[1], MEDIA_VIDEO, 1);
    assert_int_equal(participant_mute(user[0].participant, pub_of(&user[0], 1)->id, true, false),
                     0);
    world_turn(&w);
    check_slots(&user[1], " 2(speaker:1)=a:camera");
    user_leave(&user[0]);
    world_turn(&w);
    check_slots(&user[1], " 2(speaker:1)=");
    world_end(&w);
}

static uint8_t priority(const struct user *u, const char *mid)
{
    return fake_find(slot_handle(u, mid))->wish.priority;
}

static void the_camera_of_the_speaker_has_priority(void **state)
{
    const struct participant_params params = {
        .identity = "eve", .permissions = everything, .auto_subscribe = true};

    (void)state;
    begin_with(2, "as vs", 1);
    assert_int_equal(user_join_as(&user[5], &w, w.room, &params), 0);
    user_offer(&user[5], "vr vr vr");
    assert_string_equal(want(&user[5], MEDIA_VIDEO, 1), "2");
    speak(&user[0], 2000);
    assert_int_equal(priority(&user[5], "0"), ALLOCATOR_PRIORITY_SPEAKER);
    assert_int_equal(priority(&user[5], "2"), ALLOCATOR_PRIORITY_SPEAKER);
    speak(&user[1], 3000);
    check_slots(&user[5], " 0=a:camera 1=b:camera 2(speaker:1)=b:camera");
    assert_int_equal(priority(&user[5], "0"), ALLOCATOR_PRIORITY_USUAL);
    assert_int_equal(priority(&user[5], "1"), ALLOCATOR_PRIORITY_SPEAKER);
    assert_int_equal(priority(&user[5], "2"), ALLOCATOR_PRIORITY_SPEAKER);
    world_end(&w);
}

static void a_speaker_who_leaves_makes_room_for_the_next(void **state)
{
    (void)state;
    begin_with(3, "as vs vr", 1);
    (void)want(&user[2], MEDIA_VIDEO, 1);
    speak(&user[1], 2000);
    forget_all();
    user_leave(&user[1]);
    world_turn(&w);
    world_turn(&w);
    check_said(&user[2], "left b left; speakers nobody:; slots 2(speaker:1)=a:camera; ");
    world_end(&w);
}

static void what_cannot_be_decoded_is_passed_over(void **state)
{
    (void)state;
    begin_with(3, "as vs vr", 1);
    (void)want(&user[2], MEDIA_VIDEO, 1);
    track_is_live(&user[0], 1, CODEC_H264);
    slot_is_blocked(&user[2], "2", CODEC_H264);
    check_slots(&user[2], " 2(speaker:1)=b:camera");
    speak(&user[0], 3000);
    check_slots(&user[2], " 2(speaker:1)=b:camera");
    user_offer(&user[2], "as vs hr"); /* it receives that now */
    check_slots(&user[2], " 2(speaker:1)=a:camera");
    world_end(&w);
}

/* ---- slots ---- */

static void a_moving_wish_waits_for_a_slot_like_any(void **state)
{
    (void)state;
    begin_with(2, "as vs", 1);
    assert_null(want(&user[1], MEDIA_VIDEO, 1));
    world_turn(&w);
    check_said(&user[1], "wanted audio 0 video 1; ");
    user_offer(&user[1], "as vs vr");
    check_slots(&user[1], " 2(speaker:1)=a:camera");
    assert_non_null(strstr(user[1].result.answer, "a=msid:speaker-video-1 "));
    assert_string_equal(want(&user[1], MEDIA_VIDEO, 1), "2"); /* the same again */
    user_offer(&user[1], "as vs vi");
    check_slots(&user[1], "");
    assert_null(want(&user[1], MEDIA_VIDEO, 1));
    assert_int_equal(participant_unsubscribe_moving(user[1].participant, MEDIA_VIDEO, 1), 0);
    user_offer(&user[1], "as vs vr");
    check_slots(&user[1], " 2=");
    world_end(&w);
}

static void who_may_not_subscribe_gets_no_moving_slot(void **state)
{
    struct permissions mute = everything;
    const char *mid = NULL;

    (void)state;
    mute.subscribe = false;
    world_begin(&w);
    user_join_with(&user[0], &w, "ann", mute);
    assert_int_equal(participant_subscribe_moving(user[0].participant, MEDIA_AUDIO, 1, &mid),
                     E_DENIED);
    world_end(&w);
}

/* ---- replicas ---- */

static size_t replicas_of(const struct publication *pub)
{
    size_t n = 0;

    for (size_t i = 0; i < fake_count; i++)
        n += fake_object[i].kind == FAKE_REPLICA && fake_object[i].other_id == pub->handle;
    return n;
}

static void a_source_of_another_worker_stays_there_a_while_after_it_is_left(void **state)
{
    struct user *far = NULL;

    (void)state;
    begin_with(20, "as vs vr", 2);
    for (unsigned i = 0; i < 20 && far == NULL; i++)
        if (user[i].participant->host != user[0].participant->host)
            far = &user[i];
    assert_non_null(far);
    (void)want(far, MEDIA_VIDEO, 1);
    assert_int_equal(replicas_of(pub_of(&user[0], 1)), 1);
    for (unsigned i = 0; i < 8; i++)
        hear(&user[1], LOUD);
    speak(&user[1], 1500);
    check_slots(far, " 2(speaker:1)=b:camera");
    assert_int_equal(replicas_of(pub_of(&user[1], 1)), 1);
    assert_int_equal(replicas_of(pub_of(&user[0], 1)), 1); /* shown until b shows a keyframe */
    world_pass(&w, 10000);
    assert_int_equal(replicas_of(pub_of(&user[0], 1)), 0);
    assert_int_equal(replicas_of(pub_of(&user[1], 1)), 1);
    user_leave(&user[1]);
    world_turn(&w);
    check_slots(far, " 2(speaker:1)=a:camera");
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    world_end(&w);
}

/* ---- any room ---- */

static void check_user(struct user *u)
{
    LIST_EACH(&u->participant->slots, struct slot, node, s) {
        const struct publication *pub = s->wish == NULL ? NULL : s->wish->publication;
        assert_true(pub == NULL || pub->participant != u->participant);
        assert_true((flowing(u, s->mid) != 0) == (pub != NULL));
        LIST_EACH(&u->participant->slots, struct slot, node, other)
            assert_true(other == s || pub == NULL || other->wish == NULL ||
                        other->wish->publication != pub);
    }
}

static void whatever_happens_slots_carry_others_and_nobody_twice(void **state)
{
    uint64_t seed = seed_of_test();
    struct rng rng;
    bool is_in[12];

    (void)state;
    seed_print(seed);
    rng_seed(&rng, seed);
    begin_with(12, "as vs ar ar ar vr vr", 2);
    memset(is_in, true, sizeof(is_in));
    for (unsigned i = 0; i < 3000; i++) {
        unsigned k = rng_below(&rng, 12), what = rng_below(&rng, 40);
        struct user *u = &user[k];
        enum media_kind kind = rng_below(&rng, 2) ? MEDIA_VIDEO : MEDIA_AUDIO;
        const char *mid;
        if (!is_in[k]) {
            const char identity[2] = {(char)('a' + k), 0};
            const struct participant_params params = {.identity = identity,
                                                      .permissions = everything};
            assert_int_equal(user_join_as(u, &w, w.room, &params), 0);
            user_offer(u, "as vs ar ar ar vr vr");
            is_in[k] = true;
        } else if (what == 0) {
            user_leave(u);
            is_in[k] = false;
        } else if (what < 6) {
            (void)!participant_subscribe_moving(u->participant, kind, 1 + rng_below(&rng, 4), &mid);
        } else if (what < 8) {
            (void)!participant_unsubscribe_moving(u->participant, kind, 1 + rng_below(&rng, 4));
        } else if (what < 10) {
            (void)!participant_mute(u->participant, pub_of(u, 1)->id, rng_below(&rng, 2), false);
        } else {
            hear(u, (uint8_t)rng_below(&rng, 100));
        }
        world_pass(&w, rng_below(&rng, 60));
        for (unsigned n = 0; n < 12; n++) {
            user_forget(&user[n]);
            if (is_in[n])
                check_user(&user[n]);
        }
    }
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speakers_are_told_to_everyone_when_they_change),
        cmocka_unit_test(one_who_leaves_is_no_speaker_any_more),
        cmocka_unit_test(hidden_ones_and_screens_are_not_heard_of),
        cmocka_unit_test(levels_of_what_is_gone_are_harmless),
        cmocka_unit_test(voices_of_a_small_room_flow_before_a_word_is_said),
        cmocka_unit_test(a_new_voice_takes_the_place_of_a_silent_one_at_once),
        cmocka_unit_test(places_keep_their_numbers),
        cmocka_unit_test(one_never_hears_oneself),
        cmocka_unit_test(each_hears_as_many_as_it_asked_for),
        cmocka_unit_test(speaker_audio_replaces_a_slot_for_each_microphone),
        cmocka_unit_test(without_speaker_audio_no_microphone_is_heard_when_none_is_wanted),
        cmocka_unit_test(a_crowd_of_listeners_is_one_command_a_worker_and_place),
        cmocka_unit_test(the_camera_of_the_speaker_flows),
        cmocka_unit_test(who_spoke_before_keeps_a_slot),
        cmocka_unit_test(a_speaker_without_a_camera_leaves_the_one_before),
        cmocka_unit_test(the_last_camera_stays_though_it_is_muted),
        cmocka_unit_test(the_camera_of_the_speaker_has_priority),
        cmocka_unit_test(a_speaker_who_leaves_makes_room_for_the_next),
        cmocka_unit_test(what_cannot_be_decoded_is_passed_over),
        cmocka_unit_test(a_moving_wish_waits_for_a_slot_like_any),
        cmocka_unit_test(who_may_not_subscribe_gets_no_moving_slot),
        cmocka_unit_test(a_source_of_another_worker_stays_there_a_while_after_it_is_left),
        cmocka_unit_test(whatever_happens_slots_carry_others_and_nobody_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
