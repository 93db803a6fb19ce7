/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/core/cmocka_all.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "core/attr.h"
#include "core/limits.h"
#include "core/packet.h"
#include "core/udp.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"

/* The system call of this program, which can be told to fail as it would on another machine. */
static struct {
    int full_calls;     /* so many more calls find no room */
    int refuse_runs;    /* errno for messages that the kernel would have to cut; 0: it takes them */
    unsigned run_calls; /* calls that began with a run */
} kernel;

int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    bool is_run = msgs[0].msg_hdr.msg_controllen != 0 &&
                  CMSG_FIRSTHDR(&msgs[0].msg_hdr)->cmsg_level == IPPROTO_UDP;

    if (kernel.full_calls > 0) {
        kernel.full_calls--;
        errno = EAGAIN;
        return -1;
    }
    kernel.run_calls += is_run;
    if (is_run && kernel.refuse_runs != 0) {
        errno = kernel.refuse_runs;
        return -1;
    }
    if (kernel.refuse_runs != 0)
        n = 1;
    return (int)syscall(SYS_sendmmsg, fd, msgs, n, flags);
}

struct ends {
    struct worker *w;
    struct packet_pool *pool;
    struct udp_sock *a, *b; /* b receives */
    size_t got, stop_at, got_bytes;
    char order[256]; /* first byte of each, in order of arrival */
    bool closes_in_handler;
    size_t bytes;
    struct addr remote, local;
    uint8_t first[8];
};

static void on_datagrams(struct udp_sock *s, const struct udp_datagram *batch, size_t n,
                         uint64_t now_us, void *arg)
{
    struct ends *e = arg;

    assert_ptr_equal(s, e->b);
    assert_true(n > 0 && n <= MAX_RECV_BATCH);
    for (size_t i = 0; i < n; i++) {
        struct packet *p = batch[i].pkt;
        assert_int_equal(p->arrival_us, now_us);
        assert_true(packet_is_writable(p));
        e->bytes = p->len;
        e->remote = batch[i].remote;
        e->local = batch[i].local;
        memcpy(e->first, p->data, MIN(p->len, sizeof(e->first)));
        e->got_bytes += p->len;
        if (p->len > 0 && e->got + i < sizeof(e->order) - 1)
            e->order[e->got + i] = (char)p->data[0];
        packet_unref(&p);
    }
    e->got += n;
    if (e->closes_in_handler)
        udp_close(&e->b);
    if (e->got >= e->stop_at)
        worker_stop(e->w);
}

static const struct udp_handlers handlers = {.on_datagrams = on_datagrams};

static struct addr addr_of_text(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, str_of(text)), 0);
    return a;
}

/* Open both ends; false: this machine has no such address family. */
static bool ends_open(struct ends *e, const char *a_text, const char *b_text, size_t max_packets)
{
    struct addr a = addr_of_text(a_text), b = addr_of_text(b_text);
    int err;

    *e = (struct ends){.w = loop_open(), .pool = packet_pool_new(max_packets), .stop_at = 1};
    err = udp_open(&e->a, e->w, &a, e->pool, &handlers, e);
    if (err == UV_EAFNOSUPPORT || err == UV_EADDRNOTAVAIL)
        return false;
    assert_int_equal(err, 0);
    assert_int_equal(udp_open(&e->b, e->w, &b, e->pool, &handlers, e), 0);
    return true;
}

static void ends_close(struct ends *e)
{
    udp_close(&e->a);
    udp_close(&e->b);
    assert_null(e->b);
    udp_close(&e->b);
    packet_pool_free(&e->pool);
    worker_close(&e->w);
}

static void send_n(struct ends *e, const struct addr *remote, const struct addr *local, size_t n,
                   size_t len)
{
    static const uint8_t data[MAX_DATAGRAM_BYTES + 1] = {1, 2, 3};
    struct udp_out out[200];

    assert_true(n <= ARRAY_LEN(out));
    for (size_t i = 0; i < n; i++)
        out[i] = (struct udp_out){.data = data, .len = len, .remote = *remote, .local = *local};
    udp_send(e->a, out, n);
}

static const struct addr no_addr = {.family = 0};

