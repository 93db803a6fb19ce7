/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp.c - listeners and connections on uv_tcp_t.
 *
 * Small sends go straight to the kernel; only what it does not take is copied and queued, up to a bound. A connection ends
 * once: by tcp_close(), or by the remote or an error, which is told to on_closed and then closes by itself.
 */
#include "core/tcp.h"

#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "core/check.h"
#include "core/core_internal.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/mem.h"
#include "core/worker.h"

#define LISTEN_BACKLOG 511
#define KEEPALIVE_DELAY_S 60

struct tcp_listener {
    uv_tcp_t *
        uv; /* owned by libuv from uv_close() until on_uv_closed(); its data is the owner, then NULL */
    struct worker *worker;
    struct addr local;
    void (*on_accept)(struct tcp_listener *l, struct tcp_conn *c, void *arg);
    void *arg;
};

struct tcp_conn {
    uv_tcp_t *uv; /* as above */
    struct worker *worker;
    struct addr remote, local;
    const struct tcp_handlers *handlers;
    void (*on_connected)(struct tcp_conn *c, int err, void *arg);
    void *arg;
    int broken; /* why the stream cannot go on, to be told when its end is read; 0: it can */
    bool is_ended;
};

struct unsent {
    uv_write_t req;
    uint8_t bytes[];
};

/* --- handles ---------------------------------------------------------------------------------- */

static void on_uv_closed(uv_handle_t *uv)
{
    mem_free(uv);
}

static void close_uv(uv_tcp_t *uv)
{
    uv->data = NULL; /* a late callback finds no owner */
    uv_close((uv_handle_t *)uv, on_uv_closed);
}

static struct addr addr_of(const uv_tcp_t *uv,
                           int (*name_of)(const uv_tcp_t *, struct sockaddr *, int *))
{
    struct sockaddr_storage sa = {0};
    int len = sizeof(sa);

    if (name_of(uv, (struct sockaddr *)&sa, &len) != 0)
        return (struct addr){.family = 0};
    return addr_of_sockaddr((const struct sockaddr *)&sa);
}

static int new_conn(struct tcp_conn **out, struct worker *w)
{
    uv_tcp_t *uv = MEM_NEW(uv_tcp_t);
    int err = uv_tcp_init(worker_uv_loop(w), uv);
    struct tcp_conn *c;

    if (err != 0) {
        mem_free(uv);
        return err;
    }
    c = MEM_NEW(struct tcp_conn);
    c->uv = uv;
    c->worker = w;
    uv->data = c;
    *out = c;
    return 0;
}

static void set_up_stream(struct tcp_conn *c)
{
    /* Neither is worth losing the connection for. */
    (void)uv_tcp_nodelay(c->uv, 1);
    (void)uv_tcp_keepalive(c->uv, 1, KEEPALIVE_DELAY_S);
    c->remote = addr_of(c->uv, uv_tcp_getpeername);
    c->local = addr_of(c->uv, uv_tcp_getsockname);
}

/* --- the end ---------------------------------------------------------------------------------- */

void tcp_close(struct tcp_conn **cp)
{
    struct tcp_conn *c = *cp;

    if (c == NULL)
        return;
    *cp = NULL;
    if (c->is_ended) /* it is closing by itself */
        return;
    c->is_ended = true;
    close_uv(c->uv);
    worker_free_later(c->worker, c, mem_free);
}

