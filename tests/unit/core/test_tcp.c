/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <string.h>
#include <uv.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/tcp.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"

enum when { NEVER, ON_ACCEPT, ON_BYTES, ON_CLOSED, ON_CONNECTED };

/* A listener, the connection it accepts, and the one that dials it. */
struct ends {
    struct worker *w;
    struct tcp_listener *listener;
    struct tcp_conn *server, *client;
    enum when server_closes, client_closes;
    bool reads_nothing; /* the server does not take its connection */
    size_t stop_at_bytes;
    bool stops_on_accept, stops_on_connected;
    size_t got;
    uint32_t sum;
    int n_connected, connect_err;
    int n_server_closed, n_client_closed, closed_err;
};

static void on_server_bytes(struct tcp_conn *c, const uint8_t *buf, size_t len, uint64_t now_us,
                            void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(c, e->server);
    assert_true(now_us > 0);
    e->got += len;
    for (size_t i = 0; i < len; i++)
        e->sum += buf[i];
    if (e->server_closes == ON_BYTES)
        tcp_close(&e->server);
    if (e->stop_at_bytes != 0 && e->got >= e->stop_at_bytes)
        worker_stop(e->w);
}

static void on_server_closed(struct tcp_conn *c, int err, void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(c, e->server);
    e->n_server_closed++;
    e->closed_err = err;
    assert_int_equal(tcp_unsent(c), 0);
    assert_int_equal(tcp_send(c, (const uint8_t *)"x", 1, NULL, 0), E_STATE);
    if (e->server_closes == ON_CLOSED)
        tcp_close(&e->server);
    e->server = NULL;
    worker_stop(e->w);
}

static void on_client_bytes(struct tcp_conn *c, const uint8_t *buf, size_t len, uint64_t now_us,
                            void *arg)
{
    (void)c;
    (void)buf;
    (void)len;
    (void)now_us;
    (void)arg;
}

static void on_client_closed(struct tcp_conn *c, int err, void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(c, e->client);
    e->n_client_closed++;
    e->closed_err = err;
    e->client = NULL;
    worker_stop(e->w);
}

static const struct tcp_handlers server_handlers = {on_server_bytes, on_server_closed};
static const struct tcp_handlers client_handlers = {on_client_bytes, on_client_closed};

static void on_accept(struct tcp_listener *l, struct tcp_conn *c, void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(l, e->listener);
    e->server = c;
    if (e->server_closes == ON_ACCEPT) {
        tcp_close(&e->server);
        tcp_listener_close(&e->listener);
    } else if (!e->reads_nothing) {
        tcp_take(c, &server_handlers, e);
    }
    if (e->stops_on_accept)
        worker_stop(e->w);
}

static void on_connected(struct tcp_conn *c, int err, void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(c, e->client);
    e->n_connected++;
    e->connect_err = err;
    if (e->client_closes == ON_CONNECTED)
        tcp_close(&e->client);
    if (err != 0)
        e->client = NULL;
    if (err != 0 || e->stops_on_connected)
        worker_stop(e->w);
}

static bool ends_open(struct ends *e, const char *text)
{
    struct addr a;
    int err;

    assert_int_equal(addr_parse(&a, str_of(text)), 0);
    *e = (struct ends){.w = loop_open()};
    err = tcp_listen(&e->listener, e->w, &a, on_accept, e);
    if (err == UV_EAFNOSUPPORT || err == UV_EADDRNOTAVAIL)
        return false;
    assert_int_equal(err, 0);
    a = tcp_listener_local(e->listener);
    assert_true(a.port != 0);
    assert_int_equal(tcp_connect(&e->client, e->w, &a, on_connected, &client_handlers, e), 0);
    return true;
}

static void ends_close(struct ends *e)
{
    tcp_close(&e->client);
    tcp_close(&e->server);
    tcp_listener_close(&e->listener);
    tcp_listener_close(&e->listener);
    worker_close(&e->w);
}

static int send_text(struct tcp_conn *c, const char *head, const char *body)
{
    return tcp_send(c, (const uint8_t *)head, strlen(head), (const uint8_t *)body, strlen(body));
}

static void test_bytes_and_addresses_pass(void **state)
{
    static const char *const rows[] = {"127.0.0.1:0", "[::1]:0"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ends e;
        if (ends_open(&e, rows[i])) {
            e.stop_at_bytes = 6;
            assert_int_equal(send_text(e.client, "ab", "cdef"), 0); /* waits for the connection */
            assert_true(tcp_unsent(e.client) == 6);
            loop_run(e.w);
            assert_int_equal(e.got, 6);
            assert_int_equal(e.sum, 'a' + 'b' + 'c' + 'd' + 'e' + 'f');
            assert_int_equal(e.n_connected, 1);
            struct addr there = tcp_remote(e.server), here = tcp_local(e.client);
            assert_true(addr_eq(&there, &here));
            there = tcp_remote(e.client);
            here = tcp_listener_local(e.listener);
            assert_true(addr_eq(&there, &here));
            assert_int_equal(send_text(e.client, "", "g"), 0); /* at once: nothing is queued */
            assert_int_equal(tcp_unsent(e.client), 0);
            e.stop_at_bytes = 7;
            loop_run(e.w);
            assert_int_equal(e.got, 7);
        }
        ends_close(&e);
    }
}

static void test_nobody_listening_is_told_once(void **state)
{
    struct ends e;

    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        assert_true(ends_open(&e, "127.0.0.1:0"));
        tcp_listener_close(&e.listener);
        e.client_closes = closes ? ON_CONNECTED : NEVER;
        loop_run(e.w); /* accepted by the kernel already, or refused */
        assert_true(e.n_connected + e.n_client_closed >= 1);
        ends_close(&e);
    }
}

