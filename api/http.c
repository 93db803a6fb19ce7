/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http.c - libwebsockets on the control reactor's loop: opening, closing, and its one callback, which only deals out.
 *
 *   socket → library → callback ─┬─ HTTP reasons → http_exchange.c → on_request
 *                                └─ WebSocket reasons → ws.c → on_text
 */
#include "api/http.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/http_internal.h"
#include "core/addr.h"
#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"

#define SUBPROTOCOL "parley.v1"
#define MAX_REQUEST_HEADER_BYTES (MAX_TOKEN_BYTES + 8192)
#define KEEP_ALIVE_S 30
#define PING_AFTER_S 5     /* of silence */
#define HANG_UP_AFTER_S 15 /* that is, ten more without an answer */
/* The library makes tables of this many entries, and gives up on limits past ten million, which containers have. */
#define MAX_OPEN_FILES 262144
/* It closes in two rounds, sockets and then its own timer and idle handle; the loop turns a few times more than that takes. */
#define CLOSE_TURNS 6

/* --- log ---------------------------------------------------------------------------------------- */

/* Most of what it calls errors is a client's doing; so nothing of it is louder than debug, but for what fails to open. */
static bool is_opening;

static void on_library_log(int level, const char *line)
{
    int len = (int)strcspn(line, "\n");

    if (is_opening && level == LLL_ERR)
        log_warn(LOG_HTTP, NULL, "libwebsockets: %.*s", len, line);
    else
        log_debug(LOG_HTTP, NULL, "libwebsockets: %.*s", len, line);
}

/* --- the callback ------------------------------------------------------------------------------- */

struct http *http_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* 0: go on with the upgrade; 1: refused, answered; -1: hang up. */
static int confirm_upgrade(struct lws *wsi, const char *to)
{
    struct http *h = http_of(wsi);
    struct http_request_copy *copy;
    unsigned status;

    if (strcasecmp(to, "websocket") != 0) /* h2c: nobody needs it */
        return http_refuse_now(wsi, HTTP_STATUS_NOT_IMPLEMENTED) < 0 ? -1 : 1;
    copy = http_request_read(wsi);
    if (copy == NULL)
        return -1;
    status = h->handlers->on_ws_request(&copy->request, h->arg);
    mem_free(copy);
    if (status == 0)
        return 0;
    return http_refuse_now(wsi, status) < 0 ? -1 : 1;
}

