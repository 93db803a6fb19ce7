/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench/loadgen/http_call.h"
#include "bench/loadgen/http_reply.h"
#include "core/err.h"
#include "tests/unit/core/cmocka_all.h"
#include "tests/unit/core/leaks.h"

static uint8_t buf[4096];

static int parse(struct http_reply *r, const char *text, bool is_end)
{
    size_t len = strlen(text);

    memcpy(buf, text, len);
    return http_reply_parse(r, buf, len, is_end);
}

static void status_location_and_body_are_found(void **state)
{
    struct http_reply r;

    (void)state;
    assert_int_equal(parse(&r,
                           "HTTP/1.1 201 Created\r\nLOCATION:  /whep/a/1\r\nContent-Length: 5\r\n"
                           "\r\nv=0\r\nrest",
                           false),
                     0);
    assert_int_equal(r.status, 201);
    assert_string_equal(r.location, "/whep/a/1");
    assert_true(str_eq_c(r.body, "v=0\r\n"));
}

/* Each end of the text but the last asks for more; when the connection ends there, it is malformed. */
static void it_waits_until_all_is_there(const char *text, const char *body)
{
    struct http_reply r;

    for (size_t len = 0; len < strlen(text); len++) {
        memcpy(buf, text, len);
        assert_int_equal(http_reply_parse(&r, buf, len, false), HTTP_REPLY_UNFINISHED);
        assert_int_equal(http_reply_parse(&r, buf, len, true), E_MALFORMED);
    }
    assert_int_equal(parse(&r, text, false), 0);
    assert_true(str_eq_c(r.body, body));
}

static void bodies_end_where_they_say(void **state)
{
    (void)state;
    it_waits_until_all_is_there("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc");
    it_waits_until_all_is_there("HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", "abc");
    it_waits_until_all_is_there("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n",
                                "abc0123456789");
    it_waits_until_all_is_there("HTTP/1.1 204 No Content\r\n\r\n", "");
    it_waits_until_all_is_there(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "");
}

static void without_a_length_the_connection_ends_the_body(void **state)
{
    struct http_reply r;

    (void)state;
    assert_int_equal(parse(&r, "HTTP/1.0 200 OK\r\n\r\nabc", false), HTTP_REPLY_UNFINISHED);
    assert_int_equal(parse(&r, "HTTP/1.0 200 OK\r\n\r\nabc", true), 0);
    assert_true(str_eq_c(r.body, "abc"));
}

static void what_is_no_reply_is_refused(void **state)
{
    static const char *const texts[] = {
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 600 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    };
    struct http_reply r;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (parse(&r, texts[i], false) != E_MALFORMED)
            fail_msg("row %zu", i);
}

static void a_location_may_be_relative(void **state)
{
    static const struct {
        const char *base, *location, *want;
    } rows[] = {
        {"http://a:1/whep/x", "http://b/c", "http://b/c"},
        {"http://a:1/whep/x", "/whep/x/7", "http://a:1/whep/x/7"},
        {"http://a:1/whep/x", "7", "http://a:1/whep/7"},
        {"http://a:1/whep/", "7", "http://a:1/whep/7"},
        {"http://a:1", "/7", "http://a:1/7"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct strbuf b;
        strbuf_init(&b, 200);
        http_resolve(rows[i].base, rows[i].location, &b);
        assert_string_equal(b.p, rows[i].want);
        strbuf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEAK_FREE(status_location_and_body_are_found),
        LEAK_FREE(bodies_end_where_they_say),
        LEAK_FREE(without_a_length_the_connection_ends_the_body),
        LEAK_FREE(what_is_no_reply_is_refused),
        LEAK_FREE(a_location_may_be_relative),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
