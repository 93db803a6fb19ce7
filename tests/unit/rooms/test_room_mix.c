/* SPDX-License-Identifier: Apache-2.0 */
/* The mix of a room, with real mixers and media workers that only remember: who is in it, what it publishes, who gets it. */
#include "core/map.h"
#include "rooms/mixers.h"
#include "rooms/room_mix.h"
#include "tests/unit/rooms/world.h"

static struct world w;
static struct mixers *mixers;
static struct user ann, bob, viewer;

static void begin(void)
{
    struct sfu_host *hosts[] = {&fake_host[0], &fake_host[1]};

    world_begin_on(&w, 2);
    assert_int_equal(mixers_open(&mixers, 1, hosts, 2, w.control, room_mix_handlers(), w.registry),
                     0);
    registry_set_mixers(w.registry, mixers);
}

/* In the order of main.c. */
static void end(void)
{
    registry_drain(w.registry);
    mixers_stop(mixers);
    mixers_let_go(mixers);
    mixers_free(&mixers);
    world_end(&w);
}

static void start(void)
{
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;

    settings.mix.width = 320;
    settings.mix.height = 180;
    assert_int_equal(room_mix_start(w.room, &settings, NULL), 0);
}

static struct publication *track_of_mix(enum media_kind kind)
{
    LIST_EACH(&room_mix_participant(w.room)->publications, struct publication, node, pub) {
        if (pub->kind == kind)
            return pub;
    }
    return NULL;
}

static struct publication *first_of(const struct user *u)
{
    return LIST_FIRST(&u->participant->publications, struct publication, node);
}

static size_t replicas_of(uint64_t origin)
{
    size_t n = 0;

    for (size_t i = 0; i < fake_count; i++)
        n += fake_object[i].kind == FAKE_PEER_REPLICA && fake_object[i].other_id == origin;
    return n;
}

static void it_publishes_two_tracks_that_are_taken_by_choice(void **state)
{
    const char *mid = NULL;

    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as vr");
    user_forget(&ann);
    start();
    world_turn(&w);
    check_said(&ann, "mix; published mix mix; published mix mix; ");
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 0);
    const struct publication *video = track_of_mix(MEDIA_VIDEO);
    assert_int_equal(video->codec, CODEC_VP8);
    assert_int_equal(participant_subscribe(ann.participant, video->id, &mid), 0);
    assert_string_equal(mid, "1");
    assert_int_equal(replicas_of(video->handle), 1);
    world_turn(&w);
    check_said(&ann, "slots 1=mix:mix; ");
    assert_int_equal(room_mix_stop(w.room), 0);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 0);
    world_turn(&w);
    check_said(&ann, "unpublished mix mix; unpublished mix mix; mix; slots 1=; ");
    assert_int_equal(room_mix_stop(w.room), E_NOT_FOUND);
    end();
}

static void what_its_members_publish_is_relayed(void **state)
{
    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as vs");
    start();
    assert_int_equal(fake_open(FAKE_RELAY), 2);
    user_join(&bob, &w, "bob");
    user_offer(&bob, "as");
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    struct permissions hidden = everything;
    hidden.hidden = true;
    user_join_with(&viewer, &w, "ghost", hidden);
    user_offer(&viewer, "as");
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    user_leave(&bob);
    assert_int_equal(fake_open(FAKE_RELAY), 2);
    user_offer(&ann, "ai vs");
    assert_int_equal(fake_open(FAKE_RELAY), 1);
    assert_int_equal(room_mix_stop(w.room), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 0);
    end();
}

static void a_list_says_who_is_in_it(void **state)
{
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;

    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as");
    user_join(&bob, &w, "bob");
    user_offer(&bob, "as vs");
    settings.who = ROOM_MIX_LISTED;
    settings.listed = 1;
    memcpy(settings.identity[0], "bob", 4);
    assert_int_equal(room_mix_start(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 2);
    memcpy(settings.identity[0], "ann", 4);
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 1);
    settings.who = ROOM_MIX_ALL;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    end();
}

