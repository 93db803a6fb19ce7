/* SPDX-License-Identifier: Apache-2.0 */
/* test_slots.c - which publication flows through which slot, and what the client is told of it. */
#include "tests/unit/rooms/world.h"

#include "rooms/slots.h"

/* ann receives on some sections, bob publishes. */
struct pair {
    struct world w;
    struct user ann, bob;
};

static void pair_begin(struct pair *t)
{
    world_begin(&t->w);
    user_join(&t->ann, &t->w, "ann");
    user_join(&t->bob, &t->w, "bob");
    world_turn(&t->w);
    user_forget(&t->ann);
}

static void a_free_slot_takes_what_is_published(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "ar vr");
    check_slots(&t.ann, " 0= 1=");
    user_offer(&t.bob, "as vs");
    world_turn(&t.w);
    check_said(
        &t.ann,
        "published bob microphone; published bob camera; slots 0=bob:microphone 1=bob:camera; ");
    assert_int_equal(flowing(&t.ann, "0"), pub_of(&t.bob, 0)->handle);
    assert_int_equal(flowing(&t.ann, "1"), pub_of(&t.bob, 1)->handle);
    world_end(&t.w);
}

static void nothing_is_wanted_before_the_first_offer(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vs");
    world_turn(&t.w);
    check_said(&t.ann, "published bob microphone; published bob camera; ");
    user_offer(&t.ann, "ar");
    check_slots(&t.ann, " 0=bob:microphone");
    world_turn(&t.w);
    check_said(&t.ann, "wanted audio 0 video 1; ");
    world_end(&t.w);
}

static void only_further_slots_are_wanted(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "as");
    user_offer(&t.bob, "vs");
    world_turn(&t.w);
    check_said(&t.ann, "published bob camera; wanted audio 0 video 1; ");
    user_offer(&t.bob, "vs vs as");
    world_turn(&t.w);
    check_said(&t.ann, "published bob camera; published bob microphone; wanted audio 1 video 1; ");
    world_turn(&t.w);
    check_said(&t.ann, "");
    user_offer(&t.ann, "as vr vr ar"); /* all that was asked for */
    check_slots(&t.ann, " 1=bob:camera 2=bob:camera 3=bob:microphone");
    world_turn(&t.w);
    check_said(&t.ann, "");
    user_offer(&t.bob, "vs vs as as");
    world_turn(&t.w);
    check_said(&t.ann, "published bob microphone; wanted audio 1 video 0; ");
    world_end(&t.w);
}

static void the_answer_names_who_will_flow(void **state)
{
    struct pair t;
    char line[64];

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "vs");
    user_offer(&t.ann, "ar vr");
    (void)snprintf(line, sizeof(line), "a=msid:%s ", participant_id(t.bob.participant));
    assert_non_null(strstr(t.ann.result.answer, line));
    assert_int_equal(t.ann.result.slot_count, 2);
    assert_ptr_equal(t.ann.result.slot[1].publication, pub_of(&t.bob, 0));
    world_end(&t.w);
}

static void what_the_answer_said_is_not_told_again(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "vs");
    user_forget(&t.ann);
    user_offer(&t.ann, "vr");
    world_turn(&t.w);
    check_said(&t.ann, "");
    world_end(&t.w);
}

static void a_slot_that_is_free_again_serves_who_waits_longest(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs vs vs");
    world_turn(&t.w);
    check_slots(&t.ann, " 0=bob:camera");
    assert_int_equal(flowing(&t.ann, "0"), pub_of(&t.bob, 0)->handle);
    uint64_t second = pub_of(&t.bob, 1)->handle;
    user_forget(&t.ann);
    user_offer(&t.bob, "vi vs vs");
    world_turn(&t.w);
    check_said(&t.ann, "unpublished bob camera; slots 0=bob:camera; ");
    assert_int_equal(flowing(&t.ann, "0"), second);
    world_end(&t.w);
}

