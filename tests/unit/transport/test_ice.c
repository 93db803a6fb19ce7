/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoint's side of every check is libnice's own; the clock is a number. */
#include "tests/unit/core/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <stun/stunagent.h>
#include <stun/usages/bind.h>
#include <stun/usages/ice.h>

#include "core/limits.h"
#include "core/mem.h"
#include "tests/unit/core/leaks.h"
#include "transport/ice.h"

#define TIMEOUT_US 15000000ull

static const struct ice_credentials ours = {"ourUfrag", "ourPasswordourPassword12"};
static const struct ice_credentials theirs = {"thUf", "theirPasswordtheirPasswo"};
static const struct ice_credentials ours_2 = {"ourUfrg2", "secondPasswordsecondPass"};
static const struct ice_credentials theirs_2 = {"thU2", "theirSecondtheirSecond12"};

static struct stun_responder *responder;
static struct ice *ice;
static StunAgent client;

static int set_up(void **state)
{
    (void)leaks_begin(state);
    responder = stun_responder_new();
    ice = ice_new(responder, &ours, TIMEOUT_US, 0);
    stun_agent_init(&client, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return 0;
}

static int tear_down(void **state)
{
    ice_free(&ice);
    stun_responder_free(&responder);
    return leaks_end(state);
}

/* ---- the endpoint ---- */

struct check {
    const char *ufrag; /* "ours:theirs"; "" for the right ones */
    const char *pwd;   /* NULL: the right one */
    uint8_t host;      /* where it comes from */
    bool nominates, is_controlled;
    uint32_t priority;
    uint64_t tie;
    uint64_t at_us;
};

static uint8_t wire[1500];
static uint8_t reply[ICE_MIN_REPLY_BYTES];

static struct path path_of(uint8_t host)
{
    return (struct path){.remote = {.ip = {192, 0, 2, host}, .port = 4000, .family = 4}};
}

static size_t build(const struct check *c, StunMessage *msg)
{
    char name[64];
    const char *pwd = c->pwd != NULL ? c->pwd : ours.pwd;

    (void)snprintf(name, sizeof(name), "%s:%s", ours.ufrag, theirs.ufrag);
    const char *username = c->ufrag != NULL ? c->ufrag : name;

    return stun_usage_ice_conncheck_create(
        &client, msg, wire, sizeof(wire), (const uint8_t *)username, strlen(username),
        (const uint8_t *)pwd, strlen(pwd), c->nominates, !c->is_controlled, c->priority, c->tie,
        NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static void forget_requests(void)
{
    for (size_t n = 0; n < STUN_AGENT_MAX_SAVED_IDS; n++)
        client.sent_ids[n].valid = false;
}

static struct ice_outcome check(struct check c)
{
    StunMessage msg;
    size_t len = build(&c, &msg);
    struct path from = path_of(c.host);

    assert_true(len > 0);
    return ice_input(ice, &from, wire, len, reply, sizeof(reply), c.at_us);
}

/* What the endpoint makes of the reply: its error code, or 0 for a success whose address is left in *mapped. */
static int judge_reply(struct ice_outcome out, struct addr *mapped)
{
    StunMessage answer;
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof(sa);
    int code = 0;

    assert_true(out.reply_bytes > 0);
    StunValidationStatus status =
        stun_agent_validate(&client, &answer, reply, out.reply_bytes, NULL, NULL);

    forget_requests();
    assert_int_equal(status, STUN_VALIDATION_SUCCESS);
    if (stun_message_get_class(&answer) == STUN_ERROR) {
        assert_int_equal(stun_message_find_error(&answer, &code), STUN_MESSAGE_RETURN_SUCCESS);
        return code;
    }
    assert_true(stun_message_has_attribute(&answer, STUN_ATTRIBUTE_MESSAGE_INTEGRITY));
    assert_int_equal(stun_usage_ice_conncheck_process(&answer, &sa, &sa_len,
                                                      STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
                     STUN_USAGE_ICE_RETURN_SUCCESS);
    if (mapped != NULL)
        *mapped = addr_of_sockaddr((struct sockaddr *)&sa);
    return 0;
}

static struct ice_stats stats_now(void)
{
    struct ice_stats s;

    ice_read_stats(ice, &s);
    return s;
}

static uint8_t selected_host(void)
{
    const struct path *p = ice_selected(ice);

    return p == NULL ? 0 : p->remote.ip[3];
}

static bool is_validated(uint8_t host)
{
    struct path p = path_of(host);

    return ice_is_validated(ice, &p);
}

static void nothing_happened(void)
{
    struct path paths[MAX_PATHS_PER_TRANSPORT];

    assert_int_equal(ice_paths(ice, paths, ARRAY_LEN(paths)), 0);
    assert_null(ice_selected(ice));
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US);
}

/* ---- checks ---- */

static void a_check_is_answered_with_the_address_it_came_from(void **state)
{
    static const char *const remotes[] = {"192.0.2.7:4000", "[2001:db8::7]:50000"};

    (void)state;
    ice_set_remote(ice, &theirs);
    for (size_t i = 0; i < ARRAY_LEN(remotes); i++) {
        struct path from = {.protocol = i == 0 ? PATH_UDP : PATH_TCP, .conn_id = i == 0 ? 0 : 5};
        struct addr mapped;
        StunMessage msg;
        size_t len = build(&(struct check){.priority = 1}, &msg);

        assert_int_equal(addr_parse(&from.remote, str_of(remotes[i])), 0);
        struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 10);

        assert_true(out.is_authenticated);
        assert_false(out.is_selected_new);
        assert_int_equal(judge_reply(out, &mapped), 0);
        assert_true(addr_eq(&mapped, &from.remote));
        assert_true(ice_is_validated(ice, &from));
        assert_null(ice_selected(ice));
    }
    assert_int_equal(stats_now().requests_received, 2);
    assert_int_equal(stats_now().responses_sent, 2);
}

static void before_the_remote_is_known_our_half_of_the_username_is_enough(void **state)
{
    (void)state;
    assert_true(check((struct check){.ufrag = "ourUfrag:anything"}).is_authenticated);
    assert_true(check((struct check){.ufrag = "ourUfrag"}).is_authenticated);
    assert_false(check((struct check){.ufrag = "ourUfragX:anything"}).is_authenticated);
    assert_false(check((struct check){.ufrag = "ourUfra"}).is_authenticated);
    ice_set_remote(ice, &theirs);
    assert_false(check((struct check){.ufrag = "ourUfrag:anything"}).is_authenticated);
    assert_true(check((struct check){.ufrag = "ourUfrag:thUf"}).is_authenticated);
}

static void wrong_names_and_passwords_get_401_and_change_nothing(void **state)
{
    static const struct check rows[] = {
        {.pwd = "ourPasswordourPassword13", .nominates = true},
        {.pwd = "theirPasswordtheirPasswo", .nominates = true},
        {.pwd = "x", .nominates = true},
        {.ufrag = "ourUfrag:thUg", .nominates = true},
        {.ufrag = "ourUfrag:thU", .nominates = true},
        {.ufrag = "ourUfrag:thUfx", .nominates = true},
        {.ufrag = "ourUfrag", .nominates = true},
        {.ufrag = "thUf:ourUfrag", .nominates = true},
        {.ufrag = "ourUfragxthUf", .nominates = true},
        {.ufrag = ":", .nominates = true},
    };

    (void)state;
    ice_set_remote(ice, &theirs);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ice_outcome out = check(rows[i]);

        assert_false(out.is_authenticated || out.is_selected_new);
        assert_int_equal(judge_reply(out, NULL), 401);
        assert_int_equal(stats_now().bad_integrity, i + 1);
    }
    nothing_happened();
}

static void a_username_too_long_to_be_repeated_is_refused(void **state)
{
    char name[700];
    StunMessage msg;

    (void)state;
    /* Every length around the room of the reply: libnice would assert where its last attributes did not fit. */
    for (size_t n = 8; n < sizeof(name) - 1; n++) {
        struct path from = path_of(1);

        memset(name, 'x', sizeof(name));
        memcpy(name, "ourUfrag:", 9);
        name[n] = '\0';
        size_t len = build(&(struct check){.ufrag = name}, &msg);
        struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 0);
        bool fits = n <= 2 * MAX_ICE_CREDENTIAL_LEN + 1;

        assert_int_equal(out.is_authenticated, fits);
        assert_int_equal(judge_reply(out, NULL), fits ? 0 : 401);
    }
}

