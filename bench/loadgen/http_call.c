/* SPDX-License-Identifier: Apache-2.0 */
/* http_call.c - see http_call.h. */
#include "bench/loadgen/http_call.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/loadgen/http_reply.h"
#include "bench/loadgen/loop.h"
#include "core/addr.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/timebase.h"

#define CALL_TIMEOUT_US (20 * US_PER_S)
#define FIRST_ROOM_BYTES 4096u

struct http_call {
    struct loop *loop;
    struct loop_source source;
    struct deadline timeout;
    struct strbuf out;
    size_t sent;
    uint8_t *in;
    size_t in_len, in_size;
    void (*on_done)(int err, const struct http_reply *reply, void *arg);
    void *arg;
};

/* "http://host:port/path" → address and path. */
static int read_url(const char *url, struct addr *addr, struct str *host, struct str *path)
{
    struct str rest = str_of(url);
    char text[ADDR_TEXT_LEN];

    if (!str_starts(rest, STR("http://")))
        return E_MALFORMED;
    rest = (struct str){rest.p + 7, rest.len - 7};
    *host = str_cut(&rest, '/');
    *path = (struct str){host->p + host->len, rest.p != NULL && rest.len > 0 ? rest.len + 1 : 0};
    struct str port = *host, name = str_cut(&port, ':');
    if (str_eq_c(name, "localhost")) {
        struct strbuf b;
        strbuf_init(&b, sizeof(text));
        strbuf_addf(&b, "127.0.0.1:%.*s", (int)port.len, port.p);
        int err = b.failed ? E_MALFORMED : addr_parse(addr, (struct str){b.p, b.len});
        strbuf_fini(&b);
        return err;
    }
    int err = addr_parse(addr, *host);
    if (err == 0 && addr->port == 0)
        addr->port = 80;
    return err;
}

void http_resolve(const char *base, const char *location, struct strbuf *out)
{
    struct str rest = str_of(base);
    size_t origin;

    if (str_starts(str_of(location), STR("http://"))) {
        strbuf_add(out, location);
        return;
    }
    rest = (struct str){rest.p + MIN(rest.len, 7u), rest.len - MIN(rest.len, 7u)};
    origin = MIN(strlen(base), 7u) + str_cut(&rest, '/').len;
    if (location[0] != '/') { /* relative to the folder of the base */
        const char *slash = strrchr(base + origin, '/');
        origin = slash != NULL ? (size_t)(slash - base) + 1 : origin;
    }
    strbuf_add_str(out, (struct str){base, origin});
    strbuf_add(out, location);
}

static void finish(struct http_call *c, int err, const struct http_reply *reply)
{
    void (*on_done)(int, const struct http_reply *, void *) = c->on_done;

    loop_unwatch(c->loop, &c->source);
    deadline_clear(&c->timeout);
    on_done(err, reply, c->arg);
    http_call_close(&c);
}

/* Returns whether the call goes on. */
static bool write_some(struct http_call *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->source.fd, c->out.p + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0) {
            finish(c, -errno, NULL);
            return false;
        }
        c->sent += (size_t)n;
    }
    int err = loop_watch(c->loop, &c->source, EPOLLIN);
    if (err != 0)
        finish(c, err, NULL);
    return err == 0;
}

static int make_room(struct http_call *c)
{
    if (c->in_len < c->in_size)
        return 0;
    if (c->in_size >= HTTP_MAX_REPLY_BYTES)
        return E_LIMIT;
    size_t size = MAX(c->in_size * 2, FIRST_ROOM_BYTES);
    uint8_t *more = mem_try_realloc(c->in, size);
    if (more == NULL)
        return E_NO_MEMORY;
    c->in = more;
    c->in_size = size;
    return 0;
}

static void read_some(struct http_call *c)
{
    struct http_reply reply;
    int err = 0;

    while (err == 0) {
        err = make_room(c);
        if (err != 0)
            break;
        ssize_t n = recv(c->source.fd, c->in + c->in_len, c->in_size - c->in_len, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            err = -errno;
            break;
        }
        c->in_len += (size_t)n;
        err = http_reply_parse(&reply, c->in, c->in_len, n == 0);
        if (err == 0) {
            finish(c, 0, &reply);
            return;
        }
        if (err == HTTP_REPLY_UNFINISHED)
            err = 0;
    }
    finish(c, err, NULL);
}

static void on_ready(struct loop_source *s, uint32_t events, uint64_t now_us)
{
    struct http_call *c = CONTAINER_OF(s, struct http_call, source);

    (void)now_us;
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && c->sent < c->out.len && !write_some(c))
        return;
    if ((events & EPOLLIN) != 0)
        read_some(c);
}

static void on_timeout(struct deadline *d, uint64_t now_us, void *arg)
{
    (void)d;
    (void)now_us;
    finish(arg, E_TIMEOUT, NULL);
}

static void write_request(struct http_call *c, const struct http_request_out *r, struct str host,
                          struct str path)
{
    strbuf_init(&c->out, HTTP_MAX_REPLY_BYTES);
    strbuf_addf(&c->out, "%s %.*s HTTP/1.1\r\nHost: %.*s\r\nConnection: close\r\n", r->method,
                path.len > 0 ? (int)path.len : 1, path.len > 0 ? path.p : "/", (int)host.len,
                host.p);
    if (r->content_type != NULL)
        strbuf_addf(&c->out, "Content-Type: %s\r\nAccept: %s\r\nContent-Length: %zu\r\n",
                    r->content_type, r->content_type, r->body.len);
    strbuf_add(&c->out, "\r\n");
    strbuf_add_str(&c->out, r->body);
}

static int dial(struct http_call *c, const struct addr *addr)
{
    struct sockaddr_storage to;
    socklen_t to_len = (socklen_t)addr_to_sockaddr(addr, &to);

    c->source.fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->source.fd < 0)
        return -errno;
    if (connect(c->source.fd, (struct sockaddr *)&to, to_len) != 0 && errno != EINPROGRESS)
        return -errno;
    return loop_watch(c->loop, &c->source, EPOLLOUT);
}

int http_call_open(struct http_call **out, struct loop *l, const struct http_request_out *request,
                   void (*on_done)(int err, const struct http_reply *reply, void *arg), void *arg)
{
    struct http_call *c;
    struct addr addr;
    struct str host, path;
    int err = read_url(request->url, &addr, &host, &path);

    if (err != 0)
        return err;
    c = MEM_NEW(struct http_call);
    c->loop = l;
    c->source = (struct loop_source){.fd = -1, .on_ready = on_ready};
    c->on_done = on_done;
    c->arg = arg;
    deadline_init(&c->timeout, on_timeout, c);
    write_request(c, request, host, path);
    err = dial(c, &addr);
    if (err != 0) {
        http_call_close(&c);
        return err;
    }
    deadline_set(loop_wheel(l), &c->timeout, loop_now_us(l) + CALL_TIMEOUT_US);
    *out = c;
    return 0;
}

void http_call_close(struct http_call **cp)
{
    struct http_call *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    loop_unwatch(c->loop, &c->source);
    deadline_clear(&c->timeout);
    if (c->source.fd >= 0)
        close(c->source.fd);
    strbuf_fini(&c->out);
    mem_free(c->in);
    mem_free(c);
}
