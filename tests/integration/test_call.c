/* SPDX-License-Identifier: Apache-2.0 */
/* test_call.c - conferences of full ICE agents: everyone receives everyone, over each kind of path. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>

#include "core/attr.h"
#include "tests/integration/client.h"
#include "tests/integration/clock.h"
#include "tests/integration/group.h"
#include "tests/integration/server.h"

/* Sequence numbers go on without a hole, nothing is refused, nothing foreign arrives. */
static void assert_clean(const struct client *c, const char *who)
{
    const struct client_stats *s = client_stats(c);

    if (s->sequence_gaps + s->rtp_foreign + s->rtp_refused + s->rtcp_refused > 0)
        fail_msg("%s: %u gaps, %u foreign, %u RTP and %u RTCP refused", who, s->sequence_gaps,
                 s->rtp_foreign, s->rtp_refused, s->rtcp_refused);
    for (unsigned tag = 0; tag < CLIENT_MAX_SOURCES; tag++)
        assert_int_equal(s->audio[tag].missing + s->audio[tag].repeated + s->video[tag].repeated,
                         0);
}

/* ---- rows: who takes part, and over what ---- */

#define MAX_MEMBERS 3

struct call_row {
    const char *name;
    size_t count;
    struct link_config link[MAX_MEMBERS];
    struct addr_want {
        uint8_t family;
        enum path_protocol protocol;
    } path[MAX_MEMBERS];
};

static const struct call_row rows[] = {
    {"two over UDP",
     2,
     {{.kind = LINK_NICE_UDP}, {.kind = LINK_NICE_UDP}},
     {{4, PATH_UDP}, {4, PATH_UDP}}},
    {"three over UDP, one with regular nomination",
     3,
     {{.kind = LINK_NICE_UDP},
      {.kind = LINK_NICE_UDP, .regular_nomination = true},
      {.kind = LINK_NICE_UDP}},
     {{4, PATH_UDP}, {4, PATH_UDP}, {4, PATH_UDP}}},
    {"two over ICE-TCP",
     2,
     {{.kind = LINK_NICE_TCP}, {.kind = LINK_NICE_TCP}},
     {{4, PATH_TCP}, {4, PATH_TCP}}},
    {"three over ICE-TCP on IPv6",
     3,
     {{.kind = LINK_NICE_TCP, .ipv6 = true},
      {.kind = LINK_NICE_TCP, .ipv6 = true},
      {.kind = LINK_NICE_TCP, .ipv6 = true}},
     {{6, PATH_TCP}, {6, PATH_TCP}, {6, PATH_TCP}}},
    {"two over IPv6",
     2,
     {{.kind = LINK_NICE_UDP, .ipv6 = true}, {.kind = LINK_NICE_UDP, .ipv6 = true}},
     {{6, PATH_UDP}, {6, PATH_UDP}}},
    {"IPv4, ICE-TCP and IPv6 in one room",
     3,
     {{.kind = LINK_NICE_UDP}, {.kind = LINK_NICE_TCP}, {.kind = LINK_NICE_UDP, .ipv6 = true}},
     {{4, PATH_UDP}, {4, PATH_TCP}, {6, PATH_UDP}}},
    {"who can do both prefers UDP",
     2,
     {{.kind = LINK_NICE_BOTH}, {.kind = LINK_NICE_UDP}},
     {{4, PATH_UDP}, {4, PATH_UDP}}},
    {"full agents and a light one",
     3,
     {{.kind = LINK_NICE_UDP}, {.kind = LINK_LIGHT}, {.kind = LINK_NICE_UDP}},
     {{4, PATH_UDP}, {4, PATH_UDP}, {4, PATH_UDP}}},
};

