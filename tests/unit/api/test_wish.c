/* SPDX-License-Identifier: Apache-2.0 */
/* WHIP and WHEP on real rooms, whose media worker only remembers: requests go in, answers are written down, time passes. */
#include "tests/unit/rooms/world.h"

#include "api/http.h"
#include "api/sdpfrag.h"
#include "api/wish.h"

#define SDP "application/sdp"
#define FRAG "application/trickle-ice-sdpfrag"
#define RESTART "a=ice-ufrag:fresh\r\na=ice-pwd:0123456789abcdefghijklmn\r\n"
#define CONNECT_TIMEOUT_MS (WISH_CONNECT_TIMEOUT_US / US_PER_MS)

static struct world world;
static struct sessions *sessions;
static struct wish *wish;
static struct user ann, bob; /* who hear of the end of the world */

/* The last answer. */
static struct {
    unsigned count, status;
    char header[HTTP_MAX_HEADERS][2][MAX_LINK_HEADER_BYTES + 1];
    char *body;
} answer;

/* Takes the place of the HTTP server's. */
void http_reply(struct http_exchange *x, const struct http_response *r)
{
    (void)x;
    answer.count++;
    answer.status = r->status;
    memset(answer.header, 0, sizeof(answer.header));
    for (size_t i = 0; i < HTTP_MAX_HEADERS && r->header[i].name != NULL; i++) {
        assert_true(
            str_copy(answer.header[i][0], sizeof(answer.header[i][0]), str_of(r->header[i].name)));
        assert_true(
            str_copy(answer.header[i][1], sizeof(answer.header[i][1]), str_of(r->header[i].value)));
    }
    mem_free(answer.body);
    answer.body = r->body == NULL ? NULL : mem_strndup(r->body, r->body_len);
    mem_free(r->body);
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < HTTP_MAX_HEADERS; i++)
        if (strcmp(answer.header[i][0], name) == 0)
            return answer.header[i][1];
    return "";
}

static int begin(void **state)
{
    (void)state;
    world_begin(&world);
    world.config.dev = true;
    world.config.ice_turn_secret = (char *)"";
    sessions = sessions_new(&world.config, world.registry, world.control);
    wish = wish_new(&world.config, world.registry, sessions, world.control);
    return 0;
}

static int end(void **state)
{
    (void)state;
    MEM_FREE(answer.body);
    wish_free(&wish);
    sessions_free(&sessions);
    world_end(&world);
    return 0;
}

/* ---- requests ---- */

static unsigned ask(enum http_method method, const char *path, const char *type, const char *body,
                    const char *if_match)
{
    const struct http_request request = {
        .method = method,
        .path = path,
        .host = "localhost",
        .origin = "",
        .authorization = "",
        .content_type = type,
        .if_none_match = "",
        .if_match = if_match,
        .accept = "",
        .access_token = "",
        .identity = "",
        .remote = "192.0.2.9",
        .body = str_of(body),
    };
    unsigned before = answer.count;

    assert_true(wish_owns(path));
    wish_serve(wish, NULL, &request);
    assert_int_equal(answer.count, before + 1);
    return answer.status;
}

static unsigned post(const char *path, const char *sections)
{
    const struct user u = {.ufrag = "abcd", .certificate = 1};
    char *offer = make_offer(&u, sections);
    unsigned status = ask(HTTP_POST, path, SDP, offer, "");

    mem_free(offer);
    return status;
}

/* A session as its client knows it. */
struct client {
    char at[256], etag[32];
};

static void open_session(struct client *c, const char *path, const char *sections)
{
    if (post(path, sections) != 201)
        fail_msg("%u: %s", answer.status, answer.body);
    assert_true(str_copy(c->at, sizeof(c->at), str_of(header("location"))));
    assert_true(str_copy(c->etag, sizeof(c->etag), str_of(header("etag"))));
}

static bool is_there(const struct client *c)
{
    return ask(HTTP_PATCH, c->at, FRAG, "", "") == 428; /* it has no If-Match to give */
}

static void take(struct participant *p, void *arg)
{
    *(struct participant **)arg = p;
}

/* The youngest participant of the room. */
static struct participant *youngest(void)
{
    struct participant *p = NULL;

    room_each_participant(world.room, take, &p);
    assert_non_null(p);
    return p;
}

static void becomes(struct participant *p, enum transport_state state)
{
    registry_host_handlers()->on_transport_state(&fake_host[0], p->transport, state, "",
                                                 world.registry);
    world_turn(&world);
}

/* ---- how sessions end ---- */