static void the_longest_credentials_fit_the_reply(void **state)
{
    struct ice_credentials local, remote;
    char name[2 * MAX_ICE_CREDENTIAL_LEN + 2];
    struct path from = {.remote = {.ip = {0x20, 1, 0xd, 0xb8}, .port = 1, .family = 6}};
    StunMessage msg;

    (void)state;
    memset(&local, 'a', sizeof(local));
    memset(&remote, 'b', sizeof(remote));
    local.ufrag[MAX_ICE_CREDENTIAL_LEN] = local.pwd[MAX_ICE_CREDENTIAL_LEN] = '\0';
    remote.ufrag[MAX_ICE_CREDENTIAL_LEN] = remote.pwd[MAX_ICE_CREDENTIAL_LEN] = '\0';
    ice_free(&ice);
    ice = ice_new(responder, &local, TIMEOUT_US, 0);
    ice_set_remote(ice, &remote);
    (void)snprintf(name, sizeof(name), "%s:%s", local.ufrag, remote.ufrag);
    size_t len = build(&(struct check){.ufrag = name, .pwd = local.pwd}, &msg);
    struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 0);

    assert_true(out.is_authenticated);
    assert_int_equal(judge_reply(out, NULL), 0);
}

static void an_endpoint_that_says_it_is_controlled_gets_487(void **state)
{
    static const uint64_t ties[] = {0, 1, UINT64_MAX};

    (void)state;
    ice_set_remote(ice, &theirs);
    for (size_t i = 0; i < ARRAY_LEN(ties); i++) {
        struct ice_outcome out =
            check((struct check){.is_controlled = true, .tie = ties[i], .nominates = true});

        assert_false(out.is_authenticated);
        assert_int_equal(judge_reply(out, NULL), 487);
    }
    assert_int_equal(stats_now().role_conflicts, 3);
    nothing_happened();
}