static void test_a_refused_connection_reports_its_error(void **state)
{
    struct addr nobody;
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    e.stops_on_connected = true;
    loop_run(e.w);
    nobody = tcp_local(e.client); /* a port that nobody listens on */
    ends_close(&e);

    e = (struct ends){.w = loop_open()};
    assert_int_equal(tcp_connect(&e.client, e.w, &nobody, on_connected, &client_handlers, &e), 0);
    loop_run(e.w);
    assert_int_equal(e.n_connected, 1);
    assert_int_equal(e.connect_err, UV_ECONNREFUSED);
    assert_int_equal(e.n_client_closed, 0);
    ends_close(&e);
}

static void test_the_end_of_stream_is_told_once(void **state)
{
    struct ends e;

    (void)state;
    for (int closes = 0; closes < 2; closes++) { /* closing inside on_closed does no harm */
        assert_true(ends_open(&e, "127.0.0.1:0"));
        e.client_closes = ON_CONNECTED;
        e.server_closes = closes ? ON_CLOSED : NEVER;
        loop_run(e.w);
        assert_int_equal(e.n_server_closed, 1);
        assert_int_equal(e.closed_err, 0);
        ends_close(&e);
    }
}

static void test_a_handler_may_close_its_connection(void **state)
{
    static const enum when rows[] = {ON_ACCEPT, ON_BYTES};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ends e;
        assert_true(ends_open(&e, "127.0.0.1:0"));
        e.server_closes = rows[i];
        assert_int_equal(send_text(e.client, "hello", ""), 0);
        loop_run(e.w); /* until the client sees the end */
        assert_null(e.server);
        assert_int_equal(e.n_server_closed, 0);
        assert_int_equal(e.n_client_closed, 1);
        ends_close(&e);
    }
}

/* Fill what the kernel and the queue take; returns how much that was. */
static size_t fill(struct tcp_conn *c, size_t unit, int *err)
{
    static const uint8_t body[MAX_TCP_FRAME_BYTES] = {1};
    size_t total = 0;

    while ((*err = tcp_send(c, (const uint8_t *)"\1\1", 2, body, unit - 2)) == 0)
        total += unit;
    return total;
}

static void test_the_send_buffer_is_bounded_and_frames_are_whole(void **state)
{
    enum { UNIT = 1003 };
    struct ends e;
    size_t total;
    int err;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    e.reads_nothing = true;
    e.stops_on_accept = true;
    loop_run(e.w);
    total = fill(e.client, UNIT, &err);
    assert_int_equal(err, E_LIMIT);
    assert_true(tcp_unsent(e.client) <= MAX_TCP_SEND_BUFFER_BYTES);
    assert_true(tcp_unsent(e.client) > MAX_TCP_SEND_BUFFER_BYTES - UNIT);
    e.stop_at_bytes = total;
    tcp_take(e.server, &server_handlers, &e);
    loop_run(e.w);
    assert_int_equal(e.got, total);
    assert_int_equal(e.sum, total / UNIT * 3);
    assert_int_equal(tcp_unsent(e.client), 0);
    ends_close(&e);
}

static void test_no_memory_half_way_ends_the_connection(void **state)
{
    /* An odd size, so that the kernel's limit falls inside one. */
    static const uint8_t big[MAX_TCP_SEND_BUFFER_BYTES - 12137] = {1};
    struct ends e;
    int err = 0;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    e.reads_nothing = true;
    e.stops_on_accept = true;
    loop_run(e.w);
    mem_fail_nth(1); /* the first queueing, which comes when the kernel takes a part only */
    for (int i = 0; i < 1000 && err == 0; i++)
        err = tcp_send(e.client, NULL, 0, big, sizeof(big));
    mem_fail_nth(0);
    assert_int_equal(err, E_NO_MEMORY);
    assert_int_equal(tcp_send(e.client, NULL, 0, big, 1), E_STATE);
    loop_run(e.w);
    assert_int_equal(e.n_client_closed, 1);
    assert_int_equal(e.closed_err, E_NO_MEMORY);
    ends_close(&e);
}

static void test_closing_with_bytes_queued_drops_them(void **state)
{
    struct ends e;
    int err;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    e.reads_nothing = true;
    e.stops_on_accept = true;
    loop_run(e.w);
    (void)fill(e.client, 1000, &err);
    ends_close(&e);
}

static void test_closing_while_connecting_is_silent(void **state)
{
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    assert_int_equal(send_text(e.client, "lost", ""), 0);
    ends_close(&e);
    assert_int_equal(e.n_connected + e.n_client_closed, 0);
}

static void test_a_port_in_use_is_refused(void **state)
{
    struct tcp_listener *second = NULL;
    struct addr taken;
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0"));
    taken = tcp_listener_local(e.listener);
    assert_int_equal(tcp_listen(&second, e.w, &taken, on_accept, &e), UV_EADDRINUSE);
    assert_null(second);
    ends_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_bytes_and_addresses_pass),
        LEAK_FREE(test_nobody_listening_is_told_once),
        LEAK_FREE(test_a_refused_connection_reports_its_error),
        LEAK_FREE(test_the_end_of_stream_is_told_once),
        LEAK_FREE(test_a_handler_may_close_its_connection),
        LEAK_FREE(test_the_send_buffer_is_bounded_and_frames_are_whole),
        LEAK_FREE(test_no_memory_half_way_ends_the_connection),
        LEAK_FREE(test_closing_with_bytes_queued_drops_them),
        LEAK_FREE(test_closing_while_connecting_is_silent),
        LEAK_FREE(test_a_port_in_use_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
