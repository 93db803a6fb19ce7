/* SPDX-License-Identifier: Apache-2.0 */
/* test_layers.c - wishes for layers reach the worker, and what the worker says reaches clients. */
#include "tests/unit/rooms/world.h"

#include "rooms/layers.h"

/* ann receives on sections 0 (audio), 1 and 2 (video); bob publishes a camera and a screen. */
struct pair {
    struct world w;
    struct user ann, bob;
};

static const struct track_label labels[] = {{.mid = "0", .source = TRACK_SOURCE_CAMERA},
                                            {.mid = "1", .source = TRACK_SOURCE_SCREEN}};

static void pair_begin(struct pair *t)
{
    world_begin(&t->w);
    user_join(&t->ann, &t->w, "ann");
    user_join(&t->bob, &t->w, "bob");
    user_offer(&t->ann, "ar vr vr");
    t->bob.label = labels;
    t->bob.label_count = 2;
    user_offer(&t->bob, "vs vs");
    world_turn(&t->w);
    check_slots(&t->ann, " 0= 1=bob:camera 2=bob:screen");
    user_forget(&t->ann);
    user_forget(&t->bob);
}

static const struct fake_object *subscription(const struct user *u, const char *mid)
{
    return fake_find(slot_handle(u, mid));
}

static void becomes(struct pair *t, const char *mid, enum allocator_reason reason)
{
    const struct sfu_slot_state state = {.is_active = reason == ALLOCATOR_NONE, .reason = reason};

    registry_host_handlers()->on_subscription_state(&fake_host[0], slot_handle(&t->ann, mid),
                                                    &state, t->w.registry);
}

static void is_wanted(struct pair *t, uint64_t handle, unsigned wanted)
{
    registry_host_handlers()->on_track_demand(&fake_host[0], handle, wanted, t->w.registry);
}

/* ---- wishes ---- */

static void screens_come_first(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(subscription(&t.ann, "1")->wishes, 0); /* what is usual goes without saying */
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, ALLOCATOR_PRIORITY_SCREEN);
    t.bob.label = labels;
    t.bob.label_count = 1;
    user_offer(&t.bob, "vs vi"); /* no screen any more */
    world_turn(&t.w);
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, ALLOCATOR_PRIORITY_USUAL);
    assert_int_equal(subscription(&t.ann, "2")->wishes, 2);
    world_end(&t.w);
}

static void a_wish_is_remembered_for_the_slot(void **state)
{
    struct sfu_wish wish = SFU_WISH_ANY;
    struct pair t;

    (void)state;
    pair_begin(&t);
    wish.width = 640;
    wish.height = 360;
    assert_int_equal(participant_set_layers(t.ann.participant, "2", &wish, false), 0);
    assert_int_equal(subscription(&t.ann, "2")->wish.width, 640);
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, ALLOCATOR_PRIORITY_SCREEN);
    assert_int_equal(participant_set_layers(t.ann.participant, "2", &wish, false), 0);
    assert_int_equal(subscription(&t.ann, "2")->wishes, 2); /* nothing new */
    wish.priority = 0;
    assert_int_equal(participant_set_layers(t.ann.participant, "2", &wish, true), 0);
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, 0);
    user_offer(&t.bob, "vs vi");
    world_turn(&t.w);
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, 0);
    assert_int_equal(subscription(&t.ann, "2")->wish.height, 360);
    world_end(&t.w);
}

static void wishes_for_what_is_no_video_are_refused(void **state)
{
    const struct sfu_wish wish = SFU_WISH_ANY;
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(participant_set_layers(t.ann.participant, "7", &wish, false), E_NOT_FOUND);
    assert_int_equal(participant_set_layers(t.ann.participant, "0", &wish, false), E_UNSUPPORTED);
    world_end(&t.w);
}

static void the_speaker_goes_before_others_but_not_before_screens_and_wishes(void **state)
{
    struct sfu_wish wish = SFU_WISH_ANY;
    struct pair t;

    (void)state;
    pair_begin(&t);
    layers_set_speaker(pub_of(&t.bob, 0), true);
    layers_set_speaker(pub_of(&t.bob, 1), true);
    assert_int_equal(subscription(&t.ann, "1")->wish.priority, ALLOCATOR_PRIORITY_SPEAKER);
    assert_int_equal(subscription(&t.ann, "2")->wish.priority, ALLOCATOR_PRIORITY_SCREEN);
    layers_set_speaker(pub_of(&t.bob, 0), true);
    assert_int_equal(subscription(&t.ann, "1")->wishes, 1);
    wish.priority = 7;
    assert_int_equal(participant_set_layers(t.ann.participant, "1", &wish, true), 0);
    layers_set_speaker(pub_of(&t.bob, 0), false);
    assert_int_equal(subscription(&t.ann, "1")->wish.priority, 7);
    assert_int_equal(participant_set_layers(t.ann.participant, "1", &wish, false), 0);
    assert_int_equal(subscription(&t.ann, "1")->wish.priority, ALLOCATOR_PRIORITY_USUAL);
    world_end(&t.w);
}

