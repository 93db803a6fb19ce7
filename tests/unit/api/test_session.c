/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions on real rooms, whose media worker only remembers. */
#include "tests/unit/rooms/world.h"

#include "api/session.h"

#define SECRET "0123456789abcdef0123456789abcdef"

/* A client that writes down what it is told. */
struct visitor {
    struct session *session;
    unsigned events;
    enum room_event_kind last;
    int ended; /* an enum session_end; -1: not */
    char token[64];
};

static void on_event(struct session *s, const struct room_event *event, void *arg)
{
    struct visitor *v = arg;

    assert_true(v->session == NULL || s == v->session);
    v->events++;
    v->last = event->kind;
}

static void on_ended(struct session *s, enum session_end why, void *arg)
{
    struct visitor *v = arg;

    assert_ptr_equal(s, v->session);
    v->session = NULL;
    v->ended = (int)why;
}

static const struct session_handlers handlers = {.on_event = on_event, .on_ended = on_ended};

static struct world world;
static struct sessions *sessions;

static int begin(void **state)
{
    (void)state;
    world_begin(&world);
    world.config.dev = true;
    sessions = sessions_new(&world.config, world.registry, world.control);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sessions_free(&sessions);
    world_end(&world);
    return 0;
}

static int try_join(struct visitor *v, const char *room, const char *identity, const char *token,
                    struct refusal *why)
{
    const struct join_request r = {
        .room = room, .identity = identity, .token = token, .auto_subscribe = true};
    int err;

    *v = (struct visitor){.ended = -1};
    err = sessions_join(sessions, &r, &handlers, v, &v->session, why);
    if (err == 0)
        memcpy(v->token, session_resume_token(v->session),
               strlen(session_resume_token(v->session)) + 1);
    return err;
}

static void join(struct visitor *v, const char *identity)
{
    struct refusal why;

    assert_int_equal(try_join(v, "demo", identity, "", &why), 0);
}

static int resume(struct visitor *v, const char *token)
{
    struct refusal why;

    *v = (struct visitor){.ended = -1};
    return sessions_resume(sessions, token, &handlers, v, &v->session, &why);
}

static void a_join_makes_the_room_and_an_identity(void **state)
{
    struct refusal why;
    struct visitor a;

    (void)state;
    assert_int_equal(try_join(&a, "other", NULL, NULL, &why), 0);
    assert_non_null(registry_find_room(world.registry, "other"));
    assert_memory_equal(participant_identity(session_participant(a.session)), "guest-", 6);
    assert_int_equal(strlen(a.token), 32);
    assert_int_equal(try_join(&a, "a/b", "x", "", &why), E_INVALID);
    assert_string_equal(why.field, "room");
}

static void the_others_are_told_and_the_leaver_is_not(void **state)
{
    struct visitor a, b;

    (void)state;
    join(&a, "ann");
    join(&b, "bob");
    assert_int_equal(a.events, 1);
    assert_int_equal(a.last, ROOM_PARTICIPANT_JOINED);
    session_leave(&b.session);
    assert_null(b.session);
    assert_int_equal(b.ended, -1);
    assert_int_equal(a.last, ROOM_PARTICIPANT_LEFT);
    assert_int_equal(resume(&b, b.token), E_NOT_FOUND);
}

static void a_lost_connection_is_resumed(void **state)
{
    struct visitor a, b, c;
    const struct participant *p;

    (void)state;
    join(&a, "ann");
    join(&b, "bob");
    p = session_participant(a.session);
    session_lost(&a.session);
    session_leave(&b.session); /* nobody is there to be told */
    assert_int_equal(a.events, 1);
    world_pass(&world, GRACE_MS - 1000);
    assert_int_equal(resume(&c, a.token), 0);
    assert_ptr_equal(session_participant(c.session), p);
    world_pass(&world, 10 * GRACE_MS);
    assert_int_equal(c.ended, -1);
    join(&b, "bea");
    assert_int_equal(c.events, 1);
}

static void after_the_grace_period_it_is_not(void **state)
{
    struct visitor a, c;

    (void)state;
    join(&a, "ann");
    session_lost(&a.session);
    world_pass(&world, GRACE_MS + 10);
    assert_null(room_find_identity(world.room, "ann"));
    assert_int_equal(resume(&c, a.token), E_NOT_FOUND);
    assert_int_equal(resume(&c, a.token), E_NOT_FOUND);
}

