/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - puts the API together, and knows which path belongs to whom.
 *
 *   http ─┬─ /ws ──────────▶ client → dispatch → session ─▶ rooms/
 *         ├─ /v1, /healthz ▶ rest ──────────────────────▶ rooms/
 *         ├─ /metrics ─────▶ metrics ───────────────────▶ rooms/
 *         ├─ /whip, /whep ─▶ wish ───────────▶ session ─▶ rooms/
 *         └─ the rest ─────▶ static_files
 */
#include "api/server.h"

#include <string.h>

#include "api/client.h"
#include "api/http.h"
#include "api/metrics.h"
#include "api/origin.h"
#include "api/problem.h"
#include "api/rest.h"
#include "api/session.h"
#include "api/static_files.h"
#include "api/wish.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"

#define WS_PATH "/ws"

struct server {
    const struct config *config;
    struct http *http;
    struct static_files *files;
    struct sessions *sessions;
    struct clients *clients;
    struct rest *rest;
    struct wish *wish;
    struct metrics *metrics;
};

/* ---- requests ---- */

static void refuse_unfit(struct http_exchange *x, unsigned status)
{
    struct refusal why;

    if (status == 413)
        (void)refuse(&why, E_LIMIT, NULL, "the body is longer than %d bytes", MAX_HTTP_BODY_BYTES);
    else if (status == 411)
        (void)refuse(&why, E_MALFORMED, NULL, "a body needs a Content-Length");
    else
        (void)refuse(&why, E_MALFORMED, NULL, "the Content-Length cannot be read");
    why.status = status;
    problem_reply(x, &why, NULL);
}

static void on_request(struct http_exchange *x, const struct http_request *request, void *arg)
{
    struct server *s = arg;

    /* The path of a WHIP or WHEP session is as good as a password. */
    log_debug(LOG_HTTP, NULL, "%s %s %.*s", request->remote, http_method_name(request->method),
              wish_owns(request->path) ? 6 : 100, request->path);
    if (request->unfit != 0)
        refuse_unfit(x, request->unfit);
    else if (rest_owns(request->path))
        rest_serve(s->rest, x, request);
    else if (metrics_owns(request->path))
        metrics_serve(s->metrics, s->http, x, request);
    else if (wish_owns(request->path))
        wish_serve(s->wish, x, request);
    else
        static_files_serve(s->files, x, request);
}

static unsigned on_ws_request(const struct http_request *request, void *arg)
{
    const struct server *s = arg;

    if (strcmp(request->path, WS_PATH) != 0)
        return 404;
    if (!origin_is_served(s->config, request->origin, request->host)) {
        log_info(LOG_API, NULL,
                 "%s: a WebSocket from %.100s is refused: development mode takes this machine's "
                 "pages only",
                 request->remote, request->origin);
        return 403;
    }
    return clients_have_room(s->clients) ? 0 : 503;
}

static void on_ws_open(struct ws *ws, const struct http_request *request, void *arg)
{
    struct server *s = arg;
    const char *token = request->access_token;

    if (token[0] == 0 && strncasecmp(request->authorization, "Bearer ", 7) == 0)
        token = request->authorization + 7;
    client_open(s->clients, ws, token);
}

/* ---- opening ---- */

static int check_settings(const struct config *config, struct strbuf *why)
{
    bool has_cert = config->http_tls_cert[0] != 0, has_key = config->http_tls_key[0] != 0;

    if (!config->dev && config->auth_keys.count == 0) {
        strbuf_add(why, "auth.keys is empty: without keys nobody could join. Give auth.keys "
                        "(key:secret), or try "
                        "development mode: --dev");
        return E_INVALID;
    }
    if (has_cert != has_key) {
        strbuf_addf(why, "http.tls_cert and http.tls_key belong together: http.tls_%s is missing",
                    has_cert ? "key" : "cert");
        return E_INVALID;
    }
    return 0;
}