static void a_slot_whose_track_ends_is_told_empty(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs");
    world_turn(&t.w);
    user_forget(&t.ann);
    user_leave(&t.bob);
    world_turn(&t.w);
    check_said(&t.ann, "left bob left; slots 0=; ");
    assert_int_equal(flowing(&t.ann, "0"), 0);
    world_end(&t.w);
}

static void a_section_that_stops_gives_its_track_to_another(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr vr");
    user_offer(&t.bob, "vs");
    check_slots(&t.ann, " 0=bob:camera 1=");
    user_offer(&t.ann, "vi vr");
    check_slots(&t.ann, " 1=bob:camera");
    assert_int_equal(flowing(&t.ann, "1"), pub_of(&t.bob, 0)->handle);
    assert_int_equal(fake_open(FAKE_SUBSCRIPTION), 1);
    user_offer(&t.ann, "vi vi");
    world_turn(&t.w);
    check_slots(&t.ann, "");
    world_end(&t.w);
}

static void unsubscribe_is_remembered_until_subscribe(void **state)
{
    struct pair t;
    const char *mid = NULL;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs");
    world_turn(&t.w);
    user_forget(&t.ann);
    assert_int_equal(participant_unsubscribe(t.ann.participant, pub_of(&t.bob, 0)->id), 0);
    world_turn(&t.w);
    check_said(&t.ann, "slots 0=; ");
    user_offer(&t.ann, "vr vr");
    check_slots(&t.ann, " 0= 1=");
    assert_int_equal(participant_subscribe(t.ann.participant, pub_of(&t.bob, 0)->id, &mid), 0);
    assert_string_equal(mid, "0");
    world_turn(&t.w);
    check_said(&t.ann, "slots 0=bob:camera; ");
    world_end(&t.w);
}

static void unsubscribe_serves_who_waits(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs vs");
    assert_int_equal(participant_unsubscribe(t.ann.participant, pub_of(&t.bob, 0)->id), 0);
    assert_int_equal(flowing(&t.ann, "0"), pub_of(&t.bob, 1)->handle);
    world_end(&t.w);
}

static void without_automatic_subscription_only_wishes_flow(void **state)
{
    struct world w;
    struct user bob, eve;
    const char *mid = "none";
    const struct participant_params params = {.identity = "eve", .permissions = everything};

    (void)state;
    world_begin(&w);
    user_join(&bob, &w, "bob");
    assert_int_equal(user_join_as(&eve, &w, w.room, &params), 0);
    user_offer(&bob, "as vs");
    user_offer(&eve, "ar");
    world_turn(&w);
    check_slots(&eve, " 0=");
    user_forget(&eve);
    assert_int_equal(participant_subscribe(eve.participant, pub_of(&bob, 1)->id, &mid), 0);
    assert_null(mid);
    world_turn(&w);
    check_said(&eve, "wanted audio 0 video 1; ");
    user_offer(&eve, "ar vr");
    check_slots(&eve, " 0= 1=bob:camera");
    assert_int_equal(participant_unsubscribe(eve.participant, pub_of(&bob, 1)->id), 0);
    assert_int_equal(participant_unsubscribe(eve.participant, pub_of(&bob, 1)->id), 0);
    check_slots(&eve, " 0= 1=");
    assert_true(list_is_empty(&eve.participant->wishes));
    world_end(&w);
}

static void who_may_not_subscribe_gets_nothing(void **state)
{
    struct world w;
    struct user bob, eve;
    struct permissions mute = everything;
    const char *mid = NULL;

    (void)state;
    mute.subscribe = false;
    world_begin(&w);
    user_join(&bob, &w, "bob");
    user_join_with(&eve, &w, "eve", mute);
    user_offer(&bob, "vs");
    user_offer(&eve, "as vr");
    check_slots(&eve, "");
    assert_int_equal(participant_subscribe(eve.participant, pub_of(&bob, 0)->id, &mid), E_DENIED);
    world_turn(&w);
    assert_null(strstr(eve.said, "wanted"));
    world_end(&w);
}