static void a_session_that_never_connects_ends(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "as vs");
    becomes(youngest(), TRANSPORT_CHECKING);
    world_pass(&world, CONNECT_TIMEOUT_MS - 1000);
    assert_true(is_there(&c));
    world_pass(&world, 1500);
    assert_false(is_there(&c));
    assert_int_equal(room_participant_count(world.room), 0);
}

static void a_connected_session_lasts(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whep/demo", "ar vr");
    becomes(youngest(), TRANSPORT_OPEN);
    world_pass(&world, 100 * CONNECT_TIMEOUT_MS);
    assert_true(is_there(&c));
}

static void a_lost_one_waits_for_an_ice_restart_and_then_ends(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "vs");
    becomes(youngest(), TRANSPORT_OPEN);
    becomes(youngest(), TRANSPORT_FAILED);
    world_pass(&world, GRACE_MS - 1000);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, RESTART, "*"), 200);
    assert_string_not_equal(header("etag"), c.etag);
    becomes(youngest(), TRANSPORT_OPEN);
    world_pass(&world, 10 * GRACE_MS);
    assert_true(is_there(&c));
    becomes(youngest(), TRANSPORT_FAILED);
    world_pass(&world, GRACE_MS + 10);
    assert_false(is_there(&c));
    assert_int_equal(room_participant_count(world.room), 0);
}

static void a_closed_connection_ends_it_at_once(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whep/demo", "vr");
    becomes(youngest(), TRANSPORT_OPEN);
    becomes(youngest(), TRANSPORT_CLOSED);
    assert_false(is_there(&c));
    assert_int_equal(room_participant_count(world.room), 0);
}

static void it_ends_with_the_room_and_with_its_participant(void **state)
{
    struct participant *p;
    struct client a, b;

    (void)state;
    open_session(&a, "/whip/demo", "vs");
    p = youngest();
    open_session(&b, "/whep/demo", "vr");
    participant_leave(&p, LEAVE_REMOVED);
    assert_false(is_there(&a));
    registry_delete_room(world.registry, world.room, LEAVE_ROOM_DELETED);
    assert_false(is_there(&b));
}

static void one_that_draining_ends_makes_place_for_503(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "vs");
    registry_drain(world.registry);
    assert_false(is_there(&c));
    assert_int_equal(post("/whip/demo", "vs"), 503);
    assert_true(header("retry-after")[0] != 0);
}

/* ---- who is replaced ---- */

static void a_bad_offer_leaves_the_running_broadcast_alone(void **state)
{
    static const struct {
        const char *sections;
        unsigned status;
    } rows[] = {{"ar vr", 406}, {"ai", 406}, {"as vr", 406}, {"ax", 406}};
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "as vs");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(post("/whip/demo", rows[i].sections), rows[i].status);
    assert_int_equal(ask(HTTP_POST, "/whip/demo", SDP, "nonsense", ""), 400);
    assert_int_equal(ask(HTTP_POST, "/whip/demo", SDP, "", ""), 422);
    assert_true(is_there(&c));
    assert_int_equal(fake_open(FAKE_TRACK), 2);
}

static void the_same_identity_takes_over_and_the_viewer_keeps_his_slots(void **state)
{
    struct client a, b, viewer;
    struct participant *watcher;
    const struct slot_info *slot;

    (void)state;
    open_session(&viewer, "/whep/demo", "ar vr");
    watcher = youngest();
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_null(slot[1].publication);
    open_session(&a, "/whip/demo", "as vs");
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_non_null(slot[1].publication);
    open_session(&b, "/whip/demo", "vs as");
    assert_false(is_there(&a));
    assert_true(is_there(&b));
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_string_equal(slot[0].publication->mid, "1");
    assert_string_equal(slot[1].publication->mid, "0");
    assert_int_equal(ask(HTTP_DELETE, b.at, "", "", ""), 200);
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_null(slot[1].publication);
}

static void a_viewer_of_one_participant_gets_nobody_else(void **state)
{
    const struct slot_info *slot;
    struct client viewer;
    struct participant *watcher;

    (void)state;
    user_join(&ann, &world, "ann");
    user_offer(&ann, "as vs");
    open_session(&viewer, "/whep/demo/bob", "ar vr");
    watcher = youngest();
    user_join(&bob, &world, "bob");
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_null(slot[0].publication);
    user_offer(&bob, "as vs");
    assert_int_equal(participant_slots(watcher, &slot), 2);
    assert_string_equal(slot[0].publication->participant->identity, "bob");
    assert_string_equal(slot[1].publication->participant->identity, "bob");
}

