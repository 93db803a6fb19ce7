/* SPDX-License-Identifier: Apache-2.0 */
/* A room that outgrows its worker: where participants go, and on which workers a track is. */
#include "tests/unit/rooms/world.h"

#define PEOPLE 40

static struct world w;
static struct user user[PEOPLE];

static void join_all(unsigned n)
{
    char identity[16];

    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(identity, sizeof(identity), "user%u", i);
        user_join(&user[i], &w, identity);
    }
}

static const struct sfu_host *host_of(const struct user *u)
{
    return u->participant->host->host;
}

/* The replica of a publication, NULL when there is none. */
static const struct fake_object *replica_of(const struct publication *pub)
{
    for (size_t i = 0; i < fake_count; i++)
        if (fake_object[i].kind == FAKE_REPLICA && fake_object[i].other_id == pub->handle)
            return &fake_object[i];
    return NULL;
}

static void a_small_room_stays_on_one_worker_and_a_large_one_uses_all(void **state)
{
    (void)state;
    world_begin_on(&w, 2);
    join_all(PEOPLE);
    for (unsigned i = 0; i < 9; i++)
        assert_ptr_equal(host_of(&user[i]), host_of(&user[0]));
    size_t a = w.registry->host[0].participant_count, b = w.registry->host[1].participant_count;
    assert_int_equal(a + b, PEOPLE);
    assert_true(a >= b ? a - b <= 9 : b - a <= 9);
    while (w.room->participant_count > 0)
        user_leave(&user[w.room->participant_count - 1]);
    assert_int_equal(w.registry->host[0].participant_count, 0);
    assert_int_equal(w.registry->host[1].participant_count, 0);
    world_end(&w);
}

/* Two who are on another worker than the first. */
static void find_two_elsewhere(struct user *found[2])
{
    unsigned n = 0;

    for (unsigned i = 1; i < PEOPLE && n < 2; i++)
        if (host_of(&user[i]) != host_of(&user[0]))
            found[n++] = &user[i];
    assert_int_equal(n, 2);
}

static void a_track_has_one_replica_where_somebody_receives_it(void **state)
{
    struct user *far[2];

    (void)state;
    world_begin_on(&w, 2);
    join_all(PEOPLE);
    find_two_elsewhere(far);
    user_offer(&user[0], "vs");
    struct publication *pub = pub_of(&user[0], 0);
    assert_null(replica_of(pub));
    user_offer(&user[1], "vr"); /* on the same worker: the track itself */
    assert_int_equal(flowing(&user[1], "0"), pub->handle);
    assert_null(replica_of(pub));

    user_offer(far[0], "vr");
    const struct fake_object *r = replica_of(pub);
    assert_non_null(r);
    assert_ptr_equal(r->host, host_of(far[0]));
    assert_int_equal(flowing(far[0], "0"), r->id);
    user_offer(far[1], "vr");
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    assert_int_equal(flowing(far[1], "0"), r->id);

    user_leave(far[0]);
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    user_leave(far[1]);
    assert_int_equal(fake_open(FAKE_REPLICA), 0);
    assert_int_equal(fake_misses, 0);
    world_end(&w);
}

static void mute_and_renegotiation_reach_the_replica(void **state)
{
    struct user *far[2];

    (void)state;
    world_begin_on(&w, 2);
    join_all(PEOPLE);
    find_two_elsewhere(far);
    user_offer(&user[0], "vs");
    struct publication *pub = pub_of(&user[0], 0);
    user_offer(far[0], "vr");
    assert_int_equal(participant_mute(user[0].participant, pub->id, true, true), 0);
    assert_true(replica_of(pub)->muted);
    user_offer(&user[0], "vs");
    assert_int_equal(replica_of(pub)->updates, 1);
    assert_int_equal(participant_mute(user[0].participant, pub->id, false, true), 0);
    assert_false(replica_of(pub)->muted);
    assert_int_equal(participant_mute(user[0].participant, pub->id, true, true), 0);
    user_leave(far[0]);
    user_offer(far[1], "vr"); /* made anew, and muted from the start */
    assert_true(replica_of(pub)->muted);
    assert_int_equal(fake_misses, 0);
    world_end(&w);
}

static void replicas_end_with_their_track(void **state)
{
    struct user *far[2];

    (void)state;
    world_begin_on(&w, 2);
    join_all(PEOPLE);
    find_two_elsewhere(far);
    user_offer(far[0], "ar vr");
    user_offer(far[1], "ar vr");
    user_offer(&user[0], "as vs");
    assert_int_equal(fake_open(FAKE_REPLICA), 2);
    user_offer(&user[0], "as v-"); /* the camera is taken away */
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    assert_int_equal(flowing(far[0], "1"), 0);
    user_leave(&user[0]);
    assert_int_equal(fake_open(FAKE_REPLICA), 0);
    assert_int_equal(fake_misses, 0);
    world_end(&w);
}

static void a_slot_that_ends_lets_its_replica_go(void **state)
{
    struct user *far[2];

    (void)state;
    world_begin_on(&w, 2);
    join_all(PEOPLE);
    find_two_elsewhere(far);
    user_offer(&user[0], "vs");
    user_offer(far[0], "vr");
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    user_offer(far[0], "v-");
    assert_int_equal(fake_open(FAKE_REPLICA), 0);
    user_offer(far[0], "vr");
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    far[0]->certificate++; /* another PeerConnection */
    far[0]->ufrag = "another1";
    user_offer(far[0], "vr");
    assert_int_equal(fake_open(FAKE_REPLICA), 1);
    assert_int_equal(fake_misses, 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_room_stays_on_one_worker_and_a_large_one_uses_all),
        cmocka_unit_test(a_track_has_one_replica_where_somebody_receives_it),
        cmocka_unit_test(mute_and_renegotiation_reach_the_replica),
        cmocka_unit_test(replicas_end_with_their_track),
        cmocka_unit_test(a_slot_that_ends_lets_its_replica_go),
    };

    return cmocka_run_group_tests_name("rooms/replicas", tests, NULL, NULL);
}
