/* SPDX-License-Identifier: Apache-2.0 */
/* test_worker_spread.c - rooms share out the media workers; a room that outgrows one uses the others as well. */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "tests/integration/group.h"

#define ROOMS 6

static const uint32_t tags[] = {1, 2};

static struct client *join(unsigned room, unsigned member)
{
    char name[16], identity[16];
    const struct client_config config = {
        .identity = identity,
        .room = name,
        .tag = tags[member],
        .link = {.kind = room == 0 ? LINK_NICE_UDP : LINK_LIGHT},
        .slots = 1,
        .publishes = true,
    };

    g_snprintf(name, sizeof(name), "room-%u", room);
    g_snprintf(identity, sizeof(identity), "member-%u", member);
    struct client *c = client_join(group_server, &config);
    assert_non_null(c);
    assert_true(client_wait_open(c));
    client_start_media(c);
    return c;
}

static void rooms_land_on_both_workers(void **state)
{
    struct client *c[ROOMS][2];
    unsigned rooms_on[2] = {0, 0};

    (void)state;
    for (unsigned r = 0; r < ROOMS; r++)
        for (unsigned m = 0; m < 2; m++)
            c[r][m] = join(r, m);
    for (unsigned r = 0; r < ROOMS; r++) {
        struct client_group group = {c[r], tags, 2};
        assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
        assert_int_equal(seat_worker(client_seat(c[r][0])), seat_worker(client_seat(c[r][1])));
        rooms_on[seat_worker(client_seat(c[r][0]))]++;
    }
    assert_int_equal(rooms_on[0], ROOMS / 2);
    assert_int_equal(rooms_on[1], ROOMS / 2);
    for (unsigned w = 0; w < 2; w++) {
        struct sfu_host_stats s = test_server_stats(group_server, w);
        assert_int_equal(s.sfu.transports, ROOMS);
        assert_int_equal(s.sfu.tracks, 2 * ROOMS);
        assert_true(s.sfu.packets_forwarded > 0);
    }
    for (unsigned r = 0; r < ROOMS; r++)
        group_leave(c[r], 2);
}

static void a_room_goes_where_there_is_most_room(void **state)
{
    struct client *first[2], *second, *third;

    (void)state;
    first[0] = join(0, 0);
    first[1] = join(0, 1);
    second = join(1, 0);
    third = join(2, 0);
    assert_int_not_equal(seat_worker(client_seat(first[0])), seat_worker(client_seat(second)));
    assert_int_equal(seat_worker(client_seat(second)), seat_worker(client_seat(third)));
    client_leave(&third);
    client_leave(&second);
    group_leave(first, 2);
}

#define CROWD 14

/* Everybody has the first one's media, wherever the two are. */
static bool crowd_has_first(void *arg)
{
    struct client **c = arg;

    for (unsigned i = 1; i < CROWD; i++)
        if (!client_has_source(c[i], 1))
            return false;
    return true;
}

static void check_no_loss(struct client **c)
{
    for (unsigned i = 1; i < CROWD; i++) {
        assert_int_equal(client_stats(c[i])->audio[1].missing, 0);
        assert_int_equal(client_stats(c[i])->sequence_gaps, 0);
    }
}

static void a_large_room_uses_both_workers(void **state)
{
    struct client *c[CROWD];
    unsigned on[2] = {0, 0};

    (void)state;
    for (unsigned i = 0; i < CROWD; i++) {
        char identity[16];
        const struct client_config config = {
            .identity = identity,
            .tag = 1 + i,
            .link = {.kind = i % 5 == 0 ? LINK_NICE_UDP : LINK_LIGHT},
            .slots = i == 0 ? 0 : 1,
            .publishes = i == 0,
        };
        g_snprintf(identity, sizeof(identity), "member-%u", i);
        c[i] = client_join(group_server, &config);
        assert_non_null(c[i]);
        assert_true(client_wait_open(c[i]));
        if (i == 0)
            client_start_media(c[i]);
        on[seat_worker(client_seat(c[i]))]++;
    }
    assert_true(on[0] >= 2 && on[1] >= 2);
    assert_true(clock_wait(crowd_has_first, c, WAIT_MS));
    check_no_loss(c);
    unsigned home = seat_worker(client_seat(c[0])), other = home ^ 1u;
    struct sfu_host_stats at_home = test_server_stats(group_server, home);
    struct sfu_host_stats away = test_server_stats(group_server, other);
    assert_int_equal(at_home.sfu.tracks, 2);
    assert_int_equal(away.sfu.tracks, 0);
    assert_int_equal(away.sfu.replicas, 2);
    assert_true(at_home.sfu.packets_relayed > 0);
    assert_int_equal(at_home.sfu.relay_dropped, 0);
    assert_true(away.sfu.replica_received > 0);
    for (unsigned i = 0; i < CROWD; i++)
        client_reset_received(c[i]);
    for (unsigned i = 1; i < CROWD; i++) /* all ask, from both workers */
        client_send_pli(c[i]);
    assert_true(clock_wait(crowd_has_first, c, WAIT_MS));
    struct client *first = c[0];
    client_leave(&first); /* the origin goes before the replicas' viewers */
    for (unsigned i = 1; i < CROWD; i++)
        client_leave(&c[i]);
}

