/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server over real sockets, driven byte by byte from the same loop. */
#include "tests/unit/core/cmocka_all.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http.h"
#include "api/ws.h"
#include "core/attr.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/tcp.h"
#include "core/timebase.h"
#include "tests/unit/core/loop.h"

#define MAX_HEARD (2u << 20)

/* ---- a server that echoes ---- */

static struct worker *worker;
static struct http *server;
static struct http_exchange *held; /* a request that is answered later */
static unsigned ws_closed;
static bool is_gone;

static void reply_text(struct http_exchange *x, unsigned status, struct str text)
{
    struct http_response r = {.status = status,
                              .content_type = "text/plain",
                              .body_len = text.len,
                              .header = {{"x-test", "1"}}};

    r.body = mem_alloc(text.len + 1);
    memcpy(r.body, text.p, text.len);
    http_reply(x, &r);
}

static void on_gone(struct http_exchange *x, void *arg)
{
    (void)arg;
    assert_ptr_equal(x, held);
    held = NULL;
    is_gone = true;
    worker_stop(worker);
}

static void on_request(struct http_exchange *x, const struct http_request *r, void *arg)
{
    (void)arg;
    if (r->unfit != 0) {
        reply_text(x, r->unfit, STR("unfit"));
    } else if (strcmp(r->path, "/big") == 0) {
        char *text = mem_alloc(1u << 20);

        memset(text, 'x', 1u << 20);
        reply_text(x, 200, (struct str){text, 1u << 20});
        mem_free(text);
    } else if (strcmp(r->path, "/held") == 0) {
        held = x;
        http_exchange_watch(x, on_gone, NULL);
        worker_stop(worker);
    } else {
        struct strbuf b;

        strbuf_init(&b, MAX_HEARD);
        strbuf_addf(&b, "%s %s token=%s body=", http_method_name(r->method), r->path,
                    r->access_token);
        strbuf_add_str(&b, r->body);
        reply_text(x, 200, (struct str){b.p, b.len});
        strbuf_fini(&b);
    }
}

static unsigned on_ws_request(const struct http_request *r, void *arg)
{
    (void)arg;
    return strcmp(r->path, "/ws") == 0 ? 0 : 404;
}

static void on_text(struct ws *ws, struct str text, void *arg)
{
    (void)arg;
    if (str_eq_c(text, "long"))
        ws_allow_long_messages(ws);
    if (str_eq_c(text, "close"))
        ws_close(ws, 4002, "removed");
    ws_send(ws, text);
}

static void on_closed(struct ws *ws, void *arg)
{
    (void)ws;
    (void)arg;
    ws_closed++;
}

static void on_ws_open(struct ws *ws, const struct http_request *r, void *arg)
{
    static const struct ws_handlers handlers = {.on_text = on_text, .on_closed = on_closed};

    (void)r;
    (void)arg;
    ws_take(ws, &handlers, NULL);
}

/* ---- a client of bytes ---- */

struct peer {
    struct tcp_conn *conn;
    struct strbuf heard;
    const char *until; /* stop the loop when this was heard */
    size_t until_len;  /* or so many bytes */
    bool is_closed;
};

static bool has_heard(const struct peer *p)
{
    if (p->is_closed)
        return true;
    if (p->until != NULL)
        return p->heard.p != NULL &&
               memmem(p->heard.p, p->heard.len, p->until, strlen(p->until)) != NULL;
    return p->until_len > 0 && p->heard.len >= p->until_len;
}

static void on_bytes(struct tcp_conn *c, const uint8_t *buf, size_t len, uint64_t now_us, void *arg)
{
    struct peer *p = arg;

    (void)c;
    (void)now_us;
    strbuf_add_str(&p->heard, (struct str){(const char *)buf, len});
    if (has_heard(p))
        worker_stop(worker);
}

static void on_peer_closed(struct tcp_conn *c, int err, void *arg)
{
    struct peer *p = arg;

    (void)c;
    (void)err;
    p->conn = NULL;
    p->is_closed = true;
    worker_stop(worker);
}

static void on_connected(struct tcp_conn *c, int err, void *arg)
{
    (void)c;
    (void)arg;
    assert_int_equal(err, 0);
}

static void dial(struct peer *p)
{
    static const struct tcp_handlers handlers = {.on_bytes = on_bytes, .on_closed = on_peer_closed};
    const struct addr at = {.ip = {127, 0, 0, 1}, .port = (uint16_t)http_port(server), .family = 4};

    *p = (struct peer){.conn = NULL};
    strbuf_init(&p->heard, MAX_HEARD);
    assert_int_equal(tcp_connect(&p->conn, worker, &at, on_connected, &handlers, p), 0);
}

static void say_bytes(struct peer *p, const void *bytes, size_t len)
{
    assert_int_equal(tcp_send(p->conn, bytes, len, NULL, 0), 0);
}

