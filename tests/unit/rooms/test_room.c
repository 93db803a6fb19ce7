/* SPDX-License-Identifier: Apache-2.0 */
/* test_room.c - who comes in, who is told, and when an empty room ends. */
#include "tests/unit/rooms/world.h"

static int try_join(struct user *u, struct world *w, const char *identity, const char *name,
                    const char *metadata)
{
    const struct participant_params params = {
        .identity = identity, .name = name, .metadata = metadata, .permissions = everything};

    return user_join_as(u, w, w->room, &params);
}

static void comings_and_goings_are_told(void **state)
{
    struct world w;
    struct user ann, bob;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    user_join(&bob, &w, "bob");
    check_said(&ann, "joined bob; ");
    check_said(&bob, "");
    user_leave(&ann);
    check_said(&bob, "left ann left; ");
    world_end(&w);
}

static void a_participant_is_found_by_identity_and_by_id(void **state)
{
    struct world w;
    struct user ann;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    assert_ptr_equal(room_find_identity(w.room, "ann"), ann.participant);
    assert_ptr_equal(room_find_id(w.room, participant_id(ann.participant)), ann.participant);
    assert_null(room_find_identity(w.room, "bob"));
    assert_null(room_find_id(w.room, "PA_nobody"));
    assert_int_equal(strncmp(participant_id(ann.participant), "PA_", 3), 0);
    assert_string_equal(participant_name(ann.participant), "ann");
    world_end(&w);
}

static void the_same_identity_replaces(void **state)
{
    struct world w;
    struct user ann, again, bob;

    (void)state;
    world_begin(&w);
    user_join(&bob, &w, "bob");
    user_join(&ann, &w, "ann");
    user_offer(&ann, "as");
    user_forget(&bob);
    user_join(&again, &w, "ann");
    check_said(&ann, "closed replaced; ");
    check_said(&bob, "left ann replaced; joined ann; ");
    assert_int_equal(room_participant_count(w.room), 2);
    assert_ptr_equal(room_find_identity(w.room, "ann"), again.participant);
    world_end(&w);
}

static void hidden_ones_come_and_go_unseen(void **state)
{
    struct world w;
    struct user ann, spy;
    struct permissions hidden = everything;

    (void)state;
    hidden.hidden = true;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    user_join_with(&spy, &w, "spy", hidden);
    assert_int_equal(
        participant_update(spy.participant, &(struct participant_changes){.name = "Spy"}, false),
        0);
    assert_int_equal(room_participant_count(w.room), 2);
    user_leave(&spy);
    check_said(&ann, "");
    world_end(&w);
}

static void bad_params_are_refused(void **state)
{
    struct world w;
    struct user u;
    char *big;

    (void)state;
    world_begin(&w);
    big = mem_alloc(MAX_METADATA_BYTES + 2);
    memset(big, 'x', MAX_METADATA_BYTES + 1);
    const struct {
        const char *identity, *name, *metadata;
    } row[] = {
        {NULL, NULL, NULL}, {"", NULL, NULL},      {big, NULL, NULL},  {"a\nb", NULL, NULL},
        {"ann", big, NULL}, {"ann", "\xff", NULL}, {"ann", NULL, big},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++)
        assert_int_equal(try_join(&u, &w, row[i].identity, row[i].name, row[i].metadata),
                         E_INVALID);
    assert_int_equal(room_participant_count(w.room), 0);
    mem_free(big);
    world_end(&w);
}

static void a_full_room_admits_only_who_replaces(void **state)
{
    struct world w;
    struct user ann, bob;
    struct room_settings settings;
    bool existed;

    (void)state;
    world_begin(&w);
    settings = registry_default_settings(w.registry);
    settings.max_participants = 1;
    assert_int_equal(registry_create_room(w.registry, "small", &settings, &w.room, &existed), 0);
    user_join(&ann, &w, "ann");
    assert_int_equal(try_join(&bob, &w, "bob", NULL, NULL), E_LIMIT);
    check_said(&ann, "");
    user_join(&bob, &w, "ann");
    check_said(&ann, "closed replaced; ");
    world_end(&w);
}

/* ---- handlers that change the world ---- */

static struct user third;

static void join_in_the_gap(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_CLOSED)
        user_join(&third, u->world, "ann");
}

static void a_handler_may_join_while_it_is_replaced(void **state)
{
    struct world w;
    struct user ann, again;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    ann.then = join_in_the_gap;
    user_join(&again, &w, "ann");
    check_said(&third,
               "left ann replaced; closed replaced; "); /* it came before the others were told */
    check_said(&ann, "closed replaced; ");
    assert_ptr_equal(room_find_identity(w.room, "ann"), again.participant);
    assert_int_equal(room_participant_count(w.room), 1);
    world_end(&w);
}