static void a_session_that_nobody_resumes_is_forgotten(void **state)
{
    struct visitor a;
    int64_t blocks;

    (void)state;
    join(&a, "ann");
    session_leave(&a.session);
    blocks = mem_live_blocks();
    join(&a, "ann");
    session_lost(&a.session);
    world_pass(&world, GRACE_MS + 10);
    world_pass(&world, 5000);
    /* The participant's own blocks wait for the end of the turn; the session's three are gone. */
    assert_true(mem_live_blocks() <= blocks + 4);
}

static void a_resume_elsewhere_ends_the_first(void **state)
{
    struct visitor a, b;

    (void)state;
    join(&a, "ann");
    assert_int_equal(resume(&b, a.token), 0);
    assert_int_equal(a.ended, SESSION_END_RESUMED);
    assert_int_equal(session_end_close_code(SESSION_END_RESUMED), 4005);
    assert_non_null(b.session);
}

static void resume_tokens_are_not_guessed(void **state)
{
    struct visitor a, b;
    char token[40];

    (void)state;
    join(&a, "ann");
    for (size_t i = 0; i < 32; i++) {
        memcpy(token, a.token, 33);
        token[i] = token[i] == 'A' ? 'B' : 'A';
        assert_int_equal(resume(&b, token), E_NOT_FOUND);
    }
    assert_int_equal(resume(&b, ""), E_NOT_FOUND);
    memcpy(token, a.token, 32);
    memcpy(token + 32, "x", 2);
    assert_int_equal(resume(&b, token), E_NOT_FOUND);
    assert_int_equal(a.ended, -1);
}

static void ends_have_their_reasons(void **state)
{
    struct visitor a, b;
    struct participant *p;

    (void)state;
    join(&a, "ann");
    join(&b, "ann");
    assert_int_equal(a.ended, SESSION_END_REPLACED);
    p = session_participant(b.session);
    participant_leave(&p, LEAVE_REMOVED);
    assert_int_equal(b.ended, SESSION_END_REMOVED);
    join(&a, "ann");
    registry_delete_room(world.registry, world.room, LEAVE_ROOM_DELETED);
    assert_int_equal(a.ended, SESSION_END_ROOM_DELETED);
    join(&a, "ann");
    registry_drain(world.registry);
    assert_int_equal(a.ended, SESSION_END_SHUTDOWN);
    assert_string_equal(session_end_name(SESSION_END_SHUTDOWN), "shutdown");
    struct refusal why;
    assert_int_equal(try_join(&b, "demo", "bob", "", &why), E_STATE);
}

/* ---- tokens ---- */

static char *token_for(const char *room, const char *identity, const char *grant)
{
    struct grants g;
    struct refusal why;
    char *token = NULL;

    auth_grants_init(&g);
    g.room_join = grant == NULL || strcmp(grant, "-") != 0;
    g.room_list = !g.room_join;
    memcpy(g.room, room, strlen(room) + 1);
    memcpy(g.identity, identity, strlen(identity) + 1);
    if (grant != NULL && g.room_join)
        assert_int_equal(auth_set_grant(&g, grant, &why), 0);
    assert_int_equal(
        auth_make_token(&token, &g, "key:" SECRET, timebase_wall_us() / US_PER_S, 60, &why), 0);
    return token;
}

static void tokens_decide_who_gets_in(void **state)
{
    static const struct {
        const char *token_room, *token_identity, *grant, *room, *identity;
        int err;
        const char *field;
    } rows[] = {
        {"demo", "ann", NULL, "demo", NULL, 0, ""},
        {"demo", "ann", NULL, "demo", "ann", 0, ""},
        {"demo", "ann", NULL, "demo", "bob", E_DENIED, "identity"},
        {"demo", "ann", NULL, "other", NULL, E_DENIED, "room"},
        {"demo", "ann", "-", "demo", NULL, E_DENIED, "token"},
    };

    (void)state;
    world.config.dev = false;
    world.config.auth_keys = (struct config_list){.item = {(char *)"key:" SECRET}, .count = 1};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *token = token_for(rows[i].token_room, rows[i].token_identity, rows[i].grant);
        struct refusal why = {0};
        struct visitor v;
        int err = try_join(&v, rows[i].room, rows[i].identity, token, &why);

        if (err != rows[i].err || (err != 0 && strcmp(why.field, rows[i].field) != 0))
            fail_msg("row %zu: %s %s", i, why.field, why.text);
        mem_free(token);
        session_leave(&v.session);
    }
    struct refusal why;
    struct visitor v;
    assert_int_equal(try_join(&v, "demo", "ann", "", &why), E_AUTH);
    assert_int_equal(try_join(&v, "demo", "ann", "rubbish", &why), E_AUTH);
    assert_null(v.session);
}

