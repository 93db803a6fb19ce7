/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - reads the settings, starts everything, waits for a signal, drains. The only file that may include every layer.
 *
 *   settings → certificate → control reactor → registry → media workers → API → (run) → drain → close in reverse
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/docs.h"
#include "api/server.h"
#include "core/addr.h"
#include "core/check.h"
#include "core/config.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/mixers.h"
#include "rooms/registry.h"
#include "rooms/room_mix.h"
#include "rooms/sfu/sfu_host.h"
#include "transport/cert.h"
#include "transport/dtls.h"
#include "transport/network.h"
#include "transport/rtpsec.h"

#define MAX_WORKERS 256
#define TOKEN_TTL_S 21600ull /* six hours */
#define TOKEN_MAX_TTL_S 31622400ull
#define CERT_DAYS 30             /* made anew at each start */
#define DRAIN_FLUSH_US 300000ull /* for the last notifications and close_notify to leave */

extern char **environ;

/* Everything that lives from start to end. */
struct program {
    struct config *config;
    struct worker *control;
    struct cert *dtls_cert;
    struct dtls_context *dtls;
    struct registry *registry;
    struct sfu_host *host[MAX_WORKERS];
    unsigned host_count;
    struct mixers *mixers;
    struct server *server;
    char *https_cert_pem, *https_key_pem;
    char web_root[PATH_MAX];
    struct signal_watch *term, *interrupt, *hangup;
    struct deadline stop;
    bool is_stopping;
};

/* ---- network ---- */

static int check_network(const struct config *config)
{
    struct network *n = MEM_NEW(struct network);
    struct announce_result *result = MEM_NEW(struct announce_result);
    char text[ADDR_TEXT_LEN];
    int err = network_read(n, config);

    if (err == 0) {
        network_decide(n, config, n->listen, n->listen_count, 0, result);
        printf("Browsers will be given (first worker; worker i adds i to the port):\n");
        for (size_t i = 0; i < result->candidate_count; i++) {
            struct strbuf line;
            strbuf_init(&line, MAX_CANDIDATE_LINE_LEN);
            if (candidate_write(&result->candidate[i], &line))
                printf("  %s\n", line.p);
            strbuf_fini(&line);
        }
        if (result->candidate_count == 0)
            printf("  nothing: no client will connect\n");
        if (result->left_out_count > 0)
            printf("Left out:\n");
        for (size_t i = 0; i < result->left_out_count; i++)
            printf("  %s  %s\n", addr_ip_text(&result->left_out[i].addr, text),
                   result->left_out[i].reason);
        err = result->candidate_count > 0 ? 0 : E_INVALID;
    }
    mem_free(n);
    mem_free(result);
    return err;
}

/* ---- media workers ---- */

static int open_host(struct program *p, const struct network *n, unsigned index)
{
    const struct sfu_host_config config = {
        .index = index,
        .listen = n->listen,
        .listen_count = n->listen_count,
        .udp = p->config->media_udp,
        .gso = p->config->media_gso,
        .max_window_us = p->config->media_window_us,
        .tcp = p->config->media_tcp,
        .cpu = -1,
        .dtls = p->dtls,
        .control = p->control,
    };
    struct addr failed, bound[MAX_LISTEN_ADDRS];
    char text[ADDR_TEXT_LEN];
    struct announce_result *result;
    int err =
        sfu_host_open(&p->host[index], &config, registry_host_handlers(), p->registry, &failed);

    if (err != 0) {
        log_error(LOG_MAIN, NULL, "cannot open %s for media: %s (media.listen)",
                  addr_text(&failed, text), err_text(err));
        return err;
    }
    p->host_count = index + 1;
    result = MEM_NEW(struct announce_result);
    network_decide(n, p->config, bound, sfu_host_locals(p->host[index], bound, MAX_LISTEN_ADDRS),
                   index, result);
    if (result->candidate_count == 0)
        log_warn(LOG_NET, NULL,
                 "worker %u has no address to announce: no client will connect (--check-network "
                 "tells why)",
                 index);
    for (size_t i = 0; i < result->candidate_count; i++)
        log_debug(LOG_NET, NULL, "worker %u announces %s %s", index,
                  addr_text(&result->candidate[i].addr, text),
                  result->candidate[i].protocol == CANDIDATE_UDP ? "udp" : "tcp");
    err =
        registry_add_host(p->registry, p->host[index], result->candidate, result->candidate_count);
    mem_free(result);
    return err;
}