/* The remote or an error ends the connection. */
static void end(struct tcp_conn *c, int err)
{
    if (c->is_ended)
        return;
    c->is_ended = true;
    close_uv(c->uv);
    worker_free_later(c->worker, c, mem_free);
    if (c->handlers != NULL)
        c->handlers->on_closed(c, c->broken != 0 ? c->broken : err, c->arg);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void on_uv_buffer(uv_handle_t *uv, size_t suggested, uv_buf_t *buf)
{
    struct tcp_conn *c = uv->data;

    (void)suggested;
    *buf = uv_buf_init(NULL, 0);
    if (c != NULL)
        *buf = uv_buf_init((char *)worker_read_buffer(c->worker), WORKER_READ_BUFFER_BYTES);
}

static void on_uv_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct tcp_conn *c = uv->data;

    if (c == NULL || n == 0)
        return;
    if (n < 0)
        end(c, n == UV_EOF ? 0 : (int)n);
    else
        c->handlers->on_bytes(c, (const uint8_t *)buf->base, (size_t)n, worker_now_us(c->worker),
                              c->arg); /* may close c */
}

void tcp_take(struct tcp_conn *c, const struct tcp_handlers *handlers, void *arg)
{
    int err;

    c->handlers = handlers;
    c->arg = arg;
    if (c->is_ended)
        return;
    err = uv_read_start((uv_stream_t *)c->uv, on_uv_buffer, on_uv_read);
    CHECK(err == 0 || err == UV_EALREADY); /* already: the connection was passed on */
}

/* --- sending ---------------------------------------------------------------------------------- */

static void on_uv_written(uv_write_t *req, int status)
{
    struct tcp_conn *c = req->handle->data;

    mem_free(req);
    if (c != NULL && status < 0)
        end(c, status);
}

/* End a stream that has a hole in it: the read side sees the end and tells, outside the caller's call. */
static void break_off(struct tcp_conn *c, int err)
{
    uv_os_fd_t fd;

    c->broken = err;
    if (uv_fileno((uv_handle_t *)c->uv, &fd) == 0)
        (void)shutdown(fd, SHUT_RDWR);
}

/* Copy and queue what comes after the first @skip bytes. */
static int queue(struct tcp_conn *c, const uv_buf_t bufs[2], size_t skip)
{
    size_t len = bufs[0].len + bufs[1].len - skip;
    struct unsent *u = mem_try_alloc(sizeof(*u) + len);
    uint8_t *to;
    uv_buf_t buf;
    int err;

    if (u == NULL)
        return E_NO_MEMORY;
    to = u->bytes;
    for (int i = 0; i < 2; i++) {
        size_t cut = MIN(skip, bufs[i].len);
        if (bufs[i].len > cut)
            memcpy(to, bufs[i].base + cut, bufs[i].len - cut);
        to += bufs[i].len - cut;
        skip -= cut;
    }
    buf = uv_buf_init((char *)u->bytes, (unsigned)len);
    err = uv_write(&u->req, (uv_stream_t *)c->uv, &buf, 1, on_uv_written);
    if (err != 0)
        mem_free(u);
    return err;
}

int tcp_send(struct tcp_conn *c, const uint8_t *head, size_t head_len, const uint8_t *body,
             size_t body_len)
{
    uv_buf_t bufs[2];
    int sent, err;

    if (c->is_ended || c->broken != 0)
        return E_STATE;
    if (head_len > MAX_TCP_SEND_BUFFER_BYTES || body_len > MAX_TCP_SEND_BUFFER_BYTES ||
        tcp_unsent(c) + head_len + body_len > MAX_TCP_SEND_BUFFER_BYTES)
        return E_LIMIT;
    bufs[0] = uv_buf_init((char *)(uintptr_t)head, (unsigned)head_len); /* libuv only reads them */
    bufs[1] = uv_buf_init((char *)(uintptr_t)body, (unsigned)body_len);
    sent = uv_try_write((uv_stream_t *)c->uv, bufs, 2); /* UV_EAGAIN while something is queued */
    if (sent < 0 && sent != UV_EAGAIN)
        return sent;
    sent = MAX(sent, 0);
    if ((size_t)sent == head_len + body_len)
        return 0;
    err = queue(c, bufs, (size_t)sent);
    if (err != 0 && sent > 0)
        break_off(c, err);
    return err;
}

