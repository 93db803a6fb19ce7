/* SPDX-License-Identifier: Apache-2.0 */
/* test_ice.c - the server's ICE-lite side against a full agent: roles, credentials, restarts, moves, consent. */
#include "tests/unit/core/cmocka_all.h"

#include "core/attr.h"
#include "tests/integration/group.h"

static const uint32_t tags[] = {1, 2, 3};

/* ---- waiting for ---- */

static bool has_moved(void *arg)
{
    struct transport_stats s = seat_transport(client_seat(arg));

    return s.state == TRANSPORT_OPEN && s.ice.selected_changes >= 2;
}

struct flow {
    struct client *from, *to;
    uint32_t tag, past; /* numbers sent by now have arrived */
};

static bool has_flown(void *arg)
{
    const struct flow *f = arg;

    return client_stats(f->to)->audio[f->tag].last > f->past;
}

/* What is sent from now on arrives. */
static void assert_flows(struct client *from, uint32_t tag, struct client *to)
{
    struct flow f = {from, to, tag, client_stats(from)->sent_audio};

    assert_true(clock_wait(has_flown, &f, WAIT_MS));
}

static void assert_nothing_lost(struct client *c, uint32_t from_tag)
{
    const struct client_stats *s = client_stats(c);

    assert_int_equal(s->audio[from_tag].missing, 0);
    assert_int_equal(s->video[from_tag].missing, 0);
    assert_int_equal(s->audio[from_tag].repeated + s->video[from_tag].repeated, 0);
    assert_int_equal(s->sequence_gaps, 0);
}

/* ---- restarts ---- */

struct again {
    const struct link *link;
    unsigned connections;
};

/* The agent has found a pair under the new credentials. */
static bool has_connected_again(void *arg)
{
    const struct again *a = arg;

    return a->link->connections > a->connections;
}

static void restart_while_media_flows(enum link_kind kind)
{
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    group_call_of_two(c, kind);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    client_reset_received(c[0]); /* from here on every number counts */
    client_reset_received(c[1]);
    for (unsigned round = 1; round <= 3; round++) {
        struct again again = {client_link(c[0]), client_link(c[0])->connections};
        assert_int_equal(client_restart_ice(c[0]), 0);
        assert_true(clock_wait(has_connected_again, &again, WAIT_MS));
        assert_flows(c[0], 1, c[1]);
        assert_flows(c[1], 2, c[0]);
        assert_int_equal(seat_transport(client_seat(c[0])).ice.restarts, round);
    }
    assert_true(seat_transport(client_seat(c[0])).state == TRANSPORT_OPEN);
    assert_nothing_lost(c[0], 2);
    assert_nothing_lost(c[1], 1);
    group_leave(c, 2);
}

static void an_ice_restart_loses_no_media(void **state)
{
    (void)state;
    restart_while_media_flows(LINK_NICE_UDP);
}

static void an_ice_restart_over_tcp_loses_no_media(void **state)
{
    (void)state;
    restart_while_media_flows(LINK_NICE_TCP);
}

/* ---- another address ---- */

static void move_while_media_flows(enum link_kind kind)
{
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    group_call_of_two(c, kind);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    struct transport_stats before = seat_transport(client_seat(c[0]));
    link_move(client_link(c[0]));
    assert_true(clock_wait(has_moved, c[0], WAIT_MS));
    struct transport_stats after = seat_transport(client_seat(c[0]));
    assert_int_not_equal(before.selected.remote.port, after.selected.remote.port);
    assert_flows(c[0], 1, c[1]);
    assert_flows(c[1], 2, c[0]);
    assert_int_equal(seat_transport(client_seat(c[0])).ice.restarts, 0);
    group_leave(c, 2);
}

static void a_client_that_changes_its_address_goes_on(void **state)
{
    (void)state;
    move_while_media_flows(LINK_NICE_UDP);
}

static void a_client_that_lost_its_tcp_connection_goes_on_with_another(void **state)
{
    (void)state;
    move_while_media_flows(LINK_NICE_TCP);
}

static void a_light_client_that_changes_its_address_goes_on(void **state)
{
    (void)state;
    move_while_media_flows(LINK_LIGHT);
}

/* ---- roles ---- */

static void an_agent_in_the_wrong_role_is_told_to_change(void **state)
{
    const struct client_config config = {
        .identity = "alice",
        .tag = 1,
        .link = {.kind = LINK_NICE_UDP, .controlled = true},
        .slots = 1,
        .publishes = true,
    };
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    (void)state;
    c[0] = client_join(group_server, &config);
    assert_non_null(c[0]);
    c[1] = group_join("bob", 2, LINK_NICE_UDP, 1);
    assert_true(client_wait_open(c[0]));
    client_start_media(c[0]);
    client_start_media(c[1]);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    assert_true(seat_transport(client_seat(c[0])).ice.role_conflicts > 0);
    assert_int_equal(seat_transport(client_seat(c[1])).ice.role_conflicts, 0);
    group_leave(c, 2);
}