static int open_hosts(struct program *p)
{
    struct network *n = MEM_NEW(struct network);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned wanted = p->config->workers != 0 ? p->config->workers : (unsigned)MAX(cores, 1L);
    int err = network_read(n, p->config);

    for (size_t i = 0; i < n->listen_count && err == 0; i++)
        if (n->listen[i].port != 0 && n->listen[i].port + wanted - 1 > UINT16_MAX) {
            log_error(LOG_MAIN, NULL, "media.listen: port %u and %u workers pass 65535",
                      n->listen[i].port, wanted);
            err = E_INVALID;
        }
    for (unsigned i = 0; i < MIN(wanted, (unsigned)MAX_WORKERS) && err == 0; i++)
        err = open_host(p, n, i);
    mem_free(n);
    return err;
}

static int open_mixers(struct program *p)
{
    int err = mixers_open(&p->mixers, p->config->mixer_threads, p->host, p->host_count, p->control,
                          room_mix_handlers(), p->registry);

    if (err != 0)
        log_error(LOG_MAIN, NULL, "cannot start the mixers: %s", err_text(err));
    registry_set_mixers(p->registry, p->mixers);
    return err;
}

/* ---- pages ---- */

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The pages lie beside the program: build/parley and web/, or bin/parley and share/parley/web/. */
static int find_web_root(struct program *p)
{
    static const char *const beside[] = {"../web", "web", "../share/parley/web"};
    char exe[PATH_MAX] = "";
    ssize_t n;

    if (p->config->http_web_root[0] != 0) {
        if (is_folder(p->config->http_web_root) &&
            realpath(p->config->http_web_root, p->web_root) != NULL)
            return 0;
        log_error(LOG_MAIN, NULL, "http.web_root: \"%s\" is not a folder",
                  p->config->http_web_root);
        return E_INVALID;
    }
    n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    char *slash = n <= 0 ? NULL : strrchr(exe, '/');
    for (size_t i = 0; slash != NULL && i < ARRAY_LEN(beside); i++) {
        char path[PATH_MAX + 32];
        (void)snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - exe), exe, beside[i]);
        if (is_folder(path) && realpath(path, p->web_root) != NULL)
            return 0;
    }
    log_warn(LOG_MAIN, NULL,
             "the web pages are not beside the program: only the API is served (http.web_root)");
    p->web_root[0] = 0;
    return 0;
}

/* ---- start and end ---- */

static int make_certificates(struct program *p)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    struct cert *https = NULL;
    int err = cert_new_self_signed(&p->dtls_cert, "parley", NULL, 0, CERT_DAYS);

    if (err == 0)
        err = dtls_context_new(&p->dtls, p->dtls_cert);
    if (err == 0 && p->config->http_tls_self_signed) {
        err = cert_new_self_signed(&https, "parley", names, ARRAY_LEN(names), CERT_DAYS);
        if (err == 0)
            err = cert_to_pem(https, &p->https_cert_pem, &p->https_key_pem);
        cert_free(&https);
    }
    if (err != 0)
        log_error(LOG_MAIN, NULL, "cannot make a certificate: %s", err_text(err));
    return err;
}

static int open_api(struct program *p)
{
    const struct server_config config = {
        .config = p->config,
        .control = p->control,
        .registry = p->registry,
        .web_root = p->web_root,
        .self_signed_cert_pem = p->https_cert_pem,
        .self_signed_key_pem = p->https_key_pem,
    };
    struct strbuf why;

    strbuf_init(&why, 1024);
    int err = server_open(&p->server, &config, &why);
    if (err != 0)
        log_error(LOG_MAIN, NULL, "%s", why.len > 0 ? why.p : err_text(err));
    strbuf_fini(&why);
    return err;
}

static void on_stop_due(struct deadline *d, uint64_t now_us, void *arg)
{
    struct program *p = arg;

    (void)d;
    (void)now_us;
    worker_stop(p->control);
}

