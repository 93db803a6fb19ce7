/* SPDX-License-Identifier: Apache-2.0 */
/* Real sockets on loopback, port and endpoint on the test's own thread. */
#include "tests/unit/core/cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/packet.h"
#include "core/tcp.h"
#include "core/wire.h"
#include "tests/unit/core/leaks.h"
#include "tests/unit/core/loop.h"
#include "transport/port.h"

#define MAX_CLIENTS (MAX_TCP_UNBOUND_CONNS + 1)

static struct worker *w;
static struct packet_pool *pool;
static struct port *port;

/* What the port told; the loop stops when as much has come as is waited for. */
static struct {
    size_t packets, closed, wanted_packets, wanted_closed;
    struct path path, closed_path; /* of the latest */
    uint8_t data[MAX_DATAGRAM_BYTES];
    size_t len;
    bool closes_port, drops_path;
} got;

/* The endpoint's end. */
static struct {
    struct udp_sock *udp;
    struct tcp_conn *tcp[MAX_CLIENTS];
    size_t tcp_count, connected, ended;
    size_t wanted_connected, wanted_ended, wanted_bytes;
    uint8_t data[4096];
    size_t bytes;
    struct addr from;
} client;

static bool is_done(void)
{
    return got.packets >= got.wanted_packets && got.closed >= got.wanted_closed &&
           client.connected >= client.wanted_connected && client.ended >= client.wanted_ended &&
           client.bytes >= client.wanted_bytes;
}

static void stop_when_done(void)
{
    if (is_done())
        worker_stop(w);
}

/* Run until everything wanted has come. */
static void run(void)
{
    if (!is_done())
        loop_run(w);
}

/* ---- the port's owner ---- */

static void on_packet(const struct path *path, struct packet *pkt, uint64_t now_us, void *arg)
{
    assert_ptr_equal(arg, &got);
    assert_int_equal(pkt->arrival_us, now_us);
    got.path = *path;
    got.len = pkt->len;
    memcpy(got.data, pkt->data, pkt->len);
    got.packets++;
    packet_unref(&pkt);
    if (got.closes_port)
        port_close(&port);
    if (got.drops_path)
        port_drop_path(port, path);
    stop_when_done();
}

static void on_path_closed(const struct path *path, uint64_t now_us, void *arg)
{
    assert_ptr_equal(arg, &got);
    (void)now_us;
    got.closed_path = *path;
    got.closed++;
    stop_when_done();
}

static const struct port_handlers handlers = {.on_packet = on_packet,
                                              .on_path_closed = on_path_closed};

static struct addr addr_of(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(&a, str_of(text)), 0);
    return a;
}

static int open_on(const struct addr *listen, size_t count, struct addr *failed)
{
    struct port_config config = {.listen = listen, .listen_count = count, .udp = true, .tcp = true};

    return port_open(&port, w, pool, &config, &handlers, &got, failed);
}

static struct addr open_loopback(void)
{
    struct addr listen = addr_of("127.0.0.1"), local;

    assert_int_equal(open_on(&listen, 1, NULL), 0);
    assert_int_equal(port_locals(port, &local, 1), 1);
    assert_true(local.port != 0);
    return local;
}

static struct port_stats stats_now(void)
{
    struct port_stats s;

    port_read_stats(port, &s);
    return s;
}

static int set_up(void **state)
{
    (void)leaks_begin(state);
    memset(&got, 0, sizeof(got));
    memset(&client, 0, sizeof(client));
    w = loop_open();
    pool = packet_pool_new(1024);
    return 0;
}

static int tear_down(void **state)
{
    port_close(&port);
    udp_close(&client.udp);
    for (size_t i = 0; i < client.tcp_count; i++)
        tcp_close(&client.tcp[i]);
    worker_close(&w);
    packet_pool_free(&pool);
    return leaks_end(state);
}

/* ---- the endpoint ---- */

static void on_client_datagrams(struct udp_sock *s, const struct udp_datagram *batch, size_t n,
                                uint64_t now_us, void *arg)
{
    (void)s;
    (void)now_us;
    (void)arg;
    for (size_t i = 0; i < n; i++) {
        struct packet *pkt = batch[i].pkt;

        memcpy(client.data + client.bytes, pkt->data, pkt->len);
        client.bytes += pkt->len;
        client.from = batch[i].remote;
        packet_unref(&pkt);
    }
    stop_when_done();
}

