/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h. */
#include "bench/loadgen/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/loadgen/adapter_line.h"
#include "bench/loadgen/child.h"
#include "bench/loadgen/generator.h"
#include "bench/loadgen/http_call.h"
#include "bench/loadgen/http_reply.h"
#include "bench/loadgen/loop.h"
#include "core/addr.h"
#include "core/err.h"
#include "core/mem.h"
#include "core/str.h"
#include "core/timebase.h"

#define PARLEY_READY_US (10 * US_PER_S)
#define ADAPTER_READY_US (60 * US_PER_S)
#define PROBE_INTERVAL_US 50000ull
#define END_US (10 * US_PER_S)
#define MAX_ARGUMENTS 64
#define MAX_LINE_BYTES 65536
#define MAX_URL_LEN 2048

struct server {
    struct generator *generator;
    struct child child;
    struct adapter_line about; /* also filled for Parley */
};

static int say(char why[SERVER_WHY_LEN], int err, const char *what)
{
    (void)snprintf(why, SERVER_WHY_LEN, "%s: %s", what, err_text(err));
    return err;
}

/* ---- Parley ---- */

/* A port that was free just now, for UDP and TCP. @count of them in a row: worker i takes port + i. */
static uint16_t free_port(int type, unsigned count)
{
    for (unsigned tries = 0; tries < 50; tries++) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(any);
        unsigned free = 0;
        uint16_t first = 0;
        for (unsigned i = 0; i < count; i++) {
            int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
            any.sin_port = htons((uint16_t)(first + i));
            if (fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0 &&
                getsockname(fd, (struct sockaddr *)&any, &len) == 0)
                free++;
            if (i == 0)
                first = ntohs(any.sin_port);
            if (fd >= 0)
                close(fd);
        }
        if (free == count && first <= UINT16_MAX - count)
            return first;
    }
    return 0;
}

struct probe {
    struct server *server;
    struct http_call *call;
    char url[64];
    uint64_t next_us;
    bool is_ready;
};

static void on_probed(int err, const struct http_reply *reply, void *arg)
{
    struct probe *p = arg;

    p->call = NULL;
    p->is_ready = err == 0 && reply->status < 500;
}

static bool is_ready(void *arg)
{
    struct probe *p = arg;
    const struct http_request_out request = {.method = "GET", .url = p->url};
    struct loop *l = p->server->generator->loop;

    if (p->is_ready || !child_is_alive(&p->server->child))
        return true;
    if (p->call == NULL && loop_now_us(l) >= p->next_us) {
        p->next_us = loop_now_us(l) + PROBE_INTERVAL_US;
        if (http_call_open(&p->call, l, &request, on_probed, p) != 0)
            p->call = NULL;
    }
    return false;
}

static int wait_for_http(struct server *s, uint16_t port, char why[SERVER_WHY_LEN])
{
    struct probe p = {.server = s};
    struct loop *l = s->generator->loop;

    (void)snprintf(p.url, sizeof(p.url), "http://127.0.0.1:%u/healthz", port);
    (void)loop_run(l, timebase_now_us() + PARLEY_READY_US, is_ready, &p);
    http_call_close(&p.call);
    if (p.is_ready && child_is_alive(&s->child))
        return 0;
    return say(why, child_is_alive(&s->child) ? E_TIMEOUT : E_STATE,
               "the server did not start (see its log)");
}

static size_t split_arguments(char *text, char **argv, size_t n)
{
    char *save = NULL;

    for (char *word = strtok_r(text, " ", &save); word != NULL && n < MAX_ARGUMENTS - 1;
         word = strtok_r(NULL, " ", &save))
        argv[n++] = word;
    return n;
}