static void test_a_datagram_arrives_with_its_addresses(void **state)
{
    static const struct {
        const char *a, *b, *to;
    } rows[] = {
        {"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1"},
        {"127.0.0.1:0", "0.0.0.0:0", "127.0.0.5"}, /* the wildcard tells which one was meant */
        {"0.0.0.0:0", "0.0.0.0:0", "127.0.0.1"},
        {"[::1]:0", "[::1]:0", "::1"},
        {"[::1]:0", "[::]:0", "::1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ends e;
        struct addr to = addr_of_text(rows[i].to);
        if (ends_open(&e, rows[i].a, rows[i].b, 256)) {
            struct addr a = udp_local(e.a);
            assert_true(a.port != 0);
            to.port = udp_local(e.b).port;
            send_n(&e, &to, &no_addr, 1, 3);
            loop_run(e.w);
            assert_int_equal(e.got, 1);
            assert_int_equal(e.bytes, 3);
            assert_memory_equal(e.first, "\1\2\3", 3);
            assert_true(addr_eq(&e.local, &to));
            assert_int_equal(e.remote.port, a.port);
            assert_true(addr_is_loopback(&e.remote));
        }
        ends_close(&e);
    }
}

static void test_a_wildcard_socket_sends_from_the_address_asked_for(void **state)
{
    static const struct {
        const char *a, *b, *local;
    } rows[] = {
        {"0.0.0.0:0", "127.0.0.1:0", "127.0.0.9"},
        {"[::]:0", "[::1]:0", "::1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ends e;
        struct addr local = addr_of_text(rows[i].local);
        if (ends_open(&e, rows[i].a, rows[i].b, 256)) {
            struct addr to = udp_local(e.b);
            send_n(&e, &to, &local, 1, 10);
            loop_run(e.w);
            assert_true(addr_ip_eq(&e.remote, &local));
        }
        ends_close(&e);
    }
}

static void test_a_batch_larger_than_one_call_arrives_whole(void **state)
{
    struct udp_stats sent, received;
    struct ends e;
    struct addr to;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 512));
    to = udp_local(e.b);
    e.stop_at = 200;
    send_n(&e, &to, &no_addr, 200, 1200);
    loop_run(e.w);
    udp_read_stats(e.a, &sent);
    udp_read_stats(e.b, &received);
    assert_int_equal(sent.send_datagrams, 200);
    assert_int_equal(sent.send_dropped_full + sent.send_errors, 0);
    assert_true(sent.send_calls <= 4);
    assert_int_equal(received.recv_datagrams, 200);
    assert_true(received.rcvbuf_bytes > 0 && received.sndbuf_bytes > 0);
    ends_close(&e);
}

static void test_too_long_datagrams_are_counted_and_the_others_pass(void **state)
{
    struct udp_stats stats;
    struct ends e;
    struct addr to;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    to = udp_local(e.b);
    send_n(&e, &to, &no_addr, 3, MAX_DATAGRAM_BYTES + 1);
    send_n(&e, &to, &no_addr, 1, MAX_DATAGRAM_BYTES);
    loop_run(e.w);
    udp_read_stats(e.b, &stats);
    assert_int_equal(stats.recv_too_long, 3);
    assert_int_equal(e.got, 1);
    assert_int_equal(e.bytes, MAX_DATAGRAM_BYTES);
    ends_close(&e);
}

static void test_an_empty_datagram_is_a_datagram(void **state)
{
    struct ends e;
    struct addr to;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    to = udp_local(e.b);
    send_n(&e, &to, &no_addr, 1, 0);
    loop_run(e.w);
    assert_int_equal(e.got, 1);
    assert_int_equal(e.bytes, 0);
    ends_close(&e);
}

static void test_an_empty_pool_drains_and_counts(void **state)
{
    struct udp_stats stats;
    struct ends e;
    struct addr to;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 2));
    to = udp_local(e.b);
    e.stop_at = 2;
    send_n(&e, &to, &no_addr, 10, 100);
    loop_run(e.w);
    udp_read_stats(e.b, &stats);
    assert_int_equal(e.got, 2);
    assert_int_equal(stats.recv_no_packet, 8);
    send_n(&e, &to, &no_addr, 1, 100); /* the packets are home again */
    loop_run(e.w);
    assert_int_equal(e.got, 3);
    ends_close(&e);
}

