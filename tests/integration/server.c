/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h. */
#include "tests/integration/server.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "core/check.h"
#include "core/config.h"
#include "core/mailbox.h"
#include "core/mem.h"
#include "core/worker.h"
#include "rooms/registry.h"
#include "rooms/rooms_internal.h"
#include "tests/integration/clock.h"
#include "transport/announce.h"
#include "transport/cert.h"
#include "transport/dtls.h"
#include "transport/rtpsec.h"

#define MAX_LOCALS 4

struct test_server {
    struct config *config;
    struct worker *control;
    struct mailbox *mailbox;
    struct cert *cert;
    struct dtls_context *dtls;
    struct registry *registry;
    struct sfu_host *host[SERVER_MAX_WORKERS];
    struct addr local[SERVER_MAX_WORKERS][MAX_LOCALS];
    size_t local_count[SERVER_MAX_WORKERS];
    unsigned host_count;
};

struct seat {
    struct test_server *server;
    struct participant *participant; /* the control thread's */
    pthread_mutex_t lock;
    struct seat_events events; /* under the lock */
};

/* ---- calls ---- */

struct call {
    struct message message;
    void (*work)(struct test_server *s, void *arg);
    void *arg;
    int done; /* eventfd */
};

static void finish(int done)
{
    uint64_t one = 1;

    CHECK(write(done, &one, sizeof(one)) == (ssize_t)sizeof(one));
}

static void await(int done)
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
    finish(c->done);
}

void test_server_call(struct test_server *s, void (*work)(struct test_server *s, void *arg), void *arg)
{
    struct call c = {.message.deliver = deliver_call, .work = work, .arg = arg, .done = eventfd(0, EFD_CLOEXEC)};

    CHECK(c.done >= 0);
    mailbox_post(s->mailbox, &c.message);
    await(c.done);
}

/* ---- life ---- */

static struct config *load_config(const struct test_server_config *wanted)
{
    char consent[16], grace[16];
    char *const flags[] = {"--dev",
                           "--log-level",
                           "error",
                           "--media-consent-timeout-ms",
                           consent,
                           "--session-grace-ms",
                           grace};
    struct config *config = NULL;
    struct strbuf why;

    g_snprintf(consent, sizeof(consent), "%u", wanted->consent_timeout_ms != 0 ? wanted->consent_timeout_ms : 30000);
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

    CHECK(addr_parse(&listen[0], STR("127.0.0.1:0")) == 0 && addr_parse(&listen[1], STR("[::1]:0")) == 0);
    CHECK(sfu_host_open(&s->host[index], &config, registry_host_handlers(), s->registry, &failed) == 0);
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
    CHECK(registry_add_host(s->registry, s->host[index], result->candidate, result->candidate_count) == 0);
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
    for (unsigned i = 0; i < s->host_count; i++)
        sfu_host_close(&s->host[i]);
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
    finish(q->done);
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
    await(q.done);
    return q.stats;
}

static bool is_idle(void *arg)
{
    struct test_server *s = arg;

    for (unsigned i = 0; i < s->host_count; i++) {
        struct sfu_host_stats stats = test_server_stats(s, i);
        if (stats.sfu.transports + stats.sfu.tracks + stats.sfu.subscriptions + stats.port.tcp_live > 0)
            return false;
    }
    return true;
}

bool test_server_is_idle_soon(struct test_server *s)
{
    return clock_wait(is_idle, s, WAIT_MS);
}

/* ---- seats ---- */

static void on_event(struct participant *p, const struct room_event *event, void *arg)
{
    struct seat *seat = arg;
    struct seat_events *e = &seat->events;

    (void)p;
    pthread_mutex_lock(&seat->lock);
    e->joined += event->kind == ROOM_PARTICIPANT_JOINED;
    e->published += event->kind == ROOM_TRACK_PUBLISHED;
    e->unpublished += event->kind == ROOM_TRACK_UNPUBLISHED;
    e->slots += event->kind == ROOM_SLOTS;
    if (event->kind == ROOM_PARTICIPANT_LEFT) {
        e->left++;
        e->last_left = event->leave_reason;
    } else if (event->kind == ROOM_SLOTS_WANTED) {
        e->wanted_audio = event->audio;
        e->wanted_video = event->video;
    } else if (event->kind == ROOM_TRANSPORT_STATE) {
        g_strlcpy(e->transport_state, event->detail, sizeof(e->transport_state));
    } else if (event->kind == ROOM_CLOSED) {
        e->is_closed = true;
        e->close_reason = event->leave_reason;
        seat->participant = NULL;
    }
    pthread_mutex_unlock(&seat->lock);
}

