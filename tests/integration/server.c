/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h. */
#include "tests/integration/server.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "core/check.h"
#include "core/config.h"
#include "core/mailbox.h"
#include "core/mem.h"
#include "core/worker.h"
#include "rooms/mixers.h"
#include "rooms/registry.h"
#include "rooms/room_mix.h"
#include "rooms/rooms_internal.h"
#include "tests/integration/clock.h"
#include "tests/integration/server_internal.h"
#include "transport/announce.h"
#include "transport/cert.h"
#include "transport/dtls.h"
#include "transport/rtpsec.h"

/* ---- calls ---- */

struct call {
    struct message message;
    void (*work)(struct test_server *s, void *arg);
    void *arg;
    int done; /* eventfd */
};

void test_server_finish(int done)
{
    uint64_t one = 1;

    CHECK(write(done, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

void test_server_await(int done)
{
    uint64_t count;

    CHECK(read(done, &count, sizeof(count)) == (ssize_t)sizeof(count));
    close(done);
}

static void deliver_call(struct message *m, void *ctx)
{
    struct call *c = CONTAINER_OF(m, struct call, message);

    if (ctx != NULL)
        c->work(ctx, c->arg);
    test_server_finish(c->done);
}

void test_server_call(struct test_server *s, void (*work)(struct test_server *s, void *arg),
                      void *arg)
{
    struct call c = {
        .message.deliver = deliver_call, .work = work, .arg = arg, .done = eventfd(0, EFD_CLOEXEC)};

    CHECK(c.done >= 0);
    mailbox_post(s->mailbox, &c.message);
    test_server_await(c.done);
}

/* ---- life ---- */

static struct config *load_config(const struct test_server_config *wanted)
{
    char consent[16], grace[16];
    char *const flags[] = {"--dev", "--log-level",        "error", "--media-consent-timeout-ms",
                           consent, "--session-grace-ms", grace};
    struct config *config = NULL;
    struct strbuf why;

    g_snprintf(consent, sizeof(consent), "%u",
               wanted->consent_timeout_ms != 0 ? wanted->consent_timeout_ms : 30000);
    g_snprintf(grace, sizeof(grace), "%u", wanted->grace_ms != 0 ? wanted->grace_ms : 20000);
    strbuf_init(&why, 1024);
    if (config_load(&config, ARRAY_LEN(flags), flags, NULL, &why) != 0)
        g_error("settings: %s", why.p);
    strbuf_fini(&why);
    CHECK(log_set_levels(config->log_level) == 0);
    return config;
}

static void open_host(struct test_server *s, unsigned index)
{
    struct addr listen[2], failed;
    const struct sfu_host_config config = {
        .index = 0, /* each takes any port of its own */
        .listen = listen,
        .listen_count = ARRAY_LEN(listen),
        .udp = true,
        .tcp = true,
        .cpu = -1,
        .dtls = s->dtls,
        .control = s->control,
    };

    CHECK(addr_parse(&listen[0], STR("127.0.0.1:0")) == 0 &&
          addr_parse(&listen[1], STR("[::1]:0")) == 0);
    CHECK(sfu_host_open(&s->host[index], &config, registry_host_handlers(), s->registry, &failed) ==
          0);
    s->local_count[index] = sfu_host_locals(s->host[index], s->local[index], MAX_LOCALS);
}

static void add_host(struct test_server *s, unsigned index)
{
    struct announce_result *result = MEM_NEW(struct announce_result);
    const struct announce_input in = {
        .bound = s->local[index],
        .bound_count = s->local_count[index],
        .interface = s->local[index],
        .interface_count = s->local_count[index],
        .udp = true,
        .tcp = true,
    };

    announce_decide(&in, result);
    CHECK(result->candidate_count == 4); /* UDP and TCP of both */
    CHECK(registry_add_host(s->registry, s->host[index], result->candidate,
                            result->candidate_count) == 0);
    mem_free(result);
}

struct test_server *test_server_open(const struct test_server_config *config)
{
    struct test_server *s = g_new0(struct test_server, 1);
    struct registry_config registry = {.control = NULL};

    CHECK(rtpsec_library_init() == 0);
    s->config = load_config(config);
    CHECK(cert_new_self_signed(&s->cert, "parley", NULL, 0, 30) == 0);
    CHECK(dtls_context_new(&s->dtls, s->cert) == 0);
    CHECK(worker_open(&s->control, "control") == 0);
    CHECK(mailbox_open(&s->mailbox, s->control, s) == 0);
    registry.config = s->config;
    registry.control = s->control;
    cert_fingerprint(s->cert, &registry.fingerprint);
    CHECK(registry_open(&s->registry, &registry) == 0);
    s->host_count = config->workers == 0 ? 1 : config->workers;
    CHECK(s->host_count <= SERVER_MAX_WORKERS);
    for (unsigned i = 0; i < s->host_count; i++) {
        open_host(s, i);
        add_host(s, i);
    }
    if (config->mixers > 0) {
        CHECK(mixers_open(&s->mixers, config->mixers, s->host, s->host_count, s->control,
                          room_mix_handlers(), s->registry) == 0);
        registry_set_mixers(s->registry, s->mixers);
    }
    CHECK(worker_start(s->control) == 0);
    return s;
}

void test_server_close(struct test_server **sp)
{
    struct test_server *s = *sp;

    *sp = NULL;
    worker_stop(s->control);
    worker_join(s->control);
    mailbox_close(&s->mailbox);
    registry_close(&s->registry);
    mixers_stop(s->mixers);
    sfu_hosts_stop(s->host, s->host_count);
    mixers_let_go(s->mixers);
    sfu_hosts_close(s->host, s->host_count);
    mixers_free(&s->mixers);
    worker_close(&s->control);
    dtls_context_free(&s->dtls);
    cert_free(&s->cert);
    config_free(&s->config);
    rtpsec_library_fini();
    g_free(s);
}

/* ---- asking ---- */

struct addr test_server_addr(const struct test_server *s, unsigned index, uint8_t family)
{
    for (size_t i = 0; i < s->local_count[index]; i++)
        if (s->local[index][i].family == family)
            return s->local[index][i];
    g_error("no such address");
}

static void count_participants(struct test_server *s, void *arg)
{
    *(size_t *)arg = registry_participant_count(s->registry);
}

size_t test_server_participants(struct test_server *s)
{
    size_t n = 0;

    test_server_call(s, count_participants, &n);
    return n;
}

static void count_rooms(struct test_server *s, void *arg)
{
    *(size_t *)arg = registry_room_count(s->registry);
}

size_t test_server_rooms(struct test_server *s)
{
    size_t n = 0;

    test_server_call(s, count_rooms, &n);
    return n;
}

static void delete_room(struct test_server *s, void *arg)
{
    struct room *r = registry_find_room(s->registry, arg);

    if (r != NULL)
        registry_delete_room(s->registry, r, LEAVE_ROOM_DELETED);
}

void test_server_delete_room(struct test_server *s, const char *name)
{
    char room[64];

    g_strlcpy(room, name, sizeof(room));
    test_server_call(s, delete_room, room);
}

struct stats_question {
    unsigned index;
    int done;
    struct sfu_host_stats stats;
};

static void on_stats(int err, const struct sfu_host_stats *stats, void *arg)
{
    struct stats_question *q = arg;

    CHECK(err == 0);
    q->stats = *stats;
    test_server_finish(q->done);
}

static void ask_stats(struct test_server *s, void *arg)
{
    struct stats_question *q = arg;

    sfu_host_read_stats(s->host[q->index], on_stats, q);
}

struct sfu_host_stats test_server_stats(struct test_server *s, unsigned index)
{
    struct stats_question q = {.index = index, .done = eventfd(0, EFD_CLOEXEC)};

    test_server_call(s, ask_stats, &q);
    test_server_await(q.done);
    return q.stats;
}

static bool is_idle(void *arg)
{
    struct test_server *s = arg;

    for (unsigned i = 0; i < s->host_count; i++) {
        struct sfu_host_stats stats = test_server_stats(s, i);
        if (stats.sfu.transports + stats.sfu.tracks + stats.sfu.subscriptions +
                stats.port.tcp_live >
            0)
            return false;
    }
    return true;
}

bool test_server_is_idle_soon(struct test_server *s)
{
    return clock_wait(is_idle, s, WAIT_MS);
}