/* First signal: drain, and go when the last words are out. Second: go at once. */
static void on_terminate(int signum, void *arg)
{
    struct program *p = arg;

    log_info(LOG_MAIN, NULL, "signal %d: %s", signum,
             p->is_stopping ? "stopping at once" : "draining");
    if (p->is_stopping) {
        worker_stop(p->control);
        return;
    }
    p->is_stopping = true;
    registry_drain(p->registry);
    server_drain(p->server);
    deadline_set(worker_wheel(p->control), &p->stop, worker_now_us(p->control) + DRAIN_FLUSH_US);
}

static void on_hangup(int signum, void *arg)
{
    struct program *p = arg;

    (void)signum;
    log_info(LOG_MAIN, NULL, "SIGHUP: reading the certificate files again");
    server_reload_certificates(p->server);
}

static int watch_signals(struct program *p)
{
    int err = signal_watch_open(&p->term, p->control, SIGTERM, on_terminate, p);

    if (err == 0)
        err = signal_watch_open(&p->interrupt, p->control, SIGINT, on_terminate, p);
    if (err == 0)
        err = signal_watch_open(&p->hangup, p->control, SIGHUP, on_hangup, p);
    return err;
}

static int start(struct program *p)
{
    struct registry_config registry = {.config = p->config};
    int err;

    deadline_init(&p->stop, on_stop_due, p);
    if ((err = find_web_root(p)) != 0 || (err = rtpsec_library_init()) != 0 ||
        (err = make_certificates(p)) != 0 || (err = worker_open(&p->control, "control")) != 0)
        return err;
    registry.control = p->control;
    cert_fingerprint(p->dtls_cert, &registry.fingerprint);
    if ((err = registry_open(&p->registry, &registry)) != 0 || (err = open_hosts(p)) != 0 ||
        (err = open_mixers(p)) != 0 || (err = open_api(p)) != 0)
        return err;
    return watch_signals(p);
}

static void finish(struct program *p)
{
    signal_watch_close(&p->term);
    signal_watch_close(&p->interrupt);
    signal_watch_close(&p->hangup);
    deadline_clear(&p->stop);
    server_close(&p->server);
    registry_close(&p->registry);
    mixers_stop(p->mixers);
    sfu_hosts_stop(p->host, p->host_count);
    mixers_let_go(p->mixers);
    sfu_hosts_close(p->host, p->host_count);
    mixers_free(&p->mixers);
    worker_close(&p->control);
    dtls_context_free(&p->dtls);
    cert_free(&p->dtls_cert);
    if (p->https_key_pem != NULL)
        mem_wipe(p->https_key_pem, strlen(p->https_key_pem));
    mem_free(p->https_key_pem);
    mem_free(p->https_cert_pem);
    rtpsec_library_fini();
}

static int serve(struct config *config)
{
    struct program *p = MEM_NEW(struct program);
    int err;

    p->config = config;
    config_log(config);
    err = start(p);
    if (err == 0) {
        log_info(LOG_MAIN, NULL, "%u media worker%s, first port %s", p->host_count,
                 p->host_count == 1 ? "" : "s", config->media_listen.item[0]);
        worker_run(p->control);
    }
    finish(p);
    mem_free(p);
    log_info(LOG_MAIN, NULL, err == 0 ? "stopped" : "not started");
    return err;
}

/* ---- command line ---- */

static void print_usage(void)
{
    printf(
        "Parley " PARLEY_VERSION ", a media server for conferencing and live broadcast.\n\n"
        "  parley [SETTINGS]                     run the server in the foreground; logs to "
        "standard error\n"
        "  parley --dev [SETTINGS]               development mode: no tokens, the API on loopback\n"
        "  parley --check-network [SETTINGS]     print the addresses that clients will be given, "
        "and why any was left out\n"
        "  parley token --room R --identity I [--name N] [--grant GRANT]... [--ttl SECONDS] "
        "[SETTINGS]\n"
        "                                        make an access token with the first of auth.keys\n"
        "  parley --version | --help\n\n");
    config_print_help(stdout);
}

/* Take a flag without value out of the arguments. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
    for (int i = 0; i < *argc; i++) {
        if (strcmp(argv[i], flag) != 0)
            continue;
        memmove(&argv[i], &argv[i + 1],
                (size_t)(*argc - i) * sizeof(*argv)); /* the NULL at the end as well */
        (*argc)--;
        return true;
    }
    return false;
}