static void end_the_room(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_CLOSED || event->kind == ROOM_PARTICIPANT_JOINED)
        registry_delete_room(u->world->registry, u->world->room, LEAVE_ROOM_DELETED);
}

static void a_room_may_end_while_somebody_joins(void **state)
{
    struct world w;
    struct user ann, bob, again;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    ann.then = end_the_room;
    assert_int_equal(try_join(&again, &w, "ann", NULL, NULL), E_STATE);
    assert_int_equal(registry_room_count(w.registry), 0);
    world_end(&w);

    world_begin(&w);
    user_join(&ann, &w, "ann");
    ann.then = end_the_room;
    assert_int_equal(try_join(&bob, &w, "bob", NULL, NULL), E_STATE);
    check_said(&ann, "joined bob; closed roomDeleted; ");
    world_end(&w);
}

static void leave_in_turn(struct user *u, const struct room_event *event)
{
    if (event->kind == ROOM_PARTICIPANT_LEFT)
        participant_leave(&u->participant, LEAVE_REMOVED);
}

static void everyone_may_leave_because_somebody_left(void **state)
{
    struct world w;
    struct user u[5];
    char identity[8];

    (void)state;
    world_begin(&w);
    for (size_t i = 0; i < ARRAY_LEN(u); i++) {
        (void)snprintf(identity, sizeof(identity), "u%zu", i);
        user_join(&u[i], &w, identity);
        u[i].then = leave_in_turn;
    }
    user_leave(&u[2]);
    assert_int_equal(room_participant_count(w.room), 0);
    assert_int_equal(registry_participant_count(w.registry), 0);
    world_end(&w);
}

/* ---- empty rooms ---- */

static void an_empty_room_ends_after_its_time(void **state)
{
    struct world w;
    struct user ann;

    (void)state;
    world_begin(&w);
    world_pass(&w, EMPTY_MS - 1000);
    assert_int_equal(registry_room_count(w.registry), 1);
    user_join(&ann, &w, "ann");
    world_pass(&w, 3 * EMPTY_MS);
    assert_int_equal(registry_room_count(w.registry), 1);
    user_leave(&ann);
    world_pass(&w, 2 * EMPTY_MS);
    assert_int_equal(registry_room_count(w.registry), 0);
    world_end(&w);
}

static void a_room_without_a_timeout_stays(void **state)
{
    struct world w;
    struct room_settings settings;
    bool existed;

    (void)state;
    world_begin(&w);
    settings = registry_default_settings(w.registry);
    settings.empty_timeout_ms = 0;
    assert_int_equal(registry_create_room(w.registry, "forever", &settings, &w.room, &existed), 0);
    world_pass(&w, 100 * EMPTY_MS);
    assert_ptr_equal(registry_find_room(w.registry, "forever"), w.room);
    world_end(&w);
}

/* ---- many ---- */

static void viewers_cost_nothing_to_each_other(void **state)
{
    enum { VIEWERS = 500 };
    struct world w;
    struct user *viewer, host;
    struct permissions hidden = everything;
    char identity[16];

    (void)state;
    world_begin(&w);
    viewer = mem_alloc_array(VIEWERS, sizeof(*viewer));
    hidden.hidden = true;
    user_join(&host, &w, "host");
    user_offer(&host, "as vs");
    for (size_t i = 0; i < VIEWERS; i++) {
        (void)snprintf(identity, sizeof(identity), "v%zu", i);
        user_join_with(&viewer[i], &w, identity, hidden);
    }
    user_offer(&viewer[VIEWERS - 1], "ar vr");
    check_slots(&viewer[VIEWERS - 1], " 0=host:microphone 1=host:camera");
    world_turn(&w);
    check_said(&host, "");
    check_said(&viewer[0], "");
    world_end_but(&w, 1);
    mem_free(viewer); /* until the end they are told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comings_and_goings_are_told),
        cmocka_unit_test(a_participant_is_found_by_identity_and_by_id),
        cmocka_unit_test(the_same_identity_replaces),
        cmocka_unit_test(hidden_ones_come_and_go_unseen),
        cmocka_unit_test(bad_params_are_refused),
        cmocka_unit_test(a_full_room_admits_only_who_replaces),
        cmocka_unit_test(a_handler_may_join_while_it_is_replaced),
        cmocka_unit_test(a_room_may_end_while_somebody_joins),
        cmocka_unit_test(everyone_may_leave_because_somebody_left),
        cmocka_unit_test(an_empty_room_ends_after_its_time),
        cmocka_unit_test(a_room_without_a_timeout_stays),
        cmocka_unit_test(viewers_cost_nothing_to_each_other),
    };

    return cmocka_run_group_tests_name("rooms/room", tests, NULL, NULL);
}