static int open_parley(struct server *s, const struct server_config *config,
                       char why[SERVER_WHY_LEN])
{
    uint16_t http = free_port(SOCK_STREAM, 1), media = free_port(SOCK_DGRAM, config->workers);
    char http_listen[32], media_listen[32], workers[16], *more = mem_strdup(config->arguments);
    char *argv[MAX_ARGUMENTS] = {(char *)config->program,
                                 "--dev",
                                 "--http-listen",
                                 http_listen,
                                 "--media-listen",
                                 media_listen,
                                 "--workers",
                                 workers,
                                 "--no-media-tcp",
                                 "--room-max-participants",
                                 "10000"};
    size_t argc = 0;
    int err;

    while (argv[argc] != NULL)
        argc++;
    (void)snprintf(http_listen, sizeof(http_listen), "127.0.0.1:%u", http);
    (void)snprintf(media_listen, sizeof(media_listen), "127.0.0.1:%u", media);
    (void)snprintf(workers, sizeof(workers), "%u", config->workers);
    argv[split_arguments(more, argv, argc)] = NULL;
    err = child_start(&s->child, argv, config->cpu, config->workers, config->log_path, false);
    mem_free(more);
    if (err != 0)
        return say(why, err, config->program);
    (void)snprintf(s->about.name, sizeof(s->about.name), "Parley");
    (void)snprintf(s->about.version, sizeof(s->about.version), "%s", PARLEY_VERSION);
    (void)snprintf(s->about.whip, sizeof(s->about.whip), "http://127.0.0.1:%u/whip/ROOM", http);
    (void)snprintf(s->about.whep, sizeof(s->about.whep), "http://127.0.0.1:%u/whep/ROOM", http);
    s->about.pid[0] = s->child.pid;
    s->about.pid_count = 1;
    return wait_for_http(s, http, why);
}

/* ---- adapters ---- */

static int open_adapter(struct server *s, const struct server_config *config,
                        char why[SERVER_WHY_LEN])
{
    char cpu[16], *argv[] = {"node", (char *)config->adapter, "--cpu", cpu, NULL};
    char *line = mem_alloc(MAX_LINE_BYTES);
    int err;

    (void)snprintf(cpu, sizeof(cpu), "%d", config->cpu);
    /* The adapter is no part of the server: not pinned with it. It pins what it starts. */
    err = child_start(&s->child, argv, -1, 0, config->log_path, true);
    if (err == 0)
        err = child_read_line(&s->child, line, MAX_LINE_BYTES, ADAPTER_READY_US);
    if (err == E_STATE)
        (void)snprintf(why, SERVER_WHY_LEN, "%s ended without a word (see the log)",
                       config->adapter);
    else if (err != 0)
        (void)say(why, err, config->adapter);
    else
        err = adapter_line_parse(&s->about, str_of(line), why, SERVER_WHY_LEN);
    mem_free(line);
    return err;
}

static int take_running(struct server *s, const struct server_config *config,
                        char why[SERVER_WHY_LEN])
{
    if (config->url_whip == NULL || config->url_whep == NULL ||
        !str_copy(s->about.whip, sizeof(s->about.whip), str_of(config->url_whip)) ||
        !str_copy(s->about.whep, sizeof(s->about.whep), str_of(config->url_whep)) ||
        config->pid_count > SERVER_MAX_PIDS)
        return say(why, E_INVALID, "--url-whip, --url-whep");
    (void)snprintf(s->about.name, sizeof(s->about.name), "running server");
    for (size_t i = 0; i < config->pid_count; i++)
        s->about.pid[s->about.pid_count++] = config->pids[i];
    return 0;
}

/* ---- life ---- */

int server_open(struct server **out, const struct server_config *config, char why[SERVER_WHY_LEN])
{
    struct server *s = MEM_NEW(struct server);
    int err;

    s->generator = config->generator;
    child_init(&s->child);
    if (config->adapter != NULL)
        err = open_adapter(s, config, why);
    else if (config->url_whip != NULL || config->url_whep != NULL)
        err = take_running(s, config, why);
    else
        err = open_parley(s, config, why);
    if (err != 0) {
        server_close(&s);
        return err;
    }
    *out = s;
    return 0;
}

void server_close(struct server **sp)
{
    struct server *s = *sp;

    if (s == NULL)
        return;
    *sp = NULL;
    child_end(&s->child, END_US);
    adapter_line_fini(&s->about);
    mem_free(s);
}

const char *server_name(const struct server *s)
{
    return s->about.name;
}

const char *server_version(const struct server *s)
{
    return s->about.version;
}

const char *server_note(const struct server *s, size_t index)
{
    return index < s->about.note_count ? s->about.note[index] : NULL;
}

void server_write_url(const struct server *s, bool is_whep, const char *room, struct strbuf *out)
{
    const char *url = is_whep ? s->about.whep : s->about.whip, *at;

    while ((at = strstr(url, "ROOM")) != NULL) {
        strbuf_add_str(out, (struct str){url, (size_t)(at - url)});
        strbuf_add(out, room);
        url = at + 4;
    }
    strbuf_add(out, url);
}

int server_read_usage(const struct server *s, struct usage *out)
{
    return usage_read(out, s->about.pid, s->about.pid_count);
}