static void one_cannot_subscribe_to_oneself_or_to_nothing(void **state)
{
    struct pair t;
    const char *mid = NULL;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "vs");
    assert_int_equal(participant_subscribe(t.bob.participant, pub_of(&t.bob, 0)->id, &mid),
                     E_NOT_FOUND);
    assert_int_equal(participant_subscribe(t.bob.participant, "TR_nothing", &mid), E_NOT_FOUND);
    assert_int_equal(participant_unsubscribe(t.bob.participant, "TR_nothing"), E_NOT_FOUND);
    world_end(&t.w);
}

/* ---- codecs ---- */

static void a_codec_that_was_not_offered_is_told_and_frees_the_slot(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "hs vs");
    world_turn(&t.w);
    user_forget(&t.ann);
    track_is_live(&t.bob, 0, CODEC_H264);
    slot_is_blocked(&t.ann, "0", CODEC_H264);
    world_turn(&t.w);
    check_said(&t.ann, "codec bob camera; failed bob camera codec; slots 0=bob:camera; ");
    assert_int_equal(flowing(&t.ann, "0"), pub_of(&t.bob, 1)->handle);
    world_end(&t.w);
}

static void a_late_word_about_what_flowed_before_blocks_nothing(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "hs vs");
    track_is_live(&t.bob, 0, CODEC_H264);
    track_is_live(&t.bob, 1, CODEC_VP8);
    user_offer(&t.bob, "hi vs");
    world_turn(&t.w);
    user_forget(&t.ann);
    slot_is_blocked(&t.ann, "0", CODEC_H264);
    world_turn(&t.w);
    check_said(&t.ann, "");
    check_slots(&t.ann, " 0=bob:camera");
    world_end(&t.w);
}

static void a_blocked_track_flows_once_its_codec_changes(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs");
    track_is_live(&t.bob, 0, CODEC_H264);
    slot_is_blocked(&t.ann, "0", CODEC_H264);
    check_slots(&t.ann, " 0=");
    track_is_live(&t.bob, 0, CODEC_H264);
    check_slots(&t.ann, " 0=");
    track_is_live(&t.bob, 0, CODEC_VP8);
    check_slots(&t.ann, " 0=bob:camera");
    world_end(&t.w);
}

static void a_blocked_track_flows_once_its_codec_is_offered(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs");
    track_is_live(&t.bob, 0, CODEC_H264);
    slot_is_blocked(&t.ann, "0", CODEC_H264);
    user_offer(&t.ann, "vr");
    check_slots(&t.ann, " 0=");
    user_offer(&t.ann, "hr");
    check_slots(&t.ann, " 0=bob:camera");
    world_end(&t.w);
}

/* ---- limits and lost connections ---- */

static char *many(const char *section, size_t n)
{
    struct strbuf b;

    strbuf_init(&b, 16384);
    for (size_t i = 0; i < n; i++)
        strbuf_addf(&b, "%s%s", i == 0 ? "" : " ", section);
    return strbuf_take(&b);
}

static size_t count_said(const struct user *u, const char *words)
{
    size_t n = 0;

    for (const char *at = strstr(u->said, words); at != NULL; at = strstr(at + 1, words))
        n++;
    return n;
}

#define PUBLISHERS (MAX_SLOTS_PER_PARTICIPANT / MAX_TRACKS_PER_PARTICIPANT + 1)