/* ---- what is not a check ---- */

static void broken_bytes_are_counted_and_get_no_reply(void **state)
{
    struct path from = path_of(1);
    StunMessage msg;
    size_t len = build(&(struct check){.nominates = true}, &msg);
    uint8_t *exact = mem_alloc(len);
    uint64_t malformed = 0;

    (void)state;
    memcpy(exact, wire, len);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *part = mem_alloc(cut + 1); /* ends where the datagram ends, for the sanitizer */

        memcpy(part + 1, exact, cut);
        assert_int_equal(ice_input(ice, &from, part + 1, cut, reply, sizeof(reply), 0).reply_bytes,
                         0);
        assert_int_equal(stats_now().malformed, ++malformed);
        mem_free(part);
    }
    for (size_t i = 0; i < len;
         i++) { /* one bit anywhere: FINGERPRINT sees it, or the shape is gone */
        exact[i] ^= 0x10;
        struct ice_outcome out = ice_input(ice, &from, exact, len, reply, sizeof(reply), 0);

        assert_int_equal(out.reply_bytes, 0);
        assert_false(out.is_authenticated);
        exact[i] ^= 0x10;
    }
    mem_free(exact);
    nothing_happened();
}

/* A request by hand: attributes in the order given, then FINGERPRINT. */
static size_t build_with(StunMessage *msg, uint16_t type, size_t bytes)
{
    static const uint8_t zeros[64];

    stun_agent_init_request(&client, msg, wire, sizeof(wire), STUN_BINDING);
    (void)stun_message_append_bytes(msg, STUN_ATTRIBUTE_USERNAME, "ourUfrag:thUf", 13);
    if (type != 0)
        (void)stun_message_append_bytes(msg, (StunAttribute)type, zeros, bytes);
    return stun_agent_finish_message(&client, msg, NULL, 0);
}

static void a_short_integrity_attribute_does_not_lead_past_the_end(void **state)
{
    struct path from = path_of(1);
    StunMessage msg;

    (void)state;
    for (size_t bytes = 0; bytes <= 32; bytes++) {
        size_t len = build_with(&msg, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, bytes);
        uint8_t *exact = mem_alloc(len);

        memcpy(exact, wire, len);
        struct ice_outcome out = ice_input(ice, &from, exact, len, reply, sizeof(reply), 0);

        assert_false(out.is_authenticated);
        if (bytes == 20)
            assert_int_equal(judge_reply(out, NULL), 401);
        else
            assert_int_equal(out.reply_bytes, 0);
        forget_requests();
        mem_free(exact);
    }
    nothing_happened();
}

