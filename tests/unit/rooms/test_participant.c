/* SPDX-License-Identifier: Apache-2.0 */
/* test_participant.c - signalling that comes and goes, consent, mute, updates, leaving. */
#include "tests/unit/rooms/world.h"

struct pair {
    struct world w;
    struct user ann, bob;
};

static void pair_begin(struct pair *t)
{
    world_begin(&t->w);
    user_join(&t->ann, &t->w, "ann");
    user_join(&t->bob, &t->w, "bob");
    user_offer(&t->bob, "as");
    world_turn(&t->w);
    user_forget(&t->ann);
}

static void lose_signalling(struct user *u)
{
    participant_detach(u->participant, u->world->now_us);
}

/* ---- grace and consent ---- */

static void without_signalling_it_stays_for_the_grace_period(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    lose_signalling(&t.bob);
    world_pass(&t.w, GRACE_MS - 1000);
    check_said(&t.ann, "");
    world_pass(&t.w, 2000);
    check_said(&t.ann, "left bob timeout; ");
    check_said(&t.bob, ""); /* nobody listened */
    world_end(&t.w);
}

static void who_resumes_in_time_stays(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    lose_signalling(&t.bob);
    world_pass(&t.w, GRACE_MS - 1000);
    participant_attach(t.bob.participant, &user_handlers, &t.bob);
    world_pass(&t.w, 10 * GRACE_MS);
    check_said(&t.ann, "");
    assert_int_equal(room_participant_count(t.w.room), 2);
    world_end(&t.w);
}

static void consent_that_ends_while_nobody_listens_ends_it_at_once(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    lose_signalling(&t.bob);
    transport_becomes(&t.bob, TRANSPORT_FAILED, "consent expired");
    check_said(&t.ann, "left bob timeout; ");
    world_end(&t.w);
}

static void signalling_that_ends_without_consent_ends_it_in_the_same_turn(void **state)
{
    static const enum transport_state lost[] = {TRANSPORT_FAILED, TRANSPORT_CLOSED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        struct pair t;
        pair_begin(&t);
        transport_becomes(&t.bob, lost[i], "");
        world_pass(&t.w, 10 * GRACE_MS);
        check_said(&t.ann, "");
        check_said(&t.bob, "transport failed; ");
        lose_signalling(&t.bob);
        check_said(&t.ann, "");
        world_turn(&t.w);
        check_said(&t.ann, "left bob timeout; ");
        world_end(&t.w);
    }
}

static void transport_states_are_told_to_its_owner(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    transport_becomes(&t.bob, TRANSPORT_CHECKING, "");
    transport_becomes(&t.bob, TRANSPORT_OPEN, "");
    check_said(&t.bob, "transport checking; transport open; ");
    check_said(&t.ann, "");
    assert_string_equal(participant_transport_state(t.bob.participant), "open");
    world_end(&t.w);
}

static void words_about_what_is_gone_are_dropped(void **state)
{
    const struct sfu_host_handlers *h = registry_host_handlers();
    struct pair t;
    uint64_t transport, track;

    (void)state;
    pair_begin(&t);
    transport = t.bob.participant->transport;
    track = pub_of(&t.bob, 0)->handle;
    user_leave(&t.bob);
    user_forget(&t.ann);
    h->on_transport_state(&fake_host[0], transport, TRANSPORT_FAILED, "", t.w.registry);
    h->on_track_live(&fake_host[0], track, CODEC_OPUS, t.w.registry);
    h->on_subscription_blocked(&fake_host[0], 12345, CODEC_OPUS, t.w.registry);
    check_said(&t.ann, "");
    world_end(&t.w);
}

/* ---- mute ---- */

static void mute_is_told_with_who_did_it(void **state)
{
    struct pair t;
    struct participant *bob;
    const char *id;

    (void)state;
    pair_begin(&t);
    bob = t.bob.participant;
    id = pub_of(&t.bob, 0)->id;
    assert_int_equal(participant_mute(bob, id, true, false), 0);
    assert_int_equal(participant_mute(bob, id, true, false), 0); /* again: nothing new */
    check_said(&t.ann, "muted bob microphone publisher; ");
    assert_false(fake_find(pub_of(&t.bob, 0)->handle)->muted);
    assert_int_equal(participant_mute(bob, id, true, true), 0);
    check_said(&t.ann, "muted bob microphone publisher server; ");
    check_said(&t.bob, "muted microphone publisher server; ");
    assert_true(fake_find(pub_of(&t.bob, 0)->handle)->muted);
    assert_int_equal(participant_mute(bob, id, false, false), E_DENIED);
    assert_int_equal(participant_mute(bob, id, false, true), 0);
    check_said(&t.ann, "muted bob microphone publisher; ");
    assert_false(fake_find(pub_of(&t.bob, 0)->handle)->muted);
    assert_int_equal(participant_mute(bob, id, false, false), 0);
    check_said(&t.ann, "muted bob microphone; ");
    world_end(&t.w);
}

static void only_the_owners_track_is_muted(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(participant_mute(t.ann.participant, pub_of(&t.bob, 0)->id, true, true),
                     E_NOT_FOUND);
    assert_int_equal(participant_mute(t.bob.participant, "TR_nothing", true, true), E_NOT_FOUND);
    assert_ptr_equal(room_find_track_owner(t.w.room, pub_of(&t.bob, 0)->id), t.bob.participant);
    assert_null(room_find_track_owner(t.w.room, "TR_nothing"));
    world_end(&t.w);
}

