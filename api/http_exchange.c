/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exchange.c - the life of a request: headers → body → handler → answer, in the library's callbacks.
 *
 * The handler may answer at once or later; the answer is written when the socket takes it, in pieces.
 */
#include <poll.h>
#include <string.h>

#include "api/http_internal.h"
#include "core/check.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"

#define MAX_HEADER_BYTES 8192   /* of an answer: ours are small */
#define WRITE_CHUNK_BYTES 32768 /* of a body, between two looks at the socket */
#define WRITE_TIMEOUT_S 20      /* a chunk that is not taken in this time ends the connection */
#define CHOKED_LOOK_US (10 * US_PER_MS)   /* between two looks at a socket that takes nothing */
#define MAX_IGNORED_BODY_BYTES (4u << 20) /* a body that we refuse is read and dropped up to here */

struct http_exchange {
    struct lws *wsi;
    struct http *http;
    struct http_request_copy *copy;
    struct strbuf body;
    bool is_asked, is_held, is_answered, are_headers_written, must_close;
    void (*on_gone)(struct http_exchange *x, void *arg);
    void *arg;
    /* The answer. */
    unsigned status;
    const char *content_type;
    struct strbuf headers; /* "name:\0value\0" … */
    char *out;
    size_t out_len, out_sent;
};

static void exchange_free(struct http_exchange *x)
{
    strbuf_fini(&x->body);
    strbuf_fini(&x->headers);
    mem_free(x->copy);
    mem_free(x->out);
    mem_free(x);
}

static void ask(struct http_exchange *x)
{
    if (x->is_asked)
        return;
    x->is_asked = true;
    x->copy->request.body = (struct str){x->body.p ? x->body.p : "", x->body.len};
    x->http->handlers->on_request(x, &x->copy->request, x->http->arg);
}

/* How many bytes of body follow; false when the headers say it in a way that we do not take. */
static bool read_length(struct lws *wsi, enum http_method method, uint64_t *length, unsigned *unfit)
{
    char text[24];
    int len = lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH);
    bool has_body = method == HTTP_POST || method == HTTP_PUT || method == HTTP_PATCH;

    *length = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 || (len == 0 && has_body)) {
        *unfit = HTTP_STATUS_LENGTH_REQUIRED;
        return false;
    }
    if (len != 0 && !str_to_u64(str_of(text), INT64_MAX, length)) {
        *unfit = HTTP_STATUS_BAD_REQUEST;
        return false;
    }
    return true;
}

static bool is_writing(const struct http_connection *c)
{
    return lws_partial_buffered(c->wsi) || (c->exchange != NULL && c->exchange->is_answered);
}

static bool is_writable(struct lws *wsi)
{
    struct pollfd p = {.fd = lws_get_socket_fd(wsi), .events = POLLOUT};

    return poll(&p, 1, 0) != 0; /* an error counts: the library notices it when it writes */
}

static void look_later(struct http_connection *c)
{
    struct worker *w = http_of(c->wsi)->worker;

    deadline_set(worker_wheel(w), &c->look, worker_now_us(w) + CHOKED_LOOK_US);
}

/*
 * While an answer is being written the library is told of input, again and again, that it does not read: a further request, the
 * end of the connection. So while the socket takes nothing the input is switched off, which stops the library's writing, too.
 * (The library's own timers keep the loop busy in their last millisecond.)
 */
static void on_look(struct deadline *d, uint64_t now_us, void *arg)
{
    struct http_connection *c = arg;
    bool must_pause = is_writing(c) && !is_writable(c->wsi);

    (void)d;
    (void)now_us;
    if (must_pause != c->is_paused)
        (void)lws_rx_flow_control(c->wsi, !must_pause);
    c->is_paused = must_pause;
    if (is_writing(c))
        look_later(c);
}

int http_exchange_begin(struct lws *wsi, struct http_connection *c)
{
    struct http_exchange *x;
    uint64_t length;

    http_exchange_end(c); /* of an earlier request on this connection */
    if (c->wsi == NULL)
        deadline_init(&c->look, on_look, c);
    c->wsi = wsi;
    x = mem_try_alloc(sizeof(*x));
    if (x == NULL)
        return -1;
    x->wsi = wsi;
    x->http = http_of(wsi);
    x->copy = http_request_read(wsi);
    if (x->copy == NULL) {
        mem_free(x);
        return -1;
    }
    strbuf_init(&x->body, MAX_HTTP_BODY_BYTES);
    strbuf_init(&x->headers, MAX_HEADER_BYTES);
    c->exchange = x;
    if (!read_length(wsi, x->copy->request.method, &length, &x->copy->request.unfit)) {
        x->must_close = true; /* where the next request begins is anybody's guess */
        ask(x);
        return 0;
    }
    if (length > MAX_HTTP_BODY_BYTES) {
        x->copy->request.unfit = HTTP_STATUS_REQ_ENTITY_TOO_LARGE;
        x->must_close = length > MAX_IGNORED_BODY_BYTES;
    }
    /* A POST of nothing gets an empty body callback, all others of nothing none. */
    if (x->must_close || (length == 0 && x->copy->request.method != HTTP_POST))
        ask(x);
    return 0;
}

int http_exchange_body(struct http_connection *c, const char *bytes, size_t len)
{
    if (c->exchange == NULL || c->exchange->is_asked)
        return 0;
    if (len > 0 && c->exchange->copy->request.unfit == 0)
        strbuf_add_str(&c->exchange->body, (struct str){bytes, len});
    if (c->exchange->body.failed)
        c->exchange->copy->request.unfit = HTTP_STATUS_REQ_ENTITY_TOO_LARGE;
    return 0;
}

int http_exchange_body_complete(struct http_connection *c)
{
    if (c->exchange != NULL)
        ask(c->exchange);
    return 0;
}