static void a_request_without_integrity_gets_400(void **state)
{
    struct path from = path_of(1);
    StunMessage msg;
    size_t len = build_with(&msg, 0, 0);
    struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 0);

    (void)state;
    assert_int_equal(judge_reply(out, NULL), 400);
    assert_false(out.is_authenticated);
    nothing_happened();
}

/* An authenticated request with one more attribute. */
static size_t build_signed(StunMessage *msg, StunMethod method, uint16_t type)
{
    stun_agent_init_request(&client, msg, wire, sizeof(wire), method);
    (void)stun_message_append_bytes(msg, STUN_ATTRIBUTE_USERNAME, "ourUfrag:thUf", 13);
    (void)stun_message_append64(msg, STUN_ATTRIBUTE_ICE_CONTROLLING, 1);
    if (type != 0)
        (void)stun_message_append32(msg, (StunAttribute)type, 1);
    return stun_agent_finish_message(&client, msg, (const uint8_t *)ours.pwd, strlen(ours.pwd));
}

static void unknown_attributes_matter_only_when_they_must_be_understood(void **state)
{
    static const struct {
        uint16_t type;
        int code;
    } rows[] = {
        {0x001c, 420}, {0x7fff, 420}, /* must be understood */
        {0xc057, 0},                  /* network cost, of Chromium */
        {0xc001, 0},                  /* nomination, of Chromium */
        {0x8022, 0},                  /* SOFTWARE */
    };

    (void)state;
    ice_set_remote(ice, &theirs);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct path from = path_of(1);
        StunMessage msg;
        size_t len = build_signed(&msg, STUN_BINDING, rows[i].type);
        struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 0);

        assert_int_equal(judge_reply(out, NULL), rows[i].code);
        assert_int_equal(out.is_authenticated, rows[i].code == 0);
    }
}

static void other_methods_get_400(void **state)
{
    struct path from = path_of(1);
    StunMessage msg;
    size_t len = build_signed(&msg, STUN_ALLOCATE, 0);
    struct ice_outcome out = ice_input(ice, &from, wire, len, reply, sizeof(reply), 0);

    (void)state;
    assert_int_equal(judge_reply(out, NULL), 400);
    nothing_happened();
}

static void a_flood_of_unknown_attributes_is_survived(void **state)
{
    struct path from = path_of(1);
    StunMessage msg;

    (void)state;
    stun_agent_init_request(&client, &msg, wire, sizeof(wire), STUN_BINDING);
    (void)stun_message_append_bytes(&msg, STUN_ATTRIBUTE_USERNAME, "ourUfrag:thUf", 13);
    for (int i = 0; i < 340; i++)
        assert_int_equal(stun_message_append_flag(&msg, (StunAttribute)(0x1000 + i)), 0);
    size_t len =
        stun_agent_finish_message(&client, &msg, (const uint8_t *)ours.pwd, strlen(ours.pwd));

    assert_true(len > 0);
    assert_false(ice_input(ice, &from, wire, len, reply, sizeof(reply), 0).is_authenticated);
    forget_requests();
    nothing_happened();
}

static void indications_and_responses_prove_nothing(void **state)
{
    struct path from = path_of(1);
    StunMessage msg, request;
    size_t len = stun_usage_bind_keepalive(&client, &msg, wire, sizeof(wire));

    (void)state;
    assert_int_equal(ice_input(ice, &from, wire, len, reply, sizeof(reply), 5).reply_bytes, 0);
    assert_int_equal(stats_now().indications, 1);

    (void)build(&(struct check){0}, &request);
    uint8_t response[200];

    assert_true(stun_agent_init_response(&client, &msg, response, sizeof(response), &request));
    len = stun_agent_finish_message(&client, &msg, (const uint8_t *)ours.pwd, strlen(ours.pwd));
    assert_int_equal(ice_input(ice, &from, response, len, reply, sizeof(reply), 5).reply_bytes, 0);
    assert_int_equal(stats_now().malformed, 1);
    forget_requests();
    nothing_happened();
}

/* ---- nomination ---- */