static void an_offer_of_another_lite_agent_is_refused(void **state)
{
    const struct client_config config = {.identity = "alice",
                                         .tag = 1,
                                         .link = {.kind = LINK_LIGHT},
                                         .publishes = true,
                                         .session_line = "a=ice-lite"};

    (void)state;
    assert_null(client_join(group_server, &config));
    assert_int_equal(test_server_participants(group_server), 0);
}

/* ---- credentials ---- */

static bool has_bad_checks(void *arg)
{
    return seat_transport(client_seat(arg)).ice.bad_integrity >= 1;
}

static void a_wrong_password_opens_nothing_and_disturbs_nobody(void **state)
{
    static const enum link_kind kinds[] = {LINK_NICE_UDP, LINK_LIGHT};
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    (void)state;
    group_call_of_two(c, LINK_NICE_UDP);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    client_reset_received(c[0]);
    client_reset_received(c[1]);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct client_config config = {
            .identity = "mallory",
            .tag = 3,
            .link = {.kind = kinds[i]},
            .slots = 1,
            .publishes = true,
            .bad_pwd = "this-is-not-the-password",
        };
        struct client *mallory = client_join(group_server, &config);
        assert_non_null(mallory);
        assert_true(clock_wait(has_bad_checks, mallory, WAIT_MS));
        assert_int_equal(seat_transport(client_seat(mallory)).state, TRANSPORT_CHECKING);
        assert_false(client_is_open(mallory));
        client_leave(&mallory);
    }
    assert_flows(c[0], 1, c[1]);
    assert_flows(c[1], 2, c[0]);
    assert_nothing_lost(c[0], 2);
    assert_nothing_lost(c[1], 1);
    group_leave(c, 2);
}

/* ---- consent (RFC 7675) ---- */

static bool has_failed(void *arg)
{
    return seat_transport(client_seat(arg)).state == TRANSPORT_FAILED &&
           g_strcmp0(seat_events(client_seat(arg)).transport_state, "failed") == 0;
}

static bool is_alone(void *arg)
{
    return seat_events(client_seat(arg)).left == 1;
}

/* Three: one lives on, one falls silent but keeps its signalling, one vanishes altogether. */
static void who_falls_silent_is_gone_within_the_consent_timeout(void **state)
{
    struct client *c[3];
    struct client_group group = {c, tags, 3};
    uint64_t begin_us;

    (void)state;
    c[0] = group_join("alice", 1, LINK_NICE_UDP, 2);
    c[1] = group_join("bob", 2, LINK_NICE_UDP, 2);
    c[2] = group_join("carol", 3, LINK_NICE_UDP, 2);
    for (size_t i = 0; i < 3; i++) {
        assert_true(client_wait_open(c[i]));
        client_start_media(c[i]);
    }
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    begin_us = clock_us();
    client_fall_silent(c[1]);
    client_vanish(&c[2]);
    assert_true(clock_wait(is_alone, c[0], GROUP_CONSENT_MS + 2000));
    assert_true(clock_us() - begin_us < (GROUP_CONSENT_MS + 2000) * 1000ull * SLOWNESS);
    assert_int_equal(seat_events(client_seat(c[0])).last_left, LEAVE_TIMEOUT);
    assert_true(clock_wait(has_failed, c[1], GROUP_CONSENT_MS + 2000));
    assert_int_equal(test_server_participants(group_server),
                     2); /* the one with signalling may restart ICE */
    clock_pass(500);
    assert_int_equal(seat_transport(client_seat(c[0])).state,
                     TRANSPORT_OPEN); /* whose agent renewed its consent meanwhile */
    client_leave(&c[0]);
    client_leave(&c[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(an_ice_restart_loses_no_media),
        GROUP_TEST(an_ice_restart_over_tcp_loses_no_media),
        GROUP_TEST(a_client_that_changes_its_address_goes_on),
        GROUP_TEST(a_client_that_lost_its_tcp_connection_goes_on_with_another),
        GROUP_TEST(a_light_client_that_changes_its_address_goes_on),
        GROUP_TEST(an_agent_in_the_wrong_role_is_told_to_change),
        GROUP_TEST(an_offer_of_another_lite_agent_is_refused),
        GROUP_TEST(a_wrong_password_opens_nothing_and_disturbs_nobody),
        cmocka_unit_test_setup_teardown(who_falls_silent_is_gone_within_the_consent_timeout,
                                        group_begin_short_consent, group_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