static void viewers_share_nothing_and_are_not_seen(void **state)
{
    struct client one, two;

    (void)state;
    user_join(&ann, &world, "ann");
    open_session(&one, "/whep/demo", "vr");
    open_session(&two, "/whep/demo", "vr");
    assert_true(is_there(&one));
    assert_true(is_there(&two));
    check_said(&ann, "");
    user_offer(&ann, "as vs");
    assert_int_equal(post("/whep/demo", "ab vb"), 201);
    /* One stream, whoever it is of: a player shows one. */
    assert_non_null(strstr(answer.body, "a=msid:parley parley-0\r\n"));
    assert_non_null(strstr(answer.body, "a=msid:parley parley-1\r\n"));
    assert_null(strstr(answer.body, "a=sendrecv"));
}

/* ---- PATCH ---- */

static void entity_tags_name_the_ice_session(void **state)
{
    static const char *const matching[] = {"*", "\"*\"", "\"x\", *"};
    char list[64];
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "vs");
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, "a=end-of-candidates\r\n", ""), 428);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, "a=end-of-candidates\r\n", "\"x\""), 412);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, "a=end-of-candidates\r\n", c.etag), 204);
    (void)snprintf(list, sizeof(list), "\"x\" , %s", c.etag);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, "a=end-of-candidates\r\n", list), 204);
    for (size_t i = 0; i < ARRAY_LEN(matching); i++)
        assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, "a=end-of-candidates\r\n", matching[i]), 204);
    /* The entity tag says nothing of its own against a restart. */
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, RESTART, c.etag), 200);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, RESTART, c.etag), 412);
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, RESTART, "*"), 204);
}

static void a_restart_answers_with_what_the_worker_was_told(void **state)
{
    struct client c;
    struct sdpfrag frag;
    struct refusal why;

    (void)state;
    open_session(&c, "/whip/demo", "as vs");
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG, RESTART, "*"), 200);
    assert_int_equal(sdpfrag_parse(&frag, str_of(answer.body), &why), 0);
    assert_int_equal(frag.ufrag.len, ICE_UFRAG_LEN);
    assert_int_equal(frag.candidate_count, 1);
    assert_true(frag.has_end);
    assert_int_equal(fake_find(youngest()->transport)->restarts, 1);
}

static void a_restart_changes_both_credentials(void **state)
{
    struct client c;

    (void)state;
    open_session(&c, "/whip/demo", "vs");
    assert_int_equal(ask(HTTP_PATCH, c.at, FRAG,
                         "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\n", "*"),
                     400);
    assert_int_equal(fake_find(youngest()->transport)->restarts, 0);
}

/* ---- servers ---- */

static void links_that_do_not_fit_are_left_out(void **state)
{
    char url[MAX_CONFIG_LIST][400];
    struct client c;

    (void)state;
    world.config.ice_turn_secret = (char *)"secret";
    world.config.ice_turn_ttl_s = 60;
    for (size_t i = 0; i < MAX_CONFIG_LIST; i++) {
        (void)snprintf(url[i], sizeof(url[i]), "turn:%0*zu.example", 300, i);
        world.config.ice_servers.item[i] = url[i];
    }
    world.config.ice_servers.count = MAX_CONFIG_LIST;
    open_session(&c, "/whep/demo", "vr");
    assert_true(strlen(header("link")) <= MAX_LINK_HEADER_BYTES);
    assert_int_equal(header("link")[strlen(header("link")) - 1], '"');
    assert_non_null(strstr(header("link"), "; credential-type=\"password\", <turn:"));
    world.config.ice_turn_secret = (char *)"";
    open_session(&c, "/whep/demo", "vr");
    assert_string_equal(header("link"), ""); /* a browser takes none without credentials */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_that_never_connects_ends),
        TEST(a_connected_session_lasts),
        TEST(a_lost_one_waits_for_an_ice_restart_and_then_ends),
        TEST(a_closed_connection_ends_it_at_once),
        TEST(it_ends_with_the_room_and_with_its_participant),
        TEST(one_that_draining_ends_makes_place_for_503),
        TEST(a_bad_offer_leaves_the_running_broadcast_alone),
        TEST(the_same_identity_takes_over_and_the_viewer_keeps_his_slots),
        TEST(a_viewer_of_one_participant_gets_nobody_else),
        TEST(viewers_share_nothing_and_are_not_seen),
        TEST(entity_tags_name_the_ice_session),
        TEST(a_restart_answers_with_what_the_worker_was_told),
        TEST(a_restart_changes_both_credentials),
        TEST(links_that_do_not_fit_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
