/* SPDX-License-Identifier: Apache-2.0 */
/* test_registry.c - rooms by name, workers by load, draining and the end. */
#include "tests/unit/rooms/world.h"

static int create(struct world *w, const char *name, uint32_t max_participants,
                  const char *metadata, bool *existed)
{
    struct room_settings settings = registry_default_settings(w->registry);

    settings.max_participants = max_participants;
    settings.metadata = metadata;
    return registry_create_room(w->registry, name, &settings, &w->room, existed);
}

static void a_room_is_made_once(void **state)
{
    struct world w;
    bool existed = true;
    struct room *first;

    (void)state;
    world_begin_with(&w, 1);
    assert_int_equal(create(&w, "a", 5, "{}", &existed), 0);
    assert_false(existed);
    first = w.room;
    assert_int_equal(create(&w, "a", 5, "{}", &existed), 0);
    assert_true(existed);
    assert_ptr_equal(w.room, first);
    assert_int_equal(create(&w, "a", 6, "{}", &existed), E_CONFLICT);
    assert_int_equal(create(&w, "a", 5, NULL, &existed), E_CONFLICT);
    assert_int_equal(registry_room_count(w.registry), 1);
    assert_string_equal(room_name(first), "a");
    assert_string_equal(room_settings(first)->metadata, "{}");
    world_end(&w);
}

static void names_and_settings_are_checked(void **state)
{
    struct world w;
    bool existed;
    char long_name[MAX_ROOM_NAME_LEN + 2], *big;

    (void)state;
    world_begin_with(&w, 1);
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = 0;
    big = mem_alloc(MAX_METADATA_BYTES + 2);
    memset(big, 'x', MAX_METADATA_BYTES + 1);
    const struct {
        const char *name;
        uint32_t max_participants;
        const char *metadata;
    } row[] = {
        {NULL, 1, NULL},      {"", 1, NULL},
        {long_name, 1, NULL}, {"a/b", 1, NULL},
        {"a\x7f", 1, NULL},   {"\xc3", 1, NULL},
        {"a", 0, NULL},       {"a", MAX_PARTICIPANTS_PER_ROOM + 1, NULL},
        {"a", 1, big},
    };
    for (size_t i = 0; i < ARRAY_LEN(row); i++)
        assert_int_equal(
            create(&w, row[i].name, row[i].max_participants, row[i].metadata, &existed), E_INVALID);
    assert_int_equal(registry_room_count(w.registry), 0);
    mem_free(big);
    world_end(&w);
}

static void rooms_go_where_least_is_to_do(void **state)
{
    static const char *const name[] = {"a", "b", "c"};
    struct world w;
    struct user u[3];
    bool existed;

    (void)state;
    world_begin_with(&w, FAKE_HOSTS);
    for (unsigned i = 0; i < FAKE_HOSTS; i++) { /* empty rooms count among equals */
        assert_int_equal(create(&w, name[i], 9, NULL, &existed), 0);
        assert_int_equal(sfu_host_index(w.room->host->host), i);
        user_join(&u[i], &w, "ann");
    }
    user_leave(&u[1]);
    assert_int_equal(create(&w, "d", 9, NULL, &existed), 0);
    assert_int_equal(sfu_host_index(w.room->host->host), 1);
    world_end(&w);
}

static void count_room(struct room *r, void *arg)
{
    (void)r;
    ++*(unsigned *)arg;
}

static void end_room(struct room *r, void *arg)
{
    registry_delete_room(arg, r, LEAVE_ROOM_DELETED);
}

static void rooms_are_visited_and_may_end_by_it(void **state)
{
    struct world w;
    bool existed;
    unsigned n = 0;

    (void)state;
    world_begin_with(&w, 1);
    assert_int_equal(create(&w, "a", 9, NULL, &existed), 0);
    assert_int_equal(create(&w, "b", 9, NULL, &existed), 0);
    registry_each_room(w.registry, count_room, &n);
    assert_int_equal(n, 2);
    registry_each_room(w.registry, end_room, w.registry);
    assert_int_equal(registry_room_count(w.registry), 0);
    world_end(&w);
}

static void deleting_a_room_tells_everyone_once(void **state)
{
    struct world w;
    struct user ann, bob;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    user_join(&bob, &w, "bob");
    user_offer(&ann, "as vr");
    user_offer(&bob, "as ar");
    world_turn(&w);
    user_forget(&ann);
    user_forget(&bob);
    registry_delete_room(w.registry, w.room, LEAVE_ROOM_DELETED);
    check_said(&ann, "closed roomDeleted; ");
    check_said(&bob, "closed roomDeleted; ");
    assert_int_equal(fake_count, 0);
    assert_null(registry_find_room(w.registry, "demo"));
    assert_int_equal(registry_participant_count(w.registry), 0);
    world_end(&w);
}