/* ---- what is told ---- */

static void states_are_told_together(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    becomes(&t, "1", ALLOCATOR_BANDWIDTH);
    becomes(&t, "2", ALLOCATOR_NONE);
    becomes(&t, "1", ALLOCATOR_NOT_SENT);
    check_said(&t.ann, "");
    world_turn(&t.w);
    check_said(&t.ann, "states 1=not_sent 2=none; ");
    world_turn(&t.w);
    check_said(&t.ann, "");
    world_end(&t.w);
}

static void a_publisher_who_muted_itself_is_no_secret(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(participant_mute(t.bob.participant, pub_of(&t.bob, 0)->id, true, false), 0);
    user_forget(&t.ann);
    becomes(&t, "1", ALLOCATOR_NOT_SENT);
    becomes(&t, "2", ALLOCATOR_NOT_SENT);
    world_turn(&t.w);
    check_said(&t.ann, "states 1=muted 2=not_sent; ");
    world_end(&t.w);
}

static void publishers_hear_what_is_wanted(void **state)
{
    struct pair t;
    struct publication *camera;

    (void)state;
    pair_begin(&t);
    camera = pub_of(&t.bob, 0);
    camera->section->encoding_count = 2;
    memcpy(camera->section->encoding[0].rid, "q", 2);
    memcpy(camera->section->encoding[1].rid, "f", 2);
    is_wanted(&t, camera->handle, 1);
    world_turn(&t.w);
    check_said(&t.bob, "encodings camera q=1 f=0; ");
    check_said(&t.ann, "");
    is_wanted(&t, camera->handle, 1);
    is_wanted(&t, 4711, 1); /* gone */
    world_turn(&t.w);
    check_said(&t.bob, "");
    world_end(&t.w);
}

static void who_resumes_is_told_again(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    becomes(&t, "1", ALLOCATOR_BANDWIDTH);
    is_wanted(&t, pub_of(&t.bob, 0)->handle, 0);
    world_turn(&t.w);
    participant_detach(t.ann.participant, t.w.now_us);
    participant_detach(t.bob.participant, t.w.now_us);
    user_forget(&t.ann);
    user_forget(&t.bob);
    becomes(&t, "1", ALLOCATOR_NONE);
    world_turn(&t.w);
    participant_attach(t.ann.participant, &user_handlers, &t.ann);
    participant_attach(t.bob.participant, &user_handlers, &t.bob);
    world_turn(&t.w);
    check_said(&t.ann, "states 1=none; ");
    assert_non_null(strstr(t.bob.said, "encodings camera"));
    assert_null(strstr(t.bob.said, "encodings screen"));
    world_end(&t.w);
}

static void leave_at_first(struct user *u, const struct room_event *event)
{
    (void)event;
    if (u->participant != NULL)
        user_leave(u);
}

static void one_may_leave_when_told(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.ann.then = leave_at_first;
    t.bob.then = leave_at_first;
    becomes(&t, "1", ALLOCATOR_BANDWIDTH);
    is_wanted(&t, pub_of(&t.bob, 0)->handle, 1);
    is_wanted(&t, pub_of(&t.bob, 1)->handle, 1);
    world_turn(&t.w);
    assert_null(t.ann.participant);
    world_end(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(screens_come_first),
        cmocka_unit_test(a_wish_is_remembered_for_the_slot),
        cmocka_unit_test(wishes_for_what_is_no_video_are_refused),
        cmocka_unit_test(the_speaker_goes_before_others_but_not_before_screens_and_wishes),
        cmocka_unit_test(states_are_told_together),
        cmocka_unit_test(a_publisher_who_muted_itself_is_no_secret),
        cmocka_unit_test(publishers_hear_what_is_wanted),
        cmocka_unit_test(who_resumes_is_told_again),
        cmocka_unit_test(one_may_leave_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