/* Payload types differ, so they have to be translated. */
static struct client *join_member(const struct call_row *row, size_t i)
{
    static const char *const identities[MAX_MEMBERS] = {"alice", "bob", "carol"};
    static const uint8_t audio_pt[MAX_MEMBERS] = {111, 109, 96};
    static const uint8_t video_pt[MAX_MEMBERS] = {96, 120, 111};
    const struct client_config config = {
        .identity = identities[i],
        .tag = (uint32_t)i + 1,
        .link = row->link[i],
        .slots = (unsigned)row->count - 1,
        .publishes = true,
        .audio_pt = audio_pt[i],
        .video_pt = video_pt[i],
    };

    return client_join(group_server, &config);
}

static void assert_path(struct client *c, const struct addr_want *want)
{
    struct transport_stats s = seat_transport(client_seat(c));

    assert_int_equal(s.state, TRANSPORT_OPEN);
    assert_true(s.has_path);
    assert_int_equal(s.selected.protocol, want->protocol);
    assert_int_equal(s.selected.remote.family, want->family);
    assert_string_equal(seat_events(client_seat(c)).transport_state, "open");
    assert_string_equal(secure_stats(client_secure(c))->remote_fingerprint,
                        client_answer(c)->fingerprint);
}

struct reports {
    struct client **client;
    size_t count;
};

/* Each hears of what it sends (a block) and of what it gets (a sender report). */
static bool have_reports(void *arg)
{
    struct reports *r = arg;

    for (size_t i = 0; i < r->count; i++) {
        const struct client_stats *s = client_stats(r->client[i]);
        if (s->reports_received < 2 || s->report_blocks < 2 || s->reports_sent < 2)
            return false;
    }
    return true;
}

static void run_call(const struct call_row *row)
{
    static const uint32_t tags[MAX_MEMBERS] = {1, 2, 3};
    struct client *c[MAX_MEMBERS] = {NULL};
    struct client_group group = {c, tags, row->count};
    struct reports reports = {c, row->count};

    print_message("         %s\n", row->name);
    for (size_t i = 0; i < row->count; i++) {
        c[i] = join_member(row, i);
        assert_non_null(c[i]);
        client_start_media(c[i]);
    }
    for (size_t i = 0; i < row->count; i++)
        assert_true(client_wait_open(c[i]));
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    assert_true(clock_wait(have_reports, &reports, WAIT_MS));
    for (size_t i = 0; i < row->count; i++) {
        assert_clean(c[i], row->name);
        assert_path(c[i], &row->path[i]);
    }
    for (size_t i = 0; i < row->count; i++)
        client_leave(&c[i]);
    assert_true(test_server_is_idle_soon(group_server));
}

static void everyone_receives_everyone(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        run_call(&rows[i]);
}

/* ---- renegotiation ---- */

static bool wants_slots(void *arg)
{
    struct seat_events e = seat_events(client_seat(arg));

    return e.wanted_audio == 1 && e.wanted_video == 1;
}

static void a_late_joiner_is_heard_after_more_slots_are_offered(void **state)
{
    static const uint32_t tags[] = {1, 2};
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    (void)state;
    c[0] = group_join("alice", 1, LINK_NICE_UDP, 0);
    assert_true(client_wait_open(c[0]));
    client_start_media(c[0]);
    c[1] = group_join("bob", 2, LINK_NICE_UDP, 1);
    assert_true(client_wait_open(c[1]));
    client_start_media(c[1]);
    assert_true(clock_wait(wants_slots, c[0], WAIT_MS));
    assert_int_equal(client_renegotiate(c[0], 1), 0);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    assert_clean(c[0], "alice");
    client_leave(&c[0]);
    client_leave(&c[1]);
}

/* ---- keyframes ---- */

struct plis {
    struct client *client;
    unsigned more_than;
};

static bool has_plis(void *arg)
{
    const struct plis *p = arg;

    return client_stats(p->client)->plis > p->more_than;
}

static void a_picture_loss_reaches_the_sender(void **state)
{
    static const uint32_t tags[] = {1, 2};
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    (void)state;
    group_call_of_two(c, LINK_NICE_UDP);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    clock_pass(1500); /* longer than the requester holds further requests back */
    struct plis plis = {c[1], client_stats(c[1])->plis};
    client_send_pli(c[0]);
    assert_true(clock_wait(has_plis, &plis, WAIT_MS));
    group_leave(c, 2);
}