/* ---- who speaks ---- */

#define LOUD 20
#define QUIET 90

/* Those who speak: of both workers. */
static bool speaks(unsigned i)
{
    return i < 2 || i >= CROWD - 2;
}

struct crowd {
    struct client *c[CROWD];
    unsigned speaker;
};

static bool all_follow_the_speaker(void *arg)
{
    const struct crowd *crowd = arg;

    for (unsigned i = 0; i < CROWD; i++)
        if (i != crowd->speaker && !client_has_source(crowd->c[i], 1 + crowd->speaker))
            return false;
    return true;
}

static struct client *join_follower(unsigned i)
{
    char identity[16];
    const struct client_config config = {
        .identity = identity,
        .tag = 1 + i,
        .link = {.kind = LINK_LIGHT},
        .slots = 1,
        .publishes = speaks(i),
        .follows = true,
    };

    g_snprintf(identity, sizeof(identity), "member-%u", i);
    struct client *c = client_join(group_server, &config);
    assert_non_null(c);
    assert_true(client_wait_open(c));
    client_set_level(c, QUIET);
    if (config.publishes)
        client_start_media(c);
    return c;
}

static void slots_follow_who_speaks_over_workers(void **state)
{
    static const unsigned turns[] = {1, CROWD - 1, 0, CROWD - 2, 1};
    struct crowd crowd;
    unsigned on[2] = {0, 0};

    (void)state;
    for (unsigned i = 0; i < CROWD; i++) {
        crowd.c[i] = join_follower(i);
        on[seat_worker(client_seat(crowd.c[i]))] += speaks(i);
    }
    assert_true(on[0] > 0 && on[1] > 0);
    for (unsigned t = 0; t < ARRAY_LEN(turns); t++) {
        crowd.speaker = turns[t];
        for (unsigned i = 0; i < CROWD; i++)
            client_reset_received(crowd.c[i]);
        client_set_level(crowd.c[crowd.speaker], LOUD);
        assert_true(clock_wait(all_follow_the_speaker, &crowd, WAIT_MS));
        client_set_level(crowd.c[crowd.speaker], QUIET);
        for (unsigned i = 0; i < CROWD; i++)
            assert_int_equal(client_stats(crowd.c[i])->audio[1 + crowd.speaker].missing, 0);
    }
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(client_stats(crowd.c[i])->sequence_gaps, 0);
    for (unsigned w = 0; w < 2; w++) { /* microphone and camera of who is elsewhere, once */
        struct sfu_host_stats at = test_server_stats(group_server, w);
        assert_in_range(at.sfu.replicas, 1, 2 * on[w ^ 1]);
        assert_int_equal(at.sfu.relay_dropped, 0);
    }
    for (unsigned i = 0; i < CROWD; i++)
        client_leave(&crowd.c[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rooms_land_on_both_workers, group_begin_two_workers,
                                        group_end),
        cmocka_unit_test_setup_teardown(a_room_goes_where_there_is_most_room,
                                        group_begin_two_workers, group_end),
        cmocka_unit_test_setup_teardown(a_large_room_uses_both_workers, group_begin_two_workers,
                                        group_end),
        cmocka_unit_test_setup_teardown(slots_follow_who_speaks_over_workers,
                                        group_begin_two_workers, group_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