static void say(struct peer *p, const char *text)
{
    say_bytes(p, text, strlen(text));
}

/* Run until @text was heard; what was heard so far is forgotten afterwards. */
static void hear(struct peer *p, const char *text)
{
    p->until = text;
    if (!has_heard(p))
        loop_run(worker);
    if (p->heard.p == NULL || memmem(p->heard.p, p->heard.len, text, strlen(text)) == NULL)
        fail_msg("not heard: %s; but: %.300s", text, p->heard.p ? p->heard.p : "");
    strbuf_clear(&p->heard);
}

static void hear_close(struct peer *p)
{
    p->until = NULL;
    while (!p->is_closed)
        loop_run(worker);
}

static void hang_up(struct peer *p)
{
    tcp_close(&p->conn);
    strbuf_fini(&p->heard);
}

static void on_passed(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    (void)now_us;
    (void)arg;
    worker_stop(worker);
}

/* Let the loop run for a while. */
static void pass(uint64_t ms)
{
    struct deadline d;

    deadline_init(&d, on_passed, NULL);
    deadline_set(worker_wheel(worker), &d, worker_now_us(worker) + ms * US_PER_MS);
    worker_run(worker);
    deadline_clear(&d);
}

/* ---- tests ---- */

static int64_t blocks_before;

static int begin(void **state)
{
    static const struct http_handlers handlers = {
        .on_request = on_request, .on_ws_request = on_ws_request, .on_ws_open = on_ws_open};
    struct strbuf why;

    (void)state;
    blocks_before = mem_live_blocks();
    log_set_level(LOG_TAG_COUNT, LOG_LEVEL_ERROR);
    ws_closed = 0;
    is_gone = false;
    worker = loop_open();
    strbuf_init(&why, 1000);
    const struct http_config config = {.worker = worker, .listen = "127.0.0.1:0"};
    int err = http_open(&server, &config, &handlers, NULL, &why);
    if (err != 0)
        fail_msg("%s", why.p);
    strbuf_fini(&why);
    return 0;
}

/* No handle is left: worker_close() looks. */
static int end(void **state)
{
    (void)state;
    http_close(&server);
    worker_close(&worker);
    return mem_live_blocks() == blocks_before ? 0 : -1;
}