static void client_open_udp(const char *local)
{
    static const struct udp_handlers h = {.on_datagrams = on_client_datagrams};
    struct addr a = addr_of(local);

    assert_int_equal(udp_open(&client.udp, w, &a, pool, &h, NULL), 0);
}

static void client_send_udp(const struct addr *to, const char *text)
{
    struct udp_out out = {.data = (const uint8_t *)text, .len = strlen(text), .remote = *to};

    udp_send(client.udp, &out, 1);
}

static void on_client_bytes(struct tcp_conn *c, const uint8_t *buf, size_t len, uint64_t now_us,
                            void *arg)
{
    (void)c;
    (void)now_us;
    (void)arg;
    if (client.bytes < sizeof(client.data))
        memcpy(client.data + client.bytes, buf, MIN(len, sizeof(client.data) - client.bytes));
    client.bytes += len;
    stop_when_done();
}

static void on_client_closed(struct tcp_conn *c, int err, void *arg)
{
    (void)err;
    (void)arg;
    for (size_t i = 0; i < client.tcp_count; i++)
        if (client.tcp[i] == c)
            client.tcp[i] = NULL;
    client.ended++;
    stop_when_done();
}

static void on_client_connected(struct tcp_conn *c, int err, void *arg)
{
    (void)c;
    (void)arg;
    assert_int_equal(err, 0);
    client.connected++;
    stop_when_done();
}

/* Connect @count more. Returns when all are connected; the port accepts them later. */
static void client_connect(const struct addr *to, size_t count)
{
    static const struct tcp_handlers h = {.on_bytes = on_client_bytes,
                                          .on_closed = on_client_closed};

    for (size_t i = 0; i < count; i++)
        assert_int_equal(
            tcp_connect(&client.tcp[client.tcp_count++], w, to, on_client_connected, &h, NULL), 0);
    client.wanted_connected += count;
    run();
}

/* On the newest connection. */
static void client_send_tcp(const void *data, size_t len)
{
    assert_int_equal(tcp_send(client.tcp[client.tcp_count - 1], data, len, NULL, 0), 0);
}

static size_t put_frame(uint8_t *out, const void *body, size_t len)
{
    wire_put_u16(out, (uint16_t)len);
    memcpy(out + 2, body, len);
    return len + 2;
}

/* Let the port have the first packet of a fresh connection. */
static struct path client_say_hello(const struct addr *to)
{
    uint8_t frame[16];

    client_connect(to, 1);
    client_send_tcp(frame, put_frame(frame, "hello", 5));
    got.wanted_packets = got.packets + 1;
    run();
    assert_int_equal(got.len, 5);
    return got.path;
}

static void send_text(const struct path *path, const char *text)
{
    struct egress_message d = {
        .data = (const uint8_t *)text, .len = (uint32_t)strlen(text), .path = *path};

    port_send(port, &d, 1);
}

/* ---- datagrams ---- */

static void a_datagram_arrives_with_its_path_and_can_be_answered(void **state)
{
    struct addr to = open_loopback();

    (void)state;
    client_open_udp("127.0.0.1");
    client_send_udp(&to, "ping");
    got.wanted_packets = 1;
    run();
    struct addr client_addr = udp_local(client.udp);

    assert_memory_equal(got.data, "ping", 4);
    assert_int_equal(got.path.protocol, PATH_UDP);
    assert_int_equal(got.path.socket, 0);
    assert_int_equal(got.path.conn_id, 0);
    assert_int_equal(got.path.local.family, 0);
    assert_true(addr_eq(&got.path.remote, &client_addr));

    send_text(&got.path, "pong");
    client.wanted_bytes = 4;
    run();
    assert_memory_equal(client.data, "pong", 4);
    assert_true(addr_eq(&client.from, &to));
    assert_int_equal(stats_now().udp.recv_datagrams, 1);
    assert_int_equal(stats_now().udp.send_datagrams, 1);
}