static void flag(struct user *u, bool in_mix, bool by_server)
{
    const struct participant_changes changes = {.has_in_mix = true, .in_mix = in_mix};

    assert_int_equal(participant_update(u->participant, &changes, by_server), 0);
}

static void a_flag_says_who_is_in_it(void **state)
{
    const struct participant_params params = {
        .identity = "ann", .permissions = everything, .in_mix = true};
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;
    const char *mid;

    (void)state;
    begin();
    assert_int_equal(user_join_as(&ann, &w, w.room, &params), 0);
    user_offer(&ann, "as vs");
    user_join(&bob, &w, "bob");
    user_offer(&bob, "as ar ar");
    settings.who = ROOM_MIX_FLAGGED;
    assert_int_equal(room_mix_start(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 2);
    const struct publication *audio = track_of_mix(MEDIA_AUDIO);
    assert_int_equal(participant_subscribe(bob.participant, audio->id, &mid), 0);
    assert_int_equal(replicas_of(audio->handle), 1); /* bob is not in it: he gets what all get */
    user_forget(&ann);
    user_forget(&bob);
    flag(&bob, true, false);
    check_said(&ann, "updated bob; ");
    check_said(&bob, "");
    assert_true(participant_in_mix(bob.participant));
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    assert_int_equal(replicas_of(audio->handle), 0);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 1);
    flag(&ann, false, true);
    check_said(&ann, "updated; "); /* which it did not do itself */
    check_said(&bob, "updated ann; ");
    assert_int_equal(fake_open(FAKE_RELAY), 1);
    flag(&bob, false, false);
    assert_int_equal(fake_open(FAKE_RELAY), 0);
    assert_int_equal(replicas_of(audio->handle), 1);
    flag(&bob, true, false);
    settings.who = ROOM_MIX_ALL;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    flag(&bob, false, false); /* which nobody asks for now */
    assert_int_equal(fake_open(FAKE_RELAY), 3);
    end();
}

static void a_flag_needs_no_permission(void **state)
{
    struct permissions few = everything;

    (void)state;
    begin();
    few.update_metadata = false;
    user_join_with(&ann, &w, "ann", few);
    flag(&ann, true, false);
    assert_int_equal(participant_update(ann.participant,
                                        &(struct participant_changes){
                                            .name = "Ann", .has_in_mix = true, .in_mix = false},
                                        false),
                     E_DENIED);
    assert_true(participant_in_mix(ann.participant));
    end();
}

static void each_has_a_csrc_of_his_own(void **state)
{
    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_join(&bob, &w, "bob");
    uint32_t csrc = participant_csrc(ann.participant);
    assert_true(csrc != 0 && participant_csrc(bob.participant) != 0);
    assert_int_not_equal(csrc, participant_csrc(bob.participant));
    user_offer(&ann, "as");
    start();
    assert_int_equal(room_mix_stop(w.room), 0);
    start();
    assert_int_equal(participant_csrc(ann.participant), csrc);
    end();
}

static void who_is_in_it_hears_it_without_himself(void **state)
{
    struct room_mix_settings settings;
    struct permissions listens = everything;
    const char *mid;

    (void)state;
    begin();
    start();
    const struct publication *audio = track_of_mix(MEDIA_AUDIO);
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as ar");
    assert_int_equal(participant_subscribe(ann.participant, audio->id, &mid), 0);
    listens.publish = false;
    user_join_with(&viewer, &w, "viewer", listens);
    user_offer(&viewer, "ar ar");
    assert_int_equal(participant_subscribe(viewer.participant, audio->id, &mid), 0);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 2);
    assert_int_equal(replicas_of(audio->handle), 1);
    settings = *room_mix_settings(w.room);
    settings.is_mix_minus = false;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 1);
    settings.is_mix_minus = true;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 2);
    user_leave(&ann);
    assert_int_equal(fake_open(FAKE_PEER_REPLICA), 1);
    end();
}