struct join {
    const char *room, *identity;
    struct seat *seat;
    int err;
};

static void join(struct test_server *s, void *arg)
{
    static const struct participant_handlers handlers = {.on_event = on_event};
    struct join *j = arg;
    struct room_settings settings = registry_default_settings(s->registry);
    const struct participant_params params = {
        .identity = j->identity,
        .permissions = {.publish = true, .subscribe = true, .update_metadata = true, .publish_sources = UINT32_MAX},
        .auto_subscribe = true,
    };
    struct room *r = registry_find_room(s->registry, j->room);
    bool existed;

    if (r == NULL)
        j->err = registry_create_room(s->registry, j->room, &settings, &r, &existed);
    if (j->err == 0)
        j->err = room_join(r, &params, &j->seat->participant);
    if (j->err == 0)
        participant_attach(j->seat->participant, &handlers, j->seat);
}

struct seat *seat_join(struct test_server *s, const char *room, const char *identity)
{
    struct seat *seat = g_new0(struct seat, 1);
    struct join j = {.room = room, .identity = identity, .seat = seat};

    seat->server = s;
    pthread_mutex_init(&seat->lock, NULL);
    test_server_call(s, join, &j);
    if (j.err == 0)
        return seat;
    pthread_mutex_destroy(&seat->lock);
    g_free(seat);
    return NULL;
}

struct offer {
    struct seat *seat;
    const char *sdp;
    char *answer;
    int err;
};

static void offer(struct test_server *s, void *arg)
{
    struct offer *o = arg;
    struct offer_result result;
    struct sdp_error why = {0};

    (void)s;
    o->err = o->seat->participant == NULL
                 ? -1
                 : participant_offer(o->seat->participant, str_of(o->sdp), NULL, 0, &result, &why);
    if (o->err == 0)
        o->answer = g_strdup(result.answer);
}

int seat_offer(struct seat *seat, const char *sdp, char **answer)
{
    struct offer o = {.seat = seat, .sdp = sdp};

    test_server_call(seat->server, offer, &o);
    *answer = o.answer;
    return o.err;
}

static void leave(struct test_server *s, void *arg)
{
    struct seat *seat = arg;

    (void)s;
    participant_leave(&seat->participant, LEAVE_LEFT);
}

static void free_seat(struct seat **seat)
{
    pthread_mutex_destroy(&(*seat)->lock);
    g_free(*seat);
    *seat = NULL;
}

void seat_leave(struct seat **seat)
{
    if (*seat == NULL)
        return;
    test_server_call((*seat)->server, leave, *seat);
    free_seat(seat);
}

static void detach(struct test_server *s, void *arg)
{
    struct seat *seat = arg;

    if (seat->participant != NULL)
        participant_detach(seat->participant, worker_now_us(s->control));
}

void seat_detach(struct seat **seat)
{
    test_server_call((*seat)->server, detach, *seat);
    free_seat(seat);
}

struct report_question {
    struct seat *seat;
    int done;
    struct transport_stats stats;
};

static void on_report(int err, struct sfu_transport_report *report, void *arg)
{
    struct report_question *q = arg;

    q->stats.state = TRANSPORT_CLOSED;
    if (err == 0) {
        q->stats = report->transport;
        mem_free(report->rtp);
    }
    finish(q->done);
}

static void ask_report(struct test_server *s, void *arg)
{
    struct report_question *q = arg;

    (void)s;
    if (q->seat->participant != NULL)
        participant_read_report(q->seat->participant, on_report, q);
    else
        on_report(-1, NULL, q);
}

struct transport_stats seat_transport(struct seat *seat)
{
    struct report_question q = {.seat = seat, .done = eventfd(0, EFD_CLOEXEC)};

    test_server_call(seat->server, ask_report, &q);
    await(q.done);
    return q.stats;
}

struct worker_question {
    struct seat *seat;
    unsigned index;
};

static void ask_worker(struct test_server *s, void *arg)
{
    struct worker_question *q = arg;
    const struct sfu_host *host = q->seat->participant->room->host->host;

    while (s->host[q->index] != host)
        q->index++;
}

unsigned seat_worker(struct seat *seat)
{
    struct worker_question q = {.seat = seat};

    test_server_call(seat->server, ask_worker, &q);
    return q.index;
}

struct seat_events seat_events(struct seat *seat)
{
    struct seat_events copy;

    pthread_mutex_lock(&seat->lock);
    copy = seat->events;
    pthread_mutex_unlock(&seat->lock);
    return copy;
}