static void the_nominated_path_is_selected(void **state)
{
    (void)state;
    ice_set_remote(ice, &theirs);
    assert_false(check((struct check){.host = 1}).is_selected_new);
    assert_int_equal(selected_host(), 0);
    struct ice_outcome out = check((struct check){.host = 1, .nominates = true});

    assert_true(out.is_selected_new);
    assert_int_equal(judge_reply(out, NULL), 0);
    assert_int_equal(selected_host(), 1);
    assert_false(check((struct check){.host = 1, .nominates = true}).is_selected_new);
    assert_int_equal(stats_now().selected_changes, 1);
}

static void selection_follows_the_rule(void **state)
{
    const uint64_t hold = ICE_NOMINATION_HOLD_US;
    const struct {
        struct check c;
        uint8_t selected; /* afterwards */
    } rows[] = {
        {{.host = 1, .priority = 100, .at_us = 0, .nominates = true}, 1},
        {{.host = 2, .priority = 200, .at_us = 1, .nominates = true}, 2}, /* higher: at once */
        {{.host = 1, .priority = 100, .at_us = 2, .nominates = true}, 2}, /* lower: passed over */
        {{.host = 3, .priority = 200, .at_us = 3, .nominates = true}, 3}, /* equal: the latest */
        {{.host = 1, .priority = 900, .at_us = 4}, 3},                    /* does not nominate */
        {{.host = 3, .priority = 200, .at_us = hold, .nominates = true}, 3},
        {{.host = 1, .priority = 100, .at_us = 2 * hold - 1, .nominates = true}, 3},
        {{.host = 1, .priority = 100, .at_us = 2 * hold, .nominates = true}, 1}, /* 3 is silent */
        {{.host = 3, .priority = 200, .at_us = 2 * hold + 1}, 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t before = selected_host();
        struct ice_outcome out = check(rows[i].c);

        if (selected_host() != rows[i].selected)
            fail_msg("row %zu: %u is selected", i, selected_host());
        assert_int_equal(out.is_selected_new, before != rows[i].selected);
        forget_requests();
    }
}

static void a_dead_path_gives_way_to_another_nominated_one(void **state)
{
    struct path one = path_of(1), two = path_of(2), three = path_of(3), never = path_of(9);

    (void)state;
    (void)check((struct check){.host = 1, .priority = 1, .nominates = true});
    (void)check((struct check){.host = 2, .priority = 2, .nominates = true});
    (void)check((struct check){.host = 3, .priority = 3, .at_us = 7});
    assert_int_equal(selected_host(), 2);
    assert_false(ice_forget_path(ice, &never));
    assert_true(ice_forget_path(ice, &two));
    assert_int_equal(selected_host(), 1); /* 3 was never nominated */
    assert_false(ice_forget_path(ice, &three));
    assert_true(ice_forget_path(ice, &one));
    assert_null(ice_selected(ice));
    assert_false(is_validated(1));
}

static void the_oldest_unselected_path_is_forgotten(void **state)
{
    struct path paths[MAX_PATHS_PER_TRANSPORT + 1];
    struct path second = path_of(2);

    (void)state;
    (void)check((struct check){.host = 1, .at_us = 1, .nominates = true});
    for (uint8_t host = 2; host <= MAX_PATHS_PER_TRANSPORT; host++)
        assert_false(check((struct check){.host = host, .at_us = host}).path_forgotten);
    struct ice_outcome out = check((struct check){.host = 100, .at_us = 50});

    assert_true(out.path_forgotten);
    assert_true(path_eq(&out.forgotten, &second));
    assert_false(is_validated(2));
    assert_true(is_validated(100));
    assert_int_equal(selected_host(), 1);
    assert_int_equal(ice_paths(ice, paths, ARRAY_LEN(paths)), MAX_PATHS_PER_TRANSPORT);
    for (uint8_t host = 101; host < 140; host++) { /* a client that moves all the time */
        out = check((struct check){.host = host, .at_us = host, .priority = 1, .nominates = true});
        assert_true(out.path_forgotten);
        assert_int_equal(selected_host(), host);
        forget_requests();
    }
    assert_int_equal(ice_paths(ice, paths, 3), 3);
}

/* ---- consent ---- */

static void consent_lasts_from_the_latest_authenticated_check(void **state)
{
    (void)state;
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US);
    (void)check((struct check){.host = 1, .at_us = 100, .nominates = true});
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US + 100);
    (void)check((struct check){.host = 2, .at_us = 200});
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US + 200);
    (void)check((struct check){.host = 1, .at_us = 300, .pwd = "wrong"});
    (void)check((struct check){.host = 1, .at_us = 300, .is_controlled = true});
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US + 200);
}