static void on_the_wildcard_the_answer_leaves_from_the_address_that_was_asked(void **state)
{
    struct addr listen = addr_of("0.0.0.0"), to;

    (void)state;
    assert_int_equal(open_on(&listen, 1, NULL), 0);
    assert_int_equal(port_locals(port, &to, 1), 1);
    client_open_udp("127.0.0.1");
    uint16_t number = to.port;

    to = addr_of("127.0.0.3");
    to.port = number;
    client_send_udp(&to, "ping");
    got.wanted_packets = 1;
    run();
    assert_true(addr_eq(&got.path.local, &to));
    send_text(&got.path, "pong");
    client.wanted_bytes = 4;
    run();
    assert_true(addr_eq(&client.from, &to));
}

static void a_batch_goes_out_in_order_over_several_sockets(void **state)
{
    struct addr listen[] = {addr_of("127.0.0.1"), addr_of("127.0.0.2")};
    struct egress_message batch[5];

    (void)state;
    assert_int_equal(open_on(listen, 2, NULL), 0);
    client_open_udp("127.0.0.1");
    for (size_t i = 0; i < ARRAY_LEN(batch); i++)
        batch[i] = (struct egress_message){
            .data = (const uint8_t *)&"abcde"[i],
            .len = 1,
            .path = {.remote = udp_local(client.udp), .socket = i == 2 ? 1 : 0}};
    port_send(port, batch, ARRAY_LEN(batch));
    client.wanted_bytes = 5;
    run();
    assert_memory_equal(client.data, "abcde", 5);
    assert_int_equal(stats_now().udp.send_datagrams, 5);
    assert_int_equal(stats_now().udp.send_calls, 3); /* ab, c, de */
}

static void the_port_may_be_closed_in_the_middle_of_a_batch(void **state)
{
    struct addr to = open_loopback();

    (void)state;
    client_open_udp("127.0.0.1");
    for (int i = 0; i < 10; i++)
        client_send_udp(&to, "x");
    got.closes_port = true;
    got.wanted_packets = 1;
    run();
    assert_int_equal(got.packets, 1); /* the pool tells whether the others came home */
    assert_null(port);
}

/* ---- connections ---- */

static void frames_are_cut_out_of_the_stream_however_it_is_split(void **state)
{
    struct addr to = open_loopback();
    uint8_t stream[8192];
    uint8_t longest[MAX_TCP_FRAME_BYTES];
    size_t len = 0;

    (void)state;
    memset(longest, 'z', sizeof(longest));
    client_connect(&to, 1);
    len += put_frame(stream + len, "", 0);
    len += put_frame(stream + len, "first", 5);
    len += put_frame(stream + len, "2", 1);
    len += put_frame(stream + len, "", 0);
    len += put_frame(stream + len, longest, sizeof(longest));
    len += put_frame(stream + len, "last", 4);
    client_send_tcp(stream, len);
    got.wanted_packets = 4;
    run();
    assert_int_equal(got.len, 4);
    assert_memory_equal(got.data, "last", 4);

    for (size_t i = 0; i < 13; i++) { /* byte for byte, each read on its own */
        client_send_tcp(stream + i, 1);
        got.wanted_packets = i == 8 ? 5 : i == 11 ? 6 : got.packets;
        if (got.wanted_packets > got.packets)
            run();
    }
    assert_int_equal(got.packets, 6);
    assert_memory_equal(got.data, "2", 1);
    assert_int_equal(got.path.protocol, PATH_TCP);
    assert_int_equal(got.path.local.family, 0);
    assert_true(got.path.conn_id != 0);
    struct addr client_addr = tcp_local(client.tcp[0]);

    assert_true(addr_eq(&got.path.remote, &client_addr));
}

static void answers_are_framed(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);

    (void)state;
    send_text(&path, "one");
    send_text(&path, "three");
    client.wanted_bytes = 12;
    run();
    assert_memory_equal(client.data, "\0\003one\0\005three", 12);
    path.conn_id++; /* nobody: dropped */
    send_text(&path, "x");
}

static void a_frame_past_the_limit_ends_the_connection(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);
    uint8_t header[2];

    (void)state;
    wire_put_u16(header, MAX_TCP_FRAME_BYTES + 1);
    client_send_tcp(header, sizeof(header));
    got.wanted_closed = 1;
    client.wanted_ended = 1;
    run();
    assert_true(path_eq(&got.closed_path, &path));
    assert_int_equal(stats_now().tcp_bad_frames, 1);
    assert_int_equal(stats_now().tcp_live, 0);
}