static void past_the_limit_of_slots_is_said_and_refused(void **state)
{
    struct world w;
    struct user ann, full[PUBLISHERS];
    struct permissions only_publish = everything;
    char identity[16], *all;
    const char *mid = NULL, *last;

    (void)state;
    world_begin(&w);
    only_publish.subscribe = false;
    all = many("as", MAX_TRACKS_PER_PARTICIPANT);
    for (size_t i = 0; i < PUBLISHERS; i++) {
        (void)snprintf(identity, sizeof(identity), "p%zu", i);
        user_join_with(&full[i], &w, identity, only_publish);
        user_offer(&full[i], all);
    }
    mem_free(all);
    user_join(&ann, &w, "ann");
    all = many("ar", MAX_SLOTS_PER_PARTICIPANT + 1);
    user_offer(&ann, all);
    mem_free(all);
    assert_int_equal(ann.participant->slot_count, MAX_SLOTS_PER_PARTICIPANT);
    world_turn(&w);
    world_turn(&w);
    assert_int_equal(count_said(&ann, "microphone limit; "),
                     PUBLISHERS * MAX_TRACKS_PER_PARTICIPANT - MAX_SLOTS_PER_PARTICIPANT);
    assert_int_equal(count_said(&ann, "wanted"), 0);
    last = pub_of(&full[PUBLISHERS - 1], MAX_TRACKS_PER_PARTICIPANT - 1)->id;
    assert_int_equal(participant_subscribe(ann.participant, last, &mid), E_LIMIT);
    user_leave(&full[0]); /* its slots are free again */
    assert_int_equal(participant_subscribe(ann.participant, last, &mid), 0);
    assert_non_null(mid);
    world_end(&w);
}

static void what_was_not_heard_is_told_to_who_resumes(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    world_turn(&t.w);
    participant_detach(t.ann.participant, t.w.now_us);
    user_offer(&t.bob, "vs vs");
    world_turn(&t.w);
    check_said(&t.ann, "");
    participant_attach(t.ann.participant, &user_handlers, &t.ann);
    world_turn(&t.w);
    check_said(&t.ann, "slots 0=bob:camera; wanted audio 0 video 1; ");
    world_end(&t.w);
}

static void leave_now(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_SLOTS || event->kind == ROOM_SUBSCRIPTION_FAILED)
        participant_leave(&u->participant, LEAVE_LEFT);
}

static void a_handler_may_leave_while_slots_are_told(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.ann.then = leave_now;
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs vs");
    user_forget(&t.ann);
    world_turn(&t.w);
    check_said(&t.ann, "slots 0=bob:camera; ");
    assert_null(t.ann.participant);
    world_end(&t.w);
}

static void a_handler_may_leave_when_a_track_is_blocked(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "vr");
    user_offer(&t.bob, "vs");
    world_turn(&t.w);
    t.ann.then = leave_now;
    track_is_live(&t.bob, 0, CODEC_H264);
    slot_is_blocked(&t.ann, "0", CODEC_H264);
    assert_null(t.ann.participant);
    world_end(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_slot_takes_what_is_published),
        cmocka_unit_test(nothing_is_wanted_before_the_first_offer),
        cmocka_unit_test(only_further_slots_are_wanted),
        cmocka_unit_test(the_answer_names_who_will_flow),
        cmocka_unit_test(what_the_answer_said_is_not_told_again),
        cmocka_unit_test(a_slot_that_is_free_again_serves_who_waits_longest),
        cmocka_unit_test(a_slot_whose_track_ends_is_told_empty),
        cmocka_unit_test(a_section_that_stops_gives_its_track_to_another),
        cmocka_unit_test(unsubscribe_is_remembered_until_subscribe),
        cmocka_unit_test(unsubscribe_serves_who_waits),
        cmocka_unit_test(without_automatic_subscription_only_wishes_flow),
        cmocka_unit_test(who_may_not_subscribe_gets_nothing),
        cmocka_unit_test(one_cannot_subscribe_to_oneself_or_to_nothing),
        cmocka_unit_test(a_codec_that_was_not_offered_is_told_and_frees_the_slot),
        cmocka_unit_test(a_late_word_about_what_flowed_before_blocks_nothing),
        cmocka_unit_test(a_blocked_track_flows_once_its_codec_changes),
        cmocka_unit_test(a_blocked_track_flows_once_its_codec_is_offered),
        cmocka_unit_test(past_the_limit_of_slots_is_said_and_refused),
        cmocka_unit_test(what_was_not_heard_is_told_to_who_resumes),
        cmocka_unit_test(a_handler_may_leave_while_slots_are_told),
        cmocka_unit_test(a_handler_may_leave_when_a_track_is_blocked),
    };

    return cmocka_run_group_tests_name("rooms/slots", tests, NULL, NULL);
}
