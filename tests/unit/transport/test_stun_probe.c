/* SPDX-License-Identifier: Apache-2.0 */
/* The server is a thread of the test's with a socket on loopback; what it answers is a script of one letter a request. */
#include "tests/unit/core/cmocka_all.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stun/stunagent.h>

#include "core/err.h"
#include "core/timebase.h"
#include "tests/unit/core/leaks.h"
#include "transport/stun_probe.h"

static const struct addr loopback = {.ip = {127, 0, 0, 1}, .family = 4};
static const struct addr outside = {.ip = {203, 0, 113, 9}, .port = 4711, .family = 4};

static struct {
    int fd;
    const char *script;
    size_t requests;
    StunAgent agent;
    pthread_t thread;
} server;

/* o: the address; e: an error; g: garbage first, then a stranger's answer, then the address; -: nothing */
static size_t make_answer(char what, const StunMessage *request, uint8_t *buf, size_t size)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = (socklen_t)addr_to_sockaddr(&outside, &sa);
    StunMessage answer;

    if (what == 'e') {
        (void)stun_agent_init_error(&server.agent, &answer, buf, size, request,
                                    STUN_ERROR_SERVER_ERROR);
    } else {
        (void)stun_agent_init_response(&server.agent, &answer, buf, size, request);
        (void)stun_message_append_xor_addr(&answer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &sa, sa_len);
    }
    return stun_agent_finish_message(&server.agent, &answer, NULL, 0);
}

static void *serve(void *arg)
{
    (void)arg;
    while (server.script[server.requests] != '\0') {
        char what = server.script[server.requests];
        uint8_t buf[512], out[512];
        struct sockaddr_storage from;
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(server.fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);
        StunMessage request;

        if (n <= 0 || stun_agent_validate(&server.agent, &request, buf, (size_t)n, NULL, NULL) !=
                          STUN_VALIDATION_SUCCESS)
            break;
        server.requests++;
        if (what == '-')
            continue;
        size_t len = make_answer(what, &request, out, sizeof(out));

        if (what == 'g') {
            (void)sendto(server.fd, "garbage", 7, 0, (struct sockaddr *)&from, from_len);
            out[10] ^= 1; /* another transaction's */
            (void)sendto(server.fd, out, len, 0, (struct sockaddr *)&from, from_len);
            out[10] ^= 1;
        }
        (void)sendto(server.fd, out, len, 0, (struct sockaddr *)&from, from_len);
    }
    return NULL;
}

static struct addr bind_server(void)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = (socklen_t)addr_to_sockaddr(&loopback, &sa);

    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(server.fd >= 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&sa, sa_len), 0);
    sa_len = sizeof(sa);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&sa, &sa_len), 0);
    return addr_of_sockaddr((struct sockaddr *)&sa);
}

/* Ask a server with that script from @local. */
static int probe(const char *script, const struct addr *local, struct addr *out)
{
    struct addr to;

    memset(&server, 0, sizeof(server));
    server.script = script;
    stun_agent_init(&server.agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_IGNORE_CREDENTIALS);
    to = bind_server();
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    int err = stun_probe(&to, local, out);

    assert_int_equal(pthread_join(server.thread, NULL), 0);
    assert_int_equal(server.requests, strlen(script));
    assert_int_equal(close(server.fd), 0);
    return err;
}

static void the_servers_answer_is_the_public_address(void **state)
{
    struct addr any = {.family = 4}, out;

    (void)state;
    assert_int_equal(probe("o", &loopback, &out), 0);
    assert_true(addr_eq(&out, &outside));
    assert_int_equal(probe("o", &any, &out), 0);
    assert_true(addr_eq(&out, &outside));
}

static void what_is_no_answer_is_passed_over(void **state)
{
    struct addr out;

    (void)state;
    assert_int_equal(probe("g", &loopback, &out), 0);
    assert_true(addr_eq(&out, &outside));
}

static void a_lost_request_is_sent_again(void **state)
{
    struct addr out;

    (void)state;
    assert_int_equal(probe("-o", &loopback, &out), 0);
    assert_true(addr_eq(&out, &outside));
}

static void a_refusal_is_told(void **state)
{
    struct addr out = loopback;

    (void)state;
    assert_int_equal(probe("e", &loopback, &out), E_UNSUPPORTED);
    assert_true(addr_eq(&out, &loopback));
}

static void a_silent_server_costs_two_seconds(void **state)
{
    struct addr out = loopback;
    uint64_t start_us = timebase_now_us();

    (void)state;
    assert_int_equal(probe("----", &loopback, &out), E_TIMEOUT);
    assert_true(timebase_now_us() - start_us >= STUN_PROBE_TIMEOUT_US);
    assert_true(addr_eq(&out, &loopback));
}

static void no_server_and_the_wrong_family_are_told_at_once(void **state)
{
    struct addr v6 = {.ip = {[15] = 1}, .port = 9, .family = 6}, none = {.family = 0}, out;
    struct addr gone = bind_server();

    (void)state;
    assert_int_equal(close(server.fd), 0);
    assert_true(stun_probe(&gone, &loopback, &out) < 0);
    assert_int_equal(stun_probe(&v6, &loopback, &out), E_INVALID);
    assert_int_equal(stun_probe(&none, &none, &out), E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(the_servers_answer_is_the_public_address),
        LEAK_FREE(what_is_no_answer_is_passed_over),
        LEAK_FREE(a_lost_request_is_sent_again),
        LEAK_FREE(a_refusal_is_told),
        LEAK_FREE(a_silent_server_costs_two_seconds),
        LEAK_FREE(no_server_and_the_wrong_family_are_told_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