static void test_what_the_kernel_refuses_does_not_stop_the_rest(void **state)
{
    static const uint8_t data[1] = {7};
    struct udp_out out[4];
    struct udp_stats stats;
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    for (size_t i = 0; i < ARRAY_LEN(out); i++)
        out[i] = (struct udp_out){.data = data, .len = 1, .remote = udp_local(e.b)};
    out[0].remote = addr_of_text("[2001:db8::1]:9"); /* the wrong family */
    out[2].remote = addr_of_text("127.0.0.1:0");     /* no port */
    e.stop_at = 2;
    udp_send(e.a, out, ARRAY_LEN(out));
    loop_run(e.w);
    udp_read_stats(e.a, &stats);
    assert_int_equal(stats.send_datagrams, 2);
    assert_int_equal(stats.send_errors, 2);
    ends_close(&e);
}

static void test_a_closed_port_is_no_trouble(void **state)
{
    struct udp_stats stats;
    struct ends e;
    struct addr to, gone;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    gone = udp_local(e.b);
    udp_close(&e.b);
    for (int i = 0; i < 3; i++)
        send_n(&e, &gone, &no_addr, 1, 10); /* each is answered with "port unreachable" */
    to = addr_of_text("127.0.0.1:0");
    assert_int_equal(udp_open(&e.b, e.w, &to, e.pool, &handlers, &e), 0);
    to = udp_local(e.b);
    send_n(&e, &to, &no_addr, 1, 10);
    loop_run(e.w);
    udp_read_stats(e.a, &stats);
    assert_int_equal(stats.send_datagrams, 4);
    ends_close(&e);
}

static void test_the_handler_may_close_the_socket(void **state)
{
    struct ends e;
    struct addr to;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 512));
    to = udp_local(e.b);
    e.closes_in_handler = true;
    send_n(&e, &to, &no_addr, 200, 10);
    loop_run(e.w);
    assert_true(e.got <= MAX_RECV_BATCH);
    assert_null(e.b);
    ends_close(&e);
}

static void test_a_port_in_use_is_refused(void **state)
{
    struct udp_sock *second = NULL;
    struct ends e;
    struct addr taken;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 16));
    taken = udp_local(e.a);
    assert_int_equal(udp_open(&second, e.w, &taken, e.pool, &handlers, &e), UV_EADDRINUSE);
    assert_null(second);
    ends_close(&e);
}

/* A run of @n datagrams of @segment bytes, the last of @last; each begins with a letter of its own. */
static void send_run(struct ends *e, size_t n, uint16_t segment, size_t last)
{
    static uint8_t data[UDP_MAX_RUN_BYTES];
    const struct udp_out out = {.data = data,
                                .len = (n - 1) * segment + last,
                                .segment_bytes = segment,
                                .remote = udp_local(e->b)};

    for (size_t i = 0; i < n; i++)
        data[i * segment] = (uint8_t)('a' + i);
    udp_send(e->a, &out, 1);
}

static void test_a_run_arrives_as_datagrams(void **state)
{
    struct udp_stats stats;
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    assert_true(udp_has_gso(e.a));
    e.stop_at = 5;
    send_run(&e, 5, 1100, 300);
    loop_run(e.w);
    udp_read_stats(e.a, &stats);
    assert_string_equal(e.order, "abcde");
    assert_int_equal(e.bytes, 300);
    assert_int_equal(e.got_bytes, 4 * 1100 + 300);
    assert_int_equal(stats.send_calls, 1);
    assert_int_equal(stats.send_datagrams, 5);
    assert_int_equal(stats.gso_batch.calls, 1);
    assert_int_equal(stats.gso_batch.items, 5);
    ends_close(&e);
}

