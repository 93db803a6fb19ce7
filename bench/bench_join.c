/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_join.c - what a viewer costs a media worker before the first packet of media: time to join, memory to stay.
 *
 *   control (this thread) ──▶ media worker ◀──loopback──▶ endpoints (a process of their own)
 *
 * All transports are opened, then all endpoints join, then all leave; between the steps the worker's CPU time (of the process
 * less this thread), the heap and the resident set are read. DTLS and the keys of SRTP are measured once more by themselves, in
 * memory, to tell what of a join is theirs.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/join_client.h"
#include "core/check.h"
#include "core/deadline.h"
#include "core/err.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/rng.h"
#include "core/timebase.h"
#include "core/worker.h"
#include "rooms/sfu/sfu_host.h"
#include "transport/cert.h"
#include "transport/fanout_cipher.h"
#include "transport/rtpsec.h"

#define JOINS 2000
#define ALONE 500
#define PATIENCE_US 120000000ull
#define CONSENT_US 600000000ull
#define SUBSCRIPTION_IDS 1000000u

/* Figures at one moment, then differences of two. */
struct reading {
    double worker_us, client_us;
    double heap_bytes, own_bytes, resident_bytes; /* heap: all libraries'; own: of core/mem */
};

struct join_run {
    struct join_endpoint endpoint[JOINS];
    struct worker *control;
    struct cert *cert;
    struct dtls_context *dtls;
    struct fingerprint fingerprint;
    struct sfu_host *host;
    struct deadline patience;
    size_t opened;
    bool has_answer, has_timed_out;
    pid_t client;
    int to_client; /* a pipe: where the server is */
    struct reading open, subscribe, join, leave, whole;
    struct reading dtls_alone, keys_alone;
};

/* --- reading --------------------------------------------------------------------------------------------- */

