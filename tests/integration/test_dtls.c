/* SPDX-License-Identifier: Apache-2.0 */
/* test_dtls.c - the handshake against another driver of OpenSSL: roles, profiles, fingerprints, loss, strangers. */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/attr.h"
#include "tests/integration/group.h"

static const uint32_t tags[] = {1, 2};

static struct client *join(const char *identity, uint32_t tag, const struct secure_config *secure,
                           const char *setup, const char *fingerprint)
{
    const struct client_config config = {
        .identity = identity,
        .tag = tag,
        .link = {.kind = LINK_NICE_UDP},
        .secure = *secure,
        .setup = setup,
        .fingerprint = fingerprint,
        .slots = 1,
        .publishes = true,
    };
    struct client *c = client_join(group_server, &config);

    assert_non_null(c);
    return c;
}

/* Both open, media flows both ways. */
static void assert_talk(struct client *c[2])
{
    struct client_group group = {c, tags, 2};

    assert_true(client_wait_open(c[0]) && client_wait_open(c[1]));
    client_start_media(c[0]);
    client_start_media(c[1]);
    assert_true(clock_wait(client_everyone_has_everyone, &group, WAIT_MS));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(client_stats(c[i])->rtp_refused + client_stats(c[i])->rtcp_refused, 0);
        assert_string_equal(secure_stats(client_secure(c[i]))->remote_fingerprint,
                            client_answer(c[i])->fingerprint);
    }
}

/* ---- roles ---- */

static void each_role_can_be_asked_for(void **state)
{
    static const struct {
        const char *offer, *answer;
    } rows[] = {{"actpass", "passive"}, {"active", "passive"}, {"passive", "active"}};
    static const struct secure_config any;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct client *c[2];
        c[0] = join("alice", 1, &any, rows[i].offer, NULL);
        c[1] = join("bob", 2, &any, "actpass", NULL);
        assert_string_equal(client_answer(c[0])->setup, rows[i].answer);
        assert_talk(c);
        group_leave(c, 2);
    }
}

/* ---- profiles (RFC 5764, RFC 7714) ---- */

static void the_best_common_profile_is_taken(void **state)
{
    static const struct {
        const char *offered, *name;
        enum srtp_profile profile;
        const char *setup;
    } rows[] = {
        {SECURE_ALL_PROFILES, "SRTP_AEAD_AES_128_GCM", SRTP_PROFILE_AEAD_AES_128_GCM, "active"},
        {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM",
         "SRTP_AEAD_AES_128_GCM", SRTP_PROFILE_AEAD_AES_128_GCM, "active"},
        {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM",
         SRTP_PROFILE_AEAD_AES_256_GCM, "active"},
        {"SRTP_AES128_CM_SHA1_80", "SRTP_AES128_CM_SHA1_80", SRTP_PROFILE_AES128_CM_SHA1_80,
         "active"},
        {"SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_256_GCM", SRTP_PROFILE_AEAD_AES_256_GCM,
         "passive"},
        {"SRTP_AES128_CM_SHA1_80", "SRTP_AES128_CM_SHA1_80", SRTP_PROFILE_AES128_CM_SHA1_80,
         "passive"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct secure_config one = {.profiles = rows[i].offered}, any = {.profiles = NULL};
        struct client *c[2];
        c[0] = join("alice", 1, &one, rows[i].setup, NULL);
        c[1] = join("bob", 2, &any, "actpass", NULL);
        assert_talk(c); /* media crosses from one profile to another */
        assert_string_equal(secure_stats(client_secure(c[0]))->profile, rows[i].name);
        assert_int_equal(seat_transport(client_seat(c[0])).srtp_profile, rows[i].profile);
        group_leave(c, 2);
    }
}

/* ---- fingerprints ---- */

static bool is_closed(void *arg)
{
    struct client *c = arg;

    return seat_transport(client_seat(c)).state == TRANSPORT_CLOSED &&
           strcmp(seat_events(client_seat(c)).transport_state, "failed") == 0;
}

static void a_foreign_fingerprint_is_refused(void **state)
{
    static const char foreign[] = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
                                  "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
    static const char *const setups[] = {"active", "passive"};
    static const struct secure_config any;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(setups); i++) {
        struct client *c = join("mallory", 1, &any, setups[i], foreign);
        assert_true(clock_wait(is_closed, c, WAIT_MS));
        assert_int_equal(seat_transport(client_seat(c)).srtp_profile, SRTP_PROFILE_NONE);
        assert_false(client_is_open(c));
        client_leave(&c);
    }
}

/* ---- loss ---- */

static void lost_flights_are_repeated(void **state)
{
    static const struct {
        unsigned out, in;
        const char *setup;
    } rows[] = {{1, 0, "active"},  {0, 1, "active"},  {1, 1, "active"},
                {1, 0, "passive"}, {0, 1, "passive"}, {1, 1, "passive"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct secure_config lossy = {.drop_out = rows[i].out, .drop_in = rows[i].in},
                                   any = {.drop_in = 0};
        struct client *c[2];
        c[0] = join("alice", 1, &lossy, rows[i].setup, NULL);
        c[1] = join("bob", 2, &any, "actpass", NULL);
        assert_talk(c);
        assert_int_equal(secure_stats(client_secure(c[0]))->dropped_out, rows[i].out);
        assert_int_equal(secure_stats(client_secure(c[0]))->dropped_in, rows[i].in);
        group_leave(c, 2);
    }
}

/* ---- strangers ---- */

static bool send_stranger(const uint8_t *buf, size_t len, void *arg)
{
    struct sockaddr_storage to;
    struct addr server = test_server_addr(group_server, 0, 4);
    socklen_t to_len = (socklen_t)addr_to_sockaddr(&server, &to);

    return sendto(*(int *)arg, buf, len, 0, (struct sockaddr *)&to, to_len) == (ssize_t)len;
}

static bool knows_strangers(void *arg)
{
    return test_server_stats(group_server, 0).mux.unknown_path >= *(uint64_t *)arg;
}

static void dtls_from_an_address_without_a_check_is_ignored(void **state)
{
    static const struct secure_handlers handlers = {.on_send = send_stranger};
    static const struct secure_config any;
    struct client *c[2];
    uint8_t reply[64];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_true(fd >= 0);
    group_call_of_two(c, LINK_NICE_UDP);
    uint64_t want =
        test_server_stats(group_server, 0).mux.unknown_path + 2; /* the hello and its repetition */
    struct secure *stranger = secure_new(&any, &handlers, &fd);
    secure_start(stranger);
    assert_true(clock_wait(knows_strangers, &want, WAIT_MS));
    assert_true(recv(fd, reply, sizeof(reply), MSG_DONTWAIT) < 0);
    secure_free(&stranger);
    close(fd);
    assert_talk(c);
    group_leave(c, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GROUP_TEST(each_role_can_be_asked_for),
        GROUP_TEST(the_best_common_profile_is_taken),
        GROUP_TEST(a_foreign_fingerprint_is_refused),
        GROUP_TEST(lost_flights_are_repeated),
        GROUP_TEST(dtls_from_an_address_without_a_check_is_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