static void a_connection_that_ends_is_told(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);

    (void)state;
    tcp_close(&client.tcp[0]);
    got.wanted_closed = 1;
    run();
    assert_true(path_eq(&got.closed_path, &path));
    assert_int_equal(stats_now().tcp_accepted, 1);
    assert_int_equal(stats_now().tcp_live, 0);
    struct path next = client_say_hello(&to);

    assert_int_not_equal(next.conn_id, path.conn_id); /* never reused */
}

static void without_packets_frames_are_skipped_and_the_stream_goes_on(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);
    struct packet *all[1024 + 1];
    size_t count = 0;
    uint8_t frame[16];

    (void)state;
    while ((all[count] = packet_new(pool)) != NULL)
        count++;
    client_send_tcp(frame, put_frame(frame, "lost", 4));
    client_send_tcp("\0\4ha", 4);
    send_text(&path, "sync"); /* until it is back, the stream was read */
    client.wanted_bytes = 6;
    run();
    while (stats_now().tcp_no_packet < 2) {
        client.wanted_bytes += 6;
        send_text(&path, "sync");
        run();
    }
    while (count > 0)
        packet_unref(&all[--count]);
    client_send_tcp("lf", 2);
    client_send_tcp(frame, put_frame(frame, "kept", 4));
    got.wanted_packets = got.packets + 1;
    run();
    assert_memory_equal(got.data, "kept", 4);
}

static void a_dropped_path_is_closed_and_not_told(void **state)
{
    struct addr to = open_loopback();

    (void)state;
    got.drops_path = true; /* while its frame is being read */
    client_connect(&to, 1);
    client_send_tcp("\0\1a\0\1b", 6);
    got.wanted_packets = 1;
    client.wanted_ended = 1;
    run();
    assert_int_equal(got.packets, 1);
    assert_int_equal(got.closed, 0);
    assert_int_equal(stats_now().tcp_live, 0);
}

static void the_port_may_be_closed_from_a_frame(void **state)
{
    struct addr to = open_loopback();

    (void)state;
    got.closes_port = true;
    client_connect(&to, 1);
    client_send_tcp("\0\1a\0\1b", 6);
    client.wanted_ended = 1;
    run();
    assert_int_equal(got.packets, 1);
    assert_int_equal(got.closed, 0);
}

/* More than kernel and queue take, while the endpoint does not read. Returns how many bytes were accepted. */
static size_t fill_up(const struct path *path)
{
    char kilobyte[1024 + 1] = "";
    size_t sent = 0;

    memset(kilobyte, 'k', 1024);
    while (stats_now().tcp_dropped_full == 0 && sent < 100u * 1024 * 1024) {
        send_text(path, kilobyte);
        sent += 1026;
    }
    assert_int_equal(stats_now().tcp_dropped_full, 1);
    return sent - 1026; /* the last one was dropped whole */
}

static void a_slow_connection_loses_whole_frames(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);

    (void)state;
    client.wanted_bytes = fill_up(&path);
    run();
    assert_int_equal(client.bytes, client.wanted_bytes);
    send_text(&path, "on");
    client.wanted_bytes += 4;
    run();
}

static void a_dropped_path_sends_its_last_words(void **state)
{
    struct addr to = open_loopback();
    struct path path = client_say_hello(&to);

    (void)state;
    client.wanted_bytes = fill_up(&path);
    port_drop_path(port, &path);
    port_drop_path(port, &path);
    send_text(&path, "too late");
    assert_int_equal(stats_now().tcp_live, 1);
    client.wanted_ended = 1;
    run();
    assert_int_equal(client.bytes, client.wanted_bytes);
    assert_int_equal(stats_now().tcp_live, 0);
    assert_int_equal(got.closed, 0);
}