/* ---- restart ---- */

static struct check new_check(uint8_t host, bool nominates)
{
    return (struct check){
        .ufrag = "ourUfrg2:thU2", .pwd = ours_2.pwd, .host = host, .nominates = nominates};
}

static void old_credentials_serve_until_a_nomination_under_the_new(void **state)
{
    (void)state;
    ice_set_remote(ice, &theirs);
    (void)check((struct check){.host = 1, .priority = 500, .nominates = true});
    ice_restart(ice, &ours_2, &theirs_2, 1000);
    assert_int_equal(ice_consent_deadline_us(ice), TIMEOUT_US + 1000);
    assert_true(ice_has_ufrag(ice, ours.ufrag));
    assert_true(ice_has_ufrag(ice, ours_2.ufrag));
    assert_int_equal(selected_host(), 1);

    assert_true(
        check((struct check){.host = 1, .priority = 500, .nominates = true}).is_authenticated);
    assert_int_equal(judge_reply(check(new_check(2, false)), NULL), 0);
    assert_int_equal(selected_host(), 1);
    assert_true(ice_has_ufrag(ice, ours.ufrag));
    /* halves of two generations do not make one */
    assert_false(
        check((struct check){.ufrag = "ourUfrg2:thUf", .pwd = ours_2.pwd}).is_authenticated);
    assert_false(check((struct check){.ufrag = "ourUfrag:thU2"}).is_authenticated);
    assert_false(check((struct check){.pwd = ours_2.pwd}).is_authenticated);

    assert_true(check(new_check(2, true)).is_selected_new); /* whatever its priority */
    assert_int_equal(selected_host(), 2);
    assert_false(ice_has_ufrag(ice, ours.ufrag));
    assert_false(check((struct check){.host = 1, .nominates = true}).is_authenticated);
    assert_true(is_validated(1)); /* what is on its way from there still counts */
    assert_int_equal(stats_now().restarts, 1);
}

static void a_restart_may_end_on_the_same_path(void **state)
{
    (void)state;
    ice_set_remote(ice, &theirs);
    (void)check((struct check){.host = 1, .nominates = true});
    ice_restart(ice, &ours_2, &theirs_2, 1000);
    assert_false(check(new_check(1, true)).is_selected_new);
    assert_int_equal(selected_host(), 1);
    assert_false(ice_has_ufrag(ice, ours.ufrag));
}

static void paths_nominated_before_the_restart_do_not_come_back(void **state)
{
    struct path two = path_of(2);

    (void)state;
    ice_set_remote(ice, &theirs);
    (void)check((struct check){.host = 1, .nominates = true});
    ice_restart(ice, &ours_2, &theirs_2, 1000);
    (void)check(new_check(2, true));
    assert_true(ice_forget_path(ice, &two));
    assert_null(ice_selected(ice));
}

static void of_two_restarts_in_a_row_the_first_ones_credentials_go(void **state)
{
    static const struct ice_credentials ours_3 = {"ourUfrg3", "thirdPasswordthirdPasswo"};
    static const struct ice_credentials theirs_3 = {"thU3", "theirThirdtheirThirdthei"};

    (void)state;
    ice_set_remote(ice, &theirs);
    (void)check((struct check){.host = 1, .nominates = true});
    ice_restart(ice, &ours_2, &theirs_2, 1000);
    ice_restart(ice, &ours_3, &theirs_3, 2000);
    assert_true(ice_has_ufrag(ice, ours.ufrag));
    assert_false(ice_has_ufrag(ice, ours_2.ufrag));
    assert_true(ice_has_ufrag(ice, ours_3.ufrag));
    assert_false(check(new_check(1, true)).is_authenticated);
    assert_true(check((struct check){.host = 1}).is_authenticated);
    assert_true(
        check((struct check){
                  .ufrag = "ourUfrg3:thU3", .pwd = ours_3.pwd, .host = 3, .nominates = true})
            .is_selected_new);
    assert_false(ice_has_ufrag(ice, ours.ufrag));
}

/* ---- peeking ---- */