void http_exchange_watch(struct http_exchange *x,
                         void (*on_gone)(struct http_exchange *x, void *arg), void *arg)
{
    x->on_gone = on_gone;
    x->arg = arg;
    /* Until then the library reads nothing, but would be told again and again that there is something: a further request, the
     * end of the connection. Writing needs it switched on again. */
    (void)lws_rx_flow_control(x->wsi, 0);
    x->is_held = true;
}

void http_reply(struct http_exchange *x, const struct http_response *r)
{
    CHECK(!x->is_answered);
    x->is_answered = true;
    http_count_answer(x->http, r->status);
    x->on_gone = NULL;
    x->status = r->status;
    x->content_type = r->content_type;
    x->out = r->body;
    x->out_len = r->body_len;
    for (size_t i = 0; i < HTTP_MAX_HEADERS && r->header[i].name != NULL; i++) {
        strbuf_addf(&x->headers, "%s:%c%s%c", r->header[i].name, 0, r->header[i].value, 0);
    }
    if (x->is_held)
        (void)lws_rx_flow_control(x->wsi, 1);
    lws_callback_on_writable(x->wsi);
}

/* Write status and headers into the library's form. */
static bool format_headers(struct lws *wsi, const struct http_exchange *x, unsigned char **p,
                           unsigned char *end)
{
    const char *at = x->headers.p != NULL ? x->headers.p : "", *stop = at + x->headers.len;
    lws_filepos_t length =
        x->status == HTTP_STATUS_NO_CONTENT || x->status == HTTP_STATUS_NOT_MODIFIED
            ? LWS_ILLEGAL_HTTP_CONTENT_LEN
            : x->out_len;

    if (lws_add_http_header_status(wsi, x->status, p, end) != 0)
        return false;
    if (x->content_type != NULL &&
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE,
                                     (const unsigned char *)x->content_type,
                                     (int)strlen(x->content_type), p, end) != 0)
        return false;
    if (length != LWS_ILLEGAL_HTTP_CONTENT_LEN &&
        lws_add_http_header_content_length(wsi, length, p, end) != 0)
        return false;
    if (x->must_close &&
        lws_add_http_header_by_token(wsi, WSI_TOKEN_CONNECTION, (const unsigned char *)"close", 5,
                                     p, end) != 0)
        return false;
    while (at < stop) {
        const char *name = at, *value = name + strlen(name) + 1;

        if (lws_add_http_header_by_name(wsi, (const unsigned char *)name,
                                        (const unsigned char *)value, (int)strlen(value), p,
                                        end) != 0)
            return false;
        at = value + strlen(value) + 1;
    }
    return lws_finalize_http_header(wsi, p, end) == 0;
}

static int write_headers(struct lws *wsi, struct http_exchange *x)
{
    unsigned char buf[LWS_PRE + MAX_HEADER_BYTES];
    unsigned char *start = buf + LWS_PRE, *p = start;

    if (!format_headers(wsi, x, &p, buf + sizeof(buf) - 1))
        return -1;
    x->are_headers_written = true;
    return lws_write(wsi, start, (size_t)(p - start), LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

/* Write the next piece; the library keeps what the socket does not take. */
static int write_piece(struct lws *wsi, struct http_exchange *x)
{
    size_t len = MIN(x->out_len - x->out_sent, (size_t)WRITE_CHUNK_BYTES);
    bool is_last = x->out_sent + len == x->out_len;
    unsigned char *block = mem_try_alloc(LWS_PRE + len);
    int n;

    if (block == NULL)
        return -1;
    memcpy(block + LWS_PRE, x->out + x->out_sent, len);
    n = lws_write(wsi, block + LWS_PRE, len, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP);
    mem_free(block);
    x->out_sent += len;
    return n < 0 ? -1 : 0;
}

static int finish(struct lws *wsi, struct http_connection *c)
{
    bool must_close = c->exchange->must_close;

    http_exchange_end(c);
    if (must_close)
        return -1; /* the library sends what it holds, then hangs up */
    if (lws_partial_buffered(wsi))
        look_later(c);
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

int http_exchange_write(struct lws *wsi, struct http_connection *c)
{
    struct http_exchange *x = c->exchange;
    bool has_body;

    if (x == NULL || !x->is_answered)
        return 0;
    has_body = x->out_len > 0 && x->copy->request.method != HTTP_HEAD;
    if (!x->are_headers_written && write_headers(wsi, x) < 0)
        return -1;
    if (!has_body)
        return finish(wsi, c);
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, WRITE_TIMEOUT_S);
    do {
        if (write_piece(wsi, x) < 0)
            return -1;
    } while (x->out_sent < x->out_len && !lws_send_pipe_choked(wsi));
    if (x->out_sent == x->out_len)
        return finish(wsi, c);
    look_later(c);
    lws_callback_on_writable(wsi);
    return 0;
}

void http_connection_end(struct http_connection *c)
{
    http_exchange_end(c);
    if (c->wsi != NULL)
        deadline_clear(&c->look);
}

void http_exchange_end(struct http_connection *c)
{
    struct http_exchange *x = c->exchange;

    if (x == NULL)
        return;
    c->exchange = NULL;
    if (x->on_gone != NULL)
        x->on_gone(x, x->arg);
    exchange_free(x);
}

void http_count_answer(struct http *h, unsigned status)
{
    h->stats.answers[MIN(status / 100, (unsigned)ARRAY_LEN(h->stats.answers) - 1)]++;
}

int http_refuse_now(struct lws *wsi, unsigned status)
{
    http_count_answer(http_of(wsi), status);
    return lws_return_http_status(wsi, status, NULL) < 0 ? -1 : 0;
}