static int on_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                       size_t len)
{
    struct http_connection *c = user;

    switch (reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return http_tls_attach(http_of(wsi), user) ? 0 : -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return confirm_upgrade(wsi, in);
    case LWS_CALLBACK_HTTP:
        return http_exchange_begin(wsi, c);
    case LWS_CALLBACK_HTTP_BODY:
        return http_exchange_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return http_exchange_body_complete(c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return http_exchange_write(wsi, c);
    case LWS_CALLBACK_ESTABLISHED:
        return ws_on_open(wsi, c);
    case LWS_CALLBACK_RECEIVE:
        return ws_on_receive(wsi, c, in, len);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ws_on_peer_close(c);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return ws_on_writeable(wsi, c);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        if (c != NULL) {
            http_connection_end(c);
            ws_on_gone(c);
        }
        return 0;
    default:
        return 0;
    }
}

/* HTTP and WebSocket alike, so that a WebSocket that asks for no subprotocol lands here, too. */
static const struct lws_protocols protocols[] = {
    {.name = SUBPROTOCOL,
     .callback = on_callback,
     .per_session_data_size = sizeof(struct http_connection)},
    {.name = NULL},
};

/* --- opening ------------------------------------------------------------------------------------ */

static int resolve_listen(const char *listen_at, struct addr *out, struct strbuf *why)
{
    const char *colon = strrchr(listen_at, ':');
    char host[256];
    uint64_t port;
    int n;

    if (addr_parse(out, str_of(listen_at)) == 0)
        return 0;
    if (colon == NULL ||
        !str_copy(host, sizeof(host), (struct str){listen_at, (size_t)(colon - listen_at)}) ||
        !str_to_u64(str_of(colon + 1), 65535, &port)) {
        strbuf_addf(why, "http.listen: %s is not an address with a port", listen_at);
        return E_INVALID;
    }
    if (strcmp(host, "localhost") == 0)
        return addr_parse(out, STR("127.0.0.1")) == 0 ? (out->port = (uint16_t)port, 0) : E_INVALID;
    n = addr_resolve(host, out, 1);
    if (n <= 0) {
        strbuf_addf(why, "http.listen: %s cannot be resolved: %s", host,
                    err_text(n < 0 ? n : E_NOT_FOUND));
        return n < 0 ? n : E_NOT_FOUND;
    }
    out->port = (uint16_t)port;
    return 0;
}

/* The library does not say why it cannot listen: find out first. */
static int try_bind(const struct addr *at, struct strbuf *why)
{
    struct sockaddr_storage sa;
    size_t len = addr_to_sockaddr(at, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, err = 0;
    char text[ADDR_TEXT_LEN];

    if (fd < 0)
        err = -errno;
    else if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
             bind(fd, (const struct sockaddr *)&sa, (socklen_t)len) < 0 || listen(fd, 1) < 0)
        err = -errno;
    if (fd >= 0)
        (void)close(fd);
    if (err != 0)
        strbuf_addf(why, "http.listen: cannot listen on %s: %s", addr_text(at, text),
                    err_text(err));
    return err;
}

static bool wants_tls(const struct http *h)
{
    return h->tls_cert != NULL || h->tls_cert_pem != NULL;
}

/* Sent with every answer, whoever makes it. */
static const struct lws_protocol_vhost_options *canned_headers(void)
{
    static struct lws_protocol_vhost_options rows[] = {
        {.name = "content-security-policy:",
         .value = "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: "
                  "mediastream:; "
                  "img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
                  "frame-ancestors 'self'"},
        {.name = "x-content-type-options:", .value = "nosniff"},
        {.name = "referrer-policy:", .value = "same-origin"},
        {.name = "permissions-policy:",
         .value = "camera=(self), microphone=(self), display-capture=(self)"},
    };

    for (size_t i = 0; i + 1 < ARRAY_LEN(rows); i++)
        rows[i].next = &rows[i + 1];
    return rows;
}

static void create_context(struct http *h)
{
    static const lws_retry_bo_t liveness = {.secs_since_valid_ping = PING_AFTER_S,
                                            .secs_since_valid_hangup = HANG_UP_AFTER_S};
    void *loops[] = {worker_uv_loop(h->worker)};
    struct lws_context_creation_info info = {
        .port = (int)h->port,
        .iface = h->address[0] ? h->address : NULL,
        .protocols = protocols,
        .headers = canned_headers(),
        .server_string = "parley",
        .vhost_name = "parley",
        .alpn = "http/1.1",
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME |
                   (h->is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   (wants_tls(h) ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
                                       LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX
                                 : 0),
        .foreign_loops = loops,
        .max_http_header_data2 = MAX_REQUEST_HEADER_BYTES,
        .pt_serv_buf_size = 16384,
        .keepalive_timeout = KEEP_ALIVE_S,
        .retry_and_idle_policy = &liveness,
        .rlimit_nofile = sysconf(_SC_OPEN_MAX) > MAX_OPEN_FILES ? MAX_OPEN_FILES : 0,
        .gid = (int)-1,
        .uid = (int)-1,
        .user = h,
        .pcontext = &h->context,
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, on_library_log);
    is_opening = true;
    h->context = lws_create_context(&info);
    is_opening = false;
}

static void http_free(struct http *h)
{
    http_tls_free(h);
    mem_free(h->tls_cert);
    mem_free(h->tls_key);
    mem_free(h);
}

static struct http *http_new(const struct http_config *config, const struct http_handlers *handlers,
                             void *arg)
{
    struct http *h = MEM_NEW(struct http);
    bool has_files = config->tls_cert != NULL && config->tls_cert[0] != 0;

    h->worker = config->worker;
    h->handlers = handlers;
    h->arg = arg;
    h->tls_cert = has_files ? mem_strdup(config->tls_cert) : NULL;
    h->tls_key = has_files ? mem_strdup(config->tls_key != NULL ? config->tls_key : "") : NULL;
    h->tls_cert_pem = config->tls_cert_pem;
    h->tls_key_pem = config->tls_key_pem;
    return h;
}

int http_open(struct http **out, const struct http_config *config,
              const struct http_handlers *handlers, void *arg, struct strbuf *why)
{
    struct http *h = http_new(config, handlers, arg);
    struct addr at;
    int err = resolve_listen(config->listen, &at, why);

    if (err == 0)
        err = try_bind(&at, why);
    if (err == 0 && wants_tls(h))
        err = http_tls_load(h, why);
    if (err != 0)
        goto fail;
    h->port = at.port;
    h->is_v6 = at.family == 6;
    if (!addr_is_any(&at))
        (void)addr_ip_text(&at, h->address);
    create_context(h);
    if (h->context == NULL) {
        strbuf_add(why, "libwebsockets could not start (is libwebsockets-evlib-uv installed?)");
        err = E_INVALID;
        goto fail;
    }
    h->vhost = lws_get_vhost_by_name(h->context, "parley");
    h->port = (unsigned)lws_get_vhost_listen_port(h->vhost);
    *out = h;
    return 0;

fail:
    http_free(h);
    return err;
}

unsigned http_port(const struct http *h)
{
    return h->port;
}

void http_read_stats(const struct http *h, struct http_stats *out)
{
    *out = h->stats;
}

bool http_is_tls(const struct http *h)
{
    return h->pair != NULL;
}

/* --- closing ------------------------------------------------------------------------------------ */

/* Turns the loop a number of times: each deadline wakes it for one more turn. */
struct turns {
    struct worker *worker;
    struct deadline deadline;
    unsigned left;
};

static void on_turn(struct deadline *d, uint64_t now_us, void *arg)
{
    struct turns *t = arg;

    if (--t->left == 0)
        worker_stop(t->worker);
    else
        deadline_set(worker_wheel(t->worker), d, now_us + DEADLINE_TICK_US);
}

static void turn_loop(struct worker *w, unsigned turns)
{
    struct turns t = {.worker = w, .left = turns};

    deadline_init(&t.deadline, on_turn, &t);
    deadline_set(worker_wheel(w), &t.deadline, worker_now_us(w));
    while (t.left > 0) /* a stop that somebody asked for earlier ends a run, too */
        worker_run(w);
}

void http_close(struct http **hp)
{
    struct http *h = *hp;

    if (h == NULL)
        return;
    *hp = NULL;
    lws_context_destroy(h->context);
    /* On a foreign loop that only began to close its handles. When they are closed, a second call frees the rest. */
    turn_loop(h->worker, CLOSE_TURNS);
    if (h->context != NULL)
        lws_context_destroy(h->context);
    CHECK(h->context == NULL);
    http_free(h);
}