static void another_codec_is_another_track(void **state)
{
    struct room_mix_settings settings;
    char id[ID_LEN], audio_id[ID_LEN];

    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    start();
    memcpy(id, track_of_mix(MEDIA_VIDEO)->id, sizeof(id));
    settings = *room_mix_settings(w.room);
    memcpy(audio_id, track_of_mix(MEDIA_AUDIO)->id, sizeof(audio_id));
    settings.mix.fps = 15;
    settings.mix.max_loud = 2;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_int_equal(room_mix_settings(w.room)->mix.max_loud, 2);
    assert_string_equal(track_of_mix(MEDIA_VIDEO)->id, id);
    assert_string_equal(track_of_mix(MEDIA_AUDIO)->id, audio_id);
    settings.mix.codec = CODEC_H264;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), 0);
    assert_string_not_equal(track_of_mix(MEDIA_VIDEO)->id, id);
    assert_int_equal(track_of_mix(MEDIA_VIDEO)->codec, CODEC_H264);
    settings.mix.fps = 0;
    assert_int_equal(room_mix_update(w.room, &settings, NULL), E_INVALID);
    assert_int_equal(room_mix_settings(w.room)->mix.fps, 15);
    end();
}

static void its_identity_is_nobody_elses(void **state)
{
    const struct participant_params params = {.identity = "mix", .permissions = everything};

    (void)state;
    begin();
    assert_int_equal(user_join_as(&ann, &w, w.room, &params), E_INVALID);
    start();
    assert_int_equal(user_join_as(&ann, &w, w.room, &params), E_INVALID);
    assert_null(room_find_identity(w.room, "mix"));
    assert_int_equal(room_participant_count(w.room), 0);
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;
    assert_int_equal(room_mix_start(w.room, &settings, NULL), E_CONFLICT);
    end();
}

static void without_mixers_nothing_is_mixed(void **state)
{
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;

    (void)state;
    world_begin(&w);
    assert_int_equal(room_mix_start(w.room, &settings, NULL), E_UNSUPPORTED);
    assert_int_equal(room_mix_update(w.room, &settings, NULL), E_NOT_FOUND);
    world_end(&w);
}

/* Handlers may do anything: here the first word of the mix ends the room. */
static void end_room(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_MIX_CHANGED && u->participant != NULL)
        registry_delete_room(w.registry, u->participant->room, LEAVE_ROOM_DELETED);
}

static void a_handler_may_end_the_room(void **state)
{
    struct room_mix_settings settings = ROOM_MIX_DEFAULTS;

    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as");
    ann.then = end_room;
    (void)!room_mix_start(w.room, &settings, NULL);
    assert_null(ann.participant);
    assert_int_equal(fake_open(FAKE_RELAY), 0);
    end();
}

static void a_thousand_times_leave_nothing(void **state)
{
    const char *mid;

    (void)state;
    begin();
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as vs ar vr");
    for (unsigned i = 0; i < 1000; i++) {
        start();
        assert_int_equal(
            participant_subscribe(ann.participant, track_of_mix(MEDIA_AUDIO)->id, &mid), 0);
        if (i % 3 == 0)
            user_offer(&ann, "as vi ar vr");
        if (i % 3 == 1)
            user_offer(&ann, "as vs ar vr");
        assert_int_equal(room_mix_stop(w.room), 0);
        user_forget(&ann);
    }
    assert_int_equal(map_count(w.registry->room_by_mix), 0);
    assert_non_null(first_of(&ann));
    end(); /* which finds what is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_publishes_two_tracks_that_are_taken_by_choice),
        cmocka_unit_test(what_its_members_publish_is_relayed),
        cmocka_unit_test(a_list_says_who_is_in_it),
        cmocka_unit_test(a_flag_says_who_is_in_it),
        cmocka_unit_test(a_flag_needs_no_permission),
        cmocka_unit_test(each_has_a_csrc_of_his_own),
        cmocka_unit_test(who_is_in_it_hears_it_without_himself),
        cmocka_unit_test(another_codec_is_another_track),
        cmocka_unit_test(its_identity_is_nobody_elses),
        cmocka_unit_test(without_mixers_nothing_is_mixed),
        cmocka_unit_test(a_handler_may_end_the_room),
        cmocka_unit_test(a_thousand_times_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