static void make_it_anew(struct user *u, const struct room_event *event)
{
    struct room *ending = u->world->room;
    bool existed;

    if (event->kind != ROOM_CLOSED)
        return;
    struct user other;
    const struct participant_params params = {.identity = "late", .permissions = everything};
    assert_int_equal(user_join_as(&other, u->world, ending, &params), E_STATE);
    assert_int_equal(create(u->world, "demo", 7, NULL, &existed), 0);
    assert_false(existed);
    registry_delete_room(u->world->registry, ending,
                         LEAVE_REMOVED); /* ends already: its name is another's */
}

static void a_name_is_free_while_its_room_ends(void **state)
{
    struct world w;
    struct user ann;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    ann.then = make_it_anew;
    registry_delete_room(w.registry, w.room, LEAVE_ROOM_DELETED);
    assert_ptr_equal(registry_find_room(w.registry, "demo"), w.room);
    assert_int_equal(room_settings(w.room)->max_participants, 7);
    assert_int_equal(room_participant_count(w.room), 0);
    world_end(&w);
}

static void want_another_room(struct user *u, const struct room_event *event)
{
    bool existed;

    if (event->kind == ROOM_CLOSED)
        assert_int_equal(create(u->world, "more", 7, NULL, &existed), E_STATE);
}

static void draining_ends_all_and_admits_nobody(void **state)
{
    struct world w;
    struct user ann;
    bool existed;

    (void)state;
    world_begin(&w);
    assert_int_equal(create(&w, "other", 7, NULL, &existed), 0);
    user_join(&ann, &w, "ann");
    ann.then = want_another_room;
    assert_false(registry_is_draining(w.registry));
    registry_drain(w.registry);
    check_said(&ann, "closed shutdown; ");
    assert_true(registry_is_draining(w.registry));
    assert_int_equal(registry_room_count(w.registry), 0);
    assert_int_equal(create(&w, "late", 7, NULL, &existed), E_STATE);
    registry_drain(w.registry);
    world_end(&w);
}

static void closing_with_people_in_it_leaves_nothing(void **state)
{
    struct world w;
    struct user ann, bob;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    user_join(&bob, &w, "bob");
    user_offer(&ann, "as vr");
    user_offer(&bob, "vs ar");
    world_end(&w);
    assert_non_null(strstr(ann.said, "closed shutdown; "));
    assert_non_null(strstr(bob.said, "closed shutdown; "));
}

struct shown {
    unsigned times;
    size_t hosts;
    bool is_any_known;
    uint64_t rooms, participants, rooms_created, joins;
};

static void on_stats(const struct registry_stats *stats, void *arg)
{
    struct shown *s = arg;

    s->times++;
    s->hosts = stats->host_count;
    s->rooms = stats->rooms;
    s->participants = stats->participants;
    s->rooms_created = stats->rooms_created;
    s->joins = stats->joins;
    for (size_t i = 0; i < stats->host_count; i++)
        s->is_any_known = s->is_any_known || stats->host[i].err == 0;
}

/* The fake workers answer within the call, as real ones that close do: E_STATE. */
static void statistics_come_once_and_remember_who_left(void **state)
{
    struct shown shown = {0};
    struct world w;
    struct user ann, bob;

    (void)state;
    world_begin(&w);
    user_join(&ann, &w, "ann");
    user_join(&bob, &w, "bob");
    participant_leave(&bob.participant, LEAVE_REMOVED);
    registry_read_stats(w.registry, on_stats, &shown);
    assert_int_equal(shown.times, 1);
    assert_true(shown.hosts > 0);
    assert_false(shown.is_any_known);
    assert_int_equal(shown.rooms, 1);
    assert_int_equal(shown.rooms_created, 1);
    assert_int_equal(shown.participants, 1);
    assert_int_equal(shown.joins, 2);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_room_is_made_once),
        cmocka_unit_test(names_and_settings_are_checked),
        cmocka_unit_test(rooms_go_where_least_is_to_do),
        cmocka_unit_test(rooms_are_visited_and_may_end_by_it),
        cmocka_unit_test(deleting_a_room_tells_everyone_once),
        cmocka_unit_test(a_name_is_free_while_its_room_ends),
        cmocka_unit_test(draining_ends_all_and_admits_nobody),
        cmocka_unit_test(closing_with_people_in_it_leaves_nothing),
        cmocka_unit_test(statistics_come_once_and_remember_who_left),
    };

    return cmocka_run_group_tests_name("rooms/registry", tests, NULL, NULL);
}