static void a_token_that_cannot_be_checked_is_refused_even_in_development(void **state)
{
    struct refusal why;
    struct visitor v;

    (void)state;
    assert_int_equal(try_join(&v, "demo", "ann", "a.b.c", &why), E_AUTH);
}

/* ---- mute ---- */

static void publish_audio(struct visitor *v)
{
    const struct user u = {.ufrag = "abcd", .certificate = 1};
    char *sdp = make_offer(&u, "as");
    struct offer_result result;
    struct refusal why;
    int err = session_offer(v->session, str_of(sdp), NULL, 0, &result, &why);

    if (err != 0)
        fail_msg("%s", why.text);
    mem_free(sdp);
}

static const struct publication *track_of(const struct visitor *v)
{
    return LIST_FIRST(&session_participant(v->session)->publications, struct publication, node);
}

static void only_administrators_mute_others(void **state)
{
    struct visitor a, b, admin, anybody;
    struct refusal why;
    char *token = token_for("demo", "boss", "roomAdmin");
    char *plain = token_for("demo", "bob", NULL);

    (void)state;
    world.config.auth_keys = (struct config_list){.item = {(char *)"key:" SECRET}, .count = 1};
    join(&a, "ann");
    assert_int_equal(try_join(&b, "demo", NULL, plain, &why), 0);
    publish_audio(&a);
    const char *id = track_of(&a)->id;
    assert_int_equal(session_mute(a.session, id, true, &why), 0);
    assert_int_equal(session_mute(a.session, id, false, &why), 0);
    assert_int_equal(session_mute(b.session, id, true, &why), E_DENIED);
    assert_int_equal(try_join(&admin, "demo", NULL, token, &why), 0);
    assert_int_equal(session_mute(admin.session, id, true, &why), 0);
    assert_true(track_of(&a)->muted_by_server);
    assert_int_equal(session_mute(admin.session, id, false, &why), E_DENIED);
    assert_int_equal(session_mute(a.session, id, false, &why), E_DENIED);
    assert_int_equal(session_mute(a.session, "TR_nothing", true, &why), E_NOT_FOUND);
    join(&anybody, "cem"); /* in development mode, without a token */
    assert_int_equal(session_mute(anybody.session, id, true, &why), 0);
    mem_free(token);
    mem_free(plain);
}

static void layers_are_for_slots_of_video(void **state)
{
    const struct user u = {.ufrag = "abcd", .certificate = 1};
    const struct sfu_wish wish = SFU_WISH_ANY;
    char *sdp = make_offer(&u, "ar vr");
    struct offer_result result;
    struct refusal why;
    struct visitor a;

    (void)state;
    join(&a, "ann");
    assert_int_equal(session_offer(a.session, str_of(sdp), NULL, 0, &result, &why), 0);
    assert_int_equal(session_set_layers(a.session, "1", &wish, true, &why), 0);
    assert_int_equal(session_set_layers(a.session, "0", &wish, true, &why), E_UNSUPPORTED);
    assert_int_equal(session_set_layers(a.session, "2", &wish, true, &why), E_NOT_FOUND);
    assert_string_equal(why.field, "mid");
    mem_free(sdp);
}

static void a_bad_offer_names_its_line(void **state)
{
    struct visitor a;
    struct offer_result result;
    struct refusal why;

    (void)state;
    join(&a, "ann");
    assert_int_equal(session_offer(a.session, STR("v=0\r\nrubbish\r\n"), NULL, 0, &result, &why),
                     E_MALFORMED);
    assert_int_equal(why.line, 2);
    assert_string_equal(why.field, "sdp");
}

#define ON_ROOMS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ROOMS(a_join_makes_the_room_and_an_identity),
        ON_ROOMS(the_others_are_told_and_the_leaver_is_not),
        ON_ROOMS(a_lost_connection_is_resumed),
        ON_ROOMS(after_the_grace_period_it_is_not),
        ON_ROOMS(a_session_that_nobody_resumes_is_forgotten),
        ON_ROOMS(a_resume_elsewhere_ends_the_first),
        ON_ROOMS(resume_tokens_are_not_guessed),
        ON_ROOMS(ends_have_their_reasons),
        ON_ROOMS(tokens_decide_who_gets_in),
        ON_ROOMS(a_token_that_cannot_be_checked_is_refused_even_in_development),
        ON_ROOMS(only_administrators_mute_others),
        ON_ROOMS(layers_are_for_slots_of_video),
        ON_ROOMS(a_bad_offer_names_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