size_t tcp_unsent(const struct tcp_conn *c)
{
    return c->is_ended ? 0 : uv_stream_get_write_queue_size((const uv_stream_t *)c->uv);
}

struct addr tcp_remote(const struct tcp_conn *c)
{
    return c->remote;
}

struct addr tcp_local(const struct tcp_conn *c)
{
    return c->local;
}

/* --- listening -------------------------------------------------------------------------------- */

static void on_uv_connection(uv_stream_t *server, int status)
{
    struct tcp_listener *l = server->data;
    struct tcp_conn *c;

    if (l == NULL || status < 0 || new_conn(&c, l->worker) != 0)
        return;
    if (uv_accept(server, (uv_stream_t *)c->uv) != 0) {
        tcp_close(&c);
        return;
    }
    set_up_stream(c);
    l->on_accept(l, c, l->arg); /* may close l */
}

static int bind_and_listen(uv_tcp_t *uv, const struct addr *local)
{
    struct sockaddr_storage sa;
    int err;

    (void)addr_to_sockaddr(local, &sa);
    err = uv_tcp_bind(uv, (const struct sockaddr *)&sa, local->family == 6 ? UV_TCP_IPV6ONLY : 0);
    return err != 0 ? err : uv_listen((uv_stream_t *)uv, LISTEN_BACKLOG, on_uv_connection);
}

int tcp_listen(struct tcp_listener **out, struct worker *w, const struct addr *local,
               void (*on_accept)(struct tcp_listener *l, struct tcp_conn *c, void *arg), void *arg)
{
    uv_tcp_t *uv = MEM_NEW(uv_tcp_t);
    int err = uv_tcp_init(worker_uv_loop(w), uv);
    struct tcp_listener *l;

    if (err != 0) {
        mem_free(uv);
        return err;
    }
    err = bind_and_listen(uv, local);
    if (err != 0) {
        close_uv(uv);
        return err;
    }
    l = MEM_NEW(struct tcp_listener);
    l->uv = uv;
    l->worker = w;
    l->local = addr_of(uv, uv_tcp_getsockname);
    l->on_accept = on_accept;
    l->arg = arg;
    uv->data = l;
    *out = l;
    return 0;
}

struct addr tcp_listener_local(const struct tcp_listener *l)
{
    return l->local;
}

void tcp_listener_close(struct tcp_listener **lp)
{
    struct tcp_listener *l = *lp;

    if (l == NULL)
        return;
    *lp = NULL;
    close_uv(l->uv);
    worker_free_later(l->worker, l, mem_free);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void on_uv_connected(uv_connect_t *req, int status)
{
    struct tcp_conn *c = req->handle->data;

    mem_free(req);
    if (c == NULL)
        return;
    if (status != 0) {
        c->is_ended = true; /* on_connected tells, on_closed does not */
        close_uv(c->uv);
        worker_free_later(c->worker, c, mem_free);
        c->on_connected(c, status, c->arg);
        return;
    }
    set_up_stream(c);
    c->on_connected(c, 0, c->arg); /* may close c */
    tcp_take(c, c->handlers, c->arg);
}

int tcp_connect(struct tcp_conn **out, struct worker *w, const struct addr *remote,
                void (*on_connected)(struct tcp_conn *c, int err, void *arg),
                const struct tcp_handlers *handlers, void *arg)
{
    struct sockaddr_storage sa;
    struct tcp_conn *c;
    uv_connect_t *req;
    int err = new_conn(&c, w);

    if (err != 0)
        return err;
    c->remote = *remote;
    c->handlers = handlers;
    c->on_connected = on_connected;
    c->arg = arg;
    (void)addr_to_sockaddr(remote, &sa);
    req = MEM_NEW(uv_connect_t);
    err = uv_tcp_connect(req, c->uv, (const struct sockaddr *)&sa, on_uv_connected);
    if (err != 0) {
        mem_free(req);
        tcp_close(&c);
        return err;
    }
    *out = c;
    return 0;
}