static void warn(const struct config *config)
{
    bool has_turn = false;

    if (config->dev)
        log_warn(LOG_API, NULL,
                 "DEVELOPMENT MODE: everybody who reaches this server may join and administrate "
                 "every room, "
                 "without a token. Never run it like this on a public address.");
    for (size_t i = 0; i < config->ice_servers.count; i++)
        has_turn = has_turn || strncmp(config->ice_servers.item[i], "turn", 4) == 0;
    if (has_turn && config->ice_turn_secret[0] == 0)
        log_warn(LOG_API, NULL,
                 "ice.servers: browsers take no TURN server without credentials, so those are left "
                 "out; give "
                 "ice.turn_secret");
}

static int open_http(struct server *s, const struct server_config *config, struct strbuf *why)
{
    static const struct http_handlers handlers = {
        .on_request = on_request, .on_ws_request = on_ws_request, .on_ws_open = on_ws_open};
    const struct http_config http = {
        .worker = config->control,
        .listen = config->config->http_listen,
        .tls_cert = config->config->http_tls_cert,
        .tls_key = config->config->http_tls_key,
        .tls_cert_pem = config->self_signed_cert_pem,
        .tls_key_pem = config->self_signed_key_pem,
    };

    return http_open(&s->http, &http, &handlers, s, why);
}

static void server_free(struct server *s)
{
    rest_free(&s->rest);
    wish_free(&s->wish); /* its sessions go on without it */
    clients_free(&s->clients);
    sessions_free(&s->sessions);
    metrics_free(&s->metrics);
    static_files_close(&s->files);
    mem_free(s);
}

/* As one would type it into a browser on this machine; port 0 of the settings became a real one. */
static void log_address(const struct server *s)
{
    const char *listen_at = s->config->http_listen, *colon = strrchr(listen_at, ':');
    struct str host = {listen_at, colon != NULL ? (size_t)(colon - listen_at) : strlen(listen_at)};
    bool is_any = str_eq_c(host, "0.0.0.0") || str_eq_c(host, "[::]");

    if (is_any)
        host = STR("localhost");
    log_info(LOG_API, NULL, "listening on %s://%.*s:%u%s", server_scheme(s), (int)host.len, host.p,
             server_http_port(s), is_any ? " and this machine's other addresses" : "");
}

int server_open(struct server **out, const struct server_config *config, struct strbuf *why)
{
    struct server *s;
    int err = check_settings(config->config, why);

    if (err != 0)
        return err;
    s = MEM_NEW(struct server);
    s->config = config->config;
    s->sessions = sessions_new(s->config, config->registry, config->control);
    s->clients = clients_new(s->config, s->sessions, config->control);
    s->rest = rest_new(s->config, config->registry, s->sessions);
    s->wish = wish_new(s->config, config->registry, s->sessions, config->control);
    s->metrics = metrics_new(s->config, config->registry, config->control);
    if (config->web_root[0] != 0)
        err = static_files_open(&s->files, config->web_root);
    if (err != 0)
        strbuf_addf(why, "http.web_root: %s cannot be opened: %s", config->web_root, err_text(err));
    else
        err = open_http(s, config, why);
    if (err != 0) {
        server_free(s);
        return err;
    }
    warn(s->config);
    log_address(s);
    *out = s;
    return 0;
}

unsigned server_http_port(const struct server *s)
{
    return http_port(s->http);
}

const char *server_scheme(const struct server *s)
{
    return http_is_tls(s->http) ? "https" : "http";
}

/* ---- while it runs ---- */

void server_reload_certificates(struct server *s)
{
    struct strbuf why;
    int err;

    strbuf_init(&why, 1024);
    err = http_reload_certificates(s->http, &why);
    if (err == 0)
        log_info(LOG_API, NULL, "certificate files read again");
    else
        log_warn(LOG_API, NULL, "the certificate stays as it was: %s",
                 why.p ? why.p : err_text(err));
    strbuf_fini(&why);
}

void server_drain(struct server *s)
{
    clients_drain(s->clients);
}

/* ---- closing ---- */

void server_close(struct server **sp)
{
    struct server *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    http_close(&s->http); /* clients go with their WebSockets, and leave their sessions behind */
    server_free(s);
}