static void a_hidden_participants_mute_is_its_own_affair(void **state)
{
    struct pair t;
    struct user spy;
    struct permissions hidden = everything;

    (void)state;
    pair_begin(&t);
    hidden.hidden = true;
    user_join_with(&spy, &t.w, "spy", hidden);
    user_offer(&spy, "as");
    user_forget(&spy);
    assert_int_equal(participant_mute(spy.participant, pub_of(&spy, 0)->id, true, false), 0);
    check_said(&spy, "");
    assert_int_equal(participant_mute(spy.participant, pub_of(&spy, 0)->id, true, true), 0);
    check_said(&spy, "muted microphone publisher server; ");
    check_said(&t.ann, "");
    world_end(&t.w);
}

/* ---- requests ---- */

static int update(struct user *u, const char *name, const char *metadata)
{
    const struct participant_changes changes = {.name = name, .metadata = metadata};

    return participant_update(u->participant, &changes, false);
}

static void updates_are_told_to_the_others(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    assert_int_equal(update(&t.bob, "Bob", NULL), 0);
    assert_int_equal(update(&t.bob, NULL, "{\"a\":1}"), 0);
    check_said(&t.ann, "updated bob; updated bob; ");
    check_said(&t.bob, "");
    assert_string_equal(participant_name(t.bob.participant), "Bob");
    assert_string_equal(participant_metadata(t.bob.participant), "{\"a\":1}");
    world_end(&t.w);
}

static void bad_updates_change_nothing(void **state)
{
    struct world w;
    struct user u;
    struct permissions may_not = everything;
    char *big;

    (void)state;
    world_begin(&w);
    big = mem_alloc(MAX_METADATA_BYTES + 2);
    memset(big, 'x', MAX_METADATA_BYTES + 1);
    user_join(&u, &w, "ann");
    assert_int_equal(update(&u, big, NULL), E_LIMIT);
    assert_int_equal(update(&u, "Ann", big), E_LIMIT);
    assert_int_equal(update(&u, "\x01", NULL), E_INVALID);
    assert_string_equal(participant_name(u.participant), "ann");
    user_leave(&u);
    may_not.update_metadata = false;
    user_join_with(&u, &w, "bob", may_not);
    assert_int_equal(update(&u, "Bob", NULL), E_DENIED);
    mem_free(big);
    world_end(&w);
}

static void trickled_candidates_are_only_checked(void **state)
{
    static const struct {
        const char *line;
        int err;
    } row[] = {
        {"", 0},
        {"candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host", 0},
        {"candidate:1 1 udp", E_MALFORMED},
    };
    struct pair t;

    (void)state;
    pair_begin(&t);
    for (size_t i = 0; i < ARRAY_LEN(row); i++)
        assert_int_equal(participant_trickle(t.bob.participant, str_of(row[i].line)), row[i].err);
    world_end(&t.w);
}

static void note_error(int err, struct sfu_transport_report *report, void *arg)
{
    (void)report;
    *(int *)arg = err;
}

static void statistics_need_a_transport(void **state)
{
    struct pair t;
    int err = 1;

    (void)state;
    pair_begin(&t);
    participant_read_report(t.ann.participant, note_error, &err);
    assert_int_equal(err, E_STATE);
    participant_read_report(t.bob.participant, note_error, &err);
    assert_int_equal(err, 0);
    world_end(&t.w);
}

/* ---- leaving ---- */

static void leaving_ends_everything_of_it(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    user_offer(&t.bob, "as vr");
    user_leave(&t.bob);
    check_said(&t.bob, ""); /* it asked for it */
    check_said(&t.ann, "left bob left; ");
    assert_int_equal(fake_count, 0);
    assert_int_equal(room_publication_count(t.w.room), 0);
    assert_null(room_find_identity(t.w.room, "bob"));
    world_end(&t.w);
}

static void leave_again(struct user *u, const struct room_event *event)
{
    if (event->kind != ROOM_CLOSED)
        return;
    struct participant *p = (struct participant *)event->participant;
    participant_detach(p, u->world->now_us);
    participant_attach(p, &user_handlers, u);
    participant_leave(&p, LEAVE_LEFT);
}

static void asking_again_while_it_leaves_does_nothing(void **state)
{
    struct pair t;

    (void)state;
    pair_begin(&t);
    t.bob.then = leave_again;
    participant_leave(&t.bob.participant, LEAVE_REMOVED);
    check_said(&t.bob, "closed removed; ");
    check_said(&t.ann, "left bob removed; ");
    world_pass(&t.w, 10 * GRACE_MS);
    world_end(&t.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_signalling_it_stays_for_the_grace_period),
        cmocka_unit_test(who_resumes_in_time_stays),
        cmocka_unit_test(consent_that_ends_while_nobody_listens_ends_it_at_once),
        cmocka_unit_test(signalling_that_ends_without_consent_ends_it_in_the_same_turn),
        cmocka_unit_test(transport_states_are_told_to_its_owner),
        cmocka_unit_test(words_about_what_is_gone_are_dropped),
        cmocka_unit_test(mute_is_told_with_who_did_it),
        cmocka_unit_test(only_the_owners_track_is_muted),
        cmocka_unit_test(a_hidden_participants_mute_is_its_own_affair),
        cmocka_unit_test(updates_are_told_to_the_others),
        cmocka_unit_test(bad_updates_change_nothing),
        cmocka_unit_test(trickled_candidates_are_only_checked),
        cmocka_unit_test(statistics_need_a_transport),
        cmocka_unit_test(leaving_ends_everything_of_it),
        cmocka_unit_test(asking_again_while_it_leaves_does_nothing),
    };

    return cmocka_run_group_tests_name("rooms/participant", tests, NULL, NULL);
}