/* ---- leaving ---- */

static bool has_bye(void *arg)
{
    struct client *c = arg;

    return client_stats(c)->byes > 0;
}

static bool is_shut_out(void *arg)
{
    struct client *c = arg;

    return seat_events(client_seat(c)).is_closed && secure_stats(client_secure(c))->is_closed;
}

static void the_end_of_a_room_is_told_with_bye_and_close_notify(void **state)
{
    static const uint32_t tags[] = {1, 2};
    struct client *c[2];
    struct client_group group = {c, tags, 2};

    (void)state;
    group_call_of_two(c, LINK_NICE_UDP);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    test_server_delete_room(group_server, "room");
    for (size_t i = 0; i < 2; i++) {
        assert_true(clock_wait(is_shut_out, c[i], WAIT_MS));
        assert_true(clock_wait(has_bye, c[i], WAIT_MS));
        assert_int_equal(seat_events(client_seat(c[i])).close_reason, LEAVE_ROOM_DELETED);
    }
    group_leave(c, 2);
}

static bool has_left(void *arg)
{
    return seat_events(client_seat(arg)).left == 1;
}

static void who_stays_is_told_who_left_and_can_go_on(void **state)
{
    static const uint32_t tags[] = {1, 3};
    struct client *c[3];
    struct client *stay[2];
    struct client_group group = {stay, tags, 2};

    (void)state;
    c[0] = group_join("alice", 1, LINK_NICE_UDP, 1);
    c[1] = group_join("bob", 2, LINK_NICE_UDP, 1);
    client_start_media(c[0]);
    client_start_media(c[1]);
    assert_true(client_wait_open(c[0]) && client_wait_open(c[1]));
    client_leave(&c[1]);
    assert_true(clock_wait(has_left, c[0], WAIT_MS));
    assert_int_equal(seat_events(client_seat(c[0])).last_left, LEAVE_LEFT);
    stay[0] = c[0];
    stay[1] = c[2] = group_join("carol", 3, LINK_NICE_UDP, 1); /* into the slot that is free */
    client_start_media(c[2]);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    assert_int_equal(client_stats(c[0])->sequence_gaps, 0);
    group_leave(stay, 2);
}

static void two_rooms_do_not_hear_each_other(void **state)
{
    static const uint32_t tags[] = {1, 2, 3, 4};
    static const char *const rooms_of[] = {"red", "red", "blue", "blue"};
    struct client *c[4];
    struct client_group red = {c, tags, 2}, blue = {c + 2, tags + 2, 2};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        const struct client_config config = {
            .identity = i % 2 == 0 ? "alice" : "bob",
            .room = rooms_of[i],
            .tag = tags[i],
            .link = {.kind = LINK_NICE_UDP},
            .slots = 3,
            .publishes = true,
        };
        c[i] = client_join(group_server, &config);
        assert_non_null(c[i]);
        client_start_media(c[i]);
    }
    assert_true(clock_wait(client_everyone_has_everyone, &red, WAIT_MS));
    assert_true(clock_wait(client_everyone_has_everyone, &blue, WAIT_MS));
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++)
            if (i / 2 != k / 2)
                assert_int_equal(client_stats(c[i])->audio[tags[k]].packets +
                                     client_stats(c[i])->video[tags[k]].packets,
                                 0);
    group_leave(c, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(everyone_receives_everyone),
        GROUP_TEST(a_late_joiner_is_heard_after_more_slots_are_offered),
        GROUP_TEST(a_picture_loss_reaches_the_sender),
        GROUP_TEST(the_end_of_a_room_is_told_with_bye_and_close_notify),
        GROUP_TEST(who_stays_is_told_who_left_and_can_go_on),
        GROUP_TEST(two_rooms_do_not_hear_each_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