static void only_kept_connections_live_past_the_timeout(void **state)
{
    struct addr to = open_loopback();
    struct path kept = client_say_hello(&to);

    (void)state;
    port_keep_path(port, &kept);
    port_keep_path(port, &kept);
    client_connect(&to, 1);
    send_text(&kept, "x"); /* its way there and back leaves time to accept the second one */
    client.wanted_bytes = 3;
    run();
    while (stats_now().tcp_accepted < 2) {
        client.wanted_bytes += 3;
        send_text(&kept, "x");
        run();
    }
    wheel_advance(worker_wheel(w),
                  worker_now_us(w) + TCP_UNBOUND_TIMEOUT_US + 2 * DEADLINE_TICK_US);
    assert_int_equal(stats_now().tcp_unbound_timeouts, 1);
    assert_int_equal(stats_now().tcp_live, 1);
    assert_int_equal(got.closed, 1);
    assert_int_not_equal(got.closed_path.conn_id, kept.conn_id);
}

static void past_the_bound_the_oldest_unbound_connection_goes(void **state)
{
    struct addr to = open_loopback();
    struct path first = client_say_hello(&to);

    (void)state;
    client_connect(&to, MAX_TCP_UNBOUND_CONNS);
    got.wanted_closed = 1;
    client.wanted_ended = 1;
    run();
    assert_true(path_eq(&got.closed_path, &first));
    assert_null(client.tcp[0]);
    assert_int_equal(stats_now().tcp_refused, 1);
    assert_int_equal(stats_now().tcp_live, MAX_TCP_UNBOUND_CONNS);
}

/* ---- opening ---- */

static void all_addresses_get_one_number(void **state)
{
    struct addr listen[] = {addr_of("127.0.0.1"), addr_of("127.0.0.2"), addr_of("127.0.0.3")};
    struct addr local[3];

    (void)state;
    assert_int_equal(open_on(listen, 3, NULL), 0);
    assert_int_equal(port_locals(port, local, 3), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(addr_ip_eq(&local[i], &listen[i]));
        assert_int_equal(local[i].port, local[0].port);
    }
}

static void a_taken_number_is_told_with_its_address(void **state)
{
    struct addr listen[2], failed, taken;

    (void)state;
    client_open_udp("127.0.0.2");
    taken = udp_local(client.udp);
    listen[0] = addr_of("127.0.0.1");
    listen[0].port = taken.port;
    listen[1] = taken;
    assert_int_equal(open_on(listen, 2, &failed), -EADDRINUSE);
    assert_true(addr_eq(&failed, &taken));
    assert_null(port);
    listen[1] = addr_of("127.0.0.3");
    listen[1].port = taken.port; /* what the failed attempt had opened is free again */
    assert_int_equal(open_on(listen, 2, &failed), 0);
}

static void nothing_to_open_is_an_error(void **state)
{
    struct addr listen = addr_of("127.0.0.1");
    struct port_config config = {.listen = &listen, .listen_count = 1};

    (void)state;
    assert_int_equal(port_open(&port, w, pool, &config, &handlers, &got, NULL), E_INVALID);
    assert_int_equal(open_on(&listen, 0, NULL), E_INVALID);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LOOP(a_datagram_arrives_with_its_path_and_can_be_answered),
        WITH_LOOP(on_the_wildcard_the_answer_leaves_from_the_address_that_was_asked),
        WITH_LOOP(a_batch_goes_out_in_order_over_several_sockets),
        WITH_LOOP(the_port_may_be_closed_in_the_middle_of_a_batch),
        WITH_LOOP(frames_are_cut_out_of_the_stream_however_it_is_split),
        WITH_LOOP(answers_are_framed),
        WITH_LOOP(a_frame_past_the_limit_ends_the_connection),
        WITH_LOOP(a_connection_that_ends_is_told),
        WITH_LOOP(without_packets_frames_are_skipped_and_the_stream_goes_on),
        WITH_LOOP(a_dropped_path_is_closed_and_not_told),
        WITH_LOOP(the_port_may_be_closed_from_a_frame),
        WITH_LOOP(a_slow_connection_loses_whole_frames),
        WITH_LOOP(a_dropped_path_sends_its_last_words),
        WITH_LOOP(only_kept_connections_live_past_the_timeout),
        WITH_LOOP(past_the_bound_the_oldest_unbound_connection_goes),
        WITH_LOOP(all_addresses_get_one_number),
        WITH_LOOP(a_taken_number_is_told_with_its_address),
        WITH_LOOP(nothing_to_open_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