static void the_ufrag_is_found_without_checking(void **state)
{
    static const struct {
        const char *username;
        const char *ufrag; /* NULL: none */
    } rows[] = {
        {"ourUfrag:thUf", "ourUfrag"},
        {"ourUfrag", "ourUfrag"},
        {"a:b:c", "a"},
        {":thUf", NULL},
        {"our ufrag:x", NULL},
        {"our\tufrag:x", NULL},
        {"\xc3\xbc:x", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char ufrag[MAX_ICE_CREDENTIAL_LEN + 1];
        StunMessage msg;
        size_t len = build(&(struct check){.ufrag = rows[i].username, .pwd = "any"}, &msg);
        bool found = ice_peek_ufrag(wire, len, ufrag);

        forget_requests();
        assert_int_equal(found, rows[i].ufrag != NULL);
        if (found)
            assert_string_equal(ufrag, rows[i].ufrag);
    }
}

static void peeking_finds_nothing_where_nothing_is(void **state)
{
    char ufrag[MAX_ICE_CREDENTIAL_LEN + 1];
    char longest[MAX_ICE_CREDENTIAL_LEN + 2];
    StunMessage msg;
    size_t len = stun_usage_bind_create(&client, &msg, wire, sizeof(wire));

    (void)state;
    assert_false(ice_peek_ufrag(wire, len, ufrag));
    len = stun_usage_bind_keepalive(&client, &msg, wire, sizeof(wire));
    assert_false(ice_peek_ufrag(wire, len, ufrag));
    assert_false(ice_peek_ufrag(wire, 0, ufrag));
    len = build(&(struct check){0}, &msg);
    wire[0] = 1; /* a response */
    assert_false(ice_peek_ufrag(wire, len, ufrag));

    memset(longest, 'u', sizeof(longest));
    longest[MAX_ICE_CREDENTIAL_LEN] = '\0';
    len = build(&(struct check){.ufrag = longest}, &msg);
    assert_true(ice_peek_ufrag(wire, len, ufrag));
    longest[MAX_ICE_CREDENTIAL_LEN] = 'u';
    longest[MAX_ICE_CREDENTIAL_LEN + 1] = '\0';
    len = build(&(struct check){.ufrag = longest}, &msg);
    assert_false(ice_peek_ufrag(wire, len, ufrag));
    forget_requests();
}

static void no_memory_is_told(void **state)
{
    (void)state;
    mem_fail_nth(1);
    assert_null(ice_new(responder, &ours, TIMEOUT_US, 0));
}

#define WITH_ICE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ICE(a_check_is_answered_with_the_address_it_came_from),
        WITH_ICE(before_the_remote_is_known_our_half_of_the_username_is_enough),
        WITH_ICE(wrong_names_and_passwords_get_401_and_change_nothing),
        WITH_ICE(a_username_too_long_to_be_repeated_is_refused),
        WITH_ICE(the_longest_credentials_fit_the_reply),
        WITH_ICE(an_endpoint_that_says_it_is_controlled_gets_487),
        WITH_ICE(broken_bytes_are_counted_and_get_no_reply),
        WITH_ICE(a_short_integrity_attribute_does_not_lead_past_the_end),
        WITH_ICE(a_request_without_integrity_gets_400),
        WITH_ICE(unknown_attributes_matter_only_when_they_must_be_understood),
        WITH_ICE(other_methods_get_400),
        WITH_ICE(a_flood_of_unknown_attributes_is_survived),
        WITH_ICE(indications_and_responses_prove_nothing),
        WITH_ICE(the_nominated_path_is_selected),
        WITH_ICE(selection_follows_the_rule),
        WITH_ICE(a_dead_path_gives_way_to_another_nominated_one),
        WITH_ICE(the_oldest_unselected_path_is_forgotten),
        WITH_ICE(consent_lasts_from_the_latest_authenticated_check),
        WITH_ICE(old_credentials_serve_until_a_nomination_under_the_new),
        WITH_ICE(a_restart_may_end_on_the_same_path),
        WITH_ICE(paths_nominated_before_the_restart_do_not_come_back),
        WITH_ICE(of_two_restarts_in_a_row_the_first_ones_credentials_go),
        WITH_ICE(the_ufrag_is_found_without_checking),
        WITH_ICE(peeking_finds_nothing_where_nothing_is),
        WITH_ICE(no_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