static struct config *load(int argc, char **argv)
{
    struct config *config = NULL;
    struct strbuf why;

    strbuf_init(&why, 4096);
    if (config_load(&config, argc, argv, environ, &why) != 0)
        fprintf(stderr, "parley: %s\n", why.len > 0 ? why.p : "the settings cannot be read");
    strbuf_fini(&why);
    if (config != NULL && log_set_levels(config->log_level) != 0)
        fprintf(stderr, "parley: log.level: \"%s\" is not understood\n", config->log_level);
    return config;
}

/* Take a flag with its value out of the arguments; NULL when it is not there. */
static const char *take_value(int *argc, char **argv, const char *flag)
{
    for (int i = 0; i + 1 < *argc; i++) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], flag) != 0)
            continue;
        memmove(&argv[i], &argv[i + 2], (size_t)(*argc - i - 1) * sizeof(*argv));
        *argc -= 2;
        return value;
    }
    return NULL;
}

static int read_grants(int *argc, char **argv, struct grants *g, uint64_t *ttl_s,
                       struct refusal *why)
{
    const char *room = take_value(argc, argv, "--room"),
               *identity = take_value(argc, argv, "--identity");
    const char *name = take_value(argc, argv, "--name"), *ttl = take_value(argc, argv, "--ttl"),
               *word;
    int err = 0;

    auth_grants_init(g);
    g->room_join = room != NULL;
    if (!str_copy(g->room, sizeof(g->room), str_of(room)) ||
        !str_copy(g->identity, sizeof(g->identity), str_of(identity)) ||
        !str_copy(g->name, sizeof(g->name), str_of(name))) {
        return refuse(why, E_LIMIT, NULL, "a room, an identity or a name is too long");
    }
    if (ttl != NULL && !str_to_u64(str_of(ttl), TOKEN_MAX_TTL_S, ttl_s))
        return refuse(why, E_INVALID, NULL, "--ttl: a number of seconds up to %llu",
                      TOKEN_MAX_TTL_S);
    while (err == 0 && (word = take_value(argc, argv, "--grant")) != NULL)
        err = auth_set_grant(g, word, why);
    return err;
}

static int run_token(int argc, char **argv)
{
    struct grants *g = MEM_NEW(struct grants);
    struct refusal why = {0};
    uint64_t ttl_s = TOKEN_TTL_S;
    char *token = NULL;
    int err = read_grants(&argc, argv, g, &ttl_s, &why);
    struct config *config = err == 0 ? load(argc, argv) : NULL;

    if (config != NULL && config->auth_keys.count == 0) {
        err = refuse(
            &why, E_INVALID, NULL,
            "no key to sign with: give auth.keys (PARLEY_AUTH_KEYS, or --auth-keys KEY:SECRET)");
    } else if (config != NULL) {
        err = auth_make_token(&token, g, config->auth_keys.item[0], timebase_wall_us() / US_PER_S,
                              ttl_s, &why);
    } else if (err == 0) {
        err = E_INVALID; /* load() has said why */
    }
    if (err == 0)
        printf("%s\n", token);
    else if (why.text[0] != 0)
        fprintf(stderr, "parley token: %s\n", why.text);
    mem_free(token);
    config_free(&config);
    mem_free(g);
    return err;
}

int main(int argc, char **argv)
{
    int err;

    argc--;
    argv++;
    if (take_flag(&argc, argv, "--help") || take_flag(&argc, argv, "-h")) {
        print_usage();
        return 0;
    }
    if (take_flag(&argc, argv, "--version")) {
        printf("parley " PARLEY_VERSION "\n");
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "token") == 0)
        return run_token(argc - 1, argv + 1) == 0 ? 0 : 2;
    if (argc == 1 && strcmp(argv[0], "api-docs") == 0) { /* how docs/api.md is made */
        api_docs_print(stdout);
        return 0;
    }
    bool only_check = take_flag(&argc, argv, "--check-network");
    struct config *config = load(argc, argv);
    if (config == NULL)
        return 2;
    err = only_check ? check_network(config) : serve(config);
    config_free(&config);
    return err == 0 ? 0 : 1;
}