/* From a wildcard socket both the source address and the segment length are said. */
static void test_a_run_leaves_from_the_address_asked_for(void **state)
{
    struct ends e;
    struct addr local = addr_of_text("127.0.0.9");

    (void)state;
    assert_true(ends_open(&e, "0.0.0.0:0", "127.0.0.1:0", 256));
    e.stop_at = 3;
    const struct udp_out out = {.data = (const uint8_t *)"abc",
                                .len = 3,
                                .segment_bytes = 1,
                                .remote = udp_local(e.b),
                                .local = local};
    udp_send(e.a, &out, 1);
    loop_run(e.w);
    assert_string_equal(e.order, "abc");
    assert_true(addr_ip_eq(&e.remote, &local));
    ends_close(&e);
}

static void test_a_refused_run_leaves_apart_and_is_not_tried_for_ever(void **state)
{
    static const struct {
        int refusal;
        unsigned max_tries;
    } rows[] = {{EIO, 1}, {EINVAL, 8}, {EMSGSIZE, 8}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct udp_stats stats;
        struct ends e;
        assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
        kernel.refuse_runs = rows[i].refusal;
        kernel.run_calls = 0;
        e.stop_at = 60;
        for (int run = 0; run < 20; run++)
            send_run(&e, 3, 10, 4);
        loop_run(e.w);
        udp_read_stats(e.a, &stats);
        assert_int_equal(kernel.run_calls, rows[i].max_tries);
        assert_false(udp_has_gso(e.a));
        assert_int_equal(stats.gso_refused, rows[i].max_tries);
        assert_int_equal(stats.send_datagrams, 60);
        assert_int_equal(stats.send_errors, 0);
        assert_memory_equal(e.order, "abcabcabc", 9);
        kernel.refuse_runs = 0;
        ends_close(&e);
    }
}

static void test_what_finds_no_room_waits_in_order(void **state)
{
    struct udp_stats stats;
    struct ends e;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    kernel.full_calls = 2;
    e.stop_at = 9;
    send_run(&e, 3, 10, 10);
    send_run(&e, 3, 10, 10); /* behind it, without a call */
    send_run(&e, 3, 10, 2);
    loop_run(e.w);
    udp_read_stats(e.a, &stats);
    assert_string_equal(e.order, "abcabcabc");
    assert_int_equal(stats.send_queued, 9);
    assert_int_equal(stats.send_datagrams, 9);
    assert_int_equal(stats.send_dropped_full, 0);
    ends_close(&e);
}

static void test_past_the_bound_of_what_waits_datagrams_are_dropped_and_counted(void **state)
{
    struct udp_stats stats;
    struct ends e;
    size_t sent = 0;

    (void)state;
    assert_true(ends_open(&e, "127.0.0.1:0", "127.0.0.1:0", 256));
    kernel.full_calls = 1;
    for (; sent < 2 * MAX_UDP_BACKLOG_BYTES / UDP_MAX_RUN_BYTES; sent++)
        send_run(&e, 30, 1200, 1200);
    udp_read_stats(e.a, &stats);
    assert_true(stats.send_queued > 0 && stats.send_dropped_full > 0);
    assert_int_equal(stats.send_queued + stats.send_dropped_full, 30 * sent);
    ends_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(test_a_datagram_arrives_with_its_addresses),
        LEAK_FREE(test_a_wildcard_socket_sends_from_the_address_asked_for),
        LEAK_FREE(test_a_batch_larger_than_one_call_arrives_whole),
        LEAK_FREE(test_too_long_datagrams_are_counted_and_the_others_pass),
        LEAK_FREE(test_an_empty_datagram_is_a_datagram),
        LEAK_FREE(test_an_empty_pool_drains_and_counts),
        LEAK_FREE(test_what_the_kernel_refuses_does_not_stop_the_rest),
        LEAK_FREE(test_a_closed_port_is_no_trouble),
        LEAK_FREE(test_the_handler_may_close_the_socket),
        LEAK_FREE(test_a_port_in_use_is_refused),
        LEAK_FREE(test_a_run_arrives_as_datagrams),
        LEAK_FREE(test_a_run_leaves_from_the_address_asked_for),
        LEAK_FREE(test_a_refused_run_leaves_apart_and_is_not_tried_for_ever),
        LEAK_FREE(test_what_finds_no_room_waits_in_order),
        LEAK_FREE(test_past_the_bound_of_what_waits_datagrams_are_dropped_and_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
