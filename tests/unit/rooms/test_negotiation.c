/* SPDX-License-Identifier: Apache-2.0 */
/* test_negotiation.c - from offers to publications, slots and the transport; and what the others are told. */
#include "tests/unit/rooms/world.h"

#define ONLY(source) (1u << TRACK_SOURCE_##source)

/* ann listens to what bob does. */
struct pair {
    struct world w;
    struct user ann, bob;
};

static void pair_begin(struct pair *t)
{
    world_begin(&t->w);
    user_join(&t->ann, &t->w, "ann");
    user_join(&t->bob, &t->w, "bob");
    user_offer(&t->ann, "ar vr");
    world_turn(&t->w);
    user_forget(&t->ann);
}

/* Read a description that a real client made. */
static char *read_vector(const char *name)
{
    char path[256], *text = mem_alloc(MAX_SDP_BYTES);

    (void)snprintf(path, sizeof(path), "tests/vectors/sdp/%s.sdp", name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(text, 1, MAX_SDP_BYTES - 1, f);
    text[n] = 0;
    (void)fclose(f);
    return text;
}

static int offer_vector(struct user *u, const char *name)
{
    char *text = read_vector(name);
    int err = participant_offer(u->participant, str_of(text), NULL, 0, &u->result, &u->why);

    mem_free(text);
    return err;
}

static void browsers_publish_receive_and_restart(void **state)
{
    static const struct {
        const char *first, *second;
        size_t published, slots;
        unsigned restarts;
    } row[] = {
        {"chromium-av-then-recvonly", "chromium-av-then-recvonly-2", 2, 3, 0},
        {"firefox-av-then-recvonly", "firefox-av-then-recvonly-2", 2, 3, 0},
        {"chromium-ice-restart", "chromium-ice-restart-2", 2, 0, 1},
        {"firefox-ice-restart", "firefox-ice-restart-2", 2, 0, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct world w;
        struct user u;
        char id[ID_LEN];
        world_begin(&w);
        user_join(&u, &w, "ann");
        assert_int_equal(offer_vector(&u, row[i].first), 0);
        memcpy(id, pub_of(&u, 0)->id, sizeof(id));
        assert_int_equal(offer_vector(&u, row[i].second), 0);
        assert_int_equal(u.result.published_count, row[i].published);
        assert_string_equal(u.result.published[0]->id, id);
        assert_int_equal(u.result.slot_count, row[i].slots);
        assert_int_equal(fake_open(FAKE_TRANSPORT), 1);
        assert_int_equal(fake_find(u.participant->transport)->restarts, row[i].restarts);
        world_end(&w);
    }
}

/* ---- publications ---- */

static void sources_come_from_labels_or_the_kind(void **state)
{
    const struct track_label label[] = {
        {.mid = "1", .source = TRACK_SOURCE_SCREEN, .name = "my screen", .muted = true},
        {.mid = "2", .source = TRACK_SOURCE_SCREEN_AUDIO},
        {.mid = "3", .source = TRACK_SOURCE_MICROPHONE}, /* a video section */
        {.mid = "4", .source = TRACK_SOURCE_UNKNOWN},
    };
    static const enum track_source expected[] = {TRACK_SOURCE_MICROPHONE, TRACK_SOURCE_SCREEN,
                                                 TRACK_SOURCE_SCREEN_AUDIO, TRACK_SOURCE_CAMERA,
                                                 TRACK_SOURCE_MICROPHONE};
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.bob.label = label;
    t.bob.label_count = ARRAY_LEN(label);
    user_offer(&t.bob, "as vs as vs as");
    assert_int_equal(t.bob.result.published_count, ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        assert_int_equal(t.bob.result.published[i]->source, expected[i]);
    assert_string_equal(pub_of(&t.bob, 1)->name, "my screen");
    assert_true(pub_of(&t.bob, 1)->muted_by_publisher);
    world_end(&t.w);
}

static void permissions_decide_what_is_published(void **state)
{
    static const struct track_label as_microphone[] = {
        {.mid = "1", .source = TRACK_SOURCE_MICROPHONE}};
    static const struct track_label as_screen[] = {{.mid = "1", .source = TRACK_SOURCE_SCREEN}};
    static const struct {
        bool publish;
        uint32_t sources;
        const struct track_label *label;
        size_t published;
    } row[] = {
        {true, UINT32_MAX, NULL, 2},
        {false, UINT32_MAX, NULL, 0},
        {true, ONLY(MICROPHONE), NULL, 1},
        {true, ONLY(MICROPHONE), as_microphone, 1}, /* a camera by another name */
        {true, ONLY(CAMERA), as_screen, 0},
        {true, ONLY(MICROPHONE) | ONLY(SCREEN), as_screen, 2},
        {true, 0, NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(row); i++) {
        struct world w;
        struct user u;
        struct permissions permissions = everything;
        world_begin(&w);
        permissions.publish = row[i].publish;
        permissions.publish_sources = row[i].sources;
        user_join_with(&u, &w, "ann", permissions);
        u.label = row[i].label;
        u.label_count = row[i].label != NULL;
        user_offer(&u, "as vs");
        assert_int_equal(u.result.published_count, row[i].published);
        assert_int_equal(fake_open(FAKE_TRACK), row[i].published);
        world_end(&w);
    }
}

static void one_section_may_publish_and_receive(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.ann, "ab vr");
    user_offer(&t.bob, "ab");
    check_slots(&t.bob, " 0=ann:microphone");
    check_slots(&t.ann, " 0=bob:microphone 1=");
    world_end(&t.w);
}

static void the_limit_of_tracks_is_answered_without(void **state)
{
    struct pair t;
    char sections[3 * (MAX_TRACKS_PER_PARTICIPANT + 1) + 1] = "";

    (void)state;
    pair_begin(&t);
    for (size_t i = 0; i <= MAX_TRACKS_PER_PARTICIPANT; i++)
        memcpy(sections + 3 * i, i == MAX_TRACKS_PER_PARTICIPANT ? "as" : "as ", 3);
    user_offer(&t.bob, sections);
    assert_int_equal(t.bob.result.published_count, MAX_TRACKS_PER_PARTICIPANT);
    world_end(&t.w);
}

static void a_stopped_section_ends_its_track_and_a_new_one_takes_the_place(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vs");
    user_offer(&t.bob, "as vx");
    assert_int_equal(t.bob.result.published_count, 1);
    user_offer(&t.bob, "as hs");
    world_turn(&t.w);
    check_said(&t.ann, "published bob microphone; published bob camera; unpublished bob camera; "
                       "published bob camera; "
                       "slots 0=bob:microphone 1=bob:camera; ");
    assert_int_equal(fake_open(FAKE_TRACK), 2);
    assert_int_equal(room_publication_count(t.w.room), 2);
    world_end(&t.w);
}

static void renegotiation_leaves_what_stays(void **state)
{
    struct pair t;
    uint64_t handle;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as");
    handle = pub_of(&t.bob, 0)->handle;
    user_forget(&t.ann);
    user_offer(&t.bob, "as vs");
    assert_int_equal(pub_of(&t.bob, 0)->handle, handle);
    assert_int_equal(fake_find(handle)->updates, 1);
    check_said(&t.ann, "published bob camera; ");
    world_end(&t.w);
}

static void a_refused_offer_changes_nothing(void **state)
{
    static const char *const wrong[] = {"", "v=0\r\n", "as"};
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(
        participant_offer(t.bob.participant, STR("nonsense"), NULL, 0, &t.bob.result, &t.bob.why),
        E_MALFORMED);
    assert_null(t.bob.participant->jsep);
    assert_string_equal(participant_transport_state(t.bob.participant), "new");
    user_offer(&t.bob, "as vs");
    user_forget(&t.ann);
    size_t open = fake_count;
    for (size_t i = 0; i < 2; i++)
        assert_int_not_equal(participant_offer(t.bob.participant, str_of(wrong[i]), NULL, 0,
                                               &t.bob.result, &t.bob.why),
                             0);
    assert_int_equal(user_try_offer(&t.bob, wrong[2]),
                     E_MALFORMED); /* fewer sections than before */
    t.bob.certificate = 2;         /* another PeerConnection's, but no good either */
    assert_int_equal(user_try_offer(&t.bob, "ax vx"),
                     0); /* without a certificate it is the same endpoint's */
    user_offer(&t.bob, "as vs");
    world_turn(&t.w);
    assert_int_equal(fake_count, open);
    world_end(&t.w);
}

static void a_refused_offer_of_a_new_connection_leaves_the_old_one(void **state)
{
    struct pair t;
    char *text, *codec;
    uint64_t transport;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as");
    transport = t.bob.participant->transport;
    user_forget(&t.ann);
    t.bob.certificate = 2;
    text = make_offer(&t.bob, "as");
    codec = strstr(text, "opus");
    memcpy(codec, "what", 4);
    assert_int_equal(
        participant_offer(t.bob.participant, str_of(text), NULL, 0, &t.bob.result, &t.bob.why),
        E_UNSUPPORTED);
    mem_free(text);
    assert_int_equal(t.bob.participant->transport, transport);
    assert_int_equal(t.bob.participant->publication_count, 1);
    world_turn(&t.w);
    check_said(&t.ann, "slots 0=bob:microphone; ");
    world_end(&t.w);
}

/* ---- the transport ---- */

static void the_first_offer_opens_the_transport(void **state)
{
    struct pair t;
    const struct fake_object *o;

    (void)state;
    pair_begin(&t);
    o = fake_find(t.ann.participant->transport);
    assert_non_null(o);
    assert_int_equal(o->consent_timeout_us, 30000000);
    assert_string_equal(participant_transport_state(t.ann.participant), "new");
    world_end(&t.w);
}

static void an_ice_restart_keeps_everything(void **state)
{
    struct pair t;
    uint64_t transport, handle;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vr");
    transport = t.bob.participant->transport;
    handle = pub_of(&t.bob, 0)->handle;
    world_turn(&t.w);
    user_forget(&t.ann);
    t.bob.ufrag = "efgh";
    user_offer(&t.bob, "as vr");
    world_turn(&t.w);
    check_said(&t.ann, "");
    assert_int_equal(t.bob.participant->transport, transport);
    assert_int_equal(fake_find(transport)->restarts, 1);
    assert_int_equal(pub_of(&t.bob, 0)->handle, handle);
    world_end(&t.w);
}

static void another_certificate_replaces_everything(void **state)
{
    struct pair t;
    uint64_t transport;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vs vr");
    transport = t.bob.participant->transport;
    world_turn(&t.w);
    user_forget(&t.ann);
    t.bob.certificate = 2;
    user_offer(&t.bob, "vs"); /* other sections too: a new history */
    world_turn(&t.w);
    check_said(&t.ann, "unpublished bob microphone; unpublished bob camera; published bob camera; "
                       "slots 0= 1=bob:camera; ");
    assert_null(fake_find(transport));
    assert_int_equal(fake_open(FAKE_TRANSPORT), 2);
    check_slots(&t.bob, "");
    world_end(&t.w);
}

static void a_new_connection_is_judged_without_the_old_one(void **state)
{
    static const struct track_label screen[] = {{.mid = "0", .source = TRACK_SOURCE_SCREEN}};
    struct world w;
    struct user u;
    struct permissions permissions = everything;

    (void)state;
    world_begin(&w);
    permissions.publish_sources = ONLY(CAMERA);
    user_join_with(&u, &w, "ann", permissions);
    user_offer(&u, "vs");
    assert_int_equal(u.result.published_count, 1);
    u.certificate = 2;
    u.label = screen;
    u.label_count = 1;
    user_offer(&u, "vs"); /* the same mid, but a screen now */
    assert_int_equal(u.result.published_count, 0);
    world_end(&w);
}

static void an_offer_after_the_transport_closed_opens_another(void **state)
{
    struct pair t;
    uint64_t transport;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as");
    transport = t.bob.participant->transport;
    transport_becomes(&t.bob, TRANSPORT_CLOSED, "refused");
    assert_string_equal(participant_transport_state(t.bob.participant), "failed");
    user_offer(&t.bob, "as");
    assert_int_not_equal(t.bob.participant->transport, transport);
    assert_null(fake_find(transport));
    assert_string_equal(participant_transport_state(t.bob.participant), "new");
    world_turn(&t.w);
    check_said(&t.ann,
               "published bob microphone; unpublished bob microphone; published bob microphone; "
               "slots 0=bob:microphone; ");
    world_end(&t.w);
}

static void everything_stopped_and_begun_again_has_one_transport(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as");
    user_offer(&t.bob, "ax");
    t.bob.ufrag = "efgh";
    user_offer(&t.bob, "as");
    assert_int_equal(fake_open(FAKE_TRANSPORT), 2); /* ann's and bob's */
    assert_int_equal(fake_open(FAKE_TRACK), 1);
    world_end(&t.w);
}

static void what_the_server_muted_stays_muted_on_a_new_connection(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vs");
    assert_int_equal(participant_mute(t.bob.participant, pub_of(&t.bob, 0)->id, true, true), 0);
    t.bob.certificate = 2;
    user_offer(&t.bob, "vs as");
    assert_false(pub_of(&t.bob, 0)->muted_by_server);
    assert_true(pub_of(&t.bob, 1)->muted_by_server);
    assert_true(fake_find(pub_of(&t.bob, 1)->handle)->muted);
    assert_int_equal(participant_mute(t.bob.participant, pub_of(&t.bob, 1)->id, false, true), 0);
    t.bob.certificate = 3;
    user_offer(&t.bob, "vs as");
    assert_false(pub_of(&t.bob, 1)->muted_by_server);
    world_end(&t.w);
}

/* ---- handlers that change the world ---- */

static void remove_victim(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_TRACK_PUBLISHED || event->kind == ROOM_TRACK_UNPUBLISHED)
        participant_leave(&u->victim->participant, LEAVE_REMOVED);
}

static void delete_room(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_TRACK_PUBLISHED || event->kind == ROOM_TRACK_UNPUBLISHED)
        registry_delete_room(u->world->registry, u->world->room, LEAVE_ROOM_DELETED);
}

static void a_handler_may_remove_who_offers(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.ann.then = remove_victim;
    t.ann.victim = &t.bob;
    assert_int_equal(user_try_offer(&t.bob, "as vs"), E_STATE);
    world_turn(&t.w);
    check_said(&t.ann, "published bob microphone; left bob removed; slots 0= 1=; ");
    check_said(&t.bob, "closed removed; ");
    world_end(&t.w);
}

static void a_handler_may_remove_itself(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.ann.then = remove_victim;
    t.ann.victim = &t.ann;
    user_offer(&t.bob, "as vs");
    check_said(&t.ann, "published bob microphone; closed removed; ");
    check_said(&t.bob, "left ann removed; ");
    assert_int_equal(t.bob.result.published_count, 2);
    world_end(&t.w);
}

static void a_handler_may_end_the_room(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vs vs");
    user_forget(&t.ann);
    t.ann.then = delete_room;
    assert_int_equal(user_try_offer(&t.bob, "ai vi vs as"), E_STATE);
    check_said(&t.ann, "unpublished bob microphone; closed roomDeleted; ");
    check_said(&t.bob, "closed roomDeleted; ");
    assert_int_equal(registry_room_count(t.w.registry), 0);
    world_end(&t.w);
}

static void hidden_participants_publish_to_nobody(void **state)
{
    struct pair t;
    struct user spy;
    struct permissions hidden = everything;

    (void)state;
    pair_begin(&t);
    hidden.hidden = true;
    user_join_with(&spy, &t.w, "spy", hidden);
    user_offer(&t.bob, "as");
    user_offer(&spy, "as ar");
    check_slots(&spy, " 1=bob:microphone");
    user_offer(&spy, "ai ar");
    world_turn(&t.w);
    check_said(&t.ann, "published bob microphone; slots 0=bob:microphone; ");
    check_said(&t.bob, "");
    world_end(&t.w);
}

static void what_media_tells_of_its_codec_is_told_to_the_others(void **state)
{
    struct pair t;
    struct user spy;
    struct permissions hidden = everything;

    (void)state;
    pair_begin(&t);
    hidden.hidden = true;
    user_join_with(&spy, &t.w, "spy", hidden);
    user_offer(&t.bob, "vs");
    user_offer(&spy, "vs");
    world_turn(&t.w);
    user_forget(&t.ann);
    user_forget(&t.bob);
    track_is_live(&spy, 0, CODEC_VP8);
    track_is_live(&t.bob, 0, CODEC_VP8);
    track_is_live(&t.bob, 0, CODEC_VP8);
    check_said(&t.ann, "codec bob camera; ");
    check_said(&t.bob, "");
    assert_int_equal(pub_of(&t.bob, 0)->codec, CODEC_VP8);
    world_end(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(browsers_publish_receive_and_restart),
        cmocka_unit_test(sources_come_from_labels_or_the_kind),
        cmocka_unit_test(permissions_decide_what_is_published),
        cmocka_unit_test(one_section_may_publish_and_receive),
        cmocka_unit_test(the_limit_of_tracks_is_answered_without),
        cmocka_unit_test(a_stopped_section_ends_its_track_and_a_new_one_takes_the_place),
        cmocka_unit_test(renegotiation_leaves_what_stays),
        cmocka_unit_test(a_refused_offer_changes_nothing),
        cmocka_unit_test(a_refused_offer_of_a_new_connection_leaves_the_old_one),
        cmocka_unit_test(the_first_offer_opens_the_transport),
        cmocka_unit_test(an_ice_restart_keeps_everything),
        cmocka_unit_test(another_certificate_replaces_everything),
        cmocka_unit_test(a_new_connection_is_judged_without_the_old_one),
        cmocka_unit_test(an_offer_after_the_transport_closed_opens_another),
        cmocka_unit_test(everything_stopped_and_begun_again_has_one_transport),
        cmocka_unit_test(what_the_server_muted_stays_muted_on_a_new_connection),
        cmocka_unit_test(a_handler_may_remove_who_offers),
        cmocka_unit_test(a_handler_may_remove_itself),
        cmocka_unit_test(a_handler_may_end_the_room),
        cmocka_unit_test(hidden_participants_publish_to_nobody),
        cmocka_unit_test(what_media_tells_of_its_codec_is_told_to_the_others),
    };

    return cmocka_run_group_tests_name("rooms/negotiation", tests, NULL, NULL);
}