static double cpu_us(int who)
{
    struct rusage u;

    CHECK(getrusage(who, &u) == 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    CHECK(f != NULL && fscanf(f, "%*u %lu", &pages) == 1);
    (void)fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static struct reading read_now(void)
{
    return (struct reading){.worker_us = cpu_us(RUSAGE_SELF) - cpu_us(RUSAGE_THREAD),
                            .heap_bytes = (double)mallinfo2().uordblks,
                            .own_bytes = (double)mem_live_bytes(),
                            .resident_bytes = resident_bytes()};
}

static struct reading per_one(const struct reading *from, const struct reading *to, double n)
{
    return (struct reading){.worker_us = (to->worker_us - from->worker_us) / n,
                            .heap_bytes = (to->heap_bytes - from->heap_bytes) / n,
                            .own_bytes = (to->own_bytes - from->own_bytes) / n,
                            .resident_bytes = (to->resident_bytes - from->resident_bytes) / n};
}

/* --- the endpoints' process ------------------------------------------------------------------------------ */

static void run_client(struct join_run *r, int from_server)
{
    struct join_client_config config = {.endpoint = r->endpoint,
                                        .count = JOINS,
                                        .dtls = r->dtls,
                                        .server_fingerprint = r->fingerprint};
    bool is_ready =
        read(from_server, &config.server, sizeof(config.server)) == (ssize_t)sizeof(config.server);

    _exit(is_ready && join_client_run(&config) == 0 ? 0 : 1);
}

/* Before there is a thread. */
static int start_client(struct join_run *r)
{
    int fds[2];

    if (pipe(fds) != 0)
        return E_NO_MEMORY;
    r->client = fork();
    if (r->client == 0) {
        (void)close(fds[1]);
        run_client(r, fds[0]);
    }
    (void)close(fds[0]);
    r->to_client = fds[1];
    return r->client > 0 ? 0 : E_NO_MEMORY;
}

/* --- the server ------------------------------------------------------------------------------------------ */

static void on_state(struct sfu_host *h, uint64_t id, enum transport_state state,
                     const char *reason, void *arg)
{
    struct join_run *r = arg;

    (void)h;
    (void)id;
    (void)reason;
    r->opened += state == TRANSPORT_OPEN;
    if (r->opened == JOINS)
        worker_stop(r->control);
}

static void ignore_codec(struct sfu_host *h, uint64_t id, enum codec_id codec, void *arg)
{
    (void)h, (void)id, (void)codec, (void)arg;
}

static void on_stats(int err, const struct sfu_host_stats *stats, void *arg)
{
    struct join_run *r = arg;

    (void)stats;
    CHECK(err == 0);
    worker_stop(r->control);
}

static void on_patience(struct deadline *d, uint64_t now_us, void *arg)
{
    struct join_run *r = arg;

    (void)d;
    (void)now_us;
    r->has_timed_out = true;
    worker_stop(r->control);
}

/* Until the worker has done all that it was told, and the turn is over at whose end memory goes. */
static void wait_for_worker(struct join_run *r)
{
    for (int turn = 0; turn < 2; turn++) {
        sfu_host_read_stats(r->host, on_stats, r);
        worker_run(r->control);
    }
}

static void open_transports(struct join_run *r)
{
    for (size_t i = 0; i < JOINS; i++) {
        struct remote_transport remote = {.ice = r->endpoint[i].local,
                                          .dtls_active = false,
                                          .fingerprint = {r->fingerprint},
                                          .fingerprint_count = 1};
        struct log_ids ids;
        log_ids_set(&ids, "bench=%zu", i);
        sfu_host_transport_open(r->host, i + 1, &r->endpoint[i].remote, &remote, CONSENT_US, &ids);
    }
    wait_for_worker(r);
}

/* A slot for video that nothing is in yet. */
static void open_subscriptions(struct join_run *r)
{
    struct transceiver t = {
        .mid = "0", .kind = MEDIA_VIDEO, .send = true, .codec_count = 1, .ssrc = 0x22222222u};

    t.codec[0] = (struct negotiated_codec){
        .codec = {.id = CODEC_VP8, .clock_hz = 90000}, .pt = 96, .rtx_pt = PT_NONE};
    for (size_t i = 0; i < JOINS; i++)
        sfu_host_subscription_open(r->host, SUBSCRIPTION_IDS + i, i + 1, &t, 0);
    wait_for_worker(r);
}

static int join_all(struct join_run *r)
{
    struct addr server;
    int status = 0;

    (void)sfu_host_locals(r->host, &server, 1);
    if (write(r->to_client, &server, sizeof(server)) != (ssize_t)sizeof(server))
        return E_STATE;
    worker_run(r->control);
    if (r->has_timed_out || waitpid(r->client, &status, 0) != r->client || status != 0)
        return E_TIMEOUT;
    r->client = 0;
    wait_for_worker(r);
    return 0;
}

static void leave_all(struct join_run *r)
{
    for (size_t i = 0; i < JOINS; i++)
        sfu_host_transport_close(r->host, i + 1);
    wait_for_worker(r);
}

static int run_server(struct join_run *r)
{
    struct reading at[5];
    int err = 0;

    at[0] = read_now();
    open_transports(r);
    at[1] = read_now();
    open_subscriptions(r);
    at[2] = read_now();
    err = join_all(r);
    if (err != 0)
        return err;
    at[3] = read_now();
    leave_all(r);
    at[4] = read_now();
    r->open = per_one(&at[0], &at[1], JOINS);
    r->subscribe = per_one(&at[1], &at[2], JOINS);
    r->join = per_one(&at[2], &at[3], JOINS);
    r->leave = per_one(&at[3], &at[4], JOINS);
    r->whole = per_one(&at[0], &at[3], JOINS);
    return 0;
}

/* --- parts by themselves --------------------------------------------------------------------------------- */

/* One end of a handshake in memory. */
struct end {
    struct dtls *dtls;
    struct srtp_keys keys;
    bool is_open;
    size_t queued;
    struct {
        uint8_t data[2048];
        size_t len;
    } queue[8];
};

static void on_end_send(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    struct end *e = arg;

    (void)d;
    CHECK(e->queued < ARRAY_LEN(e->queue) && len <= sizeof(e->queue[0].data));
    memcpy(e->queue[e->queued].data, buf, len);
    e->queue[e->queued++].len = len;
}

static void on_end_open(struct dtls *d, const struct srtp_keys *keys, void *arg)
{
    struct end *e = arg;

    dtls_rest(d); /* as a transport does */
    e->keys = *keys;
    e->is_open = true;
}

static void on_end_data(struct dtls *d, const uint8_t *buf, size_t len, void *arg)
{
    (void)d, (void)buf, (void)len, (void)arg;
}

static void on_end_closed(struct dtls *d, int err, const char *reason, void *arg)
{
    (void)d, (void)err, (void)reason, (void)arg;
}

static void deliver(struct end *from, struct end *to)
{
    for (size_t i = 0; i < from->queued; i++)
        dtls_input(to->dtls, from->queue[i].data, from->queue[i].len);
    from->queued = 0;
}

/* The server's end of a handshake stays; returns the time that it took. */
static double shake_hands(struct join_run *r, struct end *server)
{
    static const struct dtls_handlers handlers = {on_end_send, on_end_open, on_end_data,
                                                  on_end_closed};
    static struct end client;
    double spent = 0, begin = cpu_us(RUSAGE_THREAD);

    *server = (struct end){0};
    client = *server;
    CHECK(dtls_new(&server->dtls, r->dtls, false, &r->fingerprint, 1, &handlers, server) == 0);
    spent += cpu_us(RUSAGE_THREAD) - begin;
    CHECK(dtls_new(&client.dtls, r->dtls, true, &r->fingerprint, 1, &handlers, &client) == 0);
    dtls_start(client.dtls);
    for (int i = 0; i < 4 && !client.is_open; i++) {
        begin = cpu_us(RUSAGE_THREAD);
        deliver(&client, server);
        spent += cpu_us(RUSAGE_THREAD) - begin;
        deliver(server, &client);
    }
    CHECK(server->is_open && client.is_open);
    dtls_free(&client.dtls);
    return spent;
}

static void measure_alone(struct join_run *r)
{
    struct end *end = MEM_NEW(struct end);
    struct dtls **dtls = mem_alloc_array(ALONE, sizeof(*dtls));
    struct rtpsec **rtpsec = mem_alloc_array(ALONE, sizeof(*rtpsec));
    struct fanout_key **key = mem_alloc_array(ALONE, sizeof(*key));
    struct fanout_cipher *cipher = NULL;
    struct reading at[3];
    double us[2] = {0};

    CHECK(fanout_cipher_new(&cipher, FANOUT_BACKEND_AUTO) == 0);
    (void)shake_hands(r, end); /* warm up */
    dtls_free(&end->dtls);
    at[0] = read_now();
    for (size_t i = 0; i < ALONE; i++) {
        us[0] += shake_hands(r, end);
        dtls[i] = end->dtls;
    }
    at[1] = read_now();
    for (size_t i = 0; i < ALONE; i++) {
        uint64_t begin_us = timebase_now_us(); /* shorter than what CPU time is counted in */
        CHECK(rtpsec_new(&rtpsec[i], &end->keys) == 0 &&
              fanout_key_new(&key[i], cipher, &end->keys) == 0);
        us[1] += (double)(timebase_now_us() - begin_us);
    }
    at[2] = read_now();
    r->dtls_alone = per_one(&at[0], &at[1], ALONE);
    r->dtls_alone.worker_us = us[0] / ALONE;
    r->keys_alone = per_one(&at[1], &at[2], ALONE);
    r->keys_alone.worker_us = us[1] / ALONE;
    for (size_t i = 0; i < ALONE; i++) {
        dtls_free(&dtls[i]);
        rtpsec_free(&rtpsec[i]);
        fanout_key_free(&key[i]);
    }
    fanout_cipher_free(&cipher);
    mem_free(key);
    mem_free(rtpsec);
    mem_free(dtls);
    mem_free(end);
}

/* --- the whole ------------------------------------------------------------------------------------------- */

static void ignore_slot(struct sfu_host *h, uint64_t id, const struct sfu_slot_state *state,
                        void *arg)
{
    (void)h, (void)id, (void)state, (void)arg;
}

static void ignore_demand(struct sfu_host *h, uint64_t id, unsigned wanted, void *arg)
{
    (void)h, (void)id, (void)wanted, (void)arg;
}

static int open_run(struct join_run *r)
{
    static const struct sfu_host_handlers handlers = {
        .on_transport_state = on_state,
        .on_track_live = ignore_codec,
        .on_subscription_blocked = ignore_codec,
        .on_subscription_state = ignore_slot,
        .on_track_demand = ignore_demand,
    };
    struct addr listen;
    struct sfu_host_config config = {.listen = &listen, .listen_count = 1, .udp = true, .cpu = -1};
    int err = 0;

    for (size_t i = 0; i < JOINS; i++) {
        rng_secret_ice_chars(r->endpoint[i].local.ufrag, ICE_UFRAG_LEN);
        rng_secret_ice_chars(r->endpoint[i].local.pwd, ICE_PWD_LEN);
        rng_secret_ice_chars(r->endpoint[i].remote.ufrag, ICE_UFRAG_LEN);
        rng_secret_ice_chars(r->endpoint[i].remote.pwd, ICE_PWD_LEN);
    }
    if ((err = cert_new_self_signed(&r->cert, "bench", NULL, 0, 1)) != 0 ||
        (err = dtls_context_new(&r->dtls, r->cert)) != 0)
        return err;
    cert_fingerprint(r->cert, &r->fingerprint);
    if ((err = start_client(r)) != 0 || (err = worker_open(&r->control, "bench")) != 0)
        return err;
    CHECK(addr_parse(&listen, STR("127.0.0.1:0")) == 0);
    config.dtls = r->dtls;
    config.control = r->control;
    deadline_init(&r->patience, on_patience, r);
    deadline_set(worker_wheel(r->control), &r->patience, worker_now_us(r->control) + PATIENCE_US);
    return sfu_host_open(&r->host, &config, &handlers, r, NULL);
}

static void close_run(struct join_run *r)
{
    int status = 0;

    if (r->control != NULL)
        deadline_clear(&r->patience);
    sfu_host_close(&r->host);
    if (r->control != NULL)
        worker_close(&r->control);
    if (r->to_client > 0)
        (void)close(r->to_client); /* a client that still waits for the server ends */
    if (r->client > 0)
        (void)waitpid(r->client, &status, 0);
    dtls_context_free(&r->dtls);
    cert_free(&r->cert);
    mem_free(r);
}

static void report_step(struct document *d, const char *step, const struct reading *f)
{
    const struct doc_param params[] = {{.name = "step", .text = step}};
    struct doc_round *round = document_round(document_row(d, "join-cost", "parley", params, 1));

    document_value(round, "cpu_us", f->worker_us);
    document_value(round, "heap_bytes", f->heap_bytes);
    document_value(round, "own_bytes", f->own_bytes);
    document_value(round, "resident_bytes", f->resident_bytes);
    document_value(round, "per_core_second", f->worker_us > 0 ? 1e6 / f->worker_us : 0);
}

static void report(const struct join_run *r, struct document *d)
{
    static const struct doc_column columns[] = {{"cpu_us", "CPU us", 1, 1},
                                                {"heap_bytes", "heap B", 1, 0},
                                                {"own_bytes", "of it own", 1, 0},
                                                {"resident_bytes", "resident B", 1, 0},
                                                {"per_core_second", "a second and core", 1, 0}};

    report_step(d, "transport opened", &r->open);
    report_step(d, "a subscription opened", &r->subscribe);
    report_step(d, "ICE, DTLS and keys, with sockets", &r->join);
    report_step(d, "DTLS alone, in memory", &r->dtls_alone);
    report_step(d, "keys of SRTP alone", &r->keys_alone);
    report_step(d, "all of it", &r->whole);
    report_step(d, "leaving", &r->leave);
    document_print(d, "join-cost", columns, ARRAY_LEN(columns));
}

int bench_join(const struct bench_options *options, struct document *d)
{
    struct join_run *r = MEM_NEW(struct join_run);
    int err = 0;

    (void)options;                /* it takes as long as the joins take */
    err = log_set_levels("warn"); /* states would fill the screen */
    if (err == 0)
        err = open_run(r);
    if (err == 0)
        err = run_server(r);
    if (err == 0) {
        sfu_host_close(&r->host);
        measure_alone(r);
        report(r, d);
    }
    close_run(r);
    return err;
}