static void requests_follow_one_another_on_a_connection(void **state)
{
    struct peer p;

    (void)state;
    dial(&p);
    say(&p, "GET /a%20b?access_token=t%2Bx HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&p, "GET /a b token=t+x body=");
    say(&p, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
    say(&p, "llo");
    hear(&p, "POST /p token= body=hello");
    say(&p, "DELETE /d HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&p, "DELETE /d token= body=");
    say(&p, "POST /n HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    hear(&p, "POST /n token= body=");
    say(&p, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n"); /* pipelined */
    hear(&p, "GET /2 token= body=");
    hang_up(&p);
}

static void head_has_a_length_and_no_body(void **state)
{
    struct peer p;

    (void)state;
    dial(&p);
    say(&p, "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&p, "content-length: 20\r\n");
    say(&p, "GET /y HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&p, "GET /y");
    hang_up(&p);
}

static void a_long_answer_arrives_whole(void **state)
{
    struct peer p;

    (void)state;
    dial(&p);
    say(&p, "GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    hear_close(&p);
    assert_true(p.heard.len > 1u << 20);
    assert_int_equal(p.heard.p[p.heard.len - 1], 'x');
    hang_up(&p);
}

static void bodies_without_a_sound_length_are_refused(void **state)
{
    static const struct {
        const char *headers, *status;
    } rows[] = {
        {"", " 411 "},
        {"Transfer-Encoding: chunked\r\n", " 411 "},
        {"Content-Length: -1\r\n", " 400 "},
        {"Content-Length: 5x\r\n", " 400 "},
        {"Content-Length: 3\r\nContent-Length: 5\r\n", " 400 "},
        {"Content-Length: 99999999999\r\n", " 413 "},
        {"Content-Length: 99999999999999999999\r\n", " 400 "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p;

        dial(&p);
        say(&p, "POST / HTTP/1.1\r\nHost: h\r\n");
        say(&p, rows[i].headers);
        say(&p, "\r\n");
        hear(&p, rows[i].status);
        hear_close(&p);
        hang_up(&p);
    }
}

static void a_body_that_is_too_long_is_read_and_refused(void **state)
{
    static char body[MAX_HTTP_BODY_BYTES / 8];
    struct peer p;
    char head[100];

    (void)state;
    memset(body, 'b', sizeof(body));
    (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                   9 * sizeof(body));
    dial(&p);
    say(&p, head);
    for (int i = 0; i < 9; i++) {
        while (tcp_unsent(p.conn) > 0) { /* our own buffer is bounded, too */
            p.until_len = 0;
            worker_stop(worker);
            worker_run(worker);
        }
        say_bytes(&p, body, sizeof(body));
    }
    hear(&p, " 413 ");
    say(&p, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&p, "GET /after");
    hang_up(&p);
}

/* Neither a further request nor the end of the connection may keep the loop busy while an answer is on its way. */
static void waiting_for_an_answer_costs_nothing(void **state)
{
    struct worker_stats before, after;
    struct peer p;

    (void)state;
    dial(&p);
    say(&p, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_run(worker);
    say(&p, "GET /more HTTP/1.1\r\nHost: h\r\n\r\n");
    pass(100);
    worker_read_stats(worker, &before);
    pass(200);
    worker_read_stats(worker, &after);
    assert_true(after.turns - before.turns < 100);
    reply_text(held, 200, STR("late"));
    hear(&p, "GET /more");
    hang_up(&p);
}

/* A socket that nobody reads. */
static int dial_deaf(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port(server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)), 0);
    return fd;
}

/* Read that many bytes, while the loop turns. */
static void drain(int fd, size_t bytes)
{
    char buf[65536];

    for (unsigned idle = 0; bytes > 0; idle++) {
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

        assert_true(idle < 10000 && n != 0);
        if (n < 0)
            pass(1);
        else
            bytes -= MIN((size_t)n, bytes);
    }
}

static void who_asks_more_and_takes_nothing_costs_nothing(void **state)
{
    static const char ask[] = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n";
    struct worker_stats before, after;
    int fd = dial_deaf();
    unsigned rounds = 0;

    (void)state;
    for (int i = 0; i < 12; i++) /* more than the kernel takes for us */
        assert_int_equal(send(fd, ask, sizeof(ask) - 1, 0), sizeof(ask) - 1);
    do { /* until the socket has settled */
        assert_true(++rounds < 50);
        worker_read_stats(worker, &before);
        pass(100);
        worker_read_stats(worker, &after);
    } while (after.turns - before.turns > 50);
    drain(fd, 12u << 20); /* and yet all of them are answered */
    assert_int_equal(close(fd), 0);
}

static void an_answer_may_come_later_or_never(void **state)
{
    struct peer p;

    (void)state;
    dial(&p);
    say(&p, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_run(worker);
    assert_non_null(held);
    reply_text(held, 200, STR("late"));
    hear(&p, "late");
    say(&p, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_run(worker);
    assert_non_null(held);
    hang_up(&p); /* noticed when the answer is written, or when the server closes */
    http_close(&server);
    assert_true(is_gone);
}

static void rubbish_ends_the_connection(void **state)
{
    static const char *const rows[] = {
        "\x16\x03\x01\x02\x00\x01\r\n\r\n",    "GET  HTTP/1.1\r\n\r\n",
        "FETCH / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p;

        dial(&p);
        say(&p, rows[i]);
        hear_close(&p);
        hang_up(&p);
    }
}

/* ---- WebSockets ---- */

static void upgrade(struct peer *p, const char *path, const char *more)
{
    char text[400];

    (void)snprintf(
        text, sizeof(text),
        "GET %s HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
        path, more);
    dial(p);
    say(p, text);
}

/* A masked frame (with the mask 0) of less than 64 KiB. */
static void say_frame(struct peer *p, unsigned first, const char *payload, size_t len)
{
    uint8_t head[8] = {(uint8_t)first};
    size_t n = 2;

    if (len < 126) {
        head[1] = (uint8_t)(0x80 | len);
    } else {
        head[1] = 0x80 | 126;
        head[2] = (uint8_t)(len >> 8);
        head[3] = (uint8_t)len;
        n = 4;
    }
    say_bytes(p, head, n);
    say_bytes(p, "\0\0\0\0", 4);
    if (len > 0)
        say_bytes(p, payload, len);
}

#define TEXT 0x81u
#define CLOSE 0x88u

static void websockets_echo_with_and_without_subprotocol(void **state)
{
    static const struct {
        const char *more, *answer;
    } rows[] = {
        {"", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="},
        {"Sec-WebSocket-Protocol: other, parley.v1\r\n", "Sec-WebSocket-Protocol: parley.v1"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct peer p;

        upgrade(&p, "/ws", rows[i].more);
        hear(&p, rows[i].answer);
        say_frame(&p, TEXT, "hello", 5);
        hear(&p, "\x81\x05hello");
        say_frame(&p, 0x01, "in ", 3);
        say_frame(&p, 0x00, "three ", 6);
        say_frame(&p, 0x89, "ping", 4); /* between the fragments */
        say_frame(&p, 0x80, "pieces", 6);
        hear(&p, "in three pieces");
        hang_up(&p);
    }
}

static void a_refused_upgrade_is_answered(void **state)
{
    struct peer p;

    (void)state;
    upgrade(&p, "/elsewhere", "");
    hear(&p, " 404 ");
    hang_up(&p);
}

static void we_close_with_a_code_and_wait_for_theirs(void **state)
{
    struct peer p;

    (void)state;
    upgrade(&p, "/ws", "");
    hear(&p, "\r\n\r\n");
    say_frame(&p, TEXT, "close", 5);
    hear(&p, "\x88\x09\x0f\xa2removed"); /* 4002 */
    assert_int_equal(ws_closed, 0);
    say_frame(&p, TEXT, "late", 4); /* is not heard any more */
    say_frame(&p, CLOSE, "\x0f\xa2", 2);
    hear_close(&p);
    assert_int_equal(ws_closed, 1);
    hang_up(&p);
}

static void they_close_and_are_answered(void **state)
{
    struct peer p;

    (void)state;
    upgrade(&p, "/ws", "");
    hear(&p, "\r\n\r\n");
    say_frame(&p, CLOSE, "\x03\xe8", 2);
    hear(&p, "\x88\x02\x03\xe8");
    hear_close(&p);
    assert_int_equal(ws_closed, 1);
    hang_up(&p);
}

static void what_is_no_text_or_too_long_is_not_taken(void **state)
{
    static char text[WS_MAX_EARLY_BYTES + 1];
    struct peer p;

    (void)state;
    memset(text, 't', sizeof(text));
    upgrade(&p, "/ws", "");
    hear(&p, "\r\n\r\n");
    say_frame(&p, 0x82, "x", 1);
    hear(&p, "\x88\x12\x03\xeb"); /* 1003 */
    hang_up(&p);
    upgrade(&p, "/ws", "");
    hear(&p, "\r\n\r\n");
    say_frame(&p, TEXT, text, sizeof(text));
    hear(&p, "\x88\x11\x03\xf1"); /* 1009 */
    hang_up(&p);
    upgrade(&p, "/ws", "");
    hear(&p, "\r\n\r\n");
    say_frame(&p, TEXT, "long", 4);
    hear(&p, "long");
    say_frame(&p, TEXT, text, sizeof(text));
    hear(&p, "ttttttttttttttt");
    hang_up(&p);
}

static void closing_the_server_ends_what_is_open(void **state)
{
    struct peer ws, idle, waiting, half;

    (void)state;
    upgrade(&ws, "/ws", "");
    hear(&ws, "\r\n\r\n");
    dial(&idle);
    say(&idle, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    hear(&idle, "GET /x");
    dial(&half);
    say(&half, "GET /x HT");
    dial(&waiting);
    say(&waiting, "GET /held HTTP/1.1\r\nHost: h\r\n\r\n");
    loop_run(worker);
    assert_non_null(held);
    http_close(&server);
    assert_null(server);
    assert_null(held);
    assert_int_equal(ws_closed, 1);
    hang_up(&ws);
    hang_up(&idle);
    hang_up(&waiting);
    hang_up(&half);
}

static void an_address_in_use_is_told(void **state)
{
    static const struct http_handlers none = {.on_request = on_request};
    struct http *second = NULL;
    struct strbuf why;
    char at[32];

    (void)state;
    (void)snprintf(at, sizeof(at), "127.0.0.1:%u", http_port(server));
    const struct http_config config = {.worker = worker, .listen = at};
    strbuf_init(&why, 1000);
    assert_int_equal(http_open(&second, &config, &none, NULL, &why), -98); /* EADDRINUSE */
    assert_non_null(strstr(why.p, at));
    strbuf_fini(&why);
    assert_null(second);
}

#define ON_SERVER(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_SERVER(requests_follow_one_another_on_a_connection),
        ON_SERVER(head_has_a_length_and_no_body),
        ON_SERVER(a_long_answer_arrives_whole),
        ON_SERVER(bodies_without_a_sound_length_are_refused),
        ON_SERVER(a_body_that_is_too_long_is_read_and_refused),
        ON_SERVER(waiting_for_an_answer_costs_nothing),
        ON_SERVER(who_asks_more_and_takes_nothing_costs_nothing),
        ON_SERVER(an_answer_may_come_later_or_never),
        ON_SERVER(rubbish_ends_the_connection),
        ON_SERVER(websockets_echo_with_and_without_subprotocol),
        ON_SERVER(a_refused_upgrade_is_answered),
        ON_SERVER(we_close_with_a_code_and_wait_for_theirs),
        ON_SERVER(they_close_and_are_answered),
        ON_SERVER(what_is_no_text_or_too_long_is_not_taken),
        ON_SERVER(closing_the_server_ends_what_is_open),
        ON_SERVER(an_address_in_use_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
